"""The review sessions of one window, shared by its pages. No Qt.

A review log has one writer. Worklist and replay of one window may stand on the same procedure, so both get the same
session; the log is closed when the last of them lets go.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from app.qa.checking import settle
from app.qa.opened import Opened, open_for_review
from app.qa.progress import Stopped
from app.qa.review import ReviewSession
from detector.errors import UsageError


@dataclass(slots=True)
class _Held:
    """One procedure that somebody has open."""

    lock: threading.Lock = field(default_factory=threading.Lock)  # held while it is opened or closed
    opened: Opened | None = None
    session: ReviewSession | None = None
    leases: int = 0


class Lease:
    """The right to use a session until :meth:`release`. Made by :meth:`Sessions.lease`.

    Attributes:
        opened: the procedure.
        session: its review by this window's reviewer.
    """

    def __init__(self, opened: Opened, session: ReviewSession, release: Callable[[], None]) -> None:
        self.opened = opened
        self.session = session
        self._release: Callable[[], None] | None = release

    def release(self) -> None:
        """Let go; more than once is no mistake."""
        release, self._release = self._release, None
        if release is not None:
            release()


class Sessions:
    """Opens every procedure once. Methods may be called from any thread.

    Args:
        reviewer: whose sessions.
        blinded: how they are opened.
        folder: for review logs; None: beside the recordings.
    """

    def __init__(self, reviewer: str, *, blinded: bool = False, folder: Path | None = None) -> None:
        self.reviewer = reviewer
        self.blinded = blinded
        self.folder = folder
        self._guard = threading.Lock()
        self._held: dict[tuple[Path, bool], _Held] = {}
        self._closed = False

    def lease(self, path: Path, *, counted: bool = True) -> Lease:
        """The session of a procedure; opened if nobody has it open. Waits for the disk.

        Args:
            path: of the procedure.
            counted: wait until every picture of a foreign video is counted, without which no review can be written.
                False: come back at once, with a session that is read-only until then; ask again when it is counted.

        Raises:
            PolypwatchError: it cannot be opened.
        """
        opened = open_for_review(path)
        if not opened.axis.whole and counted:
            try:
                opened = settle(opened, stop=lambda: self._closed)
            except Stopped:
                raise _too_late(path) from None
        key = (path.resolve(), opened.axis.whole)
        with self._guard:
            held = self._held.setdefault(key, _Held())
            held.leases += 1
        try:
            with held.lock:
                if self._closed:  # work that the window left behind must not open a log that nobody closes again
                    raise _too_late(path)
                if held.opened is None or held.session is None:
                    session = ReviewSession.open(opened, self.reviewer, blinded=self.blinded, folder=self.folder)
                    held.opened, held.session = opened, session
                known, session = held.opened, held.session
        except BaseException:
            self._let_go(key, held)
            raise
        return Lease(known, session, lambda: self._let_go(key, held))

    def refuse(self) -> None:
        """Open nothing any more, and leave what is being counted: the window is about to end."""
        self._closed = True

    def close(self) -> None:
        """Close every log, whoever still holds it: the window ends."""
        with self._guard:
            self._closed = True
            held = list(self._held.values())
            self._held = {}
        for one in held:
            with one.lock:
                session, one.session, one.opened = one.session, None, None
                if session is not None:
                    session.close()

    def _let_go(self, key: tuple[Path, bool], held: _Held) -> None:
        with held.lock:  # who opens it meanwhile waits here until the log is closed: it has one writer
            with self._guard:
                held.leases -= 1
                last = held.leases == 0
            if last and held.session is not None:
                session, held.session, held.opened = held.session, None, None
                session.close()
            with self._guard:
                if held.leases == 0 and self._held.get(key) is held:
                    del self._held[key]


def _too_late(path: Path) -> UsageError:
    return UsageError(f"{path.name} is not opened any more: the window is being closed.")
