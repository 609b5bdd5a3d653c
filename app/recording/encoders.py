"""Which encoder writes the video. Whether one works is tried by encoding a picture, never looked up.

Options are those of FFmpeg's encoders (`ffmpeg -h encoder=h264_nvenc` and so on): about the quality of x264 at crf 18,
no B-frames and no look-ahead, so that nothing waits inside the encoder when the power goes, and a forced key frame is
one that nothing after it looks behind. VAAPI is not among them: it takes pictures that lie in the card's memory, which
PyAV cannot hand over.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

import av
import av.error
from av.codec import CodecContext
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from detector.errors import OutputError
from detector.geometry import Size

_LOG = logging.getLogger(__name__)
_PROBE_SIZE = Size(640, 480)  # NVENC refuses less than 145 x 49
_NO_BIT_RATE = 0  # FFmpeg's default of 200 kbit/s would win over the quality asked for


class EncoderError(OutputError):
    """The encoder failed; the disk may be well."""


@dataclass(frozen=True, slots=True)
class Encoder:
    """An encoder of H.264.

    Attributes:
        name: FFmpeg's.
        pixels: the pixel format that it takes.
        options: FFmpeg's options for it.
    """

    name: str
    pixels: str = "yuv420p"
    options: Mapping[str, str] = field(default_factory=dict, hash=False)


def x264(crf: int = 18) -> Encoder:
    """The encoder that runs everywhere; crf 18 is hardly distinguishable from the source."""
    return Encoder("libx264", options={"preset": "ultrafast", "crf": str(crf), "tune": "zerolatency"})


_QP = "20"
_HARDWARE = {
    "nvenc": Encoder(
        "h264_nvenc",
        options={
            "preset": "p4",
            "tune": "ll",
            "rc": "constqp",
            "qp": _QP,
            "bf": "0",
            "rc-lookahead": "0",
            "zerolatency": "1",
            "delay": "0",
            "forced-idr": "1",
        },
    ),
    "qsv": Encoder(
        "h264_qsv",
        "nv12",
        {"preset": "veryfast", "global_quality": _QP, "async_depth": "1", "bf": "0", "forced_idr": "1"},
    ),
    "amf": Encoder(
        "h264_amf",
        "nv12",
        {"usage": "lowlatency", "rc": "cqp", "qp_i": _QP, "qp_p": _QP, "bf": "0", "forced_idr": "1"},
    ),
    "videotoolbox": Encoder("h264_videotoolbox", "nv12", {"realtime": "1", "b": "20000000", "bf": "0"}),
}
CHOICES = ("auto", "x264", *_HARDWARE)


def choose_encoder(wanted: str, size: Size | None = None) -> Encoder:
    """The encoder to use.

    Args:
        wanted: ``auto`` takes the first hardware encoder that works, else x264. Any other name is that one or an error.
        size: of the pictures; None asks whether the encoder works at all.

    Raises:
        EncoderError: the encoder that was asked for does not work here.
        OutputError: there is no such encoder.
    """
    if wanted == "x264":
        return x264()
    if wanted in _HARDWARE:
        if reason := trouble_with(wanted, size or _PROBE_SIZE):
            raise EncoderError(
                f"The encoder '{wanted}' does not work on this computer: {reason}.",
                "Set recording.encoder to auto or x264, or look at the graphics driver.",
            )
        return _HARDWARE[wanted]
    if wanted != "auto":
        raise OutputError(f"There is no encoder '{wanted}'.", f"Choose one of {', '.join(CHOICES)}.")
    for name, encoder in _HARDWARE.items():
        if not trouble_with(name, size or _PROBE_SIZE):
            return encoder
    return x264()


def require_recordable(size: Size) -> None:
    """Refuse what no encoder takes.

    Raises:
        EncoderError: the pictures are smaller than 2 x 2.
    """
    if min(size) < 2:
        raise EncoderError(f"Pictures of {size.width} x {size.height} pixels cannot be recorded.")


@functools.lru_cache(maxsize=64)
def trouble_with(name: str, size: Size) -> str:
    """Why a hardware encoder cannot encode pictures of this size; empty if it can. Tried once for each size."""
    encoder = _HARDWARE[name]
    try:
        codec = opened(encoder, size, Fraction(25))
        packets = [*codec.encode(black(size, encoder.pixels)), *codec.encode(None)]
        reason = "" if packets else "it gave nothing"
    except (OSError, av.error.FFmpegError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
    _LOG.info("Encoder %s at %d x %d: %s", encoder.name, *size, reason or "works")
    return reason


def opened(encoder: Encoder, size: Size, rate: Fraction) -> VideoCodecContext:
    """A codec of its own, for trying: nothing is written.

    Raises:
        FFmpegError: it does not open.
    """
    codec = CodecContext.create(encoder.name, "w")
    assert isinstance(codec, VideoCodecContext)
    set_up(codec, encoder, size, rate)
    codec.time_base = Fraction(1, 1000)
    codec.options = dict(encoder.options)
    return codec


def set_up(codec: VideoCodecContext, encoder: Encoder, size: Size, rate: Fraction) -> None:
    """What does not depend on where the packets go."""
    codec.width, codec.height = size
    codec.pix_fmt = encoder.pixels
    codec.framerate = rate
    if encoder.name not in ("libx264", "h264_videotoolbox"):
        codec.bit_rate = _NO_BIT_RATE


def black(size: Size, pixels: str = "yuv420p") -> VideoFrame:
    """A black picture, limited range; ``yuv420p`` and ``nv12`` both have grey chroma after the luma plane."""
    frame = VideoFrame(size.width, size.height, pixels)
    for number, plane in enumerate(frame.planes):
        plane.update(bytes([16 if number == 0 else 128]) * plane.buffer_size)
    return frame
