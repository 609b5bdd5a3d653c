import signal
import sys
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import NoReturn

import pytest
from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtGui import QImage, QKeySequence, QPainter
from PyQt6.QtTest import QTest
from pytestqt.qtbot import QtBot

from app.gui.bridge import HEARTBEAT_MS, PaintStamp
from app.gui.crash import CrashHook
from app.gui.interrupts import Interrupts
from app.gui.keys import KEYS, OF_FEATURES, Action, Key
from app.gui.options import WindowOptions
from app.gui.painting import PicturePainter, as_bgr
from app.gui.signs import View
from app.gui.window import LiveWindow, run_window
from app.selftest import SelfTest
from app.snapshot import Quiet, SourceStatus
from detector.errors import SourceError
from detector.geometry import Size
from detector.watchdog import AiState
from tests.app.gui.conftest import OpenWindow
from tests.app.gui.fakes import CAMERA, FakeFeatures, FakePlayer, FakeSession, frame, marker, picture, snapshot

SOON_MS = 3000  # of a busy machine; how soon is soon is for the benchmarks
STATE_WITHIN_MS = 250


def press(window: LiveWindow, text: str) -> None:
    combination = QKeySequence(text)[0]
    QTest.keyClick(window, combination.key(), combination.keyboardModifiers())


def flags(window: LiveWindow) -> list[str]:
    status = window.page.status_line.status
    assert status is not None
    return [flag.text for flag in status.flags]


def sign(window: LiveWindow) -> str:
    status = window.page.status_line.status
    assert status is not None
    return status.ai.text


def notice(window: LiveWindow) -> str:
    window.page.refresh()
    status = window.page.status_line.status
    assert status is not None
    return status.notice.what if status.notice else ""


def nothing_to_test() -> SelfTest:
    def load() -> NoReturn:
        raise SourceError("There is no phantom.")

    return SelfTest(lambda *calls: pytest.fail("no AI is wanted"), load=load)


@pytest.mark.parametrize(("key", "text"), [(key, text) for key in KEYS for text in key.keys])
def test_every_key_does_what_the_help_page_says(
    open_window: OpenWindow, session: FakeSession, qtbot: QtBot, tmp_path: Path, key: Key, text: str
) -> None:
    features = FakeFeatures()
    window = open_window(self_test=nothing_to_test, features=(features,))
    window.page._player.set_volume(60)
    session.show(snapshot(markers=(marker(),), quiet=Quiet.HIDDEN if key.action is Action.SHOW_BOXES else None))
    effects = {action: lambda: features.done == [key.action] for action in OF_FEATURES} | {
        Action.TOGGLE_AI: lambda: not session.ai_enabled,
        Action.HIDE_BOXES: lambda: sign(window) == "BOXES HIDDEN 60 s",
        Action.SHOW_BOXES: lambda: session.now.quiet is None,
        Action.TOGGLE_SOUND: lambda: "MUTED" in flags(window),
        Action.LOUDER: lambda: window.page._player.volume_percent == 80,
        Action.QUIETER: lambda: window.page._player.volume_percent == 40,
        Action.SENSITIVITY: lambda: session.sensitivity == "high",
        Action.LIGHT_OVERRIDE: lambda: session.light_override,
        Action.SHADOW: lambda: session.shadow,
        Action.SNAPSHOT: lambda: len(list((tmp_path / "snapshots").glob("*.json"))) == 1,
        Action.RECORD: lambda: session.now.recording is not None,
        Action.PAUSE: lambda: session.paused,
        Action.SYNCHRONISE: lambda: session.synchronised,
        Action.FULL_SCREEN: window.isFullScreen,
        Action.SELF_TEST: lambda: window.page.self_test_shown,
        Action.HELP: lambda: window.page.help_shown,
        Action.LEAVE: lambda: not window.page.help_shown,
        Action.QUIT: lambda: session.calls == ["start", "stop"],
        Action.QUIT_NOW: lambda: session.calls == ["start", "stop"],
    }
    if key.action is Action.LEAVE:
        window.page.perform(Action.HELP)
    assert not effects[key.action]()
    press(window, text)
    if key.action is Action.QUIT:
        assert notice(window) == "Press Q again to quit."
        press(window, text)
    qtbot.waitUntil(effects[key.action], timeout=2000)


