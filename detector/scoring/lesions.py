"""Lesions in recordings: per-lesion and per-frame sensitivity, specificity, time to first hit.

Definitions: docs/scoring.md, 'Lesions in recordings'.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import numpy as np

from detector.scoring.flat import Flags, Floats, share
from detector.scoring.recording import Recording
from detector.scoring.resampling import MedianFigure, RatioFigure, require_name
from detector.scoring.tables import Table, count_where

HitRule = float | Literal["any"]
LesionFigureName = Literal[
    "lesion_sensitivity",
    "lesion_frame_sensitivity",
    "frame_sensitivity",
    "frame_specificity",
    "median_seconds_to_first_hit",
]


@dataclass(frozen=True, slots=True)
class LesionResult:
    """One lesion of one recording. Frames are indices into the recording.

    Attributes:
        recording: its name.
        lesion: the lesion's id.
        frames: reviewed frames in which it has a box.
        frames_hit: of these, in which it was hit.
        first_frame: the first of its frames.
        first_hit_frame: the first in which it was hit; None if never.
        seconds_to_first_hit: from the first of its frames to the first hit; None if never hit or without time.
    """

    recording: str
    lesion: str
    frames: int
    frames_hit: int
    first_frame: int
    first_hit_frame: int | None
    seconds_to_first_hit: float | None


@dataclass(frozen=True, slots=True)
class LesionFigures:
    """What was measured in recordings at one threshold and hit rule. Shares are 0 to 1; None: nothing to divide by.

    Attributes:
        threshold: the score from which a box counts (0 for displayed markers: all count).
        iou: hit rule: from which IoU a box hits, or ``any`` (IoU > 0).
        recordings: recordings with at least one reviewed frame.
        nominal: whether any of these has nominal time only: to be said wherever seconds are quoted.
        frames: reviewed frames.
        frames_failed: of these, with status ``failed``.
        frames_skipped: of these, with status ``skipped``.
        lesions: lesions with at least one reviewed frame.
        lesions_hit: of these, hit in at least one.
        lesion_sensitivity: lesions hit / lesions.
        lesion_frames: pairs of lesion and reviewed frame.
        lesion_frames_hit: of these, hit.
        lesion_frame_sensitivity: lesion frames hit / lesion frames.
        positive_frames: reviewed frames with at least one lesion box.
        positive_frames_hit: of these, with at least one lesion hit.
        frame_sensitivity: positive frames hit / positive frames.
        negative_frames: reviewed, without lesion box and ignored region, and not failed in silence.
        negative_frames_clean: of these, without a box that counts.
        frame_specificity: clean negative frames / negative frames.
        median_seconds_to_first_hit: over the hit lesions with a time.
        per_lesion: by recording, then by first frame, then in the order of the frame's boxes.
    """

    threshold: float
    iou: HitRule
    recordings: int
    nominal: bool
    frames: int
    frames_failed: int
    frames_skipped: int
    lesions: int
    lesions_hit: int
    lesion_sensitivity: float | None
    lesion_frames: int
    lesion_frames_hit: int
    lesion_frame_sensitivity: float | None
    positive_frames: int
    positive_frames_hit: int
    frame_sensitivity: float | None
    negative_frames: int
    negative_frames_clean: int
    frame_specificity: float | None
    median_seconds_to_first_hit: float | None
    per_lesion: tuple[LesionResult, ...]

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready; None stays None."""
        return {**asdict(self), "per_lesion": [asdict(lesion) for lesion in self.per_lesion]}


def lesion_figures(recordings: Sequence[Recording], threshold: float, iou: HitRule = 0.2) -> LesionFigures:
    """All lesion and frame figures of recordings at a threshold.

    Raises:
        ValueError: a frame has another number of lesion ids than of boxes.
    """
    return figures_at(lesion_tables(recordings, iou), threshold, iou)


def lesion_tables(recordings: Sequence[Recording], iou: HitRule = 0.2) -> list[Table]:
    """Score recordings with a hit rule, for all thresholds at once."""
    return [Table.of(r, lambda ious: ious > 0 if iou == "any" else ious >= iou) for r in recordings]


