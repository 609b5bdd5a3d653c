"""When to try a lost source again. That it is tried is decided in one place, the live session."""

from __future__ import annotations


class Backoff:
    """Waiting times between attempts: short at first, then longer, never beyond a limit.

    Args:
        first_s: before the first attempt.
        longest_s: never wait longer.
        factor: by which each wait is longer than the one before.
    """

    def __init__(self, first_s: float = 0.5, longest_s: float = 5.0, factor: float = 2.0) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._factor = factor
        self._next_s = first_s

    def next_delay_s(self) -> float:
        """How long to wait before the next attempt."""
        delay_s, self._next_s = self._next_s, min(self._longest_s, self._next_s * self._factor)
        return delay_s

    def reset(self) -> None:
        """The source gave a frame: begin with short waits again."""
        self._next_s = self._first_s
