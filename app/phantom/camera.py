"""The endoscope's eye: where it is, how it bends rays, and the octagon it sees through."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from app.phantom.noise import Plane

Doubles = npt.NDArray[np.float64]

HALF_ANGLE = np.deg2rad(62.0)
"""Angle from the axis to the left border of the octagon: 140 degrees in the diagonal, as scopes have."""
BLOCK = 8
"""Rays are first cast for blocks of this many pixels; the octagon's box is a multiple of it."""
_CUT = 0.235
"""How much of the octagon's height a corner cuts off."""


@dataclass(frozen=True, slots=True)
class Pose:
    """A camera in the colon.

    Attributes:
        s_mm: its centreline position: where its rays begin to look up the wall.
        position: in world coordinates.
        axes: rows right, down, forward, in world coordinates.
    """

    s_mm: float
    position: Doubles
    axes: Doubles


@dataclass(frozen=True, slots=True)
class Lens:
    """The rays of every pixel, in camera coordinates; made by :func:`lens_for`.

    Attributes:
        left: first column of the octagon's box in the frame.
        top: its first row.
        width: its width, a multiple of BLOCK.
        height: likewise.
        mask: bool ``(height, width)``: inside the octagon.
        feather: float32, like ``mask`` with a soft edge.
        focal_px: pixels per radian.
        frame: width and height of the whole picture.
    """

    left: int
    top: int
    width: int
    height: int
    mask: npt.NDArray[np.bool_]
    feather: Plane
    focal_px: float
    frame: tuple[int, int]

    def rays(self, block: int) -> Plane:
        """Unit directions through the centres of ``block`` x ``block`` pixels: float32 ``(3, rows, columns)``."""
        return _rays(self.width, self.height, self.focal_px, block)

    def project(self, points: Doubles, pose: Pose) -> tuple[Doubles, Doubles, Doubles]:
        """Columns and rows in the octagon's box, and distances, of world points ``(N, 3)``."""
        offset = points - pose.position
        x, y, z = ((offset * axis).sum(1) for axis in pose.axes)
        side = np.hypot(x, y)
        scale = self.focal_px * np.arctan2(side, z) / np.maximum(side, 1e-9)
        return x * scale + self.width / 2, y * scale + self.height / 2, np.sqrt(side**2 + z**2)


@functools.lru_cache(maxsize=16)
def _rays(width: int, height: int, focal_px: float, block: int) -> Plane:
    x = (np.arange(width // block) + 0.5) * block - width / 2
    y = (np.arange(height // block) + 0.5) * block - height / 2
    xx, yy = np.meshgrid(x, y)
    r = np.hypot(xx, yy)
    angle = r / focal_px  # equidistant fisheye: what endoscopes come close to
    side = np.sin(angle) / np.maximum(r, 1e-9)
    return np.stack([xx * side, yy * side, np.cos(angle)]).astype(np.float32)


@functools.lru_cache(maxsize=4)
def lens_for(width: int, height: int) -> Lens:
    """The lens for frames of ``width`` x ``height``: an octagon in the middle, as high as the frame allows."""
    box_height = height // BLOCK * BLOCK - (BLOCK if height >= 40 * BLOCK else 0)
    box_width = min(width // BLOCK, round(box_height * 1.24 / BLOCK)) * BLOCK
    cut = _CUT * box_height
    x, y = box_width - 0.5, box_height - 0.5
    corners = np.array([[cut, 0], [x - cut, 0], [x, cut], [x, y - cut], [x - cut, y], [cut, y], [0, y - cut], [0, cut]])
    sharp = np.zeros((box_height, box_width), np.uint8)
    cv2.fillConvexPoly(sharp, np.round(corners * 16).astype(np.int32), 255, cv2.LINE_AA, 4)
    feather = sharp.astype(np.float32) / np.float32(255)
    return Lens(
        left=(width - box_width) // 2,
        top=(height - box_height) // 2,
        width=box_width,
        height=box_height,
        mask=sharp > 127,
        feather=feather,
        focal_px=box_width / 2 / HALF_ANGLE,
        frame=(width, height),
    )


def look(s_mm: float, position: Doubles, forward: Doubles, up: Doubles, roll: float) -> Pose:
    """A pose that looks along ``forward``, with ``up`` turned by ``roll`` (radians)."""
    forward = forward / np.linalg.norm(forward)
    right = np.cross(forward, up)
    right /= np.linalg.norm(right)
    down = np.cross(forward, right)
    turned = np.cos(roll) * right + np.sin(roll) * down
    return Pose(s_mm, position, np.stack([turned, np.cross(forward, turned), forward]))
