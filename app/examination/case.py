"""One examination on the desk, with all that belongs to it alone: its journal, what hangs on what, its pictures."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.examination.best_frames import BestFrames
from app.examination.events import AiStatistics, Event, Lesion, Payload, PolypFound, Snapshot, Undo
from app.examination.keeper import Keeper
from app.examination.quiet_hint import QuietHint
from app.examination.state import DeskSnapshot, last_mark, snapshot_of
from app.examination.watching import Trail
from app.snapshot import LiveSnapshot
from app.tally import AiTally
from detector.errors import UsageError

_BEST_AFTER_S = 3.0
_OF_A_LESION_S = 10.0  # a picture taken so soon after 'polyp found' shows that polyp


@dataclass(slots=True)
class Case:
    """To be used under the desk's lock.

    Attributes:
        keeper: the journal.
        base: the session's figures when this run began.
        earlier: figures that an earlier run of the program noted.
        noted_ns: when figures were noted last.
        trail: what the program notes by itself.
        best: pictures that may become best frames.
        best_due: when lesions were found whose best frames are still to be handed out.
        attached: by number of a mark, the events that hang on it.
        hint: the quiet hint.
        recording_wanted: whether this desk wants a recording now.
        recording_tried_ns: when it was begun last, or tried to be.
        recording_fault: why there is none; empty while all is well.
        recording_over: the examination has ended, and its recording with it.
    """

    keeper: Keeper
    base: AiTally
    earlier: AiStatistics | None
    noted_ns: int
    trail: Trail = field(default_factory=Trail)
    best: BestFrames = field(default_factory=BestFrames)
    best_due: list[tuple[int, int]] = field(default_factory=list)
    attached: dict[int, tuple[int, ...]] = field(default_factory=dict)
    hint: QuietHint = field(default_factory=QuietHint)
    recording_wanted: bool = False
    recording_tried_ns: int = 0
    recording_fault: str = ""
    recording_over: bool = False

    @property
    def running(self) -> bool:
        """Whether it was not ended yet."""
        return not self.keeper.examination.ended

    def snapshot(self) -> DeskSnapshot:
        """What the window shows of it."""
        return snapshot_of(
            self.keeper.examination,
            self.keeper.folder,
            self.keeper.elapsed_s(),
            hint=self.hint.now,
            attached=self._hanging(),
            unsaved=self.keeper.unsaved,
            fault=self.keeper.fault,
            recording_fault=self.recording_fault,
        )

    def picture(self, file: str, shown: str, capture_index: int, at_ns: int, now_ns: int, mark: Event | None) -> Event:
        """Note a snapshot: of the lesion of ``mark``, or of one that was found just before."""
        state = self.keeper.examination
        if mark is None:
            at_s = self.keeper.elapsed_s() - (now_ns - at_ns) / 1e9
            recent = [p.lesion for e, p in state.of(PolypFound) if 0 <= at_s - e.t_s <= _OF_A_LESION_S]
            lesion = recent[-1] if recent else None
        else:
            stands = isinstance(mark.what, PolypFound) and mark.n not in state.withdrawn
            lesion = mark.what.lesion if stands and isinstance(mark.what, PolypFound) else None
        event = self.keeper.record(Snapshot(file=file, shown=shown, lesion=lesion), capture_index, at_ns)
        if mark is not None:
            self.attached[mark.n] = (*self.attached.get(mark.n, ()), event.n)
        return event

    def undo(self, capture_index: int | None) -> Event | None:
        """Take the newest mark back, with what hangs on it; None if there is none."""
        state = self.keeper.examination
        mark = last_mark(state, self._hanging())
        if mark is None:
            return None
        also = [n for n in self.attached.get(mark.n, ()) if n not in state.withdrawn]
        if isinstance(mark.what, PolypFound):
            also += [e.n for e, lesion in state.of(Lesion) if lesion.id == mark.what.lesion]
        for n in (*sorted(also, reverse=True), mark.n):
            self.keeper.record(Undo(event=n), capture_index)
        return mark

    def best_frames(self, now_ns: int) -> list[tuple[int, tuple[LiveSnapshot, ...]]]:
        """Lesions whose pictures are complete now, each with them."""
        due = [d for d in self.best_due if now_ns - d[0] >= _BEST_AFTER_S * 1e9]
        self.best_due = [d for d in self.best_due if d not in due]
        found = [(lesion, self.best.around(found_ns)) for found_ns, lesion in due]
        return [(lesion, pictures) for lesion, pictures in found if pictures]

    def record_if_it_can(self, what: Payload) -> None:
        """Note what the program did, unless the journal is closed or takes it no more."""
        try:
            self.keeper.record(what)
        except UsageError:
            return

    def _hanging(self) -> frozenset[int]:
        return frozenset(n for group in self.attached.values() for n in group)
