"""How figures are called and written, in the table and in the report alike."""

from __future__ import annotations

from detector.scoring.words import MISSING, interval, number, sequence_label

__all__ = ["MISSING", "interval", "label", "number"]

LABELS = {
    "ap50": "AP50",
    "ap50_95": "AP50-95",
    "ap75": "AP75",
    "recall": "recall, IoU 0.5",
    "recall_iou20": "recall, IoU 0.2",
    "precision": "precision, IoU 0.5",
    "precision_iou20": "precision, IoU 0.2",
    "f1": "F1, IoU 0.5",
    "f1_iou20": "F1, IoU 0.2",
    "frame_sensitivity": "frame sensitivity, IoU 0.5",
    "frame_sensitivity_iou20": "frame sensitivity, IoU 0.2",
    "frame_specificity": "frame specificity",
    "negatives_with_false_box": "negative frames with a false box",
    "false_boxes_per_negative_frame": "false boxes per negative frame",
    "false_boxes_per_image": "false boxes per image, IoU 0.5",
}


def label(name: str, sequences: bool = False) -> str:
    """What a figure is called."""
    return sequence_label(name) if sequences else LABELS.get(name, name)
