"""The window of the QA room: four pages behind tabs, and everything that they ask of it (`pages.Desk`).

Closing it asks nothing: every edit is on the disk before it is shown, and analyses go on where they stopped.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

from PyQt6.QtCore import QObject, Qt, pyqtSignal
from PyQt6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent
from PyQt6.QtWidgets import QHBoxLayout, QMainWindow, QStackedWidget, QVBoxLayout, QWidget

from app import RESEARCH_USE, SOFTWARE
from app.gui import theme
from app.gui.bridge import Bridge
from app.gui.language import told, tr
from app.gui.notices import Notice, NoticeBoard, Weight
from app.gui.qa import look
from app.gui.qa.background import Background, BackgroundErrand
from app.gui.qa.help_sheet import HelpSheet
from app.gui.qa.jobs_panel import JobsPanel, summary
from app.gui.qa.keys import Act
from app.gui.qa.library_page import LibraryPage
from app.gui.qa.model_menu import ask_for_model
from app.gui.qa.name_page import NamePage
from app.gui.qa.notice_line import NoticeLine
from app.gui.qa.opening import Opening
from app.gui.qa.pages import Page, Tab
from app.gui.qa.shortcuts import bind
from app.gui.qa.window_bar import WindowBar
from app.phantom import bundled
from app.qa.jobs import JobQueue, Jobs, JobState, ModelChoice
from app.qa.library import Library
from app.qa.room import Room
from app.qa.sessions import Lease
from detector.errors import PolypwatchError

if TYPE_CHECKING:
    from app.gui.qa.compare_page import ComparePage
    from app.gui.qa.replay_holder import ReplayHolder
    from app.gui.qa.worklist_page import WorklistPage

T = TypeVar("T")
_MORE_STYLE = f"""
QMenu {{ background: {theme.PANEL_RAISED.name()}; border: 1px solid {theme.TEXT_SOFT.name()}; padding: 4px; }}
QMenu::item {{ padding: 8px 20px; min-height: 18px; }}
QMenu::item:selected {{ background: {theme.TEXT.name()}; color: {theme.INK.name()}; }}
QMenu::item:disabled {{ color: {theme.TEXT_SOFT.name()}; }}
QMenu::separator {{ height: 1px; background: {theme.LINE.name()}; margin: 4px 8px; }}
QMenu::indicator {{ width: 14px; height: 14px; left: 6px; border: 1px solid {theme.TEXT_SOFT.name()}; }}
QMenu::indicator:checked {{ background: {theme.MARKER.name()}; }}
QDateEdit {{ background: {theme.PANEL_RAISED.name()}; border: 1px solid {theme.TEXT_SOFT.name()};
  min-height: {look.TARGET_PX - 4}px; padding: 0 8px; }}
QCheckBox {{ spacing: 8px; min-height: {look.TARGET_PX}px; }}
QCheckBox::indicator {{ width: 16px; height: 16px; border: 2px solid {theme.TEXT_SOFT.name()}; border-radius: 3px;
  background: {theme.PANEL.name()}; }}
