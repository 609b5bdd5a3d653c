"""The synchronised mode: each picture is painted together with its own boxes, at the price of a later picture.

Off unless asked for. A picture is kept back until its result is there, but never longer than its budget: then it is
shown without boxes, because video does not wait for the AI. Where too many pictures had to go without, the mode ends
and says so. A state machine on times that are handed in; the session's lock guards it.
"""

from __future__ import annotations

import enum
import statistics
from collections import deque
from dataclasses import dataclass
from fractions import Fraction

from detector.alerts import Marker
from detector.frame import Frame

MOST_HELD_NS = 100_000_000  # beyond that, hand and eye part company
_LEAST_HELD_NS = 20_000_000  # a hiccup of the operating system
_INTERVALS_HELD = 1.5  # inference that fits into one interval, and half of one for the way to and fro
_WINDOW_NS = 1_000_000_000
_PAUSE_NS = 500_000_000  # after that nothing follows from the pictures before
_LEAST_SHARE = 0.75  # of the pictures of a window with their own boxes
_DELAY_SHOWN_EVERY_NS = 500_000_000
TOO_SLOW = "synchronised mode ended: AI too slow"


class SyncState(enum.Enum):
    """What the mode is doing."""

    OFF = "off"
    WAITING = "waiting for the AI"  # the AI is off, starts or restarts: pictures are shown at once
    ON = "on"
    ENDED = "ended"  # by itself; pictures are shown at once


@dataclass(frozen=True, slots=True)
class SyncSnapshot:
    """The mode at one instant.

    Attributes:
        state: what it is doing.
        delay_ms: by how much the picture is late because of it: the median from capture to release, over the last
            second; None while nothing is kept back.
        detail: why it ended; else empty.
        with_boxes: pictures shown together with their own result so far.
        without_boxes: pictures shown without, or left out because a later one had its result first.
    """

    state: SyncState = SyncState.OFF
    delay_ms: float | None = None
    detail: str = ""
    with_boxes: int = 0
    without_boxes: int = 0


@dataclass(frozen=True, slots=True)
class _Released:
    captured_ns: int
    delay_ns: int
    own: bool


class Synchroniser:
    """Which picture is shown, and with which markers, while the mode is on.

    Attributes:
        shown: the picture to show; None while the newest is shown as it comes.
        markers: those that belong to ``shown``, made from results up to its own; empty without its own result.
        releases: grows with every change of what is shown.
    """

    def __init__(self) -> None:
        self.shown: Frame | None = None
        self.markers: tuple[Marker, ...] = ()
        self.releases = 0
        self._with_boxes = self._without_boxes = 0
        self._state = SyncState.OFF
        self._budget_ns = MOST_HELD_NS
        self._held: deque[Frame] = deque()
        self._window: deque[_Released] = deque()
        self._delay_ms: float | None = None
        self._delay_ns = 0

    @property
    def active(self) -> bool:
        """Whether the mode decides which picture is shown."""
        return self._state in (SyncState.ON, SyncState.WAITING)

    @property
    def deadline_ns(self) -> int | None:
        """When the oldest picture that is kept back has to be shown; None if there is none."""
        return self._held[0].captured_ns + self._budget_ns if self._held else None

    def switch(self, on: bool, now_shown: Frame | None) -> None:
        """Begin or end at the user's wish; ``now_shown`` is the picture on the screen."""
        self._stop(SyncState.WAITING if on else SyncState.OFF)
        self.shown = now_shown if on else None

    def captured(
        self, frame: Frame, now_ns: int, rate: Fraction | None, *, asked: bool, ready: bool, behind: bool = False
    ) -> bool:
        """A new picture came; returns whether it is kept back.

        Args:
            frame: the picture.
            now_ns: the time.
            rate: of the source in frames per second; the budget is one and a half intervals, at most 100 ms.
            asked: the AI gets it.
            ready: the AI is up and answers.
            behind: the AI is up and does not answer in time.
        """
        if not self.active:
            return False
        interval_ns = float(1_000_000_000 / rate) if rate else MOST_HELD_NS
        self._budget_ns = round(min(MOST_HELD_NS, max(_LEAST_HELD_NS, _INTERVALS_HELD * interval_ns)))
        self.settle(now_ns)
        if not self.active:
            return False
        if ready and asked:
            self._state = SyncState.ON
            self._held.append(frame)
            return True
        if not (ready or behind):
            self._state = SyncState.WAITING
            self._window.clear()
            self._delay_ms = None
        self._release(frame, (), False, now_ns, counted=asked and behind)
        return False

    def answered(self, index: int, markers: tuple[Marker, ...], now_ns: int) -> None:
        """The result of a picture came, and the markers that it led to."""
        if not self.active:
            return
        if self.shown is not None and self.shown.index == index:
            self.markers, self.releases = markers, self.releases + 1  # too late to count, but they are its own
        while self._held and self._held[0].index <= index:
            frame = self._held.popleft()
            if frame.index == index:
                self._release(frame, markers, True, now_ns)
            else:  # the AI never saw it, and a later one is there
                self._count(frame, False, now_ns)

    def failed(self, index: int, now_ns: int) -> None:
        """A picture could not be analysed: it is shown without boxes."""
        while self._held and self._held[0].index <= index:
            self._release(self._held.popleft(), (), False, now_ns)

    def settle(self, now_ns: int) -> None:
        """Show what was kept back for as long as is allowed."""
        while (deadline_ns := self.deadline_ns) is not None and now_ns >= deadline_ns:
            self._release(self._held.popleft(), (), False, now_ns)

    def snapshot(self) -> SyncSnapshot:
        """The mode now."""
        return SyncSnapshot(
            self._state,
            self._delay_ms if self._state is SyncState.ON else None,
            TOO_SLOW if self._state is SyncState.ENDED else "",
            self._with_boxes,
            self._without_boxes,
        )

    # -- inside ---------------------------------------------------------------------------------------------------

    def _release(
        self, frame: Frame, markers: tuple[Marker, ...], own: bool, now_ns: int, *, counted: bool = True
    ) -> None:
        # What is older than the picture to show is never shown any more.
        while self._held and self._held[0].index < frame.index:
            self._count(self._held.popleft(), False, now_ns)
        if not self.active:
            return  # that ended it: nothing is kept
        self.shown, self.markers = frame, markers
        self.releases += 1
        if counted:
            self._count(frame, own, now_ns)

    def _count(self, frame: Frame, own: bool, now_ns: int) -> None:
        if not self.active:
            return
        self._with_boxes += own
        self._without_boxes += not own
        if self._window and frame.captured_ns - self._window[-1].captured_ns >= _PAUSE_NS:
            self._window.clear()
        self._window.append(_Released(frame.captured_ns, now_ns - frame.captured_ns, own))
        oldest_ns = frame.captured_ns - _WINDOW_NS
        spans = self._window[0].captured_ns <= oldest_ns
        while self._window[0].captured_ns < oldest_ns:
            self._window.popleft()
        if self._delay_ms is None or now_ns - self._delay_ns >= _DELAY_SHOWN_EVERY_NS:
            self._delay_ms, self._delay_ns = statistics.median(r.delay_ns for r in self._window) / 1e6, now_ns
        if spans and sum(r.own for r in self._window) < _LEAST_SHARE * len(self._window):
            self._stop(SyncState.ENDED)

    def _stop(self, state: SyncState) -> None:
        self._state = state
        self.shown, self.markers = None, ()
        self._held.clear()
        self._window.clear()
        self._delay_ms = None
        self.releases += 1
