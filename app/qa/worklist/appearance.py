"""How alike two boxes look: a small vector of a box's colours and of its coarse picture. No network, no training.

It is meant for one procedure, where light and mucosa are the same: the same bubbles and the same instrument come back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import cv2
import numpy as np
import numpy.typing as npt

from app.qa.worklist.clips import Corners

Vector = npt.NDArray[np.float32]
Looks = Callable[[int, Corners], Vector | None]
"""The vector of a box in a frame; None where its picture cannot be had."""

ALIKE = 0.85
"""Cosine from which two boxes count as the same thing."""
_MARGIN = 0.15  # of a box, around it: what lies beside it belongs to how it looks
_GRID = 12
_HUES, _SATURATIONS = 12, 6


def appearance(image: npt.NDArray[np.uint8], box: Corners) -> Vector | None:
    """A vector of length 1.

    Half of its weight is the histogram of hue and saturation (of pixels that are neither dark nor burnt out), half the
    picture of 12 x 12 grey levels without its mean, so that exposure does not count.

    Args:
        image: BGR uint8 (H, W, 3).
        box: in pixels of it.

    Returns:
        None for a box without a pixel.
    """
    crop = _cut(image, box)
    if crop is None:
        return None
    hsv = cv2.cvtColor(crop, cv2.COLOR_BGR2HSV)
    seen = cv2.inRange(hsv, (0, 0, 30), (180, 255, 250))
    colours = cv2.calcHist([hsv], [0, 1], seen, [_HUES, _SATURATIONS], [0, 180, 0, 256]).reshape(-1)
    # Roots of the shares: their product is Bhattacharyya's coefficient.
    colours = np.sqrt(colours / max(1.0, float(colours.sum())))
    grey = cv2.resize(cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY), (_GRID, _GRID), interpolation=cv2.INTER_AREA)
    coarse = grey.astype(np.float32).reshape(-1)
    coarse -= coarse.mean()
    length = float(np.linalg.norm(coarse))
    coarse = coarse / length if length > 0 else coarse
    both = np.concatenate((colours, coarse)).astype(np.float32)
    norm = float(np.linalg.norm(both))
    return cast(Vector, both / norm) if norm > 0 else None


def likeness(one: Vector | None, other: Vector | None) -> float:
    """Cosine, 0 to 1; 0 where one is not known."""
    return 0.0 if one is None or other is None else float(min(1.0, max(0.0, float(one @ other))))


def place_likeness(one: Corners, other: Corners) -> float:
    """How much two boxes of one procedure lie in the same place of the picture: their IoU."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    inter = width * height
    area = (one[2] - one[0]) * (one[3] - one[1]) + (other[2] - other[0]) * (other[3] - other[1]) - inter
    return inter / area if area > 0 else 0.0


def _cut(image: npt.NDArray[np.uint8], box: Corners) -> npt.NDArray[np.uint8] | None:
    height, width = image.shape[:2]
    dx, dy = (box[2] - box[0]) * _MARGIN, (box[3] - box[1]) * _MARGIN
    x1, y1 = max(0, int(box[0] - dx)), max(0, int(box[1] - dy))
    x2, y2 = min(width, int(np.ceil(box[2] + dx))), min(height, int(np.ceil(box[3] + dy)))
    return image[y1:y2, x1:x2] if x2 > x1 and y2 > y1 else None
