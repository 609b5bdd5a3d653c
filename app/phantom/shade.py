"""From wall to light: materials, lamps at the scope's tip, wet highlights.

All colours are linear RGB until :mod:`app.phantom.optics` makes a processor's picture of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from app.phantom.anatomy import BEFORE_MM, COLUMNS, STEP_MM
from app.phantom.camera import Lens, Pose
from app.phantom.lesions import Lesion
from app.phantom.noise import Plane, hash_unit, turned
from app.phantom.textures import SLOPE_STEP, Tile, lookup
from app.phantom.trace import Gap, Hits, Scene, chunks

_LAMPS_MM = ((-3.4, -0.6), (3.4, -0.6))
"""Where the light guides end, right and down of the lens: highlights come in pairs."""
_WALL = np.array([0.90, 0.335, 0.190], np.float32)
_VESSEL = np.array([0.50, 0.070, 0.065], np.float32)
_STOOL = np.array([0.50, 0.275, 0.070], np.float32)
_FLUID = np.array([0.50, 0.27, 0.060], np.float32)
_FOAM = np.array([0.86, 0.62, 0.33], np.float32)
_LAMP = np.array([1.0, 0.97, 0.90], np.float32)


@dataclass(frozen=True, slots=True)
class Look:
    """What differs from patient to patient.

    Attributes:
        tint: linear RGB factors on the wall: from salmon to orange.
        vessels: how clearly vessels show, 0 to 1.
        wet: strength of highlights.
    """

    tint: tuple[float, float, float]
    vessels: float
    wet: float

    @classmethod
    def of(cls, seed: int) -> Look:
        """The look of ``seed``."""
        a, b, c = (float(x) for x in hash_unit(seed, np.arange(3)))
        return cls((1.0, 0.90 + 0.26 * a, 0.82 + 0.30 * a), 0.70 + 0.30 * b, 0.8 + 0.4 * c)


@dataclass(frozen=True, slots=True)
class Materials:
    """The textures of one procedure."""

    mucosa: Tile
    pits: Tile
    bubbles: Tile
    look: Look


@dataclass(frozen=True, slots=True)
class Lit:
    """A shaded picture of the octagon's box.

    Attributes:
        light: float32 ``(H, W, 3)``, linear RGB; arbitrary unit.
        ids: int32 ``(H, W)``: lesion ids, 0 for everything else. What was drawn, not what was meant.
        depth: float32 ``(H, W)``: distance in mm.
    """

    light: Plane
    ids: npt.NDArray[np.int32]
    depth: Plane


@dataclass(slots=True)
class _Surface:
    """Shading state of some visible points; flat arrays, vectors as ``(3, N)``.

    Attributes:
        p: world position.
        view: unit vector to the lens.
        normal: for diffuse light.
        glint: for highlights: with the relief that only a wet surface shows.
        albedo: linear RGB.
        open: how freely light reaches the place, 0 to 1.
        gloss: strength of highlights.
        footprint_mm: wall under one pixel.
        dither: a number per pixel that hides steps.
        ids: lesion ids.
    """

    p: Plane
    view: Plane
    normal: Plane
    glint: Plane
    albedo: Plane
    open: Plane
    gloss: Plane
    footprint_mm: Plane
    dither: Plane
    ids: npt.NDArray[np.int32]


def shade(scene: Scene, lens: Lens, pose: Pose, hits: Hits, materials: Materials) -> Lit:
    """Light that reaches the lens from every pixel of the octagon (the rest is black)."""
    shape = hits.t.shape
    count = shape[0] * shape[1]
    rays = lens.rays(1).reshape(3, -1)
    lesions = scene.near(pose)
    light, ids = np.zeros((count, 3), np.float32), np.zeros(count, np.int32)
    for seen in chunks(np.flatnonzero(lens.mask)):
        ray = turned(pose.axes.T, rays[:, seen])
        t = hits.t.ravel()[seen]
        p = pose.position.astype(np.float32)[:, None] + ray * t
        gap = scene.tube(p, hits.s.ravel()[seen])
        surface = _wall_surface(scene, gap, _View(p, ray, t / np.float32(lens.focal_px), _dither(seen)), materials)
        for lesion in lesions:
            _add_lesion(lesion, gap, surface, materials)
        light[seen] = _illuminate(surface, pose, materials.look).T
        ids[seen] = surface.ids
    return Lit(light.reshape(*shape, 3), ids.reshape(shape), hits.t)


def _dither(seen: npt.NDArray[np.intp]) -> Plane:
    """A number in about -0.5 to 0.5 per pixel, the same in every frame."""
    mixed = (seen.astype(np.uint32) * np.uint32(2654435761)) >> np.uint32(16)
    return np.asarray(((mixed & np.uint32(255)).astype(np.float32) / 256 - np.float32(0.5)) * np.float32(0.9))


def _dot(a: Plane, b: Plane) -> Plane:
    return np.asarray(a[0] * b[0] + a[1] * b[1] + a[2] * b[2])


def _unit(v: Plane) -> Plane:
    return np.asarray(v / np.sqrt(np.maximum(_dot(v, v), np.float32(1e-12))))


@dataclass(frozen=True, slots=True)
class _View:
    """Visible points and how they are seen: world positions, rays, size of a pixel there, dither."""

    p: Plane
    rays: Plane
    pixel_mm: Plane
    dither: Plane


def _wall_surface(scene: Scene, gap: Gap, view: _View, materials: Materials) -> _Surface:
    """The wall's own relief and colours, with what lies on it."""
    out, tangent, around = _wall_axes(scene, gap)
    slope_s, slope_v = gap.wall[:, 1] / gap.stretch, gap.wall[:, 2] / np.maximum(gap.rho, np.float32(4))
    normal = _unit(np.asarray(slope_s * tangent + slope_v * around - out))
    footprint = np.asarray(view.pixel_mm / np.maximum(-_dot(normal, view.rays), np.float32(0.22)), np.float32)
    rows = (gap.s_wall + np.float32(BEFORE_MM)) * np.float32(1 / STEP_MM)
    np.clip(rows, 0, scene.colon.columns.shape[1] - 1.01, out=rows)
    columns = gap.theta * np.float32(COLUMNS / (2 * np.pi)) - np.float32(0.5)
    stool, foam, pool, groove = np.asarray(lookup(scene.colon.surface, rows, columns), np.float32).T / np.float32(255)
    detail = materials.mucosa.sample(gap.s_wall, _around_mm(gap.theta, materials.mucosa), footprint, view.dither).T
    slope = (detail[2:4].astype(np.float32) - 128) * np.float32(SLOPE_STEP)
    slope *= (1 - np.float32(0.9) * pool) * (1 + np.float32(1.2) * stool)
    mottle = (detail[1].astype(np.float32) - 128) * np.float32(1 / 110)
    look = materials.look
    vessel = detail[0] * np.float32(look.vessels / 255)
    vessel *= np.clip(np.float32(1.15) - np.float32(1.2) * groove, 0, 1) * (1 - stool) * (1 - pool)
    albedo = (_WALL * np.array(look.tint, np.float32))[:, None] * (1 + _MOTTLE * mottle)
    albedo += (_VESSEL[:, None] - albedo) * (np.float32(0.8) * vessel)
    albedo += (_FLUID[:, None] * (1 + _MOTTLE * mottle) - albedo) * (np.float32(0.72) * pool)
    albedo += (_STOOL[:, None] * (1 + np.float32(0.5) * mottle) - albedo) * (np.float32(0.88) * stool)
    gloss = 1 - np.float32(0.6) * stool + np.float32(0.5) * pool
    glint = slope[0] * tangent + slope[1] * around
    surface = _Surface(
        view.p, -view.rays, _unit(normal - glint), _unit(normal - glint), albedo, 1 - np.float32(0.62) * groove, gloss,
        footprint, view.dither, np.zeros(view.p.shape[1], np.int32),
    )  # fmt: skip
    froth = np.flatnonzero(foam > 0.03)
    if len(froth):
        _add_foam(surface, froth, foam[froth], gap, (normal, tangent, around), materials.bubbles)
    return surface


