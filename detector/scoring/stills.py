"""Boxes on single frames at a threshold: recall, precision, F1, per-frame sensitivity and specificity.

Definitions: docs/scoring.md, 'Boxes on frames'.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from detector.scoring.flat import Floats, Frames, Ints, Rows, any_per_row, pair_ious, pair_shares, pairs, share
from detector.scoring.recording import Scores, Still
from detector.scoring.resampling import RatioFigure, require_name

HIT, NEUTRAL, FALSE = 1, 0, -1
"""Verdicts in `Matches.verdicts`."""
NEUTRAL_SHARE = 0.5
"""From which share of its area in an ignored region a box is neutral."""
STEPS = tuple(k / 100 for k in range(5, 96))
"""The operating thresholds that are tried."""

BoxFigureName = Literal[
    "recall",
    "precision",
    "f1",
    "frame_sensitivity",
    "frame_specificity",
    "false_boxes_per_negative_frame",
    "negatives_with_false_box",
]


@dataclass(frozen=True, slots=True)
class BoxFigures:
    """What was measured on reviewed images at one threshold. Shares are 0 to 1; None: nothing to divide by.

    Attributes:
        threshold: the score from which a box counts.
        iou: from which IoU a box hits a lesion.
        frames: reviewed images.
        frames_failed: of these, with status ``failed``.
        frames_skipped: of these, with status ``skipped``.
        positive_frames: with at least one lesion box.
        positive_frames_hit: of these, with at least one lesion hit.
        negative_frames: without lesion box and ignored region, and not failed in silence.
        negative_frames_clean: of these, without a false box.
        lesions: lesion boxes.
        hits: lesion boxes that were hit; as many boxes hit one.
        false_boxes: boxes that hit nothing and do not lie in an ignored region.
        neutral_boxes: boxes that hit nothing, but lie in an ignored region.
        false_boxes_on_negatives: false boxes on negative frames.
        recall: hits / lesions.
        precision: hits / (hits + false boxes); None without lesions, too.
        f1: 2 hits / (lesions + hits + false boxes); None without lesions.
        frame_sensitivity: positive frames hit / positive frames.
        frame_specificity: clean negative frames / negative frames.
        false_boxes_per_negative_frame: false boxes on negative frames / negative frames.
        negatives_with_false_box: 1 - specificity.
    """

    threshold: float
    iou: float
    frames: int
    frames_failed: int
    frames_skipped: int
    positive_frames: int
    positive_frames_hit: int
    negative_frames: int
    negative_frames_clean: int
    lesions: int
    hits: int
    false_boxes: int
    neutral_boxes: int
    false_boxes_on_negatives: int
    recall: float | None
    precision: float | None
    f1: float | None
    frame_sensitivity: float | None
    frame_specificity: float | None
    false_boxes_per_negative_frame: float | None
    negatives_with_false_box: float | None

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready; None stays None."""
        return asdict(self)


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """Every box of the reviewed images with its verdict, for all thresholds at once.

    Greedy matching goes best score first, so what a box takes does not depend on weaker boxes: those that count at a
    threshold have the same verdicts as if the others were not there. Rows are in the order of stills, best score first.

    Attributes:
        iou: from which IoU a box hits a lesion.
        scores: float32 (N,).
        verdicts: int8 (N,): `HIT`, `NEUTRAL` or `FALSE`.
        still: (N,) index into the stills that were given.
        box: (N,) index into that still's answer.
        lesion: (N,) index into that still's lesion boxes, -1 where none was taken.
        reviewed: bool (S,) per still; the others have no rows and enter nothing.
        failed: bool (S,).
        skipped: bool (S,).
        lesions: int64 (S,): how many lesion boxes each still has (0 if it is not reviewed).
        negative: bool (S,): reviewed, without lesion box and ignored region, and not failed in silence.
    """

    iou: float
    scores: Scores
    verdicts: npt.NDArray[np.int8]
    still: npt.NDArray[np.int64]
    box: npt.NDArray[np.int64]
    lesion: npt.NDArray[np.int64]
    reviewed: npt.NDArray[np.bool_]
    failed: npt.NDArray[np.bool_]
    skipped: npt.NDArray[np.bool_]
    lesions: npt.NDArray[np.int64]
    negative: npt.NDArray[np.bool_]

    def figures(self, threshold: float) -> BoxFigures:
        """All figures at a threshold, without matching again."""
        tally = self.tally(threshold)
        hits, false, neutral = (int(tally[k].sum()) for k in ("hits", "false", "neutral"))
        lesions, negatives = int(self.lesions.sum()), int(self.negative.sum())
        positives, found = int((self.lesions > 0).sum()), int((tally["hits"] > 0).sum())
        alarmed = int((self.negative & (tally["false"] > 0)).sum())
        false_on_negatives = int(tally["false"][self.negative].sum())
        return BoxFigures(
            threshold=threshold,
            iou=self.iou,
            frames=int(self.reviewed.sum()),
            frames_failed=int(self.failed.sum()),
            frames_skipped=int(self.skipped.sum()),
            positive_frames=positives,
            positive_frames_hit=found,
            negative_frames=negatives,
            negative_frames_clean=negatives - alarmed,
            lesions=lesions,
            hits=hits,
            false_boxes=false,
            neutral_boxes=neutral,
            false_boxes_on_negatives=false_on_negatives,
            recall=share(hits, lesions),
            precision=share(hits, hits + false) if lesions else None,
            f1=self.f1(threshold),
            frame_sensitivity=share(found, positives),
            frame_specificity=share(negatives - alarmed, negatives),
            false_boxes_per_negative_frame=share(false_on_negatives, negatives),
            negatives_with_false_box=share(alarmed, negatives),
        )

    def tally(self, threshold: float) -> dict[str, Ints]:
        """(S,) boxes of each still that count at a threshold, by verdict: ``hits``, ``false``, ``neutral``."""
        counts = self.scores >= np.float32(threshold)
        stills = len(self.reviewed)
        return {
            name: np.bincount(self.still[counts & (self.verdicts == verdict)], minlength=stills)
            for name, verdict in (("hits", HIT), ("false", FALSE), ("neutral", NEUTRAL))
        }

    def f1(self, threshold: float) -> float | None:
        """F1 at a threshold; None without lesions."""
        verdicts = self.verdicts[self.scores >= np.float32(threshold)]
        hits, false = int((verdicts == HIT).sum()), int((verdicts == FALSE).sum())
        lesions = int(self.lesions.sum())
        return 2 * hits / (lesions + hits + false) if lesions else None


