"""One H.264 file: pictures in, a file that is readable at every moment out. Boxes are never burned in."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import av.error
import numpy as np
import numpy.typing as npt
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType, VideoFrame
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

from app.recording.encoders import Encoder, EncoderError, require_recordable, set_up, x264
from detector.errors import OutputError
from detector.geometry import Size

_KEY_INTERVAL_S = 0.5
_TIME_BASE = Fraction(1, 1000)  # what MKV stores
CONTAINER_OPTIONS = {
    # A cluster is written when it is complete: what it holds is lost with the program. Without the flush a dark, still
    # picture stays in a buffer of 32 kB for a minute.
    ".mkv": {"cluster_time_limit": "200", "flush_packets": "1"},
    ".mp4": {"movflags": "+faststart"},
}


class Converter:
    """Turns BGR pictures into what an encoder takes: BT.709, limited range.

    Args:
        pixels: FFmpeg's name of the pixel format.
    """

    def __init__(self, pixels: str = "yuv420p") -> None:
        self._pixels = pixels
        self._reformatter = VideoReformatter()

    def __call__(self, image: npt.NDArray[np.uint8]) -> VideoFrame:
        """A picture of its own memory, without an odd last row or column; ``image`` is uint8 ``(H, W, 3)``, BGR.

        Raises:
            EncoderError: it cannot be converted: it is smaller than 2 x 2, for instance.
        """
        size = even(Size.of(image))
        require_recordable(Size.of(image))
        cut = image[: size.height, : size.width]
        if cut.strides[1:] != (3, 1) or cut.strides[0] < 0:
            cut = np.ascontiguousarray(cut)
        bgr = VideoFrame.from_numpy_buffer(cut, format="bgr24")  # without a copy: 10 ms less at 1080p
        return self._reformatter.reformat(
            bgr, format=self._pixels, dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
        )


class VideoFile:
    """One H.264 file.

    Args:
        path: where to write; ``.mkv`` survives a crash up to the last fifth of a second, ``.mp4`` plays everywhere.
        size: of every frame; an odd last row or column is left out, as H.264 4:2:0 demands.
        rate: nominal frames per second, for the key-frame interval.
        crf: quality of x264; 18 is hardly distinguishable from the source.
        encoder: another encoder than x264.

    Raises:
        OutputError: the file cannot be created.
        EncoderError: the encoder does not open.
    """

    def __init__(
        self, path: Path, size: Size, rate: Fraction | None, crf: int = 18, encoder: Encoder | None = None
    ) -> None:
        self.path = path
        self.size = even(size)
        self.encoder = encoder or x264(crf)
        require_recordable(size)
        with self._disk():
            self._container = av.open(str(path), "w", options=CONTAINER_OPTIONS[path.suffix])
        rate_hz = float(rate or 25)
        with self._encoding():
            self._stream: Any = self._container.add_stream(self.encoder.name, rate=max(1, round(rate_hz)))
        codec = cast(VideoCodecContext, self._stream.codec_context)
        set_up(codec, self.encoder, self.size, Fraction(max(1, round(rate_hz))))
        self._stream.time_base = codec.time_base = _TIME_BASE
        codec.gop_size = max(1, round(rate_hz * _KEY_INTERVAL_S))
        self._stream.options = dict(self.encoder.options)
        _tag_colours(codec)
        self._convert = Converter(self.encoder.pixels)
        self._last_pts = -1
        self._closed = False
        try:
            with self._encoding():
                codec.open(strict=False)
            with self._disk():
                self._container.start_encoding()  # creates the file: what is wrong with the folder shows now
        except OutputError:
            with contextlib.suppress(OSError, av.error.FFmpegError):
                self._container.close()
            raise

    def write(self, image: npt.NDArray[np.uint8], seconds: float) -> None:
        """Add a BGR picture at ``seconds`` from the start.

        Raises:
            OutputError: the disk is full or gone.
            EncoderError: the encoder failed.
        """
        self.put(self._convert(image[: self.size.height, : self.size.width]), seconds)

    def put(self, frame: VideoFrame, seconds: float, *, key: bool = False) -> None:
        """Add a converted picture.

        Args:
            frame: of this file's size, in the encoder's pixel format.
            seconds: from the start.
            key: nothing that was written before may be looked at for this picture or any after it.

        Raises:
            OutputError: the disk is full or gone.
            EncoderError: the encoder failed.
        """
        # Two frames may fall into the same millisecond; the container wants strictly growing times.
        self._last_pts = frame.pts = max(round(seconds * 1000), self._last_pts + 1)
        frame.time_base = _TIME_BASE
        frame.pict_type = PictureType.I if key else PictureType.NONE
        with self._encoding():
            packets = self._stream.encode(frame)
        with self._disk():
            self._container.mux(packets)

    def close(self) -> None:
        """Write what the encoder still holds, and the index; the file is closed also if that fails.

        Raises:
            OutputError: the disk is full or gone.
        """
        if self._closed:
            return
        self._closed = True
        with self._disk():
            try:
                self._container.mux(self._stream.encode(None))
            finally:
                self._container.close()

    @contextlib.contextmanager
    def _disk(self) -> Iterator[None]:
        try:
            yield
        except (OSError, av.error.FFmpegError) as error:
            raise OutputError(f"Cannot write {self.path}: {_reason(error)}.", "Is the disk full or gone?") from error

    @contextlib.contextmanager
    def _encoding(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError, av.error.FFmpegError) as error:
            raise EncoderError(
                f"The encoder {self.encoder.name} failed: {_reason(error)}.", "Set recording.encoder to x264."
            ) from error


def even(size: Size) -> Size:
    """The size that is recorded of pictures of this size."""
    return Size(size.width // 2 * 2, size.height // 2 * 2)


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def _tag_colours(codec: Any) -> None:
    """Say in the file that it is BT.709, limited range: players guess differently where nothing is said."""
    codec.colorspace, codec.color_range = Colorspace.ITU709, ColorRange.MPEG
    codec.color_primaries = codec.color_trc = 1  # BT.709, as ITU-T H.273 numbers it
