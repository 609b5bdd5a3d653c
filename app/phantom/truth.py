"""What is true of a frame: boxes from the id buffer, and how much of each lesion can be seen.

``visibility`` is the share of the lesion's side that faces the camera, weighed as the camera sees it (solid angle),
that lies in the octagon and behind nothing. It is measured on points spread over the lesion's surface, against the
depth buffer. What a reader would not box is *marginal*; the limits are the constants below.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from app.phantom.camera import Lens, Pose
from app.phantom.lesions import Lesion
from app.phantom.noise import Plane
from app.phantom.optics import Effects, Image
from app.phantom.story import Shot
from app.phantom.trace import Scene
from detector.annotation import Mark

MIN_AREA = 0.0010
"""A clear lesion covers at least this share of the octagon: 20 x 25 pixels in a 720-line picture."""
MIN_SIDE_PX = 14.0
"""Its box is at least this wide and high, at 720 lines."""
MIN_VISIBILITY = 0.25
MAX_BLUR = 0.22
"""Defocus (one sigma) or half of the smear, as a share of the box's shorter side."""
MAX_WASH = 0.5
MAX_TOUCH, GONE_AT_TOUCH = 0.25, 0.75
"""How far the lens may lie on the wall: beyond the second value nothing of a lesion is left to be marked."""
MIN_LUMA = 26.0
"""Mean grey level of its pixels, 0 to 255."""
_HIDDEN_MM = 1.3
"""A surface point is hidden where the picture's depth is smaller by more than this."""


@dataclass(frozen=True, slots=True)
class Shell:
    """Points on a lesion's surface.

    Attributes:
        points: world positions ``(N, 3)``.
        normals: outward unit vectors ``(N, 3)``.
    """

    points: npt.NDArray[np.float64]
    normals: npt.NDArray[np.float64]

    @classmethod
    def of(cls, scene: Scene, lesion: Lesion) -> Shell:
        """The part of a lesion's surface that stands out of the wall."""
        points, normals = lesion.surface_points()
        s = np.full(len(points), lesion.s_mm, np.float32)
        free = scene.tube(points.T.astype(np.float32), s).safe > 0.15
        return cls(points[free], normals[free])


def marks(
    shells: dict[int, Shell],
    lens: Lens,
    shot: Shot,
    ids: npt.NDArray[np.int32],
    depth: Plane,
    image: Image,
) -> tuple[Mark, ...]:
    """The marks of one frame, by lesion id.

    Args:
        shells: by lesion id.
        lens: of the picture.
        shot: where the camera is, and what disturbs the picture.
        ids: the id buffer of the octagon's box as the picture shows it.
        depth: the depth buffer.
        image: the finished picture of the octagon's box.
    """
    pose, effects = shot.pose, shot.effects
    if effects.outside > 0.5 or effects.touch > GONE_AT_TOUCH:
        return ()
    found = []
    for lesion_id, count in zip(*np.unique(ids, return_counts=True), strict=True):
        if lesion_id == 0:
            continue
        mask = ids == lesion_id
        x1, y1, x2, y2 = bounds(mask)
        seen = visibility(shells[int(lesion_id)], lens, pose, int(lesion_id), ids, depth)
        luma = float((image[mask].mean(0, dtype=np.float64) * (0.114, 0.587, 0.299)).sum())
        clear = is_clear((x2 - x1, y2 - y1), int(count), seen, luma, lens, effects)
        box = (float(x1 + lens.left), float(y1 + lens.top), float(x2 + lens.left), float(y2 + lens.top))
        found.append(
            Mark(lesion=int(lesion_id), state="clear" if clear else "marginal", box=box, visibility=round(seen, 3))
        )
    return tuple(found)


def bounds(mask: npt.NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Half-open box around the True pixels: x1, y1, x2, y2."""
    columns, rows = np.flatnonzero(mask.any(0)), np.flatnonzero(mask.any(1))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def is_clear(sides: tuple[int, int], count: int, seen: float, luma: float, lens: Lens, effects: Effects) -> bool:
    """Whether a reader would box a lesion that looks like this."""
    scale = lens.frame[1] / 720
    shorter = min(sides)
    blur = max(effects.defocus_px, 0.5 * float(np.hypot(*effects.smear_px))) * scale
    return bool(
        count >= MIN_AREA * np.count_nonzero(lens.mask)
        and shorter >= MIN_SIDE_PX * scale
        and seen >= MIN_VISIBILITY
        and blur <= MAX_BLUR * shorter
        and effects.wash <= MAX_WASH
        and effects.touch <= MAX_TOUCH
        and luma >= MIN_LUMA
    )


def visibility(shell: Shell, lens: Lens, pose: Pose, lesion_id: int, ids: npt.NDArray[np.int32], depth: Plane) -> float:
    """Share of the lesion's camera side that is in the picture and not hidden, 0 to 1.

    Points that the lesion itself hides (behind its own head) belong to neither side of the fraction.
    """
    columns, rows, distance = lens.project(shell.points, pose)
    towards = (pose.position - shell.points) / distance[:, None]
    facing = (towards * shell.normals).sum(1)
    weight = np.maximum(facing - 0.05, 0) / distance**2
    column, row = np.floor(columns).astype(int), np.floor(rows).astype(int)
    inside = (column >= 0) & (column < lens.width) & (row >= 0) & (row < lens.height)
    column, row = np.where(inside, column, 0), np.where(inside, row, 0)
    inside &= lens.mask[row, column]
    covered = inside & (depth[row, column] < distance - _HIDDEN_MM)
    own = covered & (ids[row, column] == lesion_id)
    total = float(weight[~own].sum())
    return float(weight[inside & ~covered].sum()) / total if total > 0 else 0.0
