"""Draws small test clips: a colon that looks roughly right, and a frame index that survives H.264.

Everything is a pure function of time, so that the same call gives the same pixels on every machine. Run as
``python -m tests.clips assets/demo.mp4`` it writes the bundled demo, without painted indices.

The colon is painted from far to near as a row of folds: each is a sheet with a rounded triangular opening, lit from the
camera. Some carry a sessile polyp: a shaded dome with a contact shadow and wet highlights.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
Plane = npt.NDArray[np.float32]

RATE = Fraction(25)
SMALL = (320, 240)  # width, height of clips for tests
_BITS = 16
_MUCOSA = np.array([112, 146, 232], np.float32)  # BGR of a well lit wall
_POLYP = np.array([110, 128, 240], np.float32)  # redder than the wall around it
_SPACING = 0.62  # distance between folds, in colon radii
_SPEED = 0.42  # colon radii per second


def colon(time_s: float, size: tuple[int, int] = SMALL) -> Image:
    """The picture at ``time_s``: BGR uint8 of ``size`` (width, height)."""
    width, height = size
    sway = 0.16 * np.array([np.sin(0.9 * time_s), 0.7 * np.cos(0.7 * time_s)]) + 0.01 * np.sin(11 * time_s)
    x = (np.arange(width, dtype=np.float32) - width / 2) / (height / 2) - np.float32(sway[0])
    y = (np.arange(height, dtype=np.float32) - height / 2) / (height / 2) - np.float32(sway[1])
    x, y = np.meshgrid(x, y)
    radius, angle = cv2.cartToPolar(x, y)
    travelled = _SPEED * time_s / _SPACING
    picture = np.full((height, width, 3), (12, 14, 22), np.float32)
    first = int(np.floor(travelled))
    for fold in range(first + 7, first, -1):
        depth = (fold - travelled) * _SPACING + 0.12
        picture = _paint_fold(picture, fold, depth, (x, y, radius, angle))
    corner = (np.abs(x + sway[0]) / (width / height) + np.abs(y + sway[1])) > 1.62
    picture[corner] = 8
    return np.clip(picture, 0, 255).astype(np.uint8)


def _paint_fold(picture: Plane, fold: int, depth: float, grid: tuple[Plane, Plane, Plane, Plane]) -> Plane:
    """Lay one fold over ``picture``: everything outside its opening, and the polyp that it may carry."""
    x, y, radius, angle = grid
    rng = np.random.default_rng(fold)
    turn, bend = rng.uniform(0, 2 * np.pi), rng.uniform(0.06, 0.16)
    opening = (0.62 / depth) * (1 + bend * np.cos(3 * angle + turn) + 0.05 * np.cos(2 * angle - turn))
    s = radius / opening  # 1 on the rim of the fold, growing towards the wall
    light = np.float32(1.15 / (0.72 + 0.75 * depth) ** 1.6)
    rim = np.exp(-(((s - 1.13) / 0.1) ** 2))
    wall = 0.42 + 0.3 * np.exp(-(((s - 1.75) / 0.45) ** 2))
    turns = angle * np.float32(512 / (2 * np.pi))
    mottle, fine = _sample(turns, s * 150 + 97 * fold), _sample(turns * 2, s * 420 + 31 * fold)
    shade = light * (wall + 0.5 * rim) * (1 + 0.22 * mottle + 0.1 * fine)
    colour = _tint(_MUCOSA, shade)
    wet = np.clip((fine + 0.55 * mottle + 1.2 * rim - 2.35) * 2.2, 0, 1) * min(1.0, float(light) * 1.3)
    colour += wet[..., None] * 190
    cover = np.clip((s - 1) * opening * (picture.shape[0] / 4), 0, 1)[..., None]
    # A fold throws a soft shadow on what lies behind its opening.
    behind = picture * (1 - 0.45 * np.exp(-np.maximum(1 - s, 0) / 0.16))[..., None]
    out = behind * (1 - cover) + colour * cover
    if fold % 4 == 2:
        where, extent = rng.uniform(-0.7, 0.7) + np.pi * (fold % 8 == 6), rng.uniform(0.15, 0.21)
        _paint_polyp(out, fold, light, (x * depth - 0.93 * np.cos(where)) / extent,
                     (y * depth - 0.80 * np.sin(where)) / extent)
    return out


def _paint_polyp(picture: Plane, fold: int, light: np.float32, u: Plane, v: Plane) -> None:
    """Draw a dome into ``picture``; ``u, v`` are coordinates in which it is the (slightly lobed) unit disc."""
    around = np.arctan2(v, u)
    rho = np.hypot(u, v * 1.12) / (1 + 0.06 * np.cos(3 * around + fold) + 0.04 * np.cos(5 * around))
    near = rho < 1.6
    r, u, v = rho[near], u[near], v[near]
    height = np.sqrt(np.clip(1 - r**2, 0, 1))
    lit = np.clip(0.30 + 0.75 * height - 0.22 * u - 0.25 * v, 0, 1.3)
    grain = _sample(u * 90, v * 90)
    dome = _tint(_POLYP, light * lit * (1.12 + 0.09 * grain))
    for at_u, at_v, width in ((-0.30, -0.34, 0.13), (-0.08, -0.48, 0.07), (0.22, -0.12, 0.05), (-0.42, -0.02, 0.05)):
        spot = np.exp(-(((u - at_u) / width) ** 2 + ((v - at_v) / (0.7 * width)) ** 2) ** 2)
        dome += (spot * 200 * min(1.0, float(light) * 1.4))[:, None]
    cover = np.clip((1 - r) * 14, 0, 1)[:, None]
    shadow = (1 - 0.38 * np.exp(-(((r - 1) / 0.22) ** 2)))[:, None]
    picture[near] = picture[near] * shadow * (1 - cover) + dome * cover


def _tint(base: Plane, shade: Plane) -> Plane:
    """Light on mucosa: what is darker is also redder, as blood swallows green and blue."""
    return base * np.maximum(shade, 0)[..., None] ** np.array([1.22, 1.12, 0.8], np.float32)


def _sample(column: Plane, row: Plane) -> Plane:
    """The noise at these places; it goes on for ever."""
    return _noise()[row.astype(np.int32) & 511, column.astype(np.int32) & 511]


@functools.cache
def _noise() -> Plane:
    """Smooth noise of about unit variance, 512 x 512, without a seam."""
    rng = np.random.default_rng(7)
    total = np.zeros((512, 512), np.float32)
    for sigma, weight in ((3, 0.5), (8, 0.7), (24, 0.8)):
        octave = cv2.GaussianBlur(np.tile(rng.standard_normal((512, 512)).astype(np.float32), (3, 3)), (0, 0), sigma)
        total += weight * (octave / octave.std())[512:1024, 512:1024]
    return total
