"""The table of procedures: its columns, what is chosen in it, and the thumbnails of the rows that are seen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from PyQt6.QtCore import QItemSelection, QItemSelectionModel, QSize, Qt, pyqtSignal
from PyQt6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from app.gui.bridge import Bridge
from app.gui.language import tr
from app.gui.qa.library_model import HIDDEN_WHEN_BLINDED, PICTURE_PX, Column, LibraryModel
from app.qa.library import Entry
from app.qa.library.thumbnails import Thumbnails

_ROW_PX = 58
_AHEAD = 4  # rows below the last one that is seen
_WIDTHS: Final = {
    Column.PICTURE: 112,
    Column.TITLE: 186,
    Column.TAKEN: 100,
    Column.LENGTH: 126,
    Column.MODELS: 108,
    Column.MARKS: 78,
    Column.ENDOSCOPIST: 108,
    Column.REVIEW: 152,
    Column.SENSITIVITY: 92,
    Column.FALSE_ALARMS: 82,
    Column.TROUBLE: 90,
}
"""All of them fit into a window of 1280 pixels; the last one takes what a larger one has more."""


class LibraryTable(QTableView):
    """Rows are chosen as a whole, several at once; they stay chosen wherever they move.

    Args:
        blinded: name of a reader who must not see what could tell them what to find; empty if nobody is blinded.

    Attributes:
        chosen: something else is chosen now.
        heading_clicked: the heading of a column was.
        model_of_rows: what is listed.
    """

    chosen = pyqtSignal()
    heading_clicked = pyqtSignal(int)

    def __init__(self, blinded: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge = Bridge(self)
        self._thumbnails = Thumbnails(self._bridge.wake)
        self._bridge.refresh.connect(self._pictures_came)
        self._pictures = 0
        self.model_of_rows = LibraryModel(self._thumbnails.get, blinded, self)
        self.setModel(self.model_of_rows)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setIconSize(QSize(*PICTURE_PX))
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setAccessibleName(tr("Procedures"))
        self._arrange(bool(blinded))
        bar, selection = self.verticalScrollBar(), self.selectionModel()
        assert bar is not None
        assert selection is not None
        bar.valueChanged.connect(lambda _: self.ask_for_pictures())
        selection.selectionChanged.connect(lambda _new, _old: self.chosen.emit())

    def selected(self) -> list[int]:
        """The ids of the chosen rows, in their order."""
        selection = self.selectionModel()
        rows = sorted(index.row() for index in selection.selectedRows()) if selection is not None else []
        return [self.model_of_rows.ids[row] for row in rows]

    def show_rows(self, ids: list[int], entries: Iterable[Entry], cases: Mapping[int, int]) -> None:
        """List these; see `LibraryModel.show`. What was chosen stays chosen, and the list does not jump."""
        index, bar = self.currentIndex(), self.verticalScrollBar()
        current = self.model_of_rows.ids[index.row()] if index.isValid() else None
        chosen, place = self.selected(), bar.value() if bar is not None else 0
        if self.model_of_rows.show(ids, entries, cases):
            self._choose_again(chosen, current)
            if bar is not None:
                bar.setValue(place)
        self.ask_for_pictures()

    def ask_for_pictures(self) -> None:
        """For the rows that are seen, and a few below."""
        view, count = self.viewport(), len(self.model_of_rows.ids)
        if view is None or not count:
            return
        first = max(0, self.rowAt(0))
        last = self.rowAt(view.height() - 1)
        last = count - 1 if last < 0 else min(count - 1, last + _AHEAD)
        entries = [self.model_of_rows.entry_at(row) for row in range(first, last + 1)]
        self._thumbnails.ask([entry for entry in entries if entry is not None])

    def show_order(self, column: int, descending: bool) -> None:
        """Show by which column the rows are ordered."""
        header = self.horizontalHeader()
        if header is not None:
            way = Qt.SortOrder.DescendingOrder if descending else Qt.SortOrder.AscendingOrder
            header.setSortIndicator(column, way)

    def close_table(self) -> None:
        """End the thread of the thumbnails."""
        self._bridge.close()
        self._thumbnails.close()

    def _arrange(self, blinded: bool) -> None:
        rows, columns = self.verticalHeader(), self.horizontalHeader()
        assert rows is not None
        assert columns is not None
        rows.hide()
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        rows.setDefaultSectionSize(_ROW_PX)
        for column, width in _WIDTHS.items():
            self.setColumnWidth(column, width)
        columns.setStretchLastSection(True)
        columns.setHighlightSections(False)
        columns.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        columns.setSectionsClickable(not blinded)
        columns.setSortIndicatorShown(not blinded)
        columns.sectionClicked.connect(self.heading_clicked)
        self.show_order(Column.TAKEN, True)
        for column in HIDDEN_WHEN_BLINDED:
            self.setColumnHidden(column, blinded)

    def _pictures_came(self) -> None:
        made = self._thumbnails.made
        if made != self._pictures:
            self._pictures = made
            self.model_of_rows.pictures_changed()

    def _choose_again(self, chosen: Sequence[int], current: int | None) -> None:
        """The same procedures, wherever they are now."""
        selection, model = self.selectionModel(), self.model_of_rows
        if selection is None:
            return
        wanted = set(chosen)
        ranges = QItemSelection()
        for row, number in enumerate(model.ids) if wanted else ():
            if number in wanted:
                ranges.select(model.index(row, 0), model.index(row, len(Column) - 1))
        flags = QItemSelectionModel.SelectionFlag
        selection.select(ranges, flags.ClearAndSelect)
        row_now = model.row_of(current) if current is not None else None
        if row_now is not None:
            selection.setCurrentIndex(model.index(row_now, Column.TITLE), flags.NoUpdate)
