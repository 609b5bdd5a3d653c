"""What lies over the rows of a timeline: ruler, numbers, chosen range, playhead, and where in the whole the view is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PyQt6.QtCore import QPoint, QRect, Qt
from PyQt6.QtGui import QColor, QPainter, QPolygon

from app.gui import theme
from app.gui.qa.timeline_rows import Range, TimelineRow
from app.gui.qa.timeline_ruler import clock, marks_s, step_s
from app.gui.text import width_of
from app.qa.axis import FrameAxis

NAMES_PX = 148
"""Width of the names at the left."""
RULER_PX, OVERVIEW_PX, GAP_PX = 20, 12, 2

_RANGE = QColor(255, 255, 255, 46)
_MARK_EVERY_PX = 74
_MOST_LABELS = 80
_LEAST_LABEL_PX = 10
_LETTER_PX = 8


@dataclass(frozen=True, slots=True)
class Scale:
    """Between positions and logical pixels.

    Attributes:
        first: what lies at the left edge of the rows; not whole.
        span: how many positions are seen.
        width: of the rows in logical pixels.
        count: of positions in all.
    """

    first: float
    span: float
    width: int
    count: int

    def x_of(self, position: float) -> float:
        """Where a position begins."""
        return NAMES_PX + (position - self.first) * self.width / self.span

    def at(self, x: float) -> float:
        """The position at a pixel; not whole, and perhaps outside of the procedure."""
        return self.first + (x - NAMES_PX) * self.span / self.width

    def sees(self, position: int) -> bool:
        """Whether a position lies in the view."""
        return self.first <= position < self.first + self.span

    @property
    def visible(self) -> Range:
        """First and last position that are seen."""
        return int(self.first), max(0, min(self.count - 1, int(self.first + self.span)))


def paint_labels(painter: QPainter, scale: Scale, rows: Sequence[TimelineRow], tops: Sequence[int]) -> None:
    """Numbers of lesions, where there is room for them."""
    painter.setFont(theme.font(11, strong=True))
    painter.setPen(theme.INK)
    left, right = NAMES_PX, NAMES_PX + scale.width
    seen, painted = scale.visible, 0
    for row, top, below in zip(rows, tops, tops[1:], strict=False):
        height = below - top - GAP_PX
        for label in row.labels:
            high = round((label.lane[1] - label.lane[0]) * height)
            if label.last < seen[0] or label.first > seen[1] or high < _LEAST_LABEL_PX or painted >= _MOST_LABELS:
                continue
            x1 = max(round(scale.x_of(label.first)), left)
            x2 = min(round(scale.x_of(label.last + 1)), right)
            if x2 - x1 >= _LETTER_PX * len(label.words) + 2:
                place = QRect(x1, top + round(label.lane[0] * height), x2 - x1, high)
                painter.drawText(place, Qt.AlignmentFlag.AlignCenter, label.words)
                painted += 1


def paint_ruler(painter: QPainter, scale: Scale, axis: FrameAxis) -> None:
    """Times; an estimate says that it is one."""
    first, last = scale.visible
    begin_s, end_s = float(axis.times_s[first]), axis.until_s(last)
    step = step_s(max(end_s - begin_s, 1e-3) / scale.width, _MARK_EVERY_PX)
    decimals, about = 1 if step < 1 else 0, "" if axis.whole else "\N{ALMOST EQUAL TO}"
    painter.setFont(theme.font(12))
    painter.setPen(theme.TEXT_SOFT)
    for at_s in marks_s(begin_s, end_s, step):
        x = round(scale.x_of(int(np.searchsorted(axis.times_s, at_s - 1e-6))))
        painter.fillRect(x, RULER_PX - 5, 1, 5, theme.TEXT_SOFT)
        painter.drawText(x + 3, RULER_PX - 6, about + clock(at_s, decimals))


def paint_overview(painter: QPainter, scale: Scale, position: int, height: int) -> None:
    """The view as a part of the whole."""
    top = height - OVERVIEW_PX
    per = scale.width / max(1, scale.count)
    painter.fillRect(NAMES_PX, top + 2, scale.width, OVERVIEW_PX - 4, theme.PANEL_RAISED)
    length = max(8, round(scale.span * per))
    x = min(NAMES_PX + round(scale.first * per), NAMES_PX + scale.width - length)
    painter.fillRect(x, top + 2, length, OVERVIEW_PX - 4, theme.TEXT_SOFT)
    painter.fillRect(NAMES_PX + round(position * per) - 1, top, 3, OVERVIEW_PX, theme.TEXT)


def paint_range(painter: QPainter, scale: Scale, chosen: Range, axis: FrameAxis, bottom: int) -> None:
    """The chosen range with its length."""
    x1, x2 = round(scale.x_of(chosen[0])), round(scale.x_of(chosen[1] + 1))
    left, right = max(x1, NAMES_PX), min(x2, NAMES_PX + scale.width)
    if right < left:
        return
    painter.fillRect(left, 0, max(2, right - left), bottom, _RANGE)
    painter.fillRect(x1, 0, 2, bottom, theme.TEXT)
    painter.fillRect(x2 - 2, 0, 2, bottom, theme.TEXT)
    first, last = (min(end, scale.count - 1) for end in chosen)
    words, font = clock(axis.until_s(last) - float(axis.times_s[first]), 1), theme.font(12, strong=True)
    wide = width_of(words, font) + 8
    if right - left > wide:
        place = QRect((left + right - wide) // 2, 1, wide, 16)
        painter.fillRect(place, theme.TEXT)
        painter.setFont(font)
        painter.setPen(theme.INK)
        painter.drawText(place, Qt.AlignmentFlag.AlignCenter, words)


def paint_playhead(painter: QPainter, scale: Scale, position: int, height: int) -> None:
    """Where the picture is: in the middle of its frame where one frame is wide enough to see."""
    x = round(scale.x_of(position + 0.5 if scale.span < scale.width / 2 else position))
    painter.fillRect(x - 2, 0, 4, height, theme.KEYLINE)
    painter.fillRect(x - 1, 0, 2, height, theme.TEXT)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.TEXT)
    painter.drawPolygon(QPolygon([QPoint(x - 6, 0), QPoint(x + 6, 0), QPoint(x, 8)]))
