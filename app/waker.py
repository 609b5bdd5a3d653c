"""A thread that calls a function when a deadline has passed: for what no event announces."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

_LOG = logging.getLogger(__name__)


class Waker:
    """Calls ``due`` at the instant that was last asked for, and again when it says so.

    Args:
        due: returns the next deadline, or None; called in the thread.
        clock_ns: what deadlines are given in.
    """

    def __init__(self, due: Callable[[], int | None], clock_ns: Callable[[], int]) -> None:
        self._due = due
        self._clock_ns = clock_ns
        self._changed = threading.Condition()
        self._at_ns: int | None = None
        self._stopped = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread, if it does not run yet."""
        with self._changed:
            if self._thread is None and not self._stopped:
                self._thread = threading.Thread(target=self._run, name="picture-release", daemon=True)
                self._thread.start()

    def at(self, at_ns: int | None) -> None:
        """Call at that instant, at the latest; returns at once."""
        with self._changed:
            if at_ns is not None and (self._at_ns is None or at_ns < self._at_ns):
                self._at_ns = at_ns
                self._changed.notify()

    def stop(self) -> None:
        """End the thread. Safe to call twice."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(1.0)

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._stopped:
                    left_ns = None if self._at_ns is None else self._at_ns - self._clock_ns()
                    if left_ns is not None and left_ns <= 0:
                        break
                    self._changed.wait(None if left_ns is None else left_ns / 1e9)
                if self._stopped:
                    return
                self._at_ns = None
            try:
                self.at(self._due())
            except Exception:  # root of the thread: the next deadline must be kept, too
                _LOG.exception("what was due at its time failed")
