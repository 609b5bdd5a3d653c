"""A thread that looks at the picture itself ten times a second: is it worth looking at, in which light, does it move.

It takes the newest picture and never the capture thread's time. Should it fall behind or die, nothing is claimed any
more: the screen says so (``ViewSnapshot.fault``), no instant counts as inside of a body, so that nothing of it is kept,
and boxes are shown as if there were no watch: what is lost with it are false alarms, not lesions.
"""

from __future__ import annotations

import bisect
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from app.snapshot import ViewSnapshot
from detector.frame import Frame
from detector.picture.freeze import FreezeWatch
from detector.picture.glance import Glance, Image, glance, reduced
from detector.picture.light import LightWatch
from detector.picture.quality import QualityGate

_LOG = logging.getLogger(__name__)
_PERIOD_S = 0.1
_REST = 4.0  # times as long as a look took: a fifth of a core at most
_LONGEST_REST_S = 0.4
_STALLED_NS = 1_000_000_000
_LOG_LENGTH = 600  # a minute of looks
_LONGEST_GAP_NS = 1_000_000_000  # between two looks; what was shown in a longer one nobody knows
_JOIN_S = 1.0

STALLED = "poor views, light and freezing are not noticed"
"""What the screen says when the thread hangs or has died."""


@dataclass(frozen=True, slots=True)
class _Look:
    captured_ns: int
    inside: bool


class PictureWatch:
    """What is known of the newest picture, and for the last minute which instants were surely inside of a body.

    Args:
        newest: gives the newest picture; called in the thread.
        on_change: called in the thread when ``snapshot`` would give something else.
        clock_ns: replaced in tests.
        measure: replaced in tests.
    """

    def __init__(
        self,
        newest: Callable[[], Frame | None],
        on_change: Callable[[], None],
        clock_ns: Callable[[], int] = time.perf_counter_ns,
        measure: Callable[[Image], Glance] = glance,
    ) -> None:
        self._newest, self._on_change = newest, on_change
        self._clock_ns = clock_ns
        self._measure = measure
        self._gate, self._light, self._freeze = QualityGate(), LightWatch(), FreezeWatch()
        # Replaced as a whole, and so read without a lock that a hanging look could hold.
        self._view = ViewSnapshot()
        self._beat_ns: int | None = None  # None: not started
        self._died = False
        self._looks: deque[_Look] = deque(maxlen=_LOG_LENGTH)
        self._log_lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    # -- from any thread ------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin; returns at once."""
        self._beat_ns = self._clock_ns()
        self._thread.start()

    def stop(self) -> None:
        """End the thread; one that hangs is left alone. Safe to call twice."""
        self._stopping.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(_JOIN_S)

    def snapshot(self, now_ns: int) -> ViewSnapshot:
        """What is known of the picture at ``now_ns``; ``validated`` is for the session to say."""
        return ViewSnapshot(fault=STALLED) if self._stalled(now_ns) else self._view

    def inside_at(self, captured_ns: int) -> bool | None:
        """Whether the picture of that instant (``perf_counter_ns``) was surely of the inside of a body.

        None until that can be said, which takes until the next look. True only if the look before and the look after
        were both sure: doubt keeps nothing.
        """
        with self._log_lock:
            looks = tuple(self._looks)
        after = bisect.bisect_left(looks, captured_ns, key=lambda look: look.captured_ns)
        if after == len(looks):
            return False if self._stalled(self._clock_ns()) else None
        if looks[after].captured_ns == captured_ns:
            return looks[after].inside
        if after == 0 or looks[after].captured_ns - looks[after - 1].captured_ns > _LONGEST_GAP_NS:
            return False
        return looks[after - 1].inside and looks[after].inside

    # -- the thread -----------------------------------------------------------------------------------------------

    def look(self, frame: Frame) -> None:
        """Judge one picture. Called in the thread, and by tests."""
        small = reduced(frame.image)
        seen = self._measure(small)
        seconds = frame.captured_ns / 1e9
        state = self._gate.update(seen, seconds)
        light = self._light.update(seen, seconds, inside=state.inside)
        # Stills have no time: the same one twice is no freeze.
        frozen_s = self._freeze.update(small, seconds) if frame.time is not None else None
        before, self._view = (
            self._view,
            ViewSnapshot(
                view=state.view,
                view_since_ns=round(state.since_s * 1e9),
                light=light,
                inside=state.inside,
                frozen_since_ns=None if frozen_s is None else round(frozen_s * 1e9),
            ),
        )
        with self._log_lock:
            if self._looks and frame.captured_ns < self._looks[-1].captured_ns:
                self._looks.clear()
            self._looks.append(_Look(frame.captured_ns, state.inside))
        if replace(before, view_since_ns=0) != replace(self._view, view_since_ns=0):
            self._on_change()

    def _run(self) -> None:
        looked_ns: int | None = None
        pause_s = 0.0
        try:
            while not self._stopping.wait(pause_s):
                self._beat_ns = self._clock_ns()
                begin = time.perf_counter()
                frame = self._newest()
                if frame is not None and frame.captured_ns != looked_ns:
                    looked_ns = frame.captured_ns
                    self.look(frame)
                frame = None  # its memory is wanted for the next picture
                took_s = time.perf_counter() - begin
                # A slow look is no hanging one: the beat must not stay away for so long that it is taken for one.
                pause_s = max(_PERIOD_S - took_s, min(_REST * took_s, _LONGEST_REST_S))
        except Exception:  # root of the thread: the screen says that nobody watches
            _LOG.exception("the watch over the picture failed")
            self._died = True
            self._on_change()

    def _stalled(self, now_ns: int) -> bool:
        return self._died or (self._beat_ns is not None and now_ns - self._beat_ns > _STALLED_NS)
