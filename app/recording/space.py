"""How long the disk lasts. Pure arithmetic on what is handed in."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

_WINDOW_S = 60.0
_ENOUGH_S = 5.0  # the first seconds say nothing about the rate
_SHORT_H = 1.0
GB = 1_000_000_000
JOURNAL_BYTES = 200_000_000
"""Always left free, so that an examination can be marked and reported after its recording had to stop."""


@dataclass(frozen=True, slots=True)
class Space:
    """What is left.

    Attributes:
        hours_left: until the recording stops, at the pace of the last minute; None while that is not known.
        warning: in words, if that is less than an hour; else empty.
        full: whether the recording must stop now.
    """

    hours_left: float | None = None
    warning: str = ""
    full: bool = False


class SpaceGuard:
    """Watches one recording's disk.

    Args:
        min_free_bytes: recording stops before less than this is free; never less than the journal's reserve.
    """

    def __init__(self, min_free_bytes: int) -> None:
        self.min_free_bytes = max(min_free_bytes, JOURNAL_BYTES)
        self._seen: deque[tuple[float, int]] = deque()

    def look(self, at_s: float, written_bytes: int, free_bytes: int) -> Space:
        """Judge.

        Args:
            at_s: now, on a monotonic clock.
            written_bytes: by this recording so far.
            free_bytes: on its disk.
        """
        self._seen.append((at_s, written_bytes))
        while len(self._seen) > 2 and self._seen[1][0] <= at_s - _WINDOW_S:
            self._seen.popleft()
        left = free_bytes - self.min_free_bytes
        if left <= 0:
            return Space(0.0, self._stopped(free_bytes), full=True)
        first_s, first_bytes = self._seen[0]
        grown = written_bytes - first_bytes
        if at_s - first_s < _ENOUGH_S or grown <= 0:
            return Space(None, self._near(free_bytes))
        hours = left * (at_s - first_s) / grown / 3600
        return Space(hours, self._short(hours, free_bytes) if hours < _SHORT_H else "")

    def _near(self, free_bytes: int) -> str:
        """Before the pace is known: a fifth more than the limit is soon gone."""
        if free_bytes >= self.min_free_bytes * 1.2:
            return ""
        return f"The disk is nearly full: {free_bytes / GB:.1f} GB are free, at {self._limit} GB the recording stops."

    def _short(self, hours: float, free_bytes: int) -> str:
        minutes = int(hours * 60)
        return (
            f"The disk lasts for about {minutes} more minutes of recording ({free_bytes / GB:.1f} GB are free, at "
            f"{self._limit} GB the recording stops)."
        )

    def _stopped(self, free_bytes: int) -> str:
        return f"the disk is nearly full: {free_bytes / GB:.1f} GB are free, and {self._limit} GB must stay free"

    @property
    def _limit(self) -> str:
        return f"{self.min_free_bytes / GB:.1f}"