_MOTTLE = np.array([[0.14], [0.30], [0.33]], np.float32)
"""How strongly unevenness of the blood supply shows in red, green and blue."""


def _wall_axes(scene: Scene, gap: Gap) -> tuple[Plane, Plane, Plane]:
    """Unit vectors at each point: away from the axis, along the wall, around it."""
    table = scene.colon.columns
    tangent, normal, binormal = (np.stack([table[j + k].take(gap.row) for k in range(3)]) for j in (3, 6, 9))
    cos, sin = np.cos(gap.theta), np.sin(gap.theta)
    out, around = cos * normal + sin * binormal, cos * binormal - sin * normal
    lean = (gap.s_wall - np.float32(scene.colon.length_mm)) / np.float32(scene.colon.dome_mm)
    if (lean > 0).any():
        # On the dome outward tilts forward, and the way along the wall tilts inward.
        c, s = np.cos(np.maximum(lean, 0)), np.sin(np.maximum(lean, 0))
        out, tangent = out * c + tangent * s, tangent * c - out * s
    return out, tangent, around


def _around_mm(theta: Plane, tile: Tile) -> Plane:
    """Texture position around the colon: a whole number of periods a turn, or the seam would show."""
    turns = max(1, round(2 * np.pi * 21 / tile.period_mm))
    return np.asarray(theta * np.float32(turns * tile.period_mm / (2 * np.pi)))


