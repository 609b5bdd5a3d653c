"""Quality indicators of one examination: pure functions of its events, each with the source of its definition.

All of them are meant as means over many examinations of an endoscopist or a unit; a single figure judges nobody. What
was not marked is None, never a guess. Detection rates of adenomas need histology: here only polyps are counted.

Sources:
    ASGE/ACG 2024: Rex et al., Quality indicators for colonoscopy, Am J Gastroenterol 2024;119:1754-80
        (doi 10.14309/ajg.0000000000002972).
    ESGE 2017: Kaminski et al., Performance measures for lower gastrointestinal endoscopy, Endoscopy 2017;49:378-97
        (doi 10.1055/s-0043-103411).
    AGA 2021: Keswani et al., Clinical practice update on strategies to improve quality of screening and surveillance
        colonoscopy, Gastroenterology 2021;161:701-11.
    BBPS: Lai et al., Gastrointest Endosc 2009;69:620-5.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from types import UnionType
from typing import Literal

from app.examination.events import (
    BBPS_SEGMENTS,
    CaecumReached,
    End,
    InterventionEnd,
    InterventionStart,
    Photo,
    PolypRemoved,
    ScopeIn,
    ScopeOut,
    Wash,
)
from app.examination.record import Examination

HINT_AFTER_S = 480.0
"""8 minutes: the mean withdrawal time of normal examinations that ASGE/ACG 2024 asks for (AGA 2021: at least 6, better
9; ESGE 2017: at least 6)."""

_TREATED = frozenset({"biopsy", "cold_forceps", "cold_snare", "hot_snare", "emr", "esd", "other"})


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """The withdrawal, from the caecum to the anus.

    Attributes:
        total_s: all of it but the time that the endoscope was outside in between.
        net_s: the same without interventions.
        interventions_s: how long they took.
        finished: ``scope_out``: its end was marked; ``end``: only the end of the examination was; None: it goes on.
    """

    total_s: float
    net_s: float
    interventions_s: float
    finished: Literal["scope_out", "end"] | None


@dataclass(frozen=True, slots=True)
class Quality:
    """The indicators of one examination; None where something was not marked.

    Attributes:
        insertion_s: from the anus to the caecum.
        withdrawal: see :func:`withdrawal`.
        normal: whether it counts for the mean withdrawal time: nothing was removed, no biopsy taken.
        caecum_reached: whether it was marked as reached.
        valve_photographed: whether the ileocaecal valve was.
        orifice_photographed: whether the appendiceal orifice was.
        bbps_total: see :func:`bbps_total`.
        bbps_adequate: see :func:`bbps_adequate`.
        polyps_found: lesions that were found or described; those that were only marked as removed count as well.
        polyps_removed: see :func:`polyps_removed`.
        interventions: how many were marked.
        washes: how many were marked.
    """

    insertion_s: float | None
    withdrawal: Withdrawal | None
    normal: bool
    caecum_reached: bool
    valve_photographed: bool
    orifice_photographed: bool
    bbps_total: int | None
    bbps_adequate: bool | None
    polyps_found: int
    polyps_removed: int
    interventions: int
    washes: int


def quality(examination: Examination, now_s: float | None = None) -> Quality:
    """All indicators.

    Args:
        examination: running or over.
        now_s: seconds since the start, for a withdrawal that goes on; default: the time of the last event.
    """
    photos = {photo.of for _, photo in examination.of(Photo)}
    return Quality(
        insertion_s=insertion_s(examination),
        withdrawal=withdrawal(examination, now_s),
        normal=is_normal(examination),
        caecum_reached=bool(examination.of(CaecumReached)),
        valve_photographed="valve" in photos,
        orifice_photographed="orifice" in photos,
        bbps_total=bbps_total(examination),
        bbps_adequate=bbps_adequate(examination),
        polyps_found=max(len(examination.lesions), polyps_removed(examination)),
        polyps_removed=polyps_removed(examination),
        interventions=len(examination.of(InterventionStart)),
        washes=len(examination.of(Wash)),
    )


def insertion_s(examination: Examination) -> float | None:
    """From the last time that the endoscope went in before the caecum to the caecum."""
    caecum_s = examination.first_s(CaecumReached)
    if caecum_s is None:
        return None
    entries = [e.t_s for e, _ in examination.of(ScopeIn) if e.t_s <= caecum_s]
    return caecum_s - entries[-1] if entries else None


def withdrawal(examination: Examination, now_s: float | None = None) -> Withdrawal | None:
    """The withdrawal time, or None if the caecum was not marked as reached.

    ESGE 2017 and ASGE/ACG 2024 measure it from the caecum to the withdrawal through the anus, with the inspection of
    the mucosa, and only in examinations without biopsy or treatment (``is_normal``). Neither takes washing out of it:
    cleaning is part of the inspection, so that ``total_s`` and ``net_s`` both hold it. ``net_s`` without interventions
    is what makes other examinations comparable; no guideline sets a limit for it.
    """
    begin = examination.first_s(CaecumReached)
    if begin is None:
        return None
    ins_and_outs = [e for e in examination.effective if isinstance(e.what, ScopeIn | ScopeOut)]
    over_s = examination.first_s(End)
    finished: Literal["scope_out", "end"] | None
    if ins_and_outs and isinstance(ins_and_outs[-1].what, ScopeOut):
        end, finished = ins_and_outs[-1].t_s, "scope_out"
    elif over_s is not None:
        end, finished = over_s, "end"
    else:
        end, finished = max(begin, examination.events[-1].t_s if now_s is None else now_s), None
    outside = _overlap(_spans(examination, ScopeOut, ScopeIn, end), begin, end)
    treated = _overlap(_interventions(examination, end), begin, end)
    total = max(0.0, end - begin - outside)
    return Withdrawal(round(total, 3), round(max(0.0, total - treated), 3), round(treated, 3), finished)


def is_normal(examination: Examination) -> bool:
    """Nothing was removed or sampled: only such examinations count for an endoscopist's mean withdrawal time."""
    treated = any(lesion.method in _TREATED for lesion in examination.lesions)
    return not treated and not examination.of(InterventionStart) and not examination.of(PolypRemoved)


