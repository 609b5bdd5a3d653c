"""Where 'next' and 'before' lead to: positions of events, in order. No Qt."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np

from app.qa.answers import Shown
from app.qa.spots import Spot

Range = tuple[int, int]
"""First and last position, both included."""


def beyond(starts: Sequence[int], position: int) -> int | None:
    """The first of these behind a position; None if there is none.

    Args:
        starts: in ascending order.
        position: where somebody stands.
    """
    index = bisect_right(starts, position)
    return starts[index] if index < len(starts) else None


def before(starts: Sequence[int], position: int) -> int | None:
    """The last of these before a position; None if there is none."""
    index = bisect_left(starts, position)
    return starts[index - 1] if index else None


def starts_of(shown: Shown) -> tuple[int, ...]:
    """Where each marker first stood on the screen."""
    if not len(shown.tracks):
        return ()
    positions = np.repeat(np.arange(len(shown)), np.diff(shown.offsets))
    _, first = np.unique(shown.tracks, return_index=True)
    return tuple(sorted({int(p) for p in positions[first]}))


def spans_of(shown: Shown) -> list[Range]:
    """The stretches in which at least one marker stood on the screen."""
    there = np.diff(shown.offsets) > 0
    edges = np.flatnonzero(np.diff(np.concatenate(([0], there.astype(np.int8), [0]))))
    return [(int(first), int(behind) - 1) for first, behind in edges.reshape(-1, 2)]


def spots_of(spots: Iterable[Spot], *kinds: Literal["TP", "FP", "FN"]) -> tuple[int, ...]:
    """Where events of these kinds are to be looked at."""
    return tuple(sorted({spot.focus for spot in spots if spot.kind in kinds}))


def gaps_of(reviewed: Iterable[Range], count: int) -> list[Range]:
    """What nobody reviewed: the stretches between reviewed ones.

    Args:
        reviewed: in any order; may overlap.
        count: how many positions there are.
    """
    gaps, at = [], 0
    for first, last in sorted(reviewed):
        if first > at:
            gaps.append((at, first - 1))
        at = max(at, last + 1)
    return gaps + ([(at, count - 1)] if at < count else [])
