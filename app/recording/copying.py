"""A recording that copies a compressed source as it comes: nothing is encoded, nothing can be cut off or blanked.

A file begins with a key frame. The sidecar has a line for every picture in the order in which they are shown; one that
the session never read (it always takes the newest) has the capture index -1.
"""

from __future__ import annotations

import contextlib
import heapq
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
from av.packet import Packet

from app.capture.tap import PacketTap, StreamForm, StreamPacket
from app.recording.blanking import Taken
from app.recording.encoders import Encoder
from app.recording.lines import LinesFile
from app.recording.segments import SegmentFacts, SyncHandle, frame_row
from app.recording.video_file import CONTAINER_OPTIONS
from detector.errors import OutputError, UsageError

UNREAD = -1
_UNREAD_AFTER_NS = 1_000_000_000  # a picture that the session has not read by then it will not read
_MOST_LEARNT = 1000


@dataclass(frozen=True, slots=True)
class CopySource:
    """What is to be copied.

    Attributes:
        tap: of the source; None if its pictures do not come compressed.
        changes: what is done to the pictures and would be missing in the copy, as "the picture is cropped".
        halved: whether each of the source's pictures becomes two frames.
    """

    tap: PacketTap | None
    changes: tuple[str, ...] = ()
    halved: bool = False


