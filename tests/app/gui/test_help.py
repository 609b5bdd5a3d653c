from dataclasses import replace

import numpy as np
import pytest
from PyQt6.QtGui import QFontMetrics

from app.gui import help as help_page
from app.gui import theme
from app.gui.keys import KEYS, Action
from app.gui.painting import as_bgr
from app.gui.window import LiveWindow
from detector.geometry import Size
from tests.app.gui.conftest import OpenWindow
from tests.app.gui.fakes import FakeFeatures
from tests.app.gui.test_window import nothing_to_test


@pytest.fixture
def painted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool]]:
    """Every text that the page paints, and whether it has room."""
    found: list[tuple[str, bool]] = []
    real = help_page.draw_line

    def draw_line(painter, area, text, font, colour) -> None:
        found.append((text, QFontMetrics(font).horizontalAdvance(text) <= area.width() and font.pixelSize() >= 11))
        real(painter, area, text, font, colour)

    monkeypatch.setattr(help_page, "draw_line", draw_line)
    return found


def opened(open_window: OpenWindow, size: Size, **options: object) -> LiveWindow:
    window = open_window(size=size, features=(FakeFeatures(),), self_test=nothing_to_test, **options)
    window.page.perform(Action.HELP)
    return window


@pytest.mark.parametrize("size", [Size(900, 600), Size(1280, 720), Size(1920, 1080)], ids=str)
def test_every_key_and_what_it_does_is_readable(
    open_window: OpenWindow, painted: list[tuple[str, bool]], size: Size
) -> None:
    page = opened(open_window, size).page
    page.help.grab()
    texts = dict(painted)
    for key in KEYS:
        assert texts[key.help], key.help
        assert texts[",  ".join(key.keys)], key.keys
    image = as_bgr(page.help.grab().toImage())
    keys = (image == [theme.MARKER.blue(), theme.MARKER.green(), theme.MARKER.red()]).all(axis=2)
    rows = np.flatnonzero(keys.any(axis=1))
    assert rows[-1] < image.shape[0] - 12, "the last key is on the page"


def test_keys_that_were_changed_are_shown_as_they_are_now(
    open_window: OpenWindow, painted: list[tuple[str, bool]]
) -> None:
    changed = {Action.HIDE_BOXES: ("F13",), Action.NOTE: ()}
    keys = tuple(replace(key, keys=changed.get(key.action, key.keys)) for key in KEYS)
    opened(open_window, Size(1280, 720), keys=keys).page.help.grab()
    texts = [text for text, _ in painted]
    assert texts[texts.index("Hide the boxes for a while; again: longer") - 1] == "F13"
    assert texts[texts.index("Write a note") - 1] == "–"
