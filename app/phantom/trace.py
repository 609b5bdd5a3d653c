"""From rays to wall: sphere tracing, coarse to fine.

Rays of 8x8 pixel blocks are marched first; finer levels start from their neighbours' depths. Where the inverse depth is
smooth (a wall seen at any slant) two secant steps are enough; only around edges rays are marched again.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from app.phantom.anatomy import BEFORE_MM, COLUMNS, STEP_MM, Colon
from app.phantom.camera import BLOCK, Lens, Pose
from app.phantom.lesions import Lesion, smooth_min
from app.phantom.noise import Plane
from app.phantom.textures import lookup

FAR_MM = 260.0
_NEAR_MM = 0.8
_SMOOTH = 0.06
"""Relative bend of the inverse depth up to which a place counts as smooth."""
_WIDEST = np.deg2rad(86)
"""Beyond this angle from the axis nothing reaches the octagon's corners."""
_CHUNK = 24576
"""Points that are worked on at a time: their arrays stay in a core's cache."""
_STRIDE = np.float32(1.5)
"""Steps are longer than the safe distance: what that skips is thinner than any fold, and a crossing is noticed."""
_REACH_MM = 150.0
"""Lesions farther along the colon than this are not looked for."""


@dataclass(frozen=True, slots=True)
class Gap:
    """What a look-up at points tells; flat arrays.

    Attributes:
        safe: how far a ray may go on, in mm; negative behind a surface.
        s: centreline position.
        s_wall: the same, running on over the caecum's dome.
        theta: angle, 0 to 2 pi.
        stretch: mm here per mm of centreline: bends are longer outside.
        row: row of the centreline table.
        wall: the wall map there, ``(N, 4)``.
        rho: distance from the axis (from the dome's centre in the caecum).
    """

    safe: Plane
    s: Plane
    s_wall: Plane
    theta: Plane
    stretch: Plane
    row: npt.NDArray[np.intp]
    wall: Plane
    rho: Plane


class Scene:
    """A colon with its lesions, as rays see it."""

    def __init__(self, colon: Colon, lesions: tuple[Lesion, ...]) -> None:
        self.colon = colon
        self.lesions = lesions

    def near(self, pose: Pose) -> tuple[Lesion, ...]:
        """Lesions that could be in the picture."""
        return tuple(x for x in self.lesions if self._in_front(x, pose))

    def _in_front(self, lesion: Lesion, pose: Pose) -> bool:
        if not -40 < lesion.s_mm - pose.s_mm < _REACH_MM:
            return False
        to = lesion.origin - pose.position
        distance = float(np.linalg.norm(to))
        if distance < 2 * lesion.reach_mm:
            return True
        angle = np.arccos(np.clip(float(to @ pose.axes[2]) / distance, -1, 1))
        return bool(angle - np.arcsin(lesion.reach_mm / distance) < _WIDEST)

    def tube(self, p: Plane, s: Plane) -> Gap:
        """The wall around points ``p`` ``(3, N)`` whose centreline positions are about ``s``."""
        colon = self.colon
        table = colon.columns
        last = table.shape[1] - 1
        row = ((s + np.float32(BEFORE_MM)) * np.float32(1 / STEP_MM) + np.float32(0.5)).astype(np.intp)
        np.clip(row, 0, last, out=row)
        d = [p[k] - table[k].take(row) for k in range(3)]
        along, x, y = (sum(d[k] * table[j + k].take(row) for k in range(3)) for j in (3, 6, 9))
        stretch = np.maximum(1 - table[12].take(row) * x - table[13].take(row) * y, np.float32(0.25))
        s_new = row.astype(np.float32) * np.float32(STEP_MM) - np.float32(BEFORE_MM) + along / stretch
        rho = np.sqrt(x * x + y * y)
        # In the caecum the way along the wall is an angle of the dome, and the radius runs from its centre.
        beyond = np.maximum(s_new - np.float32(colon.length_mm), 0)
        s_wall = s_new
        if beyond.any():
            dome = np.float32(colon.dome_mm)
            s_wall = np.where(beyond > 0, np.float32(colon.length_mm) + dome * np.arctan2(beyond, rho), s_new)
            rho = np.sqrt(rho * rho + beyond * beyond)
        theta = np.arctan2(y, x)
        theta += np.float32(2 * np.pi) * (theta < 0)
        rows = (s_wall + np.float32(BEFORE_MM)) * np.float32(1 / STEP_MM)
        np.clip(rows, 0, last - 0.01, out=rows)
        columns = theta * np.float32(COLUMNS / (2 * np.pi)) - np.float32(0.5)
        wall = np.asarray(lookup(colon.wall, rows, columns), np.float32)
        return Gap((wall[:, 0] - rho) * wall[:, 3], s_new, s_wall, theta, stretch, row, wall, rho)

    def gap(self, p: Plane, s: Plane, lesions: tuple[Lesion, ...]) -> tuple[Plane, Plane]:
        """How far rays at ``p`` may go, and better centreline positions."""
        found = self.tube(p, s)
        safe = found.safe
        for lesion in lesions:
            near = np.flatnonzero(_within(lesion, p, found.s, safe))
            if len(near):
                d = lesion.distance(*lesion.local(p[0][near], p[1][near], p[2][near]))
                safe[near] = smooth_min(safe[near], d, np.float32(lesion.melt_mm))
        return safe, found.s


