"""Where differences are settled: first it asks who decides, then the page is there, until somebody leaves it."""

from __future__ import annotations

from pathlib import Path

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QStackedLayout, QWidget

from app.gui.language import told, tr
from app.gui.qa.pages import Desk
from app.gui.qa.saying import Saying
from app.gui.qa.settle_page import SettlePage
from app.gui.qa.settle_start import SettleStart
from app.qa.checking import settle
from app.qa.opened import Opened, open_for_review
from app.qa.review.settling import Committed, Settling, Two, begin, committed_readers
from detector.errors import PolypwatchError


class SettlePlace(QWidget):
    """See the module.

    Args:
        desk: of the window.

    Attributes:
        over: nobody settles anything here any more.
        path: of the procedure; None while there is none.
        page: on which differences are settled; None before somebody has said who decides.
    """

    over = pyqtSignal()

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._number = 0
        self._opened: Opened | None = None
        self.path: Path | None = None
        self.page: SettlePage | None = None
        self.saying, self.start = Saying(self), SettleStart(self)
        self.start.given.connect(self._begin)
        self.start.left.connect(self.over)
        self._layout = QStackedLayout(self)
        for each in (self.saying, self.start):
            self._layout.addWidget(each)

    def open(self, path: Path) -> None:
        """Settle what the readers of a procedure differ on; what stands in the way is said."""
        self.close_work()
        number, folder = self._number, self._desk.reviews
        self.path = path
        self.saying.say(tr("Opening {name}").format(name=path.name), "", ((tr("Back"), self.over.emit),))
        self._layout.setCurrentWidget(self.saying)

        def read() -> tuple[Opened, tuple[Committed, ...], tuple[str, ...]]:
            opened = settle(open_for_review(path))
            return (opened, *committed_readers(opened, folder))

        self._desk.run_in_background(
            read, lambda found: self._ask(number, *found), lambda error: self._not_begun(number, error), owner=self
        )

    def entered(self) -> None:
        """It came to the front."""
        if self.page is not None:
            self.page.entered()
        elif self._layout.currentWidget() is self.start:
            self.start.field.setFocus()

    def left(self) -> None:
        """Another page is in front."""
        if self.page is not None:
            self.page.left()

    def close_work(self, *, wait: bool = False) -> None:
        """Close what is open; the list shows what was settled. The window's end waits for what is being written."""
        self._number += 1
        page, path = self.page, self.path
        self.page, self.path, self._opened = None, None, None
        self._layout.setCurrentWidget(self.saying)
        if page is not None:
            page.close_page(wait=wait)
            self._layout.removeWidget(page)
            page.deleteLater()
            if path is not None:
                self._desk.library.refresh(path)

    def _ask(self, number: int, opened: Opened, readers: tuple[Committed, ...], problems: tuple[str, ...]) -> None:
        if number != self._number:
            return
        for problem in problems:
            self._desk.notify(problem, trouble=True)
        if len(readers) < 2:
            words = tr("It takes two readers who have committed their reviews. Committed so far: {n}.").format(
                n=len(readers)
            )
            back = (tr("Back"), self.over.emit)
            self.saying.say(tr("There is nothing to settle in {name}").format(name=opened.title), words, (back,))
            return
        self._opened = opened
        self.start.ask(opened.title, readers, self._desk.reviewer)
        self._layout.setCurrentWidget(self.start)
        self.entered()

    def _begin(self, two: Two, name: str) -> None:
        opened, number, folder = self._opened, self._number, self._desk.reviews
        if opened is None:
            return
        self._desk.run_in_background(
            lambda: begin(opened, two, name, folder),
            lambda settling: self._begun(number, opened, settling),
            lambda error: self._not_begun(number, error),
            owner=self,
        )

    def _begun(self, number: int, opened: Opened, settling: Settling) -> None:
        if number != self._number:
            settling.adjudication.session.close()  # somebody left, or chose another one meanwhile
            return
        try:
            page = SettlePage(opened, settling, self._desk, self)
        except PolypwatchError as error:
            settling.adjudication.session.close()
            self._not_begun(number, error)
            return
        self.page = page
        page.left_for_good.connect(self.over)
        self._layout.addWidget(page)
        self._layout.setCurrentWidget(page)
        page.entered()

    def _not_begun(self, number: int, error: PolypwatchError) -> None:
        if number != self._number:
            return
        if self._layout.currentWidget() is self.start:
            self.start.show_problem(told(str(error)))
            return
        self._desk.notify(error.what, error.hint, trouble=True)
        back = (tr("Back"), self.over.emit)
        self.saying.say(
            tr("{name} was not opened").format(name=self.path.name if self.path else ""), told(str(error)), (back,)
        )
