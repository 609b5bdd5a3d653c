"""Moving and stretching the picture area: even numbers, inside of the picture, never too small to be seen. No Qt."""

from __future__ import annotations

import enum

from detector.geometry import Size
from detector.picture.area import Area

LEAST_PX = 64


class Part(enum.Flag):
    """What of a rectangle is moved: some of its edges, or all of it."""

    LEFT = enum.auto()
    TOP = enum.auto()
    RIGHT = enum.auto()
    BOTTOM = enum.auto()
    WHOLE = LEFT | TOP | RIGHT | BOTTOM


HANDLES = {
    Part.LEFT | Part.TOP: (0.0, 0.0),
    Part.TOP: (0.5, 0.0),
    Part.RIGHT | Part.TOP: (1.0, 0.0),
    Part.LEFT: (0.0, 0.5),
    Part.RIGHT: (1.0, 0.5),
    Part.LEFT | Part.BOTTOM: (0.0, 1.0),
    Part.BOTTOM: (0.5, 1.0),
    Part.RIGHT | Part.BOTTOM: (1.0, 1.0),
}
"""Where each handle lies, as shares of the rectangle."""


def whole(full: Size) -> Area:
    """The whole picture, without a last odd row or column: half a colour sample cannot be cut."""
    return Area(0, 0, full.width // 2 * 2, full.height // 2 * 2)


def moved(area: Area, part: Part, dx: float, dy: float, full: Size) -> Area:
    """The area with a part of it moved by so many pixels of the picture.

    Args:
        area: inside of the picture, even.
        part: what is moved.
        dx: to the right.
        dy: downwards.
        full: size of the picture.
    """
    right, bottom = full.width // 2 * 2, full.height // 2 * 2
    x, x2 = _along(area.x, area.x + area.width, dx, Part.LEFT in part, Part.RIGHT in part, right)
    y, y2 = _along(area.y, area.y + area.height, dy, Part.TOP in part, Part.BOTTOM in part, bottom)
    return Area(x, y, x2 - x, y2 - y)


def as_text(area: Area, full: Size) -> str:
    """As the settings have it: ``full`` or ``X,Y,W,H``."""
    return "full" if area.size == full else ",".join(str(value) for value in area)


def _along(low: int, high: int, by: float, move_low: bool, move_high: bool, end: int) -> tuple[int, int]:
    """Both ends of a side after a move; the end that stays put is never pushed."""
    step = round(by / 2) * 2
    least = min(LEAST_PX, end)
    if move_low and move_high:
        step = min(max(step, -low), end - high)
        return low + step, high + step
    if move_low:
        return min(max(0, low + step), high - least), high
    if move_high:
        return low, max(min(end, high + step), low + least)
    return low, high
