"""Video4Linux: what a device node says about itself, asked with the kernel's own ioctls.

Layouts and numbers are those of the kernel's user-space API (``linux/videodev2.h``, "Part I - Video for Linux API",
ioctls VIDIOC_QUERYCAP, ENUM_FMT, ENUM_FRAMESIZES, ENUM_FRAMEINTERVALS, ENUMINPUT, G_INPUT, QUERY_DV_TIMINGS), the same
on all 64-bit and 32-bit machines: none of these structures holds a pointer or a ``long``. Asking changes nothing and
disturbs no stream that runs.
"""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from app.devices.device import Signal
from app.devices.formats import Format, tidy

Ioctl = Callable[[int, int, bytearray], object]

QUERYCAP = 0x80685600
ENUM_FMT = 0xC0405602
ENUM_FRAMESIZES = 0xC02C564A
ENUM_FRAMEINTERVALS = 0xC034564B
ENUMINPUT = 0xC050561A
G_INPUT = 0x80045626
QUERY_DV_TIMINGS = 0x80845663

_CAPTURE, _CAPTURE_PLANES, _DEVICE_CAPS = 0x1, 0x1000, 0x80000000
_BUFFER_CAPTURE, _BUFFER_CAPTURE_PLANES = 1, 9
_DISCRETE, _CONTINUOUS = 1, 2
_NO_POWER, _NO_SIGNAL = 0x1, 0x2
_REDUCED_RATE = 0x4  # V4L2_DV_FL_REDUCED_FPS: 59.94 where the timings say 60
_CAPABILITY = struct.Struct("=16s32s32s3I12x")
_FORMAT = struct.Struct("=3I32sII12x")
_SIZE = struct.Struct("=3I6I8x")
_INTERVAL = struct.Struct("=5I6I8x")
_INPUT = struct.Struct("=I32sIIIQII16x")
_TIMINGS = struct.Struct("=I4IQ11I60x")
# A driver that never says "no more" must not hang the list.
_MOST = 256
# Of devices that take any size or rate in a range.
_USUAL_SIZES = (
    (640, 480),
    (720, 480),
    (720, 576),
    (1024, 768),
    (1280, 720),
    (1280, 1024),
    (1920, 1080),
    (3840, 2160),
)
_USUAL_RATES = (
    Fraction(60),
    Fraction(60_000, 1001),
    Fraction(50),
    Fraction(30),
    Fraction(30_000, 1001),
    Fraction(25),
)


@dataclass(frozen=True, slots=True)
class Probe:
    """What a node answered.

    Attributes:
        name: of the card; empty if the node could not be asked.
        captures: whether pictures can be taken from it; a camera's metadata node and outputs cannot.
        formats: what it offers.
        signal: what arrives at its input, if it tells.
        problem: why it cannot be used, in words; empty if nothing is wrong.
        hint: what to do about it.
    """

    name: str = ""
    captures: bool = True
    formats: tuple[Format, ...] = ()
    signal: Signal | None = None
    problem: str = ""
    hint: str = ""


