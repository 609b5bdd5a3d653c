"""The shell of the QA room: who reviews, pages and keys, opening, notices, two windows, closing."""

import argparse
import sys
import threading
from pathlib import Path

import pytest
from PyQt6.QtCore import QMimeData, QPointF, Qt, QTimer, QUrl
from PyQt6.QtGui import QDropEvent
from PyQt6.QtWidgets import QLabel

from app.gui.application import application
from app.gui.qa.background import Background
from app.gui.qa.command import add_qa, run_qa
from app.gui.qa.keys import KEYS
from app.gui.qa.pages import Tab
from app.gui.qa.window import QaWindow
from app.qa.preferences import load_preferences
from detector.errors import SourceError, UsageError
from tests.app.gui.qa.qa_rig import listed, window
from tests.app.qa.films import write_red_recording
from tests.app.qa.library.made import FRAMES, write_film


def test_who_reviews_is_asked_once_and_remembered(qtbot, tmp_path, monkeypatch) -> None:
    with window(qtbot, tmp_path, monkeypatch, reviewer="") as opened:
        assert opened.stack.currentWidget() is opened.name
        assert not any(tab.isEnabled() for tab in opened.bar.tabs.values())
        assert not opened.name.back.isVisible()
        qtbot.keyClicks(opened.name.field, "???")
        qtbot.keyClick(opened.name.field, Qt.Key.Key_Return)
        assert "letters or digits" in opened.name.problem.text()
        opened.name.field.clear()
        qtbot.keyClicks(opened.name.field, "  Jo   Kim ")
        qtbot.keyClick(opened.name.field, Qt.Key.Key_Return)
        assert opened.reviewer == "Jo Kim"
        assert opened.stack.currentWidget() is opened.library_page
    with window(qtbot, tmp_path, monkeypatch, reviewer="") as again:
        assert again.reviewer == "Jo Kim"
        assert again.stack.currentWidget() is again.library_page


def test_another_reviewer_gets_a_review_of_their_own(qtbot, tmp_path, monkeypatch) -> None:
    recording = write_red_recording(tmp_path / "lib" / "20260301-101500", FRAMES)
    with window(qtbot, tmp_path, monkeypatch, tmp_path / "lib") as opened:
        opened.open(recording)
        qtbot.waitUntil(lambda: opened.replay.page is not None, timeout=20_000)
        opened.replay.page.session.review(0, 9)
        qtbot.keyClick(opened, Qt.Key.Key_F7)
        opened.name.field.setText("Jo Kim")
        qtbot.keyClick(opened.name.field, Qt.Key.Key_Return)
        assert opened.reviewer == "Jo Kim"
        opened.open(recording)
        qtbot.waitUntil(lambda: opened.replay.page is not None, timeout=20_000)
        assert opened.replay.page.session.reviewer == "Jo Kim"
        assert opened.replay.page.session.document.reviewed == ()
    assert (recording / "review-anna-rossi.jsonl").exists()


def test_tabs_have_keys_and_every_page_opens(qtbot, tmp_path, monkeypatch) -> None:
    write_film(tmp_path / "lib" / "a.mp4", 5)
    with window(qtbot, tmp_path, monkeypatch, tmp_path / "lib") as opened:
        keys = (Qt.Key.Key_4, Qt.Key.Key_2, Qt.Key.Key_3, Qt.Key.Key_1)
        for key, tab in zip(keys, (Tab.FIGURES, Tab.WORKLIST, Tab.REPLAY, Tab.LIBRARY), strict=True):
            qtbot.keyClick(opened, key, Qt.KeyboardModifier.ControlModifier)
            assert opened.bar.tabs[tab].isChecked()
            assert opened.stack.currentWidget() is opened._made(tab)
        assert sum(button.isChecked() for button in opened.bar.tabs.values()) == 1


def test_the_room_opens_on_the_worklist_and_without_procedures_on_the_library(qtbot, tmp_path, monkeypatch) -> None:
    with window(qtbot, tmp_path, monkeypatch, start=None) as opened:
        assert opened.bar.tabs[Tab.LIBRARY].isChecked()
    write_film(tmp_path / "lib" / "a.mp4", 5)
    with window(qtbot, tmp_path, monkeypatch, tmp_path / "lib", start=None) as opened:
        assert opened.bar.tabs[Tab.WORKLIST].isChecked()


def test_f1_lists_every_key_of_every_page(qtbot, tmp_path, monkeypatch) -> None:
    with window(qtbot, tmp_path, monkeypatch) as opened:
        qtbot.keyClick(opened, Qt.Key.Key_F1)
        assert opened.stack.currentWidget() is opened.help
        words = {label.text() for label in opened.help.findChildren(QLabel)}
        assert all(row.help in words for row in KEYS)
        assert all("  ".join(row.keys) in words for row in KEYS)
        for width in (1000, 1700, 1200):
            opened.resize(width, 700)
            qtbot.wait(10)
            assert {label.text() for label in opened.help.findChildren(QLabel)} == words
        qtbot.keyClick(opened.help, Qt.Key.Key_Escape)
        assert opened.stack.currentWidget() is opened.library_page


