"""Polyps: what they are, where they sit, and how far a point is from their surface.

A lesion is a few ellipsoids and a stalk, melted together and into the wall. Its own coordinates are millimetres along
the colon (u), around it (v) and away from the wall (w), with the origin on the wall.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from app.phantom.anatomy import Colon
from app.phantom.noise import Plane, hash_unit

Doubles = npt.NDArray[np.float64]
Paris = Literal["Ip", "Isp", "Is", "IIa"]


@dataclass(frozen=True, slots=True)
class Ball:
    """An ellipsoid in a lesion's own coordinates: centre and radii in mm."""

    centre: tuple[float, float, float]
    radii: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Stalk:
    """A tapering cylinder between two points of a lesion's own coordinates."""

    foot: tuple[float, float, float]
    head: tuple[float, float, float]
    foot_radius: float
    head_radius: float


@dataclass(frozen=True, slots=True)
class Lesion:
    """One polyp.

    Attributes:
        id: 1, 2, ... in the order in which a withdrawal meets them.
        paris: shape class.
        size_mm: largest diameter, as an endoscopist would give it.
        s_mm: where along the colon.
        theta: where around it.
        origin: world position on the wall.
        axes: rows u, v, w in world coordinates.
        balls: the body.
        stalk: for pedunculated ones.
        lobes: depth in mm and phase of the surface's unevenness.
        melt_mm: how softly it rises out of the wall.
        reach_mm: radius of a sphere around ``origin`` that holds it.
        tint: linear RGB factors on the wall's colour.
        gyri: strength of the surface pattern, 0 to 1.
    """

    id: int
    paris: Paris
    size_mm: float
    s_mm: float
    theta: float
    origin: Doubles
    axes: Doubles
    balls: tuple[Ball, ...]
    stalk: Stalk | None
    lobes: tuple[float, float]
    melt_mm: float
    reach_mm: float
    tint: tuple[float, float, float]
    gyri: float

    def local(self, x: Plane, y: Plane, z: Plane) -> tuple[Plane, Plane, Plane]:
        """World positions in the lesion's own coordinates."""
        a = self.axes.astype(np.float32)
        o = self.origin.astype(np.float32)
        dx, dy, dz = x - o[0], y - o[1], z - o[2]
        u, v, w = (a[k, 0] * dx + a[k, 1] * dy + a[k, 2] * dz for k in range(3))
        return u, v, w

    def distance(self, u: Plane, v: Plane, w: Plane) -> Plane:
        """Signed distance in mm (a close lower bound), for positions in its own coordinates."""
        result: Plane | None = None
        for ball in self.balls:
            d = _ball_distance(ball, u, v, w)
            result = d if result is None else smooth_min(result, d, np.float32(0.28 * min(ball.radii)))
        assert result is not None
        depth, phase = (np.float32(x) for x in self.lobes)
        if depth > 0:
            k = np.float32(7.5 / self.size_mm)
            result = result + depth * (
                np.sin(k * (u + 0.6 * w) * 1.1 + phase)
                * np.sin(k * v * 1.25 + 2 * phase)
                * np.sin(k * w * 1.3 + 1 + phase)
                + 0.16 * np.sin(2.9 * k * u + phase) * np.sin(3.1 * k * v - phase) * np.sin(2.6 * k * w)
            )
        if self.stalk is not None:
            result = smooth_min(result, _stalk_distance(self.stalk, u, v, w), np.float32(1.6))
        return result

    def gradient(self, u: Plane, v: Plane, w: Plane) -> Plane:
        """Direction of growing distance, not normalised, in its own coordinates: ``(3, N)``."""
        e = np.float32(0.06)
        return np.stack(
            [
                self.distance(u + e, v, w) - self.distance(u - e, v, w),
                self.distance(u, v + e, w) - self.distance(u, v - e, w),
                self.distance(u, v, w + e) - self.distance(u, v, w - e),
            ]
        )

    def surface_points(self, count: int = 600) -> tuple[Doubles, Doubles]:
        """Points spread over the outside of the lesion and their outward normals, in world coordinates.

        Rays from a shell around it are marched to its surface; what lies inside the wall (w below a third of a
        millimetre) is left out.
        """
        index = np.arange(count)
        height = 1 - 2 * (index + 0.5) / count
        turn = index * (np.pi * (3 - np.sqrt(5.0)))  # Fibonacci's sphere: even without a random number
        flat = np.sqrt(1 - height**2)
        start = np.stack([flat * np.cos(turn), flat * np.sin(turn), height])
        middle = np.array(self.balls[0].centre)[:, None]
        position = (middle + start * (self.reach_mm + 2)).astype(np.float32)
        inward = (-start).astype(np.float32)
        for _ in range(60):
            position = position + inward * (0.8 * self.distance(*position))[None, :]
        gradient = self.gradient(*position)
        gradient /= np.maximum(np.linalg.norm(gradient, axis=0), 1e-9)
        outside = (position[2] > 0.35) & (np.abs(self.distance(*position)) < 0.1)
        world = position.T.astype(np.float64) @ self.axes + self.origin
        return world[outside], (gradient.T.astype(np.float64) @ self.axes)[outside]


