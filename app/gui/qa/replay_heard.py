"""What models, labels, marks and other readers say of a procedure, gathered for the replay page. No Qt.

Gathering reads files and runs the alert code over stored candidates: seconds for an hour, so never in the window's
thread. A file that cannot be used becomes a sentence in `Heard.problems`; the rest is there all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from app.qa.answers import Candidates, Shown
from app.qa.loading import changed_ns, load_results
from app.qa.marks import ExamMark, marks_or_why
from app.qa.opened import Opened
from app.qa.review import Document
from app.qa.review.history import History
from app.qa.review.log import Reading, read_log
from app.qa.review.places import other_logs
from app.qa.review.settling import has_committed
from app.qa.scored import breaks_of
from app.qa.views import views_of
from app.qa.whatif import shown_of
from app.snapshot import Quiet
from detector.alerts import AlertSettings
from detector.errors import PolypwatchError


@dataclass(frozen=True, slots=True, eq=False)
class Analysis:
    """What one model says of the whole procedure.

    Attributes:
        candidates: its raw boxes.
        shown: the markers that the alert code makes of them at the model's own operating point.
    """

    candidates: Candidates
    shown: Shown


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """All of it.

    Attributes:
        live: what stood on the screen in the examination; None if nobody recorded that.
        raw: raw candidates: of the live session, else of re-analysis A; None if there are none.
        a: re-analysis A; None if there is none.
        b: re-analysis B; likewise.
        marks: of the examination.
        others: other readers' names with what they said.
        committed: names of those who stand by it; not of those who settled what others differ on.
        views: where the live room found fault with the picture, as first and last positions by what it was.
        problems: what could not be used, and why.
    """

    live: Shown | None = None
    raw: Candidates | None = None
    a: Analysis | None = None
    b: Analysis | None = None
    marks: tuple[ExamMark, ...] = ()
    others: tuple[tuple[str, Document], ...] = ()
    committed: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    views: Mapping[Quiet, tuple[tuple[int, int], ...]] = field(default_factory=dict)


def hear(opened: Opened, review: Path, results: Sequence[Path] = (), stop: Callable[[], bool] = lambda: False) -> Heard:
    """Gather everything. Takes seconds.

    Args:
        opened: the procedure.
        review: the reader's own log, which is not among the others.
        results: files for A and B; empty: the newest re-analyses.
        stop: asked in between; what is found so far is returned then.
    """
    found = load_results(opened)
    problems = list(found.problems)
    marks, why = marks_or_why(opened)
    problems += [why] if why else []
    live = next((shown for shown in found.shown if shown.origin == "live"), None)
    raw = next((c for c in found.candidates if c.origin == "live"), None)
    chosen = _chosen(found.candidates, results)
    analyses = [_analysis(c, opened) for c in chosen if not stop()]
    a, b = [*analyses, None, None][:2]
    if raw is None and a is not None:
        raw = a.candidates
    others, committed, more = _others(review)
    return Heard(live, raw, a, b, marks, others, committed, (*problems, *more), _views(opened))


def _views(opened: Opened) -> Mapping[Quiet, tuple[tuple[int, int], ...]]:
    try:
        return views_of(opened)
    except OSError:  # that the log cannot be read is said with its results
        return {}


def _analysis(candidates: Candidates, opened: Opened) -> Analysis:
    return Analysis(
        candidates, shown_of(candidates, opened.axis, AlertSettings(candidates.threshold), breaks_of(opened))
    )


def _chosen(candidates: Sequence[Candidates], results: Sequence[Path]) -> list[Candidates]:
    """Which two are A and B: those asked for, else re-analyses, the newest first, then what ran unseen."""
    if results:
        wanted = [path.resolve() for path in results]
        named = [c for path in wanted for c in candidates if c.file.resolve() == path and c.origin == "analysis"]
        if named:
            return named[:2]
    made = sorted((c for c in candidates if c.origin == "analysis"), key=lambda c: -changed_ns(c.file))
    unseen = [c for c in candidates if c.origin in ("candidate", "shadow")]
    return [*made, *unseen][:2]


def _others(review: Path) -> tuple[tuple[tuple[str, Document], ...], tuple[str, ...], list[str]]:
    found, committed, problems = [], [], []
    for path in other_logs(review):
        try:
            reading = read_log(path)
            if reading.head is not None:
                found.append((reading.head.reviewer, document_of(reading)))
                if has_committed(reading):
                    committed.append(reading.head.reviewer)
            if reading.fault:
                problems.append(f"The review {path.name} is broken: {reading.fault}. What stands before is shown.")
        except PolypwatchError as error:
            problems.append(f"The review {path.name} is left out: {error}")
    return tuple(found), tuple(committed), problems


def document_of(reading: Reading) -> Document:
    """What a log amounts to, as far as it can be followed."""
    assert reading.head is not None
    history = History(reading.head.length)
    for record in reading.records:
        history.take(record.n, record.operation, history.tried(record.operation))
    return history.document
