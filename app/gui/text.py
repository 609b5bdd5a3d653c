"""Text in a given room: cut with an ellipsis rather than painted beyond it."""

from __future__ import annotations

from PyQt6.QtCore import QRect, Qt
from PyQt6.QtGui import QColor, QFont, QFontMetrics, QPainter

_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


def draw_line(painter: QPainter, area: QRect, text: str, font: QFont, colour: QColor) -> None:
    """One line, at the left and in the middle of the area's height."""
    if area.width() <= 0:
        return
    painter.setFont(font)
    painter.setPen(colour)
    painter.drawText(area, _LEFT, QFontMetrics(font).elidedText(text, Qt.TextElideMode.ElideRight, area.width()))


def width_of(text: str, font: QFont) -> int:
    """How wide the text is in this type."""
    return QFontMetrics(font).horizontalAdvance(text)


def height_of(font: QFont) -> int:
    """Height of one line."""
    return QFontMetrics(font).height()
