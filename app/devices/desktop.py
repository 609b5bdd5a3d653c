"""The cameras of Windows and macOS, as FFmpeg lists them through PyAV.

Windows: DirectShow gives each device a lasting name (``@device_pnp_...``) and its formats. macOS: AVFoundation gives
names alone; neither formats nor lasting ids can be had this way. Media Foundation is not among FFmpeg's inputs: OpenCV
opens it by number where DirectShow fails, see :mod:`app.capture.camera`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from fractions import Fraction

import av
import av.device
import av.logging

from app.devices.device import Device
from app.devices.formats import Format, canonical, tidy
from detector.errors import SourceError

_USUAL_RATES = (60, 50, 30, 25)
_OPTION = re.compile(
    r"(?:pixel_format|vcodec)=(\w+)\s+min s=(\d+)x(\d+) fps=([\d.e+]+) max s=(\d+)x(\d+) fps=([\d.e+]+)"
)


def list_windows() -> list[Device]:
    """The DirectShow capture devices, with formats."""
    return [
        _windows_device(found.name, found.description or found.name)
        for found in _listed("dshow")
        if "video" in found.media_types
    ]


def list_macos() -> list[Device]:
    """The AVFoundation capture devices; screens that could be captured are left out."""
    return [
        Device(
            id=found.description,
            stable=False,
            name=found.description,
            node=found.name,
            source=f"camera:avfoundation:{found.description}",
        )
        for found in _listed("avfoundation")
        if "video" in found.media_types and not found.description.startswith("Capture screen")
    ]


def formats_of(name: str) -> tuple[Format, ...]:
    """What a DirectShow device offers; it must not be running.

    Raises:
        SourceError: it cannot be asked.
    """
    return parse_options(_printed_options(name))


def parse_options(text: str) -> tuple[Format, ...]:
    """Formats from what FFmpeg's DirectShow input prints for ``list_options``.

    Of a range of sizes the largest is taken, of a range of rates the ends and the usual ones between.
    """
    return tidy(_options(text))


def _windows_device(name: str, description: str) -> Device:
    problem = hint = ""
    formats: tuple[Format, ...] = ()
    try:
        formats = formats_of(name)
    except SourceError as error:
        problem, hint = error.what, error.hint
    if not formats and not problem:
        problem, hint = "it lists no formats", "Another program may use it: close that one, or replug the device."
    return Device(
        id=name,
        stable=name.startswith("@device_pnp_"),
        name=description,
        node=name,
        source=f"camera:dshow:{name}",
        formats=formats,
        problem=problem,
        hint=hint,
    )


def _listed(system: str) -> list[av.device.DeviceInfo]:
    try:
        return av.device.enumerate_input_devices(system)
    except (ValueError, av.error.FFmpegError, OSError) as error:
        raise SourceError(
            f"The cameras cannot be listed: FFmpeg's {system} input says {error}.",
            "Reinstall PyAV (`pip install --force-reinstall av`); cameras can still be opened by number: camera:0.",
        ) from error


def _printed_options(name: str) -> str:
    """What FFmpeg prints about a device; it has no other way to tell."""
    before = av.logging.get_level()
    av.logging.set_level(av.logging.INFO)
    try:
        with av.logging.Capture() as lines:
            try:
                av.open(f"video={name}", format="dshow", options={"list_options": "true"}).close()
            except av.error.ExitError:
                pass  # how FFmpeg says that it has listed all
            except (av.error.FFmpegError, OSError) as error:
                raise SourceError(
                    f"its formats cannot be listed: {error}", "Close other programs that use it."
                ) from error
    finally:
        av.logging.set_level(before)
    return "".join(message for _, _, message in lines)


def _options(text: str) -> Iterator[Format]:
    for name, _, _, slowest, width, height, fastest in _OPTION.findall(text):
        low, high = _rate(slowest), _rate(fastest)
        rates = {low, high, *(Fraction(rate) for rate in _USUAL_RATES if low <= rate <= high)}
        between = (low, high) if low < high else None
        yield Format(canonical(name), int(width), int(height), _descending(rates), between)


def _rate(text: str) -> Fraction:
    """DirectShow counts frame intervals in 100 ns and FFmpeg prints six digits: 60.0002 is 60, 59.9402 is 59.94."""
    printed = Fraction(text)
    whole = Fraction(round(printed))
    for meant in (whole, whole * 1000 / 1001):
        if meant and abs(printed / meant - 1) < Fraction(1, 10_000):
            return meant
    return printed.limit_denominator(1001)


def _descending(rates: Iterable[Fraction]) -> tuple[Fraction, ...]:
    return tuple(sorted(rates, reverse=True))