def match_boxes(stills: Sequence[Still], iou: float = 0.5) -> Matches:
    """Match each reviewed image's boxes to its lesions: best score first, each lesion once.

    Raises:
        ValueError: an answer has another number of scores than of boxes.
    """
    frames = Frames.of([s.truth for s in stills], [s.answer for s in stills])
    answers, lesions = frames.answers, frames.lesions
    rank = best_first(answers, frames.scores)
    taken = _greedy(frames, rank, iou)
    box, region = pairs(answers, frames.ignored)
    shares = pair_shares(answers.boxes[box], frames.ignored.boxes[region])
    neutral = any_per_row(len(answers), box, shares >= NEUTRAL_SHARE)
    verdicts = np.where(taken >= 0, HIT, np.where(neutral, NEUTRAL, FALSE)).astype(np.int8)
    rows = rank[frames.reviewed[answers.frame[rank]]]
    return Matches(
        iou=iou,
        scores=frames.scores[rows],
        verdicts=verdicts[rows],
        still=answers.frame[rows],
        box=answers.position[rows],
        lesion=np.where(taken >= 0, taken - lesions.starts[answers.frame], -1)[rows],
        reviewed=frames.reviewed,
        failed=frames.failed,
        skipped=frames.skipped,
        lesions=np.where(frames.reviewed, lesions.counts, 0),
        negative=frames.negative,
    )


