import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QColor, QImage, QPainter
from PyQt6.QtTest import QTest
from pytestqt.qtbot import QtBot

from app.gui.action_icons import ACTIONS, draw_action
from app.gui.buttons import LEAST_PX, TouchBar
from app.gui.icons import draw_shape
from app.gui.keys import KEYS, OF_FEATURES, Action
from app.gui.painting import as_bgr
from app.gui.signs import Shape
from app.gui.window import LiveWindow
from detector.geometry import Size
from tests.app.gui.conftest import OpenWindow
from tests.app.gui.fakes import FakeFeatures, FakeSession
from tests.app.gui.test_window import nothing_to_test

SIZES = [Size(900, 600), Size(1280, 720), Size(1920, 1080)]


def shown(bar: TouchBar) -> list[Action]:
    return [action for action, button in bar.buttons.items() if not button.isHidden()]


def full_bar(open_window: OpenWindow, size: Size) -> LiveWindow:
    return open_window(size=size, features=(FakeFeatures(),), self_test=nothing_to_test)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_with_every_feature_all_buttons_stay_large_enough_for_gloves(open_window: OpenWindow, size: Size) -> None:
    bar = full_bar(open_window, size).page.bar
    assert set(bar.buttons) == {key.action for key in KEYS if key.label}
    for button in (*bar.buttons.values(), *([] if bar.more.isHidden() else [bar.more])):
        assert min(button.width(), button.height()) >= LEAST_PX
        assert bar.rect().contains(button.geometry())


def test_what_has_no_room_waits_behind_more_and_the_first_page_comes_back(
    open_window: OpenWindow, qtbot: QtBot
) -> None:
    window = full_bar(open_window, Size(480, 360))
    bar = window.page.bar
    first = shown(bar)
    assert first[:3] == [Action.TOGGLE_AI, Action.HIDE_BOXES, Action.SNAPSHOT]
    assert len(first) < len(bar.buttons)
    seen = list(first)
    place = bar.more.geometry()
    while True:
        QTest.mouseClick(bar.more, Qt.MouseButton.LeftButton)
        assert bar.more.geometry() == place
        if shown(bar) == first:
            break
        seen += shown(bar)
    assert seen == list(bar.buttons), "every button on one page, in order of importance"
    bar._back.setInterval(10)
    QTest.mouseClick(bar.more, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: shown(bar) == first, timeout=3000)


def test_where_all_have_room_there_is_no_second_page(open_window: OpenWindow) -> None:
    bar = open_window(size=Size(1920, 1080)).page.bar
    assert bar.more.isHidden()
    assert shown(bar) == list(bar.buttons)


def test_the_function_of_every_button_has_a_key() -> None:
    assert all(key.keys for key in KEYS if key.label)


def test_no_key_does_two_things() -> None:
    used = [text for key in KEYS for text in key.keys]
    assert len(used) == len(set(used))


def test_a_button_whose_key_was_taken_away_still_works(open_window: OpenWindow) -> None:
    keys = tuple(replace(key, keys=()) if key.action is Action.REPLAY else key for key in KEYS)
    features = FakeFeatures()
    window = open_window(features=(features,), keys=keys)
    QTest.mouseClick(window.page.bar.buttons[Action.REPLAY], Qt.MouseButton.LeftButton)
    assert features.done == [Action.REPLAY]


def drawn(draw: object, *args: object) -> bytes:
    image = QImage(40, 40, QImage.Format.Format_RGB32)
    image.fill(0)
    painter = QPainter(image)
    draw(painter, *args, image.rect().toRectF(), QColor(255, 255, 255))  # type: ignore[operator]
    painter.end()
    bits = image.constBits()
    assert bits is not None
    return bits.asstring(image.sizeInBytes())


def test_every_shape_looks_different() -> None:
    pictures = {shape: drawn(draw_shape, shape) for shape in Shape}
    assert len(set(pictures.values())) == len(Shape)
    assert not any(set(picture) == {0} for picture in pictures.values())


def test_every_button_has_an_icon_of_its_own() -> None:
    wanted = {key.action for key in KEYS if key.label}
    assert wanted <= set(ACTIONS)
    assert len({drawn(draw_action, action, False) for action in wanted}) == len(wanted)
    assert {Action.REPLAY, Action.EXAMINATION, Action.DETAILS, Action.SETTINGS} <= wanted & OF_FEATURES


SAVE_WINDOW = """
import sys
from pathlib import Path
from app.gui.application import application
application()
from app.gui.options import WindowOptions
from app.gui.window import LiveWindow
from detector.geometry import Size
from tests.app.gui.fakes import FakePlayer, FakeSession
session = FakeSession()
session.hide_boxes()
window = LiveWindow(session, WindowOptions(Path("unused"), size=Size(1280, 720)), player=FakePlayer())
window.show()
least = min(min(button.width(), button.height()) for button in window.page.bar.buttons.values())
window.grab().save(sys.argv[1])
window.close()
print(least)
"""


def test_at_twice_the_scale_everything_is_twice_as_large_and_nothing_else(
    open_window: OpenWindow, session: FakeSession, tmp_path: Path
) -> None:
    session.hide_boxes()
    one = as_bgr(open_window(size=Size(1280, 720)).grab().toImage())
    # The scale is fixed when Qt starts: a process of its own.
    path = tmp_path / "twice.png"
    environment = {**os.environ, "QT_SCALE_FACTOR": "2", "QT_QPA_PLATFORM": "offscreen"}
    command = [sys.executable, "-c", SAVE_WINDOW, str(path)]
    done = subprocess.run(command, check=True, env=environment, capture_output=True, text=True)
    assert int(done.stdout) >= LEAST_PX
    two = cv2.imread(str(path))
    assert two.shape == (2 * one.shape[0], 2 * one.shape[1], 3)
    sign, twice = (int((image[-2, :, 2] > 200).sum()) for image in (one, two))
    assert sign > 300
    assert twice == pytest.approx(2 * sign, rel=0.03)
