"""The second monitor on real screens that come and go: it shows what it should, where it should, or says why not."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtGui import QGuiApplication
from PyQt6.QtTest import QTest

from app.gui.ai_signs import card_of
from app.gui.keys import Action
from app.gui.second_screen import SecondScreen, Standing, second_screen
from app.gui.second_window import SecondWindow, sign_below, without_ai
from app.gui.signs import View, ai_banner, shown_markers, source_banner
from app.snapshot import Quiet, SourceStatus
from detector.watchdog import AiState
from tests.app.gui.fakes import FakeSession, marker, snapshot
from tests.app.gui.offscreen_screens import CART, DESK, WALL, screens_can_change, set_screens


@pytest.fixture(autouse=True)
def two_screens(qapp, qtbot) -> Iterator[None]:
    if why := screens_can_change():
        pytest.skip(why)
    set_screens(DESK, WALL)
    yield
    set_screens(DESK)


class Room:
    """A window on one screen and the second monitor's feature."""

    def __init__(self, open_window, qtbot, name: str | None = None, boxes: bool = False) -> None:
        self.kept: list[tuple[str | None, bool]] = []
        made: list[SecondScreen] = []

        def make(page):
            made.append(second_screen(name, boxes, lambda *kept: self.kept.append(kept))(page))
            return made[0]

        self.live = open_window(features=(make,))
        self.feature = made[0]
        self.qtbot = qtbot
        self.refresh()

    def refresh(self) -> None:
        self.live.page.refresh()
        QGuiApplication.processEvents()

    @property
    def shown_on(self) -> str | None:
        window = self.feature.window
        return window.screen().name() if window is not None and window.isVisible() else None

    @property
    def flags(self) -> list[str]:
        return [flag.text for flag in self.feature.flags()]

    def press(self, action: Action = Action.SECOND_SCREEN) -> None:
        self.live.page.perform(action)

    def colour_at_box(self) -> str:
        """Of a corner mark around the box of `marker()`, on the second monitor."""
        image = self.feature.window.grab().toImage()
        colours = {image.pixelColor(x, y).name() for x in range(200, 640, 2) for y in range(100, 500, 2)}
        return "marked" if "#3ceeff" in colours else "clean"


@pytest.fixture
def room(open_window, qtbot) -> Room:
    return Room(open_window, qtbot)


def test_the_key_shows_the_picture_on_all_of_the_other_screen_and_takes_it_away_again(room) -> None:
    assert room.shown_on is None
    room.press()
    assert room.shown_on == "wall"
    assert room.feature.window.geometry() == room.feature.window.screen().geometry()
    assert room.feature.window.isFullScreen()
    room.press()
    assert room.shown_on is None
    assert room.feature.standing is Standing.OFF


def test_with_three_screens_the_key_goes_through_the_others_and_then_off(room) -> None:
    set_screens(DESK, WALL, CART)
    places = []
    for _ in range(4):
        room.press()
        places.append(room.shown_on)
    assert places == ["wall", "cart", None, "wall"]


def test_with_one_screen_the_key_says_so(room) -> None:
    set_screens(DESK)
    room.press()
    assert room.shown_on is None
    assert "no second monitor" in room.live.board.current().what


def test_a_screen_that_is_unplugged_takes_its_window_along_and_brings_it_back(room) -> None:
    room.press()
    set_screens(DESK)
    assert room.shown_on is None
    assert room.feature.window is None, "nothing is left that the system could move over the live page"
    assert room.flags == ["SECOND MONITOR GONE"]
    assert "SECOND MONITOR GONE" in [flag.text for flag in room.live.page.view.flags]
    set_screens(DESK, WALL)
    assert room.shown_on == "wall"
    assert room.feature.window.geometry() == room.feature.window.screen().geometry()
    assert room.flags == []


def test_the_live_window_keeps_the_keyboard_through_all_of_it(room) -> None:
    room.press()
    room.qtbot.waitExposed(room.feature.window)
    flags = room.feature.window.windowFlags()
    assert flags & Qt.WindowType.WindowDoesNotAcceptFocus
    assert room.feature.window.testAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)
    set_screens(DESK)
    set_screens(DESK, WALL)
    assert room.live.isVisible()
    assert room.live.screen().name() == "desk"
    # The offscreen platform gives every new window the focus, asked or not.
    room.qtbot.waitUntil(room.live.isActiveWindow)


