"""The miss audit: how many windows with a lesion did nobody mark? Drawn by chance, answered blind, with its error.

All marks and results together never show what everybody missed. So the time of the procedures in which nothing was on
the screen and nobody marked anything is cut into windows of six seconds, some of them are drawn by chance from each
procedure, and a reader who sees no boxes says whether a polyp is there. The chance of each window is known, so that
what was found in the drawn ones stands for all.

What is counted are *windows with a lesion*, not lesions: a polyp that is seen for 15 s fills two or three of them.
Assumed is that the reader is right, that the windows of a procedure are drawn alike (simple random sampling without
replacement within it, `draw`), and that what is called marked was confirmed. Windows that were not drawn enter no
denominator but through the estimate; a procedure without a drawn window enters only if others stand for it (`estimate`
says so). 'Unsure' counts as not answered, and the result says how many those were.

Sources:
    Cochran, Sampling Techniques, 3rd ed. 1977, ch. 5: the stratified estimator of a total.
    Clopper and Pearson, Biometrika 1934;26:404-13: the exact interval of a share.
    Korn and Graubard, Survey Methodology 1998;24:193-201: that interval for few cases in a designed sample, with the
        sample's effective size in place of its size; recommended for rare events by Dean and Pagano, Journal of Survey
        Statistics and Methodology 2015;3:484-503.
    Kish, Survey Sampling 1965, ch. 11.7: the loss by unequal weights.
    Newcombe, Statistical Methods in Medical Research 2016;25:1774-8 (MOVER-R): the interval of a ratio from those of
        its two parts.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import betaincinv  # the beta distribution's quantile; scipy.stats takes seconds to import

LEVEL = 0.95
_MINUTES_IN_WORDS = 180


@dataclass(frozen=True, slots=True)
class Stratum:
    """The windows of one procedure that could be drawn, and what became of those that were.

    Attributes:
        name: of the procedure.
        windows: how many there are.
        answered: how many of the drawn ones were answered with yes or no.
        found: in how many of those there was a lesion.
        unsure: how many were answered with 'unsure'.
    """

    name: str
    windows: int
    answered: int
    found: int
    unsure: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.found <= self.answered <= self.windows or self.unsure < 0:
            raise ValueError(f"{self.name}: found <= answered <= windows, none below 0")


@dataclass(frozen=True, slots=True)
class Total:
    """How many windows hold a lesion, as estimated.

    Attributes:
        value: the estimate.
        low: lower end of its 95 % interval.
        high: upper end.
        windows: how many there are.
        answered: how many were looked at.
        found: in how many of them there was a lesion.
        unsure: how many nobody could tell.
        pooled: whether procedures stood for each other, because some had no answer of their own.
    """

    value: float
    low: float
    high: float
    windows: int
    answered: int
    found: int
    unsure: int
    pooled: bool


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """Of all windows with a lesion, the share that was marked.

    Attributes:
        value: the estimate.
        low: lower end of its 95 % interval.
        high: upper end.
    """

    value: float
    low: float
    high: float

    @property
    def half_width(self) -> float:
        """Half of the interval's width."""
        return (self.high - self.low) / 2


