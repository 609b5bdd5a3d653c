"""How the cables run, drawn: the processor's own monitor stays, and Polypwatch is the second picture."""

from __future__ import annotations

from PyQt6.QtCore import QLineF, QPointF, QRectF, Qt
from PyQt6.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from PyQt6.QtWidgets import QSizePolicy, QWidget

from app.gui import theme
from app.gui.language import tr
from app.gui.signs import Tone

_WIDTH, _HEIGHT = 1200.0, 560.0
_BOX = (300.0, 150.0)
_WRAPPED = int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap)


class Wiring(QWidget):
    """Boxes and cables; scales with the room it is given."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setMinimumSize(320, 180)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(tr("How the cables run"))
        self.setAccessibleDescription(
            tr("Processor to its own monitor, as always; its second output to the capture card, and to Polypwatch.")
        )

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint the drawing."""
        painter = QPainter(self)
        try:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            scale = min(self.width() / _WIDTH, self.height() / _HEIGHT)
            painter.translate((self.width() - _WIDTH * scale) / 2, (self.height() - _HEIGHT * scale) / 2)
            painter.scale(scale, scale)
            self._paint(painter)
        finally:
            painter.end()

    def _paint(self, painter: QPainter) -> None:
        processor = QRectF(10, 195, *_BOX)
        monitor = QRectF(860, 30, 330, 190)
        card = QRectF(460, 365, 270, 130)
        screen = QRectF(860, 335, 330, 190)
        main, quiet = theme.TONES[Tone.GOOD], theme.TEXT_SOFT
        _cable(painter, [QPointF(310, 235), QPointF(580, 235), QPointF(580, 125), QPointF(860, 125)], main, 12)
        _cable(painter, [QPointF(160, 345), QPointF(160, 430), QPointF(460, 430)], quiet, 6)
        _cable(painter, [QPointF(730, 430), QPointF(860, 430)], quiet, 6)
        _box(painter, processor, tr("Endoscope processor"), theme.TEXT)
        _box(painter, card, tr("Capture card"), theme.TEXT)
        _screen(painter, monitor, tr("The processor's own monitor: stays connected"), main)
        _screen(painter, screen, tr("Polypwatch: the second picture"), quiet)
        _words(painter, QRectF(330, 30, 510, 76), tr("first output, as always"), main)
        _words(painter, QRectF(10, 450, 430, 76), tr("second output (SDI, HDMI, DVI)"), quiet)


def _box(painter: QPainter, area: QRectF, words: str, ink: QColor) -> None:
    painter.setPen(QPen(ink, 4))
    painter.setBrush(theme.PANEL_RAISED)
    painter.drawRoundedRect(area, 12, 12)
    _words(painter, area.adjusted(12, 8, -12, -8), words, ink)


def _screen(painter: QPainter, area: QRectF, words: str, edge: QColor) -> None:
    painter.setPen(QPen(edge, 8))
    painter.setBrush(theme.BLACK)
    painter.drawRoundedRect(area, 10, 10)
    stand = area.center().x()
    painter.drawLine(QLineF(stand - 60, area.bottom() + 22, stand + 60, area.bottom() + 22))
    painter.drawLine(QLineF(stand, area.bottom(), stand, area.bottom() + 22))
    _words(painter, area.adjusted(18, 14, -18, -14), words, theme.TEXT)


def _cable(painter: QPainter, points: list[QPointF], colour: QColor, width: int) -> None:
    painter.setPen(QPen(colour, width, join=Qt.PenJoinStyle.RoundJoin))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    end = points[-1]
    painter.drawPolyline(QPolygonF([*points[:-1], QPointF(end.x() - 20, end.y())]))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    painter.drawPolygon(QPolygonF([end, QPointF(end.x() - 34, end.y() - 20), QPointF(end.x() - 34, end.y() + 20)]))


def _words(painter: QPainter, area: QRectF, words: str, ink: QColor) -> None:
    painter.setFont(theme.font(32, strong=True))
    painter.setPen(ink)
    painter.drawText(area, _WRAPPED, words)
