"""Two small charts: curves (FROC) and bars with their intervals. Painted here, in the colours of the window.

A and B differ in colour, in line and by their letter. What cannot be given is said in words and never drawn as 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from PyQt6.QtCore import QPointF, QRect, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PyQt6.QtWidgets import QSizePolicy, QWidget

from app.gui import theme
from app.gui.language import decimal, told
from app.gui.sign_kinds import Tone
from app.gui.text import draw_line, height_of, width_of

COLOURS = (theme.TONES[Tone.BUSY], theme.TONES[Tone.CAUTION])
"""Of model A and of model B."""
LETTERS = ("A", "B")
_WORDS_PX = 13
_DOT = 4.5


@dataclass(frozen=True, slots=True)
class Curve:
    """One line of a chart.

    Attributes:
        name: for people.
        points: x and y, in the order in which they are joined.
        here: where the model stands with its own threshold; None where that is not known.
    """

    name: str
    points: tuple[tuple[float, float], ...]
    here: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar.

    Attributes:
        value: 0 to 1; None where it cannot be given.
        words: beside it: ``7 of 9``, or why there is none.
        low: lower end of its interval; None without one.
        high: its upper end.
    """

    value: float | None
    words: str
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class BarGroup:
    """The bars of the models for one thing.

    Attributes:
        name: what they are of.
        bars: of A, and of B where there are two.
    """

    name: str
    bars: tuple[Bar, ...]


def ticks(top: float, about: int = 5) -> tuple[float, ...]:
    """Round numbers from 0 up to at least `top`, about so many."""
    if not top > 0 or not math.isfinite(top):
        return 0.0, 1.0
    raw = top / about
    unit = 10.0 ** math.floor(math.log10(raw))
    step = next(unit * k for k in (1, 2, 2.5, 5, 10) if unit * k >= raw - 1e-12)
    return tuple(round(step * k, 10) for k in range(math.ceil(top / step - 1e-9) + 1))