def test_a_key_that_reaches_the_second_window_all_the_same_does_what_it_does(room, session: FakeSession) -> None:
    room.press()
    QTest.keyClick(room.feature.window, Qt.Key.Key_A)
    room.qtbot.waitUntil(lambda: session.ai_enabled is False)
    QTest.keyClick(room.feature.window, Qt.Key.Key_F9, Qt.KeyboardModifier.ShiftModifier)
    room.qtbot.waitUntil(lambda: room.kept[-1] == ("wall", True))
    QTest.keyClick(room.feature.window, Qt.Key.Key_F9)
    room.qtbot.waitUntil(lambda: room.shown_on is None)


def test_a_click_on_it_does_nothing(room) -> None:
    room.press()
    for click in (QTest.mouseClick, QTest.mouseDClick):
        click(room.feature.window, Qt.MouseButton.LeftButton, pos=QPoint(300, 300))
    assert room.shown_on == "wall"
    assert not room.live.isFullScreen()


def test_when_the_system_closes_it_it_is_off(room, qtbot) -> None:
    room.press()
    room.feature.window.close()
    qtbot.waitUntil(lambda: room.feature.standing is Standing.OFF and room.feature.window is None)


def test_a_screen_that_changes_its_size_is_filled_anew(room) -> None:
    room.press()
    set_screens(DESK, {**WALL, "width": 1600, "height": 900})
    assert room.feature.window.geometry().getRect() == (1280, 0, 1600, 900)
    assert room.shown_on == "wall"


def test_a_screen_that_mirrors_the_live_one_is_not_taken(room) -> None:
    set_screens(DESK, {**WALL, "x": 0})
    room.press()
    assert room.shown_on is None
    assert "no second monitor" in room.live.board.current().what


def test_a_screen_that_becomes_a_mirror_is_left_and_taken_again_later(room) -> None:
    room.press()
    set_screens(DESK, {**WALL, "x": 0})
    assert room.shown_on is None
    assert room.flags == ["SECOND MONITOR: THIS WINDOW IS ON IT"]
    set_screens(DESK, WALL)
    assert room.shown_on == "wall"


def test_a_live_window_that_comes_onto_it_has_the_screen_for_itself(room, qtbot) -> None:
    room.press()
    room.live.move(1300, 10)
    qtbot.waitUntil(lambda: room.live.screen().name() == "wall")
    room.refresh()
    qtbot.waitUntil(lambda: room.shown_on is None)
    assert room.feature.standing is Standing.COVERED
    room.live.move(10, 10)
    qtbot.waitUntil(lambda: room.live.screen().name() == "desk")
    room.refresh()
    qtbot.waitUntil(lambda: room.shown_on == "wall")


def test_the_screen_of_the_settings_is_taken_at_the_start(open_window, qtbot) -> None:
    assert Room(open_window, qtbot, "Wall").shown_on == "wall"


def test_a_screen_of_the_settings_that_is_not_there_is_waited_for(open_window, qtbot) -> None:
    room = Room(open_window, qtbot, "cart")
    assert room.flags == ["SECOND MONITOR GONE"]
    assert "cart" in room.live.board.current().what
    set_screens(DESK, WALL, CART)
    assert room.shown_on == "cart"


def test_what_is_chosen_is_handed_over_to_be_remembered(room, qtbot) -> None:
    room.press()
    room.press(Action.SECOND_SCREEN_BOXES)
    room.press()
    qtbot.waitUntil(lambda: len(room.kept) == 3)
    assert room.kept == [("wall", False), ("wall", True), (None, True)]


def test_boxes_are_on_it_only_if_they_were_asked_for(room, session: FakeSession, qtbot) -> None:
    session.show(snapshot(markers=(marker(),)))
    room.live.page.refresh()
    room.press()
    assert room.colour_at_box() == "clean"
    assert room.feature.window.sign.text.startswith("CLEAN PICTURE")
    room.press(Action.SECOND_SCREEN_BOXES)
    assert room.colour_at_box() == "marked"
    assert not room.feature.window.sign.text.startswith("CLEAN PICTURE")


