"""The widget with the status line."""

from __future__ import annotations

import time

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QPainter, QPaintEvent
from PyQt6.QtWidgets import QWidget

from app.gui.layout import Area, unit_of
from app.gui.sign_kinds import Status
from app.gui.status_painting import paint_status

# Figures change with every frame; nobody reads faster than this, and painting text costs.
_FIGURES_EVERY_S = 0.5


class StatusLine(QWidget):
    """Shows a status; signs change at once, figures twice a second."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self._status: Status | None = None
        self._figures_since_s = 0.0

    @property
    def status(self) -> Status | None:
        """What it shows."""
        return self._status

    def show_status(self, status: Status) -> None:
        """Take the status and repaint if that is due."""
        old, now_s = self._status, time.monotonic()
        at_once = old is None or status.urgent_part() != old.urgent_part() or _words(status) != _words(old)
        if not at_once and (status == old or now_s - self._figures_since_s < _FIGURES_EVERY_S):
            return
        self._status, self._figures_since_s = status, now_s
        if status.notice is not None:
            self.setToolTip(f"{status.notice.what}\n{status.notice.rest}".strip())
        elif self.toolTip():
            self.setToolTip("")
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint in device pixels, like every part of the page."""
        painter = QPainter(self)
        try:
            if self._status is not None:
                ratio = self.devicePixelRatioF()
                painter.scale(1 / ratio, 1 / ratio)
                area = Area(0, 0, round(self.width() * ratio), round(self.height() * ratio))
                unit = unit_of(round(self._page_height() * ratio))
                paint_status(painter, area, self._status, unit)
        finally:
            painter.end()

    def _page_height(self) -> int:
        parent = self.parentWidget()
        return parent.height() if parent else self.height()


def _words(status: Status) -> tuple[str, ...]:
    """The figures without their digits: 'overlay expired' must not wait for its turn."""
    return tuple("".join(c for c in text if not c.isdigit()) for text in (*status.figures, status.age))
