"""A figure with its interval, over what the interval was drawn, and what an interval proves.

Definitions: docs/scoring.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from detector.scoring.bootstrap import bootstrap, exact_interval, unit_of

HIT_IOU = 0.5
"""What published detection figures use."""
LOOSE_IOU = 0.2
"""The project's default for 'the lesion was marked'."""
MIN_UNITS = 10
"""With fewer units a percentile interval is too narrow to be believed, whatever it says."""
Verdict = Literal["better", "not worse", "worse", "too small to tell"]
Kind = Literal["share", "rate", "other"]


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured value with its 95 % interval.

    Attributes:
        value: None: cannot be given (nothing to divide by).
        low: lower end of the interval; None if there are fewer than two units.
        high: upper end.
        over: what it was drawn over, in words (``29 sequences``; ``exact, 29 lesions``).
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    over: str = ""

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready; None stays None."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Draws:
    """How intervals are drawn.

    Attributes:
        draws: how many.
        seed: of the generator.
        over: the units, in words.
    """

    draws: int
    seed: int
    over: str

    def figure(
        self, items: Sequence[Any], figure: Callable[[Sequence[Any]], float | None], kind: Kind = "share"
    ) -> Figure:
        """A figure of stills or recordings with its bootstrap interval.

        A share of 0 or 1 would get an interval without width; it gets the exact one, as if each unit in which the share
        exists were one trial. A rate of 0 gets none: that nothing was seen does not say how rare it is.
        """
        value = figure(items)
        if value is None:
            return Figure(None)
        if kind == "rate" and value == 0.0:
            return Figure(value)
        if kind == "share" and value in (0.0, 1.0):
            counted, units = units_that_count(items, figure), len({unit_of(item) for item in items})
            what = self.over if counted == units else f"{counted} of {self.over}"
            return self.exact(counted if value else 0, counted, what)
        found = bootstrap(items, unit_of, figure, self.draws, self.seed)
        return Figure(value, found.low, found.high, self.over) if found else Figure(value)

    def exact(self, successes: int, of: int, what: str) -> Figure:
        """A share of independent trials with its Clopper-Pearson interval."""
        if of == 0:
            return Figure(None)
        found = exact_interval(successes, of)
        return Figure(successes / of, found.low, found.high, f"exact, {what}")


def units_that_count(items: Sequence[Any], figure: Callable[[Sequence[Any]], float | None]) -> int:
    """In how many units the figure exists: only these say something about it."""
    units: dict[str, list[Any]] = {}
    for item in items:
        units.setdefault(unit_of(item), []).append(item)
    return sum(figure(members) is not None for members in units.values())


def judge(low: float, high: float, margin: float, units: int) -> tuple[Verdict, str]:
    """What an interval of a gain proves, and in words why."""
    said = f"the gain lies in {low:+.3f} to {high:+.3f}"
    if units < MIN_UNITS:
        return "too small to tell", f"only {units} units say anything, fewer than {MIN_UNITS}; {said}."
    if low > 0:
        return "better", f"{said}, all of it above 0."
    if low >= -margin:
        return "not worse", f"{said}, all of it above minus the margin of {margin:g}."
    if high < 0:
        return "worse", f"{said}, all of it below 0, and not within the margin of {margin:g}."
    return "too small to tell", f"{said}: neither 0 nor a loss of more than {margin:g} is ruled out."
