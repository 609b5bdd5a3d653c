"""Edits go to the review log one after the other, beside the window's thread: an edit counts once it is on the disk.

What was clicked is seen at once as a draft; what the log says replaces it. If the log refuses, that is said, and the
draft goes.
"""

from __future__ import annotations

import enum
import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PyQt6.QtCore import QObject, Qt, pyqtSignal

from detector.errors import PolypwatchError

_log = logging.getLogger(__name__)


class Saving(enum.Enum):
    """How things stand with the disk."""

    SAVED = enum.auto()
    WRITING = enum.auto()
    FAILED = enum.auto()


@dataclass(frozen=True, slots=True)
class _Job:
    edit: Callable[[], Any]
    then: Callable[[Any], object] | None


class _Signals(QObject):
    done = pyqtSignal(object, object)
    failed = pyqtSignal(object, str)


class Scribe(QObject):
    """Writes edits in the order in which they were made. For one session.

    Attributes:
        written: an edit is on the disk, and the document holds it.
        refused: an edit was not taken; why, in words for a person.
        state_changed: a `Saving`.
        state: how things stand.
        waiting: edits that are not on the disk yet.
    """

    written = pyqtSignal()
    refused = pyqtSignal(str)
    state_changed = pyqtSignal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.state = Saving.SAVED
        self.waiting = 0
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._signals = _Signals()  # the thread may outlive this object by one edit
        queued = Qt.ConnectionType.QueuedConnection
        self._signals.done.connect(self._done, queued)  # type: ignore[call-arg]  # the stubs leave the type out
        self._signals.failed.connect(self._failed, queued)  # type: ignore[call-arg]
        # Whoever closes it waits (`wait`); a page that broke while it was made must not keep the program from ending.
        self._thread = threading.Thread(target=_write, args=(self._jobs, self._signals), name="qa-scribe", daemon=True)
        self._thread.start()

    def do(self, edit: Callable[[], Any], then: Callable[[Any], object] | None = None) -> None:
        """Make an edit when those before it are made; returns at once.

        Args:
            edit: calls the session; in another thread.
            then: called in the window's thread with what it returned, before :attr:`written`.
        """
        self.waiting += 1
        self._become(Saving.WRITING)
        self._jobs.put(_Job(edit, then))

    def close(self, wait_s: float = 1.0) -> bool:
        """Write what waits, and end; False if that takes longer, such as for labels with the hash of a whole video."""
        self._jobs.put(None)
        return self.wait(wait_s)

    def wait(self, wait_s: float | None = None) -> bool:
        """After :meth:`close`, from any thread: until all is written; False if that takes longer."""
        self._thread.join(wait_s)
        return not self._thread.is_alive()

    def _done(self, job: _Job, found: object) -> None:
        self.waiting -= 1
        if job.then is not None:
            job.then(found)
        self._become(Saving.WRITING if self.waiting else Saving.SAVED)
        self.written.emit()

    def _failed(self, job: _Job, words: str) -> None:
        self.waiting -= 1
        self._become(Saving.FAILED)
        self.refused.emit(words)

    def _become(self, state: Saving) -> None:
        if state is not self.state:
            self.state = state
            self.state_changed.emit(state)


def _write(jobs: queue.SimpleQueue[_Job | None], signals: _Signals) -> None:
    while (job := jobs.get()) is not None:
        try:
            found = job.edit()
        except PolypwatchError as error:
            signals.failed.emit(job, str(error))
        except Exception as error:  # the root of this thread: whatever it is, the reader must know that it is not kept
            _log.exception("An edit failed.")
            signals.failed.emit(job, f"This edit was not kept: {error!r}. The log has the details.")
        else:
            signals.done.emit(job, found)
