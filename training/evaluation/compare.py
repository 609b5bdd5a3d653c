"""Is one model better than another? The same images, drawn together: a paired bootstrap over patients or sequences.

'Not worse' is a claim that needs proof, too: the whole interval of the difference must lie above minus the margin. A
set that is too small to prove either is said to be too small.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from detector.errors import FormatError, UsageError
from detector.scoring import ap_figure, box_figure, lesion_figure, paired_bootstrap, unit_of
from detector.scoring.intervals import HIT_IOU, LOOSE_IOU, Verdict, judge, units_that_count
from training.evaluation.rows import Row, over
from training.evaluation.run import Evaluation
from training.evaluation.sequences import sequences_of
from training.evaluation.store import Predictions, read_predictions, same_images

_ALL = 0.0
"""Boxes below a model's own threshold are cut off before anything is counted, so every box that is left counts."""

FIGURES: dict[str, tuple[Callable[[Sequence[Any]], float | None], bool]] = {
    "ap50": (ap_figure("ap50"), True),
    "ap50_95": (ap_figure("ap50_95"), True),
    "recall": (box_figure("recall", _ALL, HIT_IOU), True),
    "recall_iou20": (box_figure("recall", _ALL, LOOSE_IOU), True),
    "precision": (box_figure("precision", _ALL, HIT_IOU), True),
    "f1": (box_figure("f1", _ALL, HIT_IOU), True),
    "frame_sensitivity": (box_figure("frame_sensitivity", _ALL, HIT_IOU), True),
    "frame_specificity": (box_figure("frame_specificity", _ALL, HIT_IOU), True),
    "negatives_with_false_box": (box_figure("negatives_with_false_box", _ALL, HIT_IOU), False),
    "lesion_sensitivity": (lesion_figure("lesion_sensitivity", _ALL, LOOSE_IOU), True),
}
"""Per figure: how it is made, and whether more is better."""
_OF_ALL_BOXES = frozenset({"ap50", "ap50_95"})
_OF_SEQUENCES = frozenset({"lesion_sensitivity"})


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two models on the same images. Positive differences are improvements, also where less is better.

    Attributes:
        figure: which one.
        candidate: its value for the candidate, at the candidate's own threshold.
        current: its value for the current model, at its own threshold.
        gain: candidate - current, turned round where less is better; None if it cannot be given.
        low: lower end of the gain's 95 % interval.
        high: upper end.
        over: the units that were drawn, in words.
        margin: how much worse would still be called not worse.
        verdict: what the interval proves.
        reason: one sentence for a reader.
    """

    figure: str
    candidate: float | None
    current: float | None
    gain: float | None
    low: float | None
    high: float | None
    over: str
    margin: float
    verdict: Verdict
    reason: str

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready; None stays None."""
        return asdict(self)


def compare_models(
    candidate: Evaluation | Predictions | Path,
    current: Evaluation | Predictions | Path,
    figure: str = "ap50",
    margin: float = 0.01,
    draws: int = 2000,
    seed: int = 1,
) -> Comparison:
    """Compare two models on the same images, each at its own operating point.

    Args:
        candidate: an evaluation, its predictions, or the folder or file that holds them.
        current: likewise.
        figure: one of `FIGURES`.
        margin: of non-inferiority, in the figure's own unit; not negative.
        draws: of the bootstrap.
        seed: of the bootstrap.

    Raises:
        UsageError: there is no such figure, or the margin is negative.
        FormatError: the two were not measured on the same images with the same labels, or a file cannot be read.
    """
    if figure not in FIGURES:
        raise UsageError(f"There is no figure '{figure}' to compare.", f"Known: {', '.join(FIGURES)}.")
    if not margin >= 0:
        raise UsageError("A margin cannot be negative.", "Say how much worse would not matter, such as 0.01.")
    a, b = _predictions(candidate), _predictions(current)
    differ = same_images(a.rows, b.rows)
    if differ:
        raise FormatError(f"The two models were not measured on the same data: {differ}.", "Evaluate both on one set.")
    make, more_is_better = FIGURES[figure]
    ours, theirs = _items(a, figure), _items(b, figure)
    value_a, value_b = make(ours), make(theirs)
    words = over([r for r in a.rows if r.truth.reviewed])
    drawn = paired_bootstrap(ours, theirs, unit_of, make, draws, seed)
    if value_a is None or value_b is None or drawn is None:
        why = "there are fewer than two units" if value_a is not None and value_b is not None else "nothing to measure"
        return Comparison(figure, value_a, value_b, None, None, None, words, margin, "too small to tell", f"{why}.")
    sign = 1 if more_is_better else -1
    low, high = sorted((sign * drawn.low, sign * drawn.high))
    verdict, reason = judge(low, high, margin, units_that_count(ours, make))
    return Comparison(figure, value_a, value_b, sign * (value_a - value_b), low, high, words, margin, verdict, reason)


def _predictions(source: Evaluation | Predictions | Path) -> Predictions:
    if isinstance(source, Evaluation):
        return source.predictions
    return source if isinstance(source, Predictions) else read_predictions(source)


def _items(found: Predictions, figure: str) -> list[Any]:
    """Stills or recordings with the boxes that count; none if the figure cannot be made of this set."""
    rows = found.rows if figure in _OF_ALL_BOXES else [_cut(r, found.model.threshold) for r in found.rows]
    if figure not in _OF_SEQUENCES:
        return [r.still for r in rows if r.truth.reviewed]
    sequences = sequences_of(rows)
    return sequences.recordings if sequences.lesions_known else []


def _cut(row: Row, threshold: float) -> Row:
    counts = row.answer.scores >= np.float32(threshold)
    return replace(row, answer=replace(row.answer, boxes=row.answer.boxes[counts], scores=row.answer.scores[counts]))
