"""The picture in screen size: OpenCV's scaling, which lets other threads run, unlike a scaling ``QPainter``. No Qt.

Plain bilinear, with exact 2x2 averages first where the picture is more than halved; untouched when the sizes agree.
Two screens of one size show one scaled picture: the scalers of a thread lend each other what they have.
"""

from __future__ import annotations

import threading
import weakref

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
        self._in_thread = 0

    def scale(self, frame: Frame, target: Size) -> Image:
        """The frame as contiguous BGR of size ``target``; valid until a scaler of this thread is called again."""
        if (kept := self._kept(frame.image, target)) is not None:
            return kept
        for other in self._others():
            if (lent := other._kept(frame.image, target)) is not None:
                return lent
        self._image, self._scaled = frame.image, self._scale(frame.image, target)
        return self._scaled

    def _kept(self, image: Image, target: Size) -> Image | None:
        fits = self._scaled is not None and self._image is image and Size.of(self._scaled) == target
        return self._scaled if fits else None

    def _others(self) -> tuple[Scaler, ...]:
        """The other scalers of this thread; those of another one may be writing right now."""
        if self._in_thread != threading.get_ident():
            self._in_thread = threading.get_ident()
            _here.scalers = (*_alive(), weakref.ref(self))
        return tuple(scaler for ref in _here.scalers if (scaler := ref()) is not None and scaler is not self)

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


class _Here(threading.local):
    """The scalers that this thread has used."""

    scalers: tuple[weakref.ref[Scaler], ...] = ()


_here = _Here()


def _alive() -> tuple[weakref.ref[Scaler], ...]:
    return tuple(ref for ref in _here.scalers if ref() is not None)


def _resized(image: Image, size: Size, how: int, out: Image | None) -> Image:
    return np.asarray(cv2.resize(image, (size.width, size.height), dst=out, interpolation=how), np.uint8)
