"""The script of a procedure: where the scope is in every frame, where it looks, and what goes wrong.

Outside, insertion, caecum, withdrawal, outside. The script stretches with the length of the film. On the way back every
lesion is visited: it comes into view from behind the lens, is looked at, lost from sight, and looked at once more.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from scipy.interpolate import PchipInterpolator

from app.phantom.anatomy import BEFORE_MM, STEP_MM, Colon
from app.phantom.camera import Lens, Pose, look
from app.phantom.lesions import Lesion, Paris, plant
from app.phantom.noise import Plane, curve, hash_unit, smoothstep
from app.phantom.optics import Effects

Doubles = npt.NDArray[np.float64]

EXPOSURE_S = 1 / 70
"""How long a frame is exposed: decides how much a fast turn smears."""
_AHEAD_MM = 26.0
_SHAPES: tuple[Paris, ...] = ("Is", "IIa", "Ip", "Isp")
_SIZES: dict[Paris, tuple[float, float]] = {
    "Is": (5.0, 10.0),
    "IIa": (10.0, 18.0),
    "Ip": (9.0, 15.0),
    "Isp": (8.0, 13.0),
}


@dataclass(frozen=True, slots=True)
class Plan:
    """When what happens, in seconds; made by :meth:`of`.

    Attributes:
        entry: the scope goes in.
        arrival: the caecum is reached.
        turn: the withdrawal begins.
        exit: the scope comes out.
        end: length of the film.
        colon_mm: length of the colon: short films get a short one, so that speeds stay those of a hand.
        lesions: how many there are.
    """

    entry: float
    arrival: float
    turn: float
    exit: float
    end: float
    colon_mm: float
    lesions: int

    @classmethod
    def of(cls, seconds: float) -> Plan:
        """The plan for a film of ``seconds``."""
        entry = float(np.clip(0.033 * seconds, 0.6, 4))
        arrival = entry + 0.22 * seconds
        turn = arrival + float(np.clip(0.045 * seconds, 0.4, 8))
        leave = seconds - float(np.clip(0.022 * seconds, 0.3, 3))
        withdrawal = leave - turn
        count = round(withdrawal / 8.6) if withdrawal < 75 else 9 + round((withdrawal - 75) / 45)
        return cls(entry, arrival, turn, leave, seconds, float(np.clip(9.4 * withdrawal, 200, 1500)), max(4, count))


@dataclass(frozen=True, slots=True)
class Shot:
    """One frame of the script."""

    pose: Pose
    effects: Effects


@dataclass(frozen=True, slots=True)
class _Visit:
    """A look at one lesion during the withdrawal."""

    lesion: Lesion
    start: float
    duration: float


class Story:
    """The script of one procedure.

    Args:
        colon: where it plays.
        plan: when what happens.
        seed: of the lesions and of the hand's unrest.
    """

    def __init__(self, colon: Colon, plan: Plan, seed: int) -> None:
        self.colon, self.plan, self._seed = colon, plan, seed
        self.lesions = _lesions(colon, plan, seed)
        self._visits, times, places = _withdrawal(self.lesions, plan, seed)
        self._path = PchipInterpolator(times, places)
        self._free = _clearance(colon)
        self._trouble = _troubles(plan, seed)

    def outside(self, time_s: float) -> float:
        """1 outside the body, 0 inside, in between at the anus."""
        plan = self.plan
        edge = min(0.5, 0.3 * plan.entry)
        inward = 1 - smoothstep(plan.entry - edge, plan.entry + edge, time_s)
        return float(np.maximum(inward, smoothstep(plan.exit - edge, plan.exit + edge, time_s)))

    def shot(self, time_s: float, lens: Lens) -> Shot:
        """The frame at ``time_s``: pose, and effects with the smear of the exposure."""
        before, after = self.pose(time_s - EXPOSURE_S / 2), self.pose(time_s + EXPOSURE_S / 2)
        ahead = after.axes @ before.axes[2]  # where the old direction went, seen by the new camera
        to_720 = lens.focal_px * 720 / lens.frame[1]
        smear = (float(ahead[0] * to_720), float(ahead[1] * to_720))
        effects = {k: sum(t.strength(time_s) for t in self._trouble if t.kind == k) for k in ("focus", "wash", "touch")}
        touch = effects["touch"]
        return Shot(
            self.pose(time_s),
            Effects(
                defocus_px=5.0 * effects["focus"] + 26.0 * touch,
                smear_px=smear,
                wash=min(1.0, effects["wash"]),
                outside=self.outside(time_s),
                gain=1 + 0.9 * touch,
            ),
        )

    def pose(self, time_s: float) -> Pose:
        """Where the scope is and looks at ``time_s``."""
        seed, colon = self._seed, self.colon
        unrest = 0.9 * float(curve(seed + 1, time_s, 0.9)) + 0.22 * float(curve(seed + 2, time_s, 0.21))
        s = float(np.clip(self._path(time_s) + unrest, -14, colon.length_mm - 2))
        centre, tangent, normal, binormal = colon.frame_at(s)
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
_REST = ((0.0, 0.24, 0.44, 0.60, 0.74, 1.0), (-9.0, 15.0, 19.0, 31.0, 19.0, 38.0))
"""Parts of a visit, and how far behind the lesion the lens is, in mm."""


def _lesions(colon: Colon, plan: Plan, seed: int) -> tuple[Lesion, ...]:
    """Lesions in the order of the withdrawal: every shape occurs, one is tiny, some come in pairs."""
    draw = hash_unit(seed + 40, np.arange(plan.lesions)[:, None], np.arange(4)[None, :])
    first = int(4 * float(hash_unit(seed + 41, 0)))
    lesions = []
    groups = -(-plan.lesions * 3 // 5)
    number = 0
    for group in range(groups):
        middle = colon.length_mm * (0.93 - 0.84 * (group + 0.25 + 0.5 * float(hash_unit(seed + 42, group))) / groups)
        members = (
            2
            if number + (groups - group) < plan.lesions
            and (number + 2 * (groups - group) <= plan.lesions + 1 or group % 2 == 1)
            else 1
        )
        for member in range(members):
            k = number
            shape = _SHAPES[(first + k) % 4] if k < 4 or draw[k, 0] < 0.5 else _SHAPES[int(4 * draw[k, 1])]
            low, high = _SIZES[shape]
            size = low + (high - low) * float(draw[k, 2])
            if shape == "Is" and not any(x.size_mm < 5 for x in lesions):
                size = 4.2
            place = middle + (0 if members == 1 else 9 - 18 * member)
            lesions.append(plant(colon, seed + 43, k + 1, shape, round(size, 1), float(place)))
            number += 1
    return tuple(lesions)


def _withdrawal(
    lesions: tuple[Lesion, ...], plan: Plan, seed: int
) -> tuple[tuple[_Visit, ...], list[float], list[float]]:
    """Visits, and the key points (time, place) of the scope's way from the first frame to the last."""
    times = [0.0, plan.entry, plan.entry + 0.16 * (plan.arrival - plan.entry)]
    places = [-14.0, -6.0, 0.10 * plan.colon_mm]
    # The hand goes in by pushes: fast, and back a little where a bend has to be straightened.
    for k, (part, way) in enumerate(
        ((0.34, 0.34), (0.40, 0.31), (0.58, 0.55), (0.66, 0.60), (0.72, 0.57), (0.90, 0.88))
    ):
        times.append(plan.entry + part * (plan.arrival - plan.entry))
        places.append(plan.colon_mm * (way + 0.02 * float(curve(seed + 50 + k, 0.5, 1))))
    stay = plan.turn - plan.arrival
    deep = plan.colon_mm - 12
    times += [plan.arrival, plan.arrival + 0.45 * stay, plan.turn]
    places += [deep - 6, deep, deep - 3]
    clusters = _clusters(lesions)
    span = plan.exit - plan.turn
    # Over half of the withdrawal is spent between lesions.
    pause = 0.50 * span / max(1, sum(0.6 + 0.4 * len(c) for c in clusters))
    visits: list[_Visit] = []
    way = [0.0, *np.cumsum([abs(a - b) for a, b in _legs(clusters, deep)]).tolist()]
    travel = span - sum(pause * (0.6 + 0.4 * len(c)) for c in clusters)
    now = plan.turn
    for cluster, done, before in zip(clusters, way[1:], way, strict=False):
        now += travel * (done - before) / way[-1]
        duration = pause * (0.6 + 0.4 * len(cluster))
        shift = duration * 0.22 if len(cluster) > 1 else 0.0
        for k, lesion in enumerate(cluster):
            visits.append(_Visit(lesion, now + k * shift, duration - shift * (len(cluster) - 1)))
        middle = float(np.mean([x.s_mm for x in cluster]))
        spread = cluster[0].s_mm - cluster[-1].s_mm
        far = 0.7 * max(0.0, max(x.reach_mm for x in cluster) - 9)  # large ones are looked at from farther away
        for part, rest in zip(*_REST, strict=True):
            times.append(now + part * duration)
            places.append(middle - rest - far * (rest > 0) + spread * (0.5 - part))
        now += duration
    times += [plan.exit - 0.1, plan.exit + 0.3, plan.end + 1]
    places += [2.0, -6.0, -14.0]
    keep = [0, *(k for k in range(1, len(times)) if times[k] > times[k - 1] + 0.02)]
    return tuple(visits), [times[k] for k in keep], [places[k] for k in keep]


