"""The writer's thread: takes what was offered, keeps back what has no verdict yet, and writes one after the other.

It may hang for ever inside an encoder: whoever asks it anything from outside never waits for it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
import time
from fractions import Fraction

from app.capture.tap import StreamPacket
from app.handoff import Spool
from app.recording.blanking import DelayLine, Ready, Taken
from app.recording.copying import Copies
from app.recording.encoders import EncoderError, choose_encoder, require_recordable
from app.recording.losses import Cause, Losses
from app.recording.pace import pace_warning
from app.recording.segments import Segments, taken_of
from app.recording.video_file import Converter, even
from detector.errors import OutputError, PolypwatchError
from detector.frame import Frame

_LOG = logging.getLogger(__name__)
_SPOOL_BYTES = 400_000_000  # about 64 frames of 1080p: two seconds for a disk that hiccups
_HANGS_S = 5.0  # no encoder takes so long for one picture, however busy the computer is
_COMES_UP_S = 7.0  # a cold driver takes that much more, once
_FAILURES = 3  # in one recording, then it is given up: each costs a file


class Writer:
    """Writes until it is told to end, or cannot any more. Offering never waits.

    Args:
        files: where the pictures or packets go.
        line: where pictures wait for their verdict.
        losses: where it is noted what is missing.
        wanted: the encoder that was asked for.
        rate: nominal frames per second of the source.

    Attributes:
        done: set when all is written and the last file is complete.
        failed: a file is not whole, and must be repaired.
        abandoned: nobody waits for it any more.
        ended_by: why it ended by itself, in words; empty while it goes on.
        pace_note: what was found out before the first picture about the computer's speed; empty if it is fast enough.
    """

    def __init__(
        self, files: Segments | Copies, line: DelayLine, losses: Losses, wanted: str, rate: Fraction | None
    ) -> None:
        self.done = threading.Event()
        self.failed = False
        self.abandoned = False
        self.ended_by = ""
        self.pace_note = ""
        self._files = files
        self._line = line
        self._losses = losses
        self._wanted, self._rate = wanted, rate
        self._spool: Spool[Frame | StreamPacket] = Spool(_SPOOL_BYTES, _cost)
        self._convert = Converter(files.encoder.pixels)
        self._prepared = False  # encoder and pace are known to suit the pictures
        self._end_cause = Cause.DISK
        self._in_hand: Taken | None = None
        self._busy_since: float | None = None
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    def offer(self, item: Frame | StreamPacket) -> bool:
        """Hand over; False if it could not be taken. Never blocks."""
        return self._spool.offer(item)

    @property
    def waiting(self) -> int:
        """What was offered and not yet taken."""
        return len(self._spool)

    def refusal(self) -> tuple[Cause, str]:
        """Why nothing can be taken now."""
        if self.ended_by:
            return self._end_cause, self.ended_by
        words = "this computer cannot write the video as fast as it comes; frames are missing"
        return Cause.SPOOL_FULL, self.hang() or words

    def hang(self) -> str:
        """What to say while it has been at one picture for too long; else nothing."""
        since = self._busy_since
        if since is None or time.monotonic() - since < _HANGS_S:
            return ""
        return f"the encoder {self._files.encoder.name} does not answer: the recording stands still"

    def finish(self) -> None:
        """Take nothing more, write what waits, and complete the file."""
        self._spool.close()

    def end(self, cause: Cause, words: str) -> None:
        """End by itself: what comes later is missing for this reason."""
        self._end_cause, self.ended_by = cause, words
        self._spool.close()

    def abandon(self) -> None:
        """Go on without it: what it holds is missing, what was written before is safe."""
        self.abandoned = self.failed = True
        self._spool.close()
        missing = [self._in_hand] if self._in_hand is not None else []
        self._losses.add([*missing, *self._left()], Cause.CLOSING, self.hang())

    def join(self, timeout_s: float) -> None:
        """Wait for the thread's end."""
        self._thread.join(timeout_s)

    # -- the thread -------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        _lower_priority()
        try:
            self._write_all()
        except Exception as error:  # root of the thread: what nobody thought of must not keep the files open for ever
            _LOG.exception("the recorder's writer has ended")
            self.failed = True
            self.end(Cause.ENCODER, f"the recording has ended: internal error {error!r}")
            self._losses.add(self._left(), Cause.ENCODER, self.ended_by)
            self.done.set()

    def _write_all(self) -> None:
        failures = 0
        while not self._spool.drained or self._line:
            item = self._spool.take(timeout_s=0.02 if self._line else 0.25)
            try:
                self._take_in(item)
                del item  # lets go of the picture before the slow part
                self._write_due()
            except Exception as error:  # root of a thread: a recorder that gives up must say so
                failures += 1
                self._go_on_after(error, final=failures >= _FAILURES)
            finally:
                self._busy_since = None
            if self.abandoned:
                return
        self._finish()
        self.done.set()

    def _take_in(self, item: Frame | StreamPacket | None) -> None:
        self._busy_since = time.monotonic()
        if isinstance(item, StreamPacket) and isinstance(self._files, Copies):
            self._files.write(item)
        elif isinstance(item, Frame):
            self._in_hand = taken_of(item)
            if not self._prepared:
                self._prepare(item)
                self._prepared = True
            self._busy_since = time.monotonic()
            self._line.add(Ready(self._in_hand, even(item.size), self._convert(item.image)))
            self._in_hand = None

    def _prepare(self, frame: Frame) -> None:
        """Before the first picture: the encoder for its size, and whether it is fast enough."""
        require_recordable(frame.size)
        size = even(frame.size)
        self._busy_since = time.monotonic() + _COMES_UP_S
        encoder = choose_encoder(self._wanted, size)
        self._files.encoder = encoder
        self._convert = Converter(encoder.pixels)
        self.pace_note = pace_warning(encoder, size, self._rate)

    def _write_due(self) -> None:
        if isinstance(self._files, Copies):
            self._files.settle()
            return
        for item, blank in self._line.due():
            self._busy_since = time.monotonic()
            self._in_hand = item.taken
            self._files.write(item, blank, lambda: not self.abandoned)
            self._in_hand = None

    def _go_on_after(self, error: Exception, *, final: bool) -> None:
        """Begin another file after a failed encoder; give up where that makes no sense."""
        if not isinstance(error, PolypwatchError):
            _LOG.exception("the recorder failed")
        cause = Cause.ENCODER if isinstance(error, EncoderError) or not isinstance(error, OutputError) else Cause.DISK
        missing = [self._in_hand] if self._in_hand is not None else []
        self._in_hand = None
        self.failed = True
        self._files.give_up()
        if final or cause is Cause.DISK:
            self.end(cause, str(error))
            missing += self._left()
        self._losses.add(missing, cause, str(error))

    def _left(self) -> list[Taken]:
        """All that waits, which nobody will write any more."""
        waiting = [item.taken for item in self._line.drain()]
        while (frame := self._spool.take(timeout_s=0)) is not None:
            if isinstance(frame, Frame):
                waiting.append(taken_of(frame))
        return waiting

    def _finish(self) -> None:
        self._busy_since = time.monotonic()
        try:
            self._files.close()
        except OutputError as error:
            self.failed = True
            self._losses.add([], Cause.DISK, str(error))
        self._busy_since = None


def _cost(item: Frame | StreamPacket) -> int:
    return item.image.nbytes if isinstance(item, Frame) else len(item.data)


def _lower_priority() -> None:
    """The encoder steps back behind painting (nice 2); its own threads inherit that."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 2)
