"""The window of ``polypwatch bench --loopback``: a time code in full screen, a new one every 50 ms."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import cast

from PyQt6 import sip
from PyQt6.QtCore import QRect, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QCloseEvent, QGuiApplication, QImage, QKeyEvent, QPainter, QPaintEvent
from PyQt6.QtWidgets import QWidget

from app.bench.loopback import HOLD_MS, Tally
from app.bench.timecode import COUNTS, Code, draw_code, words_on_screen
from app.gui import theme
from app.gui.application import application
from app.gui.crash import CrashHook, logged_qt_messages
from app.gui.interrupts import Interrupts
from app.gui.notices import NoticeBoard
from detector.errors import UsageError
from detector.geometry import Size

_NO_PICTURE_S = 30.0
_LEAST = Size(320, 180)
_CENTRED = int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap)
_LEAVE = (Qt.Key.Key_Escape, Qt.Key.Key_Q)


class LoopbackWindow(QWidget):
    """Shows codes until so many seconds after the first picture of the source, or until the user leaves.

    Args:
        tally: told of every paint; says what came back.
        trouble: what is wrong with the source; empty if nothing.
        seconds: how long to show codes from the source's first picture on.

    Attributes:
        painted: called with every code's picture when it was painted, in the window's thread; tests listen here.
    """

    closed = pyqtSignal()

    def __init__(self, tally: Tally, trouble: Callable[[], str], seconds: float) -> None:
        super().__init__()
        self.setWindowTitle("Polypwatch time code")
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setCursor(Qt.CursorShape.BlankCursor)
        self.setMinimumSize(*_LEAST)
        self.painted: list[Callable[[QImage], None]] = []
        self._tally = tally
        self._trouble = trouble
        self._seconds = seconds
        self._count = 0
        self._painted_count = -1
        self._opened_s = time.monotonic()
        self._first_s: float | None = None
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(HOLD_MS)
        self._timer.timeout.connect(self._next)
        self._timer.start()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint the code; what is told as its time is the end of the paint."""
        picture = self.picture()
        painter = QPainter(self)
        try:
            ratio = self.devicePixelRatioF()
            painter.scale(1 / ratio, 1 / ratio)
            painter.drawImage(0, 0, picture)
        finally:
            painter.end()
        if self._painted_count != self._count:
            self._painted_count = self._count
            self._tally.shown(self._count, time.perf_counter_ns())
            for hook in self.painted:
                hook(picture)

    def picture(self) -> QImage:
        """What is shown now, in device pixels."""
        ratio = self.devicePixelRatioF()
        size = Size(max(_LEAST.width, round(self.width() * ratio)), max(_LEAST.height, round(self.height() * ratio)))
        code = draw_code(Code(self._tally.key, self._count), size)
        # The stubs know bytes only; the buffer stays alive with the image, which is copied before this returns.
        grey = QImage(cast(bytes, code.data), size.width, size.height, size.width, QImage.Format.Format_Grayscale8)
        picture = grey.convertToFormat(QImage.Format.Format_RGB32)
        self._paint_words(picture, size)
        return picture

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Esc and Q leave."""
        if event is not None and event.key() in _LEAVE:
            self.close()
        else:
            super().keyPressEvent(event)

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """No more codes."""
        self._timer.stop()
        super().closeEvent(event)
        self.closed.emit()

    def _next(self) -> None:
        now_s = time.monotonic()
        if self._first_s is None and self._tally.pictures:
            self._first_s = now_s
        began_s, limit_s = (self._opened_s, _NO_PICTURE_S) if self._first_s is None else (self._first_s, self._seconds)
        if now_s - began_s >= limit_s or self._count + 1 >= COUNTS:
            self.close()
            return
        # A code that was not painted yet stays: each number has its time.
        if self._painted_count == self._count:
            self._count += 1
        self.update()

    def _paint_words(self, picture: QImage, size: Size) -> None:
        left, top, right, bottom = words_on_screen(size)
        painter = QPainter(picture)
        try:
            painter.setPen(theme.INK)
            painter.setFont(theme.font(max(8, (bottom - top) // 4)))
            room = QRect(left, top, right - left, bottom - top)
            painter.drawText(room, _CENTRED, f"{self._words()}\nEsc ends")
        finally:
            painter.end()

    def _words(self) -> str:
        if trouble := self._trouble():
            return trouble if len(trouble) < 90 else f"{trouble[:88]} ..."
        seen = self._tally.seen
        if seen:
            return f"Measuring the delay. Codes that came back: {seen}"
        if self._tally.pictures:
            return "No code has come back yet: the source must show this screen"
        return "Waiting for the source"


def show_codes(
    tally: Tally, trouble: Callable[[], str], seconds: float, screen: int | None, interrupts: Interrupts
) -> None:
    """Show the window in full screen until it is over; see ``app.bench.loopback.ShowCodes``.

    Raises:
        UsageError: there is no such screen.
    """
    with logged_qt_messages():
        qt = application()
        qt.setQuitOnLastWindowClosed(False)
        screens = QGuiApplication.screens()
        if screen is not None and not 0 <= screen < len(screens):
            raise UsageError(f"There is no screen {screen}.", f"There are {len(screens)}, counted from 0.")
        window = LoopbackWindow(tally, trouble, seconds)
        window.closed.connect(qt.quit)
        # Before full screen, so that it is this screen: Wayland asks for the screen, and without a window manager the
        # geometry is all that counts.
        window.setScreen(screens[screen or 0])
        window.setGeometry(screens[screen or 0].geometry())
        crash_hook = CrashHook(NoticeBoard(), window.close)
        crash_hook.install()
        interrupts.close = lambda: QTimer.singleShot(0, window.close)
        try:
            if not interrupts.asked:
                window.showFullScreen()
                qt.exec()
        finally:
            interrupts.close = None
            window.close()
            crash_hook.remove()
            sip.delete(window)  # before the application
