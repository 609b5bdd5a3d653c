"""The settings in the window: each control writes the file, what the session can follow it follows at once."""

import argparse
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PyQt6.QtCore import QEvent, Qt
from PyQt6.QtGui import QKeyEvent
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QPushButton, QWidget
from pytestqt.qtbot import QtBot

from app.gui.features import Feature, MakeFeature, Page
from app.gui.restart import After, Restart
from app.gui.settings_page import LIVE, SettingsFeature, SettingsOptions, settings_feature
from app.gui.settings_sheet import SettingsSheet
from app.gui.settings_texts import SECTIONS
from app.gui.setup_feature import SetupFeature, setup_feature
from app.gui.setup_parts import key_text
from app.gui.window import LiveWindow
from app.settings.changes import put
from app.settings.codec import encode
from app.settings.keymap import spelt
from app.settings.model import SCHEMA, Settings
from app.settings.rooms import in_room
from app.settings.store import load_settings
from detector.errors import UsageError
from detector.geometry import Size
from detector.presets import FalseAlarmRate, Preset
from tests.app.gui.conftest import OpenWindow
from tests.app.gui.fakes import FakeSession, snapshot
from tests.app.gui.test_window import notice, press

KEY = Qt.Key
OpenSettings = Callable[..., SettingsSheet]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "settings.json"


@pytest.fixture
def restart() -> Restart:
    return Restart()


@pytest.fixture
def made() -> list[Feature]:
    """The features of the window: the settings, and the set-up."""
    return []


@pytest.fixture
def open_settings(
    open_window: OpenWindow, qtbot: QtBot, path: Path, restart: Restart, made: list[Feature]
) -> OpenSettings:
    """Opens the window, and the settings in it by their key."""

    def open_it(section: str = "room", settings: Settings | None = None, **options: object) -> SettingsSheet:
        if settings is not None:
            path.write_text(encode(settings))
        told = SettingsOptions(restart=restart, path=path, **options)  # type: ignore[arg-type]
        makers = [remembered(make, made) for make in (settings_feature(told), setup_feature(restart))]
        window = open_window(features=tuple(makers), size=Size(1280, 720))
        press(window, "F10")
        settings_page = made[0]
        assert isinstance(settings_page, SettingsFeature)
        sheet = settings_page.sheet
        qtbot.waitUntil(lambda: sheet._held is not None)
        sheet.choose_section(section)
        return sheet

    return open_it


def remembered(make: MakeFeature, made: list[Feature]) -> MakeFeature:
    def maker(page: Page) -> Feature:
        made.append(make(page))
        return made[-1]

    return maker


def window_of(sheet: SettingsSheet) -> LiveWindow:
    window = sheet.window()
    assert isinstance(window, LiveWindow)
    return window


def click(widget: QWidget) -> None:
    QTest.mouseClick(widget, Qt.MouseButton.LeftButton)


def write(sheet: SettingsSheet, key: str, text: str) -> None:
    field = sheet.shown[key].control.field  # type: ignore[union-attr]
    field.setFocus()
    field.clear()
    QTest.keyClicks(field, text)
    QTest.keyClick(field, KEY.Key_Return)


def kept(path: Path) -> Settings:
    return load_settings(path).settings


def test_the_key_opens_the_page_and_escape_or_the_key_close_it(open_settings: OpenSettings) -> None:
    sheet = open_settings()
    window = window_of(sheet)
    assert sheet.isVisible()
    press(window, "Esc")
    assert sheet.isHidden()
    press(window, "F10")
    assert sheet.isVisible()
    click(sheet.close_button)
    assert sheet.isHidden()


