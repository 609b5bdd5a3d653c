"""Keeps the journal of a running examination: whoever marks something never waits for the disk.

An event gets its number and time when it is marked and counts from then on; a thread of its own brings it to the disk.
What the disk refuses waits and is tried again; until it is written, ``fault`` says so.
"""

from __future__ import annotations

import secrets
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from app import SOFTWARE
from app.examination.events import (
    Clock,
    End,
    Event,
    Lesion,
    Payload,
    PolypFound,
    Resumed,
    Start,
    Undo,
)
from app.examination.record import Examination
from app.examination.store import JOURNAL_NAME, JournalFile, read_journal
from detector.errors import OutputError, UsageError
from detector.schema import describe_validation_error

_ID_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: nothing that is misread on paper
_RETRY_S = 1.0
_SAME_BOOT_S = 5.0  # where the system names no boot: how far the two clocks may have come apart


def new_id() -> str:
    """A pseudonym for an examination, such as ``EX-7K3M-Q9TD``: 40 random bits that say nothing of the patient."""
    letters = "".join(secrets.choice(_ID_LETTERS) for _ in range(8))
    return f"EX-{letters[:4]}-{letters[4:]}"


class Keeper:
    """One examination while it is recorded. Made by :meth:`begin` or :meth:`resume`; any thread may use it.

    Args:
        file: where the events go.
        examination: the state so far.
        zero_ns: ``now_ns`` at the start of the examination.
        now_ns: the monotonic clock.
        on_change: called from the writer's thread when ``fault`` changes.
    """

    def __init__(
        self,
        file: JournalFile,
        examination: Examination,
        zero_ns: int,
        now_ns: Callable[[], int],
        on_change: Callable[[], None],
    ) -> None:
        self._file = file
        self._examination = examination
        self._zero_ns = zero_ns
        self._now_ns = now_ns
        self._on_change = on_change
        self._changed = threading.Condition()
        self._waiting: deque[Event] = deque()
        self._fault = ""
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="examination", daemon=True)
        self._thread.start()

    @classmethod
    def begin(
        cls,
        folder: Path,
        *,
        indication: str | None = None,
        endoscopist: str | None = None,
        room: str | None = None,
        now_ns: Callable[[], int] = time.perf_counter_ns,
        utc_now: Callable[[], datetime] = lambda: datetime.now(UTC),
        on_change: Callable[[], None] = lambda: None,
    ) -> Keeper:
        """Start an examination; its start is on the disk when this returns.

        Args:
            folder: of all examinations; this one gets a folder of its own in it, named by its id.
            indication: free.
            endoscopist: a code, not a name.
            room: free.
            now_ns: the monotonic clock; must be that of ``Frame.captured_ns``.
            utc_now: the wall clock, read once.
            on_change: see :class:`Keeper`.

        Raises:
            OutputError: the folder cannot be written.
            UsageError: a field is not valid: longer than 200 characters, for instance.
        """
        zero_ns = now_ns()
        try:
            start = Start(
                id=new_id(),
                started_utc=utc_now(),
                software=SOFTWARE,
                clock=Clock(monotonic_ns=zero_ns, boot=_boot()),
                indication=indication or None,
                endoscopist=endoscopist or None,
                room=room or None,
            )
        except ValidationError as error:
            raise UsageError(f"The examination was not started: {describe_validation_error(error)}.") from error
        file = JournalFile(folder / start.id / JOURNAL_NAME, new=True)
        first = Event(1, 0.0, None, start)
        try:
            file.append(first)
        except OutputError:
            file.close()
            raise
        return cls(file, Examination.replay([first]), zero_ns, now_ns, on_change)

    @classmethod
    def resume(
        cls,
        folder: Path,
        *,
        now_ns: Callable[[], int] = time.perf_counter_ns,
        utc_now: Callable[[], datetime] = lambda: datetime.now(UTC),
        on_change: Callable[[], None] = lambda: None,
    ) -> Keeper:
        """Go on with an examination after a crash, or complete the documentation of one that has ended.

        The times go on without a gap while the computer was not started anew; otherwise the wall clock tells how much
        time has passed, and the journal says so.

        Raises:
            FormatError: there is no journal, or it cannot be read.
            OutputError: it cannot be written.
        """
        journal = read_journal(folder)
        examination = Examination.replay(journal.events)
        utc, now = utc_now(), now_ns()
        zero_ns, estimated = _zero(examination, now, utc)
        file = JournalFile(journal.path, new=False)
        keeper = cls(file, examination, zero_ns, now_ns, on_change)
        keeper.record(Resumed(utc=utc, software=SOFTWARE, estimated=estimated))
        return keeper

    @property
    def folder(self) -> Path:
        """Where the journal lies, and where its pictures belong."""
        return self._file.path.parent

    @property
    def examination(self) -> Examination:
        """The state with everything that was marked, on the disk or not."""
        with self._changed:
            return self._examination

    @property
    def fault(self) -> str:
        """Why events wait for the disk, in words; empty while all is well."""
        with self._changed:
            return self._fault

    @property
    def unsaved(self) -> int:
        """Events that are not on the disk yet."""
        with self._changed:
            return len(self._waiting)

    def elapsed_s(self) -> float:
        """Seconds since the start by the monotonic clock."""
        return (self._now_ns() - self._zero_ns) / 1e9

    def record(self, what: Payload, capture_index: int | None = None, at_ns: int | None = None) -> Event:
        """Mark what happened; counts at once and never waits for the disk.

        Args:
            what: the payload.
            capture_index: the newest frame; None if there is none.
            at_ns: when, by the monotonic clock; default now. Never before the event before.

        Raises:
            UsageError: it makes no sense now; nothing was marked.
        """
        with self._changed:
            if self._closing:
                raise UsageError("The examination is closed.", "Open it again to complete it.")
            before = self._examination
            t_s = ((self._now_ns() if at_ns is None else at_ns) - self._zero_ns) / 1e9
            event = Event(before.events[-1].n + 1, round(max(t_s, before.events[-1].t_s), 3), capture_index, what)
            if isinstance(what, Undo) and what.event in before.withdrawn:
                raise UsageError(f"Event {what.event} was withdrawn already.")
            after = Examination.replay((*before.events, event))
            new_problems = [p for p in after.problems if p not in before.problems]
            if new_problems:
                raise UsageError(f"Not marked. {new_problems[0]}")
            self._examination = after
            self._waiting.append(event)
            self._changed.notify_all()
            return event

    def found(self, capture_index: int | None = None) -> Event:
        """Mark a new lesion under the next free number.

        Raises:
            UsageError: see :meth:`record`.
        """
        with self._changed:  # a re-entrant lock: number and mark belong together
            return self.record(PolypFound(lesion=self._examination.next_lesion), capture_index)

    def describe(self, lesion: int, **known: object) -> Event:
        """Say more of a lesion; what was said before and is not named here stays.

        Args:
            lesion: its number.
            known: fields of :class:`~app.examination.events.Lesion`.

        Raises:
            UsageError: there is no such lesion, or a field is not valid.
        """
        with self._changed:
            before = next((x for x in self._examination.lesions if x.id == lesion), None)
            if before is None:
                raise UsageError(f"There is no lesion {lesion}.", "Mark it as found first.")
            fields = {name: tuple(value) if isinstance(value, list) else value for name, value in known.items()}
            try:
                after = Lesion.model_validate(before.model_dump() | fields)
            except ValidationError as error:
                raise UsageError(f"Lesion {lesion} was not changed: {describe_validation_error(error)}.") from error
            return self.record(after)

    def undo(self) -> Event | None:
        """Withdraw the newest mark; None if there is none.

        Raises:
            UsageError: see :meth:`record`.
        """
        with self._changed:
            mark = self._examination.last_mark
            return None if mark is None else self.record(Undo(event=mark.n))

    def end(self, reason: End | None = None) -> None:
        """End the examination, once."""
        with self._changed:
            if not self._examination.ended:
                self.record(reason or End())

    def flush(self, timeout_s: float = 10.0) -> bool:
        """Wait until all is on the disk; False if it is not in time."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting, timeout_s)

    def close(self, timeout_s: float = 10.0) -> None:
        """Write what waits and let the file go; the examination goes on if it was not ended.

        Raises:
            OutputError: the disk did not take all of it.
        """
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(timeout_s)
        with self._changed:
            if self._waiting:
                raise OutputError(
                    f"{len(self._waiting)} events of the examination are not on the disk. {self._fault}".strip(),
                    "The end of the journal is missing.",
                )

    # -- the writer's thread --------------------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closing)
                if not self._waiting:
                    break
                event = self._waiting[0]
            try:
                self._file.append(event)
            except Exception as error:  # root of the thread: marks that are not on the disk must be said
                if self._failed(str(error) if isinstance(error, OutputError) else f"internal error {error!r}"):
                    break
                continue
            with self._changed:
                self._waiting.popleft()
                healed, self._fault = bool(self._fault), ""
                self._changed.notify_all()
            if healed:
                self._on_change()
        self._file.close()

    def _failed(self, fault: str) -> bool:
        """Note the fault and wait before the next try; True if there is none any more."""
        with self._changed:
            new, self._fault = fault != self._fault, fault
            if self._closing:
                return True
        if new:
            self._on_change()
        with self._changed:
            self._changed.wait_for(lambda: self._closing, _RETRY_S)
        return False


def _zero(examination: Examination, now_ns: int, utc: datetime) -> tuple[int, bool]:
    """The monotonic clock at the start of the examination, and whether it had to be estimated."""
    clock = examination.start.clock
    last_s = examination.events[-1].t_s
    wall_s = (utc - examination.start.started_utc).total_seconds()
    run_s = (now_ns - clock.monotonic_ns) / 1e9
    boot = _boot()
    estimates = any(isinstance(e.what, Resumed) and e.what.estimated for e in examination.events)
    same = boot == clock.boot if boot and clock.boot else abs(run_s - wall_s) <= _SAME_BOOT_S
    if same and not estimates and run_s >= last_s:
        return clock.monotonic_ns, False
    return now_ns - round(max(wall_s, last_s) * 1e9), True


def _boot() -> str | None:
    """Names this run of the operating system, where it says."""
    if sys.platform != "linux":
        return None
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return None
