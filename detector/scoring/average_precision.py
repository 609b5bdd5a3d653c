"""COCO average precision through faster-coco-eval (equal to pycocotools).

Definitions: docs/scoring.md, 'Boxes on frames'. The library is in the `train` extra and is imported on first use.
Its bootstrap is in `drawn_precision`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from detector.errors import UsageError
from detector.geometry import Boxes
from detector.scoring.recording import Still

ApName = Literal["ap50", "ap75", "ap50_95", "ap_small", "ap_medium", "ap_large"]
LONG_SIDE_PX = 640
"""An image's long side on which the size classes are measured."""


@dataclass(frozen=True, slots=True)
class AveragePrecision:
    """COCO AP over at most 100 boxes per image, 0 to 1. By size: AP50-95; None where no lesion is of that size.

    Attributes:
        lesions: lesion boxes in reviewed images.
        ap50: at IoU 0.5.
        ap75: at IoU 0.75.
        ap50_95: mean over IoU 0.5 to 0.95 in steps of 0.05.
        ap_small: AP50-95 of lesions below 32 x 32 px on an image whose long side is 640 px.
        ap_medium: below 96 x 96 px.
        ap_large: the others.
    """

    lesions: int
    ap50: float
    ap75: float
    ap50_95: float
    ap_small: float | None
    ap_medium: float | None
    ap_large: float | None

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready; None stays None."""
        return asdict(self)


def average_precision(stills: Sequence[Still]) -> AveragePrecision | None:
    """COCO average precision of the reviewed images; None without lesions.

    Raises:
        UsageError: faster-coco-eval is not installed.
    """
    try:
        from faster_coco_eval import COCO, COCOeval_faster
    except ImportError as error:
        raise UsageError(
            "Average precision needs the package faster-coco-eval, which is not installed.",
            "Install Polypwatch with its `train` extra: pip install 'polypwatch[train]'.",
        ) from error
    kept = [s for s in stills if s.truth.reviewed]
    sizes = [s for s in kept for _ in range(len(s.truth.boxes))]
    if not sizes:
        return None
    ground = COCO(_ground_truth(kept), print_function=_quiet)
    found, area = _found(kept)
    loaded = ground.loadRes(found)
    for row, value in zip(loaded.dataset["annotations"], area, strict=True):  # loadRes computes areas of its own
        row["area"] = value
    run = COCOeval_faster(ground, loaded, "bbox", print_function=_quiet)
    run.run()
    by_size = [float(value) if value >= 0 else None for value in run.stats[3:6]]
    return AveragePrecision(len(sizes), float(run.stats[1]), float(run.stats[2]), float(run.stats[0]), *by_size)


def _quiet(*_: object) -> None:
    """The library tells of its progress."""


def _ground_truth(stills: Sequence[Still]) -> dict[str, Any]:
    rows = [
        {"image_id": k, "category_id": 1, "bbox": box, "area": area, "iscrowd": crowd}
        for k, s in enumerate(stills)
        for crowd, boxes in ((0, s.truth.boxes), (1, s.truth.ignored))
        for box, area in zip(_xywh(boxes), _class_areas(s, boxes), strict=True)
    ]
    return {
        "images": [{"id": k, "width": s.size.width, "height": s.size.height} for k, s in enumerate(stills)],
        "annotations": [{"id": k + 1, **row} for k, row in enumerate(rows)],
        "categories": [{"id": 1, "name": "polyp"}],
    }


def _found(stills: Sequence[Still]) -> tuple[list[dict[str, Any]], list[float]]:
    """The boxes as COCO results, and the area of each for its size class."""
    found = [
        {"image_id": k, "category_id": 1, "bbox": box, "score": score}
        for k, s in enumerate(stills)
        for box, score in zip(_xywh(s.answer.boxes), s.answer.scores.tolist(), strict=True)
    ]
    return found, [area for s in stills for area in _class_areas(s, s.answer.boxes)]


def _xywh(boxes: Boxes) -> list[list[float]]:
    return [[x1, y1, max(0.0, x2 - x1), max(0.0, y2 - y1)] for x1, y1, x2, y2 in boxes.tolist()]


def _class_areas(still: Still, boxes: Boxes) -> list[float]:
    """Areas as on an image whose long side is 640 px: one polyp has one size in every recording."""
    return [w * h * area_scale(still) for _, _, w, h in _xywh(boxes)]


def area_scale(still: Still) -> float:
    """What areas are multiplied with for their size class."""
    return float((LONG_SIDE_PX / max(still.size)) ** 2)
