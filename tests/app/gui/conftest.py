"""The window's tests run offscreen, and a warning from Qt fails them."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from app.gui.language import use_language
from app.gui.options import WindowOptions
from app.gui.window import LiveWindow
from tests.app.gui.fakes import FakePlayer, FakeSession

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.qt_log_level_fail("WARNING"))
            # Every test here needs an application, if only for its fonts.
            item.fixturenames.insert(0, "qapp")


OpenWindow = Callable[..., LiveWindow]


@pytest.fixture
def session() -> FakeSession:
    return FakeSession()


@pytest.fixture
def player() -> FakePlayer:
    return FakePlayer()


@pytest.fixture
def open_window(qtbot, session: FakeSession, player: FakePlayer, tmp_path: Path) -> Iterator[OpenWindow]:
    """Opens the window on the scripted session; closes it after the test."""
    opened = []

    def open_it(**options: object) -> LiveWindow:
        window = LiveWindow(session, WindowOptions(tmp_path / "snapshots", **options), player=player)
        opened.append(window)
        qtbot.addWidget(window)
        window.begin()
        qtbot.waitExposed(window)
        window.activateWindow()
        qtbot.waitUntil(window.isActiveWindow)
        return window

    yield open_it
    for window in opened:
        window.close()


@pytest.fixture
def italian() -> Iterator[None]:
    use_language("it")
    yield
    use_language("en")