class CurveChart(QWidget):
    """Curves from 0 upwards on both axes; y goes to 1."""

    def __init__(self, across: str, up: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.across, self._up = across, up
        self.curves: tuple[Curve, ...] = ()
        self.empty = ""
        self.setMinimumSize(260, 200)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def show_curves(self, curves: tuple[Curve, ...], empty: str = "", across: str = "") -> None:
        """Draw these; without any, the words say why. `across` says what lies across from now on."""
        self.curves, self.empty = curves, empty
        self.across = across or self.across
        self.setAccessibleDescription("; ".join(c.name for c in curves) or empty)
        self.update()

    def sizeHint(self) -> QSize:
        """A little wider than high."""
        return QSize(420, 300)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint axes, curves and names."""
        painter = QPainter(self)
        try:
            painter.fillRect(self.rect(), theme.PANEL)
            if not any(curve.points for curve in self.curves):
                _say(painter, self.rect(), self.empty)
                return
            self._paint(painter)
        finally:
            painter.end()

    def _paint(self, painter: QPainter) -> None:
        font = theme.font(_WORDS_PX)
        line = height_of(font)
        top = max(x for curve in self.curves for x, _ in (*curve.points, *((curve.here,) if curve.here else ())))
        marks = ticks(top)
        area = QRectF(46, line * 1.9, self.width() - 64, self.height() - line * 4.2)
        if area.width() < 40 or area.height() < 40:
            return
        _axes(painter, area, marks, self.across, self._up)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for number, curve in enumerate(self.curves):
            self._paint_curve(painter, area, marks[-1], number, curve)
        _names(painter, area, tuple(curve.name for curve in self.curves))

    def _paint_curve(self, painter: QPainter, area: QRectF, right: float, number: int, curve: Curve) -> None:
        def at(point: tuple[float, float]) -> QPointF:
            return QPointF(area.left() + point[0] / right * area.width(), area.bottom() - point[1] * area.height())

        colour = COLOURS[number % 2]
        dashed = Qt.PenStyle.DashLine if number % 2 else Qt.PenStyle.SolidLine
        painter.setPen(QPen(colour, 2, dashed))
        painter.drawPolyline(QPolygonF([at(p) for p in curve.points]))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        for point in curve.points:
            painter.drawEllipse(at(point), 2, 2)
        if curve.here is not None:
            painter.setPen(QPen(theme.TEXT, 2))
            painter.drawEllipse(at(curve.here), _DOT + 1, _DOT + 1)
        painter.setBrush(Qt.BrushStyle.NoBrush)


class BarChart(QWidget):
    """Shares as bars that lie, with intervals, in groups; a click on a group tells its number."""

    chosen = pyqtSignal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.groups: tuple[BarGroup, ...] = ()
        self.empty = ""
        self._tops: list[tuple[int, int]] = []
        self.setMinimumWidth(260)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)

    def show_groups(self, groups: tuple[BarGroup, ...], empty: str = "") -> None:
        """Draw these; without any, the words say why."""
        self.groups, self.empty = groups, empty
        self.setMinimumHeight(self.sizeHint().height())
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """As high as its bars."""
        bars = sum(len(group.bars) for group in self.groups)
        return QSize(420, max(90, 30 * bars + 12 * len(self.groups) + 34))

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Choose the group that lies there."""
        if event is None:
            return
        y = event.position().y()
        for number, (top, bottom) in enumerate(self._tops):
            if top <= y < bottom:
                self.chosen.emit(number)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint names, bars, intervals and numbers."""
        painter = QPainter(self)
        try:
            painter.fillRect(self.rect(), theme.PANEL)
            if not self.groups:
                _say(painter, self.rect(), self.empty)
                return
            self._paint(painter)
        finally:
            painter.end()

    def _paint(self, painter: QPainter) -> None:
        font = theme.font(_WORDS_PX)
        widest = max(width_of(told(group.name), font) for group in self.groups)
        left = min(widest + 16, self.width() // 3)
        words = max(width_of(_bar_words(bar), font) for group in self.groups for bar in group.bars)
        room = max(60, self.width() - left - min(words, self.width() // 3) - 60)
        y = 8
        self._tops = []
        for group in self.groups:
            height = 30 * len(group.bars)
            draw_line(painter, QRect(8, y, left - 12, height), told(group.name), font, theme.TEXT)
            for number, bar in enumerate(group.bars):
                letter = LETTERS[number] if len(group.bars) > 1 else ""
                area = QRectF(left + 18, y + 30 * number + 6, room, 18)
                draw_line(painter, QRect(left, round(area.top()), 16, 18), letter, font, COLOURS[number % 2])
                _paint_bar(painter, area, bar, COLOURS[number % 2], hatched=number % 2 == 1)
                beside = QRect(round(area.right()) + 10, round(area.top()), self.width() - round(area.right()) - 14, 18)
                draw_line(painter, beside, _bar_words(bar), font, theme.TEXT)
            self._tops.append((y, y + height + 12))
            y += height + 12


def _paint_bar(painter: QPainter, area: QRectF, bar: Bar, colour: QColor, *, hatched: bool) -> None:
    painter.setPen(QPen(theme.LINE, 1))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRect(area)
    if bar.value is None:
        return
    filled = QRectF(area.left(), area.top(), area.width() * bar.value, area.height())
    painter.fillRect(filled, colour)
    if hatched:
        painter.setPen(QPen(theme.PANEL, 2))
        for x in range(int(filled.left()) + 6, int(filled.right()), 8):
            painter.drawLine(QPointF(x, filled.top()), QPointF(x - 5, filled.bottom()))
    if bar.low is not None and bar.high is not None:
        middle = area.center().y()
        ends = [area.left() + end * area.width() for end in (bar.low, bar.high)]
        for pen in (QPen(theme.PANEL, 5), QPen(theme.TEXT, 2)):
            painter.setPen(pen)
            painter.drawLine(QPointF(ends[0], middle), QPointF(ends[1], middle))
            for end in ends:
                painter.drawLine(QPointF(end, middle - 5), QPointF(end, middle + 5))


def _bar_words(bar: Bar) -> str:
    if bar.value is None:
        return told(bar.words)
    share = f"{100 * bar.value:.0f} %"
    return f"{share}  {bar.words}" if bar.words else share


def _axes(painter: QPainter, area: QRectF, marks: tuple[float, ...], across: str, up: str) -> None:
    font = theme.font(_WORDS_PX)
    line = height_of(font)
    painter.setFont(font)
    for k in range(6):
        y = area.bottom() - area.height() * k / 5
        painter.setPen(QPen(theme.LINE, 1))
        painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
        painter.setPen(theme.TEXT_SOFT)
        words = QRectF(0, y - line / 2, area.left() - 6, line)
        painter.drawText(words, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, f"{k * 20} %")
    for value in marks:
        x = area.left() + area.width() * value / marks[-1]
        painter.setPen(QPen(theme.LINE, 1))
        painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))
        painter.setPen(theme.TEXT_SOFT)
        words = QRectF(x - 40, area.bottom() + 2, 80, line)
        painter.drawText(words, Qt.AlignmentFlag.AlignCenter, decimal(f"{value:g}"))
    draw_line(painter, QRect(6, 2, round(area.right()), line), up, font, theme.TEXT)
    foot = QRect(round(area.left()), round(area.bottom()) + line + 3, round(area.width()), line)
    draw_line(painter, foot, across, font, theme.TEXT)


def _names(painter: QPainter, area: QRectF, names: tuple[str, ...]) -> None:
    """Which line is whose, in the lower right corner, where a curve seldom is."""
    font = theme.font(_WORDS_PX)
    line = height_of(font) + 4
    names = tuple(map(told, names))
    wide = min(area.width() - 8, 44 + max(width_of(name, font) for name in names))
    box = QRectF(area.right() - wide - 4, area.bottom() - line * len(names) - 8, wide, line * len(names) + 4)
    painter.fillRect(box, theme.PANEL)
    for number, name in enumerate(names):
        y = box.top() + 2 + line * number
        dashed = Qt.PenStyle.DashLine if number % 2 else Qt.PenStyle.SolidLine
        painter.setPen(QPen(COLOURS[number % 2], 2, dashed))
        painter.drawLine(QPointF(box.left() + 4, y + line / 2), QPointF(box.left() + 30, y + line / 2))
        words = QRect(round(box.left()) + 38, round(y), round(wide) - 40, line)
        draw_line(painter, words, name, font, theme.TEXT)


def _say(painter: QPainter, area: QRect, words: str) -> None:
    painter.setFont(theme.font(15))
    painter.setPen(theme.TEXT_SOFT)
    flags = int(Qt.AlignmentFlag.AlignCenter) | int(Qt.TextFlag.TextWordWrap)
    painter.drawText(area.adjusted(16, 8, -16, -8), flags, words)
