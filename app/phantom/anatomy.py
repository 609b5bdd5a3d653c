"""The colon: a centreline, the wall around it as a height map, and what lies on the wall.

Wall coordinates are ``s`` (mm along the centreline, 0 = anus, growing towards the caecum) and ``theta`` (angle around
it). The wall stands at ``radius(s, theta)`` from the centreline. At the caecum ``s`` bends into the angle of a dome, so
that the tube closes smoothly. All maps are tables: a ray costs a look-up, never a formula.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from app.phantom.noise import Plane, curve, hash_unit, octaves, smoothstep

Doubles = npt.NDArray[np.float64]

STEP_MM = 0.25
"""Spacing of the centreline table and of the rows of the wall maps."""
COLUMNS = 768
"""Columns of the wall maps: one turn."""
BEFORE_MM = 70.0
"""How far the tables reach back before the anus: the first frames look out of it."""
BEYOND_MM = 60.0
"""How far they reach beyond the centre of the caecum's dome."""


@dataclass(frozen=True, slots=True)
class Colon:
    """One colon; made by :func:`grow`.

    Attributes:
        length_mm: from the anus to the centre of the caecum's dome.
        dome_mm: radius of that dome.
        columns: float32 ``(14, M)``: centre (3), tangent (3), normal (3), binormal (3), curvature along normal and
            binormal; column ``i`` is at ``s = i * STEP_MM - BEFORE_MM``.
        wall: float32 ``(M, COLUMNS, 4)``: radius, its slope along s, its slope per radian, step factor (how far a ray
            may go for a given gap without jumping over a fold).
        surface: uint8 ``(M, COLUMNS, 4)``: stool, foam, pool, depth of the groove (255 = deepest).
        folds_mm: where the folds' crests are.
    """

    length_mm: float
    dome_mm: float
    columns: Plane
    wall: Plane
    surface: npt.NDArray[np.uint8]
    folds_mm: tuple[float, ...]

    def frame_at(self, s_mm: float) -> tuple[Doubles, Doubles, Doubles, Doubles]:
        """Centre, tangent, normal and binormal at ``s_mm``, interpolated, in float64."""
        at = np.clip((s_mm + BEFORE_MM) / STEP_MM, 0, self.columns.shape[1] - 2)
        i = int(at)
        pair = self.columns[:12, i : i + 2].astype(np.float64)
        row = pair[:, 0] * (i + 1 - at) + pair[:, 1] * (at - i)
        tangent, normal, binormal = (v / np.linalg.norm(v) for v in (row[3:6], row[6:9], row[9:12]))
        return row[:3], tangent, normal, binormal

    def radius_at(self, s_mm: float, theta: float) -> float:
        """Distance of the wall from the centreline."""
        return float(self.wall_at(s_mm, theta)[0])

    def wall_at(self, s_mm: float, theta: float) -> Plane:
        """The wall's row at the nearest texel: radius, slopes, step factor."""
        row = int(np.clip(round((s_mm + BEFORE_MM) / STEP_MM), 0, len(self.wall) - 1))
        column = int(theta / (2 * np.pi) * COLUMNS) % COLUMNS
        return np.asarray(self.wall[row, column], np.float32)

    def narrowest(self, s_mm: float, reach_mm: float = 4.0) -> float:
        """The smallest radius within ``reach_mm`` of ``s_mm``: how far a camera may leave the middle."""
        low = int(np.clip((s_mm - reach_mm + BEFORE_MM) / STEP_MM, 0, len(self.wall) - 2))
        high = int(np.clip((s_mm + reach_mm + BEFORE_MM) / STEP_MM, low + 1, len(self.wall)))
        return float(self.wall[low:high:4, ::16, 0].min())


