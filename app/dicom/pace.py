"""When the pictures of a video stand, how that is said in DICOM, and which transfer syntax can carry it. Pure.

PS3.5 8.2.7 and 8.2.8 ask for nothing more than H.264 High Profile within a level and square pixels: a variable rate is
allowed and said by a Frame Time Vector (PS3.3 C.7.6.5). So no picture is ever repeated or dropped to make a rate even.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from detector.errors import OutputError
from detector.geometry import Size

CLOCK = 90_000  # ticks per second for variable rates, as in MPEG systems
_EVEN_WITHIN_TICKS = 90  # 1 ms: containers that count milliseconds round an even rate by half of that, both ways
_USUAL_RATES = tuple(
    Fraction(*r) for r in ((25, 1), (30, 1), (30000, 1001), (50, 1), (60, 1), (60000, 1001), (24, 1), (24000, 1001))
)
_LONGEST_VALUE = 65_534  # bytes: DS has a length of 16 bits in explicit VR, and lengths are even (PS3.5 7.1.2)

HIGH_41, HIGH_42 = "1.2.840.10008.1.2.4.102", "1.2.840.10008.1.2.4.104"


@dataclass(frozen=True, slots=True)
class Level:
    """A level of ITU-T H.264, table A-1 (High Profile: bit rate and buffer are 1.25 times those of the table).

    Attributes:
        name: as x264 takes it.
        syntax: transfer syntax UID.
        most_macroblocks: of a picture.
        most_per_s: macroblocks a second.
        rate_kbit, buffer_kbit: bits a second, and decoder buffer, in thousands.
    """

    name: str
    syntax: str
    most_macroblocks: int
    most_per_s: int
    rate_kbit: int = 62_500
    buffer_kbit: int = 62_500

    def holds(self, size: Size, rate: Fraction) -> bool:
        """Whether pictures of a size at a rate fit."""
        wide, high = -(-size.width // 16), -(-size.height // 16)
        if max(wide, high) ** 2 > 8 * self.most_macroblocks:
            return False
        return wide * high <= self.most_macroblocks and wide * high * rate <= self.most_per_s


LEVELS = (Level("4.1", HIGH_41, 8_192, 245_760), Level("4.2", HIGH_42, 8_704, 522_240))


def level_for(size: Size, rate: Fraction) -> Level:
    """The lowest level that holds pictures of a size at a (mean) rate.

    Raises:
        OutputError: DICOM's H.264 syntaxes end at level 4.2 (1920x1080 at 60/s).
    """
    for level in LEVELS:
        if level.holds(size, rate):
            return level
    raise OutputError(
        f"Video of {size.width} x {size.height} pixels at {float(rate):.4g}/s is more than DICOM's H.264 video holds.",
        "The most is 1920 x 1080 at 60/s: convert it to a smaller size first.",
    )


@dataclass(frozen=True, slots=True)
class Pace:
    """The times of a video's pictures.

    Attributes:
        ticks: of `CLOCK`, from 0 for the first picture, strictly growing.
        rate: pictures a second; exact where `even`, else their mean.
        even: every picture stands within 1 ms of an even rate.
        deviation_ms: how far from it, at most; what is lost if it is written as even.
        decimals: of a millisecond in a Frame Time Vector.
    """

    ticks: tuple[int, ...]
    rate: Fraction
    even: bool
    deviation_ms: float
    decimals: int

    def stretch(self, first: int, end: int) -> Stretch:
        """Pictures ``first`` to ``end`` (half-open) as one instance."""
        return Stretch(self, first, end)

    def vector_end(self, first: int) -> int:
        """Where an instance that begins at ``first`` has to end so that its Frame Time Vector fits."""
        if self.even:
            return len(self.ticks)
        total, end = 0, first
        for text in _steps(self.ticks[first:], self.decimals):
            total += len(text) + 1
            if total > _LONGEST_VALUE + 1:  # no backslash stands behind the last
                break
            end += 1
        return end


@dataclass(frozen=True, slots=True)
class Stretch:
    """Neighbouring pictures of a video that make one instance."""

    pace: Pace
    first: int
    end: int

    @property
    def count(self) -> int:
        """How many pictures."""
        return self.end - self.first

    @property
    def offset_ms(self) -> float:
        """From the video's first picture to this stretch's first."""
        if self.pace.even:
            return float(1000 * self.first / self.pace.rate)
        return self.pace.ticks[self.first] / (CLOCK / 1000)

    @property
    def frame_time_ms(self) -> str:
        """Frame Time (0018,1063), for an even rate."""
        return decimal(float(1000 / self.pace.rate), 6)

    @property
    def vector_ms(self) -> list[str]:
        """Frame Time Vector (0018,1065): the step to each picture from the one before, the first 0.

        Rounded so that the sums are right: an error never grows.
        """
        return _steps(self.pace.ticks[self.first : self.end], self.pace.decimals)


def pace_of(times_s: Sequence[float]) -> Pace:
    """Find out whether a video has an even rate, to the millisecond.

    Args:
        times_s: of every picture, in seconds; times that do not grow are moved behind the one before.

    Raises:
        OutputError: there is no picture.
    """
    if not times_s:
        raise OutputError("A video without pictures cannot be exported.")
    ticks = [0]
    for time in times_s[1:]:
        ticks.append(max(ticks[-1] + 1, round((time - times_s[0]) * CLOCK)))
    if len(ticks) == 1:
        return Pace((0,), _USUAL_RATES[0], True, 0.0, 0)
    mean = Fraction((len(ticks) - 1) * CLOCK, ticks[-1])
    # A free-running camera has no usual rate; the limit keeps the container's time base within 32 bits.
    for rate in (*_USUAL_RATES, mean.limit_denominator(10_000)):
        if rate > 0 and (off := _deviation(ticks, rate)) <= _EVEN_WITHIN_TICKS:
            return Pace(tuple(ticks), rate, True, off / (CLOCK / 1000), 0)
    return Pace(tuple(ticks), mean, False, 0.0, _decimals(ticks))


def decimal(value: float, decimals: int) -> str:
    """A decimal string (DS, at most 16 characters) without trailing zeros."""
    text = f"{value:.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _deviation(ticks: Sequence[int], rate: Fraction) -> float:
    """Largest distance from an even grid that is laid as well as possible, in ticks."""
    step = float(CLOCK / rate)
    off = [tick - index * step for index, tick in enumerate(ticks)]
    return (max(off) - min(off)) / 2


def _decimals(ticks: Sequence[int]) -> int:
    """The most decimals with which all steps fit into one instance; none if even whole milliseconds do not."""
    for decimals in (3, 2, 1):
        if sum(len(text) + 1 for text in _steps(ticks, decimals)) - 1 <= _LONGEST_VALUE:
            return decimals
    return 0


def _steps(ticks: Sequence[int], decimals: int) -> list[str]:
    if not ticks:
        return []
    unit = 10**decimals
    at = [round((tick - ticks[0]) * 1000 * unit / CLOCK) for tick in ticks]
    return ["0", *(decimal((b - a) / unit, decimals) for a, b in itertools.pairwise(at))]
