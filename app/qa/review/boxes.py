"""Which boxes can be kept: inside of the picture, and large enough to be meant."""

from __future__ import annotations

import math
from typing import Final

from app.qa.review.tracks import Box
from detector.errors import UsageError
from detector.geometry import Size

MIN_SIDE_PX: Final = 2.0


def fitted(box: tuple[float, float, float, float], size: Size) -> Box:
    """A box cut at the borders of the picture, to a hundredth of a pixel.

    Raises:
        UsageError: nothing of it lies in the picture, or less than two pixels are left of a side.
    """
    if not all(math.isfinite(value) for value in box):
        raise UsageError(f"A box needs four numbers, not {box}.")
    x1, x2 = sorted((box[0], box[2]))
    y1, y2 = sorted((box[1], box[3]))
    if x1 >= size.width or y1 >= size.height or x2 <= 0 or y2 <= 0:
        raise UsageError(
            f"The box ({x1:.0f}, {y1:.0f}, {x2:.0f}, {y2:.0f}) lies outside of the picture of "
            f"{size.width} x {size.height} pixels.",
            "Draw it where the lesion is to be seen.",
        )
    cut = (
        round(max(x1, 0.0), 2),
        round(max(y1, 0.0), 2),
        round(min(x2, float(size.width)), 2),
        round(min(y2, float(size.height)), 2),
    )
    if cut[2] - cut[0] < MIN_SIDE_PX or cut[3] - cut[1] < MIN_SIDE_PX:
        raise UsageError(
            f"A box of {cut[2] - cut[0]:.1f} x {cut[3] - cut[1]:.1f} pixels is too small to be meant.",
            "Draw it around the whole lesion, at least two pixels wide and high.",
        )
    return cut
