"""Which picture is due: the clock of playing, and what was really shown. Times are handed in, in seconds."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from app.qa.axis import FrameAxis

_WINDOW_S = 1.0


@dataclass(frozen=True, slots=True)
class Due:
    """What is due.

    Attributes:
        position: the picture that should stand on the screen.
        next_s: when, by the clock, another one is due.
        over: the end (or begin, backwards) was reached, and there is no loop.
    """

    position: int
    next_s: float
    over: bool = False


class Pace:
    """Media time against the clock.

    Args:
        axis: of the procedure.
        position: where playing begins.
        speed: not 0; negative backwards.
        loop: first and last position that are played over and over.
        now_s: by the clock.
    """

    def __init__(
        self, axis: FrameAxis, position: int, speed: float, loop: tuple[int, int] | None, now_s: float
    ) -> None:
        self.axis = axis
        self.speed = speed
        self.first, self.last = loop or (0, len(axis) - 1)
        self._loops = loop is not None
        inside = self.first <= position <= self.last
        at_end = not self._loops and position == (self.last if speed > 0 else self.first)
        if not inside or at_end:
            position = self.first if speed > 0 else self.last
        self._begin_s, self._media_s = now_s, self._entry_s(position)

    def due(self, now_s: float) -> Due:
        """What is due now."""
        media_s = self._media_s + (now_s - self._begin_s) * self.speed
        low, high = float(self.axis.times_s[self.first]), self.axis.until_s(self.last)
        if not low <= media_s < high:
            if not self._loops:
                return Due(self.last if self.speed > 0 else self.first, now_s, over=True)
            media_s = low + (media_s - low) % (high - low)
            self._begin_s, self._media_s = now_s, media_s
        position = min(max(self.axis.at(media_s), self.first), self.last)
        edge_s = self.axis.until_s(position) if self.speed > 0 else float(self.axis.times_s[position])
        return Due(position, now_s + max(0.0, (edge_s - media_s) / self.speed) + 1e-4)

    def _entry_s(self, position: int) -> float:
        """A picture stands for its whole interval: backwards it is entered from its end."""
        if self.speed > 0:
            return float(self.axis.times_s[position])
        return self.axis.until_s(position) - 1e-4


class Tally:
    """What was shown while playing."""

    def __init__(self) -> None:
        self.dropped = 0
        self._shown: deque[tuple[float, float, int]] = deque()

    def shown(self, now_s: float, time_s: float, position: int) -> None:
        """A picture was shown."""
        if self._shown:
            step = abs(position - self._shown[-1][2])
            whole = abs(time_s - self._shown[-1][1]) < 60
            self.dropped += max(0, step - 1) if whole else 0
        self._shown.append((now_s, time_s, position))
        while len(self._shown) > 2 and now_s - self._shown[1][0] > _WINDOW_S:
            self._shown.popleft()

    def turned(self) -> None:
        """A loop begins anew: what lies between its end and begin was not left out."""
        self._shown.clear()

    @property
    def achieved(self) -> float:
        """Media seconds a second, over the last second."""
        if len(self._shown) < 2 or self._shown[-1][0] <= self._shown[0][0]:
            return 0.0
        return (self._shown[-1][1] - self._shown[0][1]) / (self._shown[-1][0] - self._shown[0][0])

    @property
    def every(self) -> float:
        """Positions from one shown picture to the next."""
        if len(self._shown) < 2:
            return 1.0
        return abs(self._shown[-1][2] - self._shown[0][2]) / (len(self._shown) - 1)
