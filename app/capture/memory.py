"""Frames that were decoded before: for benchmarks and tests."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from app.capture.placing import Place, where_it_is
from detector.frame import Frame, FrameTime, Interruption, SourceInfo, SourceKind, SourceState
from detector.geometry import Size


class MemorySource:
    """Gives out the same pictures round and round, at once; copied only if they have to be placed somewhere.

    Args:
        images: BGR uint8 pictures of one size; they become read-only.
        rate: nominal frames per second; frame ``n`` has the time ``n / rate``.
        count: how many frames until ``END``; None for no end.
        label: for the status line.

    Raises:
        ValueError: there are no pictures.
    """

    def __init__(
        self,
        images: Sequence[npt.NDArray[np.uint8]],
        rate: Fraction = Fraction(25),
        count: int | None = None,
        label: str = "memory",
    ) -> None:
        if not images:
            raise ValueError("a memory source needs at least one picture")
        self._images = list(images)
        self._rate = rate
        self._count = count
        self._label = label
        self._open = threading.Event()
        self._index = 0
        self._left = count
        self._place: Place = where_it_is

    def place_with(self, place: Place) -> None:
        """See :class:`app.capture.placing.Placing`."""
        self._place = place

    def open(self) -> SourceInfo:
        """Start; after ``END``, start over with indices and time going on."""
        self._left = self._count
        self._open.set()
        size = Size.of(self._images[0])
        return SourceInfo(SourceKind.MEMORY, self._label, False, size, self._rate, self._count, 1 / self._rate)

    def read(self) -> Frame | Interruption:
        """The next picture, at once."""
        if not self._open.is_set():
            return Interruption(SourceState.END, "closed")
        if self._left is not None:
            if self._left == 0:
                return Interruption(SourceState.END)
            self._left -= 1
        index, self._index = self._index, self._index + 1
        image = self._place(self._images[index % len(self._images)])
        return Frame(index, FrameTime(index, 1 / self._rate), time.perf_counter_ns(), image)

    def close(self) -> None:
        """Stop giving out frames."""
        self._open.clear()
