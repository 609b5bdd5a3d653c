"""Confidence intervals: percentile bootstrap over units, and the exact interval for shares of units.

Definitions: docs/scoring.md, 'Confidence intervals'. `box_figure`, `ap_figure`, `lesion_figure`, `shown_figure` and
`realcolon_figure` make figures that are scored once and then only summed per draw; any other function of the items
works, too, and is called once per draw.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import numpy as np

from detector.scoring.flat import Floats, Ints
from detector.scoring.recording import Recording, Still
from detector.scoring.resampling import DrawnFigure

DRAWS = 2000
LEVEL = 0.95
ENDS = (0.025, 0.975)

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Interval:
    """A 95 % interval (or of the level asked for).

    Attributes:
        low: its lower end.
        high: its upper end.
        draws: bootstrap draws in which the figure exists; 0 for an exact interval.
        units: how many units were drawn from; for an exact interval the number of trials.
    """

    low: float
    high: float
    draws: int
    units: int

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class PairedInterval:
    """A 95 % interval of a difference ``figure(a) - figure(b)``, drawn over the same units for both.

    Attributes:
        low: its lower end.
        high: its upper end.
        difference: of the two figures over all items; None if one of them does not exist.
        mean_difference: mean over the draws.
        draws: draws in which both figures exist.
        units: how many units were drawn from.
    """

    low: float
    high: float
    difference: float | None
    mean_difference: float
    draws: int
    units: int

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready; None stays None."""
        return asdict(self)


def unit_of(item: Still | Recording) -> str:
    """The unit of a still or recording: patient, else sequence or procedure, else the image."""
    return item.unit


def bootstrap(
    items: Sequence[Item],
    unit: Callable[[Item], str],
    figure: Callable[[Sequence[Item]], float | None],
    draws: int = DRAWS,
    seed: int = 1,
) -> Interval | None:
    """Percentile interval of a figure; None with fewer than two units or if the figure exists in no draw.

    Args:
        items: stills, recordings, or anything that `figure` takes.
        unit: what an item belongs to; all items of a drawn unit come along.
        figure: of a sequence of items; None where it does not exist.
        draws: how many.
        seed: of `numpy.random.default_rng`.
    """
    names = sorted({unit(item) for item in items})
    if len(names) < 2:
        return None
    values = _draw(figure, items, _index(items, unit, names), len(names), draws, seed)
    values = values[~np.isnan(values)]
    if len(values) == 0:
        return None
    low, high = _ends(values)
    return Interval(low, high, len(values), len(names))


def paired_bootstrap(
    a: Sequence[Item],
    b: Sequence[Item],
    unit: Callable[[Item], str],
    figure: Callable[[Sequence[Item]], float | None],
    draws: int = DRAWS,
    seed: int = 1,
) -> PairedInterval | None:
    """Percentile interval of ``figure(a) - figure(b)``; None where `bootstrap` gives None.

    Raises:
        ValueError: `a` and `b` do not have the same units with as many items each.
    """
    counts = Counter(unit(item) for item in a)
    if counts != Counter(unit(item) for item in b):
        raise ValueError("a and b must have the same units with as many items each")
    names = sorted(counts)
    if len(names) < 2:
        return None
    drawn = [_draw(figure, items, _index(items, unit, names), len(names), draws, seed) for items in (a, b)]
    values = drawn[0] - drawn[1]
    values = values[~np.isnan(values)]
    if len(values) == 0:
        return None
    whole = figure(a), figure(b)
    difference = None if whole[0] is None or whole[1] is None else whole[0] - whole[1]
    low, high = _ends(values)
    return PairedInterval(low, high, difference, float(values.mean()), len(values), len(names))


def exact_interval(successes: int, of: int, level: float = LEVEL) -> Interval:
    """Clopper-Pearson interval of a share; ``0 to 1`` if `of` is 0.

    Raises:
        ValueError: not 0 <= successes <= of, or level not between 0 and 1.
    """
    if not 0 <= successes <= of or not 0 < level < 1:
        raise ValueError(f"{successes} of {of} at level {level}: not a share")
    from scipy.special import betaincinv  # the quantile of the beta distribution; scipy.stats takes seconds to import

    tail = (1 - level) / 2
    low = float(betaincinv(successes, of - successes + 1, tail)) if successes else 0.0
    high = float(betaincinv(successes + 1, of - successes, 1 - tail)) if successes < of else 1.0
    return Interval(low, high, 0, of)


def _index(items: Sequence[Item], unit: Callable[[Item], str], names: Sequence[str]) -> Ints:
    place = {name: k for k, name in enumerate(names)}
    return np.fromiter((place[unit(item)] for item in items), np.int64, len(items))


def _draw(
    figure: Callable[[Sequence[Item]], float | None],
    items: Sequence[Item],
    index: Ints,
    units: int,
    draws: int,
    seed: int,
) -> Floats:
    """(draws,) values of the figure, NaN where it does not exist. The same seed draws the same units for any items."""
    rng = np.random.default_rng(seed)
    if isinstance(figure, DrawnFigure):
        values = figure.prepare(items, index, units)
        parts = [values(_multiplicities(rng, units, part)) for part in _parts(draws, units)]
        return np.concatenate([np.zeros(0), *parts])
    members = [[items[k] for k in np.flatnonzero(index == u).tolist()] for u in range(units)]
    found = []
    for _ in range(draws):
        value = figure([item for u in rng.integers(units, size=units).tolist() for item in members[u]])
        found.append(math.nan if value is None else value)
    return np.array(found, np.float64)


def _parts(draws: int, units: int) -> list[int]:
    """How many draws to take at once: tables of a few million entries."""
    most = max(1, 4_000_000 // units)
    return [min(most, draws - start) for start in range(0, draws, most)]


def _multiplicities(rng: np.random.Generator, units: int, draws: int) -> Ints:
    """(draws, units): how often each draw has each unit."""
    drawn = np.stack([rng.integers(units, size=units) for _ in range(draws)])
    flat = (drawn + np.arange(draws)[:, None] * units).ravel()
    return np.bincount(flat, minlength=draws * units).reshape(draws, units)


def _ends(values: Floats) -> tuple[float, float]:
    low, high = np.quantile(values, ENDS)
    return float(low), float(high)
