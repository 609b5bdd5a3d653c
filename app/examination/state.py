"""How a running examination looks at one instant: what the window shows of it. No words, no Qt."""

from __future__ import annotations

import enum
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.examination.events import (
    BbpsSegment,
    Bookmark,
    CaecumReached,
    Event,
    InterventionEnd,
    InterventionStart,
    Lesion,
    Note,
    Photo,
    PolypFound,
    PolypRemoved,
    ScopeIn,
    ScopeOut,
    Snapshot,
    Wash,
)
from app.examination.quality import Withdrawal, WithdrawalHint, is_normal, withdrawal
from app.examination.record import Examination

MARKS: Final = (
    ScopeIn,
    CaecumReached,
    Photo,
    PolypFound,
    PolypRemoved,
    Wash,
    InterventionStart,
    InterventionEnd,
    ScopeOut,
    Snapshot,
    Bookmark,
    Note,
)
"""What one key takes back: what was marked on the way. Descriptions are corrected where they were made."""


class Phase(enum.Enum):
    """Where the examination stands."""

    BEFORE = "before"  # begun, the endoscope is not in yet
    INSERTION = "insertion"
    WITHDRAWAL = "withdrawal"
    OUT = "out"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class LastMark:
    """The mark that would be taken back.

    Attributes:
        event: with what was marked and when.
        age_s: how long ago.
    """

    event: Event
    age_s: float


@dataclass(frozen=True, slots=True)
class DeskSnapshot:
    """A running examination, or the one that was ended last.

    Attributes:
        id: its pseudonym.
        folder: where all of it lies.
        phase: where it stands.
        elapsed_s: since the start; of an ended one its duration.
        intervention: whether one is open.
        normal: whether nothing was removed or sampled yet.
        withdrawal: None until the caecum was marked.
        lesions: that were found or described.
        bbps: scores by segment.
        photographed: of ``valve`` and ``orifice``, what was.
        hint: the quiet hint while it is to be seen.
        last: the newest mark; None if there is none.
        events: how many there are.
        unsaved: events that wait for the disk.
        fault: why they do.
        recording_fault: why the recording could not be begun; empty while all is well.
    """

    id: str
    folder: Path
    phase: Phase
    elapsed_s: float
    intervention: bool
    normal: bool
    withdrawal: Withdrawal | None
    lesions: tuple[Lesion, ...]
    bbps: dict[BbpsSegment, int]
    photographed: frozenset[str]
    hint: WithdrawalHint | None
    last: LastMark | None
    events: int
    unsaved: int
    fault: str
    recording_fault: str


def phase_of(examination: Examination) -> Phase:
    """Where an examination stands, as far as was marked."""
    if examination.ended:
        return Phase.ENDED
    if examination.scope_is_in:
        return Phase.WITHDRAWAL if examination.of(CaecumReached) else Phase.INSERTION
    return Phase.OUT if examination.of(ScopeOut) else Phase.BEFORE


def last_mark(examination: Examination, not_these: Collection[int]) -> Event | None:
    """The newest mark that counts; without events that only belong to another one."""
    return next(
        (e for e in reversed(examination.effective) if isinstance(e.what, MARKS) and e.n not in not_these), None
    )


def unremoved(examination: Examination) -> tuple[int, ...]:
    """Lesions that were found and not marked as removed."""
    removed = {mark.lesion for _, mark in examination.of(PolypRemoved)}
    return tuple(lesion.id for lesion in examination.lesions if lesion.id not in removed)


def snapshot_of(
    examination: Examination,
    folder: Path,
    now_s: float,
    *,
    hint: WithdrawalHint | None,
    attached: Collection[int],
    unsaved: int,
    fault: str,
    recording_fault: str,
) -> DeskSnapshot:
    """Put it together."""
    phase = phase_of(examination)
    over_s = examination.events[-1].t_s if phase is Phase.ENDED else now_s
    last = last_mark(examination, attached)
    return DeskSnapshot(
        id=examination.start.id,
        folder=folder,
        phase=phase,
        elapsed_s=over_s,
        intervention=examination.intervention_is_open,
        normal=is_normal(examination),
        withdrawal=withdrawal(examination, now_s),
        lesions=examination.lesions,
        bbps=examination.bbps,
        photographed=frozenset(photo.of for _, photo in examination.of(Photo)),
        hint=hint,
        last=LastMark(last, max(0.0, now_s - last.t_s)) if last else None,
        events=len(examination.events),
        unsaved=unsaved,
        fault=fault,
        recording_fault=recording_fault,
    )
