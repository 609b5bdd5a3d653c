"""Tables of the figures page: lines of words, each of which leads to its frames, and the list of these.

A table shows what it was given and nothing else: all numbers were worked out and written elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from PyQt6.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt, pyqtSignal
from PyQt6.QtGui import QFont, QKeyEvent
from PyQt6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from app.gui import theme
from app.gui.qa.look import TARGET_PX
from app.gui.sign_kinds import Tone

Role = Qt.ItemDataRole
_NOWHERE = QModelIndex()
What = TypeVar("What")


@dataclass(frozen=True, slots=True)
class Line(Generic[What]):
    """One line of a table.

    Attributes:
        words: one for each column.
        about: what the line stands for; handed back when it is chosen.
        tip: what more there is to say.
        tone: colour of one column's words, which say the same.
        toned: which column that is.
        heading: it is no line of its own but what the lines below have in common.
    """

    words: tuple[str, ...]
    about: What
    tip: str = ""
    tone: Tone | None = None
    toned: int = -1
    heading: bool = False


@dataclass(slots=True)
class _Shown(Generic[What]):
    columns: tuple[str, ...] = ()
    lines: tuple[Line[What], ...] = field(default_factory=tuple)


class LineModel(QAbstractTableModel, Generic[What]):
    """The lines, for Qt."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._shown: _Shown[What] = _Shown()

    @property
    def lines(self) -> tuple[Line[What], ...]:
        """What is shown."""
        return self._shown.lines

    def show(self, columns: Sequence[str], lines: Sequence[Line[What]]) -> None:
        """Show these."""
        same = tuple(columns) == self._shown.columns and len(lines) == len(self._shown.lines)
        if same:  # keep selection and place of the scroll bar: the figures follow a slider
            self._shown = _Shown(tuple(columns), tuple(lines))
            if lines:
                self.dataChanged.emit(self.index(0, 0), self.index(len(lines) - 1, len(columns) - 1))
            return
        self.beginResetModel()
        self._shown = _Shown(tuple(columns), tuple(lines))
        self.endResetModel()

    def rowCount(self, parent: QModelIndex = _NOWHERE) -> int:
        """How many lines."""
        return 0 if parent.isValid() else len(self._shown.lines)

    def columnCount(self, parent: QModelIndex = _NOWHERE) -> int:
        """How many columns."""
        return 0 if parent.isValid() else len(self._shown.columns)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Role.DisplayRole) -> object:
        """The name of a column."""
        if orientation is Qt.Orientation.Horizontal and role == Role.DisplayRole:
            return self._shown.columns[section]
        return None

    def data(self, index: QModelIndex, role: int = Role.DisplayRole) -> object:
        """What a cell shows."""
        line = self._shown.lines[index.row()]
        column = index.column()
        if role == Role.DisplayRole:
            return line.words[column] if column < len(line.words) else ""
        if role == Role.ToolTipRole:
            return line.tip or None
        if role == Role.ForegroundRole and line.tone is not None and column == line.toned % len(line.words):
            return theme.TONES[line.tone]
        if role == Role.FontRole and line.heading:
            return _strong()
        return None

    def flags(self, index: QModelIndex) -> Qt.ItemFlag:
        """Headings cannot be chosen."""
        if index.isValid() and self._shown.lines[index.row()].heading:
            return Qt.ItemFlag.ItemIsEnabled
        return super().flags(index)


class LineTable(QTableView, Generic[What]):
    """A table whose lines can be chosen by mouse and keys.

    Attributes:
        chosen: the line that is selected now stands for this.
        opened: Enter or a double click on it.
    """

    chosen = pyqtSignal(object)
    opened = pyqtSignal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model_: LineModel[What] = LineModel(self)
        self.setModel(self.model_)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setShowGrid(False)
        self.setAlternatingRowColors(True)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setStyleSheet("QTableView::item { padding: 0 8px; }")
        down = self.verticalHeader()
        across = self.horizontalHeader()
        assert down is not None
        assert across is not None
        down.hide()
        down.setDefaultSectionSize(TARGET_PX)
        across.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        across.setStretchLastSection(True)
        across.setHighlightSections(False)
        self.doubleClicked.connect(lambda index: self._open(index.row()))

    def show_lines(self, columns: Sequence[str], lines: Sequence[Line[What]]) -> None:
        """Show these; columns get the room that their words need."""
        anew = self.model_.columnCount() != len(columns)
        self.model_.show(columns, lines)
        across = self.horizontalHeader()
        if anew and across is not None:
            for column in range(len(columns) - 1):
                across.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)

    def narrow(self, column: int, most_px: int) -> None:
        """Cut a column's words rather than those of the others."""
        across = self.horizontalHeader()
        if across is not None and self.model_.columnCount() > column:
            across.setSectionResizeMode(column, QHeaderView.ResizeMode.Interactive)
            self.setColumnWidth(column, most_px)

    @property
    def about(self) -> What | None:
        """What the selected line stands for."""
        index = self.currentIndex()
        lines = self.model_.lines
        return lines[index.row()].about if index.isValid() and index.row() < len(lines) else None

    def choose(self, row: int) -> None:
        """Select a line."""
        self.setCurrentIndex(self.model_.index(row, 0))

    def currentChanged(self, current: QModelIndex, previous: QModelIndex) -> None:
        """Tell which line is chosen."""
        super().currentChanged(current, previous)
        if current.isValid() and current.row() != previous.row():
            self.chosen.emit(self.model_.lines[current.row()].about)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Enter opens."""
        if event is not None and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentIndex().isValid():
            self._open(self.currentIndex().row())
            return
        super().keyPressEvent(event)

    def _open(self, row: int) -> None:
        line = self.model_.lines[row]
        if not line.heading:
            self.opened.emit(line.about)


def _strong() -> QFont:
    return theme.font(14, strong=True)
