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
    # A text in the very room that it asked for is never cut: Qt's own eliding wants a little more.
    if width_of(text, font) > area.width():
        text = QFontMetrics(font).elidedText(text, Qt.TextElideMode.ElideRight, area.width())
    painter.drawText(area, int(_LEFT | Qt.TextFlag.TextDontClip), text)


def width_of(text: str, font: QFont) -> int:
    """How wide the text is in this type."""
    return QFontMetrics(font).horizontalAdvance(text)


def height_of(font: QFont) -> int:
    """Height of one line."""
    return QFontMetrics(font).height()
