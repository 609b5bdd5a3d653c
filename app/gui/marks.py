"""The four corner marks around a lesion, as rectangles, and what may go with them. Pure numbers, no Qt.

Nothing is filled, and no pixel inside the box (nor the gap around it) is touched: what the endoscopist judges stays as
the processor sent it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.gui.language import decimal
from app.gui.layout import Area, MarkerPen

Box = tuple[float, float, float, float]

# A marker that has just appeared is a closed frame; then it opens into its corners, once and smoothly.
CUE_S = 0.9
_CUE_CLOSED_S = 0.5
_ARM_SHARE = 0.28
_EDGE_SHARE = 0.12
_SCORE_HEIGHT = 6  # in line widths
_SCORE_WIDTH = 2.3  # in heights: '0.83' in the bundled type, with its keyline


@dataclass(frozen=True, slots=True)
class Score:
    """A marker's score beside it.

    Attributes:
        text: two decimals.
        area: the room it takes; the letters are as high as it.
    """

    text: str
    area: Area


@dataclass(frozen=True, slots=True)
class Mark:
    """One marker on the canvas.

    Attributes:
        keyline: dark rectangles, to be filled first.
        line: coloured rectangles.
        reach: all that the corners can touch, cue included.
        edge: the bar at the picture's edge, with its keyline first; empty without it.
        score: the score; None without it.
    """

    keyline: tuple[Area, ...]
    line: tuple[Area, ...]
    reach: Area
    edge: tuple[Area, ...] = ()
    score: Score | None = None

    @property
    def touched(self) -> tuple[Area, ...]:
        """All that a repaint of this marker has to cover."""
        return (self.reach, *self.edge, *((self.score.area,) if self.score else ()))


def cue_of(age_s: float) -> float:
    """How strong the first-appearance cue is: 1 at first, then falling to 0; never rising again, so never flickering.

    Args:
        age_s: media time since the marker appeared.
    """
    if not 0 <= age_s < CUE_S:
        return 0.0
    return min(1.0, (CUE_S - age_s) / (CUE_S - _CUE_CLOSED_S))


def corner_marks(box: Box, pen: MarkerPen, cue: float) -> Mark:
    """The marks around a box.

    Args:
        box: ``x1, y1, x2, y2`` on the canvas.
        pen: how thick.
        cue: 0 to 1: how thick the lines are and how far the frame is closed.
    """
    left, top, right, bottom = _whole(box)
    width = pen.line + round((pen.cue_line - pen.line) * cue)
    inner = pen.gap + pen.keyline
    arm_x, arm_y = _arm(right - left, pen.arm, cue), _arm(bottom - top, pen.arm, cue)
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


def with_edge(mark: Mark, box: Box, picture: Area, pen: MarkerPen) -> Mark:
    """The mark with a bar outside of the picture, at the edge that the box is nearest to.

    Args:
        mark: what :func:`corner_marks` made.
        box: its box on the canvas.
        picture: where the picture lies; at least ``pen.reach`` pixels around it are free.
        pen: how thick.
    """
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    across = (x - picture.x) / picture.width - 0.5
    down = (y - picture.y) / picture.height - 0.5
    k = pen.keyline
    thick = max(1, pen.reach - 2 * k)
    if abs(across) >= abs(down):
        length = max(4, round(picture.height * _EDGE_SHARE))
        at = _clamped(round(y - length / 2), picture.y, picture.bottom - length)
        bar = Area(picture.x - k - thick if across < 0 else picture.right + k, at, thick, length)
    else:
        length = max(4, round(picture.width * _EDGE_SHARE))
        at = _clamped(round(x - length / 2), picture.x, picture.right - length)
        bar = Area(at, picture.y - k - thick if down < 0 else picture.bottom + k, length, thick)
    dark = Area(bar.x - k, bar.y - k, bar.width + 2 * k, bar.height + 2 * k)
    return replace(mark, edge=(dark, bar))


def with_score(
    mark: Mark, score: float, boxes: Sequence[Box], canvas: tuple[int, int], pen: MarkerPen, at_least: int = 20
) -> Mark:
    """The mark with its score beside it, where it covers no box; without, where there is no such place.

    Args:
        mark: what :func:`corner_marks` made.
        score: 0 to 1.
        boxes: all boxes on the canvas, its own included.
        canvas: width and height.
        pen: how thick.
        at_least: the smallest height of the letters' room.
    """
    height = max(at_least, _SCORE_HEIGHT * pen.line)
    width, r = round(height * _SCORE_WIDTH), mark.reach
    inside = [Area(x1, y1, x2 - x1, y2 - y1) for x1, y1, x2, y2 in (_whole(box) for box in boxes)]
    for x, y in (
        (r.x, r.y - height),
        (r.x, r.bottom),
        (r.right, r.y),
        (r.x - width, r.y),
    ):
        area = Area(x, y, width, height)
        fits = x >= 0 and y >= 0 and area.right <= canvas[0] and area.bottom <= canvas[1]
        if fits and not any(area.meets(box) for box in inside):
            return replace(mark, score=Score(decimal(f"{score:.2f}"), area))
    return mark


def _whole(box: Box) -> tuple[int, int, int, int]:
    left, top = math.floor(box[0]), math.floor(box[1])
    return left, top, max(left + 1, math.ceil(box[2])), max(top + 1, math.ceil(box[3]))


def _arm(side: int, longest: int, cue: float) -> int:
    """Length of an arm along a side: at most half of it, and that only while the cue closes the frame."""
    resting = min(longest, round(side * _ARM_SHARE))
    return max(1, resting + math.ceil((math.ceil(side / 2) - resting) * cue))


def _area(x1: int, y1: int, x2: int, y2: int) -> Area:
    return Area(min(x1, x2), min(y1, y2), abs(x2 - x1), abs(y2 - y1))


def _clamped(value: int, least: int, most: int) -> int:
    return max(least, min(value, most))
