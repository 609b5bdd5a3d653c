"""A frame, its times, and what a source of frames promises.

A frame *is* the picture area: what lies around it (borders, insets) was cut off at capture.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Protocol

import numpy as np
import numpy.typing as npt

from detector.geometry import Size


@dataclass(frozen=True, slots=True)
class FrameTime:
    """Media time: ``pts`` ticks of ``time_base`` seconds. Never a float rate, never the wall clock."""

    pts: int
    time_base: Fraction

    @property
    def seconds(self) -> float:
        """The time in seconds, for comparing and printing."""
        return float(self.pts * self.time_base)


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture.

    Attributes:
        index: capture index, counted from 0 over all frames that the source delivered; never reused.
        time: media time, or None for stills.
        captured_ns: ``time.perf_counter_ns()`` when the picture reached this program.
        image: BGR uint8 ``(H, W, 3)``, read-only.
        name: file name of a still below its folder; empty for video.
    """

    index: int
    time: FrameTime | None
    captured_ns: int
    image: npt.NDArray[np.uint8]
    name: str = ""

    def __post_init__(self) -> None:
        if self.image.ndim != 3 or self.image.shape[2] != 3 or self.image.dtype != np.uint8:
            raise ValueError(f"a frame is (H, W, 3) uint8, not {self.image.shape} {self.image.dtype}")
        self.image.flags.writeable = False

    @property
    def size(self) -> Size:
        """Width and height of the picture."""
        return Size.of(self.image)


class SourceState(enum.Enum):
    """Why a read gave no picture. Four different facts that are never mixed up."""

    END = "end"  # the file or folder is over
    LOST = "signal lost"  # nothing came in time; the source may come back by itself or after a reopen
    UNDECODABLE = "undecodable"  # this one packet or file is damaged; the next may be fine
    GONE = "device vanished"  # the device or file no longer exists


@dataclass(frozen=True, slots=True)
class Interruption:
    """A read that gave no picture.

    Attributes:
        state: which of the four.
        detail: what the layer below said, for the log and the results file.
        index: capture index that the damaged picture would have had (UNDECODABLE only, else None).
        time: its media time, if known.
        name: its file name, for stills.
        picture: what the decoder made of the damaged data, read-only BGR as in a Frame, or None. To be looked at, so
            that a live picture does not freeze, and marked as damaged; never to be analysed.
    """

    state: SourceState
    detail: str = ""
    index: int | None = None
    time: FrameTime | None = None
    name: str = ""
    picture: npt.NDArray[np.uint8] | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        if self.picture is not None:
            self.picture.flags.writeable = False


class SourceKind(enum.Enum):
    """What the pictures come from."""

    FILE = "file"
    IMAGES = "images"
    CAMERA = "camera"
    STREAM = "stream"
    MEMORY = "memory"


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What is known of an open source.

    Attributes:
        kind: what the pictures come from.
        label: short name for the status line (no credentials of a network address).
        live: True where the picture cannot wait (camera, stream): a slow reader loses frames.
        size: of the first picture.
        rate: nominal frames per second; None where there is none (stills, variable).
        frame_count: how many frames the container claims; None where unknown. An estimate, never relied on.
        time_base: seconds per tick of every frame's media time; None for stills.
    """

    kind: SourceKind
    label: str
    live: bool
    size: Size
    rate: Fraction | None
    frame_count: int | None = None
    time_base: Fraction | None = None


class FrameSource(Protocol):
    """Where frames come from. Used by one thread; ``close`` may be called from any thread, and more than once."""

    def open(self) -> SourceInfo:
        """Open, or reopen after an interruption; capture indices and media time go on and never repeat.

        Raises:
            SourceError: it cannot be opened, with the reason.
        """
        ...

    def read(self) -> Frame | Interruption:
        """Block for the next frame (at most a few seconds) and return it, or why there is none.

        Never raises for what the outside world does. After END, GONE or LOST the source stays in that state until it
        is reopened; after UNDECODABLE reading goes on.
        """
        ...

    def close(self) -> None:
        """Release the device or file; a read that is blocked in another thread returns soon after."""
        ...
