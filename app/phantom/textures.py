"""What the mucosa looks like close up: tileable textures in wall coordinates, drawn once per procedure.

Each is a pyramid of 8-bit images, so that far walls do not glitter; a bump is stored as its slope (128 = flat).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from app.phantom.noise import Plane, hash_unit, octaves, tile, warped

Bytes = npt.NDArray[np.uint8]
SLOPE_STEP = 1 / 64
"""Slope per grey level of a stored bump."""
_ROW = 512  # samples are taken in rows of this many: cv2.remap wants images, not lists


@dataclass(frozen=True, slots=True)
class Tile:
    """A texture that repeats every ``period_mm`` in both directions.

    Attributes:
        levels: uint8 ``(N, N, channels)``, each half as large as the one before.
        period_mm: side of the texture on the wall.
    """

    levels: tuple[Bytes, ...]
    period_mm: float

    @classmethod
    def of(cls, image: Bytes, period_mm: float, count: int = 6) -> Tile:
        """The texture with its pyramid of exact 2x2 averages."""
        levels = [image]
        for _ in range(count - 1):
            side = levels[-1].shape[0] // 2
            levels.append(np.asarray(cv2.resize(levels[-1], (side, side), interpolation=cv2.INTER_AREA), np.uint8))
        return cls(tuple(levels), period_mm)

    @property
    def texel_mm(self) -> float:
        """Side of a texel of the finest level."""
        return self.period_mm / len(self.levels[0])

    def sample(self, u_mm: Plane, v_mm: Plane, footprint_mm: Plane, dither: Plane) -> Bytes:
        """Values at wall positions, shape ``(N, channels)``.

        Args:
            u_mm: position along the colon.
            v_mm: position around it.
            footprint_mm: how much wall one pixel covers: decides the level.
            dither: numbers in [0, 1) that hide the step between two levels.
        """
        last = len(self.levels) - 1
        level = np.log2(np.maximum(footprint_mm, 1e-4) / np.float32(self.texel_mm)) + dither
        chosen = np.clip(level, 0, last).astype(np.int8)
        out = np.empty((len(u_mm), self.levels[0].shape[2]), np.uint8)
        scale = np.float32(1 / self.period_mm)
        u, v = u_mm * scale, v_mm * scale
        u -= np.floor(u)
        v -= np.floor(v)
        for k, image in enumerate(self.levels):
            hits = np.flatnonzero(chosen == k)
            if len(hits):
                side = np.float32(image.shape[0])
                out[hits] = lookup(image, u[hits] * side - np.float32(0.5), v[hits] * side - np.float32(0.5))
        return out


def lookup(image: npt.NDArray[Any], rows: Plane, columns: Plane) -> npt.NDArray[Any]:
    """``image`` at fractional rows and columns (flat arrays), bilinear, repeating; shape ``(N, channels)``."""
    count = len(rows)
    height = -(-count // _ROW)
    grid = np.zeros((2, height * _ROW), np.float32)
    grid[0, :count], grid[1, :count] = rows, columns
    maps = grid.reshape(2, height, _ROW)
    found = cv2.remap(image, maps[1], maps[0], cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    return np.asarray(found.reshape(height * _ROW, -1)[:count])


def slopes(height_mm: Plane, texel_mm: float) -> tuple[Plane, Plane]:
    """Slope of a periodic height image along rows and columns."""
    along = (np.roll(height_mm, -1, 0) - np.roll(height_mm, 1, 0)) / np.float32(2 * texel_mm)
    across = (np.roll(height_mm, -1, 1) - np.roll(height_mm, 1, 1)) / np.float32(2 * texel_mm)
    return along, across


def as_bytes(*planes: Plane) -> Bytes:
    """Planes with values 0 to 255 as one 8-bit image."""
    return np.asarray(np.clip(np.stack(planes, -1) + np.float32(0.5), 0, 255), np.uint8)


def slope_bytes(slope: Plane) -> Plane:
    """A slope as grey levels around 128."""
    return np.asarray(128 + slope / np.float32(SLOPE_STEP), np.float32)


def mucosa(seed: int, side: int = 1536, period_mm: float = 96.0) -> Tile:
    """The wall: channels vessels, mottling, slope along, slope around."""
    texel = period_mm / side
    size = (side, side)
    cells = round(period_mm / 7)
    vessels = warped(
        vessel_map(seed + 1, side),
        8 * octaves(seed + 2, (cells, cells), size, 3),
        8 * octaves(seed + 3, (cells, cells), size, 3),
    )
    mottling = octaves(seed + 4, (6, 6), size, 7, 0.8)
    bump = 0.17 * octaves(seed + 5, (30, 30), size, 2) + 0.024 * octaves(seed + 6, (96, 96), size, 2)
    along, across = slopes(bump, texel)
    return Tile.of(
        as_bytes(255 * np.clip(vessels, 0, 1), 128 + 110 * mottling, slope_bytes(along), slope_bytes(across)), period_mm
    )


def vessel_map(seed: int, side: int) -> Plane:
    """Branching vessels, 0 to 1, periodic: trees that grow from random roots and thin out as they fork."""
    canvas = np.zeros((side, side), np.uint8)
    twigs: list[tuple[float, float, float, float, int]] = []
    roots = 11
    for k in range(roots):
        x, y, angle, width = hash_unit(seed, k, np.arange(4)).tolist()
        thick = (2.2 + 3.6 * width * width) * side / 1536
        for way in (0, 1):  # a vessel has no blunt end: it comes from somewhere and goes on both ways
            twigs.append((x * side, y * side, (2 * angle + way) * np.pi, thick, 1000 + 2 * k + way))
    while twigs:
        x, y, angle, width, key = twigs.pop()
        draws = hash_unit(seed + 7, key, np.arange(40))
        length = int(5 + 9 * draws[0])
        points = [(x, y)]
        for j in range(length):
            angle += 0.24 * (draws[2 + j] - 0.5) * 2
            x, y = x + np.cos(angle) * side / 96, y + np.sin(angle) * side / 96
            points.append((x, y))
        _stroke(canvas, np.array(points), width)
        if width > 0.75 * side / 1536:
            spread = 0.28 + 0.40 * draws[30]
            twigs.append((x, y, angle + spread, width * (0.62 + 0.2 * draws[31]), key * 2 + 1))
            twigs.append((x, y, angle - spread, width * (0.62 + 0.2 * draws[32]), key * 2 + 2))
    return np.asarray(cv2.GaussianBlur(canvas, (0, 0), 0.8 * side / 1536), np.float32) / np.float32(255)


def _stroke(canvas: Bytes, points: npt.NDArray[np.float64], width: float) -> None:
    """Draw one twig, and again wherever it leaves through a border and comes back at the other side."""
    side = canvas.shape[0]
    shade = int(min(215, 66 + 46 * width * 1536 / side))
    low, high = np.floor(points.min(0) / side).astype(int), np.floor(points.max(0) / side).astype(int)
    for i in range(low[0], high[0] + 1):
        for j in range(low[1], high[1] + 1):
            moved = np.round((points - np.array([i, j]) * side) * 16).astype(np.int32)
            layer = [moved.reshape(-1, 1, 2)]
            cv2.polylines(canvas, layer, False, shade, max(1, round(width)), cv2.LINE_AA, 4)


def pits(seed: int, side: int = 512, period_mm: float = 24.0) -> Tile:
    """The surface of a lesion: channels gyri (crests bright), mottling, slope along, slope around."""
    size = (side, side)
    texel = period_mm / side
    ridged = 1 - 2.2 * np.abs(tile(seed + 1, (26, 26), size) + 0.5 * tile(seed + 2, (52, 52), size))
    crests = warped(ridged.astype(np.float32), 9 * tile(seed + 3, (9, 9), size), 9 * tile(seed + 4, (9, 9), size))
    mottling = octaves(seed + 5, (8, 8), size, 4, 0.6)
    bump = 0.05 * crests + 0.10 * octaves(seed + 6, (10, 10), size, 2)
    along, across = slopes(np.asarray(bump, np.float32), texel)
    return Tile.of(
        as_bytes(128 + 90 * crests, 128 + 110 * mottling, slope_bytes(along), slope_bytes(across)), period_mm, 5
    )


def bubbles(seed: int, side: int = 512, period_mm: float = 32.0) -> Tile:
    """Foam: channels cover, rim, slope along, slope around. Small bubbles first, so that large ones lie on top."""
    height = np.zeros((side, side), np.float32)
    cover, rim = np.zeros_like(height), np.zeros_like(height)
    count = 420
    draws = hash_unit(seed, np.arange(count)[:, None], np.arange(3)[None, :])
    radii = np.sort(side / period_mm * (0.3 + 1.9 * draws[:, 2] ** 4))
    for (u, v, _), radius in zip(draws, radii, strict=True):
        reach = int(radius) + 2
        rows = np.arange(int(v * side) - reach, int(v * side) + reach) % side
        columns = np.arange(int(u * side) - reach, int(u * side) + reach) % side
        dy = (np.arange(len(rows)) - reach + int(v * side) - v * side)[:, None] / radius
        dx = (np.arange(len(columns)) - reach + int(u * side) - u * side)[None, :] / radius
        r = np.sqrt(dx * dx + dy * dy)
        inside = r < 1
        window = np.ix_(rows, columns)
        dome = np.sqrt(np.maximum(0, 1 - r * r)) * radius * period_mm / side
        height[window] = np.where(inside, dome, height[window])
        cover[window] = np.where(inside, 1, cover[window])
        rim[window] = np.where(inside, np.clip((r - 0.72) / 0.28, 0, 1), rim[window])
    along, across = slopes(height, period_mm / side)
    limit = np.float32(1.9)
    return Tile.of(
        as_bytes(
            255 * cover,
            255 * rim,
            slope_bytes(np.clip(along, -limit, limit)),
            slope_bytes(np.clip(across, -limit, limit)),
        ),
        period_mm,
        5,
    )
