"""Shapes of signs and buttons, drawn in code: sharp at every size, and no files to lose."""

from __future__ import annotations

import math
from collections.abc import Callable

from PyQt6.QtCore import QPointF, QRectF, Qt
from PyQt6.QtGui import QColor, QPainter, QPainterPath, QPen, QPolygonF

from app.gui.keys import Action
from app.gui.signs import Shape

# Everything is drawn in a square from -1 to 1.
_UNIT = QRectF(-1, -1, 2, 2)


def draw_shape(painter: QPainter, shape: Shape, area: QRectF, colour: QColor) -> None:
    """Draw a sign's shape into a square area."""
    _draw(painter, _SHAPES[shape], area, colour)


def draw_action(painter: QPainter, action: Action, active: bool, area: QRectF, colour: QColor) -> None:
    """Draw a button's icon; ``active`` tells a function that is on from one that is off."""
    _draw(painter, lambda p, c: _ACTIONS[action](p, c, active), area, colour)


def _draw(painter: QPainter, drawing: Callable[[QPainter, QColor], None], area: QRectF, colour: QColor) -> None:
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.translate(area.center())
    painter.scale(area.width() / 2, area.height() / 2)
    _outline(painter, colour)
    drawing(painter, colour)
    painter.restore()


def _outline(painter: QPainter, colour: QColor, width: float = 0.24) -> None:
    painter.setPen(QPen(colour, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin))
    painter.setBrush(Qt.BrushStyle.NoBrush)


def _fill(painter: QPainter, colour: QColor) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)


def _lines(painter: QPainter, *points: tuple[float, float]) -> None:
    painter.drawPolyline(QPolygonF([QPointF(x, y) for x, y in points]))


def _polygon(painter: QPainter, *points: tuple[float, float]) -> None:
    painter.drawPolygon(QPolygonF([QPointF(x, y) for x, y in points]))


def _slash(painter: QPainter) -> None:
    _lines(painter, (-0.85, 0.85), (0.85, -0.85))


def _disc(painter: QPainter, colour: QColor) -> None:
    _fill(painter, colour)
    painter.drawEllipse(QRectF(-0.85, -0.85, 1.7, 1.7))


def _ring_slashed(painter: QPainter, colour: QColor) -> None:
    painter.drawEllipse(QRectF(-0.82, -0.82, 1.64, 1.64))
    _lines(painter, (-0.55, 0.55), (0.55, -0.55))


def _dots(painter: QPainter, colour: QColor) -> None:
    _fill(painter, colour)
    for x in (-0.72, 0.0, 0.72):
        painter.drawEllipse(QPointF(x, 0), 0.26, 0.26)


def _hourglass(painter: QPainter, colour: QColor) -> None:
    painter.setBrush(colour)
    _polygon(painter, (-0.6, -0.82), (0.6, -0.82), (-0.6, 0.82), (0.6, 0.82))


def _triangle(painter: QPainter, colour: QColor) -> None:
    _polygon(painter, (0, -0.82), (0.9, 0.75), (-0.9, 0.75))
    _lines(painter, (0, -0.25), (0, 0.2))
    painter.drawPoint(QPointF(0, 0.48))


def _cycle(painter: QPainter, colour: QColor) -> None:
    painter.drawArc(QRectF(-0.75, -0.75, 1.5, 1.5), 50 * 16, 280 * 16)
    end = math.radians(50)
    x, y = 0.75 * math.cos(end), -0.75 * math.sin(end)
    _fill(painter, colour)
    _polygon(painter, (x - 0.5, y - 0.15), (x + 0.42, y - 0.5), (x + 0.3, y + 0.42))


def _cross(painter: QPainter, colour: QColor) -> None:
    painter.drawRect(QRectF(-0.86, -0.86, 1.72, 1.72))
    _lines(painter, (-0.42, -0.42), (0.42, 0.42))
    _lines(painter, (-0.42, 0.42), (0.42, -0.42))


