"""The window on the second monitor: the picture on all of the screen, and below it one sign about the boxes on it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from PyQt6.QtCore import QRect, QRectF, Qt, pyqtSignal
from PyQt6.QtGui import QCloseEvent, QColor, QGuiApplication, QKeyEvent, QPainter, QPaintEvent, QResizeEvent, QScreen
from PyQt6.QtWidgets import QWidget

from app.gui import theme
from app.gui.canvas import Canvas
from app.gui.icons import draw_shape
from app.gui.language import tr
from app.gui.layout import arrange, scaled
from app.gui.signs import Shape, Sign, Tone, View, status_of
from app.gui.text import draw_line, width_of
from app.snapshot import LiveSnapshot
from detector.geometry import Size
from detector.watchdog import AiState

_LOUD = frozenset({Tone.CAUTION, Tone.FAULT})
# Of the time of the window's thread, the second monitor takes one part in this many at most.
_SHARE = 3


class SecondWindow(QWidget):
    """Fills a screen with the newest picture. Takes no focus and bears clicks; keys that reach it all the same go on.

    Args:
        pressed: takes keys, should the system give them to this window.

    Attributes:
        canvas: the picture.
        sign: what the strip below it says; None before the first picture.
    """

    closed = pyqtSignal()  # by the system; not by the program

    def __init__(self, pressed: Callable[[QKeyEvent], None]) -> None:
        flags = Qt.WindowType.Window | Qt.WindowType.FramelessWindowHint | Qt.WindowType.WindowDoesNotAcceptFocus
        super().__init__(None, flags)
        self.setWindowTitle(tr("Polypwatch: second monitor"))
        self.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setCursor(Qt.CursorShape.BlankCursor)
        self.canvas = TimedCanvas(self)
        self.sign: Sign | None = None
        self._strip = QRect()
        self._pressed = pressed
        self._unit = 1.0
        self._boxes = False

    def fill(self, screen: QScreen) -> None:
        """Lie on this screen and on all of it."""
        # Before full screen, so that it is this screen: Wayland asks for the screen, and without a window manager the
        # geometry is all that counts.
        self.setScreen(screen)
        self.setGeometry(screen.geometry())
        # Not showFullScreen(), which asks for the focus.
        self.setWindowState(Qt.WindowState.WindowFullScreen)
        self.show()

    def fills(self, screen: QScreen) -> bool:
        """Whether it lies where it should."""
        own, at, wanted = self.screen(), self.geometry(), screen.geometry()
        # Wayland tells no window where it is.
        placed = at == wanted or (QGuiApplication.platformName() == "wayland" and at.size() == wanted.size())
        return own is not None and own.name() == screen.name() and placed

    def show_snapshot(self, snapshot: LiveSnapshot, view: View) -> None:
        """Show this picture, with boxes and what the AI does, or without both."""
        shown = snapshot if view.boxes else without_ai(snapshot)
        self.canvas.show_snapshot(shown, view)
        sign = sign_below(snapshot, view)
        if (sign, view.boxes) != (self.sign, self._boxes):
            self.sign, self._boxes = sign, view.boxes
            self.update(self._strip)

    def show_failure(self) -> None:
        """Say that there is no picture, until the next snapshot comes."""
        self.canvas.show_failure()
        self.sign = None
        self.update(self._strip)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Lay out anew, as the live page does: on screens of one size both show one scaled picture."""
        layout = arrange(Size(max(1, self.width()), max(1, self.height())), None, with_bar=False)
        self.canvas.setGeometry(*layout.canvas)
        self._strip, self._unit = QRect(*layout.status), layout.unit

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint the strip."""
        painter = QPainter(self)
        try:
            painter.fillRect(self.rect(), theme.BLACK)
            if self.sign is not None:
                _paint_sign(painter, self._strip, self.sign, self._unit, self._boxes)
        finally:
            painter.end()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """A pedal goes on working even if the system gave the focus to this window."""
        if event is not None and not event.isAutoRepeat():
            self._pressed(event)

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """Closed by the system: that is a choice like the key."""
        super().closeEvent(event)
        self.closed.emit()


class TimedCanvas(Canvas):
    """A canvas that knows what it costs, so that it can be kept from costing the live page too much."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._ended_s = self._took_s = 0.0

    def rest_ms(self) -> int:
        """How long to wait before the next paint, so that painting takes its share of the time and no more."""
        return max(0, round(1000 * (self._ended_s + (_SHARE - 1) * self._took_s - time.monotonic())))

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint, and write down how long it took."""
        began_s = time.monotonic()
        super().paintEvent(event)
        self._ended_s = time.monotonic()
        self._took_s = self._ended_s - began_s


def sign_below(snapshot: LiveSnapshot, view: View) -> Sign:
    """What a person must know of the boxes on the second monitor, above all why there are none."""
    if view.boxes:
        return status_of(snapshot, view).ai
    return Sign(tr("CLEAN PICTURE: NO POLYPS ARE MARKED HERE"), Shape.RING_SLASHED, Tone.QUIET)


def without_ai(snapshot: LiveSnapshot) -> LiveSnapshot:
    """The picture and its source alone, as if all were well with the AI: that monitor says nothing of it."""
    ai = replace(snapshot.ai, state=AiState.ON, detail="", expired=False)
    return replace(snapshot, ai=ai, markers=(), quiet=None, hidden_until_ns=None)


def _paint_sign(painter: QPainter, strip: QRect, sign: Sign, unit: float, large: bool) -> None:
    font = theme.font(scaled(40 if large else 24, unit, 15), strong=True)
    small = theme.font(scaled(24, unit, 13))
    pad, icon = scaled(16, unit, 8), scaled(42 if large else 28, unit, 18)
    colour = theme.TONES[sign.tone]
    loud = sign.tone in _LOUD
    text_width = width_of(sign.text, font)
    width = min(strip.width(), 3 * pad + icon + text_width)
    area = QRect(strip.x(), strip.y(), width, strip.height())
    painter.fillRect(area, colour if loud else QColor(colour.red() // 5, colour.green() // 5, colour.blue() // 5))
    at = QRectF(area.x() + pad, area.y() + (area.height() - icon) / 2, icon, icon)
    draw_shape(painter, sign.shape, at, theme.INK if loud else colour)
    words = area.adjusted(2 * pad + icon, 0, -pad + 1, 0)
    draw_line(painter, words, sign.text, font, theme.INK if loud else theme.TEXT)
    if sign.detail:
        room = strip.adjusted(width + pad, 0, -pad, 0)
        draw_line(painter, room, sign.detail, small, theme.TEXT)
