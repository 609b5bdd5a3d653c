"""Encodes pictures as the H.264 stream that DICOM asks for: High Profile, in an MP4 of its own for each instance.

No B pictures, so that every viewer shows the times that the container says; a key frame each second, so that it can
seek; nothing of the source's container (names, sound, captions) comes along, since only pixels are handed over.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
from av.codec.context import ThreadType
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange

from app.dicom.pace import CLOCK, Level, Pace
from detector.errors import OutputError
from detector.geometry import Size

FRAGMENT_LIMIT = 2**32 - 2  # bytes: an item's length has 32 bits, all ones are taken, and it is even (PS3.5 A.4)
RECIPE = "x264 veryfast crf 16 bf 0/1"  # enters the UIDs: another way of encoding makes another instance
_LOOKAHEAD = 10
_THREADS = 4  # a fixed number: x264's output depends on it, and a repeated export shall give the same bytes
_IN_FLIGHT = _LOOKAHEAD + 2 * _THREADS + 2  # pictures that the encoder may hold back
_INDEX_BYTES_PER_PICTURE = 24  # stts 8, stsz 4, stss 4, stco 8
_CONTAINER_BYTES = 4096


class Mp4Part:
    """One MP4 that is growing; everything of it goes into one fragment.

    Args:
        path: where to write.
        size: of every picture, even.
        pace: the times.
        first: index of the first picture in `pace`.
        level: of H.264.
        matrix: colour matrix of the pictures (ITU-T H.273: 1 is BT.709, 6 is BT.601), written into the stream.
        limit: bytes that it may have in the end.

    Raises:
        OutputError: the file cannot be created.
    """

    def __init__(self, path: Path, size: Size, pace: Pace, first: int, level: Level, matrix: int, limit: int) -> None:
        self.path, self._size, self._pace, self._first, self._limit = path, size, pace, first, limit
        self.count = 0
        self._bytes = 0
        self._largest = 0
        self._base = 1 / pace.rate if pace.even else Fraction(1, CLOCK)
        with self._trouble():
            # bitexact: no date and no program version, so that the same pictures give the same file.
            self._container = av.open(str(path), "w", format="mp4", options=_CONTAINER_OPTIONS)
        try:
            self._stream: Any = self._container.add_stream("libx264", rate=_rate(pace.rate))
            self._set_up(level, matrix)
            with self._trouble():
                self._container.start_encoding()
        except BaseException:
            self.abandon()
            raise

    def _set_up(self, level: Level, matrix: int) -> None:
        stream, codec = self._stream, self._stream.codec_context
        stream.width, stream.height = self._size
        stream.pix_fmt = "yuv420p"
        stream.time_base = codec.time_base = self._base
        codec.thread_count, codec.thread_type = _THREADS, ThreadType.FRAME
        codec.gop_size = max(1, round(self._pace.rate))
        codec.colorspace, codec.color_range = matrix, ColorRange.MPEG
        codec.color_primaries = codec.color_trc = matrix
        stream.options = {
            "preset": "veryfast",
            "crf": "16",  # finer than the recorder's 18, so that the second generation loses less than the first
            "profile": "high",
            "level": level.name,
            "bf": "0",
            "refs": "3",
            "maxrate": f"{level.rate_kbit}k",
            "bufsize": f"{level.buffer_kbit}k",
            # 8x8dct is what makes the stream High and not Main; force-cfr says so in the stream itself.
            "x264-params": f"8x8dct=1:rc-lookahead={_LOOKAHEAD}:force-cfr={int(self._pace.even)}",
        }

    @property
    def full(self) -> bool:
        """Whether another picture might make it larger than its limit."""
        # What the encoder holds back is not larger than the largest so far, doubled for a cut to another scene.
        held_back = 2 * self._largest * _IN_FLIGHT
        index = _INDEX_BYTES_PER_PICTURE * (self.count + 1)
        return self._bytes + held_back + index + _CONTAINER_BYTES >= self._limit

    def write(self, frame: VideoFrame) -> None:
        """Add a picture: limited-range 4:2:0 of the size.

        Raises:
            OutputError: the disk is full or gone.
        """
        ticks, first = self._pace.ticks, self._first
        frame.pts = self.count if self._pace.even else ticks[first + self.count] - ticks[first]
        frame.time_base = self._base
        self._encode(frame)
        self.count += 1

    def close(self) -> int:
        """Write the end and the index; returns the size in bytes, which is even.

        Raises:
            OutputError: the disk is full or gone, or it became too large for one fragment.
        """
        with self._trouble():
            try:
                self._encode(None)
            finally:
                self._container.close()
            size = self.path.stat().st_size
            if size % 2:
                # An empty box makes it even; a bare zero byte behind the last box would be a damaged box.
                with self.path.open("ab") as file:
                    size += file.write(b"\x00\x00\x00\x09free\x00")
        if size > self._limit:
            raise OutputError(f"A part of the video has {size} bytes, more than a DICOM fragment holds.")
        return size

    def abandon(self) -> None:
        """Let go of the file after an error."""
        with contextlib.suppress(OSError, ValueError, av.error.FFmpegError):
            self._container.close()

    def _encode(self, frame: Any) -> None:
        with self._trouble():
            for packet in self._stream.encode(frame):
                self._largest = max(self._largest, packet.size)
                self._bytes += packet.size
                self._container.mux(packet)

    @contextlib.contextmanager
    def _trouble(self) -> Iterator[None]:
        try:
            yield
        except (OSError, av.error.FFmpegError) as error:
            raise OutputError(
                f"Cannot write the video into {self.path.parent.parent}: {_reason(error)}.", "Is the disk full or gone?"
            ) from error


_CONTAINER_OPTIONS = {"movflags": "+faststart", "fflags": "+bitexact"}


def _rate(rate: Fraction) -> Fraction:
    """A rate for the stream's header; it only informs, times are written picture by picture."""
    return rate.limit_denominator(1001)


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
