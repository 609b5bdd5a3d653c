"""What the user chose for the picture, and reading it from text."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from fractions import Fraction

from app.picture.colour import ColourFix, Encoding, Matrix
from detector.errors import UsageError
from detector.geometry import Size
from detector.picture.area import Area


class Deinterlace(enum.Enum):
    """What to do with fields."""

    AUTO = "auto"  # as the content says; never the container's flag
    OFF = "off"
    TOP = "top"
    BOTTOM = "bottom"


class AreaMode(enum.Enum):
    """Which part of the picture is used, where no rectangle was given."""

    FULL = "full"
    AUTO = "auto"


@dataclass(frozen=True, slots=True)
class PictureSettings:
    """How a source's pictures are prepared.

    Attributes:
        deinterlace: two frames from the fields of each, or not.
        area: the whole picture, the one that is found, or a rectangle in pixels of the whole picture as it arrives.
        aspect: width over height at which the whole picture is meant to be seen; None: its pixels are square.
        colour: puts colours right; None: they are.
    """

    deinterlace: Deinterlace = Deinterlace.AUTO
    area: AreaMode | Area = AreaMode.FULL
    aspect: Fraction | None = None
    colour: ColourFix | None = None


def square_pixels(area: Size, full: Size, aspect: Fraction | None) -> Size:
    """The size at which a part of a picture has square pixels: the side that is too short grows, nothing shrinks.

    The whole stored width is taken to fill the aspect: 720 x 576 at 4:3 becomes 768 x 576, at 16:9 1024 x 576;
    720 x 480 at 4:3 becomes 720 x 540. Sides that grow are made even.

    Args:
        area: size of the part, in stored pixels.
        full: size of the whole picture.
        aspect: width over height of the whole picture as it is meant to be seen; None leaves it as it is.
    """
    if aspect is None:
        return area
    pixel = aspect * full.height / full.width
    if pixel == 1:
        return area
    if pixel > 1:
        return Size(_even(area.width * pixel), area.height)
    return Size(area.width, _even(area.height / pixel))


def parse_settings(deinterlace: str, area: str, aspect: str | None, colours: str | None) -> PictureSettings:
    """The settings from the words of a command line or settings file.

    Raises:
        UsageError: one of them is not understood.
    """
    try:
        fields = Deinterlace(deinterlace)
    except ValueError:
        raise UsageError(f"{deinterlace} is no way to deinterlace.", "Write auto, off, top or bottom.") from None
    return PictureSettings(fields, parse_area(area), _aspect(aspect), _colours(colours))


def parse_area(text: str) -> AreaMode | Area:
    """``full``, ``auto`` or ``X,Y,W,H`` (all even: half a colour sample cannot be cut).

    Raises:
        UsageError: it is none of these.
    """
    text = text.strip()
    if text in ("full", "auto"):
        return AreaMode(text)
    match = re.fullmatch(r"(\d+),(\d+),(\d+),(\d+)", text)
    if match is None:
        raise UsageError(f"{text} is no picture area.", "Write full, auto, or X,Y,W,H such as 420,0,1080,1080.")
    area = Area(*(int(part) for part in match.groups()))
    if any(value % 2 for value in area) or min(area.size) < 2:
        raise UsageError(f"The picture area {text} must have even numbers, and a width and height.", "Round them.")
    return area


def _aspect(text: str | None) -> Fraction | None:
    if text is None:
        return None
    match = re.fullmatch(r"([1-9]\d{0,3}):([1-9]\d{0,3})", text.strip())
    if match is None or not Fraction(1, 4) <= (aspect := Fraction(int(match[1]), int(match[2]))) <= 4:
        raise UsageError(f"{text} is no aspect of a picture.", "Write it as 4:3 or 16:9.")
    return aspect


def _colours(text: str | None) -> ColourFix | None:
    if text is None:
        return None
    was, separator, now = text.strip().partition(":")
    if not separator:
        raise UsageError(f"{text} names no two colour encodings.", "Write what it was taken for and is, as 601:709.")
    return ColourFix(_encoding(was), _encoding(now))


def _encoding(text: str) -> Encoding:
    match = re.fullmatch(r"(?:bt)?(601|709)(-full|-limited)?", text.strip().lower())
    if match is None:
        raise UsageError(f"{text} is no colour encoding.", "Known are 601, 709, 601-full and 709-full.")
    return Encoding(Matrix.BT601 if match[1] == "601" else Matrix.BT709, match[2] == "-full")


def _even(value: Fraction) -> int:
    return max(2, round(value / 2) * 2)
