"""How good predictions are: COCO AP, and lesion and frame figures at an operating threshold. No torch, no files.

Boxes are in image pixels. `faster-coco-eval` does the COCO part (it equals pycocotools digit for digit).
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from detector.geometry import Boxes, iou_matrix
from training.importers import Sample

HIT_IOU = 0.5
LOOSE_IOU = 0.2
"""The project's default for 'the lesion was marked'; 0.5 is what published figures use."""

Scores = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """A detector's answer for one image: float32 (N, 4) boxes in image pixels and (N,) scores, best first."""

    boxes: Boxes
    scores: Scores


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured on one set, at `threshold` where one is needed. Shares are 0..1; None: cannot be given.

    Attributes:
        images: how many images.
        lesions: how many annotated boxes.
        ap50: COCO average precision at IoU 0.5.
        ap50_95: mean over IoU 0.5 to 0.95.
        threshold: the score from which a box counts in the figures below.
        recall: share of lesions hit at IoU >= 0.5.
        recall_iou20: share of lesions hit at IoU >= 0.2.
        precision: share of boxes that hit a lesion at IoU >= 0.5.
        f1: harmonic mean of recall and precision.
        false_boxes_per_image: boxes that hit nothing, over all images.
        negative_images: images without a polyp.
        negatives_with_false_box: share of those on which at least one box stands.
    """

    images: int
    lesions: int
    ap50: float | None
    ap50_95: float | None
    threshold: float
    recall: float | None
    recall_iou20: float | None
    precision: float | None
    f1: float | None
    false_boxes_per_image: float
    negative_images: int
    negatives_with_false_box: float | None

    def as_dict(self) -> dict[str, float]:
        """The figures that can be given, rounded for a results file."""
        values = {k: round(v, 4) for k, v in asdict(self).items() if isinstance(v, float)}
        return {"images": self.images, "lesions": self.lesions, "negative_images": self.negative_images, **values}


def coco_ap(samples: Sequence[Sample], predictions: Sequence[Prediction]) -> tuple[float, float] | None:
    """(AP50, AP50-95) over at most 100 boxes per image; None if the set has no lesion."""
    from faster_coco_eval import COCO, COCOeval_faster

    truth = [
        {"id": k + 1, "image_id": i, "category_id": 1, "bbox": box, "area": box[2] * box[3], "iscrowd": 0}
        for k, (i, box) in enumerate((i, box) for i, s in enumerate(samples) for box in _xywh(s.boxes))
    ]
    found = [
        {"image_id": i, "category_id": 1, "bbox": box, "score": score}
        for i, p in enumerate(predictions)
        for box, score in zip(_xywh(p.boxes), p.scores.tolist(), strict=True)
    ]
    if not truth:
        return None
    if not found:
        return 0.0, 0.0
    images = [{"id": i, "width": s.size.width, "height": s.size.height} for i, s in enumerate(samples)]
    with contextlib.redirect_stdout(io.StringIO()):  # the library prints its progress
        ground = COCO({"images": images, "annotations": truth, "categories": [{"id": 1, "name": "polyp"}]})
        run = COCOeval_faster(ground, ground.loadRes(found), "bbox")
        run.evaluate()
        run.accumulate()
        run.summarize()
    return float(run.stats[1]), float(run.stats[0])


def _xywh(boxes: Boxes) -> list[list[float]]:
    return [[x1, y1, x2 - x1, y2 - y1] for x1, y1, x2, y2 in boxes.tolist()]


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """Every predicted box of a set with its verdict.

    Attributes:
        scores: float32 (N,) of all boxes.
        hit: bool (N,), whether the box hit a lesion.
        lesions: number of lesions in the set.
        negative_top: best score on each image without a polyp, 0 where there is no box.
    """

    scores: Scores
    hit: npt.NDArray[np.bool_]
    lesions: int
    negative_top: Scores

    def counts(self, threshold: float) -> tuple[int, int]:
        """(hits, boxes) at a threshold."""
        kept = self.scores >= np.float32(threshold)
        return int((self.hit & kept).sum()), int(kept.sum())

    def f1(self, threshold: float) -> float:
        """Harmonic mean of precision and recall at a threshold."""
        hits, boxes = self.counts(threshold)
        return 2 * hits / max(1, boxes + self.lesions)


def match(samples: Sequence[Sample], predictions: Sequence[Prediction], iou: float = HIT_IOU) -> Matches:
    """Match each image's boxes to its lesions, best score first, each lesion once."""
    scores: list[float] = []
    hits: list[bool] = []
    negative_top = []
    for sample, prediction in zip(samples, predictions, strict=True):
        overlaps = iou_matrix(prediction.boxes, sample.boxes)
        free = np.ones(len(sample.boxes), bool)
        for row, score in zip(overlaps, prediction.scores.tolist(), strict=True):
            best = int(np.argmax(np.where(free, row, -1.0))) if free.any() else -1
            hit = best >= 0 and bool(row[best] >= iou)
            if hit:
                free[best] = False
            scores.append(score)
            hits.append(hit)
        if sample.negative:
            negative_top.append(float(prediction.scores.max(initial=0.0)))
    lesions = sum(len(s.boxes) for s in samples)
    return Matches(np.array(scores, np.float32), np.array(hits, bool), lesions, np.array(negative_top, np.float32))


def figures(samples: Sequence[Sample], predictions: Sequence[Prediction], threshold: float) -> Figures:
    """All figures of one set at an operating threshold."""
    ap = coco_ap(samples, predictions)
    strict, loose = match(samples, predictions), match(samples, predictions, LOOSE_IOU)
    hits, boxes = strict.counts(threshold)
    lesions, negatives = strict.lesions, len(strict.negative_top)
    false_alarm = strict.negative_top >= np.float32(threshold)
    return Figures(
        images=len(samples),
        lesions=lesions,
        ap50=ap[0] if ap else None,
        ap50_95=ap[1] if ap else None,
        threshold=threshold,
        recall=hits / lesions if lesions else None,
        recall_iou20=loose.counts(threshold)[0] / lesions if lesions else None,
        precision=hits / boxes if boxes and lesions else None,
        f1=strict.f1(threshold) if lesions else None,
        false_boxes_per_image=(boxes - hits) / max(1, len(samples)),
        negative_images=negatives,
        negatives_with_false_box=float(false_alarm.mean()) if negatives else None,
    )


def operating_threshold(dev: Matches) -> float:
    """The score that maximises F1 on dev, in steps of 0.01; of equals the highest, which alarms least."""
    steps = np.arange(5, 96)[::-1] / 100
    return float(steps[int(np.argmax([round(dev.f1(float(t)), 6) for t in steps]))])
