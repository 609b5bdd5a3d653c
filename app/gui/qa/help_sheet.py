"""All keys of all pages on one sheet, from the one table."""

from __future__ import annotations

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtGui import QKeyEvent, QResizeEvent
from PyQt6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from app import RESEARCH_USE, SOFTWARE
from app.gui.language import tr
from app.gui.qa.keys import On, rows_of
from app.gui.setup_parts import button, label, scrolling

_COLUMN_PX = 460


class HelpSheet(QWidget):
    """Lies over the pages; Esc or F1 puts it away."""

    left = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("page")
        self._columns = 0
        self._content = QWidget()
        self._grid = QHBoxLayout(self._content)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(28)
        self._blocks = [_block(on) for on in On if rows_of(on)]
        top = QHBoxLayout()
        top.addWidget(label(tr("Keys"), "title"), 1)
        self.close_button = button(tr("Close"), self.left.emit)
        top.addWidget(self.close_button)
        self.area = scrolling(self._content)
        self.area.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        box = QVBoxLayout(self)
        box.setContentsMargins(24, 14, 24, 14)
        box.addLayout(top)
        box.addWidget(self.area, 1)
        box.addWidget(label(f"{SOFTWARE} · {tr(RESEARCH_USE)}", "soft"))
        self._arrange(1)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """As many columns as there is room for."""
        self._arrange(max(1, min(3, self.width() // _COLUMN_PX)))

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Esc leaves."""
        if event is not None and event.key() == Qt.Key.Key_Escape:
            self.left.emit()
            return
        super().keyPressEvent(event)

    def _arrange(self, columns: int) -> None:
        """Blocks in their order, cut into columns of about the same height."""
        if columns == self._columns:
            return
        self._columns = columns
        while (item := self._grid.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                for block, _ in self._blocks:
                    if block.parent() is old:
                        block.setParent(None)
                old.deleteLater()
        left = sum(rows for _, rows in self._blocks)
        waiting = list(self._blocks)
        for number in range(columns):
            column = QWidget()
            box = QVBoxLayout(column)
            box.setContentsMargins(0, 0, 0, 0)
            box.setSpacing(18)
            filled, room = 0, left / (columns - number)
            while waiting and (filled == 0 or number == columns - 1 or filled + waiting[0][1] / 2 <= room):
                block, rows = waiting.pop(0)
                box.addWidget(block)
                filled += rows
            left -= filled
            box.addStretch(1)
            self._grid.addWidget(column, 1)


def _block(on: On) -> tuple[QWidget, int]:
    """The rows of one page, and how many lines they fill."""
    block = QWidget()
    grid = QGridLayout(block)
    grid.setContentsMargins(0, 0, 0, 0)
    grid.setHorizontalSpacing(16)
    grid.setVerticalSpacing(4)
    grid.addWidget(label(tr(on.value), "heading"), 0, 0, 1, 2)
    rows = rows_of(on)
    for number, row in enumerate(rows, start=1):
        keys = QLabel("  ".join(row.keys) or "–")
        keys.setObjectName("keys")
        keys.setMinimumWidth(110)
        grid.addWidget(keys, number, 0, Qt.AlignmentFlag.AlignTop)
        grid.addWidget(label(tr(row.help)), number, 1)
    grid.setColumnStretch(1, 1)
    return block, len(rows) + 2
