"""False-positive events, definition ``shown``: displayed markers that met no lesion, by how long they stood.

Definitions: docs/scoring.md, 'False-positive events'. Never to be mixed with ``realcolon-compat``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import numpy as np

from detector.scoring.columns import AnswerColumns
from detector.scoring.flat import (
    Flags,
    Floats,
    Frames,
    Ints,
    any_per_row,
    centres_inside,
    lengths,
    pair_ious,
    pairs,
    share,
)
from detector.scoring.recording import Recording
from detector.scoring.resampling import RatioFigure, require_name
from detector.scoring.tables import SLACK_S, count_where, edges_s, require_time

DURATIONS_S = (0.0, 0.2, 0.5, 1.0, 2.0)
MET_IOU = 0.2
"""From which IoU with a lesion a marker is no false alarm."""
ShownFigureName = Literal["per_procedure", "per_minute", "false_time_share"]


@dataclass(frozen=True, slots=True)
class FalseEvent:
    """One false marker event.

    Attributes:
        recording: its name.
        marker: the marker's id.
        first_frame: index of the first frame of the run, reviewed or not.
        last_frame: index of its last frame.
        duration_s: display time of its reviewed frames.
    """

    recording: str
    marker: int
    first_frame: int
    last_frame: int
    duration_s: float


@dataclass(frozen=True, slots=True)
class MarkerEvent:
    """One marker event with a reviewed frame, true or false; fields as those of `FalseEvent`.

    Attributes:
        marker: the marker's id.
        first_frame: index of the first frame of the run.
        last_frame: index of its last frame.
        duration_s: display time of its reviewed frames.
        false: it met no lesion and no ignored region in any frame.
    """

    marker: int
    first_frame: int
    last_frame: int
    duration_s: float
    false: bool


@dataclass(frozen=True, slots=True)
class ShownEvents:
    """False-positive events of displayed markers. The three mappings go by least duration in seconds.

    Attributes:
        recordings: recordings with at least one reviewed frame.
        nominal: whether any of these has nominal time only: to be said wherever seconds or rates are quoted.
        frames: reviewed frames.
        frames_failed: of these, with status ``failed``.
        frames_skipped: of these, with status ``skipped``.
        marker_events: marker events with a reviewed frame, true and false ones.
        events: false events of at least that duration.
        per_procedure: events / recordings; None without recordings.
        per_minute: events / reviewed minutes; None without reviewed time.
        reviewed_s: display time of the reviewed frames.
        false_s: reviewed display time with a false event's marker on the screen.
        false_time_share: false_s / reviewed_s.
        false_events: every false event, by recording, then by first frame, then in the order of the frame's boxes.
    """

    recordings: int
    nominal: bool
    frames: int
    frames_failed: int
    frames_skipped: int
    marker_events: int
    events: Mapping[float, int]
    per_procedure: Mapping[float, float | None]
    per_minute: Mapping[float, float | None]
    reviewed_s: float
    false_s: float
    false_time_share: float | None
    false_events: tuple[FalseEvent, ...]

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready; durations become text keys (``"0.5"``), None stays None."""
        named = {name: getattr(self, name) for name in ("events", "per_procedure", "per_minute")}
        by_duration = {name: {f"{d:g}": v for d, v in values.items()} for name, values in named.items()}
        return {**asdict(self), **by_duration, "false_events": [asdict(e) for e in self.false_events]}


def shown_events(recordings: Sequence[Recording], durations_s: Sequence[float] = DURATIONS_S) -> ShownEvents:
    """False-positive events of recordings whose answers are displayed markers.

    Raises:
        ValueError: a recording has no time, its boxes have no marker ids, or a marker has two boxes in one frame.
    """
    scored = [s for s in map(_score, recordings) if s.frames.reviewed.any()]
    false_events = tuple(event for s in scored for event in s.false_events)
    events = {float(d): sum(_lasted(e, d) for e in false_events) for d in durations_s}
    reviewed_s, false_s = (math.fsum(getattr(s, name) for s in scored) for name in ("reviewed_s", "false_s"))
    return ShownEvents(
        recordings=len(scored),
        nominal=any(s.nominal for s in scored),
        frames=sum(count_where(s.frames.reviewed) for s in scored),
        frames_failed=sum(count_where(s.frames.failed) for s in scored),
        frames_skipped=sum(count_where(s.frames.skipped) for s in scored),
        marker_events=sum(len(s.events) for s in scored),
        events=events,
        per_procedure={d: share(n, len(scored)) for d, n in events.items()},
        per_minute={d: share(n, reviewed_s / 60) for d, n in events.items()},
        reviewed_s=reviewed_s,
        false_s=false_s,
        false_time_share=share(false_s, reviewed_s),
        false_events=false_events,
    )


def marker_events(recording: Recording) -> tuple[MarkerEvent, ...]:
    """Every marker event of a recording that has a reviewed frame: by first frame, then in the order of its boxes.

    Raises:
        ValueError: as `shown_events`.
    """
    return tuple(_score(recording).events)


