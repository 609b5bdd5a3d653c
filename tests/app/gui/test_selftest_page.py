"""The self-test in the window: one click, no doubt that it is a phantom, and the examination as it was afterwards."""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtTest import QTest
from pytestqt.qtbot import QtBot

from app.cli import main
from app.gui.keys import Action
from app.gui.painting import as_bgr
from app.gui.window import LiveWindow
from app.selftest import Phase, SelfTest, SelfTestSettings
from detector.annotation import Annotation
from detector.geometry import Size
from detector.watchdog import AiState
from detector.worker import AiProcess, AiSettings
from tests.app.gui.conftest import OpenWindow
from tests.app.gui.fakes import FakePlayer, FakeSession, snapshot
from tests.app.gui.test_window import notice, press
from tests.detector.scripted import SCRIPTED
from tests.phantoms import write_phantom
from tests.steady import STEADY
from tests.tiny_models import red_patch_network, write_model

SECONDS = 1.75
WITHIN_MS = 15_000
Phantom = tuple[Path, Annotation]


@pytest.fixture(scope="module")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Phantom:
    return write_phantom(tmp_path_factory.mktemp("phantom"))


@pytest.fixture
def tests_made() -> list[SelfTest]:
    return []


@pytest.fixture
def make(phantom: Phantom, tmp_path: Path, tests_made: list[SelfTest]) -> Callable[[], SelfTest]:
    def made() -> SelfTest:
        settings = SelfTestSettings(SECONDS, folder=tmp_path / "recordings")
        tests_made.append(
            SelfTest(lambda *calls: AiProcess(STEADY, {}, AiSettings(), *calls), settings, lambda: phantom)
        )
        return tests_made[-1]

    return made


@pytest.fixture
def make_hanging(phantom: Phantom, tests_made: list[SelfTest]) -> Callable[[], SelfTest]:
    """A test whose AI never comes up."""

    def made() -> SelfTest:
        make_ai = lambda *calls: AiProcess(SCRIPTED, {"start": "hang"}, AiSettings(), *calls)  # noqa: E731
        tests_made.append(SelfTest(make_ai, SelfTestSettings(SECONDS), lambda: phantom))
        return tests_made[-1]

    return made


def shape_of_page(window: LiveWindow) -> str:
    page = window.page
    if page.stage.isHidden():
        return "live"
    return "phantom" if page.stage.report.isHidden() else "report"


def test_one_click_shows_the_phantom_then_the_checks_and_the_ai_is_as_it_was(
    open_window: OpenWindow, session: FakeSession, player: FakePlayer, qtbot: QtBot, make
) -> None:
    window = open_window(self_test=make, size=Size(1280, 720))
    qtbot.wait(100)
    examined: list[int] = []
    window.painted.append(lambda stamp: examined.append(stamp.frame_index))
    QTest.mouseClick(window.page.bar.buttons[Action.SELF_TEST], Qt.MouseButton.LeftButton)
    assert not session.ai_enabled
    assert shape_of_page(window) == "phantom"
    stage = window.page.stage
    qtbot.waitUntil(lambda: player.played == 1, timeout=WITHIN_MS)
    assert shape_of_page(window) == "phantom"
    assert window.page.status_line.status.source.text.endswith("tiny.mp4")
    qtbot.waitUntil(lambda: stage.report.result is not None, timeout=WITHIN_MS)
    assert shape_of_page(window) == "report"
    assert stage.report.result.passed, str(stage.report.result)
    window.page.refresh()
    assert session.ai_enabled
    qtbot.wait(300)
    assert shape_of_page(window) == "report"  # until the user has seen it
    QTest.mouseClick(stage.report.button, Qt.MouseButton.LeftButton)
    assert shape_of_page(window) == "live"
    assert session.calls == ["start"]
    assert set(examined) <= {session.now.frame.index}  # the phantom is no picture of the examination


def test_a_player_with_a_fault_fails_the_sound(open_window: OpenWindow, player: FakePlayer, qtbot: QtBot, make) -> None:
    player.fault = "no sound device"
    window = open_window(self_test=make)
    press(window, "T")
    report = window.page.stage.report
    qtbot.waitUntil(lambda: report.result is not None, timeout=WITHIN_MS)
    assert [check.name for check in report.result.checks if not check.passed] == ["sound"]
    assert "no sound device" in str(report.result)


def test_a_muted_sound_is_said_and_not_played(open_window: OpenWindow, player: FakePlayer, qtbot: QtBot, make) -> None:
    window = open_window(self_test=make, muted=True)
    press(window, "T")
    report = window.page.stage.report
    qtbot.waitUntil(lambda: report.result is not None, timeout=WITHIN_MS)
    assert [check.name for check in report.result.checks if not check.passed] == ["sound"]
    assert "muted" in str(report.result)
    assert not player.played