@pytest.mark.parametrize("action", [Action.TOGGLE_AI, Action.TOGGLE_SOUND, Action.RECORD])
def test_a_button_does_what_its_key_does_and_a_second_press_undoes_it(
    open_window: OpenWindow, qtbot: QtBot, action: Action
) -> None:
    window = open_window()
    button = window.page.bar.buttons[action]
    before = button.state
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: button.state.text != before.text, timeout=SOON_MS)
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: button.state == before, timeout=SOON_MS)


@pytest.mark.parametrize("size", [Size(900, 600), Size(1280, 720), Size(1920, 1080)], ids=str)
def test_buttons_are_large_enough_for_gloves_and_lie_beside_the_picture(open_window: OpenWindow, size: Size) -> None:
    window = open_window(size=size)
    for button in window.page.bar.buttons.values():
        assert min(button.width(), button.height()) >= 54


def test_only_what_the_session_can_do_is_offered(open_window: OpenWindow, session: FakeSession) -> None:
    session.can_record = False
    session.now = snapshot(info=CAMERA)
    window = open_window()
    assert not {Action.RECORD, Action.PAUSE} & set(window.page.bar.buttons)
    press(window, "R")
    assert notice(window) == "This session cannot record."


def test_the_screen_shows_a_new_state_soon_even_in_silence(
    open_window: OpenWindow, session: FakeSession, qtbot: QtBot
) -> None:
    assert 2 * HEARTBEAT_MS < STATE_WITHIN_MS
    window = open_window()
    session.now = snapshot(ai=AiState.STALLED)  # nobody wakes the window
    status = window.page.status_line
    qtbot.waitUntil(lambda: status.status is not None and status.status.ai.text == "AI STALLED", timeout=SOON_MS)


def test_what_is_on_the_screen_is_what_is_rendered(open_window: OpenWindow, session: FakeSession) -> None:
    window = open_window(size=Size(960, 600))
    session.show(snapshot(markers=(marker(),)))
    window.page.refresh()
    canvas = window.page.canvas

    image = QImage(canvas.width(), canvas.height(), QImage.Format.Format_RGB32)
    painter = QPainter(image)
    PicturePainter().paint(painter, Size(canvas.width(), canvas.height()), session.now, View())
    painter.end()
    assert (as_bgr(canvas.grab().toImage()) == as_bgr(image)).all()


def test_every_frame_is_painted_once_in_order_with_its_times(
    open_window: OpenWindow, session: FakeSession, qtbot: QtBot
) -> None:
    window = open_window()
    stamps: list[PaintStamp] = []
    window.painted.append(stamps.append)
    for index in range(200, 230):
        begin_ns = time.perf_counter_ns()
        session.show(replace(snapshot(index=index, markers=(marker(),)), taken_ns=begin_ns))
        qtbot.waitUntil(lambda wanted=index: bool(stamps) and stamps[-1].frame_index == wanted, timeout=SOON_MS)
    indices = [stamp.frame_index for stamp in stamps]
    assert indices == sorted(indices)
    for earlier, later in pairwise(stamps):
        assert earlier.painted_ns < later.painted_ns
    assert all(stamp.painted_ns > stamp.captured_ns for stamp in stamps)
    last = stamps[-1]
    assert last.boxes == 1
    assert last.result_captured_ns == pytest.approx(begin_ns - 62e6, abs=1e3)


def test_a_result_alone_repaints_the_picture_with_its_boxes(
    open_window: OpenWindow, session: FakeSession, qtbot: QtBot
) -> None:
    session.now = snapshot()
    window = open_window()
    stamps: list[PaintStamp] = []
    window.painted.append(stamps.append)
    qtbot.wait(50)
    stamps.clear()
    session.show(replace(session.now, markers=(marker(),)))
    qtbot.waitUntil(lambda: bool(stamps), timeout=SOON_MS)
    assert stamps[-1].boxes == 1


def test_nothing_is_painted_while_nothing_changes(open_window: OpenWindow, session: FakeSession, qtbot: QtBot) -> None:
    window = open_window()
    qtbot.wait(50)
    stamps: list[PaintStamp] = []
    window.painted.append(stamps.append)
    for _ in range(20):
        session.show(replace(session.now, taken_ns=time.perf_counter_ns()))
        qtbot.wait(5)
    assert stamps == []