def test_a_dropped_video_opens_and_a_dropped_folder_goes_into_the_library(qtbot, tmp_path, monkeypatch) -> None:
    film = write_film(tmp_path / "films" / "a.mp4", 10)
    with window(qtbot, tmp_path, monkeypatch) as opened:
        _drop(opened, film)
        qtbot.waitUntil(lambda: opened.stack.currentWidget() is opened.replay, timeout=20_000)
        qtbot.waitUntil(lambda: opened.replay.page is not None, timeout=20_000)
        assert opened.replay.path == film
        _drop(opened, film.parent)
        qtbot.waitUntil(lambda: opened.library.roots == (film.parent,), timeout=20_000)
        listed(qtbot, opened, 1)
        assert opened.stack.currentWidget() is opened.library_page
    kept, note = load_preferences(tmp_path / "config" / "qa.json")
    assert (kept.folders, kept.recent, note) == ((film.parent,), (film,), "")


def test_a_foreign_video_can_be_reviewed_once_its_pictures_are_counted(qtbot, tmp_path, monkeypatch) -> None:
    film = write_film(tmp_path / "films" / "a.mp4", 60)
    with window(qtbot, tmp_path, monkeypatch) as opened:
        opened.open(film)
        page = opened.replay

        def writable() -> bool:
            return page.page is not None and not page.page.session.read_only

        qtbot.waitUntil(writable, timeout=30_000)
        page.page.session.review(0, 59)
        assert page.page.session.document.reviewed == ((0, 59),)


def test_what_cannot_be_opened_is_said_and_the_page_offers_a_way_out(qtbot, tmp_path, monkeypatch) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"\0" * 4000)
    with window(qtbot, tmp_path, monkeypatch) as opened:
        opened.open(broken)
        qtbot.waitUntil(lambda: "was not opened" in opened.replay.saying.title.text(), timeout=20_000)
        assert opened.replay.saying.buttons
        qtbot.waitUntil(lambda: opened.notices.isVisible(), timeout=30_000)
        assert "broken.mp4" in opened.notices.words.text()
        opened.open(tmp_path / "nowhere.mp4")
        qtbot.waitUntil(lambda: "does not exist" in opened.replay.saying.words.text(), timeout=20_000)


def test_of_two_windows_on_one_procedure_the_second_only_reads(qtbot, tmp_path, monkeypatch) -> None:
    recording = write_red_recording(tmp_path / "lib" / "20260301-101500", FRAMES)
    with (
        window(qtbot, tmp_path, monkeypatch, tmp_path / "lib") as one,
        window(qtbot, tmp_path, monkeypatch, tmp_path / "lib") as other,
    ):
        for opened in (one, other):
            opened.open(recording)
            qtbot.waitUntil(lambda opened=opened: opened.replay.page is not None, timeout=20_000)
        assert one.replay.page.session.read_only == ""
        assert "Anna Rossi" in other.replay.page.session.read_only
        one.replay.page.session.review(0, 9)


def test_pages_share_one_session_of_a_procedure(qtbot, tmp_path, monkeypatch) -> None:
    recording = write_red_recording(tmp_path / "lib" / "20260301-101500", FRAMES)
    with window(qtbot, tmp_path, monkeypatch, tmp_path / "lib") as opened:
        opened.open(recording)
        qtbot.waitUntil(lambda: opened.replay.page is not None, timeout=20_000)
        lease = opened.lease(recording)
        assert lease.session is opened.replay.page.session
        opened.replay.close_page()
        lease.session.review(0, 9)  # still open for whoever holds it
        lease.release()
        lease.release()
        again = opened.lease(recording)
        assert again.session is not lease.session
        assert again.session.document.reviewed == ((0, 9),)
        again.release()


def test_notices_come_from_any_thread_and_can_be_dismissed(qtbot, tmp_path, monkeypatch) -> None:
    with window(qtbot, tmp_path, monkeypatch) as opened:
        thread = threading.Thread(target=lambda: opened.notify("The disk is full.", "Free some space.", trouble=True))
        thread.start()
        thread.join()
        qtbot.waitUntil(lambda: opened.notices.isVisible(), timeout=30_000)
        assert opened.notices.words.text() == "The disk is full. Free some space."
        assert opened.notices.words.objectName() == "caution"
        qtbot.mouseClick(opened.notices.close_button, Qt.MouseButton.LeftButton)
        assert not opened.notices.isVisible()


