"""What follows from drawing a box where a lesion had none: was it in the picture all the way, or away meanwhile?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from app.qa.axis import FrameAxis
from app.qa.review.operations import StateRun
from app.qa.review.steps import runs
from app.qa.review.tracks import CLEAR, HIDDEN, Track
from detector.geometry import Size

JOIN_S: Final = 2.0
"""Boxes of a lesion that are at most this far apart are taken to be of one sight. A colonoscope looks elsewhere within
seconds, and a box that floats over a wall for minutes is a worse label than one that must be joined by hand."""


def arrival(
    track: Track, position: int, axis: FrameAxis, size_of: Callable[[int], Size], joined: bool | None
) -> tuple[StateRun, ...]:
    """How the states of a lesion change when a box is set at a position.

    Behind its last box or before its first, it was away in between unless that is near. Where it was out of view, it is
    back from here on: up to its next box if that is near, else in this frame only.

    Args:
        track: of the lesion, before the box is set.
        position: of the box.
        axis: when each picture was.
        size_of: the size of the picture at a position: no line is drawn between pictures of two sizes.
        joined: whether it was in the picture in between; None: by the rule above.
    """
    before, after = track.keys.floor(position), track.keys.ceiling(position)
    if before is not None and before[0] == position:
        after = before
    states: list[StateRun] = []

    def near(other: int) -> bool:
        if size_of(other) != size_of(position):
            return False
        return joined if joined is not None else abs(axis.times_s[other] - axis.times_s[position]) <= JOIN_S

    if after is None and before is not None:
        states += _between(before[0] + 1, position - 1, near(before[0]))
    elif before is None and after is not None:
        states += _between(position + 1, after[0] - 1, near(after[0]))
    if track.state_at(position) == HIDDEN:
        states.append((position, _back_until(track, position, after[0] if after else position, near), CLEAR))
    return tuple(states)


def _between(first: int, last: int, is_near: bool) -> list[StateRun]:
    """Away in between; or there, whatever was said of frames in which it had no box."""
    return [(first, last, CLEAR if is_near else HIDDEN)] if first <= last else []


def _back_until(track: Track, position: int, after: int, near: Callable[[int], bool]) -> int:
    """Up to where a lesion is back that was out of view here."""
    if after <= position or not near(after):
        return position
    return next(last for _, last, _ in runs(track.states, position, after, CLEAR))
