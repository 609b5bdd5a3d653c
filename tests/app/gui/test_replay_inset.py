"""The pedal replay in the window: one key plays what was, in a corner, in its own time, and never passes for live."""

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from PyQt6.QtCore import QRect, Qt
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QWidget

from app.gui.keys import Action
from app.gui.layout import Size
from app.gui.painting import transform_for
from app.gui.replay_inset import ReplayInset, ago_in_words
from app.replay_buffer import ReplayBuffer
from detector.frame import Frame
from tests.app.gui.fakes import FakeSession, marker, picture, snapshot

S = 1_000_000_000
START = 500 * S
BOX = (marker((20, 20, 60, 50)),)
BLUE, GREEN, GREY = (200, 40, 20), (40, 180, 40), (90, 90, 90)


class Clock:
    def __init__(self) -> None:
        self.now_ns = START

    def __call__(self) -> int:
        return self.now_ns


class Room:
    """A window with the feature; time moves only when told to."""

    def __init__(self, open_window, session: FakeSession) -> None:
        self.clock, self.session = Clock(), session
        self.patient: str | None = None
        self.idle = FakeSession()  # the buffer's thread sees nothing: the test fills the ring
        self.made: list[ReplayInset] = []
        self.live = open_window(features=(self._make,))
        self.feature, self.page = self.made[0], self.live.page
        self.alerts = self.index = 0

    def _make(self, page) -> ReplayInset:
        self.buffer = ReplayBuffer(self.idle)
        self.made.append(ReplayInset(page, self.buffer, self.clock, lambda: self.patient))
        return self.made[0]

    def see(self, seconds: float, bgr=GREY, markers=(), alert: bool = False) -> None:
        """So many seconds of a picture of this colour."""
        self.alerts += alert
        image = picture(80, 60, bgr)
        for _ in range(round(seconds * 10)):
            self.clock.now_ns += S // 10
            self.index += 1
            frame = Frame(self.index, None, self.clock.now_ns, image)
            now = replace(snapshot(markers=markers), frame=frame, taken_ns=self.clock.now_ns, new_alerts=self.alerts)
            self.buffer.take(now)

    def press(self) -> None:
        self.page.perform(Action.REPLAY)

    def wait(self, seconds: float) -> None:
        self.clock.now_ns += round(seconds * S)
        self.feature.tick()

    @property
    def playing(self) -> bool:
        return not self.feature.inset.isHidden()

    @property
    def markers(self) -> tuple:
        return self.feature.inset.picture.markers


@pytest.fixture
def room(open_window, session: FakeSession) -> Iterator[Room]:
    made = Room(open_window, session)
    yield made
    made.live.close()


def test_the_key_plays_the_last_alerts_eight_seconds_twice_and_closes_by_itself(room: Room) -> None:
    room.see(10)
    room.see(10, BLUE, BOX, alert=True)
    assert not room.playing
    room.press()
    assert room.playing
    assert room.feature.inset.ago == "-15 s"
    assert room.markers == ()
    room.wait(6)
    assert room.markers == BOX
    assert room.feature.inset.ago == "-15 s", "in real time it stays as long ago as it was"
    room.wait(3)
    assert room.markers == (), "the second pass"
    assert room.feature.inset.ago == "-23 s"
    room.wait(8)
    assert not room.playing


def test_the_key_and_esc_and_a_touch_end_it(room: Room) -> None:
    room.see(10)
    room.press()
    room.press()
    assert not room.playing
    room.press()
    assert room.page.leave()
    assert not room.playing
    room.press()
    QTest.mouseClick(room.feature.inset, Qt.MouseButton.LeftButton)
    assert not room.playing
    assert not room.page.leave(), "then there is nothing left to leave"


def test_without_an_alert_it_plays_the_last_eight_seconds_and_says_so(room: Room) -> None:
    room.see(20, GREEN)
    room.press()
    assert room.feature.inset.ago == "-8 s"
    assert "No alert yet" in room.live.board.current().what


def test_without_a_picture_it_says_so(room: Room) -> None:
    room.press()
    assert not room.playing
    assert "Nothing to replay" in room.live.board.current().what


def test_an_alert_of_long_ago_may_be_of_another_patient_and_is_not_played(room: Room) -> None:
    room.see(10)
    room.see(5, BLUE, BOX, alert=True)
    room.clock.now_ns += 700 * S
    room.see(10, GREEN)
    room.press()
    assert room.feature.inset.ago == "-8 s"
    assert room.markers == ()


def test_what_was_before_an_examination_began_is_not_played_in_it(room: Room) -> None:
    room.see(10)
    room.see(10, BLUE, BOX, alert=True)
    room.patient = "EX-7K3M-Q9TD"
    room.page.refresh()
    assert room.buffer.last_alert() is None
    room.see(1)
    room.press()
    assert room.markers == ()


