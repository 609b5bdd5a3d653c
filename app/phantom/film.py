"""Writes the film: H.264 in MP4, with a key frame every half second, small enough to travel with the product."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error

from app.phantom.optics import Image
from detector.errors import OutputError
from detector.geometry import Size

_KEY_INTERVAL_S = 0.5
_FINEST_S = Fraction(1, 10_000)
"""The MP4 writer halves longer ticks until they are shorter than this."""
_OPTIONS = {
    "preset": "medium",
    "crf": "23",
    # Ninety seconds stay below 15 MB whatever the seed: noise would otherwise cost what it likes.
    "maxrate": "1180k",
    "bufsize": "2360k",
    "threads": "1",  # the other cores draw
}


class Film:
    """One MP4 file; use :meth:`add` for every frame, then :meth:`close`.

    Args:
        path: where to write; the suffix does not matter.
        size: of every frame; even sides.
        rate: frames per second.

    Raises:
        OutputError: the file cannot be created.
    """

    def __init__(self, path: Path, size: Size, rate: Fraction) -> None:
        self.path = path
        self._ticks = 512
        while 1 / (rate * self._ticks) > _FINEST_S:
            self._ticks *= 2
        self.time_base = 1 / (rate * self._ticks)
        self._count = 0
        try:
            self._container = av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"})
        except (OSError, av.error.FFmpegError) as error:
            raise OutputError(f"Cannot write {path}: {error}.", "Choose another folder.") from error
        self._stream: Any = self._container.add_stream("libx264", rate=rate)
        self._stream.width, self._stream.height = size
        self._stream.pix_fmt = "yuv420p"
        self._stream.time_base = self._stream.codec_context.time_base = self.time_base
        self._stream.codec_context.gop_size = max(1, int(rate * Fraction(_KEY_INTERVAL_S)))
        pixels = size.width * size.height / (1280 * 720)
        rates = {k: f"{max(150, round(int(_OPTIONS[k][:-1]) * pixels))}k" for k in ("maxrate", "bufsize")}
        self._stream.options = {**_OPTIONS, **rates}

    def pts(self, index: int) -> int:
        """Media time of a frame in ticks of ``time_base``."""
        return index * self._ticks

    def add(self, image: Image) -> None:
        """Append a BGR frame.

        Raises:
            OutputError: the disk is full or gone.
        """
        frame = av.VideoFrame.from_ndarray(image, format="bgr24")
        frame.pts, frame.time_base = self.pts(self._count), self.time_base
        self._count += 1
        self._mux(frame)

    def close(self) -> None:
        """Write what the encoder still holds, and the index.

        Raises:
            OutputError: the disk is full or gone.
        """
        try:
            self._mux(None)
        finally:
            self._container.close()

    def _mux(self, frame: av.VideoFrame | None) -> None:
        try:
            for packet in self._stream.encode(frame):
                self._container.mux(packet)
        except (OSError, av.error.FFmpegError) as error:
            raise OutputError(f"Cannot write {self.path}: {error}.", "Is the disk full or gone?") from error
