"""Where things are on the screen, and how the picture relates to it. Pure numbers, no Qt.

Sizes are those of a screen 1080 pixels high; ``unit`` scales them to the real one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from detector.geometry import Size

# High enough for letters that 20/40 eyes read from three metres: see status_painting.
_STATUS_HEIGHT = 60
_BAR_THICKNESS = 92
_DEFAULT_SOURCE = Size(16, 9)


class Area(NamedTuple):
    """A rectangle in whole pixels."""

    x: int
    y: int
    width: int
    height: int

    @property
    def right(self) -> int:
        """The first column to the right of it."""
        return self.x + self.width

    @property
    def bottom(self) -> int:
        """The first row below it."""
        return self.y + self.height

    def meets(self, other: Area) -> bool:
        """Whether the two share a pixel."""
        return self.x < other.right and other.x < self.right and self.y < other.bottom and other.y < self.bottom


def unit_of(height: int) -> float:
    """Screen pixels per design pixel (1080 high), within limits that stay readable and sensible."""
    return min(max(height / 1080, 0.6), 3.0)


def scaled(design_px: float, unit: float, at_least: int = 1) -> int:
    """A design size in screen pixels, not below ``at_least``."""
    return max(at_least, round(design_px * unit))


@dataclass(frozen=True, slots=True)
class MarkerPen:
    """How thick the corner marks are, in screen pixels.

    Attributes:
        gap: between the box and the mark: pixels that stay untouched.
        keyline: dark line on both sides of the coloured one.
        line: the coloured line.
        cue_line: the coloured line of a marker that has just appeared.
        arm: longest length of a mark's arms.
    """

    gap: int
    keyline: int
    line: int
    cue_line: int
    arm: int

    @classmethod
    def for_canvas(cls, canvas: Size) -> MarkerPen:
        """The pen for a canvas of this size."""
        unit = min(canvas.height, canvas.width * 9 / 16) / 1080
        line = scaled(5, unit, 2)
        return cls(scaled(2, unit), scaled(1.5, unit), line, line + scaled(3, unit), scaled(72, unit, 12))

    @property
    def reach(self) -> int:
        """How far the thickest mark reaches beyond its box."""
        return self.gap + 2 * self.keyline + self.cue_line


@dataclass(frozen=True, slots=True)
class PictureTransform:
    """Between source pixels and canvas pixels: the only place that knows both.

    Attributes:
        source: size of the frame.
        target: where the whole frame lies on the canvas.
    """

    source: Size
    target: Area

    @classmethod
    def fit(cls, source: Size, canvas: Size, border: int = 0) -> PictureTransform:
        """The largest centred place with the aspect of ``source`` that leaves ``border`` pixels free on every side."""
        room = Size(max(1, canvas.width - 2 * border), max(1, canvas.height - 2 * border))
        scale = min(room.width / source.width, room.height / source.height)
        width = min(room.width, max(1, round(source.width * scale)))
        height = min(room.height, max(1, round(source.height * scale)))
        return cls(source, Area((canvas.width - width) // 2, (canvas.height - height) // 2, width, height))

    @property
    def scale(self) -> tuple[float, float]:
        """Canvas pixels per source pixel, in x and y; they differ by rounding only."""
        return self.target.width / self.source.width, self.target.height / self.source.height

    def to_canvas(self, x: float, y: float) -> tuple[float, float]:
        """A point of the source on the canvas."""
        sx, sy = self.scale
        return self.target.x + x * sx, self.target.y + y * sy

    def to_source(self, x: float, y: float) -> tuple[float, float]:
        """A point of the canvas in the source; outside the picture it lies outside the source."""
        sx, sy = self.scale
        return (x - self.target.x) / sx, (y - self.target.y) / sy

    def box_to_canvas(self, box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
        """A box of the source on the canvas."""
        return (*self.to_canvas(box[0], box[1]), *self.to_canvas(box[2], box[3]))


@dataclass(frozen=True, slots=True)
class PageLayout:
    """The parts of the live page.

    Attributes:
        canvas: the picture and the black around it.
        status: the status line.
        bar: the touch buttons; no width where there are none.
        bar_vertical: they stand at the right-hand side, not above the status line.
        unit: screen pixels per design pixel.
    """

    canvas: Area
    status: Area
    bar: Area
    bar_vertical: bool
    unit: float


def arrange(page: Size, source: Size | None, with_bar: bool, below_px: int = 0) -> PageLayout:
    """Lay out the page so that the picture is as large as it can be.

    The status line leaves room beside a picture of the screen's own aspect, which the buttons take: they cost the
    picture nothing there. On a screen that is narrower than the picture they lie below it instead.

    Args:
        page: all there is.
        source: of the picture; None if that is not known.
        with_bar: there are buttons.
        below_px: room that is left free below the picture, so that nothing lies over it.
    """
    unit = unit_of(page.height)
    status_height = min(page.height, status_height_of(unit))
    upper = page.height - status_height
    status = Area(0, upper, page.width, status_height)
    if not with_bar:
        return PageLayout(Area(0, 0, page.width, upper), status, Area(page.width, 0, 0, upper), True, unit)
    bar = scaled(_BAR_THICKNESS, unit, 56)
    height = max(1, upper - below_px)
    beside = Area(0, 0, max(1, page.width - bar), height)
    below = Area(0, 0, page.width, max(1, height - bar))
    shape = source or _DEFAULT_SOURCE
    if _picture_area(shape, beside) >= _picture_area(shape, below):
        whole = Size(page.width, height)
        centred = PictureTransform.fit(shape, whole, MarkerPen.for_canvas(whole).reach).target
        # A narrow picture stays in the middle of the page: the buttons then lie on the black beside it.
        canvas = Area(0, 0, *whole) if centred.right <= beside.right else beside
        return PageLayout(canvas, status, Area(beside.right, 0, bar, upper), True, unit)
    return PageLayout(below, status, Area(0, max(below.bottom, upper - bar), page.width, bar), False, unit)


def status_height_of(unit: float) -> int:
    """Height of the status line."""
    return scaled(_STATUS_HEIGHT, unit, 36)


def _picture_area(source: Size, room: Area) -> float:
    scale = min(room.width / source.width, room.height / source.height)
    return source.width * source.height * scale * scale
