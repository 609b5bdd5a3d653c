"""What was right and what was wrong in a procedure, as spots. The judging is `detector.scoring`'s."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from app.qa.scored import Scored
from app.qa.spots import Spot
from detector.geometry import area
from detector.scoring import Recording, TruthColumns
from detector.scoring.columns import AnswerColumns, frames_of
from detector.scoring.events import marker_events
from detector.scoring.intervals import HIT_IOU, LOOSE_IOU
from detector.scoring.realcolon import false_positive_spans, lesions_hit, realcolon_tables
from detector.scoring.tables import SLACK_S, Table

GAP_S = 0.5
"""Frames of one kind that are no further apart belong to one stretch."""
_MOST = 2_000  # raw boxes of a weak model make a stretch of every frame: nobody clicks through more


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Spots of one procedure.

    Attributes:
        false_alarms: false markers; of raw boxes stretches of clean frames with one.
        found: lesions that were hit, the slowest first.
        missed: lesions that were never hit, the largest first.
        missed_parts: stretches in which a lesion was there and not hit, the longest first.
        hits: markers that met a lesion.
        strict_missed: lesions that were never hit at IoU 0.5.
    """

    false_alarms: tuple[Spot, ...]
    found: tuple[Spot, ...]
    missed: tuple[Spot, ...]
    missed_parts: tuple[Spot, ...]
    hits: tuple[Spot, ...]
    strict_missed: tuple[Spot, ...] = ()

    @property
    def events(self) -> tuple[Spot, ...]:
        """For a timeline: false markers, true markers and missed stretches, by position."""
        return tuple(sorted((*self.false_alarms, *self.hits, *self.missed_parts), key=lambda s: (s.first, s.last)))

    def behind(self, key: str) -> tuple[Spot, ...]:
        """What a figure comes from; misses and false alarms first."""
        if key.startswith("false_events_"):
            least_s = float(key.removeprefix("false_events_").partition("s")[0])
            return tuple(s for s in self.false_alarms if s.seconds >= least_s - SLACK_S)
        if key == "lesion_sensitivity_iou50":
            return self.strict_missed
        if key == "lesion_sensitivity":
            return (*self.missed, *self.found)
        if key in ("lesion_frame_sensitivity", "frame_sensitivity"):
            return self.missed_parts
        if "first_hit" in key:
            return self.found
        return self.false_alarms if key in ("frame_specificity", "false_time_share") else ()


def of(scored: Scored) -> Verdicts:
    """Of the markers that stood on the screen; of pictures without true time of the raw boxes that count."""
    if scored.shown is None:
        return of_raw(scored)
    hits, alarms = _markers(scored, scored.shown)
    table = Table.of(scored.shown, lambda ious: ious >= LOOSE_IOU)
    found, missed = _lesions(scored, table, 0.0)
    return Verdicts(alarms, found, missed, _missed_parts(scored, table, 0.0), hits)


def of_raw(scored: Scored) -> Verdicts:
    """Of raw boxes from the threshold up."""
    limit = scored.threshold
    table = Table.of(scored.raw, lambda ious: ious >= LOOSE_IOU)
    strict = Table.of(scored.raw, lambda ious: ious >= HIT_IOU)
    found, missed = _lesions(scored, table, limit)
    alarms = _false_frames(scored, table, limit)
    _, strictly = _lesions(scored, strict, limit)
    return Verdicts(alarms, found, missed, _missed_parts(scored, table, limit), (), strictly)


def realcolon(scored: Scored, name: Literal["sensitivity", "per_procedure", "per_minute"]) -> tuple[Spot, ...]:
    """What a figure of the definition ``realcolon-compat`` comes from."""
    [table] = realcolon_tables([scored.raw])
    if name != "sensitivity":
        return tuple(
            _spot(scored, "FP", first, last, "boxes for 2 s in frames without a lesion", table.edges_s)
            for first, last in false_positive_spans(table, scored.threshold)
        )
    hit = lesions_hit(table, scored.threshold)
    spots = []
    for k, lesion in enumerate(table.names):
        frames = table.cell_frame[table.cell_lesion == k]
        hit_words = f"lesion {lesion} was hit for 2 s within its first 3 s"
        words = hit_words if hit[k] else f"lesion {lesion} was not hit for 2 s within its first 3 s"
        spot = _spot(scored, "TP" if hit[k] else "FN", int(frames[0]), int(frames[-1]), words, table.edges_s)
        spots.append(replace(spot, lesion=lesion))
    return tuple(sorted(spots, key=lambda s: s.kind != "FN"))


