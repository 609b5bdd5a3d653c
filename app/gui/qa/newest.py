"""Work beside the window of which only the newest wish counts: while a slider is dragged, all the others are stale.

One thread for one widget. It works on one wish at a time and leaves it as soon as a newer one has come; what it finds
reaches the window's thread by a signal.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from PyQt6.QtCore import QObject, Qt, pyqtSignal

from detector.errors import PolypwatchError

_log = logging.getLogger(__name__)

Tell = Callable[[object], None]
Work = Callable[[Tell], object]
"""Does one wish. It calls what it is given with whatever is to be shown meanwhile, which raises `Overtaken` when a
newer wish waits."""


class Overtaken(Exception):  # not an error: nobody wants the answer any more
    """A newer wish waits."""


class _Signals(QObject):
    told = pyqtSignal(int, object)
    done = pyqtSignal(int, object)
    failed = pyqtSignal(int, str)


class Newest(QObject):
    """Does the newest wish.

    Attributes:
        told: what the work says on its way.
        done: what it returned.
        failed: why it could not, in words for a person.
        busy_changed: whether something is being worked on.
    """

    told = pyqtSignal(object)
    done = pyqtSignal(object)
    failed = pyqtSignal(str)
    busy_changed = pyqtSignal(bool)

    def __init__(self, name: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._name = name
        self._condition = threading.Condition()
        self._wish: Work | None = None
        self._number = 0
        self._closed = False
        self._thread: threading.Thread | None = None
        self.busy = False
        # A sender of its own: the thread may outlive this object by the length of one piece of work.
        self._signals = _Signals()
        queued = Qt.ConnectionType.QueuedConnection
        self._signals.told.connect(self._on_told, queued)  # type: ignore[call-arg]  # the stubs leave the type out
        self._signals.done.connect(self._on_done, queued)  # type: ignore[call-arg]
        self._signals.failed.connect(self._on_failed, queued)  # type: ignore[call-arg]

    def ask(self, work: Work) -> None:
        """Do this next, in place of whatever waits or is being done; returns at once."""
        with self._condition:
            if self._closed:
                return
            self._number += 1
            self._wish = work
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=f"qa-{self._name}", daemon=True)
                self._thread.start()
            self._condition.notify()
        self._set_busy(True)

    def forget(self) -> None:
        """Nothing is wanted any more; what is being done ends unheard."""
        with self._condition:
            self._number += 1
            self._wish = None
        self._set_busy(False)

    def close(self, wait_s: float = 0.3) -> None:
        """End the thread once the piece of work at hand is done; waits a moment for it, and nobody hears of it."""
        with self._condition:
            self._closed = True
            self._number += 1
            self._wish = None
            self._condition.notify()
        if self._thread is not None:
            self._thread.join(wait_s)

    def _run(self) -> None:
        while True:
            with self._condition:
                while self._wish is None and not self._closed:
                    self._condition.wait()
                if self._closed:
                    return
                work, number, self._wish = self._wish, self._number, None
            assert work is not None
            self._do(work, number)

    def _do(self, work: Work, number: int) -> None:
        def tell(found: object) -> None:
            if number != self._number:
                raise Overtaken
            self._signals.told.emit(number, found)

        try:
            found = work(tell)
        except Overtaken:
            return
        except PolypwatchError as error:
            self._signals.failed.emit(number, str(error))
            return
        except Exception as error:  # the root of this thread: the window must say that nothing was worked out
            _log.exception("The work '%s' failed.", self._name)
            self._signals.failed.emit(number, f"This could not be worked out: {error!r}. The log has the details.")
            return
        self._signals.done.emit(number, found)

    def _on_told(self, number: int, found: object) -> None:
        if number == self._number:
            self.told.emit(found)

    def _on_done(self, number: int, found: object) -> None:
        if number == self._number:
            self._set_busy(False)
            self.done.emit(found)

    def _on_failed(self, number: int, words: str) -> None:
        if number == self._number:
            self._set_busy(False)
            self.failed.emit(words)

    def _set_busy(self, busy: bool) -> None:
        if busy != self.busy:
            self.busy = busy
            self.busy_changed.emit(busy)
