"""What cameras and streams have in common: a thread of their own that always takes the newest picture.

A live source must never be read at the pace of whoever looks at it: buffers would fill, and the picture would age. Nor
may a driver that hangs take the window with it. So a reader thread owns the device from opening to closing, puts what
it gets into a slot, and is left behind when it does not answer.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

import numpy as np
import numpy.typing as npt

from app.capture.placing import Place, where_it_is
from app.capture.tap import PacketTap
from app.capture.timeline import Timeline
from app.handoff import Latest
from detector.errors import SourceError
from detector.frame import Frame, Interruption, SourceInfo, SourceKind, SourceState
from detector.geometry import Size

_JOIN_S = 0.5
# Beyond the connection's own limit on opening: it is asked to answer first, as it knows why it failed.
_GRACE_S = 1.0
# A reader that was left behind gets this long to let go of its device before another asks for it.
_RELEASE_S = 3.0
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture from a live connection.

    Attributes:
        pts: its stamp in the connection's ticks, if known.
        taken_ns: ``time.perf_counter_ns()`` when it was decoded.
        image: BGR uint8 ``(H, W, 3)``; None if there is nothing to show.
        fault: why it cannot be trusted; empty for a good picture.
    """

    pts: int | None
    taken_ns: int
    image: npt.NDArray[np.uint8] | None
    fault: str = ""


class Connection(Protocol):
    """One connection to a device or stream. Made, used and closed by the reader thread alone.

    Attributes:
        time_base: seconds per tick of ``Shot.pts``.
        rate: nominal frames per second, if known.
    """

    time_base: Fraction
    rate: Fraction | None

    def grab(self) -> Shot | Interruption:
        """Block (within bounds, where the layer below allows) for the next picture; ``LOST`` or ``GONE`` are final."""
        ...

    def close(self) -> None:
        """Let go of the device."""
        ...


class LiveSource:
    """A live picture: reading gives the newest frame that was not read yet, or waits for the next.

    Args:
        kind: of the source.
        label: for the status line and for errors; holds no credentials.
        connect: makes the connection; raises SourceError. Called in the reader thread.
        open_timeout_s: how long opening may take, to the first picture.
        lost_after_s: a read that waits longer than this for a picture gives ``LOST``.
        tap: where the packets of a compressed source can be had.
    """

    def __init__(
        self,
        kind: SourceKind,
        label: str,
        connect: Callable[[], Connection],
        open_timeout_s: float,
        lost_after_s: float,
        tap: PacketTap | None = None,
    ) -> None:
        self.tap = tap
        self._kind = kind
        self._label = label
        self._connect = connect
        self._open_timeout_s = open_timeout_s
        self._lost_after_s = lost_after_s
        self._timeline = Timeline()
        self._index = 0
        self._reader: _Reader | None = None
        self._final: Interruption | None = Interruption(SourceState.END, "not open")
        self._last_ns: int | None = None
        self._overwritten = 0
        self._left_behind: _Reader | None = None
        self._lock = threading.Lock()  # guards _reader against close() from another thread
        self._place: Place = where_it_is

    def place_with(self, place: Place) -> None:
        """See :class:`app.capture.placing.Placing`."""
        self._place = place

    @property
    def overwritten(self) -> int:
        """How many pictures were replaced by a newer one before they were read."""
        reader = self._reader
        return self._overwritten + (reader.slot.overwritten if reader else 0)

    def open(self) -> SourceInfo:
        """Connect and wait for the first picture.

        Raises:
            SourceError: no connection, or no picture in time.
        """
        self._drop_reader()
        reader = _Reader(self._label, self._connect, self._left_behind)
        with self._lock:
            self._reader = reader
        reader.start()
        first = reader.first_picture(self._open_timeout_s + _GRACE_S)
        if self._reader is not reader:
            raise SourceError(f"{self._label} was closed while it was being opened.")
        if first is None:
            self._drop_reader()
            raise reader.failure or SourceError(
                f"{self._label} does not answer: no picture within {self._open_timeout_s:g} s.",
                "Check the sender or the cable; unplug and replug a device that hangs.",
            )
        connection, image, taken_ns = first
        gap_s = None if self._last_ns is None else (taken_ns - self._last_ns) / 1e9
        self._timeline.begin(connection.time_base, connection.rate, gap_s)
        self._final = None
        # The silence that counts is that of this connection.
        self._last_ns = taken_ns
        # What comes back may be of another size and rate; its time base stays, as consumers rely on one.
        base = self._timeline.time_base
        return SourceInfo(self._kind, self._label, True, Size.of(image), connection.rate, None, base)

    def read(self) -> Frame | Interruption:
        """The newest picture, at once if there is one that was not read yet; else the next, or ``LOST``."""
        reader = self._reader
        if self._final is not None or reader is None:
            return self._final or Interruption(SourceState.END, "closed")
        silent_s = (time.perf_counter_ns() - (self._last_ns or 0)) / 1e9
        item = reader.slot.take(max(0.0, self._lost_after_s - silent_s))
        if self._reader is not reader:
            return Interruption(SourceState.END, "closed")
        if item is None:
            item = Interruption(SourceState.LOST, f"no picture for {self._lost_after_s:g} s")
        if isinstance(item, Interruption):
            self._final = item
            self._drop_reader()
            return item
        return self._numbered(item)

    def close(self) -> None:
        """Let go of the device; a device that hangs is let go of as soon as it answers."""
        self._drop_reader()
        self._final = Interruption(SourceState.END, "closed")

    def _numbered(self, shot: Shot) -> Frame | Interruption:
        self._last_ns = shot.taken_ns
        index, self._index = self._index, self._index + 1
        when = self._timeline.place(shot.pts)
        if self.tap is not None:
            self.tap.given(shot.pts, index, when, shot.taken_ns)
        if shot.image is not None and not shot.fault:
            return Frame(index, when, shot.taken_ns, self._place(shot.image))
        return Interruption(SourceState.UNDECODABLE, shot.fault, index, when, picture=shot.image)

    def _drop_reader(self) -> None:
        with self._lock:
            reader, self._reader = self._reader, None
            if reader is not None:
                self._overwritten += reader.slot.overwritten
                self._left_behind = reader
        if reader is not None:
            reader.stop()


