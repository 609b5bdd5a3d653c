"""What a processor makes of the sensor's picture: exposure, colours, curves. BGR uint8 in and out; boxes stay."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from training.data.geometry import Image
from training.data.optics import in_pixels, library

_LEVEL = np.arange(256, dtype=np.float64) / 255
_GAMMA = 2.2


def _look_up(image: Image, curves: npt.NDArray[np.float64]) -> Image:
    """Each channel through its curve; (256,) for all or (256, 3), 0..1."""
    table = np.asarray(np.clip(curves, 0, 1) * 255 + 0.5, np.uint8)
    return np.asarray(cv2.LUT(image, table if table.ndim == 1 else table[:, None, :]), np.uint8)


def exposure(image: Image, rng: np.random.Generator, stops: float) -> Image:
    """More or less light, in linear light; what becomes too bright runs into white softly."""
    light = _LEVEL**_GAMMA * 2.0**stops
    knee = np.where(light > 0.7, 0.7 + 0.3 * np.tanh((light - 0.7) / 0.3), light)
    return _look_up(image, knee ** (1 / _GAMMA))


def temperature(image: Image, rng: np.random.Generator, mired: float) -> Image:
    """The white of another lamp, along Planck's curve; by albumentations, in RGB."""
    pixels, _ = library()
    kelvin = round(1e6 / (1e6 / 6000 + mired))
    return _in_rgb(image, lambda rgb: pixels.planckian_jitter(rgb, kelvin, "blackbody"))


def saturation(image: Image, rng: np.random.Generator, shift: float) -> Image:
    """Stronger or paler colours, with a hue that strays by a few degrees; by albumentations, in RGB."""
    pixels, _ = library()
    hue = round(float(rng.uniform(-4, 4)))
    return _in_rgb(image, lambda rgb: pixels.shift_hsv(rgb, hue, round(shift), 0))


def _in_rgb(image: Image, work: Callable[[Image], Image]) -> Image:
    return np.asarray(
        cv2.cvtColor(work(np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)), cv2.COLOR_RGB2BGR), np.uint8
    )


def tone(image: Image, rng: np.random.Generator, amount: float) -> Image:
    """A processor's curve per channel: contrast (an S or its opposite), gamma, lifted blacks and a cast."""
    bend = amount * rng.uniform(-0.12, 0.2)
    gamma = 2.0 ** (amount * rng.uniform(-0.45, 0.45))
    black = amount * rng.uniform(0, 0.07)
    gains = 1.0 + amount * rng.uniform(-0.09, 0.09, 3)
    curve = _LEVEL**gamma
    curve = curve - bend * np.sin(2 * np.pi * curve) / 2
    return _look_up(image, (black + (1 - black) * curve)[:, None] * gains)


def narrow_band(image: Image, rng: np.random.Generator, amount: float) -> Image:
    """Colours as narrow-band light shows them: 415 nm on blue and green, 540 nm on red; red itself is gone.

    Mucosa turns grey to olive, vessels brown, bile red. What the two bands would see is taken from the blue and green
    channels, brightened to the picture's mean since white light holds little blue.
    """
    blue, green = image[..., 0].mean(), image[..., 1].mean()
    level = 0.8 * float(image.max(axis=2).mean())
    b = min(2.2, level / max(float(blue), 1.0))
    g = min(1.8, level / max(float(green), 1.0))
    mix = np.array(
        [[0.76 * b, 0.05 * g, 0.0], [0.62 * b, 0.36 * g, 0.0], [0.0, 0.95 * g, 0.0]]
    )  # rows: new B, G, R from old B, G, R
    mix = amount * mix + (1 - amount) * np.eye(3)
    return np.asarray(cv2.transform(image, mix * float(rng.uniform(0.75, 1.0))), np.uint8)


def sharpen(image: Image, rng: np.random.Generator, amount: float) -> Image:
    """Structure enhancement: detail is added to itself, edges get halos."""
    soft = cv2.GaussianBlur(image, (0, 0), max(0.3, in_pixels(image, float(rng.uniform(0.8, 2.0)))))
    return np.asarray(cv2.addWeighted(image, 1 + amount, soft, -amount, 0), np.uint8)