def figures_at(tables: Sequence[Table], threshold: float, iou: HitRule) -> LesionFigures:
    """What a threshold makes of tables that were scored with the hit rule `iou`."""
    counted = [t for t in tables if t.counts]
    per_lesion = tuple(result for t in counted for result in _per_lesion(t, threshold))
    tally = np.array([_tally(t, threshold) for t in counted], np.int64).reshape(-1, 8)
    lesions, lesions_hit, cells, cells_hit, positive, positive_hit, negative, clean = map(int, tally.sum(axis=0))
    seconds = [r.seconds_to_first_hit for r in per_lesion if r.seconds_to_first_hit is not None]
    return LesionFigures(
        threshold=threshold,
        iou=iou,
        recordings=len(counted),
        nominal=any(t.time == "nominal" for t in counted),
        frames=sum(count_where(t.frames.reviewed) for t in counted),
        frames_failed=sum(count_where(t.frames.failed) for t in counted),
        frames_skipped=sum(count_where(t.frames.skipped) for t in counted),
        lesions=lesions,
        lesions_hit=lesions_hit,
        lesion_sensitivity=share(lesions_hit, lesions),
        lesion_frames=cells,
        lesion_frames_hit=cells_hit,
        lesion_frame_sensitivity=share(cells_hit, cells),
        positive_frames=positive,
        positive_frames_hit=positive_hit,
        frame_sensitivity=share(positive_hit, positive),
        negative_frames=negative,
        negative_frames_clean=clean,
        frame_specificity=share(clean, negative),
        median_seconds_to_first_hit=float(np.median(seconds)) if seconds else None,
        per_lesion=per_lesion,
    )


def _tally(table: Table, threshold: float) -> list[int]:
    """Lesions, lesions hit, cells, cells hit, positive frames, hit ones, negative frames, clean ones."""
    hit = table.cell_score >= np.float32(threshold)
    clean = table.frames.negative & (table.top < np.float32(threshold))
    return [
        len(table.names),
        len(np.unique(table.cell_lesion[hit])),
        len(hit),
        count_where(hit),
        count_where(table.frames.positive),
        len(np.unique(table.cell_frame[hit])),
        count_where(table.frames.negative),
        count_where(clean),
    ]


def _per_lesion(table: Table, threshold: float) -> list[LesionResult]:
    hit = table.cell_score >= np.float32(threshold)
    count = len(table.names)
    frames = np.bincount(table.cell_lesion, minlength=count).tolist()
    frames_hit = np.bincount(table.cell_lesion[hit], minlength=count).tolist()
    first, first_hit = _firsts(table, np.ones(len(hit), bool)), _firsts(table, hit)
    results = []
    for k, name in enumerate(table.names):
        found = first_hit.get(k)
        timed = found is not None and table.time != "none"
        seconds = float(table.edges_s[found] - table.edges_s[first[k]]) if timed else None
        results.append(LesionResult(table.name, name, frames[k], frames_hit[k], first[k], found, seconds))
    return results


def _firsts(table: Table, flags: Flags) -> dict[int, int]:
    """The first flagged frame of each lesion that has one; cells are in the order of frames."""
    lesions, index = np.unique(table.cell_lesion[flags], return_index=True)
    return dict(zip(lesions.tolist(), table.cell_frame[flags][index].tolist(), strict=True))


def lesion_figure(
    name: LesionFigureName, threshold: float, iou: HitRule = 0.2
) -> RatioFigure[Recording] | MedianFigure[Recording]:
    """One figure by name, for `bootstrap`: each recording is scored once.

    Raises:
        ValueError: there is no such figure.
    """
    require_name(name, get_args(LesionFigureName))
    if name == "median_seconds_to_first_hit":

        def values(recordings: Sequence[Recording]) -> list[Floats]:
            results = [_per_lesion(t, threshold) for t in lesion_tables(recordings, iou)]
            times = [[x.seconds_to_first_hit for x in r if x.seconds_to_first_hit is not None] for r in results]
            return [np.array(t, np.float64) for t in times]

        return MedianFigure(values)
    names = ("lesion_sensitivity", "lesion_frame_sensitivity", "frame_sensitivity", "frame_specificity")
    whole = 2 * names.index(name)

    def terms(recordings: Sequence[Recording]) -> Floats:
        tally = np.array([_tally(t, threshold) for t in lesion_tables(recordings, iou)], np.float64).reshape(-1, 8)
        return tally[:, [whole + 1, whole, whole]]

    return RatioFigure(terms)
