"""How figures of recordings are called and written: in tables, reports and the window alike."""

from __future__ import annotations

from detector.scoring.intervals import Figure

LABELS = {
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


def sequence_label(name: str) -> str:
    """What a figure of recordings is called; a name that nobody knows stays as it is."""
    if name.startswith("false_events_"):
        duration, _, rate = name.removeprefix("false_events_").partition("_")
        return f"false-positive events >= {duration.removesuffix('s')} s{f', {rate}'.replace('_', ' ') if rate else ''}"
    return LABELS.get(name, name)


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
