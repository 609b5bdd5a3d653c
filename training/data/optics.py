"""What lens, light and sensor do to a picture. BGR uint8 in and out, no geometry: boxes stay.

Every effect takes the image, a generator of its own and its strength in the unit of the table. Those that
albumentations makes call its functions with values of ours, so that nothing but our generator is drawn from.
"""

from __future__ import annotations

import os
import random
from types import ModuleType

import cv2
import numpy as np

from detector.errors import UsageError
from training.data.geometry import Image

_USUAL_SIDE = 416
"""Strengths in pixels are meant for a picture whose longer side is this: they shrink with the picture."""


def library() -> tuple[ModuleType, ModuleType]:
    """Albumentations' functions for pixels and for blur; release 2.0.8 is pinned, so that they stay as they are.

    Raises:
        UsageError: it cannot be imported.
    """
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # it would ask a server for its version
    try:
        from albumentations.augmentations.blur import functional as blurs
        from albumentations.augmentations.pixel import functional as pixels
    except ImportError as error:
        raise UsageError(
            f"Augmentation 'full' needs albumentations, which cannot be imported ({error}).",
            "Install it with pip install 'polypwatch[train]', or train with augment: plain.",
        ) from error
    return pixels, blurs


def in_pixels(image: Image, amount: float) -> float:
    """A length that is meant at 416 pixels, for this image."""
    return amount * max(image.shape[:2]) / _USUAL_SIDE


def highlights(image: Image, rng: np.random.Generator, spots: float) -> Image:
    """Specular spots: small white blobs with a soft edge, on tissue that faces the lamp."""
    height, width = image.shape[:2]
    light = np.zeros((height, width), np.uint8)
    candidates = np.column_stack((rng.integers(0, width, (80, 1)), rng.integers(0, height, (80, 1))))
    grey = image[candidates[:, 1], candidates[:, 0]].max(axis=1)
    lit = candidates[np.argsort(-grey.astype(int), kind="stable")[:40]]
    for x, y in lit[rng.permutation(len(lit))[: round(spots)]].tolist():
        # A facet glitters in a few spots that lie together along a fold.
        angle = float(rng.uniform(0, 180))
        for _ in range(int(rng.integers(1, 4))):
            step = rng.normal(0, 0.015 * height, 2)
            length = float(np.clip(rng.exponential(0.007 * height), 1.0, 0.022 * height))
            axes = (round(length), max(1, round(length * float(rng.uniform(0.25, 0.8)))))
            at = (round(x + float(step[0])), round(y + float(step[1])))
            cv2.ellipse(light, at, axes, angle, 0, 360, int(rng.integers(205, 256)), -1)
    light = np.asarray(cv2.GaussianBlur(light, (0, 0), max(0.4, in_pixels(image, 0.7))), np.uint8)
    return np.asarray(cv2.max(image, cv2.cvtColor(light, cv2.COLOR_GRAY2BGR)), np.uint8)


def defocus(image: Image, rng: np.random.Generator, radius_px: float) -> Image:
    """A disc of confusion; by albumentations."""
    _, blurs = library()
    return np.asarray(blurs.defocus(image, max(1, round(in_pixels(image, radius_px))), float(rng.uniform(0.1, 0.4))))


def blur(image: Image, rng: np.random.Generator, sigma_px: float) -> Image:
    """A soft picture."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), max(0.2, in_pixels(image, sigma_px))), np.uint8)


def motion(image: Image, rng: np.random.Generator, length_px: float) -> Image:
    """Smeared along a line, to both sides alike, so that boxes stay centred; by albumentations."""
    _, blurs = library()
    length = 2 * round(in_pixels(image, length_px) / 2) + 1
    kernel = blurs.create_motion_kernel(max(3, length), float(rng.uniform(0, 180)), 0.0, False, random.Random(0))
    return np.asarray(blurs.convolve(image, kernel / kernel.sum()), np.uint8)


def vignette(image: Image, rng: np.random.Generator, loss: float) -> Image:
    """Darker away from a centre that is somewhere in the middle."""
    height, width = image.shape[:2]
    x, y = (np.linspace(-1, 1, n, dtype=np.float32) - rng.uniform(-0.4, 0.4) for n in (width, height))
    fall = np.add.outer(y * y, x * x)
    shade = np.asarray(255 * (1.0 - loss * np.clip(fall / 2.0, 0, 1)), np.uint8)
    return np.asarray(cv2.multiply(image, cv2.cvtColor(shade, cv2.COLOR_GRAY2BGR), scale=1 / 255), np.uint8)


def noise(image: Image, rng: np.random.Generator, deviation: float) -> Image:
    """Fine grain in brightness and coarse blobs in colour, more of both in the dark."""
    height, width = image.shape[:2]
    grain = rng.standard_normal((height, width), np.float32) * np.float32(deviation)
    blobs = rng.standard_normal((height // 4 + 1, width // 4 + 1, 3), np.float32) * np.float32(0.7 * deviation)
    colour = cv2.resize(blobs, (width, height), interpolation=cv2.INTER_LINEAR)
    weight = np.float32(1.3) - cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) * np.float32(1 / 255)
    return np.asarray(cv2.add(image, (colour + grain[..., None]) * weight[..., None], dtype=cv2.CV_8U), np.uint8)
