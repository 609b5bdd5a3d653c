"""The help page over the picture: every key, from the one table. The video and the status line go on beneath it."""

from __future__ import annotations

from collections.abc import Sequence

from PyQt6.QtCore import QRect, QSize, Qt
from PyQt6.QtGui import QMouseEvent, QPainter, QPaintEvent
from PyQt6.QtWidgets import QWidget

from app import RESEARCH_USE, SOFTWARE
from app.gui import theme
from app.gui.keys import Key
from app.gui.layout import scaled, unit_of
from app.gui.text import draw_line, height_of

_WIDTH = 1000
_ROW = 50


class HelpPage(QWidget):
    """A card that lists the keys; a click closes it."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._keys: Sequence[Key] = ()
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.hide()

    def offer(self, keys: Sequence[Key]) -> None:
        """List these."""
        self._keys = keys
        self.update()

    def place(self, room: QRect, page_height: int) -> None:
        """Lie in the middle of a room, as large as needed and no larger than it."""
        unit = unit_of(page_height)
        wanted = QSize(scaled(_WIDTH, unit, 560), scaled(_ROW, unit, 26) * (len(self._keys) + 3))
        size = wanted.boundedTo(room.size())
        corner = room.center() - QRect(0, 0, size.width(), size.height()).center()
        self.setGeometry(QRect(corner, size))

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint the card."""
        painter = QPainter(self)
        try:
            self._paint(painter)
        finally:
            painter.end()

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Close."""
        self.hide()

    def _paint(self, painter: QPainter) -> None:
        painter.fillRect(self.rect(), theme.LINE)
        painter.fillRect(self.rect().adjusted(1, 1, -1, -1), theme.PANEL)
        row = self.height() // (len(self._keys) + 3)
        margin = row * 3 // 4
        key_room = (self.width() - 2 * margin) * 2 // 5
        body, strong = theme.font(max(12, row * 22 // 50)), theme.font(max(12, row * 22 // 50), strong=True)
        title = theme.font(max(15, row * 30 // 50), strong=True)
        inner = self.width() - 2 * margin
        draw_line(painter, QRect(margin, row // 4, inner, row + row // 4), "Keys", title, theme.TEXT)
        y = row + row // 2
        for key in self._keys:
            painter.fillRect(margin, y, inner, 1, theme.LINE)
            draw_line(painter, QRect(margin, y, key_room, row), key.shown_keys, strong, theme.MARKER)
            words = QRect(margin + key_room, y, inner - key_room, row)
            draw_line(painter, words, key.help, body, theme.TEXT)
            y += row
        painter.fillRect(margin, y, inner, 1, theme.LINE)
        small = theme.font(max(11, row * 18 // 50))
        footer = QRect(margin, y + row // 4, inner, height_of(small) + 2)
        draw_line(painter, footer, f"{SOFTWARE} · {RESEARCH_USE}", small, theme.TEXT_SOFT)
        footer.translate(0, height_of(small) + 2)
        draw_line(painter, footer, "The processor's own monitor stays the primary picture.", small, theme.TEXT_SOFT)
