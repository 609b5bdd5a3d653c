"""An immutable map from whole numbers, in order: an edit copies one chunk and the list of chunks, and shares the rest.

Ten thousand edits leave ten thousand documents that undo can go back to; copying a plain dictionary for each of them
would take gigabytes.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from typing import Final, Generic, TypeVar

V = TypeVar("V")

_CHUNK: Final = 64  # entries; the list of chunks of 10,000 keys is then about as long as a chunk


class SortedMap(Generic[V]):
    """Whole numbers to values, ascending. Never changes; the methods that change give another map."""

    __slots__ = ("_chunks", "_count", "_starts")

    def __init__(self, items: Iterable[tuple[int, V]] = ()) -> None:
        """Args: items: in any order; of equal keys the last counts."""
        ordered = sorted(dict(items).items(), key=lambda item: item[0])
        self._set(tuple(_chunked(ordered)))

    def _set(self, chunks: tuple[tuple[tuple[int, V], ...], ...]) -> None:
        self._chunks = chunks
        self._starts = tuple(chunk[0][0] for chunk in chunks)
        self._count = sum(map(len, chunks))

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[int]:
        return (key for chunk in self._chunks for key, _ in chunk)

    def __contains__(self, key: int) -> bool:
        found = self.floor(key)
        return found is not None and found[0] == key

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SortedMap):
            return NotImplemented
        return self is other or (self._count == other._count and list(self.items()) == list(other.items()))

    __hash__ = None  # type: ignore[assignment]  # values need not be hashable

    def __repr__(self) -> str:
        return f"SortedMap({list(self.items())!r})"

    def items(self, first: int | None = None, last: int | None = None) -> Iterator[tuple[int, V]]:
        """Entries with keys from `first` to `last`, both included, in order."""
        begin = 0 if first is None else max(0, bisect_right(self._starts, first) - 1)
        for chunk in self._chunks[begin:]:
            for item in chunk:
                if last is not None and item[0] > last:
                    return
                if first is None or item[0] >= first:
                    yield item

    def get(self, key: int) -> V | None:
        """The value of a key; None if there is none."""
        found = self.floor(key)
        return found[1] if found is not None and found[0] == key else None

    def floor(self, key: int) -> tuple[int, V] | None:
        """The last entry at or before a key."""
        place = bisect_right(self._starts, key) - 1
        if place < 0:
            return None
        chunk = self._chunks[place]
        return chunk[bisect_right(chunk, key, key=lambda item: item[0]) - 1]

    def ceiling(self, key: int) -> tuple[int, V] | None:
        """The first entry at or behind a key."""
        place = max(0, bisect_right(self._starts, key) - 1)
        for chunk in self._chunks[place : place + 2]:
            within = bisect_left(chunk, key, key=lambda item: item[0])
            if within < len(chunk):
                return chunk[within]
        return None

    @property
    def first(self) -> tuple[int, V] | None:
        """The entry with the lowest key."""
        return self._chunks[0][0] if self._chunks else None

    @property
    def last(self) -> tuple[int, V] | None:
        """The entry with the highest key."""
        return self._chunks[-1][-1] if self._chunks else None

    def with_item(self, key: int, value: V) -> SortedMap[V]:
        """With another value for a key."""
        return self.replaced(key, key, [(key, value)])

    def without(self, key: int) -> SortedMap[V]:
        """Without a key."""
        return self.replaced(key, key, [])

    def replaced(self, first: int, last: int, items: Iterable[tuple[int, V]]) -> SortedMap[V]:
        """With other entries from `first` to `last`, both included.

        Args:
            first: lowest key that is replaced.
            last: highest one.
            items: ascending, all within the range.
        """
        begin = max(0, bisect_right(self._starts, first) - 1)
        end = max(begin + 1, bisect_right(self._starts, last))  # also before the first chunk: no chunks of one
        around = [item for chunk in self._chunks[begin:end] for item in chunk]
        before = [item for item in around if item[0] < first]
        behind = [item for item in around if item[0] > last]
        made: SortedMap[V] = SortedMap.__new__(SortedMap)
        made._set((*self._chunks[:begin], *_chunked([*before, *items, *behind]), *self._chunks[end:]))
        return made


def _chunked(items: list[tuple[int, V]]) -> Iterator[tuple[tuple[int, V], ...]]:
    """Chunks of about equal length, none longer than the limit."""
    if not items:
        return
    parts = -(-len(items) // _CHUNK)
    for part in range(parts):
        yield tuple(items[part * len(items) // parts : (part + 1) * len(items) // parts])
