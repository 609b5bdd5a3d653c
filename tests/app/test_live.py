"""The live session on scripted parts: what the screen is told, whatever source and AI do."""

import threading
import time
from collections import deque
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest

from app.live import LiveSession, LiveSettings
from app.overlay import AnalysedFrame, FailedFrame, Overlay
from app.snapshot import SourceStatus
from detector.alerts import AlertSettings
from detector.detections import Detections, DetectorInfo
from detector.errors import SourceError, UsageError
from detector.frame import Frame, FrameTime, Interruption, SourceInfo, SourceKind, SourceState
from detector.geometry import Size
from detector.watchdog import AiState
from detector.worker import AiReport

INFO = DetectorInfo("fast", "1", "cpu", "0" * 64, 0.5, ("polyp",), "cpu")
MS = 1_000_000


class Clock:
    """A clock that moves only when it is told to."""

    def __init__(self) -> None:
        self.now_ns = 0

    def __call__(self) -> int:
        return self.now_ns


class ScriptedSource:
    """Gives what the test puts in; `open` raises what the test asks for."""

    def __init__(self, live: bool = False, rate: int = 25) -> None:
        self._rate = Fraction(rate)
        self.items: deque[Frame | Interruption] = deque()
        self.opens = 0
        self.held = False
        self.refuse: list[SourceError] = []
        self._live = live
        self._more = threading.Condition()
        self._closed = False

    def put(self, *items: Frame | Interruption) -> None:
        with self._more:
            self.items.extend(items)
            self._more.notify_all()

    def open(self) -> SourceInfo:
        self.opens += 1
        if self.refuse:
            raise self.refuse.pop(0)
        return SourceInfo(SourceKind.MEMORY, "scripted", self._live, Size(64, 48), self._rate, None, Fraction(1, 25))

    def read(self) -> Frame | Interruption:
        with self._more:
            self._more.wait_for(lambda: self.items or self._closed, timeout=10)
            return self.items.popleft() if self.items else Interruption(SourceState.END)

    def close(self) -> None:
        with self._more:
            if self._live and not self.items:
                return  # a live source is closed between two attempts
            self._closed = True
            self._more.notify_all()

    def end(self) -> None:
        with self._more:
            self._closed = True
            self._more.notify_all()

    def pause(self) -> None:
        self.held = True

    def resume(self) -> None:
        self.held = False


class ScriptedAi:
    """Takes frames and answers when the test says so."""

    def __init__(self, on_result, on_failure, on_state) -> None:
        self.on_result, self.on_failure = on_result, on_failure
        self.submitted: deque[Frame] = deque()
        self.state, self.idle, self.enabled, self.stopped = AiState.ON, True, True, False

    def start(self) -> None: ...

    def stop(self) -> None:
        self.stopped = True

    def submit(self, frame: Frame) -> None:
        self.submitted.append(frame)

    def set_enabled(self, enabled: bool) -> None:
        self.enabled = enabled

    def snapshot(self, now_ns: int) -> AiReport:
        return AiReport(self.state, "why", INFO, 0, 0, 0, 0, None, None, 1, self.idle)

    def answer(self, score: float = 0.9, box=(10, 10, 30, 30)) -> None:
        frame = self.submitted.popleft()
        found = Detections(
            frame.index, frame.time, np.array([box], np.float32), np.array([score], np.float32), np.zeros(1, np.int64)
        )
        self.on_result(found, frame.captured_ns)


class Room:
    """A session with everything around it."""

    def __init__(self, live: bool = False, rate: int = 25, parts: dict | None = None, **settings) -> None:
        self.clock = Clock()
        self.source = ScriptedSource(live, rate)
        self.analysed: list[AnalysedFrame | FailedFrame] = []
        self.wakes = 0
        self.session = LiveSession(
            self.source,
            "label",
            self._make_ai,
            LiveSettings(**settings),
            self.analysed.append,
            self.clock,
            **(parts or {}),
        )
        self.session.subscribe(self._count)
        self.next_index = 0

    def _make_ai(self, on_result, on_failure, on_state) -> ScriptedAi:
        self.ai = ScriptedAi(on_result, on_failure, on_state)
        return self.ai

    def _count(self) -> None:
        self.wakes += 1

    def show(self, advance_ms: int = 40, image: np.ndarray | None = None) -> Frame:
        """Capture one frame, `advance_ms` after the last."""
        self.clock.now_ns += advance_ms * MS
        if image is None:
            image = np.full((48, 64, 3), self.next_index % 250, np.uint8)
        frame = Frame(self.next_index, FrameTime(self.next_index, Fraction(1, 25)), self.clock.now_ns, image)
        self.next_index += 1
        self.source.put(frame)
        self.until(lambda: self.session.snapshot().frame is frame and frame in self.ai.submitted)
        return frame

    def found(self, times: int = 8, box=(10, 10, 30, 30), score: float = 0.9) -> None:
        """Show and answer frames, each with one box."""
        for _ in range(times):
            self.show()
            self.ai.answer(score, box)

    def marked(self) -> None:
        """Show and answer frames until a marker stands."""
        self.found()
        assert self.session.snapshot().markers

    @staticmethod
    def until(condition: Callable[[], bool], timeout_s: float = 5) -> None:
        end = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < end, "it did not happen in time"
            time.sleep(0.001)


