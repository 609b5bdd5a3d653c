"""The place of the replay page: it is made anew for each procedure, and until there is one this says what to do."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

from PyQt6.QtWidgets import QStackedLayout, QWidget

from app.gui.language import tr
from app.gui.qa.pages import Desk, Tab
from app.gui.qa.replay_page import ReplayPage
from app.gui.qa.replay_scribe import Scribe
from app.gui.qa.saying import Saying
from app.gui.qa.settle_place import SettlePlace
from app.qa.sessions import Lease
from detector.errors import PolypwatchError

_log = logging.getLogger(__name__)


class ReplayHolder(QWidget):
    """Holds at most one replay page: its player and its pictures take memory.

    Args:
        desk: of the window.
        lease: a session, read-only where pictures are still being counted; waits for the disk.

    Attributes:
        page: what is shown; None while nothing is open.
        settling: shown in its place while somebody settles what two readers differ on.
    """

    def __init__(self, desk: Desk, lease: Callable[[Path], Lease], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("page")
        self._desk = desk
        self._take = lease
        self._number = 0
        self._in_front = False
        self._lease: Lease | None = None
        self._results: tuple[Path, ...] = ()
        self._ending: list[threading.Thread] = []
        self.page: ReplayPage | None = None
        self.saying = Saying(self)
        self._layout = QStackedLayout(self)
        self._layout.addWidget(self.saying)
        self.settling = SettlePlace(desk, self)
        self.settling.over.connect(self._settled)
        self._back: Path | None = None
        self._layout.addWidget(self.settling)
        self._say_nothing()

    @property
    def path(self) -> Path | None:
        """Of the procedure that is open; None if none is."""
        return self._lease.opened.path if self._lease is not None else self.settling.path

    def settle(self, path: Path) -> None:
        """Settle what two readers of a procedure differ on; whoever came from its page goes back there."""
        self._number += 1
        self._back = path if self._lease is not None and self.path == path else None
        self._close()
        self.settling.open(path)
        self._layout.setCurrentWidget(self.settling)

    def open(self, path: Path, position: int | None = None, results: Sequence[Path] = ()) -> None:
        """Show a procedure; the one before stays until it is there, so that nothing is lost by a wrong name."""
        self._number += 1
        number = self._number
        if self._goes_there(path, position, tuple(results)):
            return
        self.settling.close_work()
        if self.page is None:
            self._layout.setCurrentWidget(self.saying)
            self.saying.say(tr("Opening {name}").format(name=self._name(path)))
        self._desk.run_in_background(
            lambda: self._take(path),
            lambda lease: self._opened(number, lease, position, tuple(results)),
            lambda error: self._not_opened(number, path, error),
            owner=self,
        )

    def renews(self, path: Path) -> bool:
        """Whether this is what is open, on an estimate that can be replaced by now."""
        return self._lease is not None and self.path == path and not self._lease.opened.axis.whole

    def entered(self) -> None:
        """It came to the front."""
        self._in_front = True
        if self.page is not None:
            self.page.entered()
        self.settling.entered()

    def left(self) -> None:
        """Another page is in front; the list shows what was reviewed meanwhile."""
        self._in_front = False
        if self.page is not None:
            self.page.left()
        self.settling.left()
        if self.path is not None:
            self._desk.library.refresh(self.path)

    def close_page(self) -> None:
        """Close what is open; the window ends, and waits until everything that was clicked is written."""
        self._number += 1
        self.settling.close_work(wait=True)
        self._close(wait=True)
        for thread in self._ending:  # of procedures that were left before their labels were written
            thread.join()

    def _settled(self) -> None:
        """Nobody settles anything any more."""
        back, self._back = self._back, None
        self.settling.close_work()
        self._say_nothing()
        if back is not None:
            self.open(back)
        else:
            self._desk.show_tab(Tab.LIBRARY)

    def _goes_there(self, path: Path, position: int | None, results: tuple[Path, ...]) -> bool:
        """Whether the page that is open can show it."""
        if self.page is None or self._lease is None or self.path != path or not self._lease.opened.axis.whole:
            return False
        if results and results != self._results:
            return False
        if position is not None:
            self.page.player.seek(position)
        return True

    def _opened(self, number: int, lease: Lease, position: int | None, results: tuple[Path, ...]) -> None:
        if number != self._number:
            lease.release()  # somebody chose another one meanwhile
            return
        self._close()
        try:
            desk = cast("Desk", _DeskOfReplay(self._desk, self))
            page = ReplayPage(lease.opened, lease.session, desk, position, results, self)
        except PolypwatchError as error:
            lease.release()
            self._not_opened(number, lease.opened.path, error)
            return
        self._lease, self._results, self.page = lease, results, page
        self._layout.addWidget(page)
        self._layout.setCurrentWidget(page)
        if self._in_front:
            page.entered()

    def _not_opened(self, number: int, path: Path, error: PolypwatchError) -> None:
        _log.info("%s was not opened: %s", path, error)
        self._desk.notify(error.what, error.hint, trouble=True)
        if number == self._number and self.page is None:
            library = (tr("Go to the library"), lambda: self._desk.show_tab(Tab.LIBRARY))
            self.saying.say(tr("{name} was not opened").format(name=self._name(path)), str(error), (library,))

    def _name(self, path: Path) -> str:
        return tr("a procedure") if self._desk.blinded else path.name

    def _close(self, *, wait: bool = False) -> None:
        page, lease = self.page, self._lease
        self.page, self._lease, self._results = None, None, ()
        if page is not None:
            page.close_page()
            self._layout.removeWidget(page)
            page.deleteLater()
            if not page.scribe.wait(None if wait else 0.0) and lease is not None:
                # Labels of an hour are still being written: the log stays open for them, and nobody waits.
                ends = partial(_give_back, page.scribe, lease)
                self._ending = [thread for thread in self._ending if thread.is_alive()]
                self._ending.append(threading.Thread(target=ends, name="qa-scribe-ends", daemon=True))
                self._ending[-1].start()
                lease = None
        if lease is not None:
            lease.release()
            self._desk.library.refresh(lease.opened.path)
        self._say_nothing()

    def _say_nothing(self) -> None:
        library = (tr("Go to the library"), lambda: self._desk.show_tab(Tab.LIBRARY))
        self.saying.say(
            tr("Nothing is open"), tr("Choose a procedure in the library, or drop a video here."), (library,)
        )
        self._layout.setCurrentWidget(self.saying)


def _give_back(scribe: Scribe, lease: Lease) -> None:
    """Close the log when all is written."""
    scribe.wait()
    lease.release()


class _DeskOfReplay:
    """The window as the replay page sees it: making the page anew does not bring it to the front."""

    def __init__(self, desk: Desk, holder: ReplayHolder) -> None:
        self._desk = desk
        self._holder = holder

    def __getattr__(self, name: str) -> Any:
        return getattr(self._desk, name)

    def open(self, path: Path, position: int | None = None, *, results: Sequence[Path] = ()) -> None:
        """Open a procedure; the one that is open already once its pictures are counted."""
        if self._holder.renews(path):
            self._holder.open(path, position, results)
        else:
            self._desk.open(path, position, results=results)
