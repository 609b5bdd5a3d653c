"""The frames of a procedure in one row: position 0 to N-1 over all its videos, each with its time and its place.

Everything in QA counts frames by *position*. Labels count the pictures of one video file, live results the frames of a
session: this is the one place that knows how the three lie to each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class FrameAxis:
    """Every recorded picture of a procedure, in the order of showing. Arrays are read-only and of one length, N.

    Attributes:
        times_s: float64, strictly increasing from about 0: when each picture began to stand on the screen. Runs of the
            recorder follow each other.
        end_s: when the last picture ended.
        segment: int64: number of the video file, from 1.
        record_index: int64: position in that file, from 0.
        session: int64: which run of the recorder, from 1.
        capture_index: int64: the session's own count; -1 where the session never read the picture. A plain video
            counts its pictures.
        blanked: written as black, because it may not have been of the inside of a body.
        whole: False while the axis is an estimate (a foreign video whose packets are still being counted): positions
            and times may change.
    """

    times_s: Floats
    end_s: float
    segment: Ints
    record_index: Ints
    session: Ints
    capture_index: Ints
    blanked: Flags
    whole: bool = True

    def __post_init__(self) -> None:
        count = len(self.times_s)
        arrays = (self.times_s, self.segment, self.record_index, self.session, self.capture_index, self.blanked)
        if any(len(a) != count for a in arrays):
            raise ValueError("the arrays of an axis must have one length")
        if count and (np.any(np.diff(self.times_s) <= 0) or self.end_s <= self.times_s[-1]):
            raise ValueError("times must increase strictly up to end_s")
        for array in arrays:
            array.flags.writeable = False

    def __len__(self) -> int:
        return len(self.times_s)

    def at(self, time_s: float) -> int:
        """The position that stands on the screen at a time; the first or last one outside of the procedure."""
        found = int(np.searchsorted(self.times_s, time_s + 1e-6, side="right")) - 1
        return min(max(found, 0), len(self) - 1)

    def until_s(self, position: int) -> float:
        """When a picture ceased to stand on the screen."""
        return float(self.times_s[position + 1]) if position + 1 < len(self) else self.end_s

    def of_record(self, segment: int, record_index: int) -> int | None:
        """The position of a picture of a video file; None if the axis does not have it."""
        return self._by_record.get((segment, record_index))

    def of_capture(self, session: int, capture_index: int) -> int | None:
        """The position of a frame of a live session; None if it was not recorded."""
        return self._by_capture.get((session, capture_index))

    def of_segment(self, segment: int) -> tuple[int, int]:
        """First position of a video file and the one behind its last; (0, 0) if there is no such file."""
        found = np.flatnonzero(self.segment == segment)
        return (int(found[0]), int(found[-1]) + 1) if len(found) else (0, 0)

    @cached_property
    def _by_record(self) -> dict[tuple[int, int], int]:
        keys = zip(self.segment.tolist(), self.record_index.tolist(), strict=True)
        return {key: position for position, key in enumerate(keys)}

    @cached_property
    def _by_capture(self) -> dict[tuple[int, int], int]:
        keys = zip(self.session.tolist(), self.capture_index.tolist(), strict=True)
        return {key: position for position, key in enumerate(keys) if key[1] >= 0}


def plain_axis(times_s: npt.ArrayLike, end_s: float, *, segment: int = 1, whole: bool = True) -> FrameAxis:
    """The axis of one video file without a sidecar.

    Args:
        times_s: (N,) strictly increasing.
        end_s: when the last picture ended.
        segment: number of the file.
        whole: False for an estimate.
    """
    times = np.array(times_s, np.float64)
    count = np.arange(len(times), dtype=np.int64)
    ones = np.ones(len(times), np.int64)
    return FrameAxis(times, end_s, ones * segment, count, ones, count.copy(), np.zeros(len(times), np.bool_), whole)
