"""What stands in a timeline's rows, and what of it falls into each column of pixels. Numpy only, no Qt.

A row is made once from a procedure's arrays; per paint only sums and maxima over columns are taken, so that hours cost
as little as seconds (`benchmarks/timeline.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Levels = npt.NDArray[np.float32]
Range = tuple[int, int]
"""First and last position, both included."""
Colour = int
"""``0xffRRGGBB``, as in a picture of 32 bits a pixel."""
Pixels = npt.NDArray[np.uint32]


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """Which positions each column of pixels stands for.

    Attributes:
        low: (W,) first position of each column.
        high: (W,) the one behind its last; always beyond `low`.
        first: what lies at the left edge; not whole.
        per_px: positions per pixel.
    """

    low: Ints
    high: Ints
    first: float
    per_px: float

    @classmethod
    def of(cls, first: float, span: float, width: int, count: int) -> Columns:
        """Columns of a view that shows `span` positions from `first` on, of `count` in all (at least one)."""
        per_px = span / width
        edges = np.floor(first + np.arange(width + 1) * per_px + 1e-9).astype(np.int64)
        low = np.clip(edges[:-1], 0, count - 1)
        return cls(low, np.clip(np.maximum(edges[1:], low + 1), 1, count), first, per_px)

    def __len__(self) -> int:
        return len(self.low)


class Flags:
    """A yes or no per position."""

    def __init__(self, flags: Bools) -> None:
        self._sums = np.concatenate(([0], np.cumsum(flags, dtype=np.int32)))

    def mask(self, columns: Columns) -> Bools:
        """(W,) whether any position of the column says yes."""
        return np.asarray(self._sums[columns.high] > self._sums[columns.low])


class Spans:
    """Ranges of positions, in any order; they may overlap."""

    def __init__(self, ranges: Iterable[Range]) -> None:
        pairs = np.array(list(ranges), np.int64).reshape(-1, 2)
        self._first, self._behind = pairs[:, 0], pairs[:, 1] + 1

    @classmethod
    def points(cls, positions: Ints) -> Self:
        """Ranges of one position each."""
        made = cls(())
        made._first, made._behind = positions, positions + 1
        return made

    def mask(self, columns: Columns) -> Bools:
        """(W,) whether a range reaches into the column; each is at least one column wide."""
        width = len(columns)
        begin = np.floor((self._first - columns.first) / columns.per_px)
        end = np.maximum(np.ceil((self._behind - columns.first) / columns.per_px), begin + 1)
        seen = (end > 0) & (begin < width)
        begins = np.clip(begin[seen], 0, width).astype(np.int64)
        ends = np.clip(end[seen], 0, width).astype(np.int64)
        steps = np.bincount(begins, minlength=width + 1) - np.bincount(ends, minlength=width + 1)
        return np.asarray(np.cumsum(steps)[:width] > 0)


class Heights:
    """A value from 0 to 1 per position, such as the best score of a frame's candidates."""

    def __init__(self, values: Levels) -> None:
        self._values = values

    def highest(self, columns: Columns) -> Levels:
        """(W,) the highest value of each column."""
        return np.asarray(np.maximum.reduceat(self._values[: columns.high[-1]], columns.low), np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Lane:
    """A part of a row's height.

    Attributes:
        what: what is painted in it.
        colour: of it.
        top: where it begins, as a share of the row's height.
        bottom: where it ends.
        hatched: painted with gaps, so that it reads without colour.
    """

    what: Flags | Spans | Heights
    colour: Colour
    top: float = 0.0
    bottom: float = 1.0
    hatched: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Label:
    """Words in a row that are painted where there is room for them."""

    first: int
    last: int
    words: str
    lane: tuple[float, float] = (0.0, 1.0)


@dataclass(frozen=True, slots=True, eq=False)
class TimelineRow:
    """One row.

    Attributes:
        name: at its left.
        colour: of the name.
        lanes: painted in this order.
        labels: numbers of lesions, letters of marks.
        share: of the usual height of a row.
    """

    name: str
    colour: Colour
    lanes: tuple[Lane, ...]
    labels: tuple[Label, ...] = field(default=())
    share: float = 1.0


def paint_row(image: Pixels, row: TimelineRow, columns: Columns, top: int, height: int) -> None:
    """Fill a row's lanes into a picture of the timeline.

    Args:
        image: (H, W) as wide as there are columns.
        row: what.
        columns: which positions each column stands for.
        top: the row's first line.
        height: of the row in lines.
    """
    for lane in row.lanes:
        y1, y2 = top + round(lane.top * height), top + max(round(lane.bottom * height), round(lane.top * height) + 1)
        part = image[y1:y2]
        if isinstance(lane.what, Heights):
            level = np.ceil(lane.what.highest(columns) * len(part))
            part[np.arange(len(part), 0, -1)[:, None] <= level[None, :]] = lane.colour
            continue
        mask = lane.what.mask(columns)
        if lane.hatched:
            columns_of = np.arange(len(mask))
            for y in range(len(part)):
                part[y, mask & ((columns_of + y) % 4 < 2)] = lane.colour
        else:
            part[:, mask] = lane.colour


def lanes_of(ranges: Sequence[Range], most: int) -> list[int]:
    """A lane for each range, so that those in one lane do not overlap; the last lane takes what finds no other."""
    ends: list[int] = []
    found: dict[int, int] = {}
    for index in sorted(range(len(ranges)), key=lambda i: ranges[i]):
        first, last = ranges[index]
        lane = next((n for n, end in enumerate(ends) if end < first), None)
        if lane is None:
            lane = len(ends) if len(ends) < most else most - 1
            ends += [last] if lane == len(ends) else []
        ends[lane] = max(ends[lane], last)
        found[index] = lane
    return [found[index] for index in range(len(ranges))]


def runs(flags: Bools) -> list[Range]:
    """The stretches in which a flag holds."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], flags.astype(np.int8), [0]))))
    return [(int(first), int(behind) - 1) for first, behind in edges.reshape(-1, 2)]
