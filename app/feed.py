"""The capture thread: opens the source, reads it, hands every picture on, and knows what the source is doing.

It never waits for the AI or the window, and never raises: what happens to a source is a state that the screen shows.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol, runtime_checkable

from app.capture.rate import RateWatch
from app.capture.retry import Backoff
from app.snapshot import SourceSnapshot, SourceStatus
from detector.errors import SourceError
from detector.frame import Frame, FrameSource, Interruption, SourceInfo, SourceState

_LOG = logging.getLogger(__name__)
_RATE_WINDOW_NS = 1_000_000_000
_UNDECODABLE_SHOWN_NS = 2_000_000_000
_LONGEST_WAIT_S = 2.0  # somebody stands beside the patient and waits for the picture
_PAUSABLE = (SourceStatus.PLAYING, SourceStatus.PAUSED, SourceStatus.UNDECODABLE)


@runtime_checkable
class Pausable(Protocol):
    """A source that can be held."""

    def pause(self) -> None:
        """Hold the next frames."""
        ...

    def resume(self) -> None:
        """Go on as if no time had passed."""
        ...


class Feed:
    """One source, read in a thread of its own until it ends or is ended.

    Args:
        source: opened and closed here.
        label: its short name, for before it was opened.
        lock: guards what ``snapshot`` reads; the session's, so that all of a snapshot is of one instant.
        clock_ns: replaced in tests.
        retry_opening: try again even if the source could not be opened once.
        on_picture: called with every picture to show; the flag says whether it may be analysed.
        on_change: called when the source's state changed.
        before_start: called in the thread before the source is opened.
        before_end: called in the thread when the last picture was handed on.
    """

    def __init__(
        self,
        source: FrameSource,
        label: str,
        lock: threading.Lock,
        clock_ns: Callable[[], int],
        *,
        retry_opening: bool,
        on_picture: Callable[[Frame, bool], None],
        on_change: Callable[[], None],
        before_start: Callable[[], None],
        before_end: Callable[[], None],
    ) -> None:
        self.stopping = threading.Event()
        self.frame: Frame | None = None
        self.info: SourceInfo | None = None
        self.status = SourceStatus.OPENING
        self.paused = False
        self._source = source
        self._label = label
        self._lock = lock
        self._clock_ns = clock_ns
        self._retry_opening = retry_opening
        self._on_picture, self._on_change = on_picture, on_change
        self._before_start, self._before_end = before_start, before_end
        self._detail = ""
        self._frames = self._undecodable = self._undecodable_ns = self._retries = 0
        self._stamps: deque[int] = deque()
        self._rate = RateWatch()
        self._thread = threading.Thread(target=self._run, name="capture", daemon=True)

    # -- from any thread ------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def end(self) -> None:
        """Let the source end here, as if it were over; returns at once."""
        self.stopping.set()
        self._source.close()

    def join(self, timeout_s: float) -> None:
        """Wait for the thread, if it was started."""
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    @property
    def ended(self) -> bool:
        """True when there is nothing more to come."""
        return not self._thread.is_alive()

    @property
    def can_pause(self) -> bool:
        """True for files and folders; a live picture cannot wait."""
        return isinstance(self._source, Pausable) and self.info is not None and not self.info.live

    def set_paused(self, paused: bool) -> None:
        """Hold or continue a file; without effect on a live source."""
        if not self.can_pause or not isinstance(self._source, Pausable):
            return
        with self._lock:
            self.paused = paused
            if self.status in _PAUSABLE:
                self.status = SourceStatus.PAUSED if paused else SourceStatus.PLAYING
        if paused:
            self._source.pause()
        else:
            self._source.resume()
        self._on_change()

    def snapshot(self, now_ns: int) -> SourceSnapshot:
        """The source at ``now_ns``; call with the lock held."""
        while self._stamps and now_ns - self._stamps[0] > _RATE_WINDOW_NS:
            self._stamps.popleft()
        return SourceSnapshot(
            status=self.status,
            label=self.info.label if self.info else self._label,
            detail=self._detail,
            info=self.info,
            frames=self._frames,
            undecodable=self._undecodable,
            frame_rate=float(len(self._stamps)),
            retries=self._retries,
        )

    # -- the thread -----------------------------------------------------------------------------------------------

    def _run(self) -> None:
        backoff = Backoff(longest_s=_LONGEST_WAIT_S)
        try:
            self._before_start()
            while not self.stopping.is_set():
                if self._open() and self._read(backoff):
                    self._before_end()
                    self._set(SourceStatus.ENDED, self._detail)
                    return
                if self.info is None and not self._retry_opening:
                    return  # a damaged file stays damaged; what was there once may come back
                self.stopping.wait(backoff.next_delay_s())
                with self._lock:
                    self._retries += 1
        except Exception as error:  # root of the thread: a capture that dies must say so on the screen
            _LOG.exception("capture failed")
            self._set(SourceStatus.FAILED, f"internal error: {error!r}")
        finally:
            self._source.close()
            self._on_change()

    def _open(self) -> bool:
        try:
            info = self._source.open()
        except SourceError as error:
            _LOG.warning("%s", error)
            # A source that was there and is being retried keeps its own state: the cause is what helps.
            if self.info is None:
                self._set(SourceStatus.FAILED, str(error))
            return False
        with self._lock:
            self.info = info
        return True

    def _read(self, backoff: Backoff) -> bool:
        """Read until the source ends (True) or is lost and should be reopened (False)."""
        while not self.stopping.is_set():
            item = self._source.read()
            if isinstance(item, Frame):
                self._show(item, analyse=True)
                backoff.reset()
            elif self.stopping.is_set():
                return True
            elif item.state is SourceState.UNDECODABLE:
                self._damaged(item)
            else:
                return self._over(item)
        return True

    def _show(self, frame: Frame, analyse: bool) -> None:
        with self._lock:
            self.frame = frame
            changed = self._follow(frame)
            self._frames += 1
            self._stamps.append(frame.captured_ns)
            damaged = self._undecodable and self._clock_ns() - self._undecodable_ns <= _UNDECODABLE_SHOWN_NS
            if self.paused:
                self.status, self._detail = SourceStatus.PAUSED, ""
            elif not damaged:
                self.status, self._detail = SourceStatus.PLAYING, ""
        if changed is not None:
            rate = f"{float(changed.rate):.5g} frames/s" if changed.rate else "rate unknown"
            _LOG.info("%s is now %d x %d pixels, %s", changed.label, *changed.size, rate)
        self._on_picture(frame, analyse)

    def _follow(self, frame: Frame) -> SourceInfo | None:
        """Keep what is known of the source true where its size or rate changes; call with the lock held."""
        info = self.info
        if info is None:
            return None
        rate = self._rate.update(frame.time, info.rate)
        if rate is None and frame.size == info.size:
            return None
        self.info = replace(info, rate=rate or info.rate, size=frame.size)
        return self.info

    def _damaged(self, item: Interruption) -> None:
        with self._lock:
            self._undecodable += 1
            self._undecodable_ns = self._clock_ns()
        self._set(SourceStatus.UNDECODABLE, item.detail)
        if item.picture is not None and item.index is not None:
            # What the decoder made of the damage keeps the picture moving; the AI never sees it.
            self._show(Frame(item.index, item.time, self._clock_ns(), item.picture, item.name), analyse=False)

    def _over(self, item: Interruption) -> bool:
        """Say why there is nothing more for now; True if that is for good."""
        if item.state is SourceState.END:  # said once the last frame is answered
            return True
        _LOG.warning("source %s: %s %s", self._label, item.state.value, item.detail)
        self._set(SourceStatus.GONE if item.state is SourceState.GONE else SourceStatus.LOST, item.detail)
        return False

    def _set(self, status: SourceStatus, detail: str = "") -> None:
        with self._lock:
            self.status, self._detail = status, detail
        self._on_change()
