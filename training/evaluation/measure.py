"""All figures of a scored set: single images, and parts of it by data set, centre and size.

Definitions: docs/scoring.md; the counting is `detector.scoring`'s, this module says what is counted over what.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from detector.geometry import area, as_boxes
from detector.scoring import FALSE, AveragePrecision, Still, ap_figure, average_precision, box_figure, match_boxes
from detector.scoring.resampling import RatioFigure
from training.evaluation.figures import HIT_IOU, LOOSE_IOU
from training.evaluation.intervals import Draws, Figure
from training.evaluation.rows import Row, over

SIZES = ("small", "medium", "large")
_SIDE_PX = 640
_LIMITS_PX2 = (32**2, 96**2)
"""COCO's size classes, on an image whose long side is 640 px (docs/scoring.md)."""


@dataclass(frozen=True, slots=True)
class Section:
    """Figures of one part of a set.

    Attributes:
        images: images that something is known of.
        lesions: lesion boxes on them.
        negative_images: images without a polyp.
        over: what intervals are drawn over, in words.
        figures: by name.
    """

    images: int
    lesions: int
    negative_images: int
    over: str
    figures: dict[str, Figure]

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        counts = {"images": self.images, "lesions": self.lesions, "negative_images": self.negative_images}
        return counts | {"over": self.over, "figures": {k: f.as_dict() for k, f in self.figures.items()}}


def measure_stills(rows: Sequence[Row], threshold: float, draws: int, seed: int) -> Section:
    """Average precision and the figures at the operating point, each with its interval."""
    known = [r for r in rows if r.truth.reviewed]
    items = [r.still for r in known]
    how = Draws(draws, seed, over(known))
    figures = _ap(items, how)
    for suffix, iou in (("", HIT_IOU), ("_iou20", LOOSE_IOU)):
        for name in ("recall", "precision", "f1", "frame_sensitivity"):
            figures[name + suffix] = _box(items, name, threshold, iou, how)
    for name in ("frame_specificity", "negatives_with_false_box", "false_boxes_per_negative_frame"):
        figures[name] = _box(items, name, threshold, HIT_IOU, how)
    figures["false_boxes_per_image"] = _false_boxes_per_image(items, threshold, how)
    lesions, negatives = sum(len(r.truth.boxes) for r in known), sum(r.negative for r in known)
    return Section(len(known), lesions, negatives, how.over, figures)


def parts(rows: Sequence[Row], by: Literal["source", "centre"]) -> dict[str, list[Row]]:
    """Rows by data set or by centre, for figures that one large set would hide; empty if there is only one part."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        key = row.source if by == "source" else f"{row.source} {row.centre}" if row.centre else ""
        if key:
            groups.setdefault(key, []).append(row)
    return dict(sorted(groups.items())) if len(groups) > 1 else {}


def by_size(rows: Sequence[Row], threshold: float, draws: int, seed: int) -> dict[str, Section]:
    """AP50-95 and recall of small, medium and large lesions; lesions of other sizes are neither hit nor missed."""
    known = [r for r in rows if r.truth.reviewed]
    ap = average_precision([r.still for r in known])
    how = Draws(draws, seed, over(known))
    sections = {}
    for name in SIZES:
        items = [_of_size(r.still, name) for r in known]
        lesions = sum(len(s.truth.boxes) for s in items)
        if lesions:
            figures = {
                "ap50_95": Figure(_ap_of_size(ap, name)),
                "recall": _box(items, "recall", threshold, HIT_IOU, how),
                "recall_iou20": _box(items, "recall", threshold, LOOSE_IOU, how),
            }
            sections[name] = Section(len(items), lesions, 0, how.over, figures)
    return sections


def size_class(row_size: tuple[int, int], box_area_px2: float) -> str:
    """``small``, ``medium`` or ``large``: COCO's classes on an image whose long side is 640 px."""
    scaled = box_area_px2 * (_SIDE_PX / max(row_size)) ** 2
    return SIZES[int(np.searchsorted(_LIMITS_PX2, scaled, side="right"))]


def _ap(items: Sequence[Still], how: Draws) -> dict[str, Figure]:
    """AP with intervals. The values are faster-coco-eval's, the draws recompute them from the same matches."""
    ap = average_precision(items)
    if ap is None:
        return {"ap50": Figure(None), "ap50_95": Figure(None), "ap75": Figure(None)}
    figures: dict[str, Figure] = {}
    names: tuple[Literal["ap50", "ap50_95", "ap75"], ...] = ("ap50", "ap50_95", "ap75")
    for name, value in zip(names, (ap.ap50, ap.ap50_95, ap.ap75), strict=True):
        figures[name] = replace(how.figure(items, ap_figure(name), "other"), value=value)
    return figures


def _box(items: Sequence[Still], name: Any, threshold: float, iou: float, how: Draws) -> Figure:
    return how.figure(
        items, box_figure(name, threshold, iou), "rate" if name == "false_boxes_per_negative_frame" else "share"
    )


def _false_boxes_per_image(items: Sequence[Still], threshold: float, how: Draws) -> Figure:
    """False boxes (IoU 0.5) over all images; matched once, then summed per draw."""

    def terms(drawn: Sequence[Still]) -> npt.NDArray[np.float64]:
        found = match_boxes(drawn, HIT_IOU)
        false = (found.verdicts == FALSE) & (found.scores >= np.float32(threshold))
        per_image = np.bincount(found.still[false], minlength=len(drawn)).astype(np.float64)
        return np.stack([per_image, np.ones(len(drawn)), np.ones(len(drawn))], axis=1)

    return how.figure(items, RatioFigure(terms), "rate")


def _of_size(still: Still, name: str) -> Still:
    """The still with lesions of one size; the others are ignored regions, as in COCO."""
    truth = still.truth
    own = np.array([size_class(still.size, a) == name for a in area(truth.boxes)], bool)
    ignored = np.concatenate([truth.ignored, truth.boxes[~own]]) if len(truth.boxes) else truth.ignored
    return replace(still, truth=replace(truth, boxes=as_boxes(truth.boxes[own]), lesions=(), ignored=as_boxes(ignored)))


def _ap_of_size(ap: AveragePrecision | None, name: str) -> float | None:
    if ap is None:
        return None
    return {"small": ap.ap_small, "medium": ap.ap_medium, "large": ap.ap_large}[name]
