"""Per-lesion, time and false-alarm-event figures of sequences, as raw detections and as displayed markers.

Definitions: docs/scoring.md. What cannot be given is absent and a note says why; it is never 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from detector.scoring import (
    DURATIONS_S,
    FrocPoint,
    HitRule,
    LesionFigures,
    LesionResult,
    Recording,
    froc_lesions,
    froc_realcolon,
    froc_shown,
    lesion_figure,
    lesion_figures,
    realcolon_figures,
    shown_events,
    shown_figure,
)
from training.evaluation.figures import HIT_IOU, LOOSE_IOU
from training.evaluation.intervals import Draws, Figure
from training.evaluation.rows import Row, over
from training.evaluation.sequences import displayed, sequences_of

_SWEEP = tuple(k / 10 for k in range(1, 10))
"""Alert thresholds of the FROC of displayed markers: tracking runs anew at each."""


@dataclass(frozen=True, slots=True)
class Clinical:
    """What was measured on the sequences of a set.

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


def measure_sequences(
    rows: Sequence[Row],
    threshold: float,
    draws: int,
    seed: int,
    nominal_fps: float | None = None,
    one_lesion: bool = False,
) -> Clinical | None:
    """All figures of the sequences among `rows`; None if there are none.

    Args:
        rows: truth and answers; those that are no part of a sequence are left out.
        threshold: the operating point, of boxes and of alerts.
        draws: of the bootstrap.
        seed: of the bootstrap.
        nominal_fps: the declared rate of consecutive frames without true times.
        one_lesion: the lesion ids were made from 'one lesion per sequence'; to be said.

    Raises:
        FormatError: the frames of a sequence are not in an order.
    """
    found = sequences_of(rows, nominal_fps)
    if not found.recordings:
        return None
    members = [r for r in rows if r.sequence and r.order is not None]
    how = Draws(draws, seed, over(members))
    notes, timed = list(found.notes), found.with_true_time
    notes += ["all boxes of a sequence count as one lesion: hit means that any of them was"] if one_lesion else []
    notes += _time_notes(found.recordings, nominal_fps)
    raw: dict[str, Figure] = {}
    per_lesion: tuple[LesionResult, ...] = ()
    froc: dict[str, list[FrocPoint]] = {}
    if found.lesions_known:
        raw, per_lesion = _lesions(found.recordings, threshold, how)
        froc["lesions, raw boxes"] = froc_lesions(found.recordings)
    else:
        notes.append(
            "no lesion ids: no per-lesion figures (--one-lesion-per-sequence if each sequence shows one lesion)"
        )
    shown: dict[str, Figure] = {}
    realcolon = None
    if timed:
        shown = _shown([displayed(r, threshold) for r in timed], how, found.lesions_known)
    if timed and found.lesions_known:
        realcolon = realcolon_figures(timed, threshold).as_dict()
        froc["realcolon-compat"] = froc_realcolon(timed)
        froc["displayed markers"] = froc_shown(lambda t: [displayed(r, t) for r in timed], _SWEEP)
    return Clinical(len(found.recordings), how.over, notes, raw, shown, realcolon, per_lesion, froc)


def _time_notes(recordings: Sequence[Recording], nominal_fps: float | None) -> list[str]:
    kinds = {r.time for r in recordings}
    notes = []
    if "nominal" in kinds:
        notes.append(f"seconds are nominal: {nominal_fps:g} frames/s was declared, the data does not say")
    if kinds != {"true"}:
        count = sum(r.time != "true" for r in recordings)
        notes.append(f"{count} of {len(recordings)} sequences have no true time: no false-positive events of them")
    return notes


def _lesions(
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


def _shown(recordings: Sequence[Recording], how: Draws, lesions_known: bool) -> dict[str, Figure]:
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
