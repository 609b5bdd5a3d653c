"""Detectors that misbehave, for measuring what the picture does meanwhile. Built in the AI process by import string."""

from __future__ import annotations

import time

from detector.detections import Detections, DetectorInfo
from detector.frame import Frame
from detector.runtime import load_detector


class Stalling:
    """A real detector that hangs for ever after so many frames."""

    def __init__(self, after: int, **options: object) -> None:
        self._real = load_detector(**options)  # type: ignore[arg-type]  # the same options as the real one's
        self._left = after

    @property
    def info(self) -> DetectorInfo:
        """The real detector's."""
        return self._real.info

    def detect(self, frame: Frame, min_score: float | None = None) -> Detections:
        """The real result, or none, ever."""
        # Frame 0 is warm-up; a restarted process hangs again, as a broken driver would.
        self._left -= frame.time is not None
        while self._left < 0:
            time.sleep(1)
        return self._real.detect(frame, min_score)


def stalling(after: int, **options: object) -> Stalling:
    """Build one."""
    return Stalling(after, **options)