class Copies:
    """Writes packets into ``video-NNN.mkv``; used by the writer's thread, but for :meth:`learn` and :meth:`sync`.

    Args:
        folder: of the recording.
        rows: the sidecar.
        first: number of the first segment.
        session: which run of the recorder in this folder, from 1.
        segment_s: how long a file gets, in seconds.
        on_gap: called for a packet that cannot be written, as those before it are missing.
    """

    blanking = False

    def __init__(
        self, folder: Path, rows: LinesFile, first: int, session: int, segment_s: float, on_gap: Callable[[], None]
    ) -> None:
        self.encoder = Encoder("copy")
        self.facts: list[SegmentFacts] = []
        self.broken = False
        self._folder, self._rows = folder, rows
        self._next, self._session, self._segment_s = first, session, segment_s
        self._on_gap = on_gap
        self._lock = threading.Lock()
        self._handles: list[SyncHandle] = []
        self._learnt: dict[int, Taken] = {}
        self._learnt_order: deque[int] = deque()
        self._container: Any = None
        self._stream: Any = None
        self._form: StreamForm | None = None
        self._first_dts = self._last_dts = 0
        self._time_base = Fraction(1)
        self._unlisted: list[tuple[int, int, int]] = []  # a heap of (segment, pts, received_ns)
        self._listed: dict[int, int] = {}

    def learn(self, pts: int, taken: Taken) -> None:
        """Which frame the picture of a packet was; from the capture thread."""
        with self._lock:
            if len(self._learnt_order) >= _MOST_LEARNT:
                self._learnt.pop(self._learnt_order.popleft(), None)
            self._learnt[pts] = taken
            self._learnt_order.append(pts)

    def write(self, packet: StreamPacket) -> None:
        """Add a packet.

        Raises:
            OutputError: the disk is full or gone.
        """
        if self._container is not None and (packet.form is not self._form or packet.dts <= self._last_dts):
            self.broken = True
        long_enough = (packet.dts - self._first_dts) * self._time_base >= self._segment_s
        if packet.key and (self._container is None or self.broken or long_enough):
            self._begin(packet)
        elif self.broken or self._container is None:
            if self.facts:  # before the first key frame nothing was begun
                self._on_gap()
            return
        self._mux(packet)
        facts = self.facts[-1]
        facts.frames += 1
        facts.seconds = round(float((packet.pts - self._first_dts) * self._time_base), 3)
        heapq.heappush(self._unlisted, (self._next - 1, packet.pts, packet.received_ns))
        self.settle()

    def settle(self, *, final: bool = False) -> None:
        """Write the lines of pictures whose place and frame are known by now; ``final``: of all.

        Raises:
            OutputError: the disk is full or gone.
        """
        rows = []
        now_ns = time.perf_counter_ns()
        while self._unlisted:
            segment, pts, received_ns = self._unlisted[0]
            with self._lock:
                taken = self._learnt.pop(pts, None)
            late = now_ns - received_ns > _UNREAD_AFTER_NS
            may_be_preceded = segment == self._next - 1 and pts > self._last_dts
            if not final and (may_be_preceded or (taken is None and not late)):
                if taken is not None:
                    self.learn(pts, taken)
                break
            heapq.heappop(self._unlisted)
            taken = taken or Taken(UNREAD, None, received_ns)
            position = self._listed.get(segment, 0)
            rows.append(frame_row(taken, self._session, segment, position))
            self._listed[segment] = position + 1
        self._rows.write(rows)

    def close(self) -> None:
        """Complete the file that is being written.

        Raises:
            OutputError: the disk is full or gone.
        """
        try:
            self.settle(final=True)
        finally:
            self._end_file()

    def give_up(self) -> None:
        """Let go of a file that cannot be written any more; what is in it stays."""
        with contextlib.suppress(OutputError):
            self.close()
        if self.facts:
            self.facts[-1].complete = False

    def sync(self) -> int:
        """Bring the videos to the disk; returns how many bytes they have. Any thread may.

        Raises:
            OSError: the disk is gone.
        """
        for handle in list(self._handles):
            handle.sync()
        return sum(handle.size for handle in self._handles)

    def release(self) -> None:
        """Close what was opened for syncing."""
        for handle in self._handles:
            handle.close()

    def _end_file(self) -> None:
        container, self._container = self._container, None
        if container is None:
            return
        with self._disk():
            container.close()
        self.facts[-1].complete = True
        self._handles[-1].last = True

    def _begin(self, packet: StreamPacket) -> None:
        self._end_file()
        path = self._folder / f"video-{self._next:03d}.mkv"
        with self._disk():
            self._container = av.open(str(path), "w", options=CONTAINER_OPTIONS[".mkv"])
            self._stream = self._container.add_stream_from_template(packet.form.template)
            self._container.start_encoding()
        self._handles.append(SyncHandle(path))
        self._form, self._time_base = packet.form, packet.time_base
        self._first_dts = packet.dts
        self.broken = False
        self.facts.append(SegmentFacts(path.name, self._session, *packet.form.size))
        self._next += 1

    def _mux(self, packet: StreamPacket) -> None:
        copy = Packet(packet.data)
        copy.pts, copy.dts = packet.pts - self._first_dts, packet.dts - self._first_dts
        copy.time_base, copy.is_keyframe, copy.stream = packet.time_base, packet.key, self._stream
        self._last_dts = packet.dts
        with self._disk():
            self._container.mux(copy)

    @contextlib.contextmanager
    def _disk(self) -> Any:
        try:
            yield
        except (OSError, ValueError, av.error.FFmpegError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise OutputError(f"Cannot write the video in {self._folder}: {reason}.", "Is the disk full?") from error


def permitted(copied: CopySource | None, *, blanked: bool, confirmed_no_text: bool) -> PacketTap:
    """Where to take the packets.

    Args:
        copied: what is to be copied.
        blanked: whether pictures from outside the body are to be blanked.
        confirmed_no_text: the user has said that the whole picture holds no text that tells who the patient is.

    Raises:
        UsageError: there are none, or they show what may not be kept.
    """
    if copied is None or copied.tap is None:
        raise UsageError("This source is not compressed: there is no stream to copy.", "Set recording.encoder to auto.")
    if copied.halved:
        raise UsageError(
            "The stream cannot be copied while its fields are shown as pictures of their own: no frame would be found "
            "again in it.",
            "Set recording.encoder to auto, or --deinterlace off.",
        )
    reasons = [*copied.changes, *(["pictures from outside the body cannot be blanked in it"] if blanked else [])]
    if reasons and not confirmed_no_text:
        raise UsageError(
            f"The stream is not copied: {'; '.join(reasons)}.",
            "Set recording.encoder to auto, or confirm that the source's whole picture holds no text that tells who "
            "the patient is.",
        )
    return copied.tap