def _within(lesion: Lesion, p: Plane, s: Plane, safe: Plane) -> npt.NDArray[np.bool_]:
    """Points whose next step could touch the lesion. Farther parts of the colon may cross it in space: ``s`` decides."""
    o = lesion.origin.astype(np.float32)
    reach = np.float32(lesion.reach_mm + lesion.melt_mm)
    close = np.abs(s - np.float32(lesion.s_mm)) < np.float32(2.2) * reach + 14
    if not close.any():
        return np.asarray(close)
    d2 = (p[0] - o[0]) ** 2 + (p[1] - o[1]) ** 2 + (p[2] - o[2]) ** 2
    return np.asarray(close & (d2 < (reach + np.maximum(safe, 0)) ** 2))


@dataclass(frozen=True, slots=True)
class Hits:
    """Depths along the rays of the octagon's box, and the centreline positions there: float32 ``(rows, columns)``."""

    t: Plane
    s: Plane


def trace(scene: Scene, lens: Lens, pose: Pose, fine: int = 1) -> Hits:
    """Depth of every pixel of the octagon's box, down to blocks of ``fine`` pixels."""
    lesions = scene.near(pose)
    block = BLOCK
    rays = _world_rays(lens, pose, block)
    shape = rays.shape[1:]
    count = shape[0] * shape[1]
    t = np.full(count, _NEAR_MM, np.float32)
    s = np.full(count, pose.s_mm, np.float32)
    keep = cv2.dilate(_shrunk(lens.mask, block), np.ones((3, 3), np.uint8)).ravel() > 0
    _march(scene, pose, rays.reshape(3, -1), t, s, np.flatnonzero(keep), lesions, 140)
    while block > fine:
        t2, s2 = t.reshape(shape), s.reshape(shape)
        block //= 2
        rays = _world_rays(lens, pose, block)
        shape = rays.shape[1:]
        t, s = _refine(scene, lens, pose, rays, (t2, s2), block, lesions)
    return Hits(t.reshape(shape), s.reshape(shape))


def _world_rays(lens: Lens, pose: Pose, block: int) -> Plane:
    rays = lens.rays(block)
    return np.tensordot(pose.axes.T.astype(np.float32), rays, 1)