def test_pressed_right_after_the_alert_what_is_not_there_yet_is_played_when_it_came(room: Room) -> None:
    room.see(10)
    room.see(0.2, BLUE, BOX, alert=True)
    room.press()
    assert room.feature.inset.ago == "-5 s"
    room.see(3, BLUE, BOX)
    room.wait(4)
    assert room.markers == BOX


def test_where_pictures_are_missing_it_says_how_old_the_one_that_is_seen_is(room: Room) -> None:
    room.see(6)
    room.see(0.2, BLUE, BOX, alert=True)
    room.clock.now_ns += 5 * S  # the signal was lost
    room.press()
    room.wait(7.5)
    assert room.feature.inset.ago == "-12 s"


def test_it_is_a_third_as_wide_as_the_picture_in_its_lower_right_corner(room: Room, session: FakeSession) -> None:
    session.show(snapshot(picture(1280, 720)))
    room.page.refresh()
    room.see(10)
    room.press()
    at, canvas = room.feature.inset.geometry(), room.page.canvas.geometry()
    target = transform_for(session.now, Size(canvas.width(), canvas.height())).target
    assert at.width() == pytest.approx(target.width / 3, abs=2)
    assert canvas.contains(at)
    assert at.center().x() > canvas.center().x()
    assert at.center().y() > canvas.center().y()
    assert not at.intersects(room.page.bar.geometry())


def test_it_makes_way_for_a_mark_of_the_live_picture(room: Room, session: FakeSession) -> None:
    session.show(snapshot(picture(1280, 720)))
    room.page.refresh()
    room.see(10)
    room.press()
    right = room.feature.inset.geometry()
    lower_right, lower_left = marker((1000, 500, 1100, 600)), marker((100, 500, 200, 600), track_id=2)
    session.show(snapshot(picture(1280, 720), markers=(lower_right,)))
    room.page.refresh()
    left = room.feature.inset.geometry()
    assert left.right() < right.left()
    assert room.playing
    session.show(snapshot(picture(1280, 720), markers=(lower_right, lower_left)))
    room.page.refresh()
    assert not room.playing
    room.live.board.dismiss()
    assert "makes way" in room.live.board.current().what


def test_it_lies_above_what_others_have_along_the_lower_edge(room: Room) -> None:
    room.see(10)
    room.press()
    alone = room.feature.inset.geometry()
    canvas = room.page.canvas.geometry()
    strip = QWidget(room.page)
    strip.setGeometry(canvas.x(), canvas.bottom() - 89, canvas.width(), 80)
    strip.show()
    room.page.refresh()
    assert not room.feature.inset.geometry().intersects(strip.geometry())
    assert canvas.contains(room.feature.inset.geometry())
    strip.hide()
    room.page.refresh()
    assert room.feature.inset.geometry() == alone


def test_its_frame_and_words_do_not_look_like_the_live_picture(room: Room) -> None:
    room.see(10, GREEN)
    room.press()
    inset = room.feature.inset
    image = inset.grab().toImage()
    middle = image.pixelColor(inset.width() // 2, inset.height() * 2 // 3)
    assert middle.green() > 150 > middle.red()
    edge = image.pixelColor(1, inset.height() // 2)
    assert (edge.red(), edge.green()) == (255, 196)
    top = {image.pixelColor(x, 20).name() for x in range(inset.width())}
    assert len(top) > 2, "words on the band"


def test_boxes_are_painted_where_they_were(room: Room) -> None:
    room.see(10, GREEN, BOX)
    room.press()
    inset = room.feature.inset
    image = inset.grab().toImage()
    colours = {image.pixelColor(x, y).name() for x in range(0, inset.width(), 2) for y in range(60, 160, 2)}
    assert "#3ceeff" in colours


def test_its_button_says_what_it_will_do(room: Room) -> None:
    room.see(10)
    assert room.feature.button_states()[Action.REPLAY].text == "Replay"
    room.press()
    assert room.feature.button_states()[Action.REPLAY].text == "End replay"


def test_a_buffer_that_broke_is_a_sign(room: Room, caplog) -> None:
    assert room.feature.flags() == ()
    room.idle.snapshot = lambda: 1 / 0
    room.idle.show(snapshot())
    deadline = time.monotonic() + 5
    while not room.buffer.fault and time.monotonic() < deadline:
        time.sleep(0.01)
    assert [flag.text for flag in room.feature.flags()] == ["REPLAY FAULT"]


def test_a_window_that_is_resized_takes_it_along(room: Room, qtbot) -> None:
    room.see(10)
    room.press()
    room.live.resize(900, 600)
    qtbot.waitUntil(lambda: room.page.width() == 900)
    assert QRect(0, 0, 900, 600).contains(room.feature.inset.geometry())


def test_how_long_ago_is_said_in_seconds_and_then_in_minutes() -> None:
    assert [ago_in_words(s) for s in (0, 11.6, 99, 130)] == ["-0 s", "-12 s", "-99 s", "-2 min"]
