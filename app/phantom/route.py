"""Where everything happens: the lesions along the colon, and the scope's way from the first frame to the last."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.phantom.anatomy import Colon
from app.phantom.lesions import Lesion, Paris, plant
from app.phantom.noise import curve, hash_unit

_SHAPES: tuple[Paris, ...] = ("Is", "IIa", "Ip", "Isp")
_SIZES: dict[Paris, tuple[float, float]] = {
    "Is": (5.0, 10.0),
    "IIa": (10.0, 18.0),
    "Ip": (9.0, 15.0),
    "Isp": (8.0, 13.0),
}
_REST = ((0.0, 0.24, 0.44, 0.60, 0.74, 1.0), (-9.0, 15.0, 19.0, 31.0, 19.0, 38.0))
"""Parts of a visit, and how far behind the lesion the lens is, in mm."""


_PUSHES = ((0.16, 0.10), (0.34, 0.34), (0.40, 0.31), (0.58, 0.55), (0.66, 0.60), (0.72, 0.57), (0.90, 0.88))
"""Parts of the insertion, and of the colon: the hand pushes, and pulls back where a bend must be straightened."""


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
class Visit:
    """A look at one lesion during the withdrawal; times in seconds."""

    lesion: Lesion
    start: float
    duration: float


@dataclass(frozen=True, slots=True)
class Route:
    """The scope's way: key points of time (s) and place (mm along the colon), and the visits on it."""

    times: tuple[float, ...]
    places: tuple[float, ...]
    visits: tuple[Visit, ...]


def plant_all(colon: Colon, plan: Plan, seed: int) -> tuple[Lesion, ...]:
    """Lesions in the order of the withdrawal: every shape occurs, one is tiny, some come in pairs."""
    draw = hash_unit(seed + 40, np.arange(plan.lesions)[:, None], np.arange(4)[None, :])
    first = int(4 * float(hash_unit(seed + 41, 0)))
    lesions: list[Lesion] = []
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


def route(lesions: tuple[Lesion, ...], plan: Plan, seed: int) -> Route:
    """The way in, to the caecum, and back past every lesion."""
    inward = _insertion(plan, seed)
    outward, visits = _withdrawal(lesions, plan)
    points = [*inward, *outward, (plan.exit - 0.1, 2.0), (plan.exit + 0.3, -6.0), (plan.end + 1, -14.0)]
    kept = [points[0]]
    for time, place in points[1:]:
        if time > kept[-1][0] + 0.02:  # very short films press points together
            kept.append((time, place))
    return Route(tuple(t for t, _ in kept), tuple(p for _, p in kept), visits)


def _insertion(plan: Plan, seed: int) -> list[tuple[float, float]]:
    span, deep = plan.arrival - plan.entry, plan.colon_mm - 12
    pushes = [
        (plan.entry + part * span, plan.colon_mm * (way + 0.02 * float(curve(seed + 50 + k, 0.5, 1))))
        for k, (part, way) in enumerate(_PUSHES)
    ]
    stay = plan.turn - plan.arrival
    caecum = [(plan.arrival, deep - 6), (plan.arrival + 0.45 * stay, deep), (plan.turn, deep - 3)]
    return [(0.0, -14.0), (plan.entry, -6.0), *pushes, *caecum]


def _withdrawal(lesions: tuple[Lesion, ...], plan: Plan) -> tuple[list[tuple[float, float]], tuple[Visit, ...]]:
    """Key points and visits: half of the time is spent on lesions, the rest on the ways between them."""
    clusters = _clusters(lesions)
    span = plan.exit - plan.turn
    shares = [0.6 + 0.4 * len(c) for c in clusters]
    legs = _legs(clusters, plan.colon_mm - 12)
    pause, travel = 0.5 * span / sum(shares), 0.5 * span / sum(legs)
    points: list[tuple[float, float]] = []
    visits: list[Visit] = []
    now = plan.turn
    for cluster, share, leg in zip(clusters, shares, legs, strict=False):
        now += travel * leg
        duration = pause * share
        shift = 0.22 * duration if len(cluster) > 1 else 0.0
        for k, lesion in enumerate(cluster):
            visits.append(Visit(lesion, now + k * shift, duration - shift * (len(cluster) - 1)))
        points += _approach(cluster, now, duration)
        now += duration
    return points, tuple(visits)


def _approach(cluster: list[Lesion], start: float, duration: float) -> list[tuple[float, float]]:
    middle = float(np.mean([x.s_mm for x in cluster]))
    spread = cluster[0].s_mm - cluster[-1].s_mm
    far = 0.7 * max(0.0, max(x.reach_mm for x in cluster) - 9)  # large ones are looked at from farther away
    return [
        (start + part * duration, middle - rest - far * (rest > 0) + spread * (0.5 - part))
        for part, rest in zip(*_REST, strict=True)
    ]


def _clusters(lesions: tuple[Lesion, ...]) -> list[list[Lesion]]:
    """Lesions that are close together are looked at together."""
    clusters: list[list[Lesion]] = []
    for lesion in sorted(lesions, key=lambda x: -x.s_mm):
        if clusters and clusters[-1][-1].s_mm - lesion.s_mm < 30:
            clusters[-1].append(lesion)
        else:
            clusters.append([lesion])
    return clusters


def _legs(clusters: list[list[Lesion]], deep: float) -> list[float]:
    """Lengths of the ways between visits, from the caecum to the anus; at least a few millimetres each."""
    legs, at = [], deep
    for cluster in clusters:
        legs.append(max(4.0, at - cluster[0].s_mm - 9))
        at = cluster[-1].s_mm - 38
    return [*legs, max(4.0, at)]