def grow(seed: int, length_mm: float) -> Colon:
    """The colon of ``seed``, ``length_mm`` long (real ones have 1500 mm; a short film shortens them)."""
    dome = 25.0 + 4 * float(hash_unit(seed, 1))
    s = np.arange(-BEFORE_MM, length_mm + BEYOND_MM, STEP_MM)
    folds = _fold_places(seed + 11, s, length_mm)
    radius = _calibre(seed, s, length_mm, dome)[:, None] * _cross_section(seed, s, length_mm)
    radius += _sacculation(s, folds)[:, None]
    smooth = radius.copy()
    _add_folds(seed, radius, s, folds, length_mm)
    radius += _wrinkles(seed + 13, radius.shape)
    _add_valve(seed + 14, radius, s, length_mm)
    _shape_dome(seed, radius, s, length_mm, dome)
    radius = np.maximum(radius, 4.5)
    radius, pool = _fill_pools(seed + 15, radius, s, length_mm)
    groove = _grooves(radius)
    surface = _surface(seed + 16, radius.shape, s, length_mm, pool, groove)
    radius -= 0.9 * surface[..., 0].astype(np.float64) / 255 * (smooth > 0)
    return Colon(length_mm, dome, _centreline(seed + 17, s, length_mm), _wall(radius), surface, folds)


def _calibre(seed: int, s: Doubles, length: float, dome: float) -> Doubles:
    """Mean radius along the colon: narrow sigmoid, wider ascending colon, the dome's radius at the caecum."""
    at = np.clip(s / length, 0, 1)
    calibre = np.interp(at, [0, 0.03, 0.12, 0.3, 0.5, 0.75, 0.92, 1], [14, 19, 18, 19.5, 21, 23, 25, dome])
    calibre = calibre + 1.1 * curve(seed + 2, s, 55.0) * smoothstep(0, 60, length - s)
    return np.where(s < 0, 6.0 + 8.0 * np.exp(np.minimum(s, 0) / 4), calibre)


def _cross_section(seed: int, s: Doubles, length: float) -> Doubles:
    """Roundness: the three taeniae make the transverse colon triangular."""
    at = s[:, None] / length
    corner = 0.045 + 0.11 * smoothstep(0.36, 0.46, at) * (1 - smoothstep(0.66, 0.76, at))
    corner = corner * (1 - smoothstep(0.94, 1.0, at))
    return np.asarray(1 + corner * np.cos(3 * (_angles()[None, :] + _taenia(seed, s)[:, None])))


def _taenia(seed: int, s: Doubles) -> Doubles:
    """Minus the angle of one of the three taeniae: they wind slowly around the colon."""
    return 6.28 * float(hash_unit(seed, 3)) + 0.5 * curve(seed + 4, s, 90.0)


def _angles() -> Doubles:
    return (np.arange(COLUMNS, dtype=np.float64) + 0.5) * (2 * np.pi / COLUMNS)


def _fold_places(seed: int, s: Doubles, length: float) -> tuple[float, ...]:
    """Crests of the haustral folds, 17 to 32 mm apart."""
    places = []
    at, k = 16.0, 0
    while at < length - 8:
        places.append(at)
        at += 17 + 15 * float(hash_unit(seed, k))
        k += 1
    return tuple(places)


def _sacculation(s: Doubles, folds: tuple[float, ...]) -> Doubles:
    """The wall bulges between two folds."""
    edges = np.array([folds[0] - 20, *folds, folds[-1] + 30])
    index = np.clip(np.searchsorted(edges, s) - 1, 0, len(edges) - 2)
    part = np.clip((s - edges[index]) / (edges[index + 1] - edges[index]), 0, 1)
    return np.asarray(1.5 * np.sin(np.pi * part) - 0.5)


