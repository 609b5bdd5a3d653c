"""Figures that a bootstrap can draw cheaply: items are scored once, then only sums over the drawn units are taken."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar, runtime_checkable

import numpy as np

from detector.scoring.flat import Floats, Ints

Item = TypeVar("Item")
Contra = TypeVar("Contra", contravariant=True)

Draw = Callable[[Ints], Floats]
"""From (B, U) multiplicities (how often a draw has each unit) to (B,) values, NaN where the figure does not exist."""


def require_name(name: str, names: Sequence[str]) -> None:
    """Refuse a figure that there is not: a default would be another figure in silence.

    Raises:
        ValueError: `name` is not among `names`.
    """
    if name not in names:
        raise ValueError(f"there is no figure '{name}', only {', '.join(names)}")


@runtime_checkable
class DrawnFigure(Protocol[Contra]):
    """A figure of items that can also be prepared for many draws."""

    def __call__(self, items: Sequence[Contra], /) -> float | None:
        """The figure of the items, each once."""
        ...

    def prepare(self, items: Sequence[Contra], unit: Ints, units: int) -> Draw:
        """Score the items once; `unit` tells for each to which of the `units` units it belongs."""
        ...


@dataclass(frozen=True, slots=True)
class RatioFigure(Generic[Item]):
    """A ratio of two sums over the items.

    Attributes:
        terms: from the items to float64 (N, 3): numerator, denominator, and what must not sum up to 0 for the figure to
            exist (as a rule the denominator again).
    """

    terms: Callable[[Sequence[Item]], Floats]

    def __call__(self, items: Sequence[Item], /) -> float | None:
        """The ratio over all items; None if it does not exist."""
        value = _ratios(self.terms(items).reshape(-1, 3).sum(axis=0, keepdims=True))[0]
        return None if np.isnan(value) else float(value)

    def prepare(self, items: Sequence[Item], unit: Ints, units: int) -> Draw:
        """Sum the terms by unit."""
        sums = np.zeros((units, 3))
        np.add.at(sums, unit, self.terms(items).reshape(-1, 3))
        return lambda times: _ratios(np.asarray(times @ sums, np.float64))


def _ratios(sums: Floats) -> Floats:
    exists = (sums[:, 2] > 0) & (sums[:, 1] > 0)
    values: Floats = np.divide(sums[:, 0], sums[:, 1], out=np.full(len(sums), np.nan), where=exists)
    return values


@dataclass(frozen=True, slots=True)
class MedianFigure(Generic[Item]):
    """The median of values of which an item has any number.

    Attributes:
        values: from the items to one float64 array per item.
    """

    values: Callable[[Sequence[Item]], list[Floats]]

    def __call__(self, items: Sequence[Item], /) -> float | None:
        """The median of all values; None without any."""
        values = np.concatenate([np.zeros(0), *self.values(items)])
        return float(np.median(values)) if len(values) else None

    def prepare(self, items: Sequence[Item], unit: Ints, units: int) -> Draw:
        """Collect the values by unit."""
        per_item = self.values(items)
        values = np.concatenate([np.zeros(0), *per_item])
        owner = np.repeat(unit, [len(v) for v in per_item])

        def draw(times: Ints) -> Floats:
            drawn = (np.repeat(values, row[owner]) for row in times)
            return np.array([np.median(v) if len(v) else np.nan for v in drawn])

        return draw