@pytest.fixture
def room():
    rooms: list[Room] = []

    def make(**settings) -> Room:
        rooms.append(Room(**settings))
        rooms[-1].session.start()
        return rooms[-1]

    yield make
    for each in rooms:
        each.source.end()
        each.session.stop()
        assert each.ai.stopped
        assert each.session.ended


def test_before_the_first_frame_there_is_a_state_and_no_picture(room):
    snapshot = room().session.snapshot()
    assert snapshot.frame is None
    assert snapshot.markers == ()


def test_a_marker_appears_after_the_minimum_and_is_counted_once(room):
    r = room()
    shown = []
    for _ in range(10):
        r.show()
        r.ai.answer()
        shown.append(len(r.session.snapshot().markers))
    assert shown == [0] * 5 + [1] * 5  # 0.2 s at 25 frames/s
    assert r.session.snapshot().new_alerts == 1


def test_markers_stand_until_one_nanosecond_before_the_limit(room):
    r = room()
    r.marked()
    last_ns = r.clock.now_ns
    r.clock.now_ns -= 1
    r.show(advance_ms=250)  # a newer picture; the AI does not answer
    assert r.clock.now_ns - last_ns == 250 * MS - 1
    assert r.session.snapshot().markers
    assert not r.session.snapshot().ai.expired
    r.clock.now_ns += 1
    snapshot = r.session.snapshot()
    assert snapshot.markers == ()
    assert snapshot.ai.expired


@pytest.mark.parametrize(
    ("rate", "live", "limit_ms"), [(5, False, 300), (5, True, 250), (25, False, 250), (1, False, 1000)]
)
def test_boxes_of_a_slow_file_stand_for_one_and_a_half_intervals(room, rate, live, limit_ms):
    r = room(live=live, rate=rate)
    r.marked()
    last_ns = r.clock.now_ns
    r.show(advance_ms=200)
    r.clock.now_ns = last_ns + limit_ms * MS - 1
    if limit_ms > 250:
        r.ai.state, r.ai.idle = AiState.LATE, False  # what the watchdog says from 250 ms on
    snapshot = r.session.snapshot()
    assert (bool(snapshot.markers), snapshot.ai.state) == (True, AiState.ON)
    r.clock.now_ns += 1
    assert r.session.snapshot().markers == ()
    r.ai.state, r.ai.idle = AiState.LATE, False
    assert r.session.snapshot().ai.state is AiState.LATE


def test_boxes_on_the_very_picture_that_was_analysed_do_not_age(room):
    r = room()
    r.marked()
    r.clock.now_ns += 60_000 * MS
    r.ai.state = AiState.LATE  # no frame came: what the watchdog says of an AI that has nothing to do
    snapshot = r.session.snapshot()
    assert snapshot.markers
    assert snapshot.ai.state is AiState.ON


@pytest.mark.parametrize("state", [s for s in AiState if s is not AiState.ON])
def test_no_marker_is_shown_unless_the_ai_is_on(room, state):
    r = room()
    r.marked()
    r.ai.state, r.ai.idle = state, False
    snapshot = r.session.snapshot()
    assert snapshot.markers == ()
    assert snapshot.ai.state is state
    assert snapshot.ai.detail == "why"


def test_switching_the_ai_off_takes_the_boxes_away_at_once_and_a_late_result_does_not_bring_them_back(room):
    r = room()
    r.marked()
    r.show()
    r.session.set_ai_enabled(False)
    assert r.session.snapshot().markers == ()
    r.ai.answer()
    assert r.session.snapshot().markers == ()
    assert not r.ai.enabled


def test_track_ids_survive_a_gap_of_the_ai(room):
    r = room()
    r.marked()
    first = r.session.snapshot().markers[0].track_id
    for _ in range(50):  # two seconds without a result, as after a restart of the process
        r.show()
    r.ai.submitted.clear()
    for _ in range(8):
        r.show()
        r.ai.answer()
    assert r.session.snapshot().markers[0].track_id > first  # a new track, never a reused number


def test_results_are_passed_on_with_their_frame_and_failures_as_failures(room):
    r = room()
    r.show()
    r.ai.answer()
    frame = r.show()
    r.ai.on_failure(frame.index, "broken")
    result, failure = r.analysed
    assert isinstance(result, AnalysedFrame)
    assert result.size == Size(64, 48)
    assert failure == FailedFrame(frame.index, Size(64, 48), "", "broken")


def test_frames_that_nobody_answers_are_not_remembered_for_ever():
    overlay = Overlay(lambda info: AlertSettings(info.threshold))
    image = np.zeros((2, 2, 3), np.uint8)
    for index in range(10_000):
        overlay.asked(Frame(index, None, 0, image))
    assert len(overlay._asked) < 5000
    assert overlay.failed(9_999, "late").size == Size(2, 2)


