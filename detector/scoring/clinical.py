"""The figures of recordings, all at once: per lesion, per frame, in time and as events, each with its interval.

This one function stands behind the QA room, its reports, ``polypwatch score`` and ``polypwatch-train evaluate``: the
same recordings give the same numbers to the last digit. Definitions: docs/scoring.md. What cannot be given is absent
and a note says why; it is never 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from detector.alerts import AlertSettings
from detector.scoring.displayed import Rerun
from detector.scoring.events import DURATIONS_S, shown_events, shown_figure
from detector.scoring.froc import FrocPoint, froc_lesions, froc_realcolon, froc_shown
from detector.scoring.intervals import HIT_IOU, LOOSE_IOU, Draws, Figure
from detector.scoring.lesions import HitRule, LesionFigures, LesionResult, lesion_figure, lesion_figures
from detector.scoring.realcolon import realcolon_figures
from detector.scoring.recording import Recording

SWEEP = tuple(k / 10 for k in range(1, 10))
"""Alert thresholds of the FROC of displayed markers: tracking runs anew at each."""


@dataclass(frozen=True, slots=True)
class Clinical:
    """What was measured on the sequences of a set, or on procedures.

    Attributes:
        recordings: how many sequences.
        over: what intervals are drawn over, in words.
        notes: what could not be given and why, and how times are to be read.
        raw: per-lesion and per-frame figures of raw detections, by name.
        shown: the same, and false-positive events, of displayed markers; empty without true time.
        realcolon: definition ``realcolon-compat`` on raw detections; None without true time.
        per_lesion: every lesion, raw detections at IoU 0.2.
        froc: curves by name.
    """

    recordings: int
    over: str
    notes: list[str]
    raw: dict[str, Figure]
    shown: dict[str, Figure]
    realcolon: dict[str, Any] | None
    per_lesion: tuple[LesionResult, ...]
    froc: dict[str, list[FrocPoint]]

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready; None stays None."""
        return {
            "recordings": self.recordings,
            "over": self.over,
            "notes": self.notes,
            "raw": {k: f.as_dict() for k, f in self.raw.items()},
            "shown": {k: f.as_dict() for k, f in self.shown.items()},
            "realcolon_compat": self.realcolon,
            "per_lesion": [asdict(lesion) for lesion in self.per_lesion],
            "froc": {k: [p.as_dict() for p in points] for k, points in self.froc.items()},
        }


def measure_recordings(
    recordings: Sequence[Recording],
    threshold: float,
    how: Draws,
    notes: Sequence[str] = (),
    *,
    lesions_known: bool = True,
    shown: Sequence[Recording] | None = None,
    rerun: Callable[[float], Sequence[Recording]] | None = None,
    curves: bool = True,
) -> Clinical:
    """All figures of recordings.

    Args:
        recordings: raw detections; sums run in this order, so give them in the order of their names.
        threshold: the operating point, of boxes and of alerts.
        how: draws and seed of the intervals, and the units in words.
        notes: what is to be said before anything that is found out here.
        lesions_known: every lesion box has an id; without, there are no per-lesion figures.
        shown: displayed markers of the recordings with true time, as they were recorded live, or made with other alert
            settings; None: what the product's tracking and alerts make of the raw detections at `threshold`.
        rerun: the same from a threshold, for the FROC; None: the product's tracking and alerts with default limits.
        curves: give FROC curves: ten more runs through tracking and alerts.
    """
    timed = [r for r in recordings if r.time == "true"]
    said = [*notes, *_time_notes(recordings)]
    raw: dict[str, Figure] = {}
    per_lesion: tuple[LesionResult, ...] = ()
    froc: dict[str, list[FrocPoint]] = {}
    if lesions_known:
        raw, per_lesion = _raw_figures(recordings, threshold, how)
        if curves:
            froc["lesions, raw boxes"] = froc_lesions(recordings)
    markers: dict[str, Figure] = {}
    realcolon = None
    if timed:
        reruns = [Rerun(r) for r in timed] if shown is None or (rerun is None and curves) else []
        standing = [r.shown(AlertSettings(threshold)) for r in reruns] if shown is None else shown
        markers = shown_figures(standing, how, lesions_known)
        if lesions_known:
            realcolon = realcolon_figures(timed, threshold).as_dict()
        if lesions_known and curves:
            again = rerun or (lambda t: [r.shown(AlertSettings(t)) for r in reruns])
            froc["realcolon-compat"] = froc_realcolon(timed)
            froc["displayed markers"] = froc_shown(again, SWEEP)
    return Clinical(len(recordings), how.over, said, raw, markers, realcolon, per_lesion, froc)


