"""From figures to a verdict in plain words. Pure: the same figures give the same words.

A setting is *held* if, in a live trial of it with everything running at once,

- boxes were at most 250 ms behind their picture for 95 of 100 results: older ones are taken from the screen;
- the AI gave at least 10 answers a second and never failed: a marker needs three pictures, which then take 0.3 s;
- at most 1 % of the pictures (one, in a short trial) were late: never painted, or more than 40 ms (one picture at 25
  per second) after they were due;
- where it was to be recorded, no picture is missing in the recording, never more than 8 waited for the encoder (from
  then on the AI is held back) and the queue did not grow.

A machine is *disturbed* if other programs took 10 % or more of its processors in any of the pauses of the run, or if
the same calls took 1.3 times as long in one round as in another. What is measured then is no verdict on the machine.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from app.bench.figures import CallTimes, Figures, Setting, Trial

LATE_MS = 40.0
_BOX_MS = 250.0
_LATE_SHARE = 0.01
_ANSWERS_PER_S = 10.0
_WAITING = 8
_GROWTH = 2.0
_OTHERS = 0.10
_SPREAD = 1.3
_CLEAN = ("This machine can", "This machine cannot")
_DISTURBED = ("While disturbed, this machine could", "While disturbed, this machine could not")
REFERENCE = Setting(1920, 1080, 25, recording=False)


class Outcome(enum.Enum):
    """What the exit status says; the values are the exit statuses."""

    HOLDS = 0
    TOO_SLOW = 11
    DISTURBED = 12


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the figures say.

    Attributes:
        outcome: whether the first model holds 1080p25 here.
        sentences: the verdict, to be read from top to bottom.
        disturbances: why it cannot be relied on; empty if it can.
    """

    outcome: Outcome
    sentences: tuple[str, ...]
    disturbances: tuple[str, ...]


def judge(figures: Figures) -> Verdict:
    """The verdict on a run; see the module for the criteria."""
    disturbed = disturbances(figures.others, figures.calls)
    words = _DISTURBED if disturbed else _CLEAN
    trials = {model: [t for t in figures.trials if t.model == model] for model in figures.models}
    sentences = [_on_model(model, trials[model], words) for model in figures.models]
    sentences += [f"Not tried for lack of time: {what}." for what in figures.skipped]
    if disturbed:
        return Verdict(Outcome.DISTURBED, (*sentences, "That is no verdict on the machine."), disturbed)
    first = trials[figures.models[0]] if figures.models else []
    holds = any(t.setting.load >= REFERENCE.load and not faults_of(t) for t in first)
    return Verdict(Outcome.HOLDS if holds else Outcome.TOO_SLOW, tuple(sentences), ())


def faults_of(trial: Trial) -> tuple[str, ...]:
    """Why the trial's setting is not held, in words; empty if it is."""
    return tuple(word for words in (_ai_faults(trial), _picture_faults(trial), _record_faults(trial)) for word in words)


def disturbances(others: Sequence[float], calls: Iterable[CallTimes]) -> tuple[str, ...]:
    """What kept the machine from showing what it can do, in words; empty if nothing."""
    found = []
    if others and max(others) >= _OTHERS:
        found.append(f"Other programs use {max(others):.0%} of the processor: close them and run again.")
    restless = [(max(c.repeats_ms) / min(c.repeats_ms), c) for c in calls if min(c.repeats_ms, default=0) > 0]
    spread, worst = max(restless, key=lambda item: item[0], default=(1.0, None))
    if worst is not None and spread >= _SPREAD:
        found.append(
            f"The same calls of {worst.model} took {min(worst.repeats_ms):.0f} ms in one round and "
            f"{max(worst.repeats_ms):.0f} ms in another: other programs, or a processor that slows down when it is hot "
            "or on battery."
        )
    return tuple(found)


def _on_model(model: str, trials: Sequence[Trial], words: tuple[str, str]) -> str:
    """One sentence or two on one model; ``words`` begin a sentence about what can and what cannot be done."""
    can, cannot = words
    held = [trial for trial in trials if not faults_of(trial)]
    beaten = [trial for trial in trials if faults_of(trial)]
    if not held:
        if not trials:
            return f"`{model}` was not tried."
        lightest = min(beaten, key=lambda t: (t.setting.load, t.setting.recording))
        return f"{cannot} run `{model}` live: {_why(lightest)}"
    best = max(held, key=lambda t: (t.setting.load, t.setting.recording))
    recorded = [trial for trial in held if trial.setting.recording]
    boxes = f"with boxes {best.box_ms.p50:.0f} ms after the picture (95 of 100 within {best.box_ms.p95:.0f} ms)"
    said = f"{can} run `{model}` on {best.setting.name} {boxes}"
    if best.setting.recording:
        said += "; recording as well."
    elif recorded:
        said += f"; recording as well up to {max(recorded, key=lambda t: t.setting.load).setting.name}."
    elif any(trial.setting.recording for trial in beaten):
        said += ", only without recording."
    else:
        said += "; recording was not tried."
    heavier = [t for t in beaten if (t.setting.load, t.setting.recording) > (best.setting.load, best.setting.recording)]
    if heavier:
        said += f" Beyond that: {_why(min(heavier, key=lambda t: (t.setting.load, t.setting.recording)))}"
    return said


def _why(trial: Trial) -> str:
    return f"at {trial.setting} {'; '.join(faults_of(trial))}."


def _ai_faults(trial: Trial) -> list[str]:
    if trial.ai_trouble:
        return [f"the AI did not run ({trial.ai_trouble.rstrip('.')})"]
    found = []
    if trial.restarts:
        found.append(f"the AI process had to be restarted {_count(trial.restarts, 'time')}")
    if trial.failed:
        found.append(f"the AI failed on {_count(trial.failed, 'picture')}")
    if trial.box_ms.p95 is None:
        found.append("no answer of the AI reached the screen")
    elif trial.box_ms.p95 > _BOX_MS:
        found.append(f"boxes came up to {trial.box_ms.p95:.0f} ms after their picture (at most {_BOX_MS:.0f})")
    if trial.answers_per_s < _ANSWERS_PER_S and trial.box_ms.p95 is not None:
        found.append(f"the AI answered {trial.answers_per_s:.1f} times a second (at least {_ANSWERS_PER_S:.0f})")
    return found


def _picture_faults(trial: Trial) -> list[str]:
    if not trial.pictures:
        return ["there was no picture"]
    if trial.late <= max(1.0, _LATE_SHARE * trial.pictures):
        return []
    return [f"{trial.late / trial.pictures:.1%} of the pictures were late or left out"]


def _record_faults(trial: Trial) -> list[str]:
    if not trial.setting.recording:
        return []
    if trial.record_fault:
        return [f"the recording failed ({trial.record_fault.rstrip('.')})"]
    if trial.record_lost:
        return [f"the recording lacks {_count(trial.record_lost, 'picture')}"]
    if trial.record_waiting > _WAITING or trial.record_growth >= _GROWTH:
        return [f"the recorder could not keep up ({_count(trial.record_waiting, 'picture')} waited for it)"]
    return []


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
