"""History and log as one: an operation counts once its line is on the disk, and not before."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from pathlib import Path

from app.qa.review.document import Document
from app.qa.review.history import History
from app.qa.review.log import Head, LogFile, Reading, Record
from app.qa.review.operations import Import, Operation, Recovered
from app.qa.review.places import Holding, now_utc
from detector.errors import PolypwatchError, UsageError


class Ledger:
    """The operations of one review. Any thread may write; those who listen are called in the thread that does.

    Args:
        path: of the log.
        head: of the log, read or new.
        reading: what the file holds; None if there is none.
        holding: the right to write; is released by :meth:`close`.
        read_only: why nothing can be written; empty if it can.

    Attributes:
        guard: held while an operation is made and written: what it is made from cannot change meanwhile.
        history: the documents.
        read_only: as the argument, or why the log cannot be followed.
        imports: what was taken over, undone or not: file and SHA-256.
    """

    def __init__(
        self, path: Path, head: Head, reading: Reading | None, holding: Holding | None, read_only: str
    ) -> None:
        self.guard = threading.RLock()
        self.history = History(head.length)
        self.read_only = read_only
        self.imports: tuple[tuple[str, str], ...] = ()
        self._path = path
        self._blinded = head.blinded
        self._holding = holding
        self._listeners: list[Callable[[], object]] = []
        self._next = 1
        self._last_sha256 = reading.last_sha256 if reading is not None else ""
        self._waiting: list[Record] = []
        for record in reading.records if reading is not None else ():
            if not self._follow(record):
                break
        self._log = None if self.read_only else LogFile(path, head, reading)
        if reading is not None and reading.head is not None and reading.torn and self._log is not None:
            self._waiting.append(Record(self._next, now_utc(), Recovered(bytes=reading.torn)))
            self._next += 1

    @property
    def is_new(self) -> bool:
        """Whether nothing was ever said."""
        return not self.history.begun

    @property
    def last_line(self) -> tuple[int, str]:
        """Number of the last operation in the log, and the SHA-256 of its line; (0, "") before the first."""
        with self.guard:
            sha256 = self._last_sha256 if self._log is None else self._log.last_sha256
            return self._next - 1 - len(self._waiting), sha256

    def require_editable(self) -> None:
        """Refuse what cannot be kept.

        Raises:
            UsageError: the review cannot be edited; says why.
        """
        if self.read_only:
            raise UsageError(self.read_only)

    def write(self, operation: Operation, *, at_once: bool = True) -> None:
        """Go on by an operation.

        Args:
            operation: what was done.
            at_once: on the disk when this returns; False: with the next one.

        Raises:
            UsageError: it makes no sense now, or the review cannot be edited.
            OutputError: it cannot be saved; nothing has changed.
        """
        with self.guard:
            self.require_editable()
            made = self.history.tried(operation)
            unblinded = self._blinded and self.history.committed is not None
            record = Record(self._next, now_utc(), operation, unblinded)
            self._waiting.append(record)
            if at_once:
                try:
                    self.save()
                except PolypwatchError:
                    self._waiting.pop()
                    raise
            self._taken(record, made)
            listeners = list(self._listeners)
        for listener in listeners:
            listener()

    def save(self) -> None:
        """Write what waits.

        Raises:
            UsageError: the review cannot be edited.
            OutputError: it cannot be saved.
        """
        with self.guard:
            self.require_editable()
            assert self._log is not None  # editable
            self._log.append(self._waiting)
            self._waiting = []

    def listen(self, callback: Callable[[], object]) -> Callable[[], None]:
        """Be called after every change, without payload; returns what ends it."""
        with self.guard:
            self._listeners.append(callback)

        def stop() -> None:
            with self.guard, contextlib.suppress(ValueError):
                self._listeners.remove(callback)

        return stop

    def close(self) -> None:
        """Let the log go; more than once is no mistake."""
        with self.guard:
            if self._log is not None:
                self._last_sha256 = self._log.last_sha256
                self._log.close()
                self._log = None
            if self._holding is not None:
                self._holding.release()
                self._holding = None
            self.read_only = self.read_only or "This review was closed."

    def _follow(self, record: Record) -> bool:
        """Take a record of the log; False if it makes no sense, and nothing behind it can."""
        try:
            made = self.history.tried(record.operation)
        except UsageError as error:
            self.read_only = (
                f"The log {self._path.name} cannot be followed at line {record.n + 1}: {error.what} "
                "What stands before is shown, and nothing can be changed."
            )
            return False
        self._taken(record, made)
        return True

    def _taken(self, record: Record, made: Document) -> None:
        self.history.take(record.n, record.operation, made)
        self._next = record.n + 1
        if isinstance(record.operation, Import):
            self.imports += ((record.operation.file, record.operation.sha256),)