def test_a_new_alert_sounds_unless_muted(
    open_window: OpenWindow, session: FakeSession, player: FakePlayer, qtbot: QtBot
) -> None:
    window = open_window()
    session.show(replace(snapshot(markers=(marker(),)), new_alerts=1))
    qtbot.waitUntil(lambda: player.played == 1, timeout=SOON_MS)
    press(window, "M")
    later = replace(snapshot(markers=(marker(),)), new_alerts=2)
    session.show(replace(later, taken_ns=later.taken_ns + 9_000_000_000))
    qtbot.wait(100)
    assert player.played == 1


def test_no_sound_device_is_said(open_window: OpenWindow, player: FakePlayer) -> None:
    player.fault = "no sound device"
    assert flags(open_window()) == ["NO SOUND DEVICE"]


def test_a_recording_that_cannot_begin_is_a_notice(
    open_window: OpenWindow, session: FakeSession, qtbot: QtBot, caplog: pytest.LogCaptureFixture
) -> None:
    session.record_error = "The folder is read-only."
    window = open_window()
    press(window, "R")
    qtbot.waitUntil(lambda: notice(window) == "The folder is read-only.", timeout=SOON_MS)


def test_an_errand_that_breaks_is_told_and_the_next_one_runs(
    open_window: OpenWindow, session: FakeSession, qtbot: QtBot, caplog: pytest.LogCaptureFixture
) -> None:
    window = open_window()
    session.start_recording = lambda: 1 / 0
    press(window, "R")
    qtbot.waitUntil(lambda: "ZeroDivisionError" in notice(window), timeout=SOON_MS)
    del session.start_recording
    press(window, "R")
    qtbot.waitUntil(lambda: session.now.recording is not None, timeout=SOON_MS)


def test_a_fault_of_the_recorder_is_a_flag_and_a_notice(
    open_window: OpenWindow, session: FakeSession, caplog: pytest.LogCaptureFixture
) -> None:
    window = open_window()
    session.now = replace(snapshot(), recording="/a", recorder_fault="the disk is full")
    assert notice(window) == "Recording: the disk is full"
    assert "RECORDING FAULT" in flags(window)


def test_a_read_only_snapshot_folder_is_a_notice(
    open_window: OpenWindow, tmp_path: Path, qtbot: QtBot, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "snapshots").write_text("a file where the folder should be")
    window = open_window()
    press(window, "S")
    qtbot.waitUntil(lambda: "not saved" in notice(window), timeout=2000)


def test_a_double_click_on_the_picture_is_full_screen_and_the_buttons_hide(
    open_window: OpenWindow, qtbot: QtBot
) -> None:
    window = open_window()
    page = window.page
    QTest.mouseDClick(page.canvas, Qt.MouseButton.LeftButton)
    assert window.isFullScreen()
    page._parts.hider.timer.setInterval(10)
    QTest.mouseMove(page.canvas, QPoint(50, 50))
    page.set_full_screen(True)
    qtbot.waitUntil(page.bar.isHidden, timeout=1000)
    QTest.mouseMove(page.canvas, QPoint(80, 80))
    qtbot.waitUntil(lambda: not page.bar.isHidden(), timeout=1000)
    press(window, "Esc")
    assert not window.isFullScreen()


def test_the_help_page_lists_the_keys_there_are_and_leaves_the_status_line(open_window: OpenWindow) -> None:
    window = open_window()
    press(window, "H")
    page = window.page
    assert page.help_shown
    assert not page.help.geometry().intersects(page.status_line.geometry())
    QTest.mouseClick(page.help, Qt.MouseButton.LeftButton)
    assert not page.help_shown


