"""A live session in the synchronised mode, on scripted parts and a manual clock; and where its pictures lie."""

from fractions import Fraction

import numpy as np
import pytest

from app.capture import MemorySource, Paced
from app.live import LiveSession, LiveSettings
from app.synchrony import TOO_SLOW, SyncState
from app.waker import Waker
from detector.frame import Frame, FrameTime
from detector.frame_pool import FramePool
from detector.watchdog import AiState
from tests.app.test_live import MS, Room, ScriptedAi

BUDGET_MS = 60  # at 25 frames/s


class SyncRoom(Room):
    """A session that keeps pictures back."""

    def __init__(self, **settings) -> None:
        super().__init__(synchronised=True, **settings)
        self.session.start()

    def capture(self, advance_ms: int = 40) -> Frame:
        """Capture one frame, and wait until it is with the AI."""
        self.clock.now_ns += advance_ms * MS
        image = np.full((48, 64, 3), self.next_index % 250, np.uint8)
        frame = Frame(self.next_index, FrameTime(self.next_index, Fraction(1, 25)), self.clock.now_ns, image)
        self.next_index += 1
        self.source.put(frame)
        self.until(lambda: frame in self.ai.submitted)
        return frame

    def settled(self) -> None:
        """Capture and answer frames until a marker stands."""
        for _ in range(10):
            self.capture()
            self.ai.answer()
        assert self.session.snapshot().markers


@pytest.fixture
def room():
    made = SyncRoom()
    yield made
    made.source.end()
    made.session.stop()


def test_the_picture_before_stays_until_the_next_has_its_boxes(room):
    room.settled()
    before = room.session.snapshot()
    frame = room.capture()
    assert room.session.snapshot().frame is before.frame
    room.clock.now_ns += 30 * MS
    wakes = room.wakes
    room.ai.answer()
    after = room.session.snapshot()
    assert after.frame is frame
    assert after.markers == room.analysed[-1].update.markers
    assert room.analysed[-1].detections.frame_index == frame.index
    assert after.sync.state is SyncState.ON
    assert after.sync.delay_ms is not None
    assert room.wakes > wakes
    assert not after.ai.expired


def test_at_its_deadline_a_picture_is_shown_without_boxes_whoever_looks(room):
    room.settled()
    before = room.session.snapshot().frame
    frame = room.capture()
    room.clock.now_ns += BUDGET_MS * MS - 1
    assert room.session.snapshot().frame is before
    room.clock.now_ns += 1
    snapshot = room.session.snapshot()
    assert (snapshot.frame, snapshot.markers) == (frame, ())


def test_the_window_is_woken_at_the_deadline(room):
    room.settled()
    room.capture()
    wakes = room.wakes
    room.clock.now_ns += BUDGET_MS * MS
    room.until(lambda: room.wakes > wakes)


def test_a_slow_ai_ends_it_the_newest_picture_is_back_and_the_user_may_try_again(room):
    room.settled()
    for _ in range(60):
        room.capture()
    snapshot = room.session.snapshot()
    assert (snapshot.sync.state, snapshot.sync.detail) == (SyncState.ENDED, TOO_SLOW)
    assert not room.session.synchronised
    newest = room.capture()
    assert room.session.snapshot().frame is newest
    room.session.set_synchronised(True)
    assert room.session.synchronised
    assert room.session.snapshot().frame is newest
    room.session.set_synchronised(False)
    assert room.session.snapshot().sync.state is SyncState.OFF


@pytest.mark.parametrize("state", [AiState.OFF, AiState.STARTING, AiState.RESTARTING, AiState.FAILED, AiState.STALLED])
def test_without_a_working_ai_pictures_are_shown_as_they_come(room, state):
    room.settled()
    room.ai.state, room.ai.idle = state, False
    frame = room.capture()
    snapshot = room.session.snapshot()
    assert snapshot.frame is frame
    assert snapshot.sync.state is SyncState.WAITING
    assert snapshot.markers == ()


def test_switched_off_by_the_user_the_ai_takes_the_boxes_with_it(room):
    room.settled()
    room.session.set_ai_enabled(False)
    assert room.session.snapshot().markers == ()


def test_a_frame_that_failed_is_shown_at_once_without_boxes(room):
    room.settled()
    frame = room.capture()
    room.ai.submitted.clear()
    room.ai.on_failure(frame.index, "broken")
    snapshot = room.session.snapshot()
    assert (snapshot.frame, snapshot.markers) == (frame, ())


def test_the_waker_calls_at_the_instant_and_again_when_told():
    calls, now = [], [0]

    def due() -> int | None:
        calls.append(now[0])
        return 500 if len(calls) == 1 else None

    waker = Waker(due, lambda: now[0])
    waker.at(100)
    waker.start()
    try:
        for instant, count in ((99, 0), (100, 1), (499, 1), (500, 2)):
            now[0] = instant
            waker.at(None)
            Room.until(lambda n=count: len(calls) == n)
        assert calls == [100, 500]
    finally:
        waker.stop()


def test_a_waker_whose_call_fails_once_calls_again(caplog):
    calls: list[int] = []

    def due() -> None:
        calls.append(1)
        if len(calls) == 1:
            raise RuntimeError("once")

    waker = Waker(due, lambda: 0)
    waker.start()
    try:
        for count in (1, 2):
            waker.at(0)
            Room.until(lambda n=count: len(calls) == n)
        assert "once" in caplog.text
    finally:
        waker.stop()


class PooledAi(ScriptedAi):
    """An AI that lends memory."""

    def __init__(self, *calls) -> None:
        super().__init__(*calls)
        self.pool = FramePool()


def test_a_session_has_its_source_put_pictures_where_the_ai_can_see_them():
    made: list[PooledAi] = []

    def make_ai(*calls) -> PooledAi:
        made.append(PooledAi(*calls))
        return made[-1]

    images = [np.full((48, 64, 3), n, np.uint8) for n in range(5)]
    source = Paced(MemorySource(images, Fraction(200), count=40))
    session = LiveSession(source, "memory", make_ai, LiveSettings())
    session.start()
    try:
        pool = made[0].pool
        Room.until(lambda: bool(made[0].submitted))
        pool.tend(lambda block: True)
        Room.until(lambda: session.ended)
        placed = [frame for frame in made[0].submitted if pool.find(frame.image) is not None]
        assert len(placed) == pool.placed > 0
        assert all((frame.image == frame.index % 5).all() for frame in made[0].submitted)
    finally:
        session.stop()
        pool.close()
