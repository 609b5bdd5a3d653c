"""How figures are called and written, in the table and in the report alike."""

from __future__ import annotations

from training.evaluation.intervals import Figure

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
SEQUENCE_LABELS = {
    "lesion_sensitivity": "lesion sensitivity, IoU 0.2",
    "lesion_sensitivity_iou50": "lesion sensitivity, IoU 0.5",
    "lesion_frame_sensitivity": "share of a lesion's frames hit, IoU 0.2",
    "frame_sensitivity": "frame sensitivity, IoU 0.2",
    "frame_specificity": "frame specificity, any box",
    "median_frames_to_first_hit": "frames to first detection, median",
    "median_seconds_to_first_hit": "seconds to first detection, median",
    "false_time_share": "share of the time with a false marker",
    "reviewed_minutes": "reviewed minutes",
}
MISSING = "–"


def label(name: str, sequences: bool = False) -> str:
    """What a figure is called."""
    if sequences and name.startswith("false_events_"):
        duration, _, rate = name.removeprefix("false_events_").partition("_")
        return f"false-positive events >= {duration.removesuffix('s')} s{', per minute' if rate else ''}"
    return (SEQUENCE_LABELS if sequences else LABELS).get(name, name)


def number(value: float | None) -> str:
    """A value as it is printed: three decimals, a dash for what cannot be given."""
    if value is None:
        return MISSING
    return f"{value:.0f}" if value == int(value) and abs(value) > 1 else f"{value:.3f}"


def interval(figure: Figure) -> str:
    """``0.85 to 0.93``, or nothing."""
    if figure.low is None or figure.high is None:
        return ""
    return f"{figure.low:.3f} to {figure.high:.3f}"
