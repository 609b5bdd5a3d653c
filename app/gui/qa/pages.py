"""What the pages of the QA window and the window itself know of each other. No page imports the window.

A page gets a :class:`Desk` in its constructor and asks it for everything that is not its own business: opening another
procedure, saying something to the user, work beside the window's thread. The window makes pages like this::

    LibraryPage(desk)
    WorklistPage(desk)
    ReplayPage(opened, session, desk, position=None, results=())    # anew for each procedure
    ComparePage(desk)                                               # .choose(paths): of these procedures

and calls their :class:`Page` methods. Pages are children of the window; all calls are made in its thread.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from PyQt6.QtCore import QObject

from detector.errors import PolypwatchError

if TYPE_CHECKING:
    from app.qa.jobs import JobQueue
    from app.qa.library import Library
    from app.qa.sessions import Lease

T = TypeVar("T")


class Tab(enum.Enum):
    """The pages, in the order of their tabs and keys (Ctrl+1 to Ctrl+4)."""

    LIBRARY = enum.auto()
    WORKLIST = enum.auto()
    REPLAY = enum.auto()
    FIGURES = enum.auto()


class Errand(Protocol):
    """Something that is being done beside the window's thread."""

    def cancel(self) -> None:
        """Nobody waits for it any more: neither ``done`` nor ``failed`` will be called.

        What has not begun never will; what runs goes on to its end, or until it looks at :attr:`cancelled`.
        """

    @property
    def cancelled(self) -> bool:
        """Whether somebody has cancelled it; from any thread. The work itself may look here to end early."""


class Desk(Protocol):
    """What a page may ask of the window. In the window's thread only, unless said otherwise.

    Attributes:
        reviewer: who reviews, as they wrote their name; never empty once a page can ask.
        blinded: AI, live marks, identity and other readers stay hidden until the reviewer has committed.
        reviews: folder for review logs; None: beside the recordings.
        library: the index of the procedures; its methods may be called from any thread.
        jobs: the background analyses; likewise.
    """

    @property
    def reviewer(self) -> str: ...  # noqa: D102
    @property
    def blinded(self) -> bool: ...  # noqa: D102
    @property
    def reviews(self) -> Path | None: ...  # noqa: D102
    @property
    def library(self) -> Library: ...  # noqa: D102
    @property
    def jobs(self) -> JobQueue: ...  # noqa: D102

    def open(self, path: Path, position: int | None = None, *, results: Sequence[Path] = ()) -> None:
        """Open a procedure in Replay and go there; returns at once, and what fails is said to the user.

        A foreign video is shown before its pictures are counted; its session is read-only until then. Call this again
        with the same path when they are: the page is made anew with a session that can be written.

        Args:
            path: a recording, examination, video, folder of images or DICOM file.
            position: where to stand; None: where this reviewer was last, or at the beginning.
            results: one or two results files to show as re-analysis A and B; empty: as the page finds them.
        """

    def show_tab(self, tab: Tab) -> None:
        """Bring a page to the front."""

    def settle(self, path: Path) -> None:
        """Settle what two readers of a procedure differ on, on the Replay tab; what stands in the way is said there."""

    def show_figures(self, paths: Sequence[Path]) -> None:
        """Bring the figures of these procedures to the front."""

    def show_worklist(self, paths: Sequence[Path]) -> None:
        """Bring the worklist of these procedures to the front."""

    def analyse(self, paths: Sequence[Path], model: str = "") -> None:
        """Put analyses of these procedures into the queue; asks for the model if none is named."""

    def notify(self, text: str, todo: str = "", *, trouble: bool = False) -> None:
        """Say something in one line: what happened, and what to do. From any thread.

        Args:
            text: in the window's language (``tr``), or as it came from below Qt: it is passed through ``told``.
            todo: what the user can do; empty if nothing.
            trouble: it is a problem; shown longer, and in another colour.
        """

    def run_in_background(
        self,
        work: Callable[[], T],
        done: Callable[[T], object],
        failed: Callable[[PolypwatchError], object] | None = None,
        *,
        owner: QObject,
    ) -> Errand:
        """Do something beside the window's thread.

        Args:
            work: runs in another thread; must not touch widgets.
            done: called in the window's thread with what ``work`` returned.
            failed: called there with the error; None: the error becomes a notice. What is no `PolypwatchError` is
                logged with its trace and becomes one.
            owner: a widget; once it is deleted neither ``done`` nor ``failed`` is called.
        """

    def lease(self, path: Path) -> Lease:
        """This reviewer's session on a procedure, shared by all pages of this window.

        Two pages that opened their own would lock each other out. Waits for the disk, and until the pictures of a
        foreign video are counted: call it inside of ``work``. From any thread.

        Returns:
            With ``opened`` and ``session``; whoever took it calls ``release()``. The log is closed with the last one.

        Raises:
            PolypwatchError: the procedure cannot be opened.
        """


class Page(Protocol):
    """What the window asks of a page."""

    def entered(self) -> None:
        """It came to the front."""

    def left(self) -> None:
        """Another page is in front: pause what plays. Nothing is lost."""

    def close_page(self) -> None:
        """Stop threads, release leases. Called once, before the page is deleted; must not wait long."""
