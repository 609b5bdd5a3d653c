"""Icons of the buttons: what is on differs from what is off in shape."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtCore import QPointF, QRectF
from PyQt6.QtGui import QColor, QPainter, QPainterPath

from app.gui.icons import SHAPES, corners, eye, speaker
from app.gui.keys import Action
from app.gui.sign_kinds import Shape
from app.gui.strokes import draw, fill, lines, polygon, slash


def draw_action(painter: QPainter, action: Action, active: bool, area: QRectF, colour: QColor) -> None:
    """Draw a button's icon; ``active`` tells a function that is on from one that is off."""
    draw(painter, lambda p, c: ACTIONS[action](p, c, active), area, colour)


def draw_more(painter: QPainter, back: bool, area: QRectF, colour: QColor) -> None:
    """Draw the icon of the button that turns the page of the bar."""
    draw(painter, lambda p, c: _back(p, c) if back else _more(p, c), area, colour)


def _sounding(painter: QPainter, colour: QColor) -> None:
    speaker(painter, colour)
    painter.drawArc(QRectF(-0.35, -0.45, 0.9, 0.9), -50 * 16, 100 * 16)
    painter.drawArc(QRectF(-0.55, -0.8, 1.45, 1.6), -50 * 16, 100 * 16)


def _eye(painter: QPainter, colour: QColor, active: bool) -> None:
    eye(painter)
    if active:
        painter.setBrush(colour)
    painter.drawEllipse(QPointF(0, 0), 0.22, 0.22)
    if not active:
        slash(painter)


def _box_button(painter: QPainter, colour: QColor, active: bool) -> None:
    corners(painter) if active else SHAPES[Shape.BOXES_HIDDEN](painter, colour)


def _sound_button(painter: QPainter, colour: QColor, active: bool) -> None:
    _sounding(painter, colour) if active else SHAPES[Shape.MUTED](painter, colour)


def _camera(painter: QPainter, colour: QColor, active: bool) -> None:
    painter.drawRoundedRect(QRectF(-0.92, -0.5, 1.84, 1.25), 0.18, 0.18)
    lines(painter, (-0.4, -0.52), (-0.25, -0.82), (0.25, -0.82), (0.4, -0.52))
    painter.drawEllipse(QPointF(0, 0.12), 0.36, 0.36)


def _record_button(painter: QPainter, colour: QColor, active: bool) -> None:
    painter.drawEllipse(QRectF(-0.9, -0.9, 1.8, 1.8))
    fill(painter, colour)
    if active:
        painter.drawRect(QRectF(-0.38, -0.38, 0.76, 0.76))
    else:
        painter.drawEllipse(QPointF(0, 0), 0.5, 0.5)


def _screen(painter: QPainter, colour: QColor, active: bool) -> None:
    inner, outer = (0.85, 0.3) if active else (0.3, 0.85)
    for x in (-1, 1):
        for y in (-1, 1):
            lines(painter, (x * inner, y * outer), (x * outer, y * outer), (x * outer, y * inner))


def _clipboard(painter: QPainter, colour: QColor, active: bool) -> None:
    painter.drawRoundedRect(QRectF(-0.72, -0.72, 1.44, 1.64), 0.15, 0.15)
    lines(painter, (-0.3, -0.88), (0.3, -0.88))
    lines(painter, (-0.36, 0.12), (-0.08, 0.4), (0.4, -0.24))


def _question(painter: QPainter, colour: QColor, active: bool) -> None:
    path = QPainterPath(QPointF(-0.45, -0.4))
    path.cubicTo(QPointF(-0.4, -1.05), QPointF(0.55, -1.05), QPointF(0.5, -0.35))
    path.cubicTo(QPointF(0.45, 0.05), QPointF(0.0, 0.0), QPointF(0.0, 0.42))
    painter.drawPath(path)
    painter.drawPoint(QPointF(0, 0.85))


def _replay(painter: QPainter, colour: QColor, active: bool) -> None:
    painter.drawArc(QRectF(-0.85, -0.85, 1.7, 1.7), 130 * 16, 290 * 16)
    fill(painter, colour)
    polygon(painter, (-0.98, -0.35), (-0.9, -0.98), (-0.3, -0.62))
    polygon(painter, (-0.28, -0.42), (0.45, 0), (-0.28, 0.42))


def _examination(painter: QPainter, colour: QColor, active: bool) -> None:
    """A stopwatch; while one runs, with the sign for stopping in it."""
    painter.drawEllipse(QRectF(-0.75, -0.6, 1.5, 1.5))
    lines(painter, (-0.25, -0.92), (0.25, -0.92))
    if active:
        fill(painter, colour)
        painter.drawRect(QRectF(-0.3, -0.15, 0.6, 0.6))
    else:
        lines(painter, (0, -0.25), (0, 0.15), (0.28, 0.35))


def _details(painter: QPainter, colour: QColor, active: bool) -> None:
    """A list."""
    for y in (-0.6, 0.0, 0.6):
        lines(painter, (-0.3, y), (0.88, y))
        painter.drawPoint(QPointF(-0.8, y))


def _settings(painter: QPainter, colour: QColor, active: bool) -> None:
    """A gear."""
    painter.drawEllipse(QPointF(0, 0), 0.52, 0.52)
    for turn in range(8):
        painter.save()
        painter.rotate(45 * turn)
        lines(painter, (0.66, 0), (0.9, 0))
        painter.restore()


def _more(painter: QPainter, colour: QColor) -> None:
    SHAPES[Shape.DOTS](painter, colour)


def _back(painter: QPainter, colour: QColor) -> None:
    lines(painter, (0.35, -0.7), (-0.4, 0), (0.35, 0.7))


ACTIONS: dict[Action, Callable[[QPainter, QColor, bool], None]] = {
    Action.TOGGLE_AI: _eye,
    Action.HIDE_BOXES: _box_button,
    Action.TOGGLE_SOUND: _sound_button,
    Action.SNAPSHOT: _camera,
    Action.RECORD: _record_button,
    Action.PAUSE: lambda p, c, active: SHAPES[Shape.PLAY if active else Shape.PAUSE](p, c),
    Action.FULL_SCREEN: _screen,
    Action.SELF_TEST: _clipboard,
    Action.HELP: _question,
    Action.REPLAY: _replay,
    Action.EXAMINATION: _examination,
    Action.DETAILS: _details,
    Action.SETTINGS: _settings,
}
