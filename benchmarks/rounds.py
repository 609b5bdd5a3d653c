"""Several ways to do the same thing, timed in turns, so that a busy machine is unfair to none."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Protocol

from app.report import Percentiles
from detector.frame import Frame

_PAUSE_S = 0.05  # a thread pool that spins after its last call must not do so in the next one's time


@dataclass(frozen=True, slots=True)
class Round:
    """A few calls in a row.

    Attributes:
        wall_ns: of each call.
        cpu_ns: processor time of the whole process over all calls, other threads included.
    """

    wall_ns: tuple[int, ...]
    cpu_ns: int


class Contestant(Protocol):
    """One way to do it."""

    name: str

    def round(self, calls: int) -> Round:
        """Do it so many times."""
        ...


class InProcess:
    """A contestant that is a function of a frame; it gets the frames one after the other, over and over."""

    def __init__(self, name: str, call: Callable[[Frame], object], frames: Sequence[Frame]) -> None:
        self.name = name
        self._call = call
        self._frames = frames
        self._next = 0

    def round(self, calls: int) -> Round:
        """See `Contestant`."""
        wall = []
        cpu = time.process_time_ns()
        for _ in range(calls):
            frame = self._frames[self._next % len(self._frames)]
            self._next += 1
            start = time.perf_counter_ns()
            self._call(frame)
            wall.append(time.perf_counter_ns() - start)
        return Round(tuple(wall), time.process_time_ns() - cpu)


class Together:
    """A contestant that does many frames at a time; each call gets its share of the time that they took together."""

    def __init__(self, name: str, work: Callable[[Sequence[Frame]], object], frames: Sequence[Frame]) -> None:
        self.name = name
        self._work = work
        self._frames = frames

    def round(self, calls: int) -> Round:
        """See `Contestant`."""
        frames = [self._frames[k % len(self._frames)] for k in range(calls)]
        cpu, start = time.process_time_ns(), time.perf_counter_ns()
        self._work(frames)
        share = (time.perf_counter_ns() - start) // calls
        return Round((share,) * calls, time.process_time_ns() - cpu)


@dataclass(frozen=True, slots=True)
class Figures:
    """What a contestant did.

    Attributes:
        name: the contestant's.
        ms: one call.
        best_ms: the fastest one: what is left where others use the machine, too.
        frames_per_s: calls over their time.
        cpu_ms: processor time of a call, all threads together: what it takes from the rest of the machine.
        ratio: the first contestant's frames per second over this one's, so its own is 1: median over the rounds.
        ratio_low: of the least favourable round.
        ratio_high: of the most favourable one.
    """

    name: str
    ms: Percentiles
    best_ms: float
    frames_per_s: float
    cpu_ms: float
    ratio: float
    ratio_low: float
    ratio_high: float


def race(contestants: Sequence[Contestant], rounds: int, calls: int) -> dict[str, list[Round]]:
    """Rounds by name, after one that is not counted. Who begins changes from round to round."""
    results: dict[str, list[Round]] = {c.name: [] for c in contestants}
    for turn in range(rounds + 1):
        first = turn % len(contestants)
        for contestant in (*contestants[first:], *contestants[:first]):
            time.sleep(_PAUSE_S)
            done = contestant.round(calls)
            if turn:
                results[contestant.name].append(done)
    return results


def figures(results: dict[str, list[Round]]) -> list[Figures]:
    """Of each contestant, the first being what the others are compared with."""
    reference = next(iter(results.values()))
    return [_figures(name, rounds, reference) for name, rounds in results.items()]


def _figures(name: str, rounds: list[Round], reference: list[Round]) -> Figures:
    every = [ns for r in rounds for ns in r.wall_ns]
    ratios = [_mean(mine) / _mean(other) for mine, other in zip(rounds, reference, strict=True)]
    return Figures(
        name=name,
        ms=Percentiles.of_ns(every),
        best_ms=round(min(every) / 1e6, 2),
        frames_per_s=round(len(every) / (sum(every) / 1e9), 1),
        cpu_ms=round(sum(r.cpu_ns for r in rounds) / len(every) / 1e6, 2),
        ratio=round(median(ratios), 2),
        ratio_low=round(min(ratios), 2),
        ratio_high=round(max(ratios), 2),
    )


def _mean(done: Round) -> float:
    return sum(done.wall_ns) / len(done.wall_ns)
