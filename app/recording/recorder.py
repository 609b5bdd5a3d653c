"""The recorder: turns offered frames into clean video with a line per frame. Whoever offers never waits.

Two threads of its own. The **writer** converts, keeps back what has no verdict yet (blanking) and encodes. The **disk
keeper** writes results and missing frames, brings everything to the disk several times a second, watches the space and
the writer, and says when one of them stands still. Neither waits for the other: an encoder that hangs cannot keep
results from the disk, and a disk that hangs cannot keep pictures from the encoder.
"""

from __future__ import annotations

import errno
import logging
import shutil
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from app.capture.tap import StreamPacket
from app.recording.blanking import DelayLine, Inside, Taken
from app.recording.copying import Copies, CopySource, permitted
from app.recording.encoders import choose_encoder, x264
from app.recording.lines import LinesFile, cut_torn_end
from app.recording.losses import Cause, Losses
from app.recording.mark import (
    COMPLETE,
    FRAMES_NAME,
    RECORDING,
    RESULTS_NAME,
    release_lock,
    sync_folder,
    take_lock,
)
from app.recording.recover import recover_later, stop_recovering
from app.recording.segments import Segments, frame_row, taken_of
from app.recording.session_mark import SessionMark
from app.recording.space import Space, SpaceGuard
from app.recording.writer import Writer
from app.snapshot import RecorderSnapshot
from detector.errors import OutputError
from detector.frame import Frame, FrameTime

_LOG = logging.getLogger(__name__)
SIDECAR_SCHEMA = "polypwatch.frames/1"
_BUSY = 8  # frames
_SYNC_S = 0.4  # with a fifth of a second in the container: less than a second is lost with the power
_SPACE_S = 2.0
_SLOW_DISK_S = 1.5
_MOST_RESULTS = 10_000
_EXPERIENCE = 600  # frames


@dataclass(frozen=True, slots=True)
class RecorderOptions:
    """How a recording is made.

    Attributes:
        encoder: ``auto``, or one of :data:`app.recording.encoders.CHOICES`, which is then used or refused; ``copy``
            keeps the packets of a compressed source as they come.
        segment_s: a new file begins after this long.
        min_free_bytes: the recording ends, complete, before less than this is free.
        confirmed_no_text: the user has said that the source's whole picture holds no text that tells who the patient
            is. Only then a stream is copied that shows more than the session does, or that would have to be blanked.
    """

    encoder: str = "auto"
    segment_s: float = 300.0
    min_free_bytes: int = 1_000_000_000
    confirmed_no_text: bool = False