def test_it_follows_the_pictures_after_the_live_page(room, session: FakeSession, qtbot) -> None:
    room.press()
    order: list[tuple[str, int]] = []
    room.live.painted.append(lambda stamp: order.append(("live", stamp.frame_index)))
    room.feature.window.canvas.painted.append(lambda stamp: order.append(("second", stamp.frame_index)))
    session.show(snapshot(index=2001))
    qtbot.waitUntil(lambda: ("second", 2001) in order)
    assert order.index(("live", 2001)) < order.index(("second", 2001))


def test_a_lost_signal_is_told_there_too(room, session: FakeSession, qtbot) -> None:
    room.press()
    before = room.feature.window.grab().toImage()
    session.show(replace(session.now, source=replace(session.now.source, status=SourceStatus.LOST)))
    room.live.page.refresh()
    qtbot.waitUntil(lambda: room.feature.window.grab().toImage() != before)
    card = room.feature.window.grab().toImage().pixelColor(640, 330)
    assert card.lightness() < 40, "the card of the lost signal lies in the middle"


def test_a_page_that_is_no_longer_refreshed_leaves_no_frozen_picture_there(room, qtbot) -> None:
    room.press()
    room.live.page.bridge.close()  # as if the page had broken: nothing refreshes it
    qtbot.waitUntil(lambda: room.feature.window.sign is None, timeout=6000)
    room.live.page.refresh()
    qtbot.waitUntil(lambda: room.feature.window.sign is not None)


def test_a_lost_signal_is_told_on_the_clean_picture_as_on_any() -> None:
    lost = snapshot(status=SourceStatus.LOST, ai=AiState.OFF)
    assert source_banner(without_ai(lost)) == source_banner(snapshot(status=SourceStatus.LOST))


@pytest.mark.parametrize("state", [state for state in AiState if state is not AiState.ON])
def test_with_boxes_an_ai_that_does_not_work_never_looks_like_no_polyps(state: AiState) -> None:
    seen = sign_below(snapshot(ai=state), View(boxes=True))
    assert seen.text != sign_below(snapshot(), View(boxes=True)).text


@pytest.mark.parametrize("quiet", list(Quiet))
def test_with_boxes_the_sign_says_why_none_are_shown(quiet: Quiet) -> None:
    seen = sign_below(snapshot(quiet=quiet), View(boxes=True))
    assert seen.text != sign_below(snapshot(), View(boxes=True)).text


def test_the_clean_picture_says_nothing_of_the_ai() -> None:
    failed = without_ai(snapshot(ai=AiState.FAILED, markers=(marker(),), quiet=Quiet.HIDDEN))
    assert ai_banner(failed) is None
    assert card_of(failed, View()) is None
    assert shown_markers(failed, View()) == ()
    assert failed.source == snapshot().source


def test_a_window_that_is_moved_away_is_put_back(room, qtbot) -> None:
    room.press()
    room.feature.window.setGeometry(1400, 50, 300, 200)
    qtbot.waitUntil(lambda: room.feature.window.geometry().getRect() == (1280, 0, 1280, 720))
    assert room.shown_on == "wall"


def test_where_the_system_puts_it_elsewhere_for_good_it_goes_and_says_so(room, qtbot, monkeypatch) -> None:
    # No system at hand disobeys: its part is played here.
    monkeypatch.setattr(SecondWindow, "fill", lambda self, screen: (self.setGeometry(9, 9, 300, 200), self.show()))
    room.press()
    qtbot.waitUntil(lambda: room.feature.standing is Standing.MISPLACED, timeout=6000)
    assert room.feature.window is None
    assert room.flags == ["SECOND MONITOR: NO ROOM ON IT"]


def test_a_fault_of_the_second_monitor_is_none_of_the_live_picture(room, session: FakeSession, qtbot) -> None:
    room.press()
    room.feature.window.show_snapshot = lambda *_: 1 / 0
    with qtbot.captureExceptions() as caught:
        session.show(snapshot(index=2100))
        qtbot.waitUntil(lambda: bool(caught))
    assert room.live.page.last.frame.index == 2100
    assert not room.live.page.canvas._broken
    assert room.flags == ["SECOND MONITOR FAULT"]
    assert room.feature.window is None
    room.press()
    room.press()
    assert room.shown_on == "wall", "the key begins anew"


def test_closing_the_live_window_closes_it_too(room) -> None:
    room.press()
    room.live.close()
    assert room.feature.window is None
    set_screens(DESK)
    set_screens(DESK, WALL)
    assert room.feature.window is None
