"""In full screen the buttons and the mouse pointer go after a while; a move or a touch brings them back."""

from __future__ import annotations

from PyQt6.QtCore import QObject, Qt, QTimer
from PyQt6.QtWidgets import QWidget

_AFTER_MS = 3000


class BarHider(QObject):
    """Shows and hides the bar of a page.

    Args:
        page: whose pointer is hidden, too.
        bar: the buttons.

    Attributes:
        timer: ends when the bar is to go.
    """

    def __init__(self, page: QWidget, bar: QWidget) -> None:
        super().__init__(page)
        self._page = page
        self._bar = bar
        self.full_screen = False
        self.timer = QTimer(self)
        self.timer.setSingleShot(True)
        self.timer.setInterval(_AFTER_MS)
        self.timer.timeout.connect(self._hide)

    def set_full_screen(self, full_screen: bool) -> None:
        """Hide after a while from now on, or always show."""
        self.full_screen = full_screen
        self.show_bar()

    def show_bar(self) -> None:
        """Bring bar and pointer back."""
        self._bar.show()
        self._page.unsetCursor()
        if self.full_screen:
            self.timer.start()
        else:
            self.timer.stop()

    def close(self) -> None:
        """Hide nothing any more."""
        self.timer.stop()

    def _hide(self) -> None:
        if self._bar.underMouse():
            self.timer.start()
        elif self.full_screen:
            self._bar.hide()
            self._page.setCursor(Qt.CursorShape.BlankCursor)
