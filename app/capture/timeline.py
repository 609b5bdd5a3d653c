"""Media time that goes on: over the loops of a file, reopened connections, and stamps that are missing or jump back."""

from __future__ import annotations

from fractions import Fraction

from detector.frame import FrameTime

_USUAL_RATE = Fraction(25)


class Timeline:
    """Places the time stamps of a source on one axis that never runs backwards.

    Stamps of the first run are kept exactly as the container has them. All times are in the time base of the first
    run, as consumers may rely on one for the whole source.

    Attributes:
        estimated: how many frames had no stamp and were placed one frame interval after the one before.
        jumps: how many stamps lay before the one before them; the axis was joined there.
    """

    def __init__(self) -> None:
        self.estimated = 0
        self.jumps = 0
        self._base: Fraction | None = None
        self._ratio = Fraction(1)
        self._step = 1
        self._shift = 0
        self._last: int | None = None
        self._join_at: int | None = None

    @property
    def time_base(self) -> Fraction | None:
        """Seconds per tick of every time given out; None before the first run."""
        return self._base

    def begin(self, time_base: Fraction, rate: Fraction | None, gap_s: float | None = None) -> None:
        """Start a run; its first frame follows the last one of the run before after ``gap_s``, or one frame interval.

        Args:
            time_base: seconds per tick of the stamps to come.
            rate: nominal frames per second, if known.
            gap_s: real time that went by since the last frame, for live sources.
        """
        self._enter(time_base, rate)
        if self._last is not None and self._base is not None:
            gap = self._step if gap_s is None else max(self._step, round(gap_s / self._base))
            self._join_at = self._last + gap

    def resume(self, time_base: Fraction, rate: Fraction | None) -> None:
        """Start a run whose stamps go on where those of the run before stopped."""
        self._enter(time_base, rate)

    def place(self, pts: int | None) -> FrameTime:
        """The time of the next frame; ``pts`` is its stamp in this run's ticks, or None if it has none."""
        if self._base is None:
            raise RuntimeError("place() before begin()")
        ticks = self._ticks(pts)
        self._last, self._join_at = ticks, None
        return FrameTime(ticks, self._base)

    def _enter(self, time_base: Fraction, rate: Fraction | None) -> None:
        self._base = self._base or time_base
        self._ratio = time_base / self._base
        self._step = max(1, round(1 / ((rate or _USUAL_RATE) * self._base)))

    def _ticks(self, pts: int | None) -> int:
        if pts is None:
            self.estimated += 1
            if self._join_at is not None:
                return self._join_at
            return 0 if self._last is None else self._last + self._step
        ticks = round(pts * self._ratio)
        if self._join_at is not None:
            self._shift = self._join_at - ticks
        elif self._last is not None and ticks + self._shift < self._last:
            self.jumps += 1
            self._shift = self._last + self._step - ticks
        return ticks + self._shift
