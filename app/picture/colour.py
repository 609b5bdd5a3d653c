"""Pictures that were decoded with the wrong colour matrix or range, put right.

A capture card gives luma and colour differences; who turns them into BGR has to know the matrix and the range, and
drivers guess. OpenCV takes BT.601 in limited range for every camera, an HD processor sends BT.709: reds become orange.
The guess is undone and the right one applied in a single affine step. What the wrong step clipped (about 1 % of the
range at either end for a wrong matrix, more for a wrong range) cannot be brought back: where the driver can be told,
tell the driver.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
Doubles = npt.NDArray[np.float64]


class Matrix(enum.Enum):
    """How luma is made of the colours: weights of red and blue (ITU-R BT.601-7 and BT.709-6)."""

    BT601 = (0.299, 0.114)
    BT709 = (0.2126, 0.0722)


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a picture's numbers are to be read.

    Attributes:
        matrix: of luma and colour differences.
        full_range: 0 to 255; else luma 16 to 235 and colour differences 16 to 240.
    """

    matrix: Matrix = Matrix.BT601
    full_range: bool = False


@dataclass(frozen=True, slots=True)
class ColourFix:
    """What was taken for what.

    Attributes:
        decoded_as: what the decoder or driver took the picture for.
        really: what it is.
    """

    decoded_as: Encoding
    really: Encoding

    def apply(self, image: Image) -> Image:
        """``image`` (BGR uint8) as it would be had it been decoded rightly; a new array, unless both are the same."""
        if self.decoded_as == self.really:
            return image
        return np.asarray(cv2.transform(image, _step(self)), np.uint8)


@cache
def _step(fix: ColourFix) -> Doubles:
    """The 3x4 matrix from wrongly to rightly decoded BGR."""
    wrong, offset = _to_bgr(fix.decoded_as)
    right, right_offset = _to_bgr(fix.really)
    both = right @ np.linalg.inv(wrong)
    return np.column_stack([both, right_offset - both @ offset])


def _to_bgr(encoding: Encoding) -> tuple[Doubles, Doubles]:
    """Matrix and offset from (luma, blue difference, red difference), as stored, to BGR of 0 to 255."""
    k_red, k_blue = encoding.matrix.value
    k_green = 1 - k_red - k_blue
    blue, red = 2 - 2 * k_blue, 2 - 2 * k_red
    colours = np.array([[1, blue, 0], [1, -blue * k_blue / k_green, -red * k_red / k_green], [1, 0, red]])
    black, spread, chroma = (0.0, 255.0, 255.0) if encoding.full_range else (16.0, 219.0, 224.0)
    scaled = colours * np.array([255 / spread, 255 / chroma, 255 / chroma])
    return scaled, -scaled @ np.array([black, 128.0, 128.0])
