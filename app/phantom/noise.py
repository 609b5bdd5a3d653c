"""Tileable noise from integer hashes. Everything here repeats without a seam and is the same on every machine.

No generator state is involved: the value of a lattice point is a hash of (seed, row, column), so a texture can be
computed in any order and in any process.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Plane = npt.NDArray[np.float32]


def hash_unit(seed: int, *keys: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Uniform numbers in [0, 1) that depend on ``seed`` and on integer arrays ``keys`` (broadcast) alone.

    The mixer is the finaliser of MurmurHash3, applied once per key: every input bit flips half of the output.
    """
    state = _mixed(np.asarray(seed & 0xFFFFFFFF, np.uint32))
    for key in keys:
        state = _mixed(state ^ (np.asarray(key).astype(np.int64) & 0xFFFFFFFF).astype(np.uint32))
    return state / np.float64(2**32)


def _mixed(value: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    with np.errstate(over="ignore"):  # wrapping around is what a hash does
        value = value + np.uint32(0x9E3779B9)
        value = (value ^ (value >> np.uint32(16))) * np.uint32(0x85EBCA6B)
        value = (value ^ (value >> np.uint32(13))) * np.uint32(0xC2B2AE35)
        return np.asarray(value ^ (value >> np.uint32(16)))


def lattice(seed: int, rows: int, columns: int) -> Plane:
    """White noise in [-1, 1], shape ``(rows, columns)``."""
    values = hash_unit(seed, np.arange(rows)[:, None], np.arange(columns)[None, :])
    return (2 * values - 1).astype(np.float32)


def tile(seed: int, cells: tuple[int, int], size: tuple[int, int]) -> Plane:
    """Smooth noise in about [-1, 1] that repeats at its borders.

    Args:
        seed: which noise.
        cells: lattice cells (rows, columns): how fine it is.
        size: rows and columns of the result.
    """
    pad = 3  # the cubic kernel looks two cells away
    wrapped = np.pad(lattice(seed, *cells), pad, mode="wrap")
    row_step, column_step = size[0] / cells[0], size[1] / cells[1]
    rows = (np.arange(size[0], dtype=np.float64) + 0.5) / row_step - 0.5 + pad
    columns = (np.arange(size[1], dtype=np.float64) + 0.5) / column_step - 0.5 + pad
    return _cubic(_cubic(wrapped, rows).T, columns).T.copy()


def _cubic(values: Plane, at: npt.NDArray[np.float64]) -> Plane:
    """Rows of ``values`` interpolated at fractional row numbers by Catmull-Rom splines."""
    base = np.floor(at).astype(np.intp)
    f = (at - base).astype(np.float32)[:, None]
    a, b, c, d = (values[base + k] for k in (-1, 0, 1, 2))
    return np.asarray(b + 0.5 * f * (c - a + f * (2 * a - 5 * b + 4 * c - d + f * (3 * (b - c) + d - a))), np.float32)


def octaves(seed: int, cells: tuple[int, int], size: tuple[int, int], count: int, gain: float = 0.5) -> Plane:
    """Fractal noise: ``count`` octaves, each twice as fine and ``gain`` times as strong; about [-1, 1], periodic."""
    total = np.zeros(size, np.float32)
    strength, norm = 1.0, 0.0
    for k in range(count):
        fine = (min(cells[0] << k, size[0]), min(cells[1] << k, size[1]))
        total += np.float32(strength) * tile(seed * 31 + k, fine, size)
        norm += strength
        strength *= gain
    return total / np.float32(norm)


def turned(matrix: npt.NDArray[np.floating[Any]], vectors: Plane) -> Plane:
    """``matrix`` (3 x 3) times ``vectors`` ``(3, ...)``, term by term.

    Not ``@``: the libraries behind it split and fuse sums differently from call to call, and frames would differ in
    their last bits.
    """
    m = matrix.astype(np.float32)
    return np.stack([m[k, 0] * vectors[0] + m[k, 1] * vectors[1] + m[k, 2] * vectors[2] for k in range(3)])


def warped(image: npt.NDArray[np.float32], rows: Plane, columns: Plane) -> npt.NDArray[np.float32]:
    """``image`` sampled at positions moved by ``rows`` and ``columns`` pixels, with wrap-around."""
    y, x = np.mgrid[: image.shape[0], : image.shape[1]].astype(np.float32)
    moved = cv2.remap(image, x + columns, y + rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    return np.asarray(moved, np.float32)


def curve(seed: int, at: npt.ArrayLike, period: float) -> npt.NDArray[np.float64]:
    """Smooth noise over time in about [-1, 1]: one random value every ``period``, cubic in between."""
    position = np.asarray(at, np.float64) / period
    base = np.floor(position).astype(np.int64)
    f = position - base
    a, b, c, d = (2 * hash_unit(seed, base + k) - 1 for k in (-1, 0, 1, 2))
    return np.asarray(b + 0.5 * f * (c - a + f * (2 * a - 5 * b + 4 * c - d + f * (3 * (b - c) + d - a))))


def smoothstep(low: float, high: float, value: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """0 below ``low``, 1 above ``high``, smooth in between."""
    x = np.clip((np.asarray(value, np.float64) - low) / (high - low), 0, 1)
    return np.asarray(x * x * (3 - 2 * x))