def _clusters(lesions: tuple[Lesion, ...]) -> list[list[Lesion]]:
    """Lesions that are close together are looked at together."""
    clusters: list[list[Lesion]] = []
    for lesion in sorted(lesions, key=lambda x: -x.s_mm):
        if clusters and clusters[-1][-1].s_mm - lesion.s_mm < 30:
            clusters[-1].append(lesion)
        else:
            clusters.append([lesion])
    return clusters


def _legs(clusters: list[list[Lesion]], deep: float) -> list[tuple[float, float]]:
    """Ways between visits, from the caecum to the anus; at least a few millimetres each."""
    legs = []
    at = deep
    for cluster in clusters:
        start = cluster[0].s_mm + 9
        legs.append((at, min(start, at - 4)))
        at = cluster[-1].s_mm - 38
    return [*legs, (at, min(0.0, at - 4))]


def _clearance(colon: Colon) -> tuple[Doubles, Plane]:
    """Along the colon, how far the lens may leave the middle."""
    narrow = colon.wall[..., 0].min(1, keepdims=True)
    near = cv2.erode(narrow, np.ones((61, 1), np.uint8))
    soft = cv2.blur(near, (1, 41))
    s = np.arange(len(narrow)) * STEP_MM - BEFORE_MM
    return s, np.maximum(soft[:, 0] - np.float32(3.0), 0)


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