def _add_folds(seed: int, radius: Doubles, s: Doubles, folds: tuple[float, ...], length: float) -> None:
    """Crescents: each reaches over one to three of the arcs between the taeniae, tilted, with a rounded crest."""
    theta = _angles()
    for k, place in enumerate(folds):
        draw = hash_unit(seed + 12, k, np.arange(16))
        transverse = float(smoothstep(0.34, 0.46, place / length) * (1 - smoothstep(0.68, 0.8, place / length)))
        # Folds span the sides between two taeniae: three deep ones leave a triangle open.
        turn = np.pi / 3 - float(_taenia(seed, np.array([place]))[0]) + (draw[0] - 0.5) * (1 - transverse)
        arcs = np.zeros(COLUMNS)
        for j in range(3):
            distance = np.abs((theta - turn - j * 2.094 + np.pi) % (2 * np.pi) - np.pi)
            strength = (0.35 + 0.65 * draw[1 + j]) * (1 - transverse) + transverse * (0.75 + 0.25 * draw[1 + j])
            if j == 2 and draw[4] < 0.45 * (1 - transverse):
                strength *= 0.15
            arcs = np.maximum(arcs, strength * (1 - smoothstep(0.45, 1.18, distance)))
        depth = (7.0 + 4.5 * draw[5]) * arcs
        crest = (
            place + 3.2 * draw[6] * np.sin(theta + 6.28 * draw[7]) + 1.3 * draw[8] * np.sin(2 * theta + 6.28 * draw[9])
        )
        width = 1.7 + 1.2 * draw[10]
        near = np.flatnonzero(np.abs(s - place) < 22)
        offset = (s[near, None] - crest[None, :]) / width
        # Flat-topped bell: the foot is wide, the crest round. The distal side is a little steeper than the proximal.
        bell = 1 / (1 + np.abs(offset * np.where(offset < 0, 1.12, 0.9)) ** 2.6)
        radius[near] -= depth[None, :] * bell