def best_first(answers: Rows, scores: Scores) -> Ints:
    """Row indices frame by frame, best score first; of equals the first in the answer first."""
    return np.lexsort((-scores, answers.frame))


def _greedy(frames: Frames, rank: Ints, iou: float) -> Ints:
    """Per answered box the row of the lesion that it takes, -1 for none.

    Only pairs that are close enough can be taken: going through these by rank of the box, then by falling IoU, is the
    same as letting each box choose among all free lesions.
    """
    answers, lesions = frames.answers, frames.lesions
    box, lesion = pairs(answers, lesions)
    ious = pair_ious(answers.boxes[box], lesions.boxes[lesion])
    close = ious >= iou
    box, lesion, ious = box[close], lesion[close], ious[close]
    order_of = np.empty(len(rank), np.int64)
    order_of[rank] = np.arange(len(rank))
    order = np.lexsort((lesion, -ious, order_of[box]))
    return first_come(box[order], lesion[order], len(answers), len(lesions))


def first_come(box: Ints, lesion: Ints, boxes: int, lesions: int) -> Ints:
    """Go through pairs in order; each takes place if both sides are free. Per box the lesion it took, -1 for none."""
    taken, free = [-1] * boxes, [True] * lesions
    for b, k in zip(box.tolist(), lesion.tolist(), strict=True):
        if taken[b] < 0 and free[k]:
            taken[b] = k
            free[k] = False
    return np.array(taken, np.int64)


def box_figures(stills: Sequence[Still], threshold: float, iou: float = 0.5) -> BoxFigures:
    """All figures of a set of images at an operating threshold."""
    return match_boxes(stills, iou).figures(threshold)


def best_f1_threshold(matches: Matches) -> float:
    """The score that maximises F1, in steps of 0.01 from 0.95 down to 0.05; of equals the highest, which alarms least.

    Raises:
        ValueError: there is no lesion, and so no F1.
    """
    if not matches.lesions.any():
        raise ValueError("without lesions there is no F1 to choose a threshold by")
    return max(reversed(STEPS), key=lambda step: matches.f1(step) or 0.0)  # max keeps the first of equals


def threshold_for_negatives(stills: Sequence[Still], share: float) -> float | None:
    """The lowest step (0.05 to 0.95 by 0.01) at which at most `share` of the negative frames have a false box.

    None if there are no negative frames or no step is high enough.
    """
    frames = Frames.of([s.truth for s in stills], [s.answer for s in stills])
    best = np.full(len(stills), -np.inf, np.float32)
    np.maximum.at(best, frames.answers.frame, frames.scores)
    best = best[frames.negative]
    if len(best) == 0:
        return None
    return next((step for step in STEPS if np.mean(best >= np.float32(step)) <= share), None)


def box_figure(name: BoxFigureName, threshold: float, iou: float = 0.5) -> RatioFigure[Still]:
    """One figure by name, for `bootstrap`: matched once, then only per-unit sums are drawn.

    Raises:
        ValueError: there is no such figure.
    """
    require_name(name, get_args(BoxFigureName))

    def terms(stills: Sequence[Still]) -> Floats:
        matches = match_boxes(stills, iou)
        tally = matches.tally(threshold)
        hits, false, lesions, negative = tally["hits"], tally["false"], matches.lesions, matches.negative
        positive = lesions > 0
        columns = {
            "recall": (hits, lesions, lesions),
            "precision": (hits, hits + false, lesions),
            "f1": (2 * hits, lesions + hits + false, lesions),
            "frame_sensitivity": (hits > 0, positive, positive),
            "frame_specificity": (negative & (false == 0), negative, negative),
            "false_boxes_per_negative_frame": (negative * false, negative, negative),
            "negatives_with_false_box": (negative & (false > 0), negative, negative),
        }[name]
        return np.stack(columns, axis=1).astype(np.float64)

    return RatioFigure(terms)
