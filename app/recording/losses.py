"""What a recording lacks, counted per cause, and the first fault in words. Any thread may ask and add."""

from __future__ import annotations

import enum
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable

from app.recording.blanking import Taken

_LOG = logging.getLogger(__name__)
_MOST_LISTED = 10_000  # a recorder that stands still for hours must not fill the memory with what it lacks


class Cause(enum.Enum):
    """Why a picture is not in the video."""

    SPOOL_FULL = "spool full"  # the encoder or the disk was slower than the source
    ENCODER = "encoder failed"
    DISK = "disk"
    DAMAGED = "stream damaged"  # of a copied source: packets are missing, up to the next key frame
    CLOSING = "closing"  # it could not be written before the program had to go on


class Losses:
    """Counts what is missing.

    Args:
        on_change: called once, when the first fault appears, from the thread that found it.
    """

    def __init__(self, on_change: Callable[[], None]) -> None:
        self._on_change = on_change
        self._lock = threading.Lock()
        self._counts: dict[Cause, int] = {}
        self._unlisted: deque[tuple[Taken, Cause]] = deque(maxlen=_MOST_LISTED)
        self._fault = ""

    def add(self, frames: Iterable[Taken], cause: Cause, fault: str) -> None:
        """Frames that are missing (none: only something to say), why, and what to tell of it if it is the first."""
        frames = list(frames)
        with self._lock:
            if frames:
                self._counts[cause] = self._counts.get(cause, 0) + len(frames)
                self._unlisted.extend((frame, cause) for frame in frames)
            is_new = bool(fault) and not self._fault
            self._fault = self._fault or fault
        if is_new:
            _LOG.warning("Recording: %s", fault)
            self._on_change()

    def missed(self, cause: Cause, fault: str) -> None:
        """A picture is missing of which not even an index is known."""
        with self._lock:
            self._counts[cause] = self._counts.get(cause, 0) + 1
        self.add([], cause, fault)

    @property
    def fault(self) -> str:
        """What went wrong first; empty while all is well."""
        with self._lock:
            return self._fault

    @property
    def count(self) -> int:
        """Frames that are missing."""
        with self._lock:
            return sum(self._counts.values())

    def by_cause(self) -> tuple[tuple[str, int], ...]:
        """How many for which cause."""
        with self._lock:
            return tuple((cause.value, self._counts[cause]) for cause in Cause if cause in self._counts)

    def take_unlisted(self) -> list[tuple[Taken, Cause]]:
        """Those that the sidecar does not name yet."""
        with self._lock:
            rows = list(self._unlisted)
            self._unlisted.clear()
            return rows

    def put_back(self, rows: list[tuple[Taken, Cause]]) -> None:
        """The sidecar did not take them."""
        with self._lock:
            self._unlisted.extendleft(reversed(rows[: _MOST_LISTED - len(self._unlisted)]))
