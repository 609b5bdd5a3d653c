"""An afternoon at the worklist: how many keys and minutes a procedure costs, and what is found for them.

    python -m benchmarks.worklist_effort [--quick] [--procedures 40] [--minutes 25] [--json FILE] [--markdown]

Procedures are made, with everything known of them: lesions that the AI shows, lesions that it follows below its
threshold, lesions that it never sees, false alarms of which half come back in the same place, and doubtful candidates.
The doctor marks a lesion with a chance of 70 %. What the model says goes through the tracker and the alert code of the
live room. Then a reader who is always right goes through the clips in their order, one key for each, and through a miss
audit of 400 windows. A clip takes its six seconds and two for the answer; an audited window seven.

Nothing here is a figure of a model or of real readers: it says what the *list* costs, and whether its order is worth
more than chance. For chance the reader looks at windows of six seconds in random order.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app import SOFTWARE
from app.qa.answers import ANALYSED, Candidates
from app.qa.axis import FrameAxis, plain_axis
from app.qa.whatif import shown_of
from app.qa.worklist.answers import Answer, Verdict
from app.qa.worklist.clips import CLIP_S, Clip, Corners
from app.qa.worklist.evidence import Evidence, Found
from app.qa.worklist.planning import USUAL_WINDOWS, AuditResult, make_plan, windows_of
from app.qa.worklist.ranking import CLIPS_A_PROCEDURE, ranked
from benchmarks.tables import table
from detector.alerts import AlertSettings
from detector.geometry import as_boxes
from detector.results import ModelRef

RATE = 25
ANSWER_S = 2.0
WINDOW_S = 7.0
AFTERNOON_S = 4 * 3600.0
THRESHOLD = 0.4
_MARKED = 0.7
_MODEL = ModelRef(name="made", version="1", variant="made", sha256="0" * 64)


@dataclass(frozen=True, slots=True)
class Thing:
    """Something that is in the picture for a while, or seems to be.

    Attributes:
        first: first position.
        last: last position.
        box: where.
        score: what the model gives it, about; 0 if it does not see it.
        lesion: whether it is one.
    """

    first: int
    last: int
    box: Corners
    score: float
    lesion: bool

    def in_clip(self, first: int, last: int) -> bool:
        """Whether a clip shows it."""
        return self.first <= last and self.last >= first


@dataclass(frozen=True, slots=True)
class Made:
    """A procedure with what is true of it."""

    evidence: Evidence
    things: tuple[Thing, ...]

    @property
    def missed(self) -> tuple[Thing, ...]:
        """Lesions that were never on the screen."""
        return tuple(t for t in self.things if t.lesion and not self._was_shown(t))

    def _was_shown(self, thing: Thing) -> bool:
        shown = self.evidence.shown[0]
        rows = shown.boxes[shown.offsets[thing.first] : shown.offsets[thing.last + 1]]
        return any(_close(thing.box, (b[0], b[1], b[2], b[3])) for b in rows.tolist())


@dataclass(frozen=True, slots=True)
class Effort:
    """What one procedure cost and gave.

    Attributes:
        clips: how many were asked; each is one key.
        seconds: of the reader.
        missed: lesions that were never shown.
        found: of them, in some clip.
        first: after how many clips the first of them came; None if none did.
        by_chance: after how many windows in random order the first of them comes on average; None without one.
        false: false alarms that were named.
        ranking_s: processor seconds that the list took.
    """

    clips: int
    seconds: float
    missed: int
    found: int
    first: int | None
    by_chance: float | None
    false: int
    ranking_s: float


def make(number: int, minutes: float, seed: int = 1) -> Made:
    """Procedure ``number`` of a ward."""
    rng = np.random.default_rng([seed, number])
    count = round(minutes * 60 * RATE)
    axis = plain_axis(np.arange(count) / RATE, count / RATE)
    per = minutes / 25
    kinds = (
        (2.0 * per, (4, 20), (0.5, 0.9), True),  # shown
        (0.6 * per, (1, 6), (0.15, 0.33), True),  # followed below the threshold
        (0.4 * per, (1, 5), (0.0, 0.0), True),  # never seen
        (12.0 * per, (0.3, 1.5), (0.45, 0.8), False),  # false alarms
        (40.0 * per, (0.1, 1.0), (0.1, 0.35), False),  # doubtful candidates
    )
    still = _place(rng)
    things = []
    for mean, (shortest, longest), (low, high), lesion in kinds:
        for _ in range(rng.poisson(mean)):
            length = max(2, round(rng.uniform(shortest, longest) * RATE))
            first = int(rng.integers(0, count - length))
            comes_back = not lesion and low > 0.4 and rng.random() < 0.5
            box = still if comes_back else _place(rng)
            things.append(Thing(first, first + length - 1, box, rng.uniform(low, high), lesion))
    said = _candidates(things, count, rng)
    shown = shown_of(said, axis, AlertSettings(THRESHOLD))
    marks = tuple(
        Found(min(count - 1, t.last + RATE), n + 1)
        for n, t in enumerate(t for t in things if t.lesion)
        if rng.random() < _MARKED
    )
    evidence = Evidence(Path(f"procedure-{number:03d}"), axis, (said,), (shown,), marks, np.ones(count, np.bool_))
    return Made(evidence, tuple(things))


def verdict_of(clip: Clip, things: Sequence[Thing]) -> Verdict:
    """What a reader who is always right says."""
    here = [t for t in things if t.in_clip(clip.first, clip.last)]
    box = clip.box
    if box is None:
        return "missed" if any(t.lesion for t in here) else "nothing"
    return "right" if any(t.lesion and _close(t.box, box) for t in here) else "wall"


def answered(clip: Clip, things: Sequence[Thing], seconds: float = CLIP_S + ANSWER_S) -> Answer:
    """The answer, as the window stores it."""
    verdict = verdict_of(clip, things)
    return Answer(clip.id, clip.kind, verdict, clip.first, clip.last, clip.focus, clip.box, clip.plan, seconds)


def read(made: Made, limit: int = CLIPS_A_PROCEDURE, seed: int = 1) -> tuple[Effort, list[Answer]]:
    """Let the reader go through the clips of a procedure: one key for each."""
    begin = time.process_time()
    clips = ranked(made.evidence, limit)
    took = time.process_time() - begin
    answers = [answered(clip, made.things) for clip in clips]
    missed = made.missed
    hits = [[t for t in missed if t.in_clip(c.first, c.last)] for c in clips]
    first = next((n + 1 for n, found in enumerate(hits) if found), None)
    effort = Effort(
        len(clips),
        len(clips) * (CLIP_S + ANSWER_S),
        len(missed),
        len({id(t) for found in hits for t in found}),
        first,
        chance(made, seed) if missed else None,
        sum(a.is_false for a in answers),
        took,
    )
    return effort, answers


def chance(made: Made, seed: int, draws: int = 200) -> float:
    """After how many windows in random order the first missed lesion comes, on average."""
    axis: FrameAxis = made.evidence.axis
    length = round(CLIP_S * RATE)
    firsts = np.arange(0, len(axis) - length + 1, length)
    holds = np.array([any(t.in_clip(int(a), int(a) + length - 1) for t in made.missed) for a in firsts])
    rng = np.random.default_rng(seed)
    return float(np.mean([np.argmax(rng.permutation(holds)) + 1 for _ in range(draws)]))


def audit(ward: Sequence[Made], answers: Sequence[list[Answer]], total: int, seed: int = 1) -> tuple[AuditResult, int]:
    """Audit a ward behind its worklist; returns the result and how many windows really hold an unknown lesion."""
    known = [_with(made.evidence, given) for made, given in zip(ward, answers, strict=True)]
    windows = [windows_of(evidence) for evidence in known]
    plan = make_plan([(e.procedure, w) for e, w in zip(known, windows, strict=True)], total, seed)
    things = {made.evidence.procedure: made.things for made in ward}
    given: dict[Path, list[Answer]] = {}
    for clip in plan.clips():
        given.setdefault(clip.procedure, []).append(answered(clip, things[clip.procedure], WINDOW_S))
    true = sum(
        any(t.lesion and t.in_clip(*w.all[n]) for t in made.things)
        for made, w in zip(ward, windows, strict=True)
        for n in w.open
    )
    return plan.result(given), true


def main(argv: Sequence[str] | None = None) -> None:
    """Make a ward, read it, audit it, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--procedures", type=int, default=40)
    parser.add_argument("--minutes", type=float, default=25.0, help="length of a procedure")
    parser.add_argument("--clips", type=int, default=CLIPS_A_PROCEDURE, help="of a procedure at most")
    parser.add_argument("--windows", type=int, default=USUAL_WINDOWS, help="of the audit")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="six procedures of five minutes")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", action="store_true")
    args = parser.parse_args(argv)
    procedures, minutes = (6, 5.0) if args.quick else (args.procedures, args.minutes)
    ward = [make(n, minutes, args.seed) for n in range(procedures)]
    readings = [read(made, args.clips, args.seed) for made in ward]
    result, true = audit(ward, [answers for _, answers in readings], args.windows, args.seed)
    report = _report([effort for effort, _ in readings], result, true, minutes)
    rows = [[name, _cell(value)] for name, value in report.items()]
    print(f"{SOFTWARE}: {procedures} made procedures of {minutes:g} minutes, seed {args.seed}\n")
    print(table(["measure", "value"], rows, args.markdown))
    if args.json:
        args.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def _report(efforts: Sequence[Effort], result: AuditResult, true: int, minutes: float) -> dict[str, object]:
    keys = [e.clips for e in efforts]
    clips_s, audit_s = sum(e.seconds for e in efforts), result.answered * WINDOW_S
    with_miss = [e for e in efforts if e.missed]
    firsts = [e.first for e in with_miss if e.first is not None]
    assert result.missed is not None
    return {
        "procedures": len(efforts),
        "minutes of video": round(len(efforts) * minutes, 1),
        "keys a procedure, mean": round(float(np.mean(keys)), 1),
        "keys a procedure, most": max(keys),
        "reader's minutes a procedure": round(clips_s / 60 / len(efforts), 2),
        "reader's hours, clips": round(clips_s / 3600, 2),
        "reader's hours, with the audit": round((clips_s + audit_s) / 3600, 2),
        "fits an afternoon of 4 h": clips_s + audit_s <= AFTERNOON_S,
        "lesions never shown": sum(e.missed for e in efforts),
        "of them in a clip": sum(e.found for e in efforts),
        "clips to the first of them, median": float(np.median(firsts)) if firsts else None,
        "windows to it by chance, median": float(np.median([e.by_chance for e in with_miss])) if with_miss else None,
        "false alarms named": sum(e.false for e in efforts),
        "unknown lesion windows, true": true,
        "estimated by the audit": round(result.missed.value, 1),
        "interval, low": round(result.missed.low, 1),
        "interval, high": round(result.missed.high, 1),
        "in words": result.words,
        "processor s a list, mean": round(float(np.mean([e.ranking_s for e in efforts])), 2),
    }


