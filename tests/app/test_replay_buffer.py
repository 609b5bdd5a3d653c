"""What is kept for the pedal replay: the right seconds, with the boxes that were shown, in bounded memory."""

import time
from dataclasses import replace

import numpy as np
import pytest

from app.replay_buffer import Replay, ReplayBuffer, ReplaySettings, on_screen, reduced
from app.snapshot import LiveSnapshot, Quiet, SourceStatus
from detector.frame import Frame
from detector.watchdog import AiState
from tests.app.gui.fakes import FakeSession, marker, picture, snapshot

S = 1_000_000_000
BOX = (marker(),)
START = 1000 * S


class Camera:
    """Hands snapshots to a buffer as a session at so many frames a second would, without a thread."""

    def __init__(self, rate: int = 30, settings: ReplaySettings | None = None) -> None:
        self.buffer = ReplayBuffer(FakeSession(), settings)
        self.now_ns, self.rate, self.index, self.alerts = START, rate, 0, 0
        self.image = picture(64, 48)

    def run(self, seconds: float, markers=(), **fields) -> None:
        end_ns = self.now_ns + round(seconds * S)
        while self.now_ns < end_ns:
            self.now_ns += S // self.rate
            self.index += 1
            self.buffer.take(self.shown(markers, **fields))

    def alert(self, **fields) -> None:
        """The marker appears, between two pictures."""
        self.alerts += 1
        self.now_ns += 1_000_000
        now = self.shown(BOX, **fields)
        self.buffer.take(replace(now, frame=replace(now.frame, captured_ns=now.frame.captured_ns - 1_000_000)))

    def shown(self, markers, **fields) -> LiveSnapshot:
        frame = Frame(self.index, None, self.now_ns, self.image)
        now = replace(snapshot(markers=markers, **fields), frame=frame, taken_ns=self.now_ns, new_alerts=self.alerts)
        return now


@pytest.fixture
def camera():
    made: list[Camera] = []

    def make(*args, **kwargs) -> Camera:
        made.append(Camera(*args, **kwargs))
        return made[-1]

    yield make
    for one in made:
        one.buffer.close()


def seconds_of(replay: Replay) -> tuple[float, float]:
    pictures = replay.pictures
    return (pictures[0].captured_ns - START) / S, (pictures[-1].captured_ns - START) / S


@pytest.mark.parametrize(("rate", "kept"), [(60, 120), (30, 120), (25, 120), (10, 80)])
def test_the_last_eight_seconds_are_kept_at_no_more_than_fifteen_pictures_a_second(camera, rate, kept) -> None:
    one = camera(rate)
    one.run(10)
    replay = one.buffer.last_seconds()
    assert len(replay.pictures) == pytest.approx(kept, abs=2)
    assert seconds_of(replay) == (pytest.approx(2, abs=0.15), pytest.approx(10, abs=0.1))
    assert replay.alert_ns is None


def test_around_an_alert_five_seconds_before_and_three_after_it_are_set_aside(camera) -> None:
    one = camera(15)
    one.run(10)
    one.alert()
    one.run(5, BOX)
    replay = one.buffer.last_alert()
    assert seconds_of(replay) == (pytest.approx(5, abs=0.2), pytest.approx(13, abs=0.2))
    assert replay.seconds == pytest.approx(8, abs=0.1)
    assert (replay.alert_ns - START) / S == pytest.approx(10, abs=0.1)
    one.run(20)
    assert seconds_of(one.buffer.last_alert())[1] == pytest.approx(13, abs=0.1), "it stays until the next alert"


def test_what_comes_after_the_alert_joins_while_it_is_being_played(camera) -> None:
    one = camera()
    one.run(20)
    one.alert()
    replay = one.buffer.last_alert()
    assert replay.at(4.9).markers == ()
    assert seconds_of(replay)[1] == pytest.approx(20, abs=0.1)
    one.run(2, BOX)
    assert seconds_of(replay)[1] == pytest.approx(22, abs=0.1)
    assert replay.at(6).markers == BOX


def test_boxes_are_played_as_they_were_shown_and_not_as_they_came_later(camera) -> None:
    one = camera()
    one.run(10)
    one.run(2, BOX)
    one.run(2)
    pictures = one.buffer.last_seconds().pictures
    shown = [(p.captured_ns - START) / S for p in pictures if p.markers]
    assert (shown[0], shown[-1]) == (pytest.approx(10, abs=0.1), pytest.approx(12, abs=0.1))
    assert pictures[0].size == (64, 48)


