"""One sitting at the worklist: which clip comes next, what was answered, how much is left. No Qt, no files."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.qa.worklist.answers import Verdict
from app.qa.worklist.clips import Clip

_PACE_OF = 25
"""From how many of the last answers the time that is left is estimated: a reader becomes faster."""
_LEAST_ANSWERS = 3
_LONGEST_S = 120.0
"""Whoever takes longer for a clip went for a coffee."""


@dataclass(frozen=True, slots=True)
class Given:
    """An answer that was given in this sitting.

    Attributes:
        clip: to which clip.
        verdict: what was said.
        seconds: how long it took.
    """

    clip: Clip
    verdict: Verdict
    seconds: float


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the sitting is.

    Attributes:
        done: clips that are answered.
        clips: all of the sitting.
        procedures_done: procedures of which no clip is left.
        procedures: all of the sitting; 0 where their clips are mixed.
        seconds_left: at the pace so far; None before there is one.
    """

    done: int
    clips: int
    procedures_done: int
    procedures: int
    seconds_left: float | None


class Sitting:
    """The clips in the order in which they are asked."""

    def __init__(self, clips: Sequence[Clip] = (), expected: int = 0) -> None:
        """Args: clips: all of them, mixed; without any, procedure after procedure is added, `expected` in all."""
        self._left = list(clips)
        self._given: list[Given] = []
        self._procedures = {clip.procedure for clip in clips}
        self._expected = expected
        self._grouped = not clips

    def add(self, procedure: Path, clips: Sequence[Clip]) -> None:
        """One more procedure was looked through; it may have no clips."""
        self._procedures.add(procedure)
        self._left += clips

    @property
    def current(self) -> Clip | None:
        """The clip that is asked about now; None when all are answered."""
        return self._left[0] if self._left else None

    def upcoming(self, count: int) -> tuple[Clip, ...]:
        """The ones after it."""
        return tuple(self._left[1 : 1 + count])

    @property
    def given(self) -> tuple[Given, ...]:
        """All answers, oldest first."""
        return tuple(self._given)

    @property
    def last(self) -> Given | None:
        """The answer that can be taken back."""
        return self._given[-1] if self._given else None

    def answer(self, verdict: Verdict, seconds: float) -> None:
        """The current clip is answered; the next one is the current one."""
        self._given.append(Given(self._left.pop(0), verdict, min(seconds, _LONGEST_S)))

    def take_back(self) -> Clip:
        """The last answer was taken back; its clip is the current one again."""
        clip = self._given.pop().clip
        self._left.insert(0, clip)
        return clip

    def leave_out(self, procedure: Path) -> int:
        """Ask no clip of a procedure any more; how many these were."""
        before = len(self._left)
        self._left = [clip for clip in self._left if clip.procedure != procedure]
        if all(given.clip.procedure != procedure for given in self._given):
            self._procedures.discard(procedure)
            self._expected -= 1
        return before - len(self._left)

    def progress(self) -> Progress:
        """How far it is."""
        waiting = {clip.procedure for clip in self._left}
        pace = [given.seconds for given in self._given[-_PACE_OF:]]
        left_s = statistics.median(pace) * len(self._left) if len(pace) >= _LEAST_ANSWERS else None
        done = len(self._given)
        looked_through = len(self._procedures)
        procedures = max(self._expected, looked_through) if self._grouped else 0
        return Progress(done, done + len(self._left), looked_through - len(waiting), procedures, left_s)
