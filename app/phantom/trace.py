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
from app.phantom.noise import Plane, turned
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
_COARSE_STEPS, _FINE_STEPS = 140, 72
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
    """Points whose next step could touch the lesion; ``s`` tells it from parts of the colon that cross it in space."""
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


def trace(scene: Scene, lens: Lens, pose: Pose) -> Hits:
    """Depth of every pixel of the octagon's box; pixels outside the octagon hold guesses."""
    block = BLOCK
    level = _Level(scene, lens, pose, block)
    level.march(np.flatnonzero(level.wanted), _COARSE_STEPS)
    while block > 1:
        block //= 2
        level = _finer(level, _Level(scene, lens, pose, block))
    return level.hits


def chunks(index: npt.NDArray[np.intp]) -> list[npt.NDArray[np.intp]]:
    """``index`` in pieces that fit into a core's cache."""
    return [index[k : k + _CHUNK] for k in range(0, len(index), _CHUNK)]


class _Level:
    """Rays through the middles of blocks of pixels, and how far they have come.

    Attributes:
        shape: rows and columns.
        wanted: bool, flat: blocks that touch the octagon or have a neighbour that does.
        t: depth along each ray, flat.
        s: centreline position there, flat.
    """

    def __init__(self, scene: Scene, lens: Lens, pose: Pose, block: int) -> None:
        directions = lens.rays(block)
        self.block = block
        self.shape = (directions.shape[1], directions.shape[2])
        self._rays = turned(pose.axes.T, directions).reshape(3, -1)
        self._scene, self._lesions = scene, scene.near(pose)
        self._eye = pose.position.astype(np.float32)[:, None]
        self.wanted = _touched(lens.mask, block)
        self.t: Plane = np.full(self._rays.shape[1], _NEAR_MM, np.float32)
        self.s: Plane = np.full(self._rays.shape[1], pose.s_mm, np.float32)

    @property
    def hits(self) -> Hits:
        """What was found so far, as pictures."""
        return Hits(self.t.reshape(self.shape), self.s.reshape(self.shape))

    def secant(self, index: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
        """Two steps towards the surface from a guess close to it. Returns the rays that were not close after all."""
        rays, t0 = self._rays[:, index], self.t[index]
        g0, s0 = self._scene.gap(self._eye + rays * t0, self.s[index], self._lesions)
        t1 = t0 + np.clip(g0, -0.2 * t0, 0.2 * t0)
        g1, s1 = self._scene.gap(self._eye + rays * t1, s0, self._lesions)
        step = t1 - t0
        moved = np.abs(step) > 1e-5
        slope = np.clip(np.where(moved, (g1 - g0) / np.where(moved, step, 1), -1), -3, -0.05)
        self.t[index] = np.maximum(t1 - np.clip(g1 / slope, -0.25 * t1, 0.25 * t1), 0.3)
        self.s[index] = s1
        return np.asarray(index[np.abs(g1) > np.float32(0.02) * t1])

    def march(self, index: npt.NDArray[np.intp], steps: int) -> None:
        """Sphere tracing from where the rays are; those that have arrived leave the active set."""
        active, rays = index, self._rays[:, index]
        last_t = self.t[active]
        last_gap = np.full(len(active), np.nan, np.float32)
        for _ in range(steps):
            if not len(active):
                return
            now = self.t[active]
            gap, self.s[active] = self._scene.gap(self._eye + rays * now, self.s[active], self._lesions)
            # A start behind the surface moves back until it is in front of it; a later crossing ends the ray.
            crossed = gap < 0
            known = crossed & (last_gap > 0)
            root = now - (now - last_t) * gap / np.where(known, gap - last_gap, 1)
            forward = now + np.clip(_STRIDE * gap, np.float32(0.002) * now, 9)
            moved = np.where(known, root, np.where(crossed, np.float32(0.92) * now + gap, forward))
            self.t[active] = np.clip(moved, 0.3, FAR_MM)
            arrived = known | (~crossed & (gap < np.float32(0.0007) * now)) | (moved >= FAR_MM) | (moved <= 0.3)
            go = np.flatnonzero(~arrived)
            last_t, last_gap = now[go], gap[go]
            active, rays = active[go], rays[:, go]


def _touched(mask: npt.NDArray[np.bool_], block: int) -> npt.NDArray[np.bool_]:
    """Blocks of the octagon, flat; with their neighbours, from which finer levels start, unless they are pixels."""
    if block == 1:
        return mask.ravel()
    rows, columns = mask.shape
    blocks = mask.reshape(rows // block, block, columns // block, block)
    inside: npt.NDArray[np.uint8] = np.max(blocks.view(np.uint8), axis=(1, 3))
    return np.asarray(cv2.dilate(inside, np.ones((3, 3), np.uint8)) > 0).ravel()


def _finer(coarse: _Level, fine: _Level) -> _Level:
    """Carry depths on to the next level: read off where the inverse depth is smooth, marched anew around edges."""
    size = (fine.shape[1], fine.shape[0])
    hits = coarse.hits
    inverse = 1 / hits.t
    bend = np.abs(cv2.Laplacian(inverse, cv2.CV_32F, borderType=cv2.BORDER_REPLICATE)) / inverse
    limit = _SMOOTH if fine.block > 1 else _SMOOTH / 3
    rough = cv2.resize(
        cv2.dilate((bend > limit).astype(np.uint8), np.ones((3, 3), np.uint8)), size, interpolation=cv2.INTER_NEAREST
    ).ravel()
    t_near, s_near = (cv2.resize(x, size, interpolation=cv2.INTER_NEAREST).ravel() for x in _nearest(hits))
    fine.t = np.asarray(1 / cv2.resize(inverse, size, interpolation=cv2.INTER_LINEAR), np.float32).ravel()
    fine.s = np.asarray(cv2.resize(hits.s, size, interpolation=cv2.INTER_LINEAR), np.float32).ravel()
    edge = np.flatnonzero(fine.wanted & (rough > 0))
    if fine.block > 1:  # the last level is so fine that the one before can be trusted
        smooth = chunks(np.flatnonzero(fine.wanted & (rough == 0)))
        edge = np.unique(np.concatenate([edge, *(fine.secant(chunk) for chunk in smooth)]))
    fine.t[edge] = np.float32(0.97) * t_near[edge] - np.float32(0.1)
    fine.s[edge] = s_near[edge]
    for chunk in chunks(edge):
        fine.march(chunk, _FINE_STEPS)
    return fine


def _nearest(hits: Hits) -> tuple[Plane, Plane]:
    """The smallest depth among each place and its eight neighbours, and the centreline position that belongs to it."""
    wide_t, wide_s = (cv2.copyMakeBorder(x, 1, 1, 1, 1, cv2.BORDER_REPLICATE) for x in (hits.t, hits.s))
    rows, columns = hits.t.shape
    best_t, best_s = hits.t.copy(), hits.s.copy()
    for i in range(3):
        for j in range(3):
            window = (slice(i, i + rows), slice(j, j + columns))
            closer = wide_t[window] < best_t
            best_t[closer], best_s[closer] = wide_t[window][closer], wide_s[window][closer]
    return best_t, best_s
