"""How good a detector is on a set: COCO AP, and lesion and frame figures at an operating threshold.

Predictions come from a torch network or from the product's own runtime; the figures do not know which. Boxes here are
in image pixels. `faster-coco-eval` does the COCO part (equal to pycocotools digit for digit).
"""

from __future__ import annotations

import contextlib
import io
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from detector.geometry import Boxes, Letterbox, Size, iou_matrix, nms
from detector.preprocess import letterbox_image
from training.importers import Sample, read_image
from training.yolox import YoloxNano

MIN_SCORE = 0.01
NMS_IOU = 0.65
TOP_K = 100
HIT_IOU = 0.5
PAD = 114

Scores = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """A detector's answer for one image: float32 (N, 4) boxes in image pixels and (N,) scores, best first."""

    boxes: Boxes
    scores: Scores


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured on one set. Shares are 0..1; NaN-free: a figure that cannot be given is None."""

    images: int
    lesions: int
    ap50: float | None
    ap50_95: float | None
    threshold: float
    recall: float | None
    """Share of lesions hit at IoU >= 0.5 by a box above the threshold."""
    precision: float | None
    f1: float | None
    false_boxes_per_image: float
    negative_images: int
    negative_images_with_false_box: float | None
    """Share of the images without a polyp on which at least one box stands."""

    def as_dict(self) -> dict[str, Any]:
        """Plain values, rounded for a results file."""
        return {k: round(v, 4) if isinstance(v, float) else v for k, v in asdict(self).items()}


def select(boxes: Boxes, scores: Scores, min_score: float = MIN_SCORE) -> Prediction:
    """Drop low scores, keep the best, suppress overlaps: the same steps as the runtime's."""
    order = np.argsort(-scores, kind="stable")[:TOP_K]
    order = order[scores[order] >= min_score]
    boxes, scores = boxes[order], scores[order]
    keep = nms(boxes, scores, NMS_IOU)
    return Prediction(boxes[keep], scores[keep])


@dataclass(frozen=True, slots=True, eq=False)
class PreparedSet:
    """A set read once: letterboxed uint8 images by the runtime's own rule, for repeated evaluation while training."""

    samples: list[Sample]
    images: npt.NDArray[np.uint8]
    boxes: list[Letterbox]

    @classmethod
    def read(cls, samples: list[Sample], size: int) -> PreparedSet:
        """Decode and letterbox all images of a set."""
        target = Size(size, size)
        images = np.empty((len(samples), size, size, 3), np.uint8)
        letterboxes = []
        for i, sample in enumerate(samples):
            image = read_image(sample.image)
            letterboxes.append(Letterbox.fit(Size.of(image), target))
            letterbox_image(image, letterboxes[-1], PAD, images[i])
        return cls(samples, images, letterboxes)


@torch.inference_mode()
def predict(model: YoloxNano, data: PreparedSet, batch: int = 16) -> list[Prediction]:
    """Run a network over a prepared set."""
    model.eval()
    device = next(model.parameters()).device
    found = []
    for start in range(0, len(data.samples), batch):
        images = torch.from_numpy(data.images[start : start + batch]).permute(0, 3, 1, 2).to(device).float()
        raw = model(images)
        for k, (boxes, scores) in enumerate(zip(raw.boxes().cpu(), raw.scores()[..., 0].cpu(), strict=True)):
            prediction = select(boxes.numpy(), scores.numpy())
            found.append(Prediction(data.boxes[start + k].to_frame(prediction.boxes), prediction.scores))
    return found


def coco_ap(samples: list[Sample], predictions: list[Prediction]) -> tuple[float, float] | None:
    """(AP50, AP50-95) over 100 boxes per image; None if the set has no lesion."""
    from faster_coco_eval import COCO, COCOeval_faster

    truth, found = [], []
    for i, (sample, prediction) in enumerate(zip(samples, predictions, strict=True)):
        for x1, y1, x2, y2 in sample.boxes.tolist():
            box = [x1, y1, x2 - x1, y2 - y1]
            truth.append(
                {"id": len(truth) + 1, "image_id": i, "category_id": 1, "bbox": box, "area": box[2] * box[3], "iscrowd": 0}
            )
        for (x1, y1, x2, y2), score in zip(prediction.boxes.tolist(), prediction.scores.tolist(), strict=True):
            found.append({"image_id": i, "category_id": 1, "bbox": [x1, y1, x2 - x1, y2 - y1], "score": score})
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


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """Every predicted box of a set with its verdict, pooled, best score first."""

    scores: Scores
    hit: npt.NDArray[np.bool_]
    lesions: int
    negative_top: Scores
    """The best score on each image without a polyp (0 where there is none)."""

    def f1(self, threshold: float) -> float:
        """Harmonic mean of precision and recall at a threshold."""
        kept = self.scores >= threshold
        hits = int((self.hit & kept).sum())
        return 2 * hits / max(1, int(kept.sum()) + self.lesions)


def match(samples: list[Sample], predictions: list[Prediction], iou: float = HIT_IOU) -> Matches:
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
    order = np.argsort(-np.array(scores, np.float32), kind="stable")
    return Matches(
        np.array(scores, np.float32)[order],
        np.array(hits, bool)[order],
        sum(len(s.boxes) for s in samples),
        np.array(negative_top, np.float32),
    )


def figures(samples: list[Sample], predictions: list[Prediction], threshold: float) -> Figures:
    """All figures of one set at an operating threshold."""
    ap = coco_ap(samples, predictions)
    found = match(samples, predictions)
    kept = found.scores >= threshold
    hits, boxes, negatives = int((found.hit & kept).sum()), int(kept.sum()), len(found.negative_top)
    return Figures(
        images=len(samples),
        lesions=found.lesions,
        ap50=ap[0] if ap else None,
        ap50_95=ap[1] if ap else None,
        threshold=threshold,
        recall=hits / found.lesions if found.lesions else None,
        precision=hits / boxes if boxes and found.lesions else None,
        f1=found.f1(threshold) if found.lesions else None,
        false_boxes_per_image=(boxes - hits) / max(1, len(samples)),
        negative_images=negatives,
        negative_images_with_false_box=float((found.negative_top >= threshold).mean()) if negatives else None,
    )


def operating_threshold(dev: Matches) -> float:
    """The score that maximises F1 on dev, in steps of 0.01 (the lowest of equals)."""
    steps = np.arange(5, 96) / 100
    return float(steps[int(np.argmax([round(dev.f1(float(t)), 6) for t in steps]))])
