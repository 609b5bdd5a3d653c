"""Zoom and place of the picture on a canvas, and the part of it that is seen, scaled. No Qt.

All is in device pixels. Zoom 1 shows the whole picture; boxes keep to the transform that is given here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from app.gui.layout import Area, PictureTransform
from detector.geometry import Size

Image = npt.NDArray[np.uint8]

CLOSEST = 16.0
_STEP = 1.25
_BORDER = 10  # so that handles at the picture's edge can be seen and touched
_PIXELS_FROM = 4.0  # from this magnification on each pixel is seen as the square that it is


@dataclass(frozen=True, slots=True)
class Viewport:
    """What of a picture is looked at.

    Attributes:
        zoom: 1: the whole picture, 2: twice as close.
        x: of the point in the canvas' middle, as a share of the picture's width.
        y: likewise of its height.
    """

    zoom: float = 1.0
    x: float = 0.5
    y: float = 0.5

    def transform(self, source: Size, canvas: Size) -> PictureTransform:
        """Where the whole picture lies; beyond the canvas where it is looked at closely."""
        whole = PictureTransform.fit(source, canvas, _BORDER).target
        width, height = max(1, round(whole.width * self.zoom)), max(1, round(whole.height * self.zoom))
        x, y = _kept(self.x, width, canvas.width), _kept(self.y, height, canvas.height)
        left, top = round(canvas.width / 2 - x * width), round(canvas.height / 2 - y * height)
        return PictureTransform(source, Area(left, top, width, height))

    def closer(self, steps: float, at: tuple[float, float] | None, source: Size, canvas: Size) -> Viewport:
        """Closer by so many steps (negative: further away); the point of the canvas that is named stays where it is."""
        zoom = min(max(self.zoom * _STEP**steps, 1.0), CLOSEST)
        if zoom == 1.0:
            return Viewport()
        at = at or (canvas.width / 2, canvas.height / 2)
        fixed = self.transform(source, canvas).to_source(*at)
        whole = PictureTransform.fit(source, canvas, _BORDER).target
        width, height = whole.width * zoom, whole.height * zoom
        x = fixed[0] / source.width + (canvas.width / 2 - at[0]) / width
        y = fixed[1] / source.height + (canvas.height / 2 - at[1]) / height
        return Viewport(zoom, _kept(x, width, canvas.width), _kept(y, height, canvas.height))

    def moved(self, dx: float, dy: float, source: Size, canvas: Size) -> Viewport:
        """The picture moved by pixels of the canvas, no further than it reaches."""
        target = self.transform(source, canvas).target
        x = _kept(self.x - dx / target.width, target.width, canvas.width)
        y = _kept(self.y - dy / target.height, target.height, canvas.height)
        return Viewport(self.zoom, x, y)


def _kept(share: float, picture: float, canvas: float) -> float:
    """The middle's share, so that no more of the canvas stays empty than has to."""
    half = (canvas - 2 * _BORDER) / 2 / picture
    return 0.5 if half >= 0.5 else min(max(share, half), 1 - half)


@dataclass(frozen=True, slots=True)
class Seen:
    """The part of the picture that is on the canvas.

    Attributes:
        image: (h, w, 3) BGR uint8, contiguous, in canvas pixels.
        x: where its left edge lies on the canvas.
        y: where its upper edge lies.
    """

    image: Image
    x: int
    y: int


class PartScaler:
    """Cuts out what is seen and scales it; keeps the last one between paints. For one thread."""

    def __init__(self) -> None:
        self._asked: tuple[int, Area, Size] | None = None
        self._image: Image | None = None  # kept, so that its id stays its own
        self._seen: Seen | None = None

    def seen(self, image: Image, transform: PictureTransform, canvas: Size) -> Seen | None:
        """What of an image (H, W, 3) BGR lies on the canvas; None if nothing does."""
        asked = (id(image), transform.target, canvas)
        if asked != self._asked or self._image is not image:
            self._asked, self._image, self._seen = asked, image, _cut(image, transform, canvas)
        return self._seen


def _cut(image: Image, transform: PictureTransform, canvas: Size) -> Seen | None:
    size = Size.of(image)
    left, top = transform.to_source(0, 0)
    right, bottom = transform.to_source(*canvas)
    # Whole pixels of the source, so that what is seen lies where the transform says.
    x1, y1 = max(0, math.floor(left)), max(0, math.floor(top))
    x2, y2 = min(size.width, math.ceil(right)), min(size.height, math.ceil(bottom))
    if x2 <= x1 or y2 <= y1:
        return None
    at, end = transform.to_canvas(x1, y1), transform.to_canvas(x2, y2)
    x, y = round(at[0]), round(at[1])
    target = Size(max(1, round(end[0]) - x), max(1, round(end[1]) - y))
    return Seen(_scaled(image[y1:y2, x1:x2], target, transform.scale[0]), x, y)


def _scaled(part: Image, target: Size, scale: float) -> Image:
    while part.shape[1] >= 2 * target.width and part.shape[0] >= 2 * target.height:
        half = (part.shape[1] // 2, part.shape[0] // 2)
        part = np.asarray(cv2.resize(part[: half[1] * 2, : half[0] * 2], half, interpolation=cv2.INTER_AREA), np.uint8)
    if Size.of(part) == target:
        return np.ascontiguousarray(part)
    how = cv2.INTER_NEAREST if scale >= _PIXELS_FROM else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(part, (target.width, target.height), interpolation=how), np.uint8)