def _add_foam(
    surface: _Surface,
    where: npt.NDArray[np.intp],
    foam: Plane,
    gap: Gap,
    axes: tuple[Plane, Plane, Plane],
    tile: Tile,
) -> None:
    """Bubbles: clear domes with a bright rim, of which each mirrors the lamps."""
    found = tile.sample(
        gap.s_wall[where], _around_mm(gap.theta[where], tile), surface.footprint_mm[where], surface.dither[where]
    ).T.astype(np.float32)
    cover = found[0] / 255 * np.clip(np.float32(2.5) * foam, 0, 1)
    rim = found[1] / 255 * cover
    albedo = surface.albedo[:, where]
    albedo *= 1 - np.float32(0.12) * cover
    surface.albedo[:, where] = albedo + (_FOAM[:, None] - albedo) * (np.float32(0.10) * cover + np.float32(0.5) * rim)
    slope = (found[2:4] - 128) * np.float32(SLOPE_STEP)
    normal, tangent, around = (a[:, where] for a in axes)
    domed = _unit(normal - slope[0] * tangent - slope[1] * around)
    surface.glint[:, where] = _unit(surface.glint[:, where] * (1 - cover) + domed * cover)
    surface.normal[:, where] = _unit(surface.normal[:, where] + np.float32(0.22) * domed * cover)
    surface.gloss[where] += np.float32(0.5) * cover


