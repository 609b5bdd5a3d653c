"""Moving, stretching and drawing boxes: numbers in pixels of the picture. No Qt.

A box is ``x1, y1, x2, y2``, half-open. It stays inside of the picture and never gets smaller than `LEAST_PX`.
"""

from __future__ import annotations

from app.gui.setup_area import HANDLES, Part
from detector.geometry import Size

Box = tuple[float, float, float, float]

LEAST_PX = 4.0


def shifted(box: Box, part: Part, dx: float, dy: float, size: Size) -> Box:
    """The box with some of its edges, or all of it, moved by so many pixels."""
    x1, x2 = _along(box[0], box[2], dx, Part.LEFT in part, Part.RIGHT in part, size.width)
    y1, y2 = _along(box[1], box[3], dy, Part.TOP in part, Part.BOTTOM in part, size.height)
    return x1, y1, x2, y2


def drawn(begin: tuple[float, float], end: tuple[float, float], size: Size) -> Box | None:
    """The box between two points, cut at the picture's borders; None if it is too small to have been meant."""
    x1, x2 = sorted((_within(begin[0], size.width), _within(end[0], size.width)))
    y1, y2 = sorted((_within(begin[1], size.height), _within(end[1], size.height)))
    x1, y1, x2, y2 = (float(round(value)) for value in (x1, y1, x2, y2))
    return (x1, y1, x2, y2) if x2 - x1 >= LEAST_PX and y2 - y1 >= LEAST_PX else None


def part_at(point: tuple[float, float], box: Box, reach: tuple[float, float]) -> Part | None:
    """What of a box is at a point.

    Args:
        point: in pixels of the picture.
        box: likewise.
        reach: how far from a handle's centre still hits it, in x and y.

    Returns:
        The handle's edges; all of it inside of the box; None outside.
    """
    found: Part | None = None
    nearest = 1.0
    for part, (x, y) in HANDLES.items():
        handle = box[0] + x * (box[2] - box[0]), box[1] + y * (box[3] - box[1])
        by = max(abs(point[0] - handle[0]) / reach[0], abs(point[1] - handle[1]) / reach[1])
        if by <= nearest:
            found, nearest = part, by
    if found is not None:
        return found
    return Part.WHOLE if holds(box, point) else None


def holds(box: Box, point: tuple[float, float]) -> bool:
    """Whether the point lies in the box."""
    return box[0] <= point[0] < box[2] and box[1] <= point[1] < box[3]


def area(box: Box) -> float:
    """In square pixels."""
    return (box[2] - box[0]) * (box[3] - box[1])


def _along(low: float, high: float, by: float, move_low: bool, move_high: bool, end: float) -> tuple[float, float]:
    """Both ends of a side after a move; the end that stays put is never pushed."""
    by = float(round(by))
    if move_low and move_high:
        by = min(max(by, -low), end - high)
        return low + by, high + by
    if move_low:
        return min(max(0.0, low + by), high - LEAST_PX), high
    if move_high:
        return low, max(min(end, high + by), low + LEAST_PX)
    return low, high


def _within(value: float, end: float) -> float:
    return min(max(value, 0.0), end)
