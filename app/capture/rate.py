"""At which rate pictures really come, where a source changes it without a word.

A camera does so in poor light, a processor when it is switched, and fields that turn out to be frames of their own.
"""

from __future__ import annotations

from collections import deque
from fractions import Fraction

import numpy as np

from detector.frame import FrameTime

_LEAST_S = 1.0  # a rate that does not hold for this long is none
_LEAST_STEPS = 12
_MOST_STEPS = 128
_STEADY_SHARE = 0.8
_SAME = 0.1  # within this part of the usual distance, a distance is the same
_USUAL = tuple(
    Fraction(*rate)
    for rate in ((24000, 1001), (24, 1), (25, 1), (30000, 1001), (30, 1), (50, 1), (60000, 1001), (60, 1))
)
_SNAP = 0.0005  # between 59.94 and 60 lies a thousandth


class RateWatch:
    """Tells a steady rate from the media times of frames. Not locked."""

    def __init__(self) -> None:
        self._steps_s: deque[float] = deque(maxlen=_MOST_STEPS)
        self._last_s: float | None = None

    def update(self, time: FrameTime | None, known: Fraction | None) -> Fraction | None:
        """Take the time of the next frame.

        Args:
            time: of the frame; None for stills, which have no rate.
            known: the rate that is believed in now.

        Returns:
            A rate that has held for a second and is clearly another than ``known``; else None.
        """
        if time is None:
            return None
        before_s, self._last_s = self._last_s, time.seconds
        if before_s is None:
            return None
        step_s = self._last_s - before_s
        if not 0 < step_s <= _LEAST_S:  # a gap, a seek: what was counted before says nothing of what comes
            self._steps_s.clear()
            return None
        self._steps_s.append(step_s)
        # As long as it agrees with what is known, nothing more is worked out.
        if known is not None and abs(step_s * float(known) - 1) <= _SAME:
            self._steps_s.clear()
            return None
        return self._steady()

    def _steady(self) -> Fraction | None:
        steps_s = np.array(self._steps_s)
        if len(steps_s) < _LEAST_STEPS or steps_s.sum() < _LEAST_S:
            return None
        usual_s = float(np.median(steps_s))
        alike = np.abs(steps_s / usual_s - 1) <= _SAME
        if alike.mean() < _STEADY_SHARE:
            self._steps_s.popleft()
            return None
        self._steps_s.clear()
        return _snapped(1 / float(steps_s[alike].mean()))


def _snapped(rate: float) -> Fraction:
    """A rate that devices really have, if it is as good as that; else the fraction of a whole number near it."""
    nearest = min(_USUAL, key=lambda usual: abs(rate / float(usual) - 1))
    return nearest if abs(rate / float(nearest) - 1) <= _SNAP else Fraction(rate).limit_denominator(100)
