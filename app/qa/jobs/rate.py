"""How fast something goes, over the last seconds."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

_OVER_S = 8.0


class Pace:
    """Counts that grow, and how fast.

    Args:
        clock: seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._noted: deque[tuple[float, int]] = deque()

    def note(self, count: int, *, moving: bool = True) -> None:
        """Take in a count; a pause begins anew."""
        if not moving:
            self._noted.clear()
            return
        now = self._clock()
        self._noted.append((now, count))
        while now - self._noted[0][0] > _OVER_S:
            self._noted.popleft()

    def per_s(self) -> float | None:
        """Counts a second; None as long as nobody can say."""
        if len(self._noted) < 2:
            return None
        (begin_s, first), (end_s, last) = self._noted[0], self._noted[-1]
        return (last - first) / (end_s - begin_s) if end_s > begin_s else None
