"""How shapes are drawn in code: sharp at every size, and no files to lose."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtCore import QPointF, QRectF, Qt
from PyQt6.QtGui import QColor, QPainter, QPen, QPolygonF


def draw(painter: QPainter, drawing: Callable[[QPainter, QColor], None], area: QRectF, colour: QColor) -> None:
    """Have something drawn into a square area, in the colour, by a drawing that sees a square from -1 to 1."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.translate(area.center())
    painter.scale(area.width() / 2, area.height() / 2)
    outline(painter, colour)
    drawing(painter, colour)
    painter.restore()


def outline(painter: QPainter, colour: QColor, width: float = 0.24) -> None:
    """Strokes from now on."""
    painter.setPen(QPen(colour, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin))
    painter.setBrush(Qt.BrushStyle.NoBrush)


def fill(painter: QPainter, colour: QColor) -> None:
    """Filled shapes without strokes from now on."""
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)


def lines(painter: QPainter, *points: tuple[float, float]) -> None:
    """A line through these points."""
    painter.drawPolyline(QPolygonF([QPointF(x, y) for x, y in points]))


def polygon(painter: QPainter, *points: tuple[float, float]) -> None:
    """A closed shape through these points."""
    painter.drawPolygon(QPolygonF([QPointF(x, y) for x, y in points]))


def slash(painter: QPainter) -> None:
    """A line across all: off."""
    lines(painter, (-0.85, 0.85), (0.85, -0.85))
