"""What was marked during the examination, by position: from the journal onto the axis of its recording. No Qt.

A journal's ``capture_index`` counts anew after a restart: the nth ``recording_started`` that names the examination's
own folder is session n of its pictures (``docs/formats.md``).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.examination.events import (
    Audit,
    Bookmark,
    CaecumReached,
    Event,
    InterventionEnd,
    InterventionStart,
    Note,
    Payload,
    Photo,
    PolypFound,
    PolypRemoved,
    ScopeIn,
    ScopeOut,
    Snapshot,
    Wash,
)
from app.examination.record import Examination
from app.examination.store import JOURNAL_NAME, read_journal
from app.qa.axis import FrameAxis
from app.qa.opened import Opened
from detector.errors import FormatError

MARKS: tuple[type[Payload], ...] = (
    ScopeIn, CaecumReached, Photo, PolypFound, PolypRemoved, Wash, InterventionStart, InterventionEnd, ScopeOut,
    Snapshot, Bookmark, Note,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ExamMark:
    """One mark.

    Attributes:
        position: the picture that stood on the screen, or the nearest one that was recorded.
        what: the journal's own event.
    """

    position: int
    what: Payload


def marks_of(opened: Opened) -> tuple[ExamMark, ...]:
    """The marks of an examination that count, in order; none where there is no journal.

    Raises:
        FormatError: the journal cannot be read.
    """
    return marks_in(opened.path, opened.axis) if opened.kind == "examination" else ()


def marks_in(folder: Path, axis: FrameAxis) -> tuple[ExamMark, ...]:
    """As :func:`marks_of`, of the examination in a folder. Raises as that."""
    if not len(axis):
        return ()
    journal = read_journal(folder / JOURNAL_NAME)
    examination = Examination.replay(journal.events)
    counted = {event.n for event in examination.effective}
    session, found = 0, []
    for event in journal.events:
        if isinstance(event.what, Audit) and event.what.what == "recording_started":
            session += Path(event.what.detail).name == folder.resolve().name
        if event.n in counted and isinstance(event.what, MARKS):
            place = _place(event, max(1, session), axis)
            found += [ExamMark(place, event.what)] if place is not None else []
    return tuple(sorted(found, key=lambda mark: mark.position))


def marks_or_why(opened: Opened) -> tuple[tuple[ExamMark, ...], str]:
    """The marks, and what must be said if the journal cannot be read; empty if all is well."""
    try:
        return marks_of(opened), ""
    except FormatError as error:
        return (), str(error)


def _place(event: Event, session: int, axis: FrameAxis) -> int | None:
    if event.capture_index is None:
        return None
    found = axis.of_capture(session, event.capture_index)
    if found is not None:
        return found
    of_session = np.flatnonzero((axis.session == session) & (axis.capture_index >= 0))
    if not len(of_session):
        return None
    behind = int(np.searchsorted(axis.capture_index[of_session], event.capture_index))
    return int(of_session[min(behind, len(of_session) - 1)])
