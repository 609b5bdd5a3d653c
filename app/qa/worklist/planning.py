"""From procedures to a plan of the miss audit: which windows there are, which are drawn, and what came of them.

A plan is a file, so that an audit may take several sittings: schema ``polypwatch.audit-plan/1``. It names the drawn
windows and how many there were to draw from; the answers lie in the review logs of the procedures and carry its id.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from app.qa.answers import NOT_ANALYSED
from app.qa.worklist.answers import Answer
from app.qa.worklist.audit import Sensitivity, Total, allocate, draw, estimate, sensitivity, sentence, strata_of
from app.qa.worklist.clips import CLIP_S, Clip, clip_id
from app.qa.worklist.evidence import Evidence, nothing_known
from app.qa.worklist.rules import QUESTIONS, is_marked
from app.qa.worklist.runs import Run, alarm_runs, overlaps
from app.recording.mark import replace_file
from detector.errors import FormatError, OutputError
from detector.schema import require_schema

SCHEMA: Final = "polypwatch.audit-plan/1"
USUAL_WINDOWS = 400
"""At 7 s a window 47 minutes; with 4 % of missed windows the interval of their share is then about 2.4 to 6.5 %."""
USUAL_PACE = 60 / 7
"""Windows a minute, before anybody has answered one."""
_INSIDE = 0.5  # of a window's frames must show the inside of a body and have been looked at
_LOOK_BACK_S = 2.0  # who marks a polyp has seen it before


@dataclass(frozen=True, slots=True)
class Windows:
    """The time of one procedure in windows of six seconds, and what is known of each.

    Attributes:
        all: first and last position of each, in order; those outside of the body, and those that a re-analysis has not
            looked at, are left out.
        shown: in which the AI showed a lesion that was confirmed.
        known: in which a lesion is known (drawn, marked in the examination, answered) that the AI did not show there.
        open: in which nothing was on the screen, nothing is known, and nobody reviewed: what is drawn from.
        unjudged: how many alarms nobody has judged: as long as there are some, `shown` is too small.
    """

    all: tuple[tuple[int, int], ...]
    shown: frozenset[int]
    known: frozenset[int]
    open: tuple[int, ...]
    unjudged: int


@dataclass(frozen=True, slots=True)
class Share:
    """What a plan says of one procedure.

    Attributes:
        procedure: its folder or video.
        windows: how many windows there are to draw from.
        drawn: first and last position of each that was drawn, in the order in which they are asked.
        shown: windows with a confirmed lesion that the AI showed.
        known: windows with a known lesion that it did not show.
        unjudged: alarms that nobody had judged.
    """

    procedure: Path
    windows: int
    drawn: tuple[tuple[int, int], ...]
    shown: int
    known: int
    unjudged: int


@dataclass(frozen=True, slots=True)
class AuditResult:
    """What an audit says so far.

    Attributes:
        answered: how many of the drawn windows have an answer, 'unsure' included.
        drawn: how many were drawn.
        missed: how many of all windows without boxes hold a lesion that nobody knew; None before the first answer.
        sensitivity: of the AI, over windows with a lesion; None if there is none.
        words: the result for a person.
        unjudged: alarms that nobody has judged; as long as there are some, the sensitivity is too low.
        notes: what must be said beside the result, a sentence each.
    """

    answered: int
    drawn: int
    missed: Total | None
    sensitivity: Sensitivity | None
    words: str
    unjudged: int
    notes: tuple[str, ...] = ()

    @property
    def finished(self) -> bool:
        """Whether every drawn window has an answer.

        Only then is the interval what it says: who looks at it on the way and stops where it pleases shifts it.
        """
        return self.answered >= self.drawn


@dataclass(frozen=True, slots=True)
class AuditPlan:
    """Which windows are asked.

    Attributes:
        id: of the plan; every answer carries it.
        seed: of the draw.
        shares: one for each procedure.
    """

    id: str
    seed: int
    shares: tuple[Share, ...]

    def clips(self) -> tuple[Clip, ...]:
        """All drawn windows, in the order in which they are asked.

        Procedures take turns in proportion to what was drawn of them, so that whatever has been answered by any moment
        is a sample of all of them.
        """
        rng = np.random.default_rng(self.seed)
        turns = [
            ((k + rng.random()) / len(share.drawn), self._clip(number, share, window))
            for number, share in enumerate(self.shares)
            for k, window in enumerate(share.drawn)
        ]
        return tuple(clip for _, clip in sorted(turns, key=lambda t: (t[0], t[1].id)))

    def result(
        self, answers: Mapping[Path, Sequence[Answer]], windows_a_minute: float | None = None, aim: float = 0.05
    ) -> AuditResult:
        """What the answers amount to.

        Args:
            answers: of each procedure's review; those of other kinds and plans are left out, of two about one window
                the later one counts.
            windows_a_minute: how fast the reader answers; None: as their answers say, or a usual pace.
            aim: half of the interval that is aimed at.
        """
        given = [(str(s.procedure), a) for s in self.shares for a in _newest(answers.get(s.procedure, ()), self.id)]
        windows = {str(s.procedure): s.windows for s in self.shares}
        strata = strata_of(windows, [(name, answer.verdict) for name, answer in given])
        pace = windows_a_minute or _pace([a for _, a in given]) or USUAL_PACE
        shown, known = sum(s.shown for s in self.shares), sum(s.known for s in self.shares)
        missed = estimate(strata)
        found = sensitivity(shown, missed, known) if missed is not None else None
        drawn = sum(len(s.drawn) for s in self.shares)
        words = sentence(shown, strata, pace, aim, known)
        unjudged = sum(s.unjudged for s in self.shares)
        notes = _notes(sum(s.unsure for s in strata), unjudged)
        return AuditResult(len(given), drawn, missed, found, words, unjudged, notes)

    def save(self, path: Path) -> None:
        """Keep it in a file.

        Raises:
            OutputError: it cannot be written.
        """
        content = {"schema": SCHEMA, "id": self.id, "seed": self.seed, "window_s": CLIP_S}
        shares = [{**asdict(s), "procedure": str(s.procedure)} for s in self.shares]
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(path, [json.dumps({**content, "shares": shares}, indent=1).encode("ascii")])
        except OSError as error:
            raise OutputError(f"Cannot write {path}: {error.strerror or error}.", "Choose another place.") from error

    @classmethod
    def load(cls, path: Path) -> AuditPlan:
        """Read it again.

        Raises:
            FormatError: it cannot be read, or is no plan.
        """
        try:
            data: Any = json.loads(path.read_bytes())
            require_schema(data, SCHEMA, str(path))
            shares = tuple(
                Share(
                    Path(s["procedure"]),
                    s["windows"],
                    tuple((a, b) for a, b in s["drawn"]),
                    s["shown"],
                    s["known"],
                    s["unjudged"],
                )
                for s in data["shares"]
            )
            return cls(data["id"], data["seed"], shares)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise FormatError(f"{path} is no plan of an audit: {error}.", "Draw a new one.") from error

    def _clip(self, number: int, share: Share, window: tuple[int, int]) -> Clip:
        first, last = window
        focus = (first + last) // 2
        return Clip(
            id=clip_id("audit", f"{self.id}|{number}", focus),
            procedure=share.procedure,
            first=first,
            last=last,
            focus=focus,
            kind="audit",
            why="Drawn by chance from all windows in which nothing was on the screen.",
            score=0.0,
            question=QUESTIONS["audit"],
            verdicts=("missed", "nothing", "unsure"),
            plan=self.id,
        )


def make_plan(procedures: Sequence[tuple[Path, Windows]], total: int = USUAL_WINDOWS, seed: int = 1) -> AuditPlan:
    """Draw windows: from each procedure in proportion to what it has, every set of them alike.

    Args:
        procedures: each with its windows, from `windows_of`.
        total: how many are drawn over all.
        seed: another one draws others.
    """
    names = {str(path): len(windows.open) for path, windows in procedures}
    given = allocate(names, total, seed)
    shares = []
    for number, (path, windows) in enumerate(procedures):
        chosen = draw(len(windows.open), given[str(path)], f"{number} {path.name}", seed)
        drawn = tuple(windows.all[windows.open[n]] for n in chosen)
        shares.append(Share(path, len(windows.open), drawn, len(windows.shown), len(windows.known), windows.unjudged))
    said = json.dumps([seed, [[s.procedure.name, s.windows, s.drawn] for s in shares]])
    return AuditPlan(hashlib.sha256(said.encode("ascii")).hexdigest()[:12], seed, tuple(shares))


def windows_of(evidence: Evidence, is_reviewed: Callable[[int], bool] | None = None) -> Windows:
    """Cut a procedure into windows, and say what is known of each.

    Args:
        evidence: of the procedure; what the first of `evidence.shown` says was on the screen.
        is_reviewed: whether somebody looked at a frame for every lesion; None: nobody did.
    """
    counts = evidence.inside & _asked(evidence)
    tiles = [w for w in _tiles(evidence) if np.mean(counts[w[0] : w[1] + 1]) >= _INSIDE]
    boxed = np.zeros(len(evidence.axis), np.bool_)
    confirmed = boxed.copy()
    alarms = alarm_runs(evidence.shown[0], evidence.axis) if evidence.shown else []
    verdicts = [_judged(run, evidence) for run in alarms]
    known = _known(evidence, [run for run, verdict in zip(alarms, verdicts, strict=True) if verdict is not False])
    unjudged = 0
    for run, verdict in zip(alarms, verdicts, strict=True):
        boxed[run.positions] = True
        right = is_marked(run, evidence.found or (), evidence.axis) if verdict is None else verdict
        unjudged += verdict is None and not right
        if right:
            confirmed[run.positions] = True
    shown = frozenset(n for n, (a, b) in enumerate(tiles) if confirmed[a : b + 1].any())
    seen = frozenset(n for n, (a, b) in enumerate(tiles) if known[a : b + 1].any())
    free = tuple(
        n
        for n, (a, b) in enumerate(tiles)
        if n not in shown
        and n not in seen
        and not boxed[a : b + 1].any()
        and not (is_reviewed is not None and all(map(is_reviewed, range(a, b + 1))))
    )
    return Windows(tuple(tiles), shown, seen - shown, free, unjudged)


def _asked(evidence: Evidence) -> npt.NDArray[np.bool_]:
    """What a re-analysis has looked at. Live all counts: what stood on the screen was nothing, whatever the reason."""
    first = evidence.shown[0] if evidence.shown else None
    if first is None or first.origin != "analysis":
        return np.ones(len(evidence.axis), np.bool_)
    return np.asarray(first.status != NOT_ANALYSED, np.bool_)


def _tiles(evidence: Evidence) -> list[tuple[int, int]]:
    """Windows behind one another; what is left at the end is none of its own."""
    axis = evidence.axis
    if not len(axis):
        return []
    begin_s = float(axis.times_s[0])
    edges = np.arange(begin_s, axis.end_s - CLIP_S / 2, CLIP_S)
    firsts = np.searchsorted(axis.times_s, edges - 1e-6)
    behind = np.searchsorted(axis.times_s, edges + CLIP_S - 1e-6)
    return [(int(a), int(b) - 1) for a, b in zip(firsts, behind, strict=True) if b > a]


def _known(evidence: Evidence, alarms: Sequence[Run]) -> npt.NDArray[np.bool_]:
    """Frames in which a person says that a lesion is; a mark behind an alarm speaks of what that showed."""
    flags = np.zeros(len(evidence.axis), np.bool_)
    axis = evidence.axis
    for mark in evidence.found or ():
        if any(is_marked(run, (mark,), axis) for run in alarms):
            continue
        at_s = float(axis.times_s[mark.position])
        flags[axis.at(max(float(axis.times_s[0]), at_s - _LOOK_BACK_S)) : mark.position + 1] = True
    for answer in evidence.answers:
        if answer.kind != "audit" and answer.verdict in ("right", "missed"):
            flags[min(answer.focus, len(flags) - 1)] = True
    if evidence.known is not nothing_known:
        flags |= np.fromiter((bool(evidence.known(n)) for n in range(len(flags))), np.bool_, len(flags))
    return flags


def _judged(run: Run, evidence: Evidence) -> bool | None:
    """Whether an alarm was right: as it was answered, or as a drawn box says; None if nobody has judged it."""
    for answer in reversed(evidence.answers):
        inside = run.first <= answer.focus <= run.last and answer.box is not None
        if inside and answer.verdict != "unsure" and overlaps(_box_at(run, answer.focus), [answer.box]):  # type: ignore[list-item]
            return answer.verdict == "right"
    for position, box in zip(run.positions.tolist(), run.boxes.tolist(), strict=True):
        if overlaps((box[0], box[1], box[2], box[3]), evidence.known(position)):
            return True
    return None


def _box_at(run: Run, position: int) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = run.boxes[int(np.argmin(np.abs(run.positions - position)))].tolist()
    return x1, y1, x2, y2


def _notes(unsure: int, unjudged: int) -> tuple[str, ...]:
    said = []
    if unsure:
        said.append(f"Of {unsure} windows the reader could not tell; they are left out.")
    if unjudged:
        said.append(f"{unjudged} alarms nobody has judged yet: as long as that is so, the sensitivity is too low.")
    return tuple(said)


def _newest(answers: Sequence[Answer], plan: str) -> list[Answer]:
    return list({a.clip: a for a in answers if a.kind == "audit" and a.plan == plan}.values())


def _pace(answers: Sequence[Answer]) -> float | None:
    """Answers a minute, by the median: who goes for a coffee has not become slower."""
    took = sorted(a.seconds for a in answers if a.seconds)
    return 60 / took[len(took) // 2] if len(took) >= 10 else None
