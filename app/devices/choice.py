"""Which of a device's formats to take: what the user asked for, and for the rest a rule that says why.

The rule: the size that arrives at the input, or else the largest up to 1920x1080 that comes at 24 frames/s or more;
uncompressed where that gives 24 frames/s and fits through the bus, or else MJPEG; the rate that arrives, or else the
highest up to 60. Uncompressed loses nothing and needs no decoding, which for MJPEG costs a core at 1080p60. Drivers'
defaults are never taken: many grabbers begin at 5 frames/s or 640x480.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from app.devices.device import Bus, Signal
from app.devices.formats import BYTES_PER_PIXEL, Format, Wish, rate_text, same_rate
from detector.errors import SourceError

_MOVING = Fraction(23976, 1000)  # from here on, motion is seen as such
_FASTEST = Fraction(6006, 100)  # nothing in the chain gains from more than 60
_LARGEST = (1920, 1080)
_RANK = {fourcc: place for place, fourcc in enumerate(BYTES_PER_PIXEL)}


@dataclass(frozen=True, slots=True)
class Choice:
    """What to ask the device for, and why.

    Attributes:
        fourcc: pixel format.
        width: in pixels.
        height: in pixels.
        rate: frames per second; None if the driver tells none.
        reason: in words.
    """

    fourcc: str
    width: int
    height: int
    rate: Fraction | None
    reason: str

    def __str__(self) -> str:
        return str(Wish(self.fourcc, self.width, self.height, self.rate))


@dataclass(frozen=True, slots=True)
class _Mode:
    format: Format
    rate: Fraction | None
    fits: bool

    @property
    def speed(self) -> Fraction:
        return self.rate or Fraction(0)

    @property
    def area(self) -> int:
        return self.format.width * self.format.height

    @property
    def plain(self) -> bool:
        """Uncompressed, through a bus that is wide enough, and fast enough to see motion."""
        return not self.format.compressed and self.fits and (self.rate is None or self.rate >= _MOVING)


def choose(formats: Sequence[Format], bus: Bus, wish: Wish | None = None, signal: Signal | None = None) -> Choice:
    """Pick a format.

    Args:
        formats: what the device offers.
        bus: where it is plugged in.
        wish: what must be so.
        signal: what arrives at its input.

    Raises:
        SourceError: it offers nothing that can be read here, or not what was asked for.
    """
    wish = wish or Wish()
    readable = [item for item in formats if item.readable]
    if not readable:
        named = ", ".join(sorted({item.fourcc for item in formats})) or "none"
        raise SourceError(
            f"The device offers no pixel format that can be read (it offers {named}).",
            f"Set it to one of {', '.join(BYTES_PER_PIXEL)} with its maker's tool, if it has one.",
        )
    asked = [item for item in readable if _asked_for(item, wish)]
    if not asked:
        raise SourceError(
            f"The device does not offer {wish}.",
            f"It offers {'; '.join(_offers(readable, wish))}. `polypwatch devices` lists all.",
        )
    modes = [_mode(item, bus, wish, signal) for item in asked]
    if wish.width is None:
        modes = _of_size(modes, signal)
    plain = [mode for mode in modes if mode.plain]
    # Explicitly asked formats are all there is to choose from; the reason then says what does not fit.
    best = min(plain or modes, key=lambda mode: _order(mode, signal))
    taken = best.format
    return Choice(taken.fourcc, taken.width, taken.height, best.rate, _reason(best, modes, wish, bus, signal))


def _order(mode: _Mode, signal: Signal | None) -> tuple[bool, bool, Fraction, int]:
    arrives = signal is None or same_rate(mode.speed, signal.rate)
    return not mode.fits, not arrives, -mode.speed, _RANK[mode.format.fourcc]


def _asked_for(item: Format, wish: Wish) -> bool:
    return (
        wish.fourcc in (None, item.fourcc)
        and wish.width in (None, item.width)
        and wish.height in (None, item.height)
        # A driver that tells no rates may still have the right one.
        and (wish.rate is None or not item.rates or item.nearest(wish.rate) is not None)
    )


def _mode(item: Format, bus: Bus, wish: Wish, signal: Signal | None) -> _Mode:
    rate = _rate(item, wish, signal)
    needs, limit = item.bytes_per_s(rate or Fraction(0)), bus.bytes_per_s
    fits = needs is None or limit is None or needs <= limit
    if fits or wish.rate is not None or limit is None:
        return _Mode(item, rate, fits)
    # A slower rate may fit; the rule then weighs it against a compressed format.
    slower = [slow for slow in item.rates if (item.bytes_per_s(slow) or 0) <= limit]
    return _Mode(item, slower[0], True) if slower else _Mode(item, rate, False)


def _rate(item: Format, wish: Wish, signal: Signal | None) -> Fraction | None:
    if wish.rate is not None:
        return item.nearest(wish.rate) or wish.rate
    arriving = item.nearest(signal.rate) if signal else None
    if arriving is not None:
        return arriving
    return next((rate for rate in item.rates if rate <= _FASTEST), item.rates[-1] if item.rates else None)


def _of_size(modes: list[_Mode], signal: Signal | None) -> list[_Mode]:
    """Those of the best size."""
    arriving = [m for m in modes if signal and (m.format.width, m.format.height) == (signal.width, signal.height)]
    if any(mode.fits for mode in arriving):
        return arriving
    small = [m for m in modes if m.format.width <= _LARGEST[0] and m.format.height <= _LARGEST[1]]
    moving = [m for m in small if m.fits and (m.rate is None or m.rate >= _MOVING)]
    if moving:
        best = max(moving, key=lambda mode: mode.area)
    elif small:
        best = max(small, key=lambda mode: (mode.fits, mode.speed, mode.area))
    else:
        best = min(modes, key=lambda mode: (not mode.fits, mode.area))
    chosen = best.format.width, best.format.height
    return [mode for mode in modes if (mode.format.width, mode.format.height) == chosen]


def _reason(best: _Mode, modes: list[_Mode], wish: Wish, bus: Bus, signal: Signal | None) -> str:
    parts = []
    if wish.rate is not None and best.rate is not None and not same_rate(wish.rate, best.rate):
        parts.append(f"{rate_text(best.rate)} is what it has for {rate_text(wish.rate)}")
    if wish.fourcc is not None:
        parts.append("pixel format as asked for")
    elif best.plain:
        parts.append("uncompressed")
        faster = [m for m in modes if m.format.compressed and m.speed > best.speed]
        if faster:
            parts.append(f"{faster[0].format.fourcc} would give {rate_text(max(m.speed for m in faster))} frames/s")
    elif best.format.compressed:
        slow = [mode for mode in modes if not mode.format.compressed]
        if any(not mode.fits for mode in slow):
            parts.append(f"uncompressed does not fit through {bus}")
        elif slow:
            parts.append(f"uncompressed gives {rate_text(max(m.speed for m in slow))} frames/s only")
        else:
            parts.append("it offers nothing uncompressed at this size")
    if not best.fits:
        parts.append(f"this does not fit through {bus}: expect lost frames")
    elif best.rate is not None and best.rate < _MOVING:
        listed = any(rate > best.rate for mode in modes for rate in mode.format.rates)
        parts.append(f"nothing faster fits through {bus}" if listed else "nothing faster is offered")
    if signal is not None and wish.width is None:
        same = (best.format.width, best.format.height) == (signal.width, signal.height)
        parts.append(f"the input has {signal}" if same else f"the input has {signal}, a size that is not offered")
    elif signal is None and wish.rate is None and best.rate is not None:
        parts.append("ask for the rate that the processor sends if it is another")
    return "; ".join(parts)


def _offers(readable: list[Format], wish: Wish) -> list[str]:
    """Up to six of what there is, nearest to what was asked for."""

    def distance(item: Format) -> tuple[bool, int, bool]:
        size = abs(item.width - (wish.width or item.width)) + abs(item.height - (wish.height or item.height))
        return wish.fourcc not in (None, item.fourcc), size, item.compressed

    return [
        f"{item.fourcc}@{item.width}x{item.height} at {', '.join(map(rate_text, item.rates)) or 'unknown rates'}"
        for item in sorted(readable, key=distance)[:6]
    ]