@pytest.mark.parametrize("section", SECTIONS)
def test_every_section_shows_its_settings_with_their_origin(open_settings: OpenSettings, section: str) -> None:
    sheet = open_settings(section, put(Settings(), {"ai.threads": 2}))
    shown = {key for key in sheet.shown if key.partition(".")[0] == section}
    assert shown
    if section == "ai":
        row = sheet.shown["ai.threads"]
        assert row.origin.text() == "set here · takes effect at the next start"  # type: ignore[union-attr]
        assert row.default.isVisible()
        assert sheet.shown["ai.model"].default.isHidden()
    sheet.grab()
    small = [b.text() for b in sheet.findChildren(QPushButton) if b.isVisible() and min(b.width(), b.height()) < 54]
    assert small == []


def test_a_switch_a_choice_a_number_and_a_text_are_written(
    open_settings: OpenSettings, qtbot: QtBot, path: Path
) -> None:
    sheet = open_settings("screen")
    click(sheet.shown["screen.full_screen"].control.choice.buttons[True])
    qtbot.waitUntil(lambda: kept(path).screen.full_screen)
    sheet.choose_section("ai")
    click(sheet.shown["ai.provider"].control.choice.buttons["cpu"])
    qtbot.waitUntil(lambda: kept(path).ai.provider == "cpu")
    click(sheet.shown["ai.threads"].control.more)
    qtbot.waitUntil(lambda: kept(path).ai.threads == 1)
    click(sheet.shown["ai.threads"].control.none)
    qtbot.waitUntil(lambda: kept(path).ai.threads is None)
    write(sheet, "ai.model", "other")
    qtbot.waitUntil(lambda: kept(path).ai.model == "other")
    assert not sheet.again.isHidden()


def test_by_keys_alone_a_switch_is_reached_and_set(open_settings: OpenSettings, qtbot: QtBot, path: Path) -> None:
    sheet = open_settings("sound")
    window = window_of(sheet)
    sheet.sections.buttons["sound"].setFocus()
    wanted = sheet.shown["sound.muted"].control.choice.buttons[False]
    for _ in range(12):
        focused = window.focusWidget()
        if focused is wanted:
            break
        QTest.keyClick(focused, KEY.Key_Tab)
    QTest.keyClick(window.focusWidget(), KEY.Key_Right)
    qtbot.waitUntil(lambda: kept(path).sound.muted)


def test_a_number_can_go_back_to_its_default(open_settings: OpenSettings, qtbot: QtBot, path: Path) -> None:
    sheet = open_settings("procedure", put(Settings(), {"procedure.hide_s": 90}))
    click(sheet.shown["procedure.hide_s"].default)
    qtbot.waitUntil(lambda: kept(path).procedure.hide_s == 60)
    qtbot.waitUntil(sheet.shown["procedure.hide_s"].default.isHidden)


@pytest.mark.parametrize(
    ("key", "text", "says"),
    [
        ("source.area", "1,2,3", "no picture area"),
        ("source.spec", "ftp://host/x", "not known"),
        ("source.aspect", "wide", "no aspect"),
    ],
)
def test_what_cannot_be_set_is_said_at_its_field_and_nothing_is_written(
    open_settings: OpenSettings, qtbot: QtBot, path: Path, key: str, text: str, says: str
) -> None:
    sheet = open_settings("source")
    write(sheet, key, text)
    qtbot.waitUntil(lambda: says in sheet.shown[key].problem.text())
    assert not path.exists()


def test_the_password_of_a_stream_is_not_shown_and_not_lost(
    open_settings: OpenSettings, qtbot: QtBot, path: Path
) -> None:
    before = put(Settings(), {"source.spec": "rtsp://me:secret@host/live"})
    sheet = open_settings("source", before)
    field = sheet.shown["source.spec"].control.field
    assert field.text() == "rtsp://host/live"
    field.setFocus()
    QTest.keyClick(field, KEY.Key_Return)
    click(sheet.shown["source.deinterlace"].control.choice.buttons["off"])
    qtbot.waitUntil(lambda: kept(path).source.deinterlace == "off")
    assert kept(path).source.spec == before.source.spec


