"""The time axis of a recording, for everybody the same: where it begins, and when its last frame ended."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def from_start(times_s: Floats) -> Floats:
    """Seconds since the first frame, to a tenth of a nanosecond.

    The same media time comes as a quotient, a product or a difference: the last bits must not make two figures of it.
    """
    return np.round(times_s - times_s[0], 10) if len(times_s) else times_s


def end_of(times_s: Floats, alone_s: float = 0.04) -> float:
    """The last time plus the median interval.

    Args:
        times_s: (T,) strictly increasing, at least one.
        alone_s: how long a single frame stands.
    """
    step_s = float(np.median(np.diff(times_s))) if len(times_s) > 1 else alone_s
    return float(times_s[-1]) + step_s
