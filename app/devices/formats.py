"""What a device offers (pixel format, picture size, rates), and what a user asks for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from detector.errors import UsageError

# Bytes per pixel of what can be turned into a colour picture, best first: whole colour lines before halved ones, and
# packed YUV before RGB, which holds no more and takes half as much bus again. Compressed: None.
BYTES_PER_PIXEL: dict[str, Fraction | None] = {
    "UYVY": Fraction(2),
    "YUYV": Fraction(2),
    "NV12": Fraction(3, 2),
    "YU12": Fraction(3, 2),
    "YV12": Fraction(3, 2),
    "NV21": Fraction(3, 2),
    "BGR3": Fraction(3),
    "RGB3": Fraction(3),
    "MJPG": None,
}
# Other systems' names for the same bytes: Windows' and Apple's four letters, FFmpeg's words.
_ALIASES = {
    "YUY2": "YUYV",
    "YUYV422": "YUYV",
    "2VUY": "UYVY",
    "UYVY422": "UYVY",
    "I420": "YU12",
    "IYUV": "YU12",
    "YUV420P": "YU12",
    "BGR24": "BGR3",
    "RGB24": "RGB3",
    "MJPEG": "MJPG",
    "JPEG": "MJPG",
}
# 25.02 and 25 are one rate, 59.94 and 60 are two: drivers round frame intervals to 100 ns.
_SAME_RATE = Fraction(1, 100)
# One thousandth and a bit: who asks for 60 where 59.94 is offered means that one.
_MEANT_RATE = Fraction(15, 10_000)


@dataclass(frozen=True, slots=True)
class Format:
    """One pixel format at one size, with its rates.

    Attributes:
        fourcc: four letters as Video4Linux writes them (``YUYV``, not ``YUY2``).
        width: in pixels.
        height: in pixels.
        rates: frames per second, highest first; empty if the driver does not tell.
        between: lowest and highest rate where the driver takes any between; ``rates`` then holds the usual ones.
    """

    fourcc: str
    width: int
    height: int
    rates: tuple[Fraction, ...] = ()
    between: tuple[Fraction, Fraction] | None = None

    @property
    def readable(self) -> bool:
        """Whether its pictures can be turned into colour here."""
        return self.fourcc in BYTES_PER_PIXEL

    @property
    def compressed(self) -> bool:
        """Whether pictures cross the bus compressed; unknown formats count as compressed."""
        return BYTES_PER_PIXEL.get(self.fourcc) is None

    def bytes_per_s(self, rate: Fraction) -> Fraction | None:
        """What crosses the bus at ``rate``; None if compressed."""
        size = BYTES_PER_PIXEL.get(self.fourcc)
        return None if size is None else size * self.width * self.height * rate

    def nearest(self, rate: Fraction) -> Fraction | None:
        """The offered rate that is meant by ``rate``; None if there is none."""
        if self.between is not None and self.between[0] <= rate <= self.between[1]:
            return rate
        close = min(self.rates, key=lambda offered: abs(offered - rate), default=None)
        return close if close is not None and abs(close - rate) <= rate * _MEANT_RATE else None


@dataclass(frozen=True, slots=True)
class Wish:
    """What the user asks for; what is None is left to the rule in :mod:`app.devices.choice`.

    Attributes:
        fourcc: pixel format.
        width: in pixels, with ``height``.
        height: in pixels.
        rate: frames per second.
    """

    fourcc: str | None = None
    width: int | None = None
    height: int | None = None
    rate: Fraction | None = None

    def __str__(self) -> str:
        size = f"{self.width}x{self.height}" if self.width else None
        return "@".join(filter(None, (self.fourcc, size, rate_text(self.rate) if self.rate else None))) or "any"


def parse_wish(text: str) -> Wish:
    """Read ``UYVY@1920x1080@50``; each part may be left out.

    Raises:
        UsageError: it is not understood.
    """
    found: dict[str, str] = {}
    for part in text.strip().split("@"):
        found_kind = _kind(part)
        if found_kind in found:
            raise _not_understood(text, f"it names two: {found[found_kind]} and {part}")
        found[found_kind] = part
    fourcc = canonical(found["format"]) if "format" in found else None
    if fourcc is not None and fourcc not in BYTES_PER_PIXEL:
        raise _not_understood(text, f"the pixel format {found['format']} is not known")
    width = height = None
    if "size" in found:
        width, height = (int(side) for side in found["size"].lower().split("x"))
    rate = _rate(found["rate"]) if "rate" in found else None
    return Wish(fourcc, width, height, rate)


def canonical(name: str) -> str:
    """The four letters by which a pixel format is known here."""
    upper = name.upper()
    return _ALIASES.get(upper, upper)


def same_rate(one: Fraction, other: Fraction) -> bool:
    """Whether two rates differ by rounding only."""
    return abs(one - other) <= _SAME_RATE


def rate_text(rate: Fraction) -> str:
    """A rate as people say it: 50, 59.94."""
    return f"{float(rate):.2f}".rstrip("0").rstrip(".")


def tidy(formats: Iterable[Format]) -> tuple[Format, ...]:
    """Without repetition and sorted: pixel formats as the device lists them, large before small, fast before slow."""
    merged: dict[tuple[str, int, int], Format] = {}
    order: dict[str, int] = {}
    for item in formats:
        order.setdefault(item.fourcc, len(order))
        key = item.fourcc, item.width, item.height
        before = merged.get(key)
        rates = {*item.rates, *(before.rates if before else ())}
        between = item.between or (before.between if before else None)
        merged[key] = Format(*key, tuple(sorted(rates, reverse=True)), between)
    return tuple(sorted(merged.values(), key=lambda f: (order[f.fourcc], -f.width * f.height, -f.width)))


def _kind(part: str) -> str:
    if re.fullmatch(r"[1-9]\d*[xX][1-9]\d*", part):
        return "size"
    if re.fullmatch(r"\d+(\.\d+)?|[1-9]\d*/[1-9]\d*", part) and _rate(part) > 0:
        return "rate"
    if re.fullmatch(r"[A-Za-z0-9]{4,7}", part):
        return "format"
    raise _not_understood(part, "it is no pixel format, size or rate")


def _rate(text: str) -> Fraction:
    exact = Fraction(text)
    # 59.94 is written for 60000/1001.
    broadcast = Fraction(round(exact) * 1000, 1001)
    return broadcast if exact.denominator != 1 and same_rate(exact, broadcast) else exact


def _not_understood(text: str, why: str) -> UsageError:
    return UsageError(
        f"The format {text} is not understood: {why}.",
        f"Write it as UYVY@1920x1080@50, or a part of that; pixel formats are {', '.join(BYTES_PER_PIXEL)}.",
    )