def bbps_total(examination: Examination) -> int | None:
    """The sum over the three segments, 0 to 9; None until all three were scored (BBPS)."""
    scores = examination.bbps
    return sum(scores.values()) if len(scores) == len(BBPS_SEGMENTS) else None


def bbps_adequate(examination: Examination) -> bool | None:
    """Every segment at least 2, which makes at least 6 in all (ASGE/ACG 2024, AGA 2021).

    One segment below 2 settles it; None while nothing does.
    """
    scores = examination.bbps
    if any(score < 2 for score in scores.values()):
        return False
    return True if len(scores) == len(BBPS_SEGMENTS) else None


def polyps_removed(examination: Examination) -> int:
    """Lesions marked as removed, or described with a method of resection.

    A removal that names no lesion is one of those that were found, if any was.
    """
    marks = [mark.lesion for _, mark in examination.of(PolypRemoved)]
    resected = {x.id for x in examination.lesions if x.method in _TREATED - {"biopsy"}}
    named = resected | {number for number in marks if number is not None}
    return min(len(examination.lesions) or len(marks), len(named) + marks.count(None))


class Hint(enum.Enum):
    """What the withdrawal clock says beside its time."""

    RUNNING = "running"
    REACHED = "reached"  # the target is reached
    SHORT = "short"  # the endoscope is out before it was


@dataclass(frozen=True, slots=True)
class WithdrawalHint:
    """The withdrawal clock.

    Attributes:
        hint: what it says.
        elapsed_s: of the withdrawal.
        target_s: when it says ``REACHED``.
    """

    hint: Hint
    elapsed_s: float
    target_s: float


def withdrawal_hint(
    examination: Examination, now_s: float, after_s: float | None = HINT_AFTER_S
) -> WithdrawalHint | None:
    """The quiet hint beside the clock; None before the caecum and after any intervention.

    The target is for the mean of *normal* examinations: once something was removed or sampled, the hint would be wrong.

    Args:
        examination: the state.
        now_s: seconds since the start.
        after_s: the target; None switches the hint off.
    """
    if after_s is None or not is_normal(examination):
        return None
    measured = withdrawal(examination, now_s)
    if measured is None:
        return None
    if measured.net_s >= after_s:
        return WithdrawalHint(Hint.REACHED, measured.net_s, after_s)
    return WithdrawalHint(Hint.SHORT if measured.finished else Hint.RUNNING, measured.net_s, after_s)


Span = tuple[float, float]


def _spans(examination: Examination, begins: type, ends: type | UnionType, last_s: float) -> list[Span]:
    """From each ``begins`` to the next ``ends``, the last one to ``last_s`` if it stays open."""
    spans: list[Span] = []
    since: float | None = None
    for event in examination.effective:
        if isinstance(event.what, begins) and since is None:
            since = event.t_s
        elif isinstance(event.what, ends) and since is not None:
            spans.append((since, event.t_s))
            since = None
    return spans if since is None else [*spans, (since, last_s)]


def _interventions(examination: Examination, last_s: float) -> list[Span]:
    """An intervention whose end was not marked ends when the endoscope goes out."""
    return _spans(examination, InterventionStart, InterventionEnd | ScopeOut, last_s)


def _overlap(spans: list[Span], begin: float, end: float) -> float:
    return sum(max(0.0, min(b, end) - max(a, begin)) for a, b in spans)