def test_what_the_session_can_follow_it_follows_at_once(
    open_settings: OpenSettings, qtbot: QtBot, session: FakeSession
) -> None:
    sheet = open_settings("ai")
    click(sheet.shown["ai.sensitivity"].control.choice.buttons["low"])
    qtbot.waitUntil(lambda: session.sensitivity == "low")
    click(sheet.shown["ai.shadow"].control.choice.buttons[True])
    qtbot.waitUntil(lambda: session.shadow)
    sheet.choose_section("screen")
    click(sheet.shown["screen.light_override"].control.choice.buttons[True])
    qtbot.waitUntil(lambda: session.light_override)
    sheet.choose_section("sound")
    click(sheet.shown["sound.muted"].control.choice.buttons[True])
    qtbot.waitUntil(lambda: window_of(sheet).page.view.muted)
    assert sheet.again.isHidden()
    assert {"ai.sensitivity", "ai.shadow", "screen.light_override", "sound.muted"} == LIVE


def test_a_preset_that_the_model_does_not_have_is_said_at_its_field(
    open_settings: OpenSettings, qtbot: QtBot, session: FakeSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(preset: str) -> None:
        raise UsageError(f"This model has no preset '{preset}'.")

    monkeypatch.setattr(session, "set_sensitivity", refuse)
    sheet = open_settings("ai")
    click(sheet.shown["ai.sensitivity"].control.choice.buttons["high"])
    qtbot.waitUntil(lambda: "no preset 'high'" in sheet.shown["ai.sensitivity"].problem.text())


def test_false_alarms_stand_below_the_sensitivities(open_settings: OpenSettings) -> None:
    presets = (
        Preset("high", 0.2, rate=FalseAlarmRate(0.93, 41, 3)),
        Preset("normal", 0.3, rate=FalseAlarmRate(0.5, 41, 0)),
        Preset("low", 0.4),
    )
    sheet = open_settings("ai", presets=presets)
    texts = [child.text() for child in sheet.shown["ai.sensitivity"].control.children() if hasattr(child, "text")]
    assert texts == [
        "High: 0.93 false alarms a minute on 41 minutes of video, processors: 3",
        "Normal: 0.5 false alarms a minute on 41 minutes of video, processors unknown",
        "Low: false alarms unknown",
    ]


def test_what_was_given_at_the_start_is_shown_as_such(open_settings: OpenSettings) -> None:
    args = argparse.Namespace(given=frozenset({"threads"}), threads=3)
    row = open_settings("ai", args=args).shown["ai.threads"]
    assert row.control.shown.text() == "3"
    assert "given at the start" in row.origin.text()


# -- keys -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "held", "learnt"),
    [
        (KEY.Key_F13, Qt.KeyboardModifier.NoModifier, "F13"),
        (KEY.Key_PageDown, Qt.KeyboardModifier.NoModifier, "PgDown"),
        (KEY.Key_G, Qt.KeyboardModifier.ControlModifier, "Ctrl+G"),
        (KEY.Key_G, Qt.KeyboardModifier.ShiftModifier, "Shift+G"),
        (KEY.Key_Tab, Qt.KeyboardModifier.NoModifier, "Tab"),
        (KEY.Key_5, Qt.KeyboardModifier.KeypadModifier, "5"),
        (KEY.Key_Slash, Qt.KeyboardModifier.ShiftModifier, "/"),
        (KEY.Key_VolumeUp, Qt.KeyboardModifier.NoModifier, "Volume Up"),
    ],
)
def test_a_key_is_learnt_in_the_spelling_of_the_settings(key: Qt.Key, held: Qt.KeyboardModifier, learnt: str) -> None:
    text = key_text(QKeyEvent(QEvent.Type.KeyPress, key, held))
    assert text == learnt
    assert spelt(text) == text


