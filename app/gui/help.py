"""The help page over the picture: every key, from the one table, by groups in two columns.

The video and the status line go on beneath it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PyQt6.QtCore import QRect, QSize, Qt
from PyQt6.QtGui import QFont, QMouseEvent, QPainter, QPaintEvent
from PyQt6.QtWidgets import QWidget

from app import RESEARCH_USE, SOFTWARE
from app.gui import theme
from app.gui.keys import Group, Key
from app.gui.language import tr
from app.gui.layout import scaled, unit_of
from app.gui.text import draw_line, height_of, width_of

_WIDTH = 1640
_ROW = 40
_LEAST_ROW = 18
_MOST_COLUMNS = 2
_LEAST_PX = 11
_FOOT_ROWS = 3


@dataclass(frozen=True, slots=True)
class _Block:
    """A group with its rows."""

    group: Group
    keys: tuple[Key, ...]

    @property
    def rows(self) -> int:
        """With its heading, and half a row of air behind it."""
        return len(self.keys) + 2


class HelpPage(QWidget):
    """A card that lists the keys; a click closes it."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._columns: tuple[tuple[_Block, ...], ...] = ()
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.hide()

    def offer(self, keys: Sequence[Key]) -> None:
        """List these."""
        self._columns = _columns([_Block(group, _of(group, keys)) for group in Group if _of(group, keys)])
        self.update()

    def place(self, room: QRect, page_height: int) -> None:
        """Lie in the middle of a room, as large as needed and no larger than it."""
        unit = unit_of(page_height)
        wanted = QSize(scaled(_WIDTH, unit), scaled(_ROW, unit) * self._rows())
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

    def _rows(self) -> int:
        return max((sum(block.rows for block in column) for column in self._columns), default=0) + _FOOT_ROWS

    def _paint(self, painter: QPainter) -> None:
        painter.fillRect(self.rect(), theme.LINE)
        painter.fillRect(self.rect().adjusted(1, 1, -1, -1), theme.PANEL)
        row = max(_LEAST_ROW, self.height() // self._rows())
        margin = row
        width = (self.width() - margin * (len(self._columns) + 1)) // max(1, len(self._columns))
        for number, column in enumerate(self._columns):
            x = margin + number * (width + margin)
            _paint_column(painter, QRect(x, row // 2, width, self.height()), column, row)
        small = theme.font(max(_LEAST_PX, row * 20 // 50))
        inner = self.width() - 2 * margin
        footer = QRect(margin, self.height() - 2 * height_of(small) - row // 3, inner, height_of(small))
        draw_line(painter, footer, f"{SOFTWARE} · {tr(RESEARCH_USE)}", small, theme.TEXT_SOFT)
        footer.translate(0, height_of(small))
        monitor = tr("The processor's own monitor stays the primary picture.")
        draw_line(painter, footer, monitor, small, theme.TEXT_SOFT)


def _paint_column(painter: QPainter, area: QRect, column: Sequence[_Block], row: int) -> None:
    size = max(_LEAST_PX, row * 24 // 50)
    strong, heading = theme.font(size, strong=True), theme.font(max(_LEAST_PX + 2, row * 30 // 50), strong=True)
    shown = {key: _shown(key) for block in column for key in block.keys}
    gap = row // 2
    key_room = min(area.width() // 3, max(width_of(text, strong) for text in shown.values()))
    y = area.y()
    for block in column:
        draw_line(painter, QRect(area.x(), y, area.width(), row), tr(block.group.value), heading, theme.TEXT)
        y += row
        for key in block.keys:
            painter.fillRect(area.x(), y, area.width(), 1, theme.LINE)
            draw_line(painter, QRect(area.x(), y, key_room, row), shown[key], strong, theme.MARKER)
            room = QRect(area.x() + key_room + gap, y, area.width() - key_room - gap, row)
            words = tr(key.help)
            draw_line(painter, room, words, _fitting(words, size, room.width()), theme.TEXT)
            y += row
        painter.fillRect(area.x(), y, area.width(), 1, theme.LINE)
        y += row


def _fitting(text: str, size_px: int, width: int) -> QFont:
    """Smaller where the words would be cut."""
    for size in range(size_px, _LEAST_PX - 1, -1):
        font = theme.font(size)
        if width_of(text, font) <= width:
            break
    return font


def _shown(key: Key) -> str:
    """The keys as they are printed; an action without one says so."""
    return ",  ".join(key.keys) or "–"


def _of(group: Group, keys: Sequence[Key]) -> tuple[Key, ...]:
    return tuple(key for key in keys if key.group is group)


def _columns(blocks: list[_Block]) -> tuple[tuple[_Block, ...], ...]:
    """The groups in their order, cut where the longer column is shortest."""
    if len(blocks) < _MOST_COLUMNS:
        return (tuple(blocks),) if blocks else ()

    def longest(cut: int) -> int:
        return max(sum(block.rows for block in part) for part in (blocks[:cut], blocks[cut:]))

    cut = min(range(1, len(blocks)), key=longest)
    return tuple(blocks[:cut]), tuple(blocks[cut:])
