"""The library: every procedure in the chosen folders, found by typing, filtered by chips, sorted by a click.

It reads the index only, in a thread of its own; whatever is done with a selection is another room's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PyQt6.QtCore import QEvent, QObject, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QKeyEvent, QResizeEvent
from PyQt6.QtWidgets import (
    QHBoxLayout,
    QLineEdit,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from app.gui.language import told, tr
from app.gui.qa.keys import Act
from app.gui.qa.library_actions import ActionBar
from app.gui.qa.library_empty import EmptyLibrary
from app.gui.qa.library_filters import FilterBar
from app.gui.qa.library_folders import FolderButton
from app.gui.qa.library_model import CHUNK, SORTS, Column
from app.gui.qa.library_table import LibraryTable
from app.gui.qa.library_words import whole
from app.gui.qa.newest import Newest, Tell
from app.gui.qa.pages import Desk
from app.gui.qa.shortcuts import bind
from app.gui.setup_parts import label
from app.qa.library import Entry, Facets, Library, Sort
from app.qa.review.blinding import blinded_order

_TYPING_MS = 60
_LOOK_MS = 500
_SOON_MS = 400
_OTHERS_LOOKS = 10
_RESCAN_LOOKS = 60  # half a minute: what the room next door records meanwhile turns up by itself


@dataclass(frozen=True, slots=True)
class Listing:
    """What a question to the index gave.

    Attributes:
        ids: every row.
        entries: the first of them.
        facets: what there is to filter by.
        cases: of a blinded reader, the number of each procedure.
    """

    ids: list[int]
    entries: list[Entry]
    facets: Facets
    cases: Mapping[int, int]


class LibraryPage(QWidget):
    """The page.

    Args:
        desk: of the window.

    Attributes:
        listed: another list is shown.
        add_wanted: a folder is to be chosen and added.
        remove_wanted: this folder is to be taken out of the library.
        demo_wanted: the bundled procedure is to be opened.
    """

    listed = pyqtSignal()
    add_wanted = pyqtSignal()
    remove_wanted = pyqtSignal(object)
    demo_wanted = pyqtSignal()

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("page")
        self._desk = desk
        self._sort, self._descending = Sort.DATE, True
        self._seen = -1
        self._total = 0
        self._looks = 0
        self.table = LibraryTable(desk.reviewer if desk.blinded else "", self)
        self.model = self.table.model_of_rows
        self.model.wanted.connect(self._fetch)
        self.table.chosen.connect(self._chosen)
        self.table.heading_clicked.connect(self._sort_by)
        self.table.doubleClicked.connect(lambda _: self.open_selected())
        self._question = Newest("library-list", self)
        self._question.done.connect(self._show)
        self._question.failed.connect(lambda why: desk.notify(why, trouble=True))
        self._build()
        self._typing = _timer(self, _TYPING_MS, self.ask, once=True)
        self.search.textChanged.connect(lambda _: self._typing.start())
        self._soon = _timer(self, _SOON_MS, desk.library.scan, once=True)
        self._looking = _timer(self, _LOOK_MS, self._look)
        self._looking.start()
        self.ask()

    # -- the page of a window -----------------------------------------------------------------------------------------

    def entered(self) -> None:
        """Look for what has changed meanwhile."""
        self.scan_soon()
        self.table.setFocus()

    def scan_soon(self) -> None:
        """Look through the folders once what is known already is on the screen."""
        self._soon.start()

    def left(self) -> None:
        """Nothing plays here."""

    def close_page(self) -> None:
        """End the threads."""
        self._looking.stop()
        self._soon.stop()
        self.actions_bar.work.close_work()
        self._typing.stop()
        self.table.close_table()
        self._question.close()

    # -- asking the index ---------------------------------------------------------------------------------------------

    def ask(self) -> None:
        """Ask the index for what the fields say."""
        library = self._desk.library
        self._seen = library.scan_state.generation
        text, filters, sort, descending = self.search.text(), self.filters.filters, self._sort, self._descending
        if self._desk.blinded:
            reviewer = self._desk.reviewer
            self._question.ask(lambda tell: _blinded(library, reviewer))
            return

        def work(tell: Tell) -> Listing:
            ids = library.ids(text, filters, sort, descending)
            return Listing(ids, library.entries(ids[:CHUNK]), library.facets(), {})

        self._question.ask(work)

    @property
    def asking(self) -> bool:
        """Whether a question is on its way: what is listed may change."""
        return self._question.busy or self._typing.isActive()

    def selected(self) -> list[int]:
        """The ids of the chosen rows, in their order."""
        return self.table.selected()

    def with_selected(self, then: Callable[[list[Path]], object]) -> None:
        """Do something with the chosen procedures, once their paths are known."""
        ids = self.selected()
        if not ids:
            self._desk.notify(tr("Nothing is chosen."), tr("Choose one or more procedures in the list."))
            return
        library = self._desk.library
        self._desk.run_in_background(
            lambda: [entry.path for entry in library.entries(ids)], lambda paths: then(paths), owner=self
        )

    def open_selected(self) -> None:
        """Open the current one in Replay."""
        index = self.table.currentIndex()
        if not index.isValid():
            return
        entry = self.model.entry_at(index.row())
        if entry is not None:
            self._desk.open(entry.path)

    # -- parts --------------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        self.search = QLineEdit()
        self.search.setPlaceholderText(tr("Search: title, file, date, endoscopist, indication, model, reader"))
        self.search.setAccessibleName(tr("Search"))
        self.search.setClearButtonEnabled(True)
        self.search.installEventFilter(self)
        self.count = label(kind="soft")
        self.count.setWordWrap(False)
        self.folders = FolderButton(self._desk.library)
        self.folders.add_wanted.connect(self.add_wanted)
        self.folders.remove_wanted.connect(self.remove_wanted)
        self.filters = FilterBar()
        self.filters.changed.connect(lambda _: self.ask())
        self.problem = label(kind="caution")
        self.problem.hide()
        self.actions_bar = ActionBar(self._desk, self)
        self.empty = EmptyLibrary()
        self.empty.add_wanted.connect(self.add_wanted)
        self.empty.demo_wanted.connect(self.demo_wanted)
        self.none_found = label(tr("No procedure matches."), "title")
        self.none_found.setAlignment(Qt.AlignmentFlag.AlignCenter)
        top = QHBoxLayout()
        top.addWidget(self.search, 1)
        top.addWidget(self.count)
        top.addStretch(0)
        top.addWidget(self.folders)
        middle = QWidget()
        self._middle = QStackedLayout(middle)
        for each in (self.table, self.empty, self.none_found):
            self._middle.addWidget(each)
        box = QVBoxLayout(self)
        box.setContentsMargins(12, 10, 12, 8)
        box.setSpacing(8)
        box.addLayout(top)
        box.addWidget(self.filters)
        box.addWidget(self.problem)
        box.addWidget(middle, 1)
        box.addWidget(self.actions_bar)
        bind(self, {Act.FIND: self._find, Act.REFRESH: self._rescan, Act.ADD_FOLDER: self.add_wanted.emit})
        bind(self.table, {Act.OPEN_SELECTED: self.open_selected})
        if self._desk.blinded:
            self.filters.hide()
            self.search.hide()

    # -- what happens -------------------------------------------------------------------------------------------------

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """From the search field, Down and Enter go to the list."""
        if isinstance(event, QKeyEvent) and event.type() == QKeyEvent.Type.KeyPress and watched is self.search:
            if event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.model.rowCount():
                self.table.setFocus()
                if not self.selected():
                    self.table.selectRow(max(0, self.table.currentIndex().row()))
                return True
            if event.key() == Qt.Key.Key_Escape:
                self.search.clear()
                return True
        return False

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """More rows are seen: they need their pictures."""
        QTimer.singleShot(0, self.table.ask_for_pictures)

    def _show(self, found: object) -> None:
        if not isinstance(found, Listing):
            return
        self.table.show_rows(found.ids, found.entries, found.cases)
        self._total = found.facets.total
        self.filters.offer(found.facets)
        self._say()
        self._chosen()
        self.listed.emit()

    def _say(self) -> None:
        library, shown = self._desk.library, len(self.model.ids)
        state = library.scan_state
        words = (
            tr("Procedures: {n}").format(n=whole(self._total))
            if shown == self._total
            else tr("{n} of {all} procedures").format(n=whole(shown), all=whole(self._total))
        )
        if state.running:
            words += " · " + tr("looking through the folders: {n}").format(n=whole(state.seen))
        self.count.setText(words)
        problems = [told(p) for p in (*library.notes, *state.problems)]
        self.problem.setText("\n".join(dict.fromkeys(problems)))
        self.problem.setVisible(bool(problems))
        self.folders.say()
        if self.model.ids:
            self._middle.setCurrentWidget(self.table)
        elif self._total:
            self._middle.setCurrentWidget(self.none_found)
        else:
            self.empty.say(library.roots, state)
            self._middle.setCurrentWidget(self.empty)
        asks = bool(self._total) and not self._desk.blinded
        self.actions_bar.setVisible(bool(self._total))
        self.search.setVisible(asks)
        self.filters.setVisible(asks)

    def _chosen(self) -> None:
        chosen = self.selected()
        row = self.model.row_of(chosen[0]) if len(chosen) == 1 else None
        self.actions_bar.say(len(chosen), self.model.entry_at(row) if row is not None else None)

    def _sort_by(self, section: int) -> None:
        column = Column(section)
        if column not in SORTS:
            return
        wanted = SORTS[column]
        # Dates and figures are wanted from the top first, names from the beginning.
        first_way = column not in (Column.TITLE, Column.MODELS, Column.ENDOSCOPIST, Column.SENSITIVITY)
        self._descending = not self._descending if wanted is self._sort else first_way
        self._sort = wanted
        self.table.show_order(section, self._descending)
        self.ask()

    def _find(self) -> None:
        self.search.setFocus()
        self.search.selectAll()

    def _rescan(self) -> None:
        self._desk.library.scan()
        self._say()

    def _look(self) -> None:
        """Twice a second: has the index changed?"""
        self._looks += 1
        if self._looks % _RESCAN_LOOKS == 0 and self.isVisible() and not self._desk.library.scan_state.running:
            self._desk.library.scan()
        others = self._looks % _OTHERS_LOOKS == 0 and self.isVisible()  # another window may have changed the index
        if others or self._desk.library.scan_state.generation != self._seen:
            if not self._question.busy:
                self.ask()
        else:
            self._say()

    def _fetch(self, ids: list[int]) -> None:
        library = self._desk.library
        self._desk.run_in_background(lambda: library.entries(ids), self._fetched, owner=self)

    def _fetched(self, entries: Sequence[Entry]) -> None:
        self.model.take(entries)
        self.table.ask_for_pictures()
        self._chosen()


def _blinded(library: Library, reviewer: str) -> Listing:
    """All procedures, in the order of this reader, under numbers."""
    by_path = {entry.path: entry for entry in library.search(limit=-1)}
    entries = [by_path[path] for path in blinded_order(by_path, reviewer)]
    cases = {entry.id: number for number, entry in enumerate(entries, start=1)}
    return Listing([entry.id for entry in entries], entries[:CHUNK], library.facets(), cases)


def _timer(parent: QWidget, every_ms: int, then: Callable[[], object], *, once: bool = False) -> QTimer:
    made = QTimer(parent)
    made.setInterval(every_ms)
    made.setSingleShot(once)
    made.timeout.connect(lambda: then())
    return made
