"""What the journal of an examination says that figures are grouped by, and which frames were of the withdrawal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from app.examination.events import CaecumReached, InterventionEnd, InterventionStart, ScopeIn, ScopeOut
from app.examination.quality import polyps_removed
from app.examination.record import Examination
from app.examination.store import JOURNAL_NAME, read_journal
from app.qa.marks import ExamMark, marks_or_why
from app.qa.opened import Opened
from detector.errors import FormatError


@dataclass(frozen=True, slots=True, eq=False)
class ProcedureFacts:
    """Who, when, and what was found; None where nobody said.

    Attributes:
        examination: its pseudonym; None without a journal.
        endoscopist: a code.
        room: where.
        started_utc: when it began.
        polyps_found: lesions that were found or described in the examination.
        withdrawal: bool (N,): the positions that show the withdrawal, without interventions and without the time
            outside; None where the caecum was not marked as reached, or its end is not marked.
    """

    examination: str | None = None
    endoscopist: str | None = None
    room: str | None = None
    started_utc: datetime | None = None
    polyps_found: int | None = None
    withdrawal: npt.NDArray[np.bool_] | None = None


def journal_trouble(opened: Opened) -> str:
    """Why nothing is known of who, when and what was found, where the journal cannot be read; empty if all is well."""
    return marks_or_why(opened)[1]


def facts_of(opened: Opened) -> ProcedureFacts:
    """What the journal in the folder says; nothing where there is none, or it cannot be read."""
    if opened.kind != "examination":
        return ProcedureFacts()
    try:
        examination = Examination.replay(read_journal(opened.path / JOURNAL_NAME).events)
    except FormatError:
        return ProcedureFacts()
    return ProcedureFacts(
        examination=examination.start.id,
        endoscopist=examination.endoscopist,
        room=examination.start.room,
        started_utc=examination.start.started_utc,
        polyps_found=max(len(examination.lesions), polyps_removed(examination)),
        withdrawal=withdrawal_of(marks_or_why(opened)[0], len(opened.axis)),
    )


def withdrawal_of(marks: Sequence[ExamMark], frames: int) -> npt.NDArray[np.bool_] | None:
    """Which positions show the withdrawal; None unless the caecum and the way out are marked.

    From the caecum to the anus, without interventions and without the time outside in between: the net withdrawal of
    `app.examination.quality.withdrawal`, frame by frame. An intervention whose end was not marked ends when the
    endoscope goes out.

    Args:
        marks: of the examination, by position.
        frames: of the axis.
    """
    begin = next((m.position for m in marks if isinstance(m.what, CaecumReached)), None)
    outs = [m.position for m in marks if isinstance(m.what, ScopeIn | ScopeOut)]
    if begin is None or not outs or not isinstance(_last(marks), ScopeOut) or outs[-1] <= begin:
        return None
    shown = np.zeros(frames, bool)
    shown[begin : outs[-1]] = True
    for starts, ends in ((ScopeOut, (ScopeIn,)), (InterventionStart, (InterventionEnd, ScopeOut))):
        since: int | None = None
        for mark in marks:
            if isinstance(mark.what, starts) and since is None:
                since = mark.position
            elif isinstance(mark.what, ends) and since is not None:
                shown[since : mark.position] = False
                since = None
    return shown


def _last(marks: Sequence[ExamMark]) -> object:
    return [m.what for m in marks if isinstance(m.what, ScopeIn | ScopeOut)][-1]