def _wrinkles(seed: int, shape: tuple[int, int]) -> Doubles:
    """Fine unevenness: broad swellings, and creases that run around the wall."""
    rows = shape[0]
    turns = max(2, round(rows * STEP_MM / 11))
    swell = 0.55 * octaves(seed, (max(2, turns // 2), 7), shape, 3)
    creases = octaves(seed + 1, (turns * 3, 9), shape, 2)
    return np.asarray(swell - 0.28 * np.maximum(0, creases - 0.1), np.float64)


def _add_valve(seed: int, radius: Doubles, s: Doubles, length: float) -> None:
    """The ileocaecal valve: two soft lips with a slit, on a fold before the caecum."""
    draw = hash_unit(seed, np.arange(3))
    theta = (_angles() - 6.28 * draw[0] + np.pi) % (2 * np.pi) - np.pi
    u = (s - (length - 24))[:, None]
    v = theta[None, :] * 22
    lips = np.exp(-((v / 14.0) ** 4)) * (np.exp(-(((u - 3.4) / 3.0) ** 2)) + 0.85 * np.exp(-(((u + 3.0) / 3.0) ** 2)))
    radius -= 4.5 * lips


def _shape_dome(seed: int, radius: Doubles, s: Doubles, length: float, dome: float) -> None:
    """The end of the caecum: the opening of the appendix, and folds that run together there like a crow's foot."""
    lean = ((s - length) / dome)[:, None]  # angle from the dome's equator; its pole is at pi / 2
    theta = _angles()[None, :]
    turn = float(_taenia(seed, np.array([length]))[0])
    star = np.clip(np.cos(3 * (theta + turn) + 0.8 * np.sin(theta + seed)), 0, 1) ** 3
    height = smoothstep(-0.15, 0.25, lean) * (1 - smoothstep(1.05, 1.35, lean))
    radius -= 3.4 * star * height
    radius += 2.2 * smoothstep(1.28, 1.52, lean)


def _fill_pools(seed: int, radius: Doubles, s: Doubles, length: float) -> tuple[Doubles, Plane]:
    """Fluid lies flat on the lower side here and there: the wall is cut at its level. Returns wall and mask."""
    theta = _angles()
    down = 0.6 * curve(seed, s, 160.0) - np.pi / 2
    # How far the fluid's surface is from the axis, in radii: beyond about 1 there is none.
    level = 1.26 - 0.32 * smoothstep(0.15, 0.8, curve(seed + 1, s, 52.0))
    level = np.where((s > 10) & (s < length - 14), level, 3.0)
    towards = np.maximum(np.cos(theta[None, :] - down[:, None]), 0.05)
    cut = level[:, None] * radius.mean(1, keepdims=True) / towards
    pool = smoothstep(-0.05, 0.5, radius - cut)
    return np.minimum(radius, cut), np.asarray(pool, np.float32)


def _grooves(radius: Doubles) -> Plane:
    """How deep a place lies below its surroundings, 0 to 1: there light comes from the walls, red."""
    wrapped = np.pad(radius.astype(np.float32), ((0, 0), (96, 96)), mode="wrap")
    around = cv2.GaussianBlur(wrapped, (0, 0), 26)[:, 96:-96]
    close = cv2.GaussianBlur(wrapped, (0, 0), 9)[:, 96:-96]
    now = radius.astype(np.float32)
    return np.asarray(np.clip(0.22 * (now - around) + 0.35 * (now - close), 0, 1), np.float32)


def _surface(
    seed: int, shape: tuple[int, int], s: Doubles, length: float, pool: Plane, groove: Plane
) -> npt.NDArray[np.uint8]:
    """What lies on the wall: stool in patches (more in the right colon), foam beside the pools."""
    cells = (max(2, round(shape[0] * STEP_MM / 14)), 9)
    patches = octaves(seed, cells, shape, 4, 0.62)
    amount = 0.26 * curve(seed + 1, s, 70.0) + 0.10 * s / length
    low = np.cos(_angles() + np.pi / 2)[None, :]
    stool = smoothstep(0.52, 0.62, patches + amount[:, None] + 0.05 * low + 0.10 * groove)
    froth = octaves(seed + 2, (cells[0] // 2 + 1, 5), shape, 3)
    foam = smoothstep(0.50, 0.58, froth + 0.5 * curve(seed + 3, s, 60.0)[:, None] + 0.16 * low)
    inside = ((s > 14) & (s < length - 4))[:, None]
    planes = (stool * inside * (1 - pool), foam * inside, pool, groove)
    return np.stack([np.clip(255 * p, 0, 255).astype(np.uint8) for p in planes], -1)


def _wall(radius: Doubles) -> Plane:
    """The wall map with slopes and step factors."""
    smooth = cv2.GaussianBlur(np.pad(radius.astype(np.float32), ((0, 0), (8, 8)), mode="wrap"), (0, 0), 1.0)[:, 8:-8]
    along = np.gradient(smooth, STEP_MM, axis=0)
    turn = np.pad(smooth, ((0, 0), (1, 1)), mode="wrap")
    around = (turn[:, 2:] - turn[:, :-2]) * np.float32(COLUMNS / (4 * np.pi))
    steep = np.sqrt(1 + along**2 + (around / smooth) ** 2)
    reach = cv2.dilate(np.pad(steep, ((0, 0), (64, 64)), mode="wrap"), np.ones((49, 97), np.uint8))[:, 64:-64]
    return np.ascontiguousarray(np.stack([smooth, along, around, 1 / reach], -1), np.float32)


def _centreline(seed: int, s: Doubles, length: float) -> Plane:
    """A curve with flexures, and a frame along it that does not twist (Bishop's)."""
    at = s / length
    bend_n, bend_b = 0.011 * curve(seed, s, 42.0), 0.011 * curve(seed + 1, s, 42.0)
    # Sigmoid loop, splenic flexure, hepatic flexure: where, which way, how tight (1/mm).
    for k, (place, tightness) in enumerate(((0.13, 0.020), (0.20, 0.018), (0.38, 0.026), (0.72, 0.026))):
        angle = 6.28 * float(hash_unit(seed + 2, k))
        bump = tightness * np.exp(-((((at - place) * length) / 26) ** 2))
        bend_n += bump * np.cos(angle)
        bend_b += bump * np.sin(angle)
    calm = smoothstep(0, 25, s) * smoothstep(-10, 25, length - s)
    bend_n, bend_b = bend_n * calm, bend_b * calm
    rows = np.zeros((len(s), 14))
    tangent, normal, centre = np.array([0.0, 0, 1]), np.array([1.0, 0, 0]), np.zeros(3)
    for i in range(len(s)):
        binormal = np.cross(tangent, normal)
        rows[i] = [*centre, *tangent, *normal, *binormal, bend_n[i], bend_b[i]]
        centre = centre + STEP_MM * tangent
        tangent = tangent + STEP_MM * (bend_n[i] * normal + bend_b[i] * binormal)
        tangent /= np.linalg.norm(tangent)
        normal = normal - np.dot(normal, tangent) * tangent
        normal /= np.linalg.norm(normal)
    return np.ascontiguousarray(rows.T, np.float32)
