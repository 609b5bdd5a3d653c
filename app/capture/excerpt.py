"""A part of a video file, as a source of its own."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from app.capture.file import Beginning, FileSource
from app.capture.placing import Place
from detector.frame import Frame, Interruption, SourceInfo, SourceState


class ExcerptSource:
    """Frames ``first`` to ``last`` of a file, with the indices and times that they have in the whole file.

    Args:
        path: the file.
        first: index of the first frame.
        last: index of the last frame, included.
        start: media time of the first frame, in seconds.
    """

    def __init__(self, path: Path, first: int, last: int, start: Fraction) -> None:
        self._last = last
        self._count = last - first + 1
        self._file = FileSource(path, begin=Beginning(first, start) if first else None)
        self._over = False

    def place_with(self, place: Place) -> None:
        """See :class:`app.capture.placing.Placing`."""
        self._file.place_with(place)

    def open(self) -> SourceInfo:
        """Open the file at the first frame.

        Raises:
            SourceError: it cannot be read as a video.
        """
        self._over = False
        return replace(self._file.open(), frame_count=self._count)

    def read(self) -> Frame | Interruption:
        """The next frame of the part, or why there is none."""
        if not self._over:
            item = self._file.read()
            if item.index is None or item.index <= self._last:
                return item
            self._over = True
        return Interruption(SourceState.END)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