def only(recording: Recording, inside: npt.NDArray[np.bool_] | None) -> Recording:
    """The recording of which only these frames count as reviewed."""
    truth = recording.truth
    if not isinstance(truth, TruthColumns) or inside is None:
        raise TypeError("a recording of the QA room has columns")
    return replace(recording, truth=replace(truth, reviewed=truth.reviewed & inside))


# -- markers ----------------------------------------------------------------------------------------------------------


def markers_of(scored: Scored, wanted: frozenset[int]) -> tuple[Spot, ...]:
    """These markers, by position; only where somebody reviewed."""
    hits, alarms = _markers(scored, scored.standing, wanted)
    return tuple(sorted((*hits, *alarms), key=lambda s: s.first))


def _markers(
    scored: Scored, shown: Recording, wanted: frozenset[int] | None = None
) -> tuple[tuple[Spot, ...], tuple[Spot, ...]]:
    """Markers that met a lesion, in order, and false ones, the longest first; None: all."""
    answers = AnswerColumns.of(shown.answers)
    edges_s = np.append(shown.times_s, shown.end_s)
    hits: list[Spot] = []
    alarms: list[Spot] = []
    for event in marker_events(shown):
        if wanted is not None and event.marker not in wanted:
            continue
        focus, box, score = _best(answers, event.marker, event.first_frame, event.last_frame)
        lasted, best = f"{event.duration_s:.1f}", f"{score:.2f}"
        on_lesion = f"marker on a lesion for {lasted} s, score up to {best}"
        words = f"false marker for {lasted} s, score up to {best}" if event.false else on_lesion
        kind: Literal["TP", "FP"] = "FP" if event.false else "TP"
        spot = _spot(scored, kind, event.first_frame, event.last_frame, words, edges_s)
        spot = replace(spot, focus=focus, seconds=event.duration_s, score=score, box=box, track=event.marker)
        (alarms if event.false else hits).append(spot)
    return tuple(hits), tuple(sorted(alarms, key=lambda s: (-s.seconds, s.first)))


def _best(
    answers: AnswerColumns, marker: int, first: int, last: int
) -> tuple[int, tuple[float, float, float, float], float]:
    """Frame, box and score of a marker where it is surest."""
    rows = slice(int(answers.starts[first]), int(answers.starts[last + 1]))
    markers = answers.markers
    assert markers is not None
    own = np.flatnonzero(markers[rows] == marker) + rows.start
    best = int(own[np.argmax(answers.scores[own])])
    frame = int(np.searchsorted(answers.starts, best, side="right")) - 1
    x1, y1, x2, y2 = answers.boxes[best].tolist()
    return frame, (x1, y1, x2, y2), float(answers.scores[best])


def _false_frames(scored: Scored, table: Table, threshold: float) -> tuple[Spot, ...]:
    """Stretches of clean frames with a box that counts, the surest first."""
    frames = np.flatnonzero(table.frames.negative & (table.top >= np.float32(threshold)))
    spots = []
    for run in _stretches(frames, table.edges_s):
        best = int(run[np.argmax(table.top[run])])
        words = f"box of {table.top[best]:.2f} where no lesion is"
        spot = _spot(scored, "FP", int(run[0]), int(run[-1]), words, table.edges_s)
        row = int(table.frames.answers.starts[best])
        x1, y1, x2, y2 = table.frames.answers.boxes[row].tolist()
        spots.append(replace(spot, focus=best, score=float(table.top[best]), box=(x1, y1, x2, y2)))
    return tuple(sorted(spots, key=lambda s: (-(s.score or 0), s.first))[:_MOST])


# -- lesions ----------------------------------------------------------------------------------------------------------