def _cell(value: object) -> str:
    return "-" if value is None else str(value)


def _place(rng: np.random.Generator) -> Corners:
    width, height = rng.uniform(60, 260, 2)
    x, y = rng.uniform(0, 1280 - width), rng.uniform(0, 720 - height)
    return float(x), float(y), float(x + width), float(y + height)


def _candidates(things: Sequence[Thing], count: int, rng: np.random.Generator) -> Candidates:
    rows: list[tuple[int, float, Corners]] = []
    for thing in things:
        if thing.score <= 0:
            continue
        frames = np.arange(thing.first, thing.last + 1)
        scores = np.clip(thing.score + rng.normal(0, 0.05, len(frames)), 0.02, 0.99)
        shift = rng.normal(0, 3, (len(frames), 4))
        rows += [(int(f), float(s), _moved(thing.box, d)) for f, s, d in zip(frames, scores, shift, strict=True)]
    rows.sort(key=lambda r: (r[0], -r[1]))
    offsets = np.searchsorted([r[0] for r in rows], np.arange(count + 1)).astype(np.int64)
    return Candidates(
        "made 1 made",
        "analysis",
        Path("made.json"),
        _MODEL,
        THRESHOLD,
        0.01,
        ("polyp",),
        np.full(count, ANALYSED, np.uint8),
        offsets,
        as_boxes([r[2] for r in rows]),
        np.array([r[1] for r in rows], np.float32),
        np.zeros(len(rows), np.uint8),
    )


def _moved(box: Corners, by: Sequence[float]) -> Corners:
    return box[0] + by[0], box[1] + by[1], box[2] + by[2], box[3] + by[3]


def _close(one: Corners, other: Corners) -> bool:
    width, height = min(one[2], other[2]) - max(one[0], other[0]), min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return False
    inter = width * height
    areas = sum((b[2] - b[0]) * (b[3] - b[1]) for b in (one, other))
    return inter >= 0.2 * (areas - inter)


def _with(evidence: Evidence, answers: Sequence[Answer]) -> Evidence:
    return Evidence(
        evidence.procedure,
        evidence.axis,
        evidence.candidates,
        evidence.shown,
        evidence.found,
        evidence.inside,
        tuple(answers),
    )


if __name__ == "__main__":
    main()
