"""Why a clip may be worth a look: one rule for each kind, each with a value between 0 and 1.

The value of a proposal is ``WORTH[kind] * strength``. The worths are a judgement, in order of what one answer teaches:
a polyp that a person saw and the AI did not is a sure miss; two models that disagree are wrong once; an alarm that
nobody marked is a false alarm or a polyp that was passed by; a candidate below the threshold is a miss now and then; a
false alarm that comes again is a hard example that can be had cheaply; a silence hardly ever holds anything, and only
asking tells. Strengths grow with how long and how sure the models were, and are said with each rule.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from app.qa.answers import NOT_ANALYSED
from app.qa.axis import FrameAxis
from app.qa.worklist.answers import FALSE, ClipKind, Verdict
from app.qa.worklist.clips import Clip, Corners, clip_id, window
from app.qa.worklist.evidence import Evidence, Found
from app.qa.worklist.runs import Run, alarm_runs, candidate_runs, overlaps, silences

WORTH: Final[dict[ClipKind, float]] = {
    "mark": 1.0,
    "models": 0.8,
    "alarm": 0.7,
    "low": 0.6,
    "repeated": 0.4,
    "silence": 0.15,
}
BEFORE_MARK_S, AFTER_MARK_S = 10.0, 3.0
"""An alarm so long before or behind a mark of the examination belongs to it: a hand takes its time."""
LOW_FOR_S = 0.5
SILENT_S = 60.0
_MARK_LOOK_BACK_S = 2.0  # who presses a key has seen it before
_LONG_S = 2.0  # an event of this length counts in full
_LONG_SILENCE_S = 300.0

_BOXED: Final[tuple[Verdict, ...]] = ("right", *FALSE, "unsure")
_UNBOXED: Final[tuple[Verdict, ...]] = ("missed", "nothing", "unsure")
QUESTIONS: Final[dict[ClipKind, str]] = {
    "mark": "Is there a polyp that the AI did not show?",
    "models": "Is what is boxed a polyp?",
    "alarm": "Is what is boxed a polyp?",
    "low": "Is what is boxed a polyp?",
    "repeated": "Is what is boxed a polyp?",
    "silence": "Is there a polyp in this clip?",
    "audit": "Is there a polyp in this clip?",
}


@dataclass(frozen=True, slots=True, eq=False)
class Proposal:
    """A clip that could be asked.

    Attributes:
        clip: with its value as score.
        run: what it is about; None where it is about no box.
    """

    clip: Clip
    run: Run | None = None


def proposals(evidence: Evidence) -> list[Proposal]:
    """Everything that could be asked about a procedure, unranked; what was answered or is known is left out."""
    alarms = [alarm_runs(shown, evidence.axis) for shown in evidence.shown]
    found = [
        *_marks(evidence, alarms[0] if alarms else None),
        *_models(evidence, alarms),
        *_alarms(evidence, alarms[0] if alarms else []),
        *_low(evidence, [run for runs in alarms for run in runs]),
        *_silences(evidence),
    ]
    return [p for p in found if not _is_known(p, evidence) and not _is_answered(p.clip, evidence)]


def _marks(evidence: Evidence, alarms: list[Run] | None) -> Iterator[Proposal]:
    """A mark without an alarm around it. Strength 1."""
    if alarms is None:
        return
    axis = evidence.axis
    for mark in evidence.found or ():
        if any(is_marked(run, (mark,), axis) for run in alarms):
            continue
        at_s = float(axis.times_s[mark.position])
        focus = axis.at(max(float(axis.times_s[0]), at_s - _MARK_LOOK_BACK_S))
        why = (
            f"Polyp {mark.lesion} was marked here in the examination; the AI gave no alarm from {BEFORE_MARK_S:.0f} s "
            f"before to {AFTER_MARK_S:.0f} s after it."
        )
        yield _proposal(evidence, "mark", f"polyp {mark.lesion}", focus, why, 1.0)


def _models(evidence: Evidence, alarms: list[list[Run]]) -> Iterator[Proposal]:
    """An alarm of one model where another gave none at that place and time. Strength: its length times its score."""
    for number, runs in enumerate(alarms):
        for other, theirs in enumerate(alarms):
            if other == number or evidence.shown[other].label == evidence.shown[number].label:
                continue
            name = evidence.shown[other].label
            asked = evidence.shown[other].status != NOT_ANALYSED
            for run in runs:
                if not asked[run.first : run.last + 1].any():
                    continue  # nobody asked it here: that is no disagreement
                if not any(run.meets(r) for r in _near(run, theirs)):
                    why = (
                        f"{run.label} gives an alarm for {run.seconds:.1f} s (score {run.top:.2f}); {name} gives none."
                    )
                    yield _of_run(evidence, "models", f"{run.label}|{name}", run, why, _length(run) * run.top)


def _alarms(evidence: Evidence, alarms: list[Run]) -> Iterator[Proposal]:
    """An alarm that no mark follows. Strength: its length times its score; two thirds of it without a journal."""
    for run in alarms:
        if is_marked(run, evidence.found or (), evidence.axis):
            continue
        if evidence.found is None:
            why, share = f"The AI gave an alarm for {run.seconds:.1f} s (score {run.top:.2f}).", 2 / 3
        else:
            why, share = (
                f"The AI gave an alarm for {run.seconds:.1f} s (score {run.top:.2f}), and nobody marked a polyp.",
                1.0,
            )
        yield _of_run(evidence, "alarm", run.label, run, why, share * _length(run) * max(run.top, 0.3))


def _low(evidence: Evidence, alarms: list[Run]) -> Iterator[Proposal]:
    """A candidate that stayed below the threshold for a while and was never shown.

    Strength: its length times how near its best score came to the threshold.
    """
    if not evidence.candidates:
        return
    first = evidence.candidates[0]
    for run in candidate_runs(first, evidence.axis):
        if run.seconds < LOW_FOR_S or any(run.meets(r) for r in _near(run, alarms)):
            continue
        why = (
            f"{run.label} followed something for {run.seconds:.1f} s, but was not sure enough to show it (score up to "
            f"{run.top:.2f}; shown from {first.threshold:.2f})."
        )
        yield _of_run(evidence, "low", run.source, run, why, _length(run) * min(1.0, run.top / first.threshold))


def _silences(evidence: Evidence) -> Iterator[Proposal]:
    """One clip out of every long silence, drawn at random, the same whenever the list is made. Strength: its length."""
    axis = evidence.axis
    for first, last in silences(evidence.candidates, evidence.inside, axis, SILENT_S):
        seconds = axis.until_s(last) - float(axis.times_s[first])
        seed = int.from_bytes(hashlib.sha256(f"silence|{first}".encode()).digest()[:8], "big")
        focus = int(np.random.default_rng(seed).integers(first, last + 1))
        why = f"Nothing was found for {seconds / 60:.1f} minutes; this is a sample of it."
        yield _proposal(evidence, "silence", "silence", focus, why, min(1.0, seconds / _LONG_SILENCE_S))


def _of_run(evidence: Evidence, kind: ClipKind, source: str, run: Run, why: str, strength: float) -> Proposal:
    return _proposal(evidence, kind, source, run.peak, why, strength, run)


def _proposal(
    evidence: Evidence, kind: ClipKind, source: str, focus: int, why: str, strength: float, run: Run | None = None
) -> Proposal:
    first, last = window(evidence.axis, focus)
    clip = Clip(
        id=clip_id(kind, source, focus),
        procedure=evidence.procedure,
        first=first,
        last=last,
        focus=focus,
        kind=kind,
        why=why,
        score=WORTH[kind] * min(1.0, max(0.0, strength)),
        boxes=run.clip_boxes(first, last) if run else (),
        question=QUESTIONS[kind],
        verdicts=_BOXED if run else _UNBOXED,
    )
    return Proposal(clip, run)


def _length(run: Run) -> float:
    """0.25 for the shortest, 1 from two seconds on."""
    return 0.25 + 0.75 * min(1.0, run.seconds / _LONG_S)


def _near(run: Run, others: list[Run]) -> Iterator[Run]:
    return (r for r in others if r.first <= run.last and r.last >= run.first)


def is_marked(run: Run, found: tuple[Found, ...], axis: FrameAxis) -> bool:
    """Whether a mark of the examination speaks of an alarm: set while it stood, up to 10 s behind it or 3 s before."""
    begin_s, end_s = float(axis.times_s[run.first]), float(axis.times_s[run.last])
    return any(begin_s - AFTER_MARK_S <= float(axis.times_s[m.position]) <= end_s + BEFORE_MARK_S for m in found)


def _is_known(proposal: Proposal, evidence: Evidence) -> bool:
    """Whether the reader has drawn a box over what it asks about."""
    run = proposal.run
    if run is not None:
        return overlaps(run.peak_box, evidence.known(run.peak))
    return proposal.clip.kind == "silence" and bool(evidence.known(proposal.clip.focus))


def _is_answered(clip: Clip, evidence: Evidence) -> bool:
    """Whether this event was answered, under whatever name: another threshold moves the peak by some frames."""
    box = clip.box
    return any(
        a.clip == clip.id or (a.kind != "audit" and a.first <= clip.focus <= a.last and _same(box, a.box))
        for a in evidence.answers
    )


def _same(box: Corners | None, other: Corners | None) -> bool:
    if box is None or other is None:
        return box is None and other is None
    return overlaps(box, [other], 0.3)