@dataclass(frozen=True, slots=True, eq=False)
class _Scored:
    """One recording's events."""

    nominal: bool
    frames: Frames
    events: list[MarkerEvent]
    false_events: list[FalseEvent]
    reviewed_s: float
    false_s: float


def _score(recording: Recording) -> _Scored:
    require_time(recording)
    frames = Frames.of(recording.truth, recording.answers)
    display_s = np.diff(edges_s(recording))
    runs = _runs(recording, frames)
    counted = frames.reviewed[runs.frame]
    duration_s = np.add.reduceat(np.where(counted, display_s[runs.frame], 0.0), runs.starts)
    reviewed = np.logical_or.reduceat(counted, runs.starts)
    false = reviewed & ~np.logical_or.reduceat(_meets_truth(frames)[runs.row], runs.starts)
    run_lengths = np.diff(np.append(runs.starts, len(runs.row)))
    last = runs.starts + run_lengths - 1
    order = np.argsort(runs.row[runs.starts])
    events = [
        MarkerEvent(
            marker=int(runs.marker[runs.starts[k]]),
            first_frame=int(runs.frame[runs.starts[k]]),
            last_frame=int(runs.frame[last[k]]),
            duration_s=float(duration_s[k]),
            false=bool(false[k]),
        )
        for k in order[reviewed[order]].tolist()
    ]
    lit = counted & np.repeat(false, run_lengths)
    return _Scored(
        nominal=recording.time == "nominal",
        frames=frames,
        events=events,
        false_events=[
            FalseEvent(recording.name, e.marker, e.first_frame, e.last_frame, e.duration_s) for e in events if e.false
        ],
        reviewed_s=float(display_s[frames.reviewed].sum()),
        false_s=float(display_s[np.unique(runs.frame[lit])].sum()),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Runs:
    """Boxes sorted by marker and frame.

    Attributes:
        row: (K,) index into the answered boxes.
        marker: (K,) its marker.
        frame: (K,) its frame.
        starts: where each run of consecutive frames of one marker begins.
    """

    row: Ints
    marker: Ints
    frame: Ints
    starts: Ints


def _runs(recording: Recording, frames: Frames) -> _Runs:
    marker = _markers(recording, frames)
    row = np.lexsort((frames.answers.frame, marker))
    marker, frame = marker[row], frames.answers.frame[row]
    same, step = np.diff(marker) == 0, np.diff(frame)
    if np.any(same & (step == 0)):
        twice = int(np.flatnonzero(same & (step == 0))[0])
        raise ValueError(f"{recording.name}, frame {frame[twice]}: marker {marker[twice]} has two boxes")
    begins = np.append(True, ~same | (step != 1))[: len(row)]
    return _Runs(row, marker, frame, np.flatnonzero(begins))


def _markers(recording: Recording, frames: Frames) -> Ints:
    """(K,) the marker of every box."""
    if isinstance(recording.answers, AnswerColumns):
        if recording.answers.markers is None and len(frames.answers):
            raise ValueError(f"{recording.name}: {len(frames.answers)} boxes, but no marker ids")
        return np.zeros(0, np.int64) if recording.answers.markers is None else recording.answers.markers
    ids = [a.markers for a in recording.answers]
    boxes, named = frames.answers.counts, lengths(ids)
    for k in np.flatnonzero(boxes != named).tolist():
        raise ValueError(f"{recording.name}, frame {k}: {boxes[k]} boxes, but {named[k]} marker ids")
    return np.array([m for markers in ids for m in markers], np.int64)


def _meets_truth(frames: Frames) -> Flags:
    """Per displayed box whether it overlaps a lesion, or its centre lies in one or in an ignored region."""
    boxes, lesions, ignored = frames.answers, frames.lesions, frames.ignored
    box, lesion = pairs(boxes, lesions)
    a, b = boxes.boxes[box], lesions.boxes[lesion]
    met = any_per_row(len(boxes), box, (pair_ious(a, b) >= MET_IOU) | centres_inside(a, b))
    box, region = pairs(boxes, ignored)
    return met | any_per_row(len(boxes), box, centres_inside(boxes.boxes[box], ignored.boxes[region]))


def _lasted(event: FalseEvent, duration_s: float) -> bool:
    return event.duration_s >= duration_s - SLACK_S


def shown_figure(name: ShownFigureName, duration_s: float = 0.0) -> RatioFigure[Recording]:
    """One figure by name, for `bootstrap`: each recording is scored once.

    Raises:
        ValueError: there is no such figure.
    """
    require_name(name, get_args(ShownFigureName))

    def terms(recordings: Sequence[Recording]) -> Floats:
        rows = []
        for s in map(_score, recordings):
            counts, events = bool(s.frames.reviewed.any()), sum(_lasted(e, duration_s) for e in s.false_events)
            rows.append(
                {
                    "per_procedure": (events, counts),
                    "per_minute": (events, s.reviewed_s / 60),
                    "false_time_share": (s.false_s, s.reviewed_s),
                }[name]
            )
        return np.array([(part, whole, whole) for part, whole in rows], np.float64)

    return RatioFigure(terms)
