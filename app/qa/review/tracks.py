"""One lesion over time: boxes at key frames, straight lines between them, and in which state it is to be seen.

A lesion is in the picture from its first key to its last, but where its state says that it is out of view.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from app.qa.review.sorted_map import SortedMap
from app.qa.review.steps import runs, value_at, with_range

State = Literal["clear", "marginal", "occluded", "out_of_view"]
"""``clear``: a reader would box it. ``marginal``: something of it is there (tiny, blurred, dark). ``occluded``: mostly
hidden behind a fold, an instrument or stool. ``out_of_view``: nothing of it is in the picture."""
Box = tuple[float, float, float, float]
"""x1, y1, x2, y2 in frame pixels, half-open."""
Range = tuple[int, int]
"""First and last position, both included."""

CLEAR: Final[State] = "clear"
HIDDEN: Final[State] = "out_of_view"


@dataclass(frozen=True, slots=True)
class Track:
    """Where a lesion is.

    Attributes:
        keys: boxes that somebody (or the propagation) set.
        states: from each position on; ``clear`` before the first.
    """

    keys: SortedMap[Box] = field(default_factory=SortedMap)
    states: SortedMap[State] = field(default_factory=SortedMap)

    def state_at(self, position: int) -> State:
        """The state, also where there is no box."""
        return value_at(self.states, position, CLEAR)

    def box_at(self, position: int) -> Box | None:
        """The box at or between key frames, whatever the state; None before the first and behind the last."""
        before = self.keys.floor(position)
        if before is None or before[0] == position:
            return None if before is None else before[1]
        after = self.keys.ceiling(position)
        return None if after is None else interpolated(before, after, position)

    def visible_at(self, position: int) -> Box | None:
        """The box, where the lesion is in the picture."""
        return None if self.state_at(position) == HIDDEN else self.box_at(position)

    def stretches(self) -> tuple[Range, ...]:
        """Where the lesion is in the picture: maximal ranges in order."""
        first, last = self.keys.first, self.keys.last
        if first is None or last is None:
            return ()
        found: list[Range] = []
        for begin, end, state in runs(self.states, first[0], last[0], CLEAR):
            if state == HIDDEN:
                continue
            if found and found[-1][1] == begin - 1:
                found[-1] = (found[-1][0], end)
            else:
                found.append((begin, end))
        return tuple(found)

    def boxes(self, positions: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Boxes at many positions between the first key and the last, (N, 4); the states are not looked at."""
        at = np.fromiter(self.keys, np.int64, len(self.keys))
        values = np.array([box for _, box in self.keys.items()], np.float64).reshape(-1, 4)
        return np.stack([np.interp(positions, at, values[:, side]) for side in range(4)], axis=1)

    def with_key(self, position: int, box: Box) -> Track:
        """With a box set at a position; the states stay."""
        return Track(self.keys.with_item(position, box), self.states)

    def with_state(self, first: int, last: int, state: State) -> Track:
        """With another state over a range."""
        return Track(self.keys, with_range(self.states, first, last, state, CLEAR))

    def without_key(self, position: int) -> Track:
        """Without the box that was set at a position: the line between its neighbours counts there."""
        return Track(self.keys.without(position), self.states)

    def cut(self, first: int, last: int) -> Track:
        """What lies between two positions, both included; no frame there changes."""
        begin, end = self.keys.first, self.keys.last
        if begin is None or end is None or begin[0] > last or end[0] < first:
            return Track()
        first, last = max(first, begin[0]), min(last, end[0])
        keys = dict(self.keys.items(first, last))
        for edge in (first, last):
            box = self.box_at(edge)
            assert box is not None  # between the first key and the last
            keys[edge] = box
        made = Track(SortedMap(keys.items()))
        for start, stop, state in runs(self.states, first, last, CLEAR):
            if state != CLEAR:
                made = made.with_state(start, stop, state)
        return made

    def replaced(self, first: int, last: int, by: Track) -> Track:
        """With another track between two positions, both included; no frame outside changes."""
        begin, end = self.keys.first, self.keys.last
        lowest, highest = (begin[0], end[0]) if begin and end else (first, last)
        return joined([self.cut(lowest, first - 1), by.cut(first, last), self.cut(last + 1, highest)])


def joined(pieces: Iterable[Track]) -> Track:
    """Pieces that follow each other as one track; what lies between them is out of view.

    Args:
        pieces: in order, not overlapping; empty ones are left out.
    """
    keys: list[tuple[int, Box]] = []
    states: SortedMap[State] = SortedMap()
    for piece in pieces:
        begin, end = piece.keys.first, piece.keys.last
        if begin is None or end is None:
            continue
        if keys and begin[0] > keys[-1][0] + 1:
            states = with_range(states, keys[-1][0] + 1, begin[0] - 1, HIDDEN, CLEAR)
        for start, stop, state in runs(piece.states, begin[0], end[0], CLEAR):
            states = with_range(states, start, stop, state, CLEAR)
        keys += piece.keys.items()
    return Track(SortedMap(keys), states)


def interpolated(before: tuple[int, Box], after: tuple[int, Box], position: int) -> Box:
    """The box on the straight line between two key frames, corner by corner."""
    share = (position - before[0]) / (after[0] - before[0])
    a, b = before[1], after[1]
    return (
        a[0] + (b[0] - a[0]) * share,
        a[1] + (b[1] - a[1]) * share,
        a[2] + (b[2] - a[2]) * share,
        a[3] + (b[3] - a[3]) * share,
    )


def thinned(positions: Sequence[int], boxes: npt.NDArray[np.float64], tolerance_px: float) -> list[int]:
    """Which boxes are enough as keys: the lines between them miss no corner of any box by more than a tolerance.

    Douglas and Peucker, Cartographica 1973;10(2):112-122, with the distance along the axis of the values, because time
    cannot be moved.

    Args:
        positions: ascending, (N,).
        boxes: (N, 4).
        tolerance_px: greatest distance in x or y.

    Returns:
        Indices into `positions`, ascending, with the first and the last.
    """
    if len(positions) < 3:
        return list(range(len(positions)))
    at = np.asarray(positions, np.float64)
    kept = {0, len(at) - 1}
    todo = [(0, len(at) - 1)]
    while todo:
        first, last = todo.pop()
        if last - first < 2:
            continue
        share = ((at[first + 1 : last] - at[first]) / (at[last] - at[first]))[:, None]
        line = boxes[first] + (boxes[last] - boxes[first]) * share
        miss = np.abs(boxes[first + 1 : last] - line).max(axis=1)
        worst = int(np.argmax(miss))
        if miss[worst] > tolerance_px:
            kept.add(first + 1 + worst)
            todo += [(first, first + 1 + worst), (first + 1 + worst, last)]
    return sorted(kept)
