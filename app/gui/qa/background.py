"""Work beside the window's thread whose outcome comes back into it: what `Desk.run_in_background` is made of."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from PyQt6 import sip
from PyQt6.QtCore import QObject, Qt, pyqtSignal

from app.gui.language import tr
from detector.errors import PolypwatchError

_log = logging.getLogger(__name__)
T = TypeVar("T")

_THREADS = 8  # a copy may take one for hours, and clips of foreign videos wait for theirs to be counted


class BackgroundErrand:
    """Something that is being done; see `pages.Errand`."""

    def __init__(self, owner: QObject) -> None:
        self._owner = owner
        self._cancelled = threading.Event()

    @property
    def cancelled(self) -> bool:
        """Whether nobody waits for it any more; from any thread."""
        return self._cancelled.is_set()

    def cancel(self) -> None:
        """Nobody waits for it any more."""
        self._cancelled.set()

    @property
    def wanted(self) -> bool:
        """Whether its outcome can still be told; in the window's thread."""
        return not self.cancelled and not sip.isdeleted(self._owner)


class _Signals(QObject):
    over = pyqtSignal(object)


class Background:
    """A few threads for work that may wait for a disk or a decoder.

    Args:
        failed: told of an error, in the window's thread, where whoever asked did not want to know.
    """

    def __init__(self, failed: Callable[[PolypwatchError], object]) -> None:
        self._failed = failed
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="qa-background")
        self._open: set[BackgroundErrand] = set()
        self._signals = _Signals()
        # The stubs leave the connection type out.
        self._signals.over.connect(lambda then: then(), Qt.ConnectionType.QueuedConnection)  # type: ignore[call-arg]

    def run(
        self,
        work: Callable[[], T],
        done: Callable[[T], object],
        failed: Callable[[PolypwatchError], object] | None,
        owner: QObject,
    ) -> BackgroundErrand:
        """Do it; see `pages.Desk.run_in_background`."""
        errand = BackgroundErrand(owner)
        self._open.add(errand)
        self._pool.submit(self._work, errand, work, done, failed or self._failed)
        return errand

    def close(self) -> None:
        """What has not begun never will; what runs ends unheard."""
        for errand in self._open:
            errand.cancel()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _work(
        self,
        errand: BackgroundErrand,
        work: Callable[[], T],
        done: Callable[[T], object],
        failed: Callable[[PolypwatchError], object],
    ) -> None:
        if errand.cancelled:
            return
        then: Callable[[], object]
        try:
            found = work()
        except PolypwatchError as error:
            then = _later(failed, error)
        except Exception as error:  # the root of a thread: it must be seen, and the window lives on
            _log.exception("work in the background failed")
            then = _later(failed, unexpected(error))
        else:
            then = _later(done, found)

        def tell() -> None:
            self._open.discard(errand)
            if errand.wanted:
                then()

        self._signals.over.emit(tell)


def unexpected(error: Exception) -> PolypwatchError:
    """What to tell the user of an error that nobody foresaw."""
    what = tr("Unexpected error: {kind}: {error}.").format(kind=type(error).__name__, error=error)
    return PolypwatchError(what, tr("The log has the details."))


def _later(call: Callable[[T], object], value: T) -> Callable[[], object]:
    return lambda: call(value)
