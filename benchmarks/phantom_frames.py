"""Frames of the bundled phantom at the size of a live picture, decoded and enlarged before anything is measured."""

from __future__ import annotations

import cv2
import numpy as np

from app.phantom import bundled
from detector.decode import decode_frames
from detector.frame import Frame
from detector.geometry import Size

_STEP = 17  # a prime number of frames apart: pictures of different parts of the bowel
_SKIP = 250  # the phantom begins outside the body


def phantom_frames(count: int, size: Size) -> list[Frame]:
    """``count`` pictures, spread over the phantom, as frames of ``size`` in memory.

    Args:
        count: how many; at 1080p one takes 6.2 MB, so that a dozen is more than a core's caches hold.
        size: in pixels.
    """
    wanted = range(_SKIP, _SKIP + _STEP * count, _STEP)
    pictures = (found.image for found in decode_frames(bundled().video, wanted, whole=False))
    enlarged = (np.asarray(cv2.resize(p, size, interpolation=cv2.INTER_LINEAR), np.uint8) for p in pictures)
    return [Frame(index, None, 0, image) for index, image in enumerate(enlarged)]