@pytest.mark.parametrize("key", [KEY.Key_Shift, KEY.Key_Control, KEY.Key_AltGr, KEY.Key_unknown])
def test_a_modifier_alone_is_no_key(key: Qt.Key) -> None:
    assert key_text(QKeyEvent(QEvent.Type.KeyPress, key, Qt.KeyboardModifier.NoModifier)) == ""


@pytest.mark.parametrize(("key", "learnt"), [(KEY.Key_F13, "F13"), (KEY.Key_Tab, "Tab")])
def test_a_key_or_pedal_is_learnt_by_pressing_it(
    open_settings: OpenSettings, qtbot: QtBot, path: Path, key: Qt.Key, learnt: str
) -> None:
    row = open_settings("keys").shown["keys.toggle_ai"]
    click(row.change)
    QTest.keyClick(row.change, key)
    qtbot.waitUntil(lambda: kept(path).keys == {"toggle_ai": (learnt,)})
    qtbot.waitUntil(lambda: row.shown.text() == learnt)


def test_an_action_can_have_one_more_key_and_its_default_again(
    open_settings: OpenSettings, qtbot: QtBot, path: Path
) -> None:
    row = open_settings("keys").shown["keys.snapshot"]
    click(row.add)
    QTest.keyClick(row.add, KEY.Key_F14)
    qtbot.waitUntil(lambda: kept(path).keys == {"snapshot": ("S", "F14")})
    qtbot.waitUntil(row.default.isVisible)
    click(row.default)
    qtbot.waitUntil(lambda: kept(path).keys == {})


def test_a_key_that_is_taken_is_refused_with_the_name_of_its_action(
    open_settings: OpenSettings, session: FakeSession, path: Path
) -> None:
    row = open_settings("keys").shown["keys.snapshot"]
    click(row.change)
    QTest.keyClick(row.change, KEY.Key_A)
    assert "AI on or off" in row.problem.text()
    assert session.ai_enabled  # the key was heard, not obeyed
    assert not path.exists()


def test_escape_gives_up_learning_and_the_page_stays(open_settings: OpenSettings) -> None:
    sheet = open_settings("keys")
    row = sheet.shown["keys.snapshot"]
    click(row.change)
    QTest.keyClick(row.change, KEY.Key_Escape)
    assert not row.change.listening
    assert sheet.isVisible()


def test_pedals_work_while_the_page_is_open_but_keys_that_move_in_it_do_not_leak(
    open_settings: OpenSettings, session: FakeSession
) -> None:
    sheet = open_settings("screen")
    window = window_of(sheet)
    sheet.shown["screen.cue"].control.choice.buttons[True].setFocus()
    QTest.keyClick(window.focusWidget(), KEY.Key_Space)
    assert not session.paused
    QTest.keyClick(window.focusWidget(), KEY.Key_A)
    assert not session.ai_enabled


# -- rooms ------------------------------------------------------------------------------------------------------------


def test_a_room_gets_settings_of_its_own_and_can_be_chosen(
    open_settings: OpenSettings, qtbot: QtBot, path: Path
) -> None:
    sheet = open_settings("room", put(Settings(), {"ai.threads": 2}))
    assert not sheet.rooms.keep.isEnabled()
    write(sheet, "room.name", "Room 2")
    qtbot.waitUntil(sheet.rooms.keep.isEnabled)
    click(sheet.rooms.keep)
    qtbot.waitUntil(lambda: sheet.rooms.choice is not None)
    assert kept(path).room.presets["Room 2"]["ai"] == {"threads": 2}
    write(sheet, "room.name", "Room 3")
    qtbot.waitUntil(lambda: kept(path).room.name == "Room 3")
    assert sheet.rooms.choice is not None
    click(sheet.rooms.choice.buttons["Room 2"])
    qtbot.waitUntil(lambda: kept(path).room.name == "Room 2")


