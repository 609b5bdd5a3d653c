"""The desk beside a live session: begins and ends examinations, takes marks, and notes what the program does meanwhile.

A mark counts at once and never waits: the journal writes it in a thread of its own, and what takes time (the recording,
the figures, the pictures of a lesion) is done by the desk's thread, twice a second. A recorder that fails is a fault on
the screen and an event in the journal; it never keeps a mark from being made.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from app.examination.case import Case
from app.examination.events import (
    Bbps,
    BbpsSegment,
    Bookmark,
    CaecumReached,
    Conclusion,
    Details,
    End,
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
    SettingsChanged,
    Wash,
)
from app.examination.keeper import Keeper
from app.examination.quality import HINT_AFTER_S, withdrawal_hint
from app.examination.record import Examination
from app.examination.scope_recording import ScopeRecording
from app.examination.state import DeskSnapshot, unremoved
from app.examination.watching import statistics_since
from app.session_api import Session
from app.snapshot import LiveSnapshot, Quiet
from detector.errors import UsageError

_LOG = logging.getLogger(__name__)
_EVERY_S = 0.5
_STATISTICS_EVERY_S = 60.0
_JOIN_S = 10.0

KeepPictures = Callable[[int, tuple[LiveSnapshot, ...]], None]


@dataclass(frozen=True, slots=True)
class DeskSettings:
    """How examinations are kept.

    Attributes:
        folder: of all examinations; None if nothing may be kept.
        from_scope_in: record from 'scope in' to 'scope out' without being asked.
        hint_after_s: withdrawal below which there is a quiet hint; None for no hint.
        room: written into every examination; None if nobody said.
        audit: the settings in force, written at the start (``Effective.audit()``).
    """

    folder: Path | None
    from_scope_in: bool = True
    hint_after_s: float | None = HINT_AFTER_S
    room: str | None = None
    audit: Mapping[str, Any] | None = None


class Desk:
    """Any thread may use it. Marks return at once; ``begin``, ``resume`` and ``close`` may wait for a disk.

    Args:
        session: what runs; the desk neither starts nor stops it.
        settings: how examinations are kept.
        now_ns: the clock of ``Frame.captured_ns``.
        utc_now: the wall clock.
        every_s: how often the desk's thread looks; None for no thread: :meth:`turn` is then called by the owner.

    Attributes:
        keep_pictures: called from the desk's thread with the best frames of a lesion, a few seconds after it was
            found; may be set later.
    """

    def __init__(
        self,
        session: Session,
        settings: DeskSettings,
        *,
        now_ns: Callable[[], int] = time.perf_counter_ns,
        utc_now: Callable[[], datetime] = lambda: datetime.now(UTC),
        every_s: float | None = _EVERY_S,
    ) -> None:
        self.settings = settings
        self.keep_pictures: KeepPictures = lambda lesion, pictures: None
        self._session = session
        self._now_ns = now_ns
        self._utc_now = utc_now
        self._lock = threading.RLock()  # never held while a disk or a recorder is waited for
        self._recording = ScopeRecording(session, self._lock, settings.from_scope_in, now_ns)
        self._opening = threading.Lock()
        self._turning = threading.Lock()
        self._wake = threading.Event()
        self._closing = False
        self._case: Case | None = None
        self._thread: threading.Thread | None = None
        if every_s is not None:
            self._thread = threading.Thread(target=self._run, args=(every_s,), name="desk", daemon=True)
            self._thread.start()

    # -- the examination ------------------------------------------------------------------------------------------

    def begin(self, indication: str | None = None, endoscopist: str | None = None) -> DeskSnapshot:
        """Start an examination; its start is on the disk when this returns.

        Raises:
            UsageError: one runs already, there is no folder, or a field is not valid.
            OutputError: the folder cannot be written.
        """
        folder, room = self.settings.folder, self.settings.room
        if folder is None:
            raise UsageError(
                "There is no folder for examinations.", "Set recording.folder, or start with --record FOLDER."
            )
        clocks: dict[str, Any] = {"now_ns": self._now_ns, "utc_now": self._utc_now}
        return self._open(
            lambda: Keeper.begin(folder, indication=indication, endoscopist=endoscopist, room=room, **clocks)
        )

    def resume(self, folder: Path) -> DeskSnapshot:
        """Go on with an examination after a crash, with its recording; that of before is kept.

        Raises:
            UsageError: one runs already.
            FormatError: there is no journal, or it cannot be read.
            OutputError: it cannot be written.
        """
        return self._open(lambda: Keeper.resume(folder, now_ns=self._now_ns, utc_now=self._utc_now))

    def end(self, reason: Literal["user", "source_ended", "fault"] = "user") -> DeskSnapshot:
        """End the examination; its documentation may still be completed.

        Raises:
            UsageError: none runs.
        """
        with self._lock:
            case, snapshot = self._running(), self._session.snapshot()
            self._note_statistics(case, snapshot)
            case.keeper.end(End(reason=reason))
            self._look_at_hint(case, snapshot)
            self._wake.set()
            return case.snapshot()

    def snapshot(self) -> DeskSnapshot | None:
        """The examination that runs or was ended last; None before the first."""
        with self._lock:
            return self._case.snapshot() if self._case else None

    def flush(self, timeout_s: float = 10.0) -> bool:
        """Wait until the journal is on the disk; False if it is not in time."""
        with self._lock:
            case = self._case
        return case is None or case.keeper.flush(timeout_s)

    @property
    def examination(self) -> Examination | None:
        """All events of it; None before the first examination."""
        with self._lock:
            return self._case.keeper.examination if self._case else None

    def close(self) -> None:
        """Write what waits. An examination that was not ended can be gone on with at the next start.

        Raises:
            OutputError: the disk did not take all of it.
        """
        self._closing = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join(_JOIN_S)
        with self._lock:
            case, self._case = self._case, None
            if case is not None and case.running:
                self._note_statistics(case, self._session.snapshot())
        if case is not None:
            case.keeper.close()

    # -- marks ----------------------------------------------------------------------------------------------------

    def scope_in(self) -> Event:
        """The endoscope enters the body; every mark raises UsageError where it makes no sense."""
        return self._mark(ScopeIn())

    def caecum_reached(self) -> Event:
        """The caecum is reached: withdrawal begins."""
        return self._mark(CaecumReached())

    def scope_out(self) -> Event:
        """The endoscope leaves the body."""
        return self._mark(ScopeOut())

    def wash(self) -> Event:
        """The mucosa is washed."""
        return self._mark(Wash())

    def intervention(self) -> Event:
        """An intervention begins, or the open one ends."""
        with self._lock:
            is_open = self._running().keeper.examination.intervention_is_open
            return self._mark(InterventionEnd() if is_open else InterventionStart())

    def polyp_found(self) -> Event:
        """A new lesion, under the next free number. Its best frames are kept a few seconds later."""
        with self._lock:
            case = self._running()
            event = case.keeper.found(self._capture_index())
            assert isinstance(event.what, PolypFound)
            case.best_due.append((self._now_ns(), event.what.lesion))
            return event

    def polyp_removed(self) -> Event:
        """A lesion is removed: the only one that is still there, else it stays open which."""
        with self._lock:
            left = unremoved(self._running().keeper.examination)
            return self._mark(PolypRemoved(lesion=left[0] if len(left) == 1 else None))

    def bookmark(self, text: str = "") -> Event:
        """A moment to look at again."""
        return self._mark(Bookmark(text=text))

    def photo(self, of: Literal["valve", "orifice"], file: Path, frame_index: int, at_ns: int) -> Event:
        """A photograph of the caecum that lies in the examination's folder now."""
        return self._mark(Photo(of=of, file=self._relative(file)), frame_index, at_ns)

    def picture(self, file: Path, shown: Path, frame_index: int, at_ns: int, mark: Event | None = None) -> Event:
        """A snapshot that lies in the examination's folder now.

        Args:
            file: the clean picture.
            shown: the one with its marks.
            frame_index: of the picture.
            at_ns: when it was asked for.
            mark: the 'polyp found' that took it; what takes that back takes the picture back, too.
        """
        with self._lock:
            case = self._running()
            names = self._relative(file), self._relative(shown)
            return case.picture(*names, frame_index, at_ns, self._now_ns(), mark)

    def undo(self) -> Event | None:
        """Take the newest mark back, with what hangs on it; returns it, None if there is none."""
        with self._lock:
            mark = self._running().undo(self._capture_index())
        self._wake.set()
        return mark

    # -- documentation, also after the end --------------------------------------------------------------------------

    def note(self, text: str) -> Event:
        """A remark at this moment."""
        return self._document(Note, text=text)

    def describe(self, lesion: int, **known: object) -> Event:
        """Say more of a lesion; fields of ``Lesion``, what is not named stays.

        Raises:
            UsageError: there is no such lesion, or a field is not valid.
        """
        return self._any().keeper.describe(lesion, **known)

    def bbps(self, segment: BbpsSegment, score: int) -> Event:
        """How clean a segment is, 0 to 3."""
        return self._document(Bbps, segment=segment, score=score)

    def details(self, indication: str, endoscopist: str) -> Event:
        """Indication and endoscopist's code; empty for nobody said."""
        return self._document(Details, indication=indication or None, endoscopist=endoscopist or None)

    def conclude(self, text: str) -> Event:
        """The free text of the clinical report."""
        return self._document(Conclusion, text=text)

    # -- the desk's thread ----------------------------------------------------------------------------------------

    def turn(self) -> None:
        """Look once: note what changed, begin or end the recording, hand out pictures, keep figures."""
        with self._turning:
            with self._lock:
                case = self._case
            if case is None:
                return
            self._recording.reconcile(case)  # first: nothing else may keep it from being begun
            snapshot = self._session.snapshot()
            with self._lock:
                if case.running:
                    self._note(case, snapshot)
                pictures = case.best_frames(self._now_ns())
            if case.running:
                case.best.look(snapshot)
            for lesion, best in pictures:
                self.keep_pictures(lesion, best)

    def _run(self, every_s: float) -> None:
        while not self._closing:
            self._wake.wait(every_s)
            self._wake.clear()
            if self._closing:
                break
            try:
                self.turn()
            except Exception:  # the root of a thread: marks go on without it, and the log says why
                _LOG.exception("The desk's thread stumbled.")

    def _note(self, case: Case, snapshot: LiveSnapshot) -> None:
        for what in case.trail.look(self._session, snapshot):
            case.keeper.record(what, snapshot.frame.index if snapshot.frame else None)
        self._look_at_hint(case, snapshot)
        if self._now_ns() - case.noted_ns >= _STATISTICS_EVERY_S * 1e9:
            self._note_statistics(case, snapshot)

    # -- below ----------------------------------------------------------------------------------------------------

    def _open(self, make: Callable[[], Keeper]) -> DeskSnapshot:
        """Put an examination on the desk; waits for the disk without holding anybody up."""
        with self._opening:
            with self._lock:
                if self._case is not None and self._case.running:
                    raise UsageError("An examination runs already.", "End it first.")
                before = self._case
            with self._turning:  # what the desk still does for the one before comes first
                if before is not None:
                    self._recording.reconcile(before)  # its recording must not run into the next patient's
                    before.keeper.flush()
            keeper = make()
            if before is not None:
                before.keeper.close()
            case = Case(keeper, self._session.statistics(), keeper.examination.ai, self._now_ns())
            if self.settings.audit is not None:
                changed = json.loads(json.dumps(dict(self.settings.audit), default=str))
                keeper.record(SettingsChanged(changed=changed))
            with self._lock:
                self._case = case
                self._wake.set()
                return case.snapshot()

    def _any(self) -> Case:
        with self._lock:
            if self._case is None:
                raise UsageError("No examination runs.", "Start one first.")
            return self._case

    def _running(self) -> Case:
        case = self._any()
        if not case.running:
            raise UsageError("No examination runs.", "Start one first.")
        return case

    def _mark(self, what: Payload, frame_index: int | None = None, at_ns: int | None = None) -> Event:
        with self._lock:
            case, snapshot = self._running(), self._session.snapshot()
            index = snapshot.frame.index if frame_index is None and snapshot.frame else frame_index
            event = case.keeper.record(what, index, at_ns)
            self._look_at_hint(case, snapshot)
        self._wake.set()
        return event

    def _document(self, kind: type[Bbps | Conclusion | Details | Note], **fields: object) -> Event:
        try:
            what = kind.model_validate(fields)
        except ValidationError as error:
            raise UsageError(f"Not noted: {error.errors()[0]['msg']}.") from error
        return self._any().keeper.record(what, self._capture_index())

    def _capture_index(self) -> int | None:
        frame = self._session.snapshot().frame
        return frame.index if frame else None

    def _relative(self, file: Path) -> str:
        return file.relative_to(self._any().keeper.folder).as_posix()

    def _note_statistics(self, case: Case, snapshot: LiveSnapshot) -> None:
        case.noted_ns = self._now_ns()
        case.record_if_it_can(statistics_since(case.base, self._session.statistics(), case.earlier, snapshot))

    def _look_at_hint(self, case: Case, snapshot: LiveSnapshot) -> None:
        keeper = case.keeper
        found = withdrawal_hint(keeper.examination, keeper.elapsed_s(), self.settings.hint_after_s)
        case.hint.look(found, snapshot.quiet is Quiet.OUTSIDE, self._now_ns())
