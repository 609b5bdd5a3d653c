"""A bench run to read, and as JSON (``polypwatch.bench/1``)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict

from app import RESEARCH_USE, SOFTWARE
from app.bench.figures import CallTimes, Figures, Machine, Trial
from app.bench.verdict import Verdict, faults_of
from app.report import Percentiles

SCHEMA = "polypwatch.bench/1"


def as_text(figures: Figures, verdict: Verdict) -> str:
    """The figures as tables and, at the end, the verdict."""
    blocks = [_machine(figures.machine, figures.others)]
    if figures.throughputs or figures.paint:
        blocks.append(_jobs(figures))
    if figures.calls:
        blocks.append(_calls(figures.calls))
    if figures.trials:
        blocks.append(_trials(figures.trials))
    blocks.append("\n".join([*verdict.disturbances, *verdict.sentences]))
    return "\n\n".join([*blocks, f"{RESEARCH_USE}."])


def as_json(figures: Figures, verdict: Verdict) -> str:
    """Everything, as one JSON object."""
    trials = [
        {**asdict(trial), "held": not faults_of(trial), "why_not": list(faults_of(trial))} for trial in figures.trials
    ]
    data = {
        "schema": SCHEMA,
        "software": SOFTWARE,
        "notice": RESEARCH_USE,
        "verdict": {
            "outcome": verdict.outcome.name.lower(),
            "sentences": list(verdict.sentences),
            "disturbances": list(verdict.disturbances),
        },
        **asdict(figures),
        "trials": trials,
    }
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def _machine(machine: Machine, others: tuple[float, ...]) -> str:
    cores = f"{machine.cores} usable cores ({machine.hardware_threads} hardware threads)"
    memory = f", {machine.memory_gb:.0f} GB" if machine.memory_gb else ""
    busy = f"{max(others):.0%} of the processor at most" if others else "not known on this system"
    rows = [
        ("Machine", f"{machine.cpu}, {cores}{memory}"),
        *(("Card", name) for name in machine.gpus),
        ("System", machine.system),
        ("Screen", machine.screen),
        ("Other programs", busy),
        (
            "Software",
            ", ".join(f"{name} {version}" for name, version in machine.software.items() if name != "polypwatch"),
        ),
    ]
    return "\n".join(f"{name + ':':<16}{value}" for name, value in rows)


def _jobs(figures: Figures) -> str:
    rows = [(t.job, t.what, f"{t.width}x{t.height}", f"{t.frames_per_s:.0f} pictures/s") for t in figures.throughputs]
    if figures.paint is not None:
        paint = figures.paint
        rows.append(("paint", "the live page, in memory", f"{paint.width}x{paint.height}", _spell(paint.ms)))
    return "One job at a time\n" + _table(("job", "what", "size", "measured"), rows)


def _calls(calls: Iterable[CallTimes]) -> str:
    head = ("model", "variant", "on", "picture", "p50 / p95 / p99 ms", "pre + network + after", "rounds, p50")
    rows = []
    for call in calls:
        stages = " + ".join(f"{call.stages_ms.get(s, 0):.1f}" for s in ("preprocess", "infer", "decode"))
        threads = f", {call.threads} threads" if call.threads and call.provider == "cpu" else ""
        rounds = " ".join(f"{ms:.1f}" for ms in call.repeats_ms)
        size = f"{call.width}x{call.height}"
        rows.append((call.model, call.variant, call.provider + threads, size, _spell(call.ms), stages, rounds))
    return "A picture in memory to its boxes\n" + _table(head, rows)


def _trials(trials: Iterable[Trial]) -> str:
    head = ("model", "on", "setting", "painted", "late", "picture ms", "boxes ms", "answers/s", "recorder", "held")
    rows = []
    for t in trials:
        on = f"{t.variant}, {t.provider}" if t.provider else "-"
        recorder = f"{t.record_lost} lost, {t.record_waiting} waited" if t.setting.recording else "-"
        painted, held = f"{t.painted} of {t.pictures}", "no" if faults_of(t) else "yes"
        times = (_spell(t.picture_ms), _spell(t.box_ms))
        rows.append(
            (t.model, on, str(t.setting), painted, str(t.late), *times, f"{t.answers_per_s:.1f}", recorder, held)
        )
    return "All at once: picture, AI and recorder (ms: p50 / p95 / p99)\n" + _table(head, rows)


def _spell(ms: Percentiles) -> str:
    return "-" if ms.p50 is None else f"{ms.p50:.1f} / {ms.p95:.1f} / {ms.p99:.1f}"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    every = [head, *rows]
    widths = [max(len(row[column]) for row in every) for column in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in every
    )
