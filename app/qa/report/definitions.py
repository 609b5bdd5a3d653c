"""What each figure means, in a sentence, with its source. The full definitions: docs/scoring.md."""

from __future__ import annotations

from typing import Final

DEFINITIONS: Final[dict[str, str]] = {
    "lesion_sensitivity": "share of lesions that were hit in at least one reviewed frame; hit: IoU >= 0.2 with a "
    "marker on the screen (displayed markers) or with a box at the threshold (raw boxes)",
    "lesion_sensitivity_iou50": "the same with IoU >= 0.5, the rule of published detection figures",
    "lesion_frame_sensitivity": "share of all reviewed frames of all lesions in which the lesion was hit",
    "frame_sensitivity": "share of reviewed frames with a lesion in which at least one lesion was hit",
    "frame_specificity": "share of reviewed, analysed frames without a lesion in which nothing was marked",
    "median_seconds_to_first_hit": "from the first frame of a lesion to the first in which it was hit; median over the "
    "lesions that were hit",
    "median_frames_to_first_hit": "the same in frames",
    "false_events": "definition 'shown': a marker's whole time on the screen is one event; false if it never met a "
    "lesion (IoU >= 0.2, or its centre inside); counted from a duration up, over reviewed time only",
    "false_time_share": "share of the reviewed time in which a false marker stood on the screen",
    "reviewed_minutes": "time that somebody looked at for every lesion in it; nothing else enters any figure",
    "sensitivity": "definition 'realcolon-compat' (REAL-Colon): the lesion was hit without a break for 2 s within the "
    "first 3 s of its appearance, IoU > 0.2, raw boxes",
    "per_procedure": "definition 'realcolon-compat': 2 s of boxes without a break in frames without a lesion are one "
    "false positive",
    "per_minute": "the same per minute without a lesion",
}
RATES: Final = (
    "Polyp detection rate: share of colonoscopies with at least one polyp; by the journal, where there is one. "
    "Adenoma detection rate: with at least one adenoma by histology. Kaminski et al., NEJM 2010;362:1795-803; ASGE/ACG "
    "2024, doi 10.14309/ajg.0000000000002972."
)
INTERVALS: Final = (
    "Intervals are 95 % percentile bootstrap over procedures; exact (Clopper-Pearson) where all or none of the units "
    "succeed. With fewer than two procedures there is none. A dash cannot be given; it is not 0."
)


def key_of(key: str) -> str:
    """Under which name a figure's definition stands."""
    return "false_events" if key.startswith("false_events") else key
