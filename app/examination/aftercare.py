"""Examinations that a crash left open: what they are, and how one is ended that nobody goes on with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from app.examination.events import Audit, End, Event
from app.examination.record import Examination, unfinished
from app.examination.store import JournalFile, read_journal


@dataclass(frozen=True, slots=True)
class OpenExamination:
    """An examination that was begun and not ended.

    Attributes:
        folder: where it lies.
        id: its pseudonym.
        started_utc: when it began.
        last_s: its last event, in seconds since then.
    """

    folder: Path
    id: str
    started_utc: datetime
    last_s: float


def open_examinations(folder: Path) -> tuple[OpenExamination, ...]:
    """All of them below a folder, the newest last; what cannot be read is passed over with a line in the log."""
    found = []
    for path in unfinished(folder):
        state = Examination.replay(read_journal(path).events)
        found.append(OpenExamination(path, state.start.id, state.start.started_utc, state.events[-1].t_s))
    return tuple(found)


def end_examination(folder: Path, utc: datetime | None = None) -> None:
    """End an examination at the time of its last event, and note when that was done.

    Ending it now would make hours of withdrawal out of a night in which nothing happened.

    Raises:
        FormatError: there is no journal, or it cannot be read.
        OutputError: it cannot be written.
    """
    journal = read_journal(folder)
    last, when = journal.events[-1], utc or datetime.now(UTC)
    if Examination.replay(journal.events).ended:
        return
    file = JournalFile(journal.path, new=False)
    try:
        note = f"after an interruption, on {when.isoformat(timespec='seconds')}; it ends with its last event"
        file.append(Event(last.n + 1, last.t_s, None, Audit(what="ended_later", detail=note)))
        file.append(Event(last.n + 2, last.t_s, None, End(reason="fault")))
    finally:
        file.close()