def _lesions(scored: Scored, table: Table, threshold: float) -> tuple[tuple[Spot, ...], tuple[Spot, ...]]:
    """Lesions that were hit, the slowest first, and those that never were, the largest first."""
    found, missed = [], []
    hit = table.cell_score >= np.float32(threshold)
    for k, lesion in enumerate(table.names):
        cells = np.flatnonzero(table.cell_lesion == k)
        frames, own = table.cell_frame[cells], hit[cells]
        first, last = int(frames[0]), int(frames[-1])
        if own.any():
            at = int(frames[own][0])
            wait_s = float(table.edges_s[at] - table.edges_s[first])
            words = f"lesion {lesion} was found after {wait_s:.1f} s, and in {int(own.sum())} of {len(own)} frames"
            spot = _spot(scored, "TP", first, last, words, table.edges_s)
            score = float(table.cell_score[cells][own].max())
            found.append(
                replace(spot, focus=at, lesion=lesion, seconds=wait_s, score=score, box=_box(table, at, lesion, scored))
            )
        else:
            focus = _largest(table, frames, lesion, scored)
            words = f"lesion {lesion} was never found, in {len(own)} frames"
            spot = _spot(scored, "FN", first, last, words, table.edges_s)
            missed.append(replace(spot, focus=focus, lesion=lesion, box=_box(table, focus, lesion, scored)))
    return (
        tuple(sorted(found, key=lambda s: (-s.seconds, s.first))),
        tuple(sorted(missed, key=lambda s: (-_size(s), s.first))),
    )


def _missed_parts(scored: Scored, table: Table, threshold: float) -> tuple[Spot, ...]:
    """Stretches of a lesion's frames without a hit, the longest first."""
    spots = []
    missed = table.cell_score < np.float32(threshold)
    for k, lesion in enumerate(table.names):
        for run in _stretches(table.cell_frame[missed & (table.cell_lesion == k)], table.edges_s):
            words = f"lesion {lesion} was not found in {len(run)} frames"
            spot = _spot(scored, "FN", int(run[0]), int(run[-1]), words, table.edges_s)
            focus = _largest(table, run, lesion, scored)
            spots.append(replace(spot, focus=focus, lesion=lesion, box=_box(table, focus, lesion, scored)))
    return tuple(sorted(spots, key=lambda s: (-s.seconds, s.first))[:_MOST])


def _box(table: Table, frame: int, lesion: str, scored: Scored) -> tuple[float, float, float, float] | None:
    truth = scored.raw.truth[frame]
    place = truth.lesions.index(lesion) if lesion in truth.lesions else None
    if place is None:
        return None
    x1, y1, x2, y2 = truth.boxes[place].tolist()
    return (x1, y1, x2, y2)


def _largest(table: Table, frames: npt.NDArray[np.int64], lesion: str, scored: Scored) -> int:
    """The frame in which a lesion is largest: where a reader sees best what was missed."""
    truth = scored.raw.truth
    if not isinstance(truth, TruthColumns):
        raise TypeError("a recording of the QA room has columns")
    wanted = np.zeros(len(truth), bool)
    wanted[frames] = True
    at = frames_of(truth.starts)
    own = np.flatnonzero((truth.lesion == truth.names.index(lesion)) & wanted[at])
    return int(at[own[np.argmax(area(truth.boxes[own]))]])


def _size(spot: Spot) -> float:
    return (spot.box[2] - spot.box[0]) * (spot.box[3] - spot.box[1]) if spot.box else 0.0


def _stretches(frames: npt.NDArray[np.int64], edges_s: npt.NDArray[np.float64]) -> Sequence[npt.NDArray[np.int64]]:
    """Frames in order, cut where the next one is further away than `GAP_S`."""
    if not len(frames):
        return []
    return np.split(frames, np.flatnonzero(np.diff(edges_s[frames]) > GAP_S + 1e-6) + 1)


def _spot(
    scored: Scored,
    kind: Literal["TP", "FP", "FN"],
    first: int,
    last: int,
    words: str,
    edges_s: npt.NDArray[np.float64],
) -> Spot:
    return Spot(scored.path, first, last, first, kind, "", words, float(edges_s[last + 1] - edges_s[first]))
