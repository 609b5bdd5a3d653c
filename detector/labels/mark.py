"""One thing that a label file names, as it was written."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Outline = npt.NDArray[np.float32]
MAX_PX = 1e6
"""Coordinates beyond this are no image's: outlines of such are not computed."""


@dataclass(frozen=True, slots=True, eq=False)
class Mark:
    """One thing that a label names, as it was written: not checked yet.

    Attributes:
        box: x1, y1, x2, y2 in image pixels, half-open; NaN where no number was written.
        kind: the set's own class name; empty if it has none.
        lesion: the lesion's id; empty if the set has none.
        outline: float32 (K, 2) convex outline; None gives the box's corners.
        ignored: a region where a box is neither right nor wrong.
    """

    box: tuple[float, float, float, float]
    kind: str = ""
    lesion: str = ""
    outline: Outline | None = None
    ignored: bool = False


def convex_hull(points: npt.NDArray[np.float64]) -> Outline | None:
    """The convex hull of points (N, 2); None where they are no outline of anything in an image."""
    if len(points) < 3 or not np.isfinite(points).all() or np.abs(points).max() > MAX_PX:
        return None
    return np.asarray(cv2.convexHull(points.astype(np.float32)).reshape(-1, 2), np.float32)
