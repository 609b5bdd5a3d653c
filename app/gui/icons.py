"""Shapes of signs; ``action_icons`` has those of the buttons."""

from __future__ import annotations

import math
from collections.abc import Callable

from PyQt6.QtCore import QPointF, QRectF, Qt
from PyQt6.QtGui import QColor, QPainter, QPainterPath

from app.gui.sign_kinds import Shape
from app.gui.strokes import draw, fill, lines, polygon, slash

Drawing = Callable[[QPainter, QColor], None]


def draw_shape(painter: QPainter, shape: Shape, area: QRectF, colour: QColor) -> None:
    """Draw a sign's shape into a square area."""
    draw(painter, SHAPES[shape], area, colour)


def _disc(painter: QPainter, colour: QColor) -> None:
    fill(painter, colour)
    painter.drawEllipse(QRectF(-0.85, -0.85, 1.7, 1.7))


def _ring_slashed(painter: QPainter, colour: QColor) -> None:
    painter.drawEllipse(QRectF(-0.82, -0.82, 1.64, 1.64))
    lines(painter, (-0.55, 0.55), (0.55, -0.55))


def _dots(painter: QPainter, colour: QColor) -> None:
    fill(painter, colour)
    for x in (-0.72, 0.0, 0.72):
        painter.drawEllipse(QPointF(x, 0), 0.26, 0.26)


def _hourglass(painter: QPainter, colour: QColor) -> None:
    painter.setBrush(colour)
    polygon(painter, (-0.6, -0.82), (0.6, -0.82), (-0.6, 0.82), (0.6, 0.82))


def _triangle(painter: QPainter, colour: QColor) -> None:
    polygon(painter, (0, -0.82), (0.9, 0.75), (-0.9, 0.75))
    lines(painter, (0, -0.25), (0, 0.2))
    painter.drawPoint(QPointF(0, 0.48))


def _cycle(painter: QPainter, colour: QColor) -> None:
    painter.drawArc(QRectF(-0.75, -0.75, 1.5, 1.5), 50 * 16, 280 * 16)
    end = math.radians(50)
    x, y = 0.75 * math.cos(end), -0.75 * math.sin(end)
    fill(painter, colour)
    polygon(painter, (x - 0.5, y - 0.15), (x + 0.42, y - 0.5), (x + 0.3, y + 0.42))


def _cross(painter: QPainter, colour: QColor) -> None:
    painter.drawRect(QRectF(-0.86, -0.86, 1.72, 1.72))
    lines(painter, (-0.42, -0.42), (0.42, 0.42))
    lines(painter, (-0.42, 0.42), (0.42, -0.42))


def _tick(painter: QPainter, colour: QColor) -> None:
    painter.drawEllipse(QRectF(-0.86, -0.86, 1.72, 1.72))
    lines(painter, (-0.42, 0.02), (-0.1, 0.36), (0.45, -0.36))


def _play(painter: QPainter, colour: QColor) -> None:
    painter.setBrush(colour)
    polygon(painter, (-0.55, -0.75), (0.75, 0), (-0.55, 0.75))


def _pause(painter: QPainter, colour: QColor) -> None:
    fill(painter, colour)
    painter.drawRect(QRectF(-0.7, -0.85, 0.5, 1.7))
    painter.drawRect(QRectF(0.2, -0.85, 0.5, 1.7))


def _stop(painter: QPainter, colour: QColor) -> None:
    fill(painter, colour)
    painter.drawRect(QRectF(-0.7, -0.7, 1.4, 1.4))


def _unplugged(painter: QPainter, colour: QColor) -> None:
    lines(painter, (-0.9, 0.9), (-0.45, 0.45))
    painter.setBrush(colour)
    polygon(painter, (-0.65, 0.05), (-0.05, 0.65), (-0.3, 0.7), (-0.7, 0.3))
    lines(painter, (0.9, -0.9), (0.45, -0.45))
    polygon(painter, (0.65, -0.05), (0.05, -0.65), (0.3, -0.7), (0.7, -0.3))


def _no_signal(painter: QPainter, colour: QColor) -> None:
    painter.drawRoundedRect(QRectF(-0.88, -0.7, 1.76, 1.25), 0.15, 0.15)
    lines(painter, (-0.35, 0.9), (0.35, 0.9))
    lines(painter, (-0.3, -0.35), (0.3, 0.2))
    lines(painter, (-0.3, 0.2), (0.3, -0.35))


def _info(painter: QPainter, colour: QColor) -> None:
    painter.drawEllipse(QRectF(-0.85, -0.85, 1.7, 1.7))
    painter.drawPoint(QPointF(0, -0.4))
    lines(painter, (0, 0), (0, 0.42))


def _no_entry(painter: QPainter, colour: QColor) -> None:
    painter.drawEllipse(QRectF(-0.85, -0.85, 1.7, 1.7))
    lines(painter, (-0.42, 0), (0.42, 0))


def _cracked(painter: QPainter, colour: QColor) -> None:
    painter.drawRect(QRectF(-0.86, -0.7, 1.72, 1.4))
    lines(painter, (0.2, -0.7), (-0.2, -0.15), (0.2, 0.1), (-0.15, 0.7))


def corners(painter: QPainter) -> None:
    """The four corners of a marker."""
    for x in (-0.85, 0.85):
        for y in (-0.75, 0.75):
            lines(painter, (x * 0.5, y), (x, y), (x, y * 0.45))


