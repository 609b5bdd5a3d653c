"""Cameras by name, through FFmpeg: DirectShow on Windows, AVFoundation on macOS.

OpenCV knows cameras there by number only, and numbers change with every plug. Sound is never opened. Written after
FFmpeg's documentation of both inputs; not run on either system yet.
"""

from __future__ import annotations

import time
from fractions import Fraction

import av
import av.error

from app.capture.decode import Damage, PictureReader
from app.capture.live import Shot
from app.capture.troubles import reason
from app.devices.choice import Choice, choose
from app.devices.device import Bus
from app.devices.formats import Wish
from detector.errors import SourceError
from detector.frame import Interruption, SourceState

# What FFmpeg calls the pixel formats.
_PIXEL_FORMATS = {
    "UYVY": "uyvy422",
    "YUYV": "yuyv422",
    "NV12": "nv12",
    "NV21": "nv21",
    "YU12": "yuv420p",
    "YV12": "yuv420p",
    "BGR3": "bgr24",
    "RGB3": "rgb24",
}
# AVFoundation's own default is 29.97, which few cameras offer.
_MACOS_RATE = Fraction(30)
_NO_SUCH = "Run `polypwatch devices` for the names; close other programs that use the camera."


class NamedConnection:
    """A camera opened by name.

    Args:
        device: FFmpeg's input, a colon, and the device's name there.
        label: for errors.
        wish: what to ask for.
        exact: refuse a device that does not offer it; FFmpeg itself refuses what DirectShow does not grant.

    Raises:
        SourceError: it cannot be opened like that.
    """

    def __init__(self, device: str, label: str, wish: Wish, exact: bool) -> None:
        system, _, name = device.partition(":")
        if system not in av.formats_available:
            raise SourceError(
                f"The {label} cannot be opened: this machine has no {system} devices.",
                "That is a name from another system; run `polypwatch devices` here.",
            )
        choice = _choice(system, name, wish, exact)
        asked = Wish(choice.fourcc, choice.width, choice.height, choice.rate) if choice else wish
        try:
            self._container = av.open(_address(system, name), format=system, options=_options(system, asked))
        except (av.error.FFmpegError, OSError, ValueError) as error:
            raise SourceError(f"The {label} cannot be opened as {asked}: {error}.", _NO_SUCH) from error
        try:
            self._begin(label)
        except BaseException:
            self._container.close()
            raise
        self.mode = f"{self._given()} through {system}" + (f": {choice.reason}" if choice else "")

    def _begin(self, label: str) -> None:
        if not self._container.streams.video:
            raise SourceError(f"The {label} carries no picture.", _NO_SUCH)
        self._stream = self._container.streams.video[0]
        self._stream.thread_type = "SLICE"  # frame threads would cost a frame of delay each
        self.time_base = self._stream.time_base or Fraction(1, 10_000_000)
        self.rate = self._stream.average_rate or self._stream.guessed_rate or None
        self._reader = PictureReader(self._container, self._stream, self.rate, live=True)

    def _given(self) -> str:
        codec = self._stream.codec_context
        what = codec.pix_fmt if codec.name == "rawvideo" else codec.name
        return f"{what} {Wish(None, codec.width, codec.height, self.rate)}"

    def grab(self) -> Shot | Interruption:
        """The next picture of the device."""
        try:
            item = self._reader.read()
        except (av.error.FFmpegError, OSError) as error:
            return Interruption(SourceState.LOST, reason(error))
        if item is None:
            return Interruption(SourceState.GONE, "the device ended: unplugged?")
        return Shot(item.pts, time.perf_counter_ns(), item.image, item.detail if isinstance(item, Damage) else "")

    def close(self) -> None:
        """Let go of the device."""
        self._container.close()


def _choice(system: str, name: str, wish: Wish, exact: bool) -> Choice | None:
    """What to ask for; AVFoundation does not list formats."""
    if system != "dshow":
        return None
    from app.devices.desktop import formats_of

    formats = formats_of(name)
    if not formats and not exact:
        return None
    return choose(formats, Bus(), wish)


def _address(system: str, name: str) -> str:
    return {"dshow": f"video={name}", "avfoundation": f"{name}:none"}.get(system, name)


def _options(system: str, asked: Wish) -> dict[str, str]:
    rate = asked.rate or (_MACOS_RATE if system == "avfoundation" else None)
    chosen = {"framerate": str(rate) if rate else "", "fflags": "nobuffer"}
    if asked.width is not None:
        chosen["video_size"] = f"{asked.width}x{asked.height}"
    if asked.fourcc == "MJPG":
        chosen["vcodec"] = "mjpeg"
    elif asked.fourcc is not None:
        chosen["pixel_format"] = _PIXEL_FORMATS[asked.fourcc]
    if system == "dshow":
        chosen["rtbufsize"] = "64M"  # a dozen pictures; the default of 3 MB is less than one at 1080p
    return {key: value for key, value in chosen.items() if value}