def _add_lesion(lesion: Lesion, gap: Gap, surface: _Surface, materials: Materials) -> None:
    """Where the lesion is what one sees: its id, colour and relief; around its foot: a shaded rim."""
    o = lesion.origin.astype(np.float32)[:, None]
    reach = np.float32(lesion.reach_mm + 4)
    off = surface.p - o
    near = np.flatnonzero(
        (np.abs(gap.s - np.float32(lesion.s_mm)) < np.float32(2.2) * reach + 14) & (_dot(off, off) < reach**2)
    )
    if not len(near):
        return
    q = lesion.local(*surface.p[:, near])
    d, wall = lesion.distance(*q), gap.safe[near]
    part = np.clip(np.float32(0.5) + (wall - d) / np.float32(2 * lesion.melt_mm), 0, 1)  # 1: lesion, 0: wall
    outward = turned(lesion.axes.T, _unit(lesion.gradient(*q)))
    shift = np.float32(0.45) * q[2]
    detail = materials.pits.sample(
        q[0] + shift, q[1] + shift, surface.footprint_mm[near], surface.dither[near]
    ).T.astype(np.float32)
    axis_u, axis_v = (lesion.axes[k].astype(np.float32)[:, None] for k in (0, 1))
    slope = (detail[2:4] - 128) * np.float32(SLOPE_STEP * lesion.gyri)
    bumpy = _unit(outward - slope[0] * axis_u - slope[1] * axis_v)
    for normals in (surface.normal, surface.glint):
        normals[:, near] = _unit(normals[:, near] * (1 - part) + bumpy * part)
    crest = (detail[0] - 128) * np.float32(lesion.gyri / 128)
    mottle = (detail[1] - 128) * np.float32(1 / 110)
    own = (_WALL * np.array(materials.look.tint, np.float32) * np.array(lesion.tint, np.float32))[:, None]
    own = own * (1 + np.float32(0.55) * _MOTTLE * (crest + mottle))
    albedo = surface.albedo[:, near]
    surface.albedo[:, near] = albedo + (own - albedo) * np.clip((part - np.float32(0.25)) * 2, 0, 1)
    # The groove around the foot is darker, as everything that light reaches only by scattering.
    ring = np.clip(1 - np.abs(wall - d) / np.float32(0.8 + 0.18 * lesion.size_mm), 0, 1)
    ring *= np.minimum(d, wall) < 1.5
    openness = surface.open[near] * (1 - part) + part
    surface.open[near] = openness * (1 - np.float32(0.45 if lesion.paris != "IIa" else 0.28) * ring * ring)
    surface.gloss[near] = surface.gloss[near] * (1 - part) + np.float32(1.15) * part
    surface.ids[near[d < wall]] = lesion.id


def _illuminate(surface: _Surface, pose: Pose, look: Look) -> Plane:
    """Direct light of both lamps, light scattered by the walls, highlights; linear RGB ``(3, N)``."""
    p, view = surface.p, surface.view
    diffuse, gleam = np.zeros(p.shape[1], np.float32), np.zeros(p.shape[1], np.float32)
    forward = pose.axes[2].astype(np.float32)
    for right, down in _LAMPS_MM:
        lamp = (pose.position + right * pose.axes[0] + down * pose.axes[1]).astype(np.float32)
        to = lamp[:, None] - p
        d2 = _dot(to, to)
        to /= np.sqrt(d2)
        beam = np.clip(-(to[0] * forward[0] + to[1] * forward[1] + to[2] * forward[2]), 0, 1)
        power = (np.float32(0.30) + np.float32(0.70) * beam * beam) / (d2 + 18)
        # Light that enters mucosa comes out beside where it entered: the terminator is soft.
        diffuse += power * np.clip((_dot(surface.normal, to) + np.float32(0.20)) / np.float32(1.20), 0.10, 1)
        shine = np.clip(_dot(surface.glint, _unit(to + view)), 0, 1)
        broad = _power(shine, 5)
        gleam += power * (np.float32(14) * _power(broad, 5) + np.float32(0.16) * broad)
    openness = surface.open
    off = pose.position.astype(np.float32)[:, None] - p
    ambient = np.float32(0.16) / (_dot(off, off) + 60) * (np.float32(0.3) + np.float32(0.7) * openness)
    albedo = surface.albedo
    colour = albedo * (diffuse * openness)
    colour += albedo * albedo * (ambient + np.float32(0.45) * diffuse * (1 - openness))
    return colour + _LAMP[:, None] * (gleam * surface.gloss * np.float32(0.5 * look.wet))


def _power(x: Plane, squarings: int) -> Plane:
    """``x`` to the power 2 ** squarings: the same on every machine, unlike ``pow``."""
    for _ in range(squarings):
        x = x * x
    return x