def test_a_damaged_index_is_said_on_the_page(qtbot, tmp_path, monkeypatch) -> None:
    write_film(tmp_path / "lib" / "a.mp4", 5)
    index = tmp_path / "cache" / "qa" / "library.sqlite3"
    index.parent.mkdir(parents=True)
    index.write_bytes(b"no database" * 1000)
    with window(qtbot, tmp_path, monkeypatch, tmp_path / "lib") as opened:
        listed(qtbot, opened, 1)
        qtbot.waitUntil(lambda: opened.library_page.problem.isVisible(), timeout=30_000)
        assert "made anew" in opened.library_page.problem.text()


def test_preferences_that_cannot_be_read_are_kept_aside_and_named(qtbot, tmp_path, monkeypatch) -> None:
    file = tmp_path / "config" / "qa.json"
    file.parent.mkdir()
    file.write_text("{broken")
    with window(qtbot, tmp_path, monkeypatch) as opened:
        qtbot.waitUntil(lambda: opened.notices.isVisible(), timeout=30_000)
        assert "kept as" in opened.notices.words.text()
    assert list(file.parent.glob("qa.bad-*.json"))


def test_an_analysis_that_begins_takes_the_keyboard_from_nobody(qtbot, tmp_path, monkeypatch) -> None:
    write_film(tmp_path / "lib" / "a.mp4", 5)
    with window(qtbot, tmp_path, monkeypatch, tmp_path / "lib") as opened:
        opened.jobs.pause()
        before = set(application().topLevelWidgets())
        opened.analyse([tmp_path / "lib" / "a.mp4"], "fast")
        qtbot.keyClick(opened, Qt.Key.Key_F6)
        qtbot.waitUntil(lambda: bool(opened.panel.rows), timeout=30_000)
        shown = [each for each in application().topLevelWidgets() if each.isVisible() and each not in before]
        assert shown == []
        assert all(not row.bar.isWindow() for row in opened.panel.rows.values())
        assert opened.isActiveWindow()
        qtbot.keyClick(opened, Qt.Key.Key_F6)
        assert not opened.panel.isVisible()


def test_closing_ends_everything_while_folders_are_still_read(qtbot, tmp_path, monkeypatch) -> None:
    for number in range(40):
        write_film(tmp_path / "lib" / f"{number}.mp4", 2)
    with window(qtbot, tmp_path, monkeypatch, tmp_path / "lib") as opened:
        closed = []
        opened.closed.connect(lambda: closed.append(1))
        opened.close()
        opened.close()
        assert closed == [1]
    names = {thread.name for thread in threading.enumerate()}
    assert not {"qa-library", "qa-thumbnails", "jobs"} & names


def test_what_fails_in_the_background_is_said_once_and_nobody_waits_for_what_was_cancelled(qtbot) -> None:
    failed: list[str] = []
    background = Background(lambda error: failed.append(error.what))
    owner = QLabel()
    qtbot.addWidget(owner)

    def fail() -> None:
        raise SourceError("The drive is gone.")

    done: list[int] = []
    background.run(fail, done.append, None, owner)
    gate = threading.Event()
    errand = background.run(lambda: gate.wait(5), lambda _: done.append(1), None, owner)
    errand.cancel()
    gate.set()
    background.run(lambda: 2, done.append, None, owner)
    qtbot.waitUntil(lambda: done == [2] and failed == ["The drive is gone."], timeout=30_000)
    background.close()


def test_the_command_opens_the_window_and_ends_with_it(tmp_path, monkeypatch, qapp) -> None:
    monkeypatch.setenv("POLYPWATCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("POLYPWATCH_CONFIG", str(tmp_path / "config"))
    film = write_film(tmp_path / "films" / "a.mp4", 10)
    seen: list[object] = []

    def look() -> None:
        found = next((w for w in application().topLevelWidgets() if isinstance(w, QaWindow) and w.isVisible()), None)
        if found is not None and found._begun and Tab.REPLAY in found._pages and found.replay.page is not None:
            seen.extend([found.reviewer, found.blinded, found.replay.path])
            found.close()
        else:
            QTimer.singleShot(50, look)

    QTimer.singleShot(50, look)
    args = _parsed(str(film), "--reviewer", "Anna Rossi", "--blinded", "--reviews", str(tmp_path / "reviews"))
    assert run_qa(args) == 0
    assert seen == ["Anna Rossi", True, film]


def test_the_command_says_what_it_cannot_use(tmp_path, monkeypatch) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        run_qa(_parsed(str(tmp_path / "nowhere")))
    with pytest.raises(UsageError, match="letters or digits"):
        run_qa(_parsed("--reviewer", "???"))
    if sys.platform == "linux":
        monkeypatch.delenv("DISPLAY", raising=False)
        monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
        monkeypatch.setenv("QT_QPA_PLATFORM", "xcb")
        with pytest.raises(UsageError, match="display"):
            run_qa(_parsed())


def _parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_qa(parser.add_subparsers())
    return parser.parse_args(["qa", *words])


def _drop(opened: QaWindow, path: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    event = QDropEvent(
        QPointF(20, 20),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    opened.dropEvent(event)