def shown_figures(recordings: Sequence[Recording], how: Draws, lesions_known: bool = True) -> dict[str, Figure]:
    """Figures of displayed markers: what counts is that they stand on the screen, so the threshold is 0."""
    figures = {}
    if lesions_known:
        figures = _lesion_figures(recordings, lesion_figures(recordings, 0.0, LOOSE_IOU), 0.0, LOOSE_IOU, how)
    found = shown_events(recordings)
    for d in DURATIONS_S:
        figures[f"false_events_{d:g}s"] = Figure(float(found.events[d]))
        rate = shown_figure("per_minute", d)
        figures[f"false_events_{d:g}s_per_minute"] = how.figure(recordings, rate, "rate")
    figures["false_time_share"] = how.figure(recordings, shown_figure("false_time_share"))
    figures["reviewed_minutes"] = Figure(found.reviewed_s / 60)
    return figures


def _time_notes(recordings: Sequence[Recording]) -> list[str]:
    kinds = {r.time for r in recordings}
    if kinds == {"true"}:
        return []
    count = sum(r.time != "true" for r in recordings)
    return [f"{count} of {len(recordings)} sequences have no true time: no false-positive events of them"]


def _raw_figures(
    recordings: Sequence[Recording], threshold: float, how: Draws
) -> tuple[dict[str, Figure], tuple[LesionResult, ...]]:
    loose = lesion_figures(recordings, threshold, LOOSE_IOU)
    strict = lesion_figures(recordings, threshold, HIT_IOU)
    figures = _lesion_figures(recordings, loose, threshold, LOOSE_IOU, how)
    figures["lesion_sensitivity_iou50"] = _lesion_share(recordings, strict, threshold, HIT_IOU, how)
    waits = [r.first_hit_frame - r.first_frame for r in loose.per_lesion if r.first_hit_frame is not None]
    figures["median_frames_to_first_hit"] = Figure(float(median(waits)) if waits else None)
    return figures, loose.per_lesion


def _lesion_figures(
    recordings: Sequence[Recording], found: LesionFigures, threshold: float, iou: HitRule, how: Draws
) -> dict[str, Figure]:
    figures = {"lesion_sensitivity": _lesion_share(recordings, found, threshold, iou, how)}
    for name in ("lesion_frame_sensitivity", "frame_sensitivity", "frame_specificity"):
        figures[name] = how.figure(recordings, lesion_figure(name, threshold, iou))
    median_s = lesion_figure("median_seconds_to_first_hit", threshold, iou)
    figures["median_seconds_to_first_hit"] = how.figure(recordings, median_s, "other")
    return figures


def _lesion_share(
    recordings: Sequence[Recording], found: LesionFigures, threshold: float, iou: HitRule, how: Draws
) -> Figure:
    """Lesion sensitivity: exact where every lesion is a unit of its own, else drawn over the units."""
    units = {r.name: r.unit for r in recordings}
    if len({units[lesion.recording] for lesion in found.per_lesion}) == found.lesions:
        return how.exact(found.lesions_hit, found.lesions, f"{found.lesions} lesions")
    return how.figure(recordings, lesion_figure("lesion_sensitivity", threshold, iou))