def test_a_result_that_comes_for_the_picture_on_the_screen_is_added_to_it(camera) -> None:
    one = camera()
    one.run(1)
    newest = one.buffer.last_seconds().pictures[-1]
    late = replace(one.shown(BOX), frame=Frame(1, None, newest.captured_ns, one.image))
    one.buffer.take(late)
    assert one.buffer.last_seconds().pictures[-1].markers == BOX


@pytest.mark.parametrize("quiet", [Quiet.SHADOW, Quiet.HIDDEN])
def test_an_alert_that_nobody_was_shown_is_not_given_away(camera, quiet) -> None:
    one = camera()
    one.run(10)
    one.alert(quiet=quiet)
    one.run(4, BOX, quiet=quiet)
    assert one.buffer.last_alert() is None
    assert all(p.markers == () for p in one.buffer.last_seconds().pictures)


def test_the_second_of_two_alerts_is_the_last(camera) -> None:
    one = camera(15)
    one.run(10)
    one.alert()
    one.run(1, BOX)
    one.alert()
    one.run(5, BOX)
    assert seconds_of(one.buffer.last_alert())[0] == pytest.approx(6, abs=0.25)


def test_an_alert_at_the_beginning_plays_from_the_first_picture_on(camera) -> None:
    one = camera()
    one.run(1)
    one.alert()
    one.run(5, BOX)
    replay = one.buffer.last_alert()
    assert seconds_of(replay) == (pytest.approx(0, abs=0.1), pytest.approx(4, abs=0.1))
    assert replay.at(0) is replay.pictures[0]
    assert replay.seconds == pytest.approx(4, abs=0.1)


def test_a_picture_that_stands_because_the_signal_is_lost_is_not_taken_for_new_ones(camera) -> None:
    one = camera()
    one.run(1)
    before = len(one.buffer.last_seconds().pictures)
    one.run(2, status=SourceStatus.LOST)
    assert len(one.buffer.last_seconds().pictures) == before


def test_memory_ends_where_it_was_said_to_whatever_the_pictures_are(camera) -> None:
    one = camera(15, ReplaySettings(most_bytes=200_000))
    one.image = np.random.default_rng(1).integers(0, 255, (120, 160, 3), np.uint8)
    one.run(5)
    assert 100_000 < one.buffer.kept_bytes <= 200_000
    assert one.buffer.kept_bytes == sum(len(p.jpeg) for p in one.buffer.last_seconds().pictures)


def test_without_a_picture_there_is_nothing_to_play(camera) -> None:
    one = camera()
    assert one.buffer.last_seconds() is None
    assert one.buffer.last_alert() is None


def test_pictures_are_reduced_to_their_width_and_keep_shape_and_colours(camera) -> None:
    one = camera()
    one.image = picture(1280, 1024, (30, 90, 200))
    one.run(0.1)
    small = one.buffer.last_seconds().pictures[-1].image()
    assert small.shape == (512, 640, 3)
    assert np.abs(small.astype(int) - (30, 90, 200)).max() < 6


def test_a_small_picture_stays_as_large_as_it_is() -> None:
    assert len(reduced(picture(64, 48), 640)) < 2000


@pytest.mark.parametrize("state", [state for state in AiState if state is not AiState.ON])
def test_without_a_working_ai_nothing_was_on_the_screen(state) -> None:
    assert on_screen(snapshot(ai=state, markers=BOX)) == ()
    assert on_screen(snapshot(markers=BOX, expired=True)) == ()


def test_its_thread_follows_the_session_and_ends() -> None:
    session = FakeSession()
    buffer = ReplayBuffer(session)
    try:
        session.show(snapshot(index=7, markers=BOX))
        deadline = time.monotonic() + 5
        while buffer.last_seconds() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        assert buffer.last_seconds().pictures[-1].markers == BOX
    finally:
        buffer.close()
    session.show(snapshot(index=8))
    assert len(buffer.last_seconds().pictures) == 1


def test_a_fault_is_kept_to_be_told(caplog) -> None:
    session = FakeSession()
    buffer = ReplayBuffer(session)
    session.snapshot = lambda: 1 / 0
    session.show(snapshot())
    deadline = time.monotonic() + 5
    while not buffer.fault and time.monotonic() < deadline:
        time.sleep(0.01)
    buffer.close()
    assert "ZeroDivisionError" in buffer.fault
