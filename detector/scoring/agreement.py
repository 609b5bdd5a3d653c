"""How far two readers agree: F1 between their boxes, Cohen's kappa between their frames.

Definitions: docs/scoring.md, 'Agreement of readers'.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from detector.geometry import Boxes
from detector.scoring.flat import Flags, pair_ious, pair_shares, share
from detector.scoring.recording import Truth
from detector.scoring.stills import NEUTRAL_SHARE


@dataclass(frozen=True, slots=True)
class BoxAgreement:
    """Boxes of two readers over the frames that both reviewed.

    Attributes:
        frames: frames that both reviewed.
        boxes_a: boxes of the first reader, without neutral ones.
        boxes_b: of the second.
        neutral: unpaired boxes that lie in the other reader's ignored regions.
        pairs: boxes that belong together: one to one, IoU >= `iou`, as many as possible.
        iou: from which IoU two boxes agree.
        f1: 2 pairs / (boxes_a + boxes_b); None without boxes.
    """

    frames: int
    boxes_a: int
    boxes_b: int
    neutral: int
    pairs: int
    iou: float
    f1: float | None

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready; None stays None."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class FrameAgreement:
    """Lesion or no lesion, by two readers, over the frames that both decided.

    Attributes:
        frames: frames that both reviewed and decided (a frame of a reader with ignored regions only is undecided).
        undecided: frames that both reviewed and at least one left undecided.
        both: both see a lesion.
        only_a: only the first does.
        only_b: only the second does.
        neither: none does.
        observed: (both + neither) / frames.
        kappa: Cohen's; None without frames, or if both readers gave one and the same answer throughout.
    """

    frames: int
    undecided: int
    both: int
    only_a: int
    only_b: int
    neither: int
    observed: float | None
    kappa: float | None

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready; None stays None."""
        return asdict(self)


def box_agreement(a: Sequence[Truth], b: Sequence[Truth], iou: float = 0.5) -> BoxAgreement:
    """F1 between the boxes of two readers of the same frames; it does not matter who is first.

    Raises:
        ValueError: not as many frames from both.
    """
    both = _both_reviewed(a, b)
    tallies = np.array([_agree(x, y, iou) for x, y in both], np.int64).reshape(-1, 4).sum(axis=0)
    boxes_a, boxes_b, neutral, pairs = tallies.tolist()
    return BoxAgreement(len(both), boxes_a, boxes_b, neutral, pairs, iou, share(2 * pairs, boxes_a + boxes_b))


def _agree(a: Truth, b: Truth, iou: float) -> tuple[int, int, int, int]:
    """Boxes of the first that count, of the second, neutral ones, pairs; in one frame."""
    neutral_a, neutral_b = _covered(a.boxes, b.ignored), _covered(b.boxes, a.ignored)
    row_a, row_b = _crossed(a.boxes, b.boxes)
    close = (pair_ious(row_a, row_b) >= iou).reshape(len(a.boxes), len(b.boxes))
    if not close.any():
        paired_a = paired_b = np.zeros(0, np.int64)
    else:
        from scipy.optimize import linear_sum_assignment

        # First as many pairs as possible; among these, those that leave the most neutral boxes over.
        most = len(a.boxes) + len(b.boxes) + 1
        worth = np.where(close, most - neutral_a[:, None].astype(int) - neutral_b[None, :].astype(int), 0)
        paired_a, paired_b = linear_sum_assignment(worth, maximize=True)
        real = close[paired_a, paired_b]
        paired_a, paired_b = paired_a[real], paired_b[real]
    neutral_a[paired_a] = False
    neutral_b[paired_b] = False
    left_a, left_b = int(neutral_a.sum()), int(neutral_b.sum())
    return len(a.boxes) - left_a, len(b.boxes) - left_b, left_a + left_b, len(paired_a)


def _crossed(a: Boxes, b: Boxes) -> tuple[Boxes, Boxes]:
    """Every box of `a` beside every box of `b`, row by row."""
    return np.repeat(a, len(b), axis=0), np.tile(b, (len(a), 1))


def _covered(boxes: Boxes, regions: Boxes) -> Flags:
    """Which boxes lie by at least half of their area in one of the regions."""
    shares = pair_shares(*_crossed(boxes, regions)).reshape(len(boxes), len(regions))
    return np.asarray(np.any(shares >= NEUTRAL_SHARE, axis=1))


def _both_reviewed(a: Sequence[Truth], b: Sequence[Truth]) -> list[tuple[Truth, Truth]]:
    if len(a) != len(b):
        raise ValueError(f"{len(a)} frames of one reader, {len(b)} of the other")
    return [(x, y) for x, y in zip(a, b, strict=True) if x.reviewed and y.reviewed]


def frame_agreement(a: Sequence[Truth], b: Sequence[Truth]) -> FrameAgreement:
    """Cohen's kappa of two readers of the same frames.

    Raises:
        ValueError: not as many frames from both.
    """
    said = [(_says(x), _says(y)) for x, y in _both_reviewed(a, b)]
    decided = [(x, y) for x, y in said if x is not None and y is not None]
    count = Counter(decided)
    frames, both, neither = len(decided), count[True, True], count[False, False]
    positive_a, positive_b = both + count[True, False], both + count[False, True]
    kappa = None
    # In whole numbers, so that readers who never differ in their one answer are found exactly.
    chance = positive_a * positive_b + (frames - positive_a) * (frames - positive_b)
    if chance < frames**2:
        kappa = ((both + neither) * frames - chance) / (frames**2 - chance)
    return FrameAgreement(
        frames=frames,
        undecided=len(said) - frames,
        both=both,
        only_a=count[True, False],
        only_b=count[False, True],
        neither=neither,
        observed=share(both + neither, frames),
        kappa=kappa,
    )


def _says(truth: Truth) -> bool | None:
    """Whether the reader sees a lesion; None if they saw something that they would not box."""
    if len(truth.boxes):
        return True
    return None if len(truth.ignored) else False
