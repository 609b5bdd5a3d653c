"""A picture at a glance: the few numbers from which its quality and its light are judged, in under a millisecond.

All of them are taken from a reduced picture of at most 208 pixels, made by the same steps whatever the size of the
frame, so that limits found on stills of 608 pixels hold for 1080p. Black borders do not count.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]

GLANCE_PX = 208
"""Longest side of the picture that is measured: fine texture is gone, folds and vessels are there."""

# Darker than this in every channel is border (processors paint theirs up to 24) or a lumen that says nothing.
_BORDER = 32
# The seam between picture and border is no texture.
_SEAM_PX = 9
_LEAST_PIXELS = 500
_GLARE = 235
# Mucosa under white light: red over green, green about as much as blue or more. Room, drapes and dye are not.
_RED_OVER_GREEN, _GREEN_OVER_BLUE = 1.05, 0.85
# Indigo carmine and methylene blue: blue well over red.
_BLUE_OVER_RED = 1.15


@dataclass(frozen=True, slots=True)
class Glance:
    """What is measured of one picture, over what is not border.

    Attributes:
        picture_share: share of the frame that is not border, 0 to 1.
        detail: 90th percentile of the absolute Laplacian over the mean luma: fine structure
            for the light there is.
        level: 75th percentile of the brightest channel, 0 to 255.
        glare: share of pixels with luma 235 or more.
        mucosa: share of pixels that are coloured like mucosa in white light.
        dyed: share of pixels that are clearly blue.
        red_to_green: median of the ratio.
        green_to_blue: median of the ratio.
    """

    picture_share: float
    detail: float
    level: float
    glare: float
    mucosa: float
    dyed: float
    red_to_green: float
    green_to_blue: float


def glance(image: Image) -> Glance:
    """Measure a picture, BGR uint8 ``(H, W, 3)`` of any size."""
    small = reduced(image)
    brightest = small.max(axis=2)
    lit = (brightest > _BORDER).astype(np.uint8)
    share = float(lit.mean())
    inner = cv2.erode(lit, np.ones((_SEAM_PX, _SEAM_PX), np.uint8)) > 0
    if np.count_nonzero(inner) < _LEAST_PIXELS:
        inner = np.ones_like(inner)
    luma = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)
    grey = luma[inner]
    texture = np.abs(cv2.Laplacian(luma, cv2.CV_16S)[inner])
    blue, green, red = (small[..., channel][inner].astype(np.float32) for channel in range(3))
    mucosa = (red > _RED_OVER_GREEN * green) & (green >= _GREEN_OVER_BLUE * blue)
    return Glance(
        picture_share=share,
        detail=_percentile(texture, 90) / max(1.0, float(grey.mean())),
        level=_percentile(brightest[inner], 75),
        glare=float(np.count_nonzero(grey >= _GLARE)) / grey.size,
        mucosa=float(np.count_nonzero(mucosa)) / grey.size,
        dyed=float(np.count_nonzero(blue > _BLUE_OVER_RED * red)) / grey.size,
        red_to_green=_percentile(100 * red / (green + 1), 50) / 100,
        green_to_blue=_percentile(100 * green / (blue + 1), 50) / 100,
    )


def reduced(image: Image) -> Image:
    """The picture at 208 pixels at most, ``(h, w, 3)``; a smaller one as it is.

    Exact halves first (fast, and the same filter for every size), then the rest by area.
    """
    while max(image.shape[:2]) >= 2 * GLANCE_PX:
        height, width = image.shape[0] // 2, image.shape[1] // 2
        image = np.asarray(cv2.resize(image[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA))
    scale = GLANCE_PX / max(image.shape[:2])
    if scale >= 1:
        return image
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _percentile(values: npt.NDArray[np.number], percent: float) -> float:
    """Interpolated within its step: small whole numbers would otherwise jump from one to the next."""
    whole = np.minimum(values.astype(np.int64), 1023)
    counts = np.bincount(whole)
    wanted = percent / 100 * whole.size
    below = np.cumsum(counts)
    at = int(np.searchsorted(below, wanted))
    return at - 0.5 + float(wanted - (below[at] - counts[at])) / float(counts[at])