def _boxes_hidden(painter: QPainter, colour: QColor) -> None:
    corners(painter)
    lines(painter, (-0.6, 0.6), (0.6, -0.6))


def speaker(painter: QPainter, colour: QColor) -> None:
    """A loudspeaker, with room at its right."""
    painter.setBrush(colour)
    polygon(painter, (-0.85, -0.28), (-0.5, -0.28), (-0.05, -0.7), (-0.05, 0.7), (-0.5, 0.28), (-0.85, 0.28))
    painter.setBrush(Qt.BrushStyle.NoBrush)


def _muted(painter: QPainter, colour: QColor) -> None:
    speaker(painter, colour)
    lines(painter, (0.3, -0.32), (0.9, 0.32))
    lines(painter, (0.3, 0.32), (0.9, -0.32))


def _record(painter: QPainter, colour: QColor) -> None:
    painter.drawEllipse(QRectF(-0.85, -0.85, 1.7, 1.7))
    fill(painter, colour)
    painter.drawEllipse(QPointF(0, 0), 0.45, 0.45)


def _detecting(painter: QPainter, colour: QColor) -> None:
    corners(painter)
    fill(painter, colour)
    painter.drawEllipse(QPointF(0, 0), 0.34, 0.34)


def eye(painter: QPainter) -> None:
    """An eye without its pupil."""
    path = QPainterPath(QPointF(-0.95, 0))
    path.quadTo(QPointF(0, -1.15), QPointF(0.95, 0))
    path.quadTo(QPointF(0, 1.15), QPointF(-0.95, 0))
    painter.drawPath(path)


def _poor_view(painter: QPainter, colour: QColor) -> None:
    eye(painter)
    slash(painter)


def _shadow(painter: QPainter, colour: QColor) -> None:
    painter.drawEllipse(QRectF(-0.85, -0.85, 1.7, 1.7))
    fill(painter, colour)
    painter.drawPie(QRectF(-0.85, -0.85, 1.7, 1.7), 90 * 16, 180 * 16)


def _frozen(painter: QPainter, colour: QColor) -> None:
    painter.drawRoundedRect(QRectF(-0.9, -0.75, 1.8, 1.5), 0.15, 0.15)
    lines(painter, (-0.25, -0.3), (-0.25, 0.3))
    lines(painter, (0.25, -0.3), (0.25, 0.3))


def _outside(painter: QPainter, colour: QColor) -> None:
    painter.drawArc(QRectF(-0.9, -0.75, 1.5, 1.5), 50 * 16, 260 * 16)
    lines(painter, (-0.2, 0), (0.9, 0))
    lines(painter, (0.55, -0.35), (0.9, 0), (0.55, 0.35))


def _light(painter: QPainter, colour: QColor) -> None:
    painter.drawEllipse(QRectF(-0.55, -0.9, 1.1, 1.1))
    lines(painter, (-0.25, 0.45), (0.25, 0.45))
    lines(painter, (-0.2, 0.85), (0.2, 0.85))
    lines(painter, (-0.85, 0.85), (0.85, -0.85))


def _sensitivity(painter: QPainter, colour: QColor) -> None:
    for y, x in ((-0.6, 0.3), (0.0, -0.4), (0.6, 0.1)):
        lines(painter, (-0.85, y), (0.85, y))
        painter.setBrush(colour)
        painter.drawEllipse(QPointF(x, y), 0.14, 0.14)


def _disk(painter: QPainter, colour: QColor) -> None:
    painter.drawEllipse(QRectF(-0.75, -0.9, 1.5, 0.6))
    lines(painter, (-0.75, -0.6), (-0.75, 0.6))
    lines(painter, (0.75, -0.6), (0.75, 0.6))
    painter.drawArc(QRectF(-0.75, 0.3, 1.5, 0.6), 180 * 16, 180 * 16)


def _blank(painter: QPainter, colour: QColor) -> None:
    painter.drawEllipse(QRectF(-0.85, -0.85, 1.7, 1.7))
    fill(painter, colour)
    painter.drawRect(QRectF(-0.42, -0.42, 0.84, 0.84))


SHAPES: dict[Shape, Drawing] = {
    Shape.DISC: _disc,
    Shape.DETECTING: _detecting,
    Shape.RING_SLASHED: _ring_slashed,
    Shape.DOTS: _dots,
    Shape.HOURGLASS: _hourglass,
    Shape.TRIANGLE: _triangle,
    Shape.CYCLE: _cycle,
    Shape.CROSS: _cross,
    Shape.TICK: _tick,
    Shape.PLAY: _play,
    Shape.PAUSE: _pause,
    Shape.STOP: _stop,
    Shape.UNPLUGGED: _unplugged,
    Shape.NO_SIGNAL: _no_signal,
    Shape.NO_ENTRY: _no_entry,
    Shape.CRACKED: _cracked,
    Shape.BOXES_HIDDEN: _boxes_hidden,
    Shape.SHADOW: _shadow,
    Shape.FROZEN: _frozen,
    Shape.OUTSIDE: _outside,
    Shape.POOR_VIEW: _poor_view,
    Shape.LIGHT: _light,
    Shape.SENSITIVITY: _sensitivity,
    Shape.MUTED: _muted,
    Shape.RECORD: _record,
    Shape.BLANK: _blank,
    Shape.DISK: _disk,
    Shape.INFO: _info,
}
