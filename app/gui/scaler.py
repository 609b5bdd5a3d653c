"""The picture in screen size: OpenCV's scaling, which lets other threads run, unlike a scaling ``QPainter``. No Qt.

Plain bilinear, with exact 2x2 averages first where the picture is more than halved; untouched when the sizes agree.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from detector.frame import Frame
from detector.geometry import Letterbox, Size

Image = npt.NDArray[np.uint8]


class Scaler:
    """Scales frames into a buffer of its own and keeps the last one; for one thread."""

    def __init__(self) -> None:
        self._buffer: Image = np.zeros((0, 0, 3), np.uint8)
        self._image: Image | None = None
        self._scaled: Image | None = None

    def scale(self, frame: Frame, target: Size) -> Image:
        """The frame as contiguous BGR of size ``target``; valid until the next call."""
        if self._scaled is not None and self._image is frame.image and Size.of(self._scaled) == target:
            return self._scaled
        self._image, self._scaled = frame.image, self._scale(frame.image, target)
        return self._scaled

    def _scale(self, image: Image, target: Size) -> Image:
        if Size.of(image) == target:
            return np.ascontiguousarray(image)
        for _ in range(Letterbox.fit(Size.of(image), target).halvings):
            half = image[: image.shape[0] // 2 * 2, : image.shape[1] // 2 * 2]
            image = _resized(half, Size(half.shape[1] // 2, half.shape[0] // 2), cv2.INTER_AREA, None)
        if Size.of(self._buffer) != target:
            # A fresh buffer for every frame would cost a millisecond of page faults.
            self._buffer = np.empty((target.height, target.width, 3), np.uint8)
        return _resized(image, target, cv2.INTER_LINEAR, self._buffer)


def _resized(image: Image, size: Size, how: int, out: Image | None) -> Image:
    return np.asarray(cv2.resize(image, (size.width, size.height), dst=out, interpolation=how), np.uint8)
