"""The one room for messages to the user: what happened, what still works, what to do. All are logged. No Qt.

A notice passes by; what lasts as long as its cause (a lost signal, a failed AI) is a sign or a banner, see ``signs``.
"""

from __future__ import annotations

import enum
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

_log = logging.getLogger(__name__)

_SHOWN_S = 6.0
_PROBLEM_SHOWN_S = 12.0
# When others wait, every notice still gets this long.
_LEAST_S = 3.0
_WAITING_LIMIT = 8


class Weight(enum.Enum):
    """How much a notice matters."""

    INFO = logging.INFO
    WARNING = logging.WARNING
    ERROR = logging.ERROR


@dataclass(frozen=True, slots=True)
class Notice:
    """One message.

    Attributes:
        what: what happened.
        still: what still works; empty where that goes without saying.
        todo: what the user can do; empty if nothing.
        weight: info, warning or error.
    """

    what: str
    still: str = ""
    todo: str = ""
    weight: Weight = Weight.INFO

    @property
    def rest(self) -> str:
        """All but what happened."""
        return " ".join(part for part in (self.still, self.todo) if part)


class NoticeBoard:
    """Takes messages from any thread and says which one is to be seen now.

    A message that is already shown or waiting is not repeated. Problems are shown before information, and longer.

    Args:
        clock: monotonic seconds.
        wake: called after every new message, so that the screen follows at once; may be set later.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, wake: Callable[[], None] = lambda: None) -> None:
        self._clock = clock
        self.wake = wake
        self._lock = threading.Lock()
        self._waiting: deque[Notice] = deque()
        self._current: Notice | None = None
        self._since_s = 0.0

    def post(self, notice: Notice) -> None:
        """Log the message and show it when its turn comes."""
        _log.log(notice.weight.value, "%s", f"{notice.what} {notice.rest}".strip())
        with self._lock:
            if notice == self._current:
                self._since_s = self._clock()
            elif notice not in self._waiting:
                self._enqueue(notice)
        self.wake()

    def current(self) -> Notice | None:
        """The message to be seen now; None if there is none."""
        with self._lock:
            shown_s = self._clock() - self._since_s
            if self._current is not None and shown_s >= self._allowed_s(self._current):
                self._current = None
            if self._current is None and self._waiting:
                self._current, self._since_s = self._waiting.popleft(), self._clock()
            return self._current

    def dismiss(self) -> None:
        """Take the present message away."""
        with self._lock:
            self._current = None

    def _enqueue(self, notice: Notice) -> None:
        if len(self._waiting) >= _WAITING_LIMIT:
            return  # it is in the log
        before = sum(1 for other in self._waiting if other.weight.value >= notice.weight.value)
        self._waiting.insert(before, notice)

    def _allowed_s(self, notice: Notice) -> float:
        if self._waiting and self._waiting[0].weight.value >= notice.weight.value:
            return _LEAST_S
        return _SHOWN_S if notice.weight is Weight.INFO else _PROBLEM_SHOWN_S
