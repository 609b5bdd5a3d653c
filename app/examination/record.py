"""The state of an examination, made from its events alone. Frozen: the next event makes the next state.

Replaying is lenient: what makes no sense (an intervention that ends and never began, because a line of the file was
damaged) is left out and named in ``problems``. Whoever records refuses what would add a problem.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Self, TypeVar

from app.examination.events import (
    AiStatistics,
    Audit,
    Bbps,
    BbpsSegment,
    CaecumReached,
    Conclusion,
    Details,
    End,
    Event,
    InterventionEnd,
    InterventionStart,
    Lesion,
    ModelUsed,
    Note,
    Payload,
    PolypFound,
    PolypRemoved,
    Resumed,
    ScopeIn,
    ScopeOut,
    SettingsChanged,
    Start,
    Undo,
    Unknown,
)
from app.examination.store import JOURNAL_NAME, read_journal
from detector.errors import FormatError

_log = logging.getLogger(__name__)
P = TypeVar("P")

FACTS: Final = (Start, Resumed, ModelUsed, SettingsChanged, AiStatistics, Audit, End)
"""What the program did cannot be withdrawn: only what somebody marked can."""
_AFTER_END: Final = (Note, Conclusion, Bbps, Lesion, Details, Undo, Audit, Resumed, AiStatistics, Unknown)


@dataclass(frozen=True, slots=True)
class Examination:
    """An examination as its events tell it.

    Attributes:
        start: who, where and when.
        events: all that was written, in order.
        effective: what of it counts: not withdrawn, and understood.
        withdrawn: numbers of the events that were withdrawn.
        problems: what makes no sense and was left out, in words.
    """

    start: Start
    events: tuple[Event, ...]
    effective: tuple[Event, ...]
    withdrawn: frozenset[int]
    problems: tuple[str, ...]

    @classmethod
    def replay(cls, events: Iterable[Event]) -> Self:
        """The state after these events.

        Raises:
            FormatError: they do not begin with a start.
        """
        kept = tuple(events)
        if not kept or not isinstance(kept[0].what, Start):
            raise FormatError("The examination does not begin with its start.", "Is the file cut at its beginning?")
        withdrawn = _withdrawn(kept)
        rules = _Rules()
        effective = tuple(e for e in kept if e.n not in withdrawn and rules.allow(e, kept))
        return cls(kept[0].what, kept, effective, withdrawn, tuple(rules.problems))

    def of(self, kind: type[P]) -> tuple[tuple[Event, P], ...]:
        """The events of one kind that count, each with its payload."""
        return tuple((e, e.what) for e in self.effective if isinstance(e.what, kind))

    def first_s(self, kind: type[Payload]) -> float | None:
        """When the first event of a kind happened, in seconds since the start; None if none did."""
        return next((e.t_s for e in self.effective if isinstance(e.what, kind)), None)

    def last_s(self, kind: type[Payload]) -> float | None:
        """When the last one did; likewise."""
        return next((e.t_s for e in reversed(self.effective) if isinstance(e.what, kind)), None)

    @property
    def ended(self) -> bool:
        """Whether the examination is over; its documentation may still grow."""
        return bool(self.of(End))

    @property
    def scope_is_in(self) -> bool:
        """Whether the endoscope is in the body, as far as was marked."""
        marks = [e.what for e in self.effective if isinstance(e.what, ScopeIn | ScopeOut | CaecumReached)]
        return bool(marks) and not isinstance(marks[-1], ScopeOut) and not self.ended

    @property
    def intervention_is_open(self) -> bool:
        """Whether an intervention was begun and not ended."""
        return len(self.of(InterventionStart)) > len(self.of(InterventionEnd))

    @property
    def lesions(self) -> tuple[Lesion, ...]:
        """Every lesion that was found or described, by number; the newest description of each counts."""
        known = {found.lesion: Lesion(id=found.lesion) for _, found in self.of(PolypFound)}
        known |= {lesion.id: lesion for _, lesion in self.of(Lesion)}
        return tuple(known[number] for number in sorted(known))

    @property
    def next_lesion(self) -> int:
        """A number that no lesion ever had, a withdrawn one neither."""
        taken = [e.what.lesion for e in self.events if isinstance(e.what, PolypFound)]
        taken += [e.what.id for e in self.events if isinstance(e.what, Lesion)]
        return max(taken, default=0) + 1

    @property
    def bbps(self) -> dict[BbpsSegment, int]:
        """The score of each segment that was scored."""
        return {score.segment: score.score for _, score in self.of(Bbps)}

    @property
    def models(self) -> tuple[ModelUsed, ...]:
        """The models that ran, in order."""
        return tuple(model for _, model in self.of(ModelUsed))

    @property
    def ai(self) -> AiStatistics | None:
        """What the AI did; None if nobody noted it."""
        return next((figures for _, figures in reversed(self.of(AiStatistics))), None)

    @property
    def indication(self) -> str | None:
        """Why the examination is made; None if nobody said."""
        said = self.of(Details)
        return said[-1][1].indication if said else self.start.indication

    @property
    def endoscopist(self) -> str | None:
        """The endoscopist's code; None if nobody said."""
        said = self.of(Details)
        return said[-1][1].endoscopist if said else self.start.endoscopist

    @property
    def conclusion(self) -> str:
        """The free text of the report; empty if there is none."""
        return next((text.text for _, text in reversed(self.of(Conclusion))), "")

    @property
    def last_mark(self) -> Event | None:
        """The newest event that can be withdrawn: what one 'undo' key takes back."""
        kinds = (*FACTS, Undo, Unknown)
        return next((e for e in reversed(self.effective) if not isinstance(e.what, kinds)), None)