class _Reader:
    """The thread that owns one connection, and the slot it fills."""

    def __init__(self, label: str, connect: Callable[[], Connection], before: _Reader | None) -> None:
        self.slot: Latest[Shot | Interruption] = Latest()
        self.failure: SourceError | None = None
        self._connect = connect
        self._label = label
        self._before = before
        self._stopping = threading.Event()
        self._decided = threading.Event()
        self._first: tuple[Connection, npt.NDArray[np.uint8], int] | None = None
        # A daemon: a driver that never answers must not keep the program from ending.
        self._thread = threading.Thread(target=self._run, name=f"capture {label}", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def first_picture(self, timeout_s: float) -> tuple[Connection, npt.NDArray[np.uint8], int] | None:
        """Wait for the connection and its first picture (and when it was taken); None if there was none."""
        self._decided.wait(timeout_s)
        return self._first

    def stop(self) -> None:
        """Ask the thread to end, wake whoever waits for it, and give it a moment."""
        self._stopping.set()
        self.slot.close()
        self._decided.set()
        self._thread.join(_JOIN_S)

    def _run(self) -> None:
        try:
            self._await_release()
            connection = self._connect()
            try:
                self._pump(connection)
            finally:
                connection.close()
        except SourceError as error:
            self.failure = error
        except Exception as error:  # root of the thread: what nobody thought of becomes a state, too
            _LOG.exception("the reader of %s failed", self._label)
            self.failure = SourceError(f"{self._label} cannot be read: internal error {error!r}.")
            self.slot.put(Interruption(SourceState.LOST, f"internal error {error!r}"))
        finally:
            self._decided.set()

    def _await_release(self) -> None:
        before, self._before = self._before, None
        if before is None:
            return
        before._thread.join(_RELEASE_S)
        if before._thread.is_alive():
            raise SourceError(
                f"{self._label} is still held by an earlier connection that does not answer.",
                "Unplug and replug the device, or restart Polypwatch.",
            )

    def _pump(self, connection: Connection) -> None:
        while not self._stopping.is_set():
            item = connection.grab()
            if isinstance(item, Interruption):
                if self._first is None:
                    raise SourceError(f"{self._label} sent no picture: {item.state.value}, {item.detail}.")
                self.slot.put(item)
                return
            if self._first is None and item.image is not None:
                self._first = connection, item.image, item.taken_ns
            self.slot.put(item)
            if self._first is not None:
                self._decided.set()