def smooth_min(a: Plane, b: Plane, k: np.float32) -> Plane:
    """The smaller of two distances, rounded off over ``k`` where they are alike (Quilez' polynomial)."""
    h = np.maximum(k - np.abs(a - b), np.float32(0)) / k
    return np.asarray(np.minimum(a, b) - h * h * k * np.float32(0.25))


def _ball_distance(ball: Ball, u: Plane, v: Plane, w: Plane) -> Plane:
    c, r = (np.array(x, np.float32) for x in (ball.centre, ball.radii))
    du, dv, dw = u - c[0], v - c[1], w - c[2]
    k0 = np.sqrt((du / r[0]) ** 2 + (dv / r[1]) ** 2 + (dw / r[2]) ** 2)
    k1 = np.sqrt((du / r[0] ** 2) ** 2 + (dv / r[1] ** 2) ** 2 + (dw / r[2] ** 2) ** 2)
    return np.asarray(k0 * (k0 - 1) / np.maximum(k1, np.float32(1e-6)))


def _stalk_distance(stalk: Stalk, u: Plane, v: Plane, w: Plane) -> Plane:
    foot, head = np.array(stalk.foot, np.float32), np.array(stalk.head, np.float32)
    axis = head - foot
    du, dv, dw = u - foot[0], v - foot[1], w - foot[2]
    h = np.clip((du * axis[0] + dv * axis[1] + dw * axis[2]) / np.float32(axis @ axis), 0, 1)
    radius = np.float32(stalk.foot_radius) * (1 - h) ** 2 + np.float32(stalk.head_radius) * (1 - (1 - h) ** 2)
    gap = np.sqrt((du - axis[0] * h) ** 2 + (dv - axis[1] * h) ** 2 + (dw - axis[2] * h) ** 2)
    return np.asarray(np.float32(0.85) * (gap - radius))


def plant(colon: Colon, seed: int, number: int, paris: Paris, size_mm: float, s_mm: float) -> Lesion:
    """A polyp of ``paris`` and ``size_mm`` near ``s_mm``, on the side that suits it.

    The steepest places (the flanks of folds) are avoided: a lesion that straddles one would be cut in two.
    """
    draw = hash_unit(seed, number, np.arange(24))
    s_mm, theta = _place(colon, draw, size_mm, s_mm)
    centre, tangent, normal, binormal = colon.frame_at(s_mm)
    radius, along, around, _ = (float(x) for x in colon.wall_at(s_mm, theta))
    out = np.cos(theta) * normal + np.sin(theta) * binormal
    turn = -np.sin(theta) * normal + np.cos(theta) * binormal
    w = -out + 0.6 * (along * tangent + around / radius * turn)
    w /= np.linalg.norm(w)
    u = tangent - np.dot(tangent, w) * w
    u /= np.linalg.norm(u)
    axes = np.stack([u, np.cross(w, u), w])
    balls, stalk = _body(paris, size_mm, draw)
    lobes = {"Ip": 0.045, "Isp": 0.05, "Is": 0.03, "IIa": 0.028}[paris] * size_mm * (0.5 + draw[10])
    red = draw[11]
    tint = (0.98, 0.74 + 0.12 * red, 0.72 + 0.14 * red) if draw[12] < 0.72 else (1.10, 1.10 + 0.05 * red, 1.06)
    reach = max(
        np.linalg.norm(np.abs(b.centre) + np.array([max(b.radii)] * 3) * 0.75) + 0.3 * max(b.radii) for b in balls
    )
    return Lesion(
        number, paris, size_mm, s_mm, theta, centre + radius * out, axes, balls, stalk,
        (lobes if size_mm > 5 else 0.4 * lobes, 6.28 * draw[13]), 0.9 if paris != "IIa" else 1.4,
        float(reach), tint, 0.35 + 0.65 * draw[14],
    )  # fmt: skip