def _tick(painter: QPainter, colour: QColor) -> None:
    painter.drawEllipse(QRectF(-0.86, -0.86, 1.72, 1.72))
    _lines(painter, (-0.42, 0.02), (-0.1, 0.36), (0.45, -0.36))


def _play(painter: QPainter, colour: QColor) -> None:
    painter.setBrush(colour)
    _polygon(painter, (-0.55, -0.75), (0.75, 0), (-0.55, 0.75))


def _pause(painter: QPainter, colour: QColor) -> None:
    _fill(painter, colour)
    painter.drawRect(QRectF(-0.7, -0.85, 0.5, 1.7))
    painter.drawRect(QRectF(0.2, -0.85, 0.5, 1.7))


def _stop(painter: QPainter, colour: QColor) -> None:
    _fill(painter, colour)
    painter.drawRect(QRectF(-0.7, -0.7, 1.4, 1.4))


def _unplugged(painter: QPainter, colour: QColor) -> None:
    _lines(painter, (-0.9, 0.9), (-0.45, 0.45))
    painter.setBrush(colour)
    _polygon(painter, (-0.65, 0.05), (-0.05, 0.65), (-0.3, 0.7), (-0.7, 0.3))
    _lines(painter, (0.9, -0.9), (0.45, -0.45))
    _polygon(painter, (0.65, -0.05), (0.05, -0.65), (0.3, -0.7), (0.7, -0.3))


def _no_signal(painter: QPainter, colour: QColor) -> None:
    painter.drawRoundedRect(QRectF(-0.88, -0.7, 1.76, 1.25), 0.15, 0.15)
    _lines(painter, (-0.35, 0.9), (0.35, 0.9))
    _lines(painter, (-0.3, -0.35), (0.3, 0.2))
    _lines(painter, (-0.3, 0.2), (0.3, -0.35))


def _info(painter: QPainter, colour: QColor) -> None:
    painter.drawEllipse(QRectF(-0.85, -0.85, 1.7, 1.7))
    painter.drawPoint(QPointF(0, -0.4))
    _lines(painter, (0, 0), (0, 0.42))


def _no_entry(painter: QPainter, colour: QColor) -> None:
    painter.drawEllipse(QRectF(-0.85, -0.85, 1.7, 1.7))
    _lines(painter, (-0.42, 0), (0.42, 0))


def _cracked(painter: QPainter, colour: QColor) -> None:
    painter.drawRect(QRectF(-0.86, -0.7, 1.72, 1.4))
    _lines(painter, (0.2, -0.7), (-0.2, -0.15), (0.2, 0.1), (-0.15, 0.7))


def _corners(painter: QPainter) -> None:
    for x in (-0.85, 0.85):
        for y in (-0.75, 0.75):
            _lines(painter, (x * 0.5, y), (x, y), (x, y * 0.45))


def _boxes_hidden(painter: QPainter, colour: QColor) -> None:
    _corners(painter)
    _lines(painter, (-0.6, 0.6), (0.6, -0.6))


def _speaker(painter: QPainter, colour: QColor) -> None:
    painter.setBrush(colour)
    _polygon(painter, (-0.85, -0.28), (-0.5, -0.28), (-0.05, -0.7), (-0.05, 0.7), (-0.5, 0.28), (-0.85, 0.28))
    painter.setBrush(Qt.BrushStyle.NoBrush)


def _muted(painter: QPainter, colour: QColor) -> None:
    _speaker(painter, colour)
    _lines(painter, (0.3, -0.32), (0.9, 0.32))
    _lines(painter, (0.3, 0.32), (0.9, -0.32))


def _sounding(painter: QPainter, colour: QColor) -> None:
    _speaker(painter, colour)
    painter.drawArc(QRectF(-0.35, -0.45, 0.9, 0.9), -50 * 16, 100 * 16)
    painter.drawArc(QRectF(-0.55, -0.8, 1.45, 1.6), -50 * 16, 100 * 16)


