"""The last two steps of preparing a picture: its colours and its square pixels."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from app.picture.colour import ColourFix
from detector.geometry import Size

Image = npt.NDArray[np.uint8]


def shaped(picture: Image, size: Size, colour: ColourFix | None) -> Image:
    """``picture`` (BGR uint8) with its colours put right, at ``size`` (bilinear); contiguous.

    A part that was cut from a larger picture is copied, so that the rest of it is not kept alive.
    """
    if colour is not None:
        picture = colour.apply(picture)
    if Size.of(picture) != size:
        picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR), np.uint8)
    return np.ascontiguousarray(picture)