def _place(colon: Colon, draw: Doubles, size_mm: float, s_mm: float) -> tuple[float, float]:
    """The flattest of a handful of places near ``s_mm``."""
    best, found = 1e9, (s_mm, 0.0)
    for k in range(12):
        s = s_mm + 12 * ((k * 0.618 + draw[0]) % 1 - 0.5)
        theta = 2 * np.pi * ((k * 0.382 + draw[1]) % 1)
        reach = size_mm / 2
        angles = theta + np.array([-1, 0, 1]) * reach / 20
        heights = np.array([[colon.radius_at(s + d, a) for a in angles] for d in (-reach, 0.0, reach)])
        row = int((s + 70) / 0.25)
        fluid = colon.surface[row, int(theta / (2 * np.pi) * colon.surface.shape[1]) % colon.surface.shape[1]]
        uneven = float(np.ptp(heights)) + 0.05 * float(fluid[2]) + 0.03 * float(fluid[1]) + 0.02 * float(fluid[0])
        if uneven < best:
            best, found = uneven, (s, theta)
    return found


def _body(paris: Paris, size: float, draw: Doubles) -> tuple[tuple[Ball, ...], Stalk | None]:
    r = size / 2
    oval = 0.86 + 0.2 * draw[2]
    if paris == "IIa":
        low = 0.30 + 0.10 * draw[3]
        second = Ball((0.5 * r * (draw[4] - 0.3), 0.5 * r * (draw[5] - 0.5), 0.25), (0.6 * r, 0.66 * r, low * r * 0.95))
        return (Ball((0.0, 0.0, 0.0), (r, r * oval, low * r)), second), None
    if paris == "Is":
        side = Ball((0.42 * r * (draw[4] - 0.5), 0.55 * r * (draw[5] - 0.5), 0.55 * r), (0.66 * r, 0.62 * r, 0.55 * r))
        return (Ball((0.0, 0.0, 0.22 * r), (r, r * oval, (0.78 + 0.12 * draw[3]) * r)), side), None
    if paris == "Isp":
        top = Ball((0.15 * r, 0.1 * r, 0.95 * r), (r, r * oval, 0.9 * r))
        return (top, Ball((0.0, 0.0, 0.2 * r), (0.72 * r, 0.72 * r, 0.8 * r))), None
    long = 0.9 * size + 3.5 + 3 * draw[6]
    # The head hangs towards the anus or sideways, where the passing bowel contents drag it.
    lean = np.array([-0.55 + 0.5 * draw[7], 0.9 * (draw[8] - 0.5)])
    tip = (float(lean[0] * long), float(lean[1] * long), float(long * 0.62))
    head = Ball((tip[0] * 1.18, tip[1] * 1.18, tip[2] + 0.35 * r), (r, r * oval, 0.92 * r))
    lump = Ball(
        (head.centre[0] + 0.4 * r * (draw[4] - 0.5), head.centre[1] + 0.45 * r, head.centre[2] + 0.3 * r),
        (0.66 * r, 0.6 * r, 0.62 * r),
    )
    return (head, lump), Stalk((0.0, 0.0, -1.0), tip, 0.30 * size + 1.2, 0.19 * size + 0.6)