def unfinished(folder: Path) -> tuple[Path, ...]:
    """The examinations in ``folder`` that were begun and not ended, as after a crash; the newest last.

    What is no journal or cannot be read is passed over: a damaged old file must not keep anybody from working.
    """
    found: list[tuple[datetime, Path]] = []
    for path in folder.glob(f"*/{JOURNAL_NAME}"):
        try:
            state = Examination.replay(read_journal(path).events)
        except FormatError as error:
            _log.warning("%s", error)
            continue
        if not state.ended:
            found.append((state.start.started_utc, path.parent))
    return tuple(path for _, path in sorted(found))


def _withdrawn(events: tuple[Event, ...]) -> frozenset[int]:
    """From the newest back, so that an undo that was itself withdrawn does nothing."""
    facts = {e.n for e in events if isinstance(e.what, FACTS)}
    gone: set[int] = set()
    for event in reversed(events):
        if isinstance(event.what, Undo) and event.n not in gone and event.what.event < event.n:
            gone |= {event.what.event} - facts
    return frozenset(gone)


class _Rules:
    """Walks through the events that count and says which make sense after those before."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self._scope: bool | None = None  # None: nobody marked it
        self._caecum = self._intervention = self._ended = False
        self._lesions: set[int] = set()
        self._last_s = 0.0

    def allow(self, event: Event, events: tuple[Event, ...]) -> bool:
        problem = self._problem(event, events)
        if problem:
            self.problems.append(f"Event {event.n} ({event.what.kind.replace('_', ' ')}): {problem}")
        if event.t_s < self._last_s:
            self.problems.append(f"Event {event.n}: its time lies before that of the event before.")
        self._last_s = max(self._last_s, event.t_s)
        return not problem

    def _problem(self, event: Event, events: tuple[Event, ...]) -> str:
        what = event.what
        if self._ended and not isinstance(what, _AFTER_END):
            return "the examination is over."
        match what:
            case Start():
                return "" if event is events[0] else "the examination has begun already."
            case ScopeIn():
                if self._scope:
                    return "the endoscope is in already."
                self._scope = True
            case ScopeOut():
                if self._scope is False:
                    return "the endoscope is out already."
                self._scope = self._intervention = False  # no instrument without an endoscope
            case CaecumReached():
                if self._caecum:
                    return "the caecum was reached already; withdraw the earlier mark if it was wrong."
                if self._scope is False:
                    return "the endoscope is out."
                self._caecum = self._scope = True
            case InterventionStart():
                if self._scope is False:
                    return "the endoscope is out."
                if self._intervention:
                    return "an intervention is running already."
                self._intervention = True
            case InterventionEnd():
                if not self._intervention:
                    return "no intervention is running."
                self._intervention = False
            case PolypFound():
                if what.lesion in self._lesions:
                    return f"lesion {what.lesion} was found already."
                self._lesions.add(what.lesion)
            case Lesion():
                self._lesions.add(what.id)
            case PolypRemoved():
                if what.lesion is not None and what.lesion not in self._lesions:
                    return f"there is no lesion {what.lesion}."
            case Undo():
                return _undo_problem(event.n, what.event, events)
            case End():
                self._ended = True
            case _:
                pass
        return ""


def _undo_problem(number: int, target: int, events: tuple[Event, ...]) -> str:
    found = next((e for e in events if e.n == target), None)
    if found is None or target >= number:
        return f"there is no event {target} before it."
    if isinstance(found.what, FACTS):
        return f"event {target} ({found.what.kind}) is what the program did: it cannot be withdrawn."
    return ""