def test_the_banner_is_there_from_the_first_moment_and_nothing_covers_it(
    open_window: OpenWindow, qtbot: QtBot, make_hanging, tests_made
) -> None:
    window = open_window(self_test=make_hanging, size=Size(1280, 720))
    press(window, "T")
    stage = window.page.stage
    for phase in (Phase.PREPARING, Phase.SHOWING):
        qtbot.waitUntil(lambda phase=phase: tests_made[0].phase.value >= phase.value, timeout=WITHIN_MS)
        page = as_bgr(window.page.grab().toImage())
        strip = page[: stage.canvas.y(), : stage.width()]
        ground = (strip == np.array([64, 196, 255])).all(axis=2)
        assert ground[:, -1].all()
        assert ground[2].all()
        assert ground.mean() > 0.8
        assert not ground.all(), "no words"


@pytest.mark.parametrize("key", ["Esc", "T"])
def test_the_live_picture_comes_back_at_once_while_a_hanging_ai_is_put_away(
    open_window: OpenWindow, session: FakeSession, qtbot: QtBot, make_hanging, tests_made, key: str
) -> None:
    window = open_window(self_test=make_hanging)
    press(window, "T")
    qtbot.waitUntil(lambda: tests_made[0].phase is Phase.SHOWING, timeout=WITHIN_MS)
    assert shape_of_page(window) == "phantom"
    press(window, key)
    assert shape_of_page(window) == "live"
    assert not session.ai_enabled  # not before the other model is gone
    press(window, "T")
    assert notice(window) == "The last self-test is still being put away."
    qtbot.waitUntil(lambda: session.ai_enabled, timeout=WITHIN_MS)
    assert tests_made[0].phase is Phase.OVER
    assert len(tests_made) == 1


def test_an_ai_that_was_off_stays_off(
    open_window: OpenWindow, session: FakeSession, qtbot: QtBot, make_hanging, tests_made
) -> None:
    session.ai_enabled = False
    session.now = snapshot(ai=AiState.OFF)
    window = open_window(self_test=make_hanging)
    press(window, "T")
    press(window, "Esc")
    qtbot.waitUntil(lambda: tests_made[0].phase is Phase.OVER, timeout=WITHIN_MS)
    window.page.refresh()
    assert not session.ai_enabled


def test_there_is_no_self_test_during_a_recording(
    open_window: OpenWindow, session: FakeSession, make, tests_made, qtbot: QtBot
) -> None:
    window = open_window(self_test=make)
    session.start_recording()
    press(window, "T")
    assert notice(window) == "No self-test during a recording."
    assert not tests_made
    session.stop_recording()
    press(window, "T")
    session.show(replace(session.now, recording="/recordings/2"))  # one that was still on its way
    qtbot.waitUntil(lambda: shape_of_page(window) == "live", timeout=WITHIN_MS)
    assert session.now.recording


@pytest.mark.parametrize("text", ["A", "B", "S", "R", "Space"])
def test_what_means_the_examination_waits_until_its_picture_is_back(
    open_window: OpenWindow, session: FakeSession, make_hanging, tmp_path: Path, text: str
) -> None:
    window = open_window(self_test=make_hanging)
    press(window, "T")
    press(window, text)
    assert notice(window) == "First leave the self-test: press Esc."
    assert not session.ai_enabled
    assert not session.paused
    assert session.now.recording is None
    assert not (tmp_path / "snapshots").exists()


def test_closing_the_window_ends_a_running_test(
    open_window: OpenWindow, session: FakeSession, qtbot: QtBot, make_hanging, tests_made
) -> None:
    window = open_window(self_test=make_hanging)
    press(window, "T")
    qtbot.waitUntil(lambda: tests_made[0].phase is Phase.SHOWING, timeout=WITHIN_MS)
    began = time.monotonic()
    window.close()
    assert time.monotonic() - began < 5
    assert tests_made[0].phase is Phase.OVER
    assert session.calls == ["start", "stop"]


def test_no_self_test_is_offered_without_one(open_window: OpenWindow) -> None:
    window = open_window()
    assert Action.SELF_TEST not in window.page.bar.buttons
    press(window, "T")
    assert notice(window) == "This window has no self-test."


@pytest.mark.parametrize(("patch", "status", "word"), [(True, 0, "test the sound there"), (False, 10, "not passed")])
def test_the_command_passes_only_what_works_without_a_window(
    phantom: Phantom, tmp_path: Path, monkeypatch, capsys, patch: bool, status: int, word: str
) -> None:
    model = write_model(tmp_path / "model", red_patch_network(), threshold=0.5 if patch else 1.0)
    made = partial(SelfTest, settings=SelfTestSettings(SECONDS), load=lambda: phantom)
    monkeypatch.setattr("app.gui.selftest_offscreen.SelfTest", made)
    assert main(["selftest", "--model", str(model), "--provider", "cpu"]) == status
    said = capsys.readouterr().out
    assert word in said
    assert "FAIL  sound: Not tested" in said
    assert ("ok    box" in said) is patch
