"""What holds over ranges of positions, as steps: an entry says what holds from its position on, until the next."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from app.qa.review.sorted_map import SortedMap

V = TypeVar("V")


def value_at(steps: SortedMap[V], position: int, default: V) -> V:
    """What holds at a position; `default` before the first step."""
    found = steps.floor(position)
    return default if found is None else found[1]


def with_range(steps: SortedMap[V], first: int, last: int, value: V, default: V) -> SortedMap[V]:
    """With `value` from `first` to `last`, both included; no step repeats the one before it."""
    before, after = value_at(steps, first - 1, default), value_at(steps, last + 1, default)
    items = [] if value == before else [(first, value)]
    if after != value:
        items.append((last + 1, after))
    return steps.replaced(first, last + 1, items)


def runs(steps: SortedMap[V], first: int, last: int, default: V) -> Iterator[tuple[int, int, V]]:
    """Maximal ranges (first, last, value) that tile `first` to `last`."""
    begin, value = first, value_at(steps, first, default)
    for position, following in steps.items(first + 1, last):
        yield begin, position - 1, value
        begin, value = position, following
    if begin <= last:
        yield begin, last, value