QCheckBox::indicator:checked {{ background: {theme.MARKER.name()}; border-color: {theme.TEXT.name()}; }}
QCheckBox:focus {{ color: {theme.MARKER.name()}; }}
QPushButton[chosen="true"] {{ border-color: {theme.MARKER.name()}; font-weight: 600; }}
"""
_SIZE = (1600, 900)
_LEAST = (1000, 620)


class QaWindow(QMainWindow):
    """The window; see `pages.Desk` for what pages ask of it.

    Args:
        room: what is open; closed with the window.
        board: where messages go; default: one of its own.
        start: the page to begin with; default: the worklist, and without any procedure the library.

    Attributes:
        closed: everything has ended.
    """

    closed = pyqtSignal()

    def __init__(self, room: Room, board: NoticeBoard | None = None, start: Tab | None = None) -> None:
        super().__init__()
        self.setWindowTitle(_title(""))
        self.setStyleSheet(look.style() + _MORE_STYLE)
        self.setAcceptDrops(True)
        self.setMinimumSize(*_LEAST)
        self.resize(*_SIZE)
        self._room = room
        self._start = start
        self.board = board or NoticeBoard()
        self._background = Background(self._failed)
        self._bridge = Bridge(self)
        self._bridge.refresh.connect(self.refresh)
        room.wake = self._bridge.wake
        self.board.wake = self._bridge.wake
        self._over: set[int] = set()
        self._closed = False
        self._pages: dict[Tab, QWidget] = {}
        self._tab: Tab | None = None
        self._begun = False
        self.opening = Opening(self, room)
        self._build()
        for note in room.notes:
            self.notify(note, trouble=True)
        if room.reviewer:
            self._begin()
        else:
            self._ask_name()

    # -- what pages ask -----------------------------------------------------------------------------------------------

    @property
    def reviewer(self) -> str:
        """Who reviews."""
        return self._room.reviewer

    @property
    def blinded(self) -> bool:
        """Whether reviews are begun blinded."""
        return self._room.blinded

    @property
    def reviews(self) -> Path | None:
        """Folder for review logs; None: beside the recordings."""
        return self._room.reviews

    @property
    def library(self) -> Library:
        """The index of the procedures."""
        return self._room.library

    @property
    def jobs(self) -> JobQueue:
        """The background analyses."""
        return self._room.jobs

    def open(self, path: Path, position: int | None = None, *, results: Sequence[Path] = ()) -> None:
        """Open a procedure in Replay; see `pages.Desk.open`."""
        if not self.reviewer:
            self.opening.later(path)
            return
        self._room.note_opened(path)
        self.show_tab(Tab.REPLAY)
        self.replay.open(path, position, results)

    def settle(self, path: Path) -> None:
        """Settle what two readers of a procedure differ on; see `pages.Desk.settle`."""
        self.show_tab(Tab.REPLAY)
        self.replay.settle(path)

    def show_tab(self, tab: Tab) -> None:
        """Bring a page to the front."""
        if not self._begun:
            return
        before = self._pages.get(self._tab) if self._tab is not None else None
        now = self._made(tab)
        self.bar.show_tab(tab)
        self._tab = tab
        self.stack.setCurrentWidget(now)
        if before is not now:
            if before is not None:
                _page(before).left()
            _page(now).entered()

    def show_figures(self, paths: Sequence[Path]) -> None:
        """Bring the figures of these procedures to the front."""
        self.figures.choose(paths)
        self.show_tab(Tab.FIGURES)
        if not self.blinded:
            self._room.note_figures(paths)

    def show_worklist(self, paths: Sequence[Path]) -> None:
        """Bring the worklist of these procedures to the front."""
        self.worklist.choose(paths)
        self.show_tab(Tab.WORKLIST)

    @property
    def worklist(self) -> WorklistPage:
        """The page of the clips."""
        return cast("WorklistPage", self._made(Tab.WORKLIST))

    @property
    def replay(self) -> ReplayHolder:
        """The place of the replay page."""
        return cast("ReplayHolder", self._made(Tab.REPLAY))

    @property
    def figures(self) -> ComparePage:
        """The page of figures and comparisons."""
        return cast("ComparePage", self._made(Tab.FIGURES))

    def analyse(self, paths: Sequence[Path], model: str = "") -> None:
        """Put analyses into the queue; asks for the model if none is named."""
        if not model:
            ask_for_model(self, self.bar.jobs, lambda chosen: self.analyse(paths, chosen))
            return
        for path in paths:
            self.jobs.add(path, ModelChoice(model))
        self.notify(tr("{n} analyses with '{model}' are in the queue.").format(n=len(paths), model=model))

    def notify(self, text: str, todo: str = "", *, trouble: bool = False) -> None:
        """Say something in one line; from any thread."""
        self.board.post(Notice(text, "", todo, Weight.WARNING if trouble else Weight.INFO))

    def run_in_background(
        self,
        work: Callable[[], T],
        done: Callable[[T], object],
        failed: Callable[[PolypwatchError], object] | None = None,
        *,
        owner: QObject,
    ) -> BackgroundErrand:
        """Do something beside the window's thread; see `pages.Desk.run_in_background`."""
        return self._background.run(work, done, failed, owner)

    def lease(self, path: Path) -> Lease:
        """This reviewer's session on a procedure; from any thread."""
        return self._room.sessions.lease(path)

    # -- the window itself --------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Show what has changed: notices, analyses."""
        self.notices.refresh()
        jobs = self.jobs.snapshot()
        self.bar.jobs.setText(summary(jobs))
        if self.panel.isVisible():
            self.panel.show_jobs(jobs)
        self._note_ends(jobs)
        holder = self._pages.get(Tab.REPLAY)
        path = cast("ReplayHolder", holder).path if holder is not None else None
        self.setWindowTitle(_title(path.name if path is not None and not self.blinded else ""))

    def toggle_jobs(self) -> None:
        """Show or hide the background analyses."""
        self.panel.show_jobs(self.jobs.snapshot())
        self.panel.setVisible(not self.panel.isVisible())

    def toggle_help(self) -> None:
        """Show or hide the keys."""
        if self.stack.currentWidget() is self.help:
            self._leave_sheet()
        else:
            self.stack.setCurrentWidget(self.help)
            self.help.area.setFocus()

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """End everything; nothing needs to be saved."""
        if not self._closed:
            self._closed = True
            self.hide()
            self._bridge.close()
            self._close_pages()
            self._room.sessions.refuse()
            self._background.close()
            self._room.close()
            self.closed.emit()
        super().closeEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:
        """Videos and folders can be dropped here."""
        self.opening.drag(event)

    def dropEvent(self, event: QDropEvent | None) -> None:
        """Open what was dropped."""
        self.opening.drop(event)

    def _build(self) -> None:
        self.opening.found.connect(self.open)
        do: dict[Act, Callable[[], object]] = {
            Act.LIBRARY_TAB: lambda: self.show_tab(Tab.LIBRARY),
            Act.WORKLIST_TAB: lambda: self.show_tab(Tab.WORKLIST),
            Act.REPLAY_TAB: lambda: self.show_tab(Tab.REPLAY),
            Act.FIGURES_TAB: lambda: self.show_tab(Tab.FIGURES),
            Act.OPEN_FILE: lambda: self.opening.menu(self.bar.open),
            Act.HELP: self.toggle_help,
            Act.JOBS: self.toggle_jobs,
            Act.REVIEWER: self._ask_name,
            Act.CLOSE: self.close,
        }
        self.bar = WindowBar(self.show_tab, do)
        self.stack = QStackedWidget()
        self.panel = JobsPanel(self.jobs, named=not self.blinded)
        self.panel.left.connect(self.toggle_jobs)
        self.panel.hide()
        self.notices = NoticeLine(self.board)
        self.help = HelpSheet()
        self.help.left.connect(self._leave_sheet)
        self.name = NamePage()
        self.name.given.connect(self._take_name)
        self.name.left.connect(self._leave_sheet)
        for each in (self.help, self.name):
            self.stack.addWidget(each)
        middle = QHBoxLayout()
        middle.setSpacing(0)
        middle.addWidget(self.stack, 1)
        middle.addWidget(self.panel)
        whole = QWidget()
        whole.setObjectName("page")
        box = QVBoxLayout(whole)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(0)
        box.addWidget(self.bar)
        box.addLayout(middle, 1)
        box.addWidget(self.notices)
        self.setCentralWidget(whole)
        for shortcut in itertools.chain.from_iterable(bind(self, do).values()):
            shortcut.setContext(Qt.ShortcutContext.WindowShortcut)  # also while nothing has the keyboard

    def _begin(self) -> None:
        """Make the pages for this reviewer."""
        self.bar.say(self.reviewer, blinded=self.blinded, asks=False)
        self.library_page = LibraryPage(self)
        self.library_page.add_wanted.connect(self.opening.ask_for_folder)
        self.library_page.remove_wanted.connect(self._room.remove_folder)
        self.library_page.demo_wanted.connect(lambda: self.open(bundled().video))
        self._pages = {Tab.LIBRARY: self.library_page}
        self.stack.addWidget(self.library_page)
        self._begun = True
        self.library_page.scan_soon()
        self.show_tab(self._start or (Tab.WORKLIST if self.library.roots else Tab.LIBRARY))
        self.opening.resume()

    def _made(self, tab: Tab) -> QWidget:
        """A page; made when it is first wanted, so that the window opens before half of scipy is read."""
        if tab not in self._pages:
            self._pages[tab] = self._make(tab)
            self.stack.addWidget(self._pages[tab])
        return self._pages[tab]

    def _make(self, tab: Tab) -> QWidget:
        if tab is Tab.WORKLIST:
            from app.gui.qa.worklist_page import WorklistPage

            return WorklistPage(self)
        if tab is Tab.REPLAY:
            from app.gui.qa.replay_holder import ReplayHolder

            return ReplayHolder(self, lambda path: self._room.sessions.lease(path, counted=False))
        from app.gui.qa.compare_page import ComparePage

        return ComparePage(self)

    def _close_pages(self) -> None:
        for page in self._pages.values():
            _page(page).close_page()
            self.stack.removeWidget(page)
            page.deleteLater()
        self._pages, self._tab, self._begun = {}, None, False

    def _ask_name(self) -> None:
        self.bar.say(self.reviewer, blinded=self.blinded, asks=True)
        self.bar.show_tab(None)
        self.stack.setCurrentWidget(self.name)
        self.name.ask(self.reviewer, may_leave=bool(self.reviewer))

    def _take_name(self, name: str) -> None:
        if name != self.reviewer or not self._begun:
            self._close_pages()
            self._room.set_reviewer(name)
            self._begin()
        else:
            self._leave_sheet()

    def _leave_sheet(self) -> None:
        """Back to the page that was there before."""
        self.bar.say(self.reviewer, blinded=self.blinded, asks=not self.reviewer)
        if not self._begun or self._tab is None:
            self.stack.setCurrentWidget(self.name)
            return
        self.bar.show_tab(self._tab)
        self.stack.setCurrentWidget(self._pages[self._tab])

    def _note_ends(self, jobs: Jobs) -> None:
        """Say that an analysis is over, once."""
        for job in jobs.jobs:
            if not job.state.over:
                self._over.discard(job.id)
            elif job.id not in self._over:
                self._over.add(job.id)
                name = tr("a procedure") if self.blinded else job.path.name
                if job.state is JobState.DONE:
                    self.library.refresh(job.path)
                    self.notify(tr("{name} is analysed.").format(name=name))
                elif job.state is JobState.FAILED:
                    self.notify(tr("{name} was not analysed.").format(name=name), told(job.why), trouble=True)

    def _failed(self, error: PolypwatchError) -> None:
        self.notify(error.what, error.hint, trouble=True)


def _title(name: str) -> str:
    parts = (SOFTWARE, tr("QA room"), name, tr(RESEARCH_USE))
    return " · ".join(part for part in parts if part)


def _page(widget: QWidget) -> Page:
    """A page as the window sees it."""
    page: Page = widget  # type: ignore[assignment]  # every widget in `_pages` is one
    return page