def _eye(painter: QPainter, colour: QColor, active: bool) -> None:
    path = QPainterPath(QPointF(-0.95, 0))
    path.quadTo(QPointF(0, -1.15), QPointF(0.95, 0))
    path.quadTo(QPointF(0, 1.15), QPointF(-0.95, 0))
    painter.drawPath(path)
    if active:
        painter.setBrush(colour)
    painter.drawEllipse(QPointF(0, 0), 0.22, 0.22)
    if not active:
        _slash(painter)


def _box_button(painter: QPainter, colour: QColor, active: bool) -> None:
    _corners(painter) if active else _boxes_hidden(painter, colour)


def _sound_button(painter: QPainter, colour: QColor, active: bool) -> None:
    _sounding(painter, colour) if active else _muted(painter, colour)


def _camera(painter: QPainter, colour: QColor, active: bool) -> None:
    painter.drawRoundedRect(QRectF(-0.92, -0.5, 1.84, 1.25), 0.18, 0.18)
    _lines(painter, (-0.4, -0.52), (-0.25, -0.82), (0.25, -0.82), (0.4, -0.52))
    painter.drawEllipse(QPointF(0, 0.12), 0.36, 0.36)


def _record_button(painter: QPainter, colour: QColor, active: bool) -> None:
    painter.drawEllipse(QRectF(-0.9, -0.9, 1.8, 1.8))
    _fill(painter, colour)
    if active:
        painter.drawRect(QRectF(-0.38, -0.38, 0.76, 0.76))
    else:
        painter.drawEllipse(QPointF(0, 0), 0.5, 0.5)


def _screen(painter: QPainter, colour: QColor, active: bool) -> None:
    inner, outer = (0.85, 0.3) if active else (0.3, 0.85)
    for x in (-1, 1):
        for y in (-1, 1):
            _lines(painter, (x * inner, y * outer), (x * outer, y * outer), (x * outer, y * inner))


def _clipboard(painter: QPainter, colour: QColor, active: bool) -> None:
    painter.drawRoundedRect(QRectF(-0.72, -0.72, 1.44, 1.64), 0.15, 0.15)
    _lines(painter, (-0.3, -0.88), (0.3, -0.88))
    _lines(painter, (-0.36, 0.12), (-0.08, 0.4), (0.4, -0.24))


def _question(painter: QPainter, colour: QColor, active: bool) -> None:
    path = QPainterPath(QPointF(-0.45, -0.4))
    path.cubicTo(QPointF(-0.4, -1.05), QPointF(0.55, -1.05), QPointF(0.5, -0.35))
    path.cubicTo(QPointF(0.45, 0.05), QPointF(0.0, 0.0), QPointF(0.0, 0.42))
    painter.drawPath(path)
    painter.drawPoint(QPointF(0, 0.85))


def _record(painter: QPainter, colour: QColor) -> None:
    painter.drawEllipse(QRectF(-0.85, -0.85, 1.7, 1.7))
    _fill(painter, colour)
    painter.drawEllipse(QPointF(0, 0), 0.45, 0.45)


_SHAPES: dict[Shape, Callable[[QPainter, QColor], None]] = {
    Shape.DISC: _disc,
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
    Shape.MUTED: _muted,
    Shape.RECORD: _record,
    Shape.INFO: _info,
}

_ACTIONS: dict[Action, Callable[[QPainter, QColor, bool], None]] = {
    Action.TOGGLE_AI: _eye,
    Action.TOGGLE_BOXES: _box_button,
    Action.TOGGLE_SOUND: _sound_button,
    Action.SNAPSHOT: _camera,
    Action.RECORD: _record_button,
    Action.PAUSE: lambda p, c, active: _play(p, c) if active else _pause(p, c),
    Action.FULL_SCREEN: _screen,
    Action.SELF_TEST: _clipboard,
    Action.HELP: _question,
}
