"""The short list of figures by which a network is watched while it trains and chosen when it is released. No torch.

Definitions: docs/scoring.md; the counting is `detector.scoring`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from detector.scoring import Answer, average_precision, match_boxes
from detector.scoring.intervals import HIT_IOU, LOOSE_IOU
from training.evaluation.rows import stills
from training.samples import Sample

__all__ = ["HIT_IOU", "LOOSE_IOU", "DevFigures", "dev_figures"]


@dataclass(frozen=True, slots=True)
class DevFigures:
    """What was measured on one set, at `threshold` where one is needed. Shares are 0..1; None: cannot be given.

    Attributes:
        images: how many images something is known of.
        lesions: how many annotated boxes.
        ap50: COCO average precision at IoU 0.5.
        ap50_95: mean over IoU 0.5 to 0.95.
        threshold: the score from which a box counts in the figures below.
        recall: share of lesions hit at IoU >= 0.5.
        recall_iou20: share of lesions hit at IoU >= 0.2.
        precision: share of boxes that hit a lesion at IoU >= 0.5.
        f1: harmonic mean of recall and precision.
        false_boxes_per_image: boxes that hit nothing at IoU >= 0.5, over all images.
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
    false_boxes_per_image: float | None
    negative_images: int
    negatives_with_false_box: float | None

    def as_dict(self) -> dict[str, float]:
        """The figures that can be given, rounded for a results file."""
        values = {k: round(v, 4) for k, v in asdict(self).items() if isinstance(v, float)}
        return {"images": self.images, "lesions": self.lesions, "negative_images": self.negative_images, **values}


def dev_figures(samples: Sequence[Sample], answers: Sequence[Answer], threshold: float) -> DevFigures:
    """All figures of one set at an operating threshold.

    Raises:
        ValueError: not as many answers as samples.
    """
    items = stills(samples, answers)
    ap = average_precision(items)
    strict, loose = match_boxes(items, HIT_IOU).figures(threshold), match_boxes(items, LOOSE_IOU).figures(threshold)
    return DevFigures(
        images=strict.frames,
        lesions=strict.lesions,
        ap50=ap.ap50 if ap else None,
        ap50_95=ap.ap50_95 if ap else None,
        threshold=threshold,
        recall=strict.recall,
        recall_iou20=loose.recall,
        precision=strict.precision,
        f1=strict.f1,
        false_boxes_per_image=strict.false_boxes / strict.frames if strict.frames else None,
        negative_images=strict.negative_frames,
        negatives_with_false_box=strict.negatives_with_false_box,
    )
