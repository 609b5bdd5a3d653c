"""The sharpest pictures with a marker of the last seconds: proposed as best frames of a lesion that was found."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from app.snapshot import LiveSnapshot

_KEPT_S = 10.0
_KEPT = 5  # of 6 MB each at 1080p
_LEAST_APART_S = 0.4  # neighbours look the same


class BestFrames:
    """Keeps copies, so that no picture is held back from the pool. For one thread.

    Args:
        kept: how many pictures at most.
    """

    def __init__(self, kept: int = _KEPT) -> None:
        self._kept = kept
        self._pictures: list[tuple[float, LiveSnapshot]] = []

    def look(self, snapshot: LiveSnapshot) -> None:
        """Keep the picture if it has a marker and is among the sharpest."""
        self._forget(snapshot.taken_ns)
        if snapshot.frame is None or not snapshot.markers:
            return
        sharp = sharpness(snapshot)
        near = [p for p in self._pictures if abs(p[1].taken_ns - snapshot.taken_ns) < _LEAST_APART_S * 1e9]
        if any(other >= sharp for other, _ in near):
            return
        rest = [p for p in self._pictures if p not in near]
        if len(rest) >= self._kept and sharp <= min(rest, key=lambda p: p[0])[0]:
            return
        own = replace(snapshot, frame=replace(snapshot.frame, image=snapshot.frame.image.copy()))
        self._pictures = sorted([*rest, (sharp, own)], key=lambda p: -p[0])[: self._kept]

    def around(self, found_ns: int, before_s: float = 5.0, after_s: float = 3.0) -> tuple[LiveSnapshot, ...]:
        """What was kept around a moment, the sharpest first."""
        first, last = found_ns - before_s * 1e9, found_ns + after_s * 1e9
        return tuple(s for _, s in self._pictures if first <= s.taken_ns <= last)

    def _forget(self, now_ns: int) -> None:
        self._pictures = [p for p in self._pictures if now_ns - p[1].taken_ns <= _KEPT_S * 1e9]


def sharpness(snapshot: LiveSnapshot) -> float:
    """How sharp the first marker's part of the picture is: the variance of its Laplacian; 0 without a marker."""
    if snapshot.frame is None or not snapshot.markers:
        return 0.0
    image = snapshot.frame.image
    x0, y0, x1, y1 = (round(v) for v in snapshot.markers[0].box)
    part = image[max(0, y0) : max(0, y1), max(0, x0) : max(0, x1)]
    if part.shape[0] < 3 or part.shape[1] < 3:
        return 0.0
    return float(np.var(cv2.Laplacian(cv2.cvtColor(part, cv2.COLOR_BGR2GRAY), cv2.CV_32F)))