class Recorder:
    """Records offered frames into a folder: ``video-001.mkv``..., ``frames.jsonl``, ``results.jsonl``.

    Args:
        folder: created where it is missing.
        rate: nominal frames per second of the source.
        on_change: called once a fault appears, from the thread that found it.
        options: encoder, segments, space.
        inside: whether a picture was surely of the inside of a body; what is not is written as black. None: nothing is
            blanked.
        resume: go on in a folder that may hold an earlier part of this recording, and other files.
        clock_ns: the clock of ``Frame.captured_ns``.
        copied: where the packets come from, and what is done to the pictures meanwhile; for the encoder ``copy``.

    Raises:
        UsageError: the stream cannot be copied, or may not be as it shows more than was chosen.
        OutputError: the folder cannot be made or written, is not empty (unless it is gone on with), is being recorded
            into already, its disk is nearly full, or the encoder that was asked for does not work.
    """

    def __init__(
        self,
        folder: Path,
        rate: Fraction | None,
        on_change: Callable[[], None] = lambda: None,
        options: RecorderOptions | None = None,
        inside: Inside | None = None,
        *,
        resume: bool = False,
        clock_ns: Callable[[], int] = time.perf_counter_ns,
        copied: CopySource | None = None,
    ) -> None:
        self.folder = folder
        self.options = options or RecorderOptions()
        self._rate = rate
        self._losses = Losses(on_change)
        self._results: deque[Mapping[str, Any]] = deque(maxlen=_MOST_RESULTS)
        self._guard = SpaceGuard(self.options.min_free_bytes)
        self._space = Space()
        self._closing = threading.Event()  # nothing more is wanted
        self._result_rows: LinesFile | None = None
        self._names_synced = -1
        self._synced_s, self._looked_s = time.monotonic(), 0.0
        copies = self.options.encoder == "copy"
        confirmed = self.options.confirmed_no_text
        tap = permitted(copied, blanked=inside is not None, confirmed_no_text=confirmed) if copies else None
        encoder = x264() if copies else choose_encoder(self.options.encoder)
        self._open(resume)
        session, first, length_s = self._session.number, self._session.first_segment, self.options.segment_s
        self._segments: Segments | Copies
        if copies:
            self._segments = Copies(folder, self._rows, first, session, length_s, self._gap)
        else:
            self._segments = Segments(folder, self._rows, rate, encoder, first, session, length_s)
        self._tap = tap
        line = DelayLine(inside, clock_ns)
        self._writer = Writer(self._segments, line, self._losses, self.options.encoder, rate)
        self._keeper = threading.Thread(target=self._keep, name="recorder disk", daemon=True)
        self._keeper.start()
        if tap is not None:
            tap.give_to(self)

    # -- from the capture thread, which never waits -------------------------------------------------------------------

    def offer(self, frame: Frame) -> bool:
        """Hand a frame over; never blocks. False if it could not be taken, which is a visible fault.

        After :meth:`close` frames are no longer wanted: that is no fault.
        """
        if self._tap is not None:
            return not self._writer.ended_by  # its packet came already
        if self._writer.offer(frame):
            return True
        if not self._closing.is_set():
            self._losses.add([taken_of(frame)], *self._writer.refusal())
        return False

    def take_packet(self, packet: StreamPacket) -> None:
        """See :class:`app.capture.tap.PacketTaker`."""
        if not self._writer.offer(packet) and not self._closing.is_set():
            if isinstance(self._segments, Copies):
                self._segments.broken = True
            self._losses.missed(*self._writer.refusal())

    def learn(self, pts: int, index: int, time: FrameTime | None, captured_ns: int) -> None:
        """See :class:`app.capture.tap.PacketTaker`."""
        if isinstance(self._segments, Copies):
            self._segments.learn(pts, Taken(index, time, captured_ns))

    def _gap(self) -> None:
        self._losses.missed(Cause.DAMAGED, "the source's stream has a gap; the recording goes on at its next key frame")

    # -- from any thread --------------------------------------------------------------------------------------------

    def note_result(self, row: Mapping[str, Any]) -> None:
        """Add a line to ``results.jsonl``; never blocks. It is on the disk within a second."""
        if self._closing.is_set():
            return
        if len(self._results) == _MOST_RESULTS:
            self._losses.add([], Cause.DISK, "results of the AI are missing in the recording: the disk does not answer")
        self._results.append(row)

    @property
    def busy(self) -> bool:
        """True while so many frames wait that the AI should step back."""
        return self._writer.waiting > _BUSY

    @property
    def fault(self) -> str:
        """What went wrong first, in words; empty while every frame is kept."""
        return self._losses.fault

    @property
    def written(self) -> int:
        """Frames in the video so far, in this session."""
        return sum(facts.frames for facts in self._segments.facts)

    @property
    def lost(self) -> int:
        """Frames that could not be taken or written."""
        return self._losses.count

    @property
    def encoder(self) -> str:
        """FFmpeg's name of the encoder that runs."""
        return self._segments.encoder.name

    def snapshot(self) -> RecorderSnapshot:
        """The recording right now; cheap."""
        facts = list(self._segments.facts)
        return RecorderSnapshot(
            folder=str(self.folder),
            seconds=self._session.before_s + sum(f.seconds for f in facts),
            encoder=self.encoder,
            blanking=self._segments.blanking,
            blanked=sum(f.blanked for f in facts),
            lost=self._losses.by_cause(),
            hours_left=self._space.hours_left,
            warning=self._warning(),
        )

    def close(self, timeout_s: float = 30.0) -> None:
        """Write what waits and finish the files; what cannot be written in time is a fault."""
        self._closing.set()
        if self._tap is not None:
            self._tap.give_to(None)
        self._writer.finish()
        self._keeper.join(timeout_s)
        if self._keeper.is_alive():
            self._losses.add([], Cause.CLOSING, "the recording could not be finished in time; its end may be missing")

    # -- beginning --------------------------------------------------------------------------------------------------

    def _open(self, resume: bool) -> None:
        folder = self.folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if not resume and any(folder.iterdir()):
                raise FileExistsError(errno.EEXIST, "The folder is not empty")
            free = shutil.disk_usage(folder).free
            if (space := self._guard.look(time.monotonic(), 0, free)).full:
                raise OSError(errno.ENOSPC, space.warning)
            stop_recovering(folder)
            lock = take_lock(folder)
            if lock is None:
                raise OSError(errno.EBUSY, "another recording goes there")
            self._lock = lock
            try:
                self._session = SessionMark(folder)
                self._rows = LinesFile(folder / FRAMES_NAME, {"schema": SIDECAR_SCHEMA})
                if (folder / RESULTS_NAME).exists():
                    cut_torn_end(folder / RESULTS_NAME)
            except BaseException:
                release_lock(folder, lock)
                raise
        except OSError as error:
            raise OutputError(f"Cannot record into {folder}: {error.strerror}.", "Choose another folder.") from error

    # -- the disk keeper's thread -------------------------------------------------------------------------------------

    def _keep(self) -> None:
        try:
            self._keep_disk()
        except Exception as error:  # root of the thread: without it nothing is sure to reach the disk
            _LOG.exception("the recorder's disk keeper has ended")
            self._losses.add([], Cause.DISK, f"the recording is not brought to the disk any more: {error!r}")
            self._writer.finish()

    def _keep_disk(self) -> None:
        announced = False
        while not (self._closing.is_set() and announced):
            over = (self._closing if announced else self._writer.done).wait(_SYNC_S)
            self._look_after(self._bring_to_disk(), over=over)
            if over and not announced:
                self._say_complete()
                announced = True
            if words := self._writer.hang():
                self._losses.add([], Cause.ENCODER, words)
                if self._closing.is_set():
                    self._writer.abandon()
                    break
        self._bring_to_disk()
        self._say_complete()
        self._let_go()

    def _bring_to_disk(self) -> int:
        """Write what waits for this thread and sync all; returns the size of the videos."""
        try:
            self._write_results()
            self._write_lost()
            written = self._segments.sync()
            # After the videos: a picture that is on the disk has its line there, too.
            self._rows.sync()
            if self._result_rows is not None:
                self._result_rows.sync()
            self._sync_names()
        except (OSError, OutputError) as error:
            reason = error.strerror if isinstance(error, OSError) else error.what
            self._losses.add([], Cause.DISK, f"the recording does not reach the disk: {reason}")
            return 0
        except Exception as error:  # root of a thread, which must go on bringing the rest to the disk
            _LOG.exception("the recorder's disk keeper failed")
            self._losses.add([], Cause.DISK, f"a part of the recording is missing: internal error {error!r}")
            return 0
        self._synced_s = time.monotonic()
        return written

    def _write_results(self) -> None:
        rows = [self._results.popleft() for _ in range(len(self._results))]
        if not rows:
            return
        try:
            if self._result_rows is None:
                self._result_rows = LinesFile(self.folder / RESULTS_NAME)
                sync_folder(self.folder)
            self._result_rows.write(rows)
        except (OSError, OutputError):
            self._results.extendleft(reversed(rows))
            raise

    def _write_lost(self) -> None:
        rows = self._losses.take_unlisted()
        try:
            self._rows.write(frame_row(frame, self._session.number, None, None, lost=why.value) for frame, why in rows)
        except OutputError:
            self._losses.put_back(rows)
            raise

    def _sync_names(self) -> None:
        """New files need their folder on the disk, too."""
        count = len(self._segments.facts)
        if count == self._names_synced:
            return
        if self._names_synced < 0:
            sync_folder(self.folder.parent)
        self._write_mark(RECORDING)
        self._names_synced = count

    def _look_after(self, written_bytes: int, *, over: bool) -> None:
        """Watch the space now and then."""
        if over or time.monotonic() - self._looked_s < _SPACE_S:
            return
        self._looked_s = time.monotonic()
        try:
            free = shutil.disk_usage(self.folder).free
        except OSError:
            return  # that the disk is gone is said by whoever writes
        self._space = self._guard.look(time.monotonic(), written_bytes, free)
        if self._space.full and not self._writer.ended_by:
            words = f"the recording was ended and is complete up to here: {self._space.warning}"
            self._writer.end(Cause.DISK, words)
            self._losses.add([], Cause.DISK, words)

    def _say_complete(self) -> None:
        """The closing mark, unless something must be repaired first."""
        whole = not self._writer.failed and not self._session.interrupted
        try:
            self._write_mark(COMPLETE if whole else RECORDING)
        except OSError as error:
            self._losses.add([], Cause.DISK, f"the recording does not reach the disk: {error.strerror}")

    def _write_mark(self, state: str) -> None:
        known = {
            "encoder": self.encoder,
            "rate": str(self._rate) if self._rate else None,
            "lost": dict(self._losses.by_cause()),
            "fault": self.fault,
        }
        ended = state != RECORDING or self._closing.is_set()
        self._session.write(state, list(self._segments.facts), known, ended=ended)

    def _let_go(self) -> None:
        self._rows.close()
        if self._result_rows is not None:
            self._result_rows.close()
        if not self._writer.abandoned:
            self._segments.release()
        release_lock(self.folder, self._lock)
        if (self._writer.failed or self._session.interrupted) and not self._writer.abandoned:
            recover_later(self.folder)

    def _warning(self) -> str:
        if self._space.warning and not self._space.full:
            return self._space.warning
        waits = self._writer.waiting
        if waits > 2 * _BUSY:
            return f"The recording falls behind: {waits} pictures wait. Close other programs."
        late_s = time.monotonic() - self._synced_s
        if late_s > _SYNC_S + _SLOW_DISK_S and self._keeper.is_alive():
            return f"The disk is slow: the last {late_s:.0f} s would be lost if the power failed now."
        # What was tried before counts until experience knows better.
        return "" if self.written > _EXPERIENCE and not self.lost else self._writer.pace_note