def _shrunk(mask: npt.NDArray[np.bool_], block: int) -> npt.NDArray[np.uint8]:
    rows, columns = mask.shape
    return mask.reshape(rows // block, block, columns // block, block).any((1, 3)).astype(np.uint8)


def _refine(
    scene: Scene,
    lens: Lens,
    pose: Pose,
    rays: Plane,
    coarse: tuple[Plane, Plane],
    block: int,
    lesions: tuple[Lesion, ...],
) -> tuple[Plane, Plane]:
    """One level finer: secant steps where the inverse depth is smooth, marching from the nearest neighbour elsewhere."""
    t2, s2 = coarse
    shape = rays.shape[1:]
    size = (shape[1], shape[0])
    inverse = 1 / t2
    bend = np.abs(cv2.Laplacian(inverse, cv2.CV_32F, borderType=cv2.BORDER_REPLICATE)) / inverse
    limit = _SMOOTH if block > 1 else _SMOOTH / 3
    rough = cv2.dilate((bend > limit).astype(np.uint8), np.ones((3, 3), np.uint8))
    rough_fine = cv2.resize(rough, size, interpolation=cv2.INTER_NEAREST).ravel() > 0
    t = (1 / cv2.resize(inverse, size, interpolation=cv2.INTER_LINEAR)).ravel()
    s = cv2.resize(s2, size, interpolation=cv2.INTER_LINEAR).ravel()
    keep = (_shrunk(lens.mask, block) if block > 1 else lens.mask.astype(np.uint8)).ravel() > 0
    if block > 1:
        keep = cv2.dilate(keep.reshape(shape).astype(np.uint8), np.ones((3, 3), np.uint8)).ravel() > 0
    flat = rays.reshape(3, -1)
    t_near, s_near = (cv2.resize(x, size, interpolation=cv2.INTER_NEAREST).ravel() for x in _nearest(t2, s2))
    edge = np.flatnonzero(keep & rough_fine)
    t[edge] = t_near[edge] * np.float32(0.97) - np.float32(0.1)
    s[edge] = s_near[edge]
    smooth = np.flatnonzero(keep & ~rough_fine)
    if block > 1:  # the last level is smooth enough to be read off the one before
        missed = np.concatenate(
            [_secant(scene, pose, flat, t, s, chunk, lesions) for chunk in chunks(smooth)] or [edge]
        )
        t[missed], s[missed] = t_near[missed] * np.float32(0.97), s_near[missed]
        edge = np.union1d(edge, missed)
    for chunk in chunks(edge):
        _march(scene, pose, flat, t, s, chunk, lesions, 72)
    return t, s


def _nearest(t: Plane, s: Plane) -> tuple[Plane, Plane]:
    """The smallest depth among each place and its eight neighbours, and the centreline position that belongs to it."""
    wide_t, wide_s = (cv2.copyMakeBorder(x, 1, 1, 1, 1, cv2.BORDER_REPLICATE) for x in (t, s))
    rows, columns = t.shape
    best_t, best_s = t.copy(), s.copy()
    for i in range(3):
        for j in range(3):
            window = (slice(i, i + rows), slice(j, j + columns))
            closer = wide_t[window] < best_t
            best_t[closer], best_s[closer] = wide_t[window][closer], wide_s[window][closer]
    return best_t, best_s


def chunks(index: npt.NDArray[np.intp]) -> list[npt.NDArray[np.intp]]:
    """``index`` in pieces that fit into a core's cache."""
    return [index[k : k + _CHUNK] for k in range(0, len(index), _CHUNK)]


def _points(pose: Pose, rays: Plane, t: Plane) -> Plane:
    return np.asarray(pose.position.astype(np.float32)[:, None] + rays * t)


def _secant(
    scene: Scene, pose: Pose, rays: Plane, t: Plane, s: Plane, index: npt.NDArray[np.intp], lesions: tuple[Lesion, ...]
) -> npt.NDArray[np.intp]:
    """Two steps towards the surface from a guess close to it; in place. Returns what was not close after all."""
    r, t0 = rays[:, index], t[index]
    g0, s0 = scene.gap(_points(pose, r, t0), s[index], lesions)
    t1 = t0 + np.clip(g0, -0.2 * t0, 0.2 * t0)
    g1, s1 = scene.gap(_points(pose, r, t1), s0, lesions)
    step = t1 - t0
    slope = np.where(np.abs(step) > 1e-5, (g1 - g0) / np.where(np.abs(step) > 1e-5, step, 1), -1)
    slope = np.clip(slope, -3, -0.05)
    t[index] = np.maximum(t1 - np.clip(g1 / slope, -0.25 * t1, 0.25 * t1), 0.3)
    s[index] = s1
    return index[np.abs(g1) > np.float32(0.02) * t1]


def _march(
    scene: Scene,
    pose: Pose,
    rays: Plane,
    t: Plane,
    s: Plane,
    index: npt.NDArray[np.intp],
    lesions: tuple[Lesion, ...],
    steps: int,
) -> None:
    """Sphere tracing from ``t``; in place. Rays that have arrived leave the active set."""
    active = index
    last_t = t[active].copy()
    last_gap = np.full(len(active), np.nan, np.float32)
    r = rays[:, active]
    for _ in range(steps):
        if not len(active):
            return
        now = t[active]
        gap, s_now = scene.gap(_points(pose, r, now), s[active], lesions)
        s[active] = s_now
        # A start behind the surface moves back until it is in front of it; a later crossing ends the ray.
        crossed = gap < 0
        known = crossed & (last_gap > 0)
        root = now - (now - last_t) * gap / np.where(known, gap - last_gap, 1)
        forward = now + np.clip(_STRIDE * gap, np.float32(0.002) * now, 9)
        moved = np.where(known, root, np.where(crossed, np.float32(0.92) * now + gap, forward))
        t[active] = np.clip(moved, 0.3, FAR_MM)
        done = known | (~crossed & (gap < np.float32(0.0007) * now)) | (moved >= FAR_MM) | (moved <= 0.3)
        go = np.flatnonzero(~done)
        last_t, last_gap = now[go], gap[go]
        active, r = active[go], r[:, go]