def test_a_result_that_is_older_than_the_newest_is_dropped(room):
    r = room()
    r.show()
    r.show()
    r.ai.submitted.rotate(1)
    r.ai.answer()
    r.ai.answer()
    assert [a.detections.frame_index for a in r.analysed] == [1]


@pytest.mark.parametrize(
    ("state", "status"), [(SourceState.LOST, SourceStatus.LOST), (SourceState.GONE, SourceStatus.GONE)]
)
def test_a_lost_live_source_is_said_hides_the_boxes_and_is_opened_again(room, state, status):
    r = room(live=True)
    r.marked()
    r.source.refuse = [SourceError("still away")] * 2
    r.source.put(Interruption(state, "cable"))
    r.until(lambda: r.session.snapshot().source.status is status)
    snapshot = r.session.snapshot()
    assert snapshot.source.detail == "cable"
    assert snapshot.markers == ()
    assert snapshot.frame is not None
    r.until(lambda: r.source.opens >= 4, timeout_s=15)
    r.show()
    snapshot = r.session.snapshot()
    assert snapshot.source.status is SourceStatus.PLAYING
    assert snapshot.source.retries >= 1


def test_a_damaged_frame_is_counted_and_said_and_reading_goes_on(room):
    r = room()
    r.show()
    r.source.put(Interruption(SourceState.UNDECODABLE, "bad packet", index=1))
    r.until(lambda: r.session.snapshot().source.undecodable == 1)
    r.next_index = 2
    r.show()
    assert r.session.snapshot().source.status is SourceStatus.UNDECODABLE
    r.show(advance_ms=2500)
    assert r.session.snapshot().source.status is SourceStatus.PLAYING


def test_what_is_left_of_a_damaged_picture_is_shown_and_never_analysed(room):
    r = room()
    r.show()
    rest = np.zeros((48, 64, 3), np.uint8)
    r.source.put(Interruption(SourceState.UNDECODABLE, "bad packet", 1, FrameTime(1, Fraction(1, 25)), picture=rest))
    r.until(lambda: r.session.snapshot().frame.index == 1)
    assert r.session.snapshot().source.status is SourceStatus.UNDECODABLE
    assert [f.index for f in r.ai.submitted] == [0]


def test_a_file_that_ends_says_so_and_keeps_its_last_picture(room):
    r = room()
    r.show()
    r.source.end()
    r.until(lambda: r.session.ended)
    snapshot = r.session.snapshot()
    assert snapshot.source.status is SourceStatus.ENDED
    assert snapshot.frame is not None


def test_a_source_that_cannot_be_opened_is_a_state_not_an_exception(room):
    r = Room()
    r.source.refuse = [SourceError("There is no file x.mp4.", "Check the name.")]
    r.session.start()
    r.until(lambda: r.session.ended)
    source = r.session.snapshot().source
    assert source.status is SourceStatus.FAILED
    assert source.detail == "There is no file x.mp4. Check the name."
    r.session.stop()


def test_a_camera_that_is_switched_on_later_is_found(room):
    r = Room(live=True, retry_opening=True)
    r.source.refuse = [SourceError("no camera yet")]
    r.session.start()
    r.until(lambda: r.session.snapshot().source.status is SourceStatus.FAILED)
    r.show()
    assert r.session.snapshot().source.status is SourceStatus.PLAYING
    r.source.end()
    r.session.stop()


def test_pausing_holds_a_file_and_not_a_live_source(room):
    r = room()
    r.show()
    r.session.set_paused(True)
    assert r.source.held
    assert r.session.snapshot().source.status is SourceStatus.PAUSED
    r.show()  # one that was on its way
    assert r.session.snapshot().source.status is SourceStatus.PAUSED
    r.session.set_paused(False)
    assert not r.source.held
    assert r.session.snapshot().source.status is SourceStatus.PLAYING
    live = room(live=True)
    live.show()
    live.session.set_paused(True)
    assert not live.session.paused
    assert not live.source.held


def test_every_change_wakes_the_window(room):
    r = room()
    r.show()
    before = r.wakes
    r.ai.answer()
    assert r.wakes > before
    before = r.wakes
    r.session.set_ai_enabled(False)
    assert r.wakes > before


def test_while_the_picture_area_is_not_known_it_is_said_and_nothing_is_recorded(tmp_path) -> None:
    class NotYet:
        def words(self) -> tuple[str, ...]:
            return ("looked for",)

        def objection(self) -> str:
            return "the picture area is being looked for"

    session = LiveSession(
        ScriptedSource(False, 25), "label", ScriptedAi, LiveSettings(recordings=tmp_path), picture=NotYet()
    )
    assert session.snapshot().source.picture == ("looked for",)
    with pytest.raises(UsageError, match="Nothing is recorded: the picture area is being looked for"):
        session.start_recording()
    assert not list(tmp_path.iterdir())
    assert session.snapshot().recording is None
