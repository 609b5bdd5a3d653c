"""Playing a file at its own pace."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import Protocol

from app.capture.placing import Place, Placing
from app.capture.tap import PacketTap, tap_of
from detector.frame import Frame, FrameSource, Interruption, SourceInfo, SourceState

# Further behind than this, the clock is set anew: nobody wants to see the lost time rushed through.
_LATE_NS = 1_000_000_000
# A longer hole in the time stamps is cut to this, as a read may not block for ever.
_LONGEST_WAIT_S = 3.0


class Clock(Protocol):
    """Where pacing takes its time from; tests bring one that they turn by hand."""

    def now_ns(self) -> int:
        """The time, on the clock of ``time.perf_counter_ns``."""
        ...

    def wait(self, changed: threading.Condition, timeout_s: float | None) -> None:
        """Wait for ``changed`` (held by the caller) or for the time-out; may return early."""
        ...


class SystemClock:
    """The real one."""

    def now_ns(self) -> int:
        """``time.perf_counter_ns()``."""
        return time.perf_counter_ns()

    def wait(self, changed: threading.Condition, timeout_s: float | None) -> None:
        """Wait for ``changed`` or the time-out."""
        changed.wait(timeout_s)


class Paced:
    """A source whose frames come when their media time has come; no frame is left out.

    The first frame starts the clock. Frames that are less than a second late come at once; when a reader or decoder
    falls further behind, the clock starts anew at that frame, which is counted. ``captured_ns`` is the instant at which
    the frame was due and given out, as if a camera had seen it. Live sources are passed through as they are.

    Args:
        source: what to pace.
        rate: 2.0 plays twice as fast.
        stills_per_s: pace of pictures without media time; None for no pace.
        clock: replaced in tests.

    Raises:
        ValueError: a rate is not positive.
    """

    def __init__(
        self, source: FrameSource, rate: float = 1.0, stills_per_s: float | None = 1.0, clock: Clock | None = None
    ) -> None:
        if rate <= 0 or (stills_per_s is not None and stills_per_s <= 0):
            raise ValueError(f"rates must be positive: {rate}, {stills_per_s}")
        self._source = source
        self._rate = rate
        self._stills_per_s = stills_per_s
        self._clock = clock or SystemClock()
        self._changed = threading.Condition()
        self._closed = False
        self._live = False
        self._paused_ns: int | None = None
        self._stills = 0
        self._reanchored = 0
        # Media seconds and clock of one instant; None before the first frame and after an interruption.
        self._anchor: tuple[float, int] | None = None

    def place_with(self, place: Place) -> None:
        """See :class:`app.capture.placing.Placing`; without effect on a source that cannot."""
        if isinstance(self._source, Placing):
            self._source.place_with(place)

    @property
    def tap(self) -> PacketTap | None:
        """The packets of the source below; see :class:`app.capture.tap.Tapped`."""
        return tap_of(self._source)

    @property
    def reanchored(self) -> int:
        """How often the clock was set anew because frames came more than a second late."""
        return self._reanchored

    @property
    def paused(self) -> bool:
        """Whether frames are being held."""
        with self._changed:
            return self._paused_ns is not None

    def open(self) -> SourceInfo:
        """Open the source; the clock starts with its first frame.

        Raises:
            SourceError: it cannot be opened.
        """
        info = self._source.open()
        with self._changed:
            self._closed, self._anchor, self._live = False, None, info.live
        return info

    def read(self) -> Frame | Interruption:
        """The next frame, when it is due; blocks while paused."""
        item = self._source.read()
        if self._live:
            return item
        if isinstance(item, Interruption) and item.state is not SourceState.UNDECODABLE:
            with self._changed:
                self._anchor = None
            return item
        media_s, longest_s = self._media_s(item)
        if media_s is not None and not self._wait_until(media_s, longest_s):
            return Interruption(SourceState.END, "closed")
        return replace(item, captured_ns=self._clock.now_ns()) if isinstance(item, Frame) else item

    def pause(self) -> None:
        """Hold the next frames; ``read`` blocks until ``resume`` or ``close``."""
        with self._changed:
            if self._paused_ns is None:
                self._paused_ns = self._clock.now_ns()
            self._changed.notify_all()

    def resume(self) -> None:
        """Go on as if no time had passed."""
        with self._changed:
            if self._paused_ns is not None and self._anchor is not None:
                media_s, at_ns = self._anchor
                self._anchor = media_s, at_ns + self._clock.now_ns() - max(self._paused_ns, at_ns)
            self._paused_ns = None
            self._changed.notify_all()

    def close(self) -> None:
        """Close the source; a waiting read returns at once."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._source.close()

    def _media_s(self, item: Frame | Interruption) -> tuple[float | None, float]:
        """When to show the item, in media seconds, and the longest time to wait for that."""
        if item.time is not None:
            return item.time.seconds, _LONGEST_WAIT_S
        if self._stills_per_s is None or not item.name:
            return None, 0.0
        self._stills += 1
        return self._stills / self._stills_per_s, 1 / self._stills_per_s

    def _wait_until(self, media_s: float, longest_s: float) -> bool:
        """Wait until it is due; False if closed meanwhile."""
        with self._changed:
            while not self._closed:
                if self._paused_ns is not None:
                    self._clock.wait(self._changed, None)
                    continue
                now_ns = self._clock.now_ns()
                if self._anchor is None:
                    self._anchor = media_s, now_ns
                anchor_s, anchor_ns = self._anchor
                left_ns = anchor_ns + round((media_s - anchor_s) / self._rate * 1e9) - now_ns
                if left_ns < -_LATE_NS:
                    self._anchor = media_s, now_ns
                    self._reanchored += 1
                elif left_ns > longest_s * 1e9:
                    self._anchor = media_s, now_ns + round(longest_s * 1e9)
                elif left_ns > 0:
                    self._clock.wait(self._changed, left_ns / 1e9)
                else:
                    return True
            return False
