"""The four corner marks around a lesion, as rectangles. Pure numbers, no Qt.

Nothing is filled, and no pixel inside the box (nor the gap around it) is touched: what the endoscopist judges stays as
the processor sent it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from app.gui.layout import Area, MarkerPen

CUE_S = 0.4
_ARM_SHARE = 0.28


@dataclass(frozen=True, slots=True)
class Mark:
    """One marker on the canvas.

    Attributes:
        keyline: dark rectangles, to be filled first.
        line: coloured rectangles.
        reach: all that the marker can touch, cue included.
    """

    keyline: tuple[Area, ...]
    line: tuple[Area, ...]
    reach: Area


def corner_marks(box: tuple[float, float, float, float], pen: MarkerPen, cue: bool) -> Mark:
    """The marks around a box.

    Args:
        box: ``x1, y1, x2, y2`` on the canvas.
        pen: how thick.
        cue: the marker has just appeared: thicker, growing outwards.
    """
    left, top = math.floor(box[0]), math.floor(box[1])
    right, bottom = max(left + 1, math.ceil(box[2])), max(top + 1, math.ceil(box[3]))
    width = pen.cue_line if cue else pen.line
    inner = pen.gap + pen.keyline
    arm_x, arm_y = _arm(right - left, pen.arm), _arm(bottom - top, pen.arm)
    line: list[Area] = []
    for sx in (-1, 1):
        for sy in (-1, 1):
            # The corner of the mark that is nearest to the box, just outside it.
            x = left - inner if sx < 0 else right + inner
            y = top - inner if sy < 0 else bottom + inner
            across = (x, y, x + sx * width, y + sy * width)
            line.append(_area(x - sx * (arm_x + inner), across[1], across[2], across[3]))
            line.append(_area(across[0], y - sy * (arm_y + inner), across[2], across[3]))
    keyline = tuple(
        Area(a.x - pen.keyline, a.y - pen.keyline, a.width + 2 * pen.keyline, a.height + 2 * pen.keyline) for a in line
    )
    r = pen.reach
    return Mark(keyline, tuple(line), Area(left - r, top - r, right - left + 2 * r, bottom - top + 2 * r))


def _arm(side: int, longest: int) -> int:
    """Length of an arm along a side; two of them never meet."""
    return max(1, min(longest, round(side * _ARM_SHARE)))


def _area(x1: int, y1: int, x2: int, y2: int) -> Area:
    return Area(min(x1, x2), min(y1, y2), abs(x2 - x1), abs(y2 - y1))
