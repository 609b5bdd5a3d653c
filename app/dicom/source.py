"""The pictures of a video as the decoder gives them, so that what needs no conversion is not converted.

Through BGR and back costs 2 to 8 dB: the rounding becomes noise that is encoded, too.
Only for videos that `detector.decode` has read from end to end: there damage is looked for, here it is left out.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import av.error
import cv2
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from av.video.stream import VideoStream

from detector.decode import FORMATS, to_bgr
from detector.errors import SourceError
from detector.geometry import Size

_BT709, _UNTAGGED, _BT470BG, _SMPTE170M = 1, 2, 5, 6  # matrices, as ITU-T H.273 numbers them
_LIMITED = (0, 1)  # untagged is taken for limited, as everywhere in this program


@dataclass(frozen=True, slots=True)
class Look:
    """How a video is stored.

    Attributes:
        codec: its name.
        aspect: width of a pixel through its height.
        matrix: the colour matrix (H.273) with which it is written: the source's, if that is one of HD's or SD's.
        direct: whether its planes can be taken as they are.
    """

    codec: str
    aspect: Fraction
    matrix: int
    direct: bool


def look_at(video: Path) -> Look:
    """Look at a video's first picture.

    Raises:
        SourceError: it cannot be read.
    """
    for frame, stream in _frames(video):
        aspect = stream.sample_aspect_ratio or Fraction(1)
        matrix = {_BT709: _BT709, _UNTAGGED: _SMPTE170M, _BT470BG: _SMPTE170M, _SMPTE170M: _SMPTE170M}.get(
            int(frame.colorspace)
        )
        even = not (frame.width % 2 or frame.height % 2)
        direct = matrix is not None and even and aspect == 1 and _as_it_is(frame)
        return Look(stream.codec_context.name, aspect, (matrix or _BT709) if direct else _BT709, direct)
    raise SourceError(f"{video} holds no picture that can be decoded.", "Copy or record it again.")


def pictures_420(video: Path, look: Look, size: Size) -> Iterator[VideoFrame]:
    """Every picture as limited-range 4:2:0 of a size, without anything that the source's file says beside the pixels.

    Raises:
        SourceError: it cannot be read.
    """
    reformatter = VideoReformatter()
    for frame, _ in _frames(video):
        same = Size(frame.width, frame.height) == size and _as_it_is(frame)
        if look.direct and same:
            # A copy of the planes alone: captions and picture types would be encoded again.
            yield VideoFrame.from_ndarray(frame.to_ndarray(), format="yuv420p")
            continue
        image = to_bgr(frame, reformatter)
        if max(abs(image.shape[1] - size.width), abs(image.shape[0] - size.height)) > 1:
            image = np.asarray(cv2.resize(image, tuple(size), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)
        image = np.ascontiguousarray(image[: size.height, : size.width])
        yield reformatter.reformat(
            VideoFrame.from_numpy_buffer(image, format="bgr24"),
            format="yuv420p",
            dst_colorspace=Colorspace.ITU709 if look.matrix == _BT709 else Colorspace.SMPTE170M,
            dst_color_range=ColorRange.MPEG,
        )


def _as_it_is(frame: VideoFrame) -> bool:
    return frame.format.name == "yuv420p" and int(frame.color_range) in _LIMITED and frame.rotation % 360 == 0


def _frames(video: Path) -> Iterator[tuple[VideoFrame, VideoStream]]:
    options = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}
    try:
        with av.open("file:" + os.fspath(video), options=options) as container:
            cover = av.stream.Disposition.attached_pic
            stream = next(s for s in container.streams.video if not s.disposition & cover)
            stream.thread_type = "AUTO"
            for packet in container.demux(stream):
                try:
                    frames = packet.decode()
                except av.error.InvalidDataError:
                    continue
                yield from ((frame, stream) for frame in frames if not frame.is_corrupt)
    except (av.error.FFmpegError, OSError, StopIteration) as error:
        raise SourceError(f"{video} cannot be read: {error}.", "Check the drive.") from error
