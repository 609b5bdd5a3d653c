"""Average precision for the bootstrap: images are matched once, then every draw only weighs the boxes. Plain numpy.

The matching and the 101 recalls are COCO's (as published in pycocotools); the tests hold it against faster-coco-eval.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np

from detector.scoring.average_precision import ApName, area_scale
from detector.scoring.flat import Flags, Floats, Frames, Ints, Rows, areas, pair_ious, pair_shares, pairs
from detector.scoring.recording import Still
from detector.scoring.resampling import Draw, DrawnFigure, require_name
from detector.scoring.stills import best_first

MOST_BOXES = 100
IOUS = tuple(np.linspace(0.5, 0.95, 10).tolist())
RECALLS = np.linspace(0, 1, 101)
_SIZES_PX2 = {"ap_small": (0.0, 32.0**2), "ap_medium": (32.0**2, 96.0**2), "ap_large": (96.0**2, 1e10)}


def ap_figure(name: ApName) -> DrawnFigure[Still]:
    """An average precision for `bootstrap`; needs no faster-coco-eval.

    It equals `average_precision`'s up to boxes of exactly equal score, whose order COCO leaves open.

    Raises:
        ValueError: there is no such figure.
    """
    require_name(name, get_args(ApName))
    ious = {"ap50": (0.5,), "ap75": (0.75,)}.get(name, IOUS)
    return _ApFigure(ious, _SIZES_PX2.get(name, (0.0, 1e10)))


@dataclass(frozen=True, slots=True)
class _ApFigure:
    """Mean average precision over `ious`, of lesions whose area lies in `area_px2` (limits included)."""

    ious: tuple[float, ...]
    area_px2: tuple[float, float]

    def __call__(self, stills: Sequence[Still], /) -> float | None:
        """AP of the stills; None without lesions of the size."""
        value = self.prepare(stills, np.zeros(len(stills), np.int64), 1)(np.ones((1, 1), np.int64))[0]
        return None if np.isnan(value) else float(value)

    def prepare(self, stills: Sequence[Still], unit: Ints, units: int) -> Draw:
        """Match once; a draw then only says how often each box counts."""
        frames = Frames.of([s.truth for s in stills], [s.answer for s in stills])
        scale = np.array([area_scale(s) for s in stills], np.float64)
        pairs_ = _Pairs.of(frames, scale, self.area_px2)
        lesions = np.bincount(unit[frames.lesions.frame[pairs_.wanted]], minlength=units)
        curves = [_Curve.of(*pairs_.verdicts(iou)) for iou in self.ious]
        # Precision is read at hits only: what is weaker than the last one changes nothing.
        needed = max(curve.hits[-1] + 1 if len(curve.hits) else 0 for curve in curves)
        owner = unit[frames.answers.frame[pairs_.rows]]

        def value(times: Ints) -> float:
            wanted = int(times @ lesions)
            weights = times[owner[:needed]]
            boxes = np.cumsum(weights)
            return float(np.mean([curve.ap(weights, boxes, wanted) for curve in curves])) if wanted else np.nan

        return lambda times: np.array([value(row) for row in times], np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class _Curve:
    """What became of the boxes at one IoU. Positions are in the order of all boxes that count, best score first.

    Attributes:
        hits: where the boxes are that took a lesion.
        neutral: where the boxes are that are neither right nor wrong.
        neutral_before: per hit, how many of these come before it.
    """

    hits: Ints
    neutral: Ints
    neutral_before: Ints

    @classmethod
    def of(cls, hit: Flags, judged: Flags) -> _Curve:
        hits, neutral = np.flatnonzero(hit), np.flatnonzero(~judged)
        return cls(hits, neutral, np.searchsorted(neutral, hits))

    def ap(self, weights: Ints, boxes: Ints, lesions: int) -> float:
        """Precision averaged over the 101 recalls.

        Args:
            weights: how often each box was drawn.
            boxes: their running sum.
            lesions: how many lesions were drawn.
        """
        left_out = np.append(0, np.cumsum(weights[self.neutral[self.neutral < len(weights)]]))
        judged = boxes[self.hits] - left_out[self.neutral_before]
        hits = np.cumsum(weights[self.hits])
        # Between hits precision only falls.
        precision = np.divide(hits, judged, out=np.zeros(len(hits)), where=judged > 0)
        envelope = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0.0)
        return float(envelope[np.searchsorted(hits / lesions, RECALLS)].mean())


@dataclass(frozen=True, slots=True, eq=False)
class _Pairs:
    """Pairs of a box and what it may take, in the order in which COCO tries them. Targets: lesions, then regions.

    Attributes:
        rows: rows of the boxes that count (of reviewed images, the best hundred of each), best score first.
        outside: per answered box whether it is of another size.
        wanted: per lesion box whether it is reviewed and of the size; others are ignored, but can be taken once.
        box: (P,) row of the box.
        target: (P,) lesion row, or number of lesions + region row.
        overlap: (P,) IoU with a lesion, share of the box in a region.
    """

    rows: Ints
    outside: Flags
    wanted: Flags
    box: Ints
    target: Ints
    overlap: Floats

    @classmethod
    def of(cls, frames: Frames, scale: Floats, area_px2: tuple[float, float]) -> _Pairs:
        answers, lesions, regions = frames.answers, frames.lesions, frames.ignored
        rank = best_first(answers, frames.scores)
        place = np.empty(len(rank), np.int64)
        place[rank] = np.arange(len(rank))
        counts = frames.reviewed[answers.frame] & (place - answers.starts[answers.frame] < MOST_BOXES)
        rows = np.flatnonzero(counts)
        wanted = frames.reviewed[lesions.frame] & _within(lesions, scale, area_px2)
        a, b = pairs(answers, lesions)
        c, d = pairs(answers, regions)
        box, target = np.concatenate([a, c]), np.concatenate([b, d + len(lesions)])
        overlap = np.concatenate(
            [
                pair_ious(answers.boxes[a], lesions.boxes[b]),
                pair_shares(answers.boxes[c], regions.boxes[d]),
            ]
        )
        usable = counts[box] & (overlap >= min(IOUS))
        box, target, overlap = box[usable], target[usable], overlap[usable]
        second_choice = ~np.append(wanted, np.zeros(len(regions), bool))[target]
        order = np.lexsort((-target, -overlap, second_choice, place[box]))  # of equals COCO takes the last
        return cls(
            rows=rows[np.argsort(-frames.scores[rows], kind="stable")],
            outside=~_within(answers, scale, area_px2),
            wanted=wanted,
            box=box[order],
            target=target[order],
            overlap=overlap[order],
        )

    def verdicts(self, iou: float) -> tuple[Flags, Flags]:
        """Which of `rows` are right at an IoU, and which are right or wrong."""
        lesions = len(self.wanted)
        taken = [-1] * len(self.outside)
        free = [True] * lesions
        close = self.overlap >= iou
        for box, target in zip(self.box[close].tolist(), self.target[close].tolist(), strict=True):
            if taken[box] < 0 and (target >= lesions or free[target]):
                taken[box] = target
                if target < lesions:  # a region can be taken any number of times
                    free[target] = False
        found = np.array(taken, np.int64)
        hit = np.append(self.wanted, False)[np.where(found < lesions, found, -1)] & (found >= 0)
        judged = hit | ((found < 0) & ~self.outside)
        return hit[self.rows], judged[self.rows]


def _within(rows: Rows, scale: Floats, area_px2: tuple[float, float]) -> Flags:
    area = areas(rows.boxes) * scale[rows.frame]
    return np.asarray((area >= area_px2[0]) & (area <= area_px2[1]))
