"""From sidecar, mark and index to the axis of a procedure: which picture stood when."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

import numpy as np
import numpy.typing as npt

from app.qa.axis import FrameAxis, plain_axis
from app.qa.playback.index import VideoIndex, end_of, growing
from app.qa.playback.media import Look
from app.recording.mark import read_mark
from detector.errors import FormatError
from detector.procedure import Procedure
from detector.sidecar import RecordedFrame

_USUAL_S = 0.04
_COLUMNS = ("session", "record_index", "capture_index", "blanked")


@dataclass(frozen=True, slots=True)
class SaidCount:
    """What the mark of a recording says of a segment that was completed: its pictures, and its length in seconds."""

    frames: int
    seconds: float


def counts_of_mark(folder: Path) -> dict[str, SaidCount]:
    """Segments that ``recording.json`` calls complete, by file name; empty if it says nothing that can be read."""
    try:
        mark = read_mark(folder) or {}
    except FormatError:
        return {}
    said = {}
    for facts in mark.get("segments", ()):
        if not isinstance(facts, dict) or facts.get("complete") is not True:
            continue
        name, frames, seconds = facts.get("file"), facts.get("frames"), facts.get("seconds")
        if isinstance(name, str) and isinstance(frames, int) and isinstance(seconds, int | float):
            said[name] = SaidCount(frames, float(seconds))
    return said


def axis_of(procedure: Procedure, indices: Sequence[VideoIndex | None], look: Look | None = None) -> FrameAxis:
    """The axis of a procedure.

    Args:
        procedure: recordings have the times of their sidecar, everything else those of its index.
        indices: of each segment; None where nothing is known yet.
        look: what the container of a plain video says, for an estimate.
    """
    if any(segment.frames for segment in procedure.segments):
        return _recorded(procedure)
    index = indices[0]
    if index is not None:
        return plain_axis(index.times_s, index.end_s)
    return _estimated(look) if look is not None else plain_axis([], 0.0)


def _estimated(look: Look) -> FrameAxis:
    rate = float(look.rate)
    count = look.count or max(1, round(look.duration_s * rate))
    if look.count and look.duration_s > 0:
        rate = look.count / look.duration_s
    return plain_axis(np.arange(count) / rate, count / rate, whole=False)


def _recorded(procedure: Procedure) -> FrameAxis:
    frames = [*itertools.chain.from_iterable(segment.frames for segment in procedure.segments)]
    session, record, capture, blanked = (np.array([*map(attrgetter(name), frames)]) for name in _COLUMNS)
    counts = [len(segment.frames) for segment in procedure.segments]
    numbers = np.repeat([segment.number for segment in procedure.segments], counts)
    times = np.zeros(len(frames), np.float64)
    begin_s = 0.0
    for number in np.unique(session):
        of_session = np.flatnonzero(session == number)
        own = _session_times([frames[i] for i in of_session])
        times[of_session] = begin_s + own
        begin_s += end_of(own)
    times = growing(times)
    end_s = max(begin_s, float(times[-1]) + 1e-3)
    numbers, record, session, capture = (part.astype(np.int64) for part in (numbers, record, session, capture))
    return FrameAxis(times, end_s, numbers, record, session, capture, blanked.astype(np.bool_))


def _session_times(rows: Sequence[RecordedFrame]) -> npt.NDArray[np.float64]:
    """Seconds since the session's first picture; a picture of unknown media time lies between its neighbours."""
    times = np.array([*map(attrgetter("time_s"), rows)], np.float64)
    timed = np.array([row.pts is not None for row in rows], np.bool_)
    if timed.any() and not timed.all():
        clock = np.array([row.captured_ns for row in rows], np.float64) / 1e9
        # The capture clock runs on between two pictures of known time: it says how the gap is shared out.
        steady = growing(clock)
        times = np.interp(steady, steady[timed], times[timed])
        first, last = int(np.flatnonzero(timed)[0]), int(np.flatnonzero(timed)[-1])
        times[:first] = times[first] - (steady[first] - steady[:first])
        times[last + 1 :] = times[last] + (steady[last + 1 :] - steady[last])
    steps = np.diff(times)
    if np.all(steps > 0):
        return np.asarray(times - times[0], np.float64)
    # Where the source's time went back the next picture comes a usual interval later, and time runs on from there.
    usual = float(np.median(steps[steps > 0])) if np.any(steps > 0) else _USUAL_S
    return np.concatenate([[0.0], np.cumsum(np.where(steps > 0, steps, usual))])
