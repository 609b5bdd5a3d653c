"""Every state and every page in Italian: no English is left, and the words have room."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PyQt6.QtCore import QCoreApplication
from PyQt6.QtGui import QKeySequence
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QAbstractButton, QLabel, QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from app.examination.desk import Desk, DeskSettings
from app.gui import theme
from app.gui.ai_signs import card_of
from app.gui.examination_feature import ExaminationFeature
from app.gui.features import Page
from app.gui.help import HelpPage
from app.gui.keys import KEYS, Action
from app.gui.language import catalogue_path, read_catalogue, tr
from app.gui.replay_inset import replay_inset
from app.gui.restart import Restart
from app.gui.second_screen import second_screen
from app.gui.settings_page import SettingsFeature, SettingsOptions, settings_feature
from app.gui.settings_texts import CHOICES, SECTIONS
from app.gui.setup_feature import setup_feature
from app.gui.setup_window import SetupWindow
from app.gui.signs import View, ai_banner, source_banner, status_of
from app.gui.text import width_of
from app.gui.window import LiveWindow
from app.settings.store import load_settings
from app.snapshot import LiveSnapshot, Quiet, RecorderSnapshot, SourceStatus, ViewSnapshot
from app.synchrony import SyncSnapshot, SyncState
from app.watch import STALLED
from detector.geometry import Size
from detector.picture.quality import View as Seen
from detector.watchdog import AiState
from tests.app.gui.conftest import OpenWindow
from tests.app.gui.fakes import CAMERA, FakeSession, marker, snapshot
from tests.app.gui.italian import Missed, english_of
from tests.app.gui.test_setup_window import BUSY, GRABBER

SOON_MS = 15_000


@pytest.fixture
def missed(italian: None) -> Iterator[set[str]]:
    translator = Missed()
    QCoreApplication.installTranslator(translator)
    yield translator.texts
    QCoreApplication.removeTranslator(translator)


class Room:
    """A window with every feature."""

    def __init__(self, open_window: OpenWindow, session: FakeSession, folder: Path, **options: object) -> None:
        self.session = session
        self.desk = Desk(session, DeskSettings(folder / "exams"), every_s=None)
        self.examination: ExaminationFeature
        self.settings: SettingsFeature
        restart = Restart()
        told_by = SettingsOptions(restart=restart, path=folder / "settings.json")
        self.window: LiveWindow = open_window(
            features=(
                lambda page: self._examination(page, folder),
                replay_inset,
                second_screen(None, False),
                lambda page: self._settings(page, told_by),
                setup_feature(restart),
            ),
            **options,
        )

    def _examination(self, page: Page, folder: Path) -> ExaminationFeature:
        self.examination = ExaminationFeature(page, self.desk, folder / "snapshots", "it")
        return self.examination

    def _settings(self, page: Page, options: SettingsOptions) -> SettingsFeature:
        made = settings_feature(options)(page)
        assert isinstance(made, SettingsFeature)
        self.settings = made
        return made

    def show(self, now: LiveSnapshot) -> None:
        self.session.show(now)
        self.paint()

    def paint(self) -> None:
        self.window.page.refresh()
        self.window.grab()

    def press(self, keys: str) -> None:
        combination = QKeySequence(keys)[0]
        QTest.keyClick(self.window, combination.key(), combination.keyboardModifiers())
        self.paint()


def states() -> Iterator[LiveSnapshot]:
    """What a session can say, one after the other."""
    for status in SourceStatus:
        now = snapshot(info=CAMERA, status=status)
        yield replace(now, source=replace(now.source, detail="no picture for 2 s", retries=3, undecodable=4))
    for ai in AiState:
        yield snapshot(info=CAMERA, ai=ai, detail="no result for 5.0 s", overlay_age_ms=2500.0)
    yield snapshot(info=CAMERA, markers=(marker(),))
    for quiet in Quiet:
        for seen in Seen if quiet is Quiet.POOR_VIEW else (Seen.GOOD,):
            now = snapshot(info=CAMERA, quiet=quiet)
            hidden = now.taken_ns + 42 * 10**9 if quiet is Quiet.HIDDEN else None
            frozen = now.taken_ns - 12 * 10**9 if quiet is Quiet.FROZEN else None
            yield replace(now, hidden_until_ns=hidden, view=ViewSnapshot(seen, frozen_since_ns=frozen))
    causes = tuple((cause, 3) for cause in ("spool full", "encoder failed", "disk", "stream damaged", "closing"))
    recorder = RecorderSnapshot("/r/1", 754.0, "libx264", lost=causes, hours_left=0.4)
    recorded = replace(snapshot(info=CAMERA), recording="/r/1", recorder=recorder)
    slow = "The recording falls behind: 50 pictures wait. Close other programs."
    yield recorded
    yield replace(recorded, recorder=replace(recorder, blanking=True, hours_left=None, warning=slow))
    yield replace(recorded, recorder_fault="the recording does not reach the disk: No space left on device")
    ended = SyncSnapshot(SyncState.ENDED, None, "synchronised mode ended: AI too slow")
    for sync in (SyncSnapshot(SyncState.WAITING), replace(SyncSnapshot(SyncState.ON), delay_ms=80.0), ended):
        yield replace(snapshot(info=CAMERA, failed=3), sync=sync)
    for preset in ("high", "low", "expert"):
        yield replace(snapshot(info=CAMERA), sensitivity=preset, view=ViewSnapshot(fault=STALLED, validated=False))
    yield replace(snapshot(info=CAMERA), source=replace(snapshot().source, picture=PICTURE_WORDS))


PICTURE_WORDS = (
    "The picture area is being looked for; the whole picture is shown meanwhile.",
    "The video is interlaced (top field first): each frame is shown as two pictures.",
    "The picture area could not be found (nothing in it moved); the whole picture is shown.",
)


def words_of(now: LiveSnapshot) -> Iterator[str]:
    """Everything that is painted over a picture and below it."""
    status = status_of(now, View())
    yield from (status.ai.text, status.ai.detail, status.source.text, status.age, *status.figures)
    yield from (flag.text for flag in status.flags)
    for banner in (source_banner(now), ai_banner(now)):
        if banner is not None:
            yield from (banner.title, banner.works, banner.todo, banner.detail)
    if (card := card_of(now, View())) is not None:
        yield from (card.title, *card.lines)


def written_on(widget: QWidget) -> Iterator[str]:
    """What labels, buttons and fields say, to eyes and to ears."""
    for child in widget.findChildren(QWidget):
        if isinstance(child, QLabel | QAbstractButton):
            yield child.text()
        if isinstance(child, QLineEdit):
            yield child.placeholderText()
        yield from (child.toolTip(), child.accessibleName(), child.accessibleDescription())


def test_no_state_of_the_picture_and_the_ai_shows_english(
    missed: set[str], open_window: OpenWindow, session: FakeSession, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    room = Room(open_window, session, tmp_path)
    for now in states():
        room.show(now)
        for words in words_of(now):
            assert english_of(words) == [], words
        status = room.window.page.status_line.status
        assert status is not None
        assert english_of(f"{status.notice.what} {status.notice.rest}" if status.notice else "") == []
    assert [r.getMessage() for r in caplog.records if english_of(r.getMessage())] == []  # every notice is logged
    assert missed == set()


def test_no_feature_and_no_sheet_shows_english(
    missed: set[str],
    open_window: OpenWindow,
    session: FakeSession,
    tmp_path: Path,
    qtbot: QtBot,
    caplog: pytest.LogCaptureFixture,  # refusals are logged as errors, and wanted here
) -> None:
    room = Room(open_window, session, tmp_path, size=Size(1280, 720))
    for key in ("F1", "F1", "A", "A", "M", "M", "B", "Shift+B", "V", "L", "Z", "R", "R", "Space", "Y", "D", "C", "F9"):
        room.press(key)
    room.press("E")
    qtbot.waitUntil(lambda: room.desk.snapshot() is not None, timeout=SOON_MS)
    for key in ("O", "I", "I", "C", "P", "N", "W", "N", "X", "F7", "F8", "K", "U", "O", "D"):
        room.press(key)
        assert not any(english_of(text) for text in written_on(room.window)), key
    room.examination.sheet.show_part("examination")
    room.paint()
    room.examination.sheet.leave()
    for _ in range(2):
        room.window.page.perform(Action.EXAMINATION)
    qtbot.waitUntil(lambda: not room.examination.card.isHidden(), timeout=SOON_MS)
    room.paint()
    assert english_of(f"{room.examination.card.title} {room.examination.card.words}") == []
    room.examination.card.leave()
    room.press("F10")
    for section in SECTIONS:
        room.settings.sheet.choose_section(section)
        room.paint()
    room.settings.sheet.hide()
    room.press("F2")
    assert [text for text in written_on(room.window) if english_of(text)] == []
    assert missed - without_need() == set()


def without_need() -> set[str]:
    """Names that are the same in every language, as of a library."""
    return set(CHOICES.values()) - set(read_catalogue(catalogue_path("it")))


def test_the_set_up_shows_no_english(missed: set[str], qtbot: QtBot, tmp_path: Path) -> None:
    device = replace(BUSY, problem="it does not answer", hint="Plug it in again.")
    window = SetupWindow(load_settings(tmp_path / "settings.json"), lambda: [GRABBER, device])
    qtbot.addWidget(window)
    window.show()
    try:
        window.go_on()
        qtbot.waitUntil(lambda: len(window.source.devices) == 2, timeout=SOON_MS)
        for _, choose in list(window.source.devices.values()):
            choose.click()
            assert [text for text in written_on(window) if english_of(text)] == []
        window.source.phantom.click()
        for _ in range(3):
            qtbot.waitUntil(lambda: window.next.isEnabled(), timeout=SOON_MS)
            assert [text for text in written_on(window) if english_of(text)] == []
            window.go_on()
    finally:
        window.close()
    assert missed - without_need() == set()


def test_the_buttons_of_the_strip_and_the_rows_of_the_help_have_room_for_italian(
    italian: None, open_window: OpenWindow, session: FakeSession, tmp_path: Path, qtbot: QtBot
) -> None:
    room = Room(open_window, session, tmp_path, size=Size(1280, 720))
    room.press("E")
    qtbot.waitUntil(lambda: room.desk.snapshot() is not None, timeout=SOON_MS)
    least = theme.font(11, strong=True)
    for key in ("I", "C", "P", "N", "N", "O"):
        room.press(key)
        shown = [b for b in room.examination.strip.buttons.values() if not b.isHidden()]
        assert shown
        for button in shown:
            assert width_of(button.words, least) <= button.width() - 8, button.words
    help_page: HelpPage = room.window.page.help
    room.press("F1")
    column = help_page.width() // 2 - 160  # beside the longest key
    for row in KEYS:
        assert width_of(tr(row.help), theme.font(12)) <= column, row.help