def test_a_room_file_is_written_and_taken_in(
    open_settings: OpenSettings, qtbot: QtBot, path: Path, tmp_path: Path
) -> None:
    before = put(Settings(), {"room.name": "Room 2", "source.spec": "rtsp://me:secret@host/live", "ai.threads": 2})
    sheet = open_settings("room", before)
    file = tmp_path / "room.json"
    sheet.rooms.ask_export(str(file))
    qtbot.waitUntil(file.exists)
    qtbot.waitUntil(lambda: notice(window_of(sheet)).startswith("Written"))
    assert "secret" not in file.read_text()
    path.write_text(encode(Settings()))
    sheet.rooms.ask_import(str(file))
    qtbot.waitUntil(lambda: kept(path).room.name == "Room 2")
    assert in_room(kept(path)).ai.threads == 2


def test_a_room_file_that_is_none_is_refused(open_settings: OpenSettings, qtbot: QtBot, tmp_path: Path) -> None:
    sheet = open_settings("room")
    sheet.rooms.ask_import(str(tmp_path / "none.json"))
    qtbot.waitUntil(lambda: "Cannot read the room file" in sheet.rooms.problem.text())


def test_all_goes_back_to_the_defaults_only_when_asked_for_twice(
    open_settings: OpenSettings, qtbot: QtBot, path: Path
) -> None:
    sheet = open_settings("room", put(Settings(), {"ai.threads": 2}))
    click(sheet.rooms.defaults)
    assert "Press again" in sheet.rooms.defaults.text()
    assert kept(path).ai.threads == 2
    click(sheet.rooms.defaults)
    qtbot.waitUntil(lambda: kept(path) == Settings())
    assert list(path.parent.glob("settings.before-reset-*.json"))


def test_a_settings_file_that_was_kept_aside_stays_named(open_settings: OpenSettings, qtbot: QtBot, path: Path) -> None:
    path.write_text(json.dumps({"schema": SCHEMA, "ai": {"threds": 2}}))
    sheet = open_settings("screen")
    assert "settings.bad-" in sheet.notes.text()
    click(sheet.shown["screen.full_screen"].control.choice.buttons[True])
    qtbot.waitUntil(lambda: path.exists() and kept(path).screen.full_screen)
    assert sheet.notes.isVisible()
    assert "settings.bad-" in sheet.notes.text()


# -- opening the window anew ------------------------------------------------------------------------------------------


def test_the_window_is_opened_anew_when_asked_for(open_settings: OpenSettings, qtbot: QtBot, restart: Restart) -> None:
    sheet = open_settings("ai")
    window = window_of(sheet)
    click(sheet.shown["ai.threads"].control.more)
    qtbot.waitUntil(sheet.again.isVisible)
    with qtbot.waitSignal(window.closed):
        click(sheet.again)
    assert restart.after is After.RESTART


def test_the_set_up_takes_the_place_of_the_window_after_a_question(
    open_settings: OpenSettings, qtbot: QtBot, restart: Restart, made: list[Feature]
) -> None:
    window = window_of(open_settings())
    press(window, "Esc")
    press(window, "F2")
    question = made[1]
    assert isinstance(question, SetupFeature)
    assert question.sheet.isVisible()
    press(window, "Esc")
    assert question.sheet.isHidden()
    assert restart.after is After.NOTHING
    press(window, "F2")
    with qtbot.waitSignal(window.closed):
        click(question.begin)
    assert restart.after is After.SETUP


def test_a_recording_is_never_ended_by_the_set_up(
    open_settings: OpenSettings, session: FakeSession, restart: Restart, made: list[Feature]
) -> None:
    window = window_of(open_settings())
    session.show(replace(snapshot(), recording="/recordings/1"))
    window.page.refresh()
    press(window, "F2")
    question = made[1]
    assert isinstance(question, SetupFeature)
    click(question.begin)
    assert window.isVisible()
    assert notice(window) == "Not during a recording."
    assert restart.after is After.NOTHING
