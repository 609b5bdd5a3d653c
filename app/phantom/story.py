"""The script of a procedure: where the scope is in every frame, where it looks, and what goes wrong.

Outside, insertion, caecum, withdrawal, outside. The script stretches with the length of the film. On the way back every
lesion is visited: it comes into view from behind the lens, is looked at, lost from sight, and looked at once more.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from app.phantom.anatomy import BEFORE_MM, STEP_MM, Colon
from app.phantom.camera import Lens, Pose, look
from app.phantom.noise import Plane, curve, hash_unit, smoothstep
from app.phantom.optics import Effects
from app.phantom.route import Plan, plant_all, route

Doubles = npt.NDArray[np.float64]

EXPOSURE_S = 1 / 70
"""How long a frame is exposed: decides how much a fast turn smears."""
_AHEAD_MM = 26.0


@dataclass(frozen=True, slots=True)
class Shot:
    """One frame of the script."""

    pose: Pose
    effects: Effects


class Story:
    """The script of one procedure.

    Args:
        colon: where it plays.
        plan: when what happens.
        seed: of the lesions and of the hand's unrest.
    """

    def __init__(self, colon: Colon, plan: Plan, seed: int) -> None:
        self.colon, self.plan, self._seed = colon, plan, seed
        self.lesions = plant_all(colon, plan, seed)
        way = route(self.lesions, plan, seed)
        self._visits = way.visits
        from scipy.interpolate import PchipInterpolator  # slow to import, and whoever plays the bundled film needs none

        self._path = PchipInterpolator(way.times, way.places)
        self._free = _clearance(colon)
        self._trouble = _troubles(plan, seed)

    def outside(self, time_s: float) -> float:
        """1 outside the body, 0 inside, in between at the anus."""
        plan = self.plan
        edge = min(0.3, 0.2 * plan.entry)
        inward = 1 - smoothstep(plan.entry - edge, plan.entry + edge, time_s)
        return float(np.maximum(inward, smoothstep(plan.exit - edge, plan.exit + edge, time_s)))

    def shot(self, time_s: float, lens: Lens) -> Shot:
        """The frame at ``time_s``: pose, and effects with the smear of the exposure."""
        before, after = self.pose(time_s - EXPOSURE_S / 2), self.pose(time_s + EXPOSURE_S / 2)
        ahead = after.axes @ before.axes[2]  # where the old direction went, seen by the new camera
        to_720 = lens.focal_px * 720 / lens.frame[1]
        smear = (float(ahead[0] * to_720), float(ahead[1] * to_720))
        effects = {k: self._strength(k, time_s) for k in ("focus", "wash", "touch")}
        outside = self.outside(time_s)
        return Shot(
            self.pose(time_s),
            Effects(
                defocus_px=5.0 * effects["focus"] + 22.0 * effects["touch"] + 60 * outside * (1 - outside),
                smear_px=smear,
                wash=effects["wash"],
                touch=effects["touch"],
                outside=outside,
            ),
        )

    def _strength(self, kind: str, time_s: float) -> float:
        return min(1.0, sum(t.strength(time_s) for t in self._trouble if t.kind == kind))

    def pose(self, time_s: float) -> Pose:
        """Where the scope is and looks at ``time_s``."""
        seed, colon = self._seed, self.colon
        unrest = 0.9 * float(curve(seed + 1, time_s, 0.9)) + 0.22 * float(curve(seed + 2, time_s, 0.21))
        s = float(np.clip(self._path(time_s) + unrest, -14, colon.length_mm - 2))
        centre, _, normal, binormal = colon.frame_at(s)
        free = float(np.interp(s, self._free[0], self._free[1]))
        drift = np.array([float(curve(seed + k, time_s, 2.3)) for k in (3, 4)]) * 0.75 * free
        position = self._kept_clear(centre + drift[0] * normal + drift[1] * binormal, s)
        forward = colon.frame_at(s + _AHEAD_MM)[0] - position
        forward /= np.linalg.norm(forward)
        hand = [
            float(0.36 * curve(seed + 5 + k, time_s, 1.7) + 0.035 * curve(seed + 7 + k, time_s, 0.33)) for k in (0, 1)
        ]
        forward = forward + hand[0] * normal + hand[1] * binormal
        forward = self._aimed(forward / np.linalg.norm(forward), position, time_s)
        roll = 0.7 * float(curve(seed + 9, time_s, 7.0)) + 0.12 * float(curve(seed + 10, time_s, 1.1))
        return look(s, position, forward, binormal, roll)

    def _kept_clear(self, position: Doubles, s_mm: float) -> Doubles:
        """``position`` pushed aside where a polyp hangs into the way."""
        for lesion in self.lesions:
            if abs(lesion.s_mm - s_mm) < 2 * lesion.reach_mm + 8:
                at = [np.array([x], np.float32) for x in position]
                gap = float(lesion.distance(*lesion.local(*at))[0])
                away = position - (lesion.origin + lesion.axes.T @ np.array(lesion.balls[0].centre))
                position = position + away / max(float(np.linalg.norm(away)), 1e-6) * 7.0 * float(
                    1 - smoothstep(0, 8, gap)
                )
        return position

    def _aimed(self, forward: Doubles, position: Doubles, time_s: float) -> Doubles:
        """``forward`` turned towards (or away from) the lesions that are being visited."""
        turned = forward.copy()
        for visit in self._visits:
            part = (time_s - visit.start) / visit.duration
            if not 0 < part < 1:
                continue
            to = visit.lesion.origin - position
            to /= np.linalg.norm(to)
            wanted = float(np.interp(part, *_AIM))
            if wanted < 0:
                to = to - np.dot(to, forward) * forward
                to /= max(float(np.linalg.norm(to)), 1e-6)
                turned = turned + 1.5 * wanted * to
            else:
                turned = turned + wanted * (to - forward)
        return np.asarray(turned / np.linalg.norm(turned))


_AIM = ((0.0, 0.12, 0.24, 0.44, 0.52, 0.62, 0.72, 0.88, 1.0), (0.0, 0.1, 0.55, 0.55, -0.55, -0.55, 0.5, 0.45, 0.0))
"""Parts of a visit, and how far the view is turned towards the lesion (negative: away from it)."""


def _clearance(colon: Colon) -> tuple[Doubles, Plane]:
    """Along the colon, how far the lens may leave the middle."""
    narrow = colon.wall[..., 0].min(1, keepdims=True)
    near = cv2.erode(narrow, np.ones((61, 1), np.uint8))
    soft = cv2.blur(near, (1, 41))
    s = np.arange(len(narrow), dtype=np.float64) * STEP_MM - BEFORE_MM
    return s, np.asarray(np.maximum(soft[:, 0] - np.float32(3.0), 0), np.float32)


@dataclass(frozen=True, slots=True)
class _Trouble:
    """A passing disturbance."""

    kind: str
    start: float
    end: float

    def strength(self, time_s: float) -> float:
        """0 to 1."""
        edge = 0.3 * (self.end - self.start)
        return float(
            smoothstep(self.start, self.start + edge, time_s) * (1 - smoothstep(self.end - edge, self.end, time_s))
        )


def _troubles(plan: Plan, seed: int) -> tuple[_Trouble, ...]:
    """Out of focus, washing, wall contact: a few seconds in all, spread over the film."""
    found = []
    inside = plan.exit - plan.entry
    for kind, every, length, salt in (("focus", 17.0, 1.0, 60), ("wash", 26.0, 1.5, 61), ("touch", 38.0, 0.9, 62)):
        count = max(1, round(inside / every))
        for k in range(count):
            draw = hash_unit(seed + salt, k, np.arange(2))
            start = plan.entry + inside * (k + 0.15 + 0.7 * float(draw[0])) / count
            found.append(_Trouble(kind, start, start + length * (0.7 + 0.6 * float(draw[1]))))
    return tuple(found)
