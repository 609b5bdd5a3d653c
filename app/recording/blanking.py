"""Keeps pictures back until it is known whether they are of the inside of a body; in doubt they become black."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from av.video.frame import VideoFrame

from detector.frame import FrameTime
from detector.geometry import Size

_LOG = logging.getLogger(__name__)
LONGEST_WAIT_NS = 400_000_000  # a picture without a verdict by then is written as black
MOST_BYTES = 200_000_000  # 64 converted pictures of 1080p

Inside = Callable[[int], bool | None]
"""``captured_ns`` -> whether the picture was surely of the inside of a body; None: not known yet."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A frame's index and times without its picture: what is noted of it."""

    index: int
    time: FrameTime | None
    captured_ns: int

    @property
    def seconds(self) -> float:
        """Media time; where the source has none, when it was captured."""
        return self.time.seconds if self.time is not None else self.captured_ns / 1e9


@dataclass(frozen=True, slots=True)
class Ready:
    """A picture that is ready for the encoder.

    Attributes:
        taken: which it is.
        size: of the picture, even.
        pixels: the converted picture, which nobody else holds.
    """

    taken: Taken
    size: Size
    pixels: VideoFrame

    @property
    def cost(self) -> int:
        """Bytes of memory."""
        return self.size.width * self.size.height * 3 // 2


class DelayLine:
    """First in, first out, each once its verdict is known. Used by one thread.

    Args:
        inside: asked for each picture; None: nothing is blanked and nothing waits.
        clock_ns: the clock of ``captured_ns``.
    """

    def __init__(self, inside: Inside | None, clock_ns: Callable[[], int]) -> None:
        self._inside = inside
        self._clock_ns = clock_ns
        self._waiting: deque[Ready] = deque()
        self._bytes = 0
        self._failed = False

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, item: Ready) -> None:
        """The newest picture."""
        self._waiting.append(item)
        self._bytes += item.cost

    def due(self) -> Iterator[tuple[Ready, bool]]:
        """Those that need not wait any longer, oldest first, each with whether it must be written as black."""
        while self._waiting:
            blank = self._blank(self._waiting[0])
            if blank is None:
                return
            item = self._waiting.popleft()
            self._bytes -= item.cost
            yield item, blank

    def drain(self) -> list[Ready]:
        """All that wait, without a verdict: for pictures that cannot be written any more."""
        rest = list(self._waiting)
        self._waiting.clear()
        self._bytes = 0
        return rest

    def _blank(self, item: Ready) -> bool | None:
        if self._inside is None:
            return False
        try:
            verdict = self._inside(item.taken.captured_ns)
        except Exception:  # whatever is wrong with the watch, nothing may be recorded that should not
            if not self._failed:
                _LOG.exception("whether the picture is of the inside of a body cannot be found out: recording black")
            self._failed = True
            return True
        if verdict is None:
            late = self._clock_ns() - item.taken.captured_ns >= LONGEST_WAIT_NS or self._bytes > MOST_BYTES
            return True if late else None
        return verdict is not True