def probe(node: Path, ioctl: Ioctl | None = None) -> Probe:
    """Ask a device node what it is; never raises for what a device may do."""
    try:
        # Non-blocking, as the kernel's documentation asks: opening must not wait for a device that sleeps.
        handle = os.open(node, os.O_RDWR | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    except OSError as error:
        return refusal(node, error)
    try:
        return _asked(node, handle, ioctl or _kernel_ioctl)
    except OSError as error:
        return refusal(node, error)
    finally:
        os.close(handle)


def refusal(node: Path, error: OSError) -> Probe:
    """What an error of the system means for who wants to use the device."""
    known = {
        errno.EACCES: (
            "this user may not read it",
            "Join the group of video devices (`sudo usermod -aG video $USER`), then log out and in again.",
        ),
        errno.EBUSY: ("another program uses it", "Close the other program; a grabber serves one at a time."),
        errno.ENOENT: ("it is no longer there", "Plug it in again."),
        errno.ENODEV: ("it is no longer there", "Plug it in again."),
        errno.ENXIO: ("nothing answers behind this node", "Unplug the device and plug it in again."),
        errno.ENOTTY: ("it is no video device", ""),
        errno.EIO: ("it does not answer", "Unplug the device and plug it in again; try another port and cable."),
    }
    known[errno.EPERM] = known[errno.EACCES]
    problem, hint = known.get(error.errno or 0, (f"the system says: {error.strerror or error}", ""))
    return Probe(problem=problem, hint=hint, captures=error.errno != errno.ENOTTY)


def _asked(node: Path, handle: int, ioctl: Ioctl) -> Probe:
    answer = bytearray(_CAPABILITY.size)
    ioctl(handle, QUERYCAP, answer)
    _, card, _, _, capabilities, device_capabilities = _CAPABILITY.unpack(answer)
    # The first field speaks for the whole card, the second for this node.
    able = device_capabilities if capabilities & _DEVICE_CAPS else capabilities
    name = _text(card) or node.name
    if not able & (_CAPTURE | _CAPTURE_PLANES):
        return Probe(name, captures=False)
    kind = _BUFFER_CAPTURE if able & _CAPTURE else _BUFFER_CAPTURE_PLANES
    formats = tidy(_formats(handle, kind, ioctl))
    signal, problem = _signal(handle, ioctl)
    if problem:
        return Probe(name, True, formats, signal, problem, "Check the cable, and that the processor is on.")
    if not formats:
        return Probe(name, True, (), signal, "it lists no formats", "Plug in and switch on what sends it pictures.")
    return Probe(name, True, formats, signal)


def _formats(handle: int, kind: int, ioctl: Ioctl) -> Iterator[Format]:
    for index in range(_MOST):
        answer = _enumerated(ioctl, handle, ENUM_FMT, bytearray(_FORMAT.pack(index, kind, 0, b"", 0, 0)))
        if answer is None:
            return
        pixel_format = _FORMAT.unpack(answer)[4]
        fourcc = _fourcc(pixel_format)
        for width, height in _sizes(handle, pixel_format, ioctl):
            rates, between = _rates(handle, pixel_format, width, height, ioctl)
            yield Format(fourcc, width, height, rates, between)


def _sizes(handle: int, pixel_format: int, ioctl: Ioctl) -> Iterator[tuple[int, int]]:
    for index in range(_MOST):
        request = bytearray(_SIZE.pack(index, pixel_format, 0, *[0] * 6))
        answer = _enumerated(ioctl, handle, ENUM_FRAMESIZES, request)
        if answer is None:
            return
        _, _, kind, *numbers = _SIZE.unpack(answer)
        if kind != _DISCRETE:
            yield from _sizes_between(*numbers)
            return
        yield numbers[0], numbers[1]


def _sizes_between(
    low_width: int, high_width: int, step_width: int, low_height: int, high_height: int, step_height: int
) -> Iterator[tuple[int, int]]:
    """The usual sizes that lie in the range and on its steps, and the largest."""
    for width, height in (*_USUAL_SIZES, (high_width, high_height)):
        inside = low_width <= width <= high_width and low_height <= height <= high_height
        on_step = (width - low_width) % max(step_width, 1) == 0 and (height - low_height) % max(step_height, 1) == 0
        if inside and on_step:
            yield width, height


def _rates(
    handle: int, pixel_format: int, width: int, height: int, ioctl: Ioctl
) -> tuple[tuple[Fraction, ...], tuple[Fraction, Fraction] | None]:
    found: list[Fraction] = []
    for index in range(_MOST):
        request = bytearray(_INTERVAL.pack(index, pixel_format, width, height, 0, *[0] * 6))
        answer = _enumerated(ioctl, handle, ENUM_FRAMEINTERVALS, request)
        if answer is None:
            break
        kind, *numbers = _INTERVAL.unpack(answer)[4:]
        if kind != _DISCRETE:
            return _rates_between(kind, *numbers)
        if numbers[0] and numbers[1]:
            found.append(_rate(numbers[0], numbers[1]))
    return tuple(sorted(set(found), reverse=True)), None


def _rates_between(
    kind: int, shortest: int, per: int, longest: int, longest_per: int, step: int, step_per: int
) -> tuple[tuple[Fraction, ...], tuple[Fraction, Fraction] | None]:
    """The usual rates in a range of frame intervals (numerators and denominators, in seconds), and the range."""
    if not (shortest and per and longest and longest_per):
        return (), None
    fastest, slowest = Fraction(per, shortest), Fraction(longest_per, longest)
    inside = [rate for rate in _USUAL_RATES if slowest <= rate <= fastest]
    if kind != _CONTINUOUS and step and step_per:
        interval = Fraction(step, step_per)
        inside = [rate for rate in inside if ((1 / rate - 1 / fastest) / interval).denominator == 1]
        return tuple(sorted({*inside, fastest}, reverse=True)), None
    return tuple(sorted({*inside, min(fastest, Fraction(60))}, reverse=True)), (slowest, fastest)


def _signal(handle: int, ioctl: Ioctl) -> tuple[Signal | None, str]:
    """What arrives at the chosen input, and what is wrong with it; most webcams and USB grabbers do not tell."""
    answer = bytearray(_TIMINGS.size)
    try:
        ioctl(handle, QUERY_DV_TIMINGS, answer)
    except OSError as error:
        said = {
            errno.ENOLINK: "no signal at its input",
            errno.ENOLCK: "the signal at its input is not stable",
            errno.ERANGE: "the signal at its input is beyond what it can take",
        }
        if error.errno in said:
            return None, said[error.errno]
        return None, _input_problem(handle, ioctl)
    return _timings(bytes(answer)), ""


def _timings(answer: bytes) -> Signal | None:
    """The signal in a ``v4l2_dv_timings``; the rate is that of whole frames (V4L2_DV_BT_FRAME_HEIGHT)."""
    _, width, height, interlaced, _, clock, *porches = _TIMINGS.unpack(answer)
    flags = porches[10]
    lines = height + sum(porches[3:6]) + (sum(porches[6:9]) if interlaced else 0)
    dots = (width + sum(porches[0:3])) * lines
    if not (width and height and clock):
        return None
    rate = Fraction(clock, dots) * (Fraction(1000, 1001) if flags & _REDUCED_RATE else 1)
    return Signal(width, height, rate.limit_denominator(1001), bool(interlaced))


def _input_problem(handle: int, ioctl: Ioctl) -> str:
    chosen = _enumerated(ioctl, handle, G_INPUT, bytearray(4))
    if chosen is None:
        return ""
    index = struct.unpack("=I", chosen)[0]
    answer = _enumerated(ioctl, handle, ENUMINPUT, bytearray(_INPUT.pack(index, b"", 0, 0, 0, 0, 0, 0)))
    if answer is None:
        return ""
    _, name, *_, status, _ = _INPUT.unpack(answer)
    if status & _NO_POWER:
        return f"what is at its input {_text(name)} is off"
    return f"no signal at its input {_text(name)}" if status & _NO_SIGNAL else ""


def _enumerated(ioctl: Ioctl, handle: int, request: int, answer: bytearray) -> bytearray | None:
    """The filled-in answer; None where there is no such entry, or the driver does not know the question."""
    try:
        ioctl(handle, request, answer)
    except OSError as error:
        if error.errno in (errno.EINVAL, errno.ENOTTY, errno.ENODATA):
            return None
        raise
    return answer


def _rate(numerator: int, denominator: int) -> Fraction:
    """A rate from a frame interval; USB's intervals of 100 ns are put right: 166667 of them are 60 frames/s."""
    rate = Fraction(denominator, numerator)
    whole = round(rate)
    for meant in (Fraction(whole), Fraction(whole * 1000, 1001)):
        if abs(1 / rate - 1 / meant) * 10_000_000 <= 1:
            return meant
    return rate.limit_denominator(1001)


def _fourcc(number: int) -> str:
    # The top bit marks big-endian variants.
    letters = (number & 0x7FFFFFFF).to_bytes(4, "little").decode("ascii", "replace").rstrip()
    return f"{letters}-BE" if number >> 31 else letters


def _text(raw: bytes) -> str:
    return raw.split(b"\0", 1)[0].decode("utf-8", "replace").strip()


def _kernel_ioctl(handle: int, request: int, answer: bytearray) -> object:
    import fcntl  # not on Windows

    return fcntl.ioctl(handle, request, answer, True)