def allocate(windows: Mapping[str, int], total: int, seed: int = 1) -> dict[str, int]:
    """How many windows of each procedure are drawn: in proportion to what it has, so that all have about one chance.

    By the method of Sainte-Lague (Webster): a larger total takes nothing from anybody, so that a plan can be made
    longer without throwing answers away.

    Args:
        windows: how many each has.
        total: how many over all; everything, if there are fewer.
        seed: decides between procedures that have the same claim.
    """
    if total < 0 or any(n < 0 for n in windows.values()):
        raise ValueError("numbers of windows are not negative")
    sizes = np.array(list(windows.values()), np.int64)
    owner = np.repeat(np.arange(len(sizes)), sizes)
    rank = np.arange(len(owner)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    claim = sizes[owner] / (2 * rank + 1)
    chance = np.random.default_rng(seed).permutation(len(sizes))
    taken = np.lexsort((chance[owner], -claim))[:total]
    counts = np.bincount(owner[taken], minlength=len(sizes))
    return dict(zip(windows, counts.tolist(), strict=True))


def draw(windows: int, count: int, name: str, seed: int = 1) -> tuple[int, ...]:
    """Which windows of a procedure are drawn, in the order in which they are asked: every set of this size alike.

    Args:
        windows: how many there are.
        count: how many are drawn.
        name: of the procedure: each has numbers of its own.
        seed: of the plan.
    """
    own = int.from_bytes(hashlib.sha256(f"audit|{seed}|{name}".encode("utf-8", "surrogatepass")).digest()[:8], "big")
    return tuple(int(n) for n in np.random.default_rng(own).permutation(windows)[:count])


def estimate(strata: Sequence[Stratum]) -> Total | None:
    """How many windows hold a lesion that nobody marked; None as long as nothing is answered.

    The estimate is unbiased: ``sum(N_h * y_h / n_h)`` over procedures with N_h windows, n_h answers, y_h found. Where a
    procedure has no answer (yet), all are taken for one: what is answered then stands for all windows alike, which is
    so if the windows are asked in the plan's order. The interval is Korn's and Graubard's: Clopper and Pearson's at the
    share found, with the effective number of answers ``n / (1 + cv^2 of the weights)`` (Kish), corrected for what is
    left to be looked at: none of it, no error. Stratification only makes the true error smaller.

    Args:
        strata: one for each procedure.
    """
    used = [s for s in strata if s.windows]
    answered, windows = sum(s.answered for s in used), sum(s.windows for s in used)
    unsure = sum(s.unsure for s in used)
    if not answered:
        return None
    found = sum(s.found for s in used)
    pooled = any(not s.answered for s in used)
    if pooled:
        share, weights = found / answered, np.full(answered, windows / answered)
    else:
        share = sum(s.windows * s.found / s.answered for s in used) / windows
        weights = np.repeat([s.windows / s.answered for s in used], [s.answered for s in used])
    low, high = _interval(share, _effective(weights, windows))
    # What was found is there, and what was seen to be empty is empty: no interval reaches beyond.
    value = share * windows
    low, high = max(low * windows, float(found)), min(high * windows, float(windows - (answered - found)))
    return Total(value, min(low, value), max(high, value), windows, answered, found, unsure, pooled)


def sensitivity(marked: Total | int, missed: Total, known: int = 0) -> Sensitivity | None:
    """Of all windows with a lesion, the share that was marked: ``marked / (marked + known + missed)``.

    Args:
        marked: how many windows hold a lesion that was marked: counted, or itself estimated from a sample.
        missed: from `estimate`.
        known: how many windows hold a lesion that was not marked and yet is known, so that it was not drawn from.

    Returns:
        None if there is no window with a lesion at all.
    """
    right = marked if isinstance(marked, Total) else Total(marked, marked, marked, marked, marked, marked, 0, False)
    wrong = replace(missed, value=missed.value + known, low=missed.low + known, high=missed.high + known)
    if right.value + wrong.value <= 0:
        return None
    low, high = _ratio(wrong, right)
    return Sensitivity(right.value / (right.value + wrong.value), 1 / (1 + high), 1 / (1 + low))


def minutes_for(
    marked: Total | int,
    strata: Sequence[Stratum],
    windows_a_minute: float,
    half_width: float,
    known: int = 0,
    step_min: int = 5,
) -> int | None:
    """After how many more minutes the interval is about this narrow, if what comes is as what was found so far.

    Args:
        marked: as for `sensitivity`.
        strata: as for `estimate`.
        windows_a_minute: how fast the reader answers.
        half_width: what half of the interval shall be at most, in shares (.05).
        known: as for `sensitivity`.
        step_min: minutes are given in such steps.

    Returns:
        None if even looking at everything does not do, or nobody can say.
    """
    now = estimate(strata)
    if now is None or windows_a_minute <= 0:
        return None
    left = now.windows - now.answered
    for minutes in range(0, step_min * (2 + math.ceil(left / windows_a_minute / step_min)), step_min):
        more = min(left, round(minutes * windows_a_minute))
        then = _foreseen(now, more)
        found = sensitivity(marked, then, known)
        if found is not None and found.half_width <= half_width:
            return minutes
    return None


def sentence(
    marked: Total | int, strata: Sequence[Stratum], windows_a_minute: float, aim: float = 0.05, known: int = 0
) -> str:
    """The result for a person, as ``Sensitivity 91 % (82 to 97); 25 more minutes give about ±5``.

    Args:
        marked: as for `sensitivity`.
        strata: as for `estimate`.
        windows_a_minute: how fast the reader answers.
        aim: half of the interval that is aimed at.
        known: as for `sensitivity`.
    """
    total = estimate(strata)
    if total is None:
        return "Nothing is answered yet, so nothing can be said about what was missed."
    found = sensitivity(marked, total, known)
    if found is None:
        return (
            f"No window with a lesion is known, and none was found in {total.answered} of {total.windows} windows; at "
            f"most {math.floor(total.high)} of them hold one. A sensitivity cannot be given."
        )
    said = f"Sensitivity {_percent(found.value)} % ({_percent(found.low)} to {_percent(found.high)})"
    if found.half_width <= aim:
        return f"{said}."
    points = _percent(aim)
    minutes = minutes_for(marked, strata, windows_a_minute, aim, known)
    if minutes and minutes > _MINUTES_IN_WORDS:
        return f"{said}; {math.ceil(minutes / 60)} more hours give about ±{points}."
    if minutes:
        return f"{said}; {minutes} more minutes give about ±{points}."
    return f"{said}; more procedures are needed for ±{points}."


def strata_of(windows: Mapping[str, int], answers: Iterable[tuple[str, str]]) -> list[Stratum]:
    """Strata from answers.

    Args:
        windows: how many windows each procedure has.
        answers: procedure and verdict of each answer of the plan; ``missed``: there is a lesion; ``nothing``: none;
            ``unsure``.

    Raises:
        ValueError: a verdict that the audit does not ask for, or a procedure that it does not have.
    """
    counts = {name: {"missed": 0, "nothing": 0, "unsure": 0} for name in windows}
    for name, verdict in answers:
        if name not in counts or verdict not in counts[name]:
            raise ValueError(f"{verdict!r} about {name!r} is no answer of this audit")
        counts[name][verdict] += 1
    return [
        Stratum(name, windows[name], n["missed"] + n["nothing"], n["missed"], n["unsure"]) for name, n in counts.items()
    ]


def _effective(weights: np.ndarray[tuple[int], np.dtype[np.float64]], windows: int) -> float:
    """How many answers of a simple random sample from an endless population would say as much."""
    answered = len(weights)
    kish = float(weights.sum()) ** 2 / float((weights**2).sum())
    if answered >= windows:
        return math.inf
    return kish * (windows - 1) / (windows - answered) if windows > 1 else math.inf


def _interval(share: float, size: float) -> tuple[float, float]:
    if math.isinf(size):
        return share, share
    tail = (1 - LEVEL) / 2
    hits = share * size
    low = float(betaincinv(hits, size - hits + 1, tail)) if hits > 0 else 0.0
    high = float(betaincinv(hits + 1, size - hits, 1 - tail)) if hits < size else 1.0
    return low, high


def _ratio(top: Total, bottom: Total) -> tuple[float, float]:
    """The interval of ``top / bottom`` (MOVER-R)."""
    a, low_a, high_a = top.value, top.low, top.high
    b, low_b, high_b = bottom.value, bottom.low, bottom.high
    product = a * b
    under, over = high_b * (2 * b - high_b), low_b * (2 * b - low_b)
    low_root = max(0.0, product**2 - low_a * (2 * a - low_a) * under)
    high_root = max(0.0, product**2 - high_a * (2 * a - high_a) * over)
    # Where the interval of the divisor is wider than itself the formula has no lower end: then it is 0.
    low = (product - math.sqrt(low_root)) / under if under > 0 else 0.0
    high = (product + math.sqrt(high_root)) / over if over > 0 else math.inf
    return max(0.0, low), high


def _foreseen(now: Total, more: int) -> Total:
    """The estimate after more answers, if the share stays; weights even out in the plan's order."""
    answered = now.answered + more
    size = _effective(np.ones(answered), now.windows)
    share = now.value / now.windows
    low, high = (end * now.windows for end in _interval(share, size))
    value, found = now.value, round(share * answered)
    return Total(value, min(low, value), max(high, value), now.windows, answered, found, now.unsure, now.pooled)


def _percent(share: float) -> int:
    return round(100 * share)
