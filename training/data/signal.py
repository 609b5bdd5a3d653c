"""What transport does to a finished picture: interlacing and compression. BGR uint8 in and out; boxes stay."""

from __future__ import annotations

import cv2
import numpy as np

from training.data.geometry import Image
from training.data.optics import in_pixels


def interlace(image: Image, rng: np.random.Generator, moved_px: float) -> Image:
    """Two fields, the second taken while the endoscope had moved on.

    Combed as it is shown, or doubled as an exact halving leaves it: two lines of one comb are averaged. Both fields
    move by half, to either side, so that boxes stay centred.
    """
    half = in_pixels(image, moved_px) / 2 * (1 if rng.random() < 0.5 else -1)
    down = half * float(rng.uniform(-0.2, 0.2))
    first, second = _moved(image, half, down), _moved(image, -half, -down)
    if rng.random() < 0.3:
        return np.asarray(cv2.addWeighted(first, 0.5, second, 0.5, 0), np.uint8)
    tooth = 2 if rng.random() < 0.3 else 1  # a small picture that was enlarged has thicker ones
    for line in range(tooth):
        first[tooth + line :: 2 * tooth] = second[tooth + line :: 2 * tooth]
    return first


def _moved(image: Image, x: float, y: float) -> Image:
    matrix = np.array([[1, 0, x], [0, 1, y]], np.float64)
    return np.asarray(cv2.warpAffine(image, matrix, image.shape[1::-1], borderMode=cv2.BORDER_REPLICATE), np.uint8)


def jpeg(image: Image, rng: np.random.Generator, quality: float) -> Image:
    """Compressed and decoded again, colour at half the resolution as encoders do."""
    _, data = cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, round(quality)))
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
