"""Whether a processor holds its picture: the same picture again and again, up to the noise of an analogue cable.

Freezing is something that an endoscopist does on purpose, and it looks like a scope that stands still. So the limit
lies where no scope that is held by a hand comes down to: see ``_SAME_UP_TO``.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from detector.picture.glance import Image, reduced

# Longest side of what is compared: sensor noise of 8 grey levels averages out to 1 or less.
_THUMB_PX = 52
# 90th percentile of the differences in grey levels, so that a clock that runs on over a frozen picture changes nothing.
# Over a second of the clips with motion it is never below 16, of the phantom never below 11. The one real freeze that
# was at hand (polypgen_positive_17, 5.0 to 6.4 s), and single pictures with noise of 2, 4 and 8 grey levels, are never
# above 1 (``python -m benchmarks.picture_freeze``).
_SAME_UP_TO = 3.0
_HOLD_S = 1.0
_LONGEST_GAP_S = 1.0

Thumb = npt.NDArray[np.uint8]


class FreezeWatch:
    """Tells since when the same picture is sent. Takes pictures as they come, ten a second are enough.

    Only *new* pictures may be handed in: a paused file sends none, and is not frozen. Each is compared with the first
    of its run, so that slow motion adds up and is told from a freeze.

    Args:
        hold_s: for how long a picture must stay the same before that counts.
    """

    def __init__(self, hold_s: float = _HOLD_S) -> None:
        self._hold_s = hold_s
        self._first: Thumb | None = None
        self._since_s = self._last_s = 0.0

    def update(self, image: Image, seconds: float) -> float | None:
        """Take the picture of ``seconds`` (of any clock); returns since when it is frozen, None while it is not.

        Args:
            image: BGR uint8 ``(H, W, 3)`` of any size.
            seconds: after a gap of more than one second, and when they run backwards, all begins anew.
        """
        thumb = thumbnail(image)
        gap = not 0 <= seconds - self._last_s <= _LONGEST_GAP_S
        self._last_s = seconds
        if self._first is None or gap or not _same(self._first, thumb):
            self._first, self._since_s = thumb, seconds
            return None
        return self._since_s if seconds - self._since_s >= self._hold_s else None


def thumbnail(image: Image) -> Thumb:
    """What is compared: a grey picture of at most 52 pixels, ``(h, w)`` uint8."""
    grey = cv2.cvtColor(reduced(image), cv2.COLOR_BGR2GRAY)
    scale = _THUMB_PX / max(grey.shape)
    if scale >= 1:
        return np.array(grey, np.uint8)
    size = (max(1, round(grey.shape[1] * scale)), max(1, round(grey.shape[0] * scale)))
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.uint8)


def change(a: Thumb, b: Thumb) -> float:
    """How much differs between two thumbnails of one size: the 90th percentile, in grey levels."""
    return float(np.percentile(cv2.absdiff(a, b), 90))


def _same(a: Thumb, b: Thumb) -> bool:
    return a.shape == b.shape and change(a, b) <= _SAME_UP_TO