def test_a_picture_that_cannot_be_painted_is_said_and_comes_back(
    open_window: OpenWindow, session: FakeSession, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = open_window()
    caught: list[str] = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, error, trace: caught.append(str(error)))
    monkeypatch.setattr("app.gui.canvas.PicturePainter.paint", lambda *a: 1 / 0)
    session.show(snapshot(picture(bgr=(0, 200, 0)), index=300))
    qtbot.waitUntil(lambda: bool(caught), timeout=SOON_MS)
    broken = as_bgr(window.page.canvas.grab().toImage())
    assert (broken > 200).all(axis=2).sum() > 500, "white words on black"
    monkeypatch.undo()
    session.show(snapshot(picture(bgr=(0, 200, 0)), index=301))
    qtbot.waitUntil(lambda: (as_bgr(window.page.canvas.grab().toImage()) == [0, 200, 0]).all(axis=2).any())


def test_a_session_that_cannot_be_read_is_no_calm_picture(
    open_window: OpenWindow, session: FakeSession, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    session.now = snapshot(picture(bgr=(0, 200, 0)))
    window = open_window()
    caught: list[str] = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, error, trace: caught.append(str(error)))
    monkeypatch.setattr(session, "snapshot", lambda: 1 / 0)
    qtbot.waitUntil(lambda: bool(caught), timeout=SOON_MS)
    assert not (as_bgr(window.page.canvas.grab().toImage()) == [0, 200, 0]).all(axis=2).any()
    monkeypatch.undo()


def test_an_unexpected_error_is_logged_once_and_shown(
    open_window: OpenWindow, caplog: pytest.LogCaptureFixture
) -> None:
    window = open_window()
    hook = CrashHook(window.board, window.close)
    hook.install()
    try:
        for _ in range(5):
            try:
                raise KeyError("nobody expected this")
            except KeyError:
                sys.excepthook(*sys.exc_info())
    finally:
        hook.remove()
    assert "KeyError" in notice(window)
    assert sum(record.exc_info is not None for record in caplog.records) == 1


def test_ctrl_c_closes_the_window(open_window: OpenWindow, session: FakeSession) -> None:
    window = open_window()
    hook = CrashHook(window.board, window.close)
    hook.install()
    try:
        sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
    finally:
        hook.remove()
    assert session.calls == ["start", "stop"]


def test_a_session_that_does_not_stop_cleanly_does_not_keep_the_window(
    open_window: OpenWindow, session: FakeSession, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    window = open_window()
    monkeypatch.setattr(session, "stop", lambda: 1 / 0)
    window.close()
    assert window.isHidden()


@pytest.mark.parametrize("status", [SourceStatus.ENDED, SourceStatus.FAILED])
def test_a_run_that_nobody_watches_closes_at_its_end(
    open_window: OpenWindow, session: FakeSession, qtbot: QtBot, status: SourceStatus
) -> None:
    open_window(quit_when_ended=True)
    session.show(snapshot(status=status))
    qtbot.waitUntil(lambda: session.calls == ["start", "stop"], timeout=1000)


def test_a_window_without_a_picture_yet_can_be_shown(open_window: OpenWindow, session: FakeSession) -> None:
    session.now = replace(snapshot(status=SourceStatus.OPENING), frame=None)
    window = open_window()
    assert window.page.canvas.grab().width() > 0
    session.show(replace(snapshot(), frame=frame(1, picture(200, 400))))
    window.page.refresh()


def test_a_run_ends_with_its_source_and_leaves_no_window(session: FakeSession) -> None:
    stamps: list[PaintStamp] = []
    session.now = snapshot(status=SourceStatus.ENDED)
    options = WindowOptions(Path("unused"), quit_when_ended=True)
    assert run_window(session, options, [stamps.append]) == 0
    assert session.calls == ["start", "stop"]


def test_an_interrupt_closes_the_window_in_its_own_time(session: FakeSession) -> None:
    before = signal.getsignal(signal.SIGINT)  # ignored where the tests run in the background of a shell
    session.start = lambda: signal.raise_signal(signal.SIGINT)
    assert run_window(session, WindowOptions(Path("unused"))) == 130
    assert session.calls == ["stop"]
    assert signal.getsignal(signal.SIGINT) is before


def test_an_interrupt_before_the_window_opens_keeps_it_closed(session: FakeSession) -> None:
    with Interrupts() as interrupts:
        signal.raise_signal(signal.SIGINT)
        assert run_window(session, WindowOptions(Path("unused")), (), interrupts) == 130
    assert session.calls == ["stop"]
