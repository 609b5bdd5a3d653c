import errno
import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PyQt6.QtCore import QRect, Qt
from PyQt6.QtGui import QKeySequence
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from app.examination import read_journal
from app.examination.desk import Desk, DeskSettings
from app.examination.events import Event, Photo, Resumed, Snapshot
from app.examination.state import Phase
from app.gui.examination_feature import ExaminationFeature, examination_feature
from app.gui.examination_strip import ExaminationStrip, likely_next
from app.gui.features import Page
from app.gui.keys import KEYS, Action
from app.gui.layout import MarkerPen, PictureTransform
from app.gui.painting import transform_for
from app.gui.touch_choice import TOUCH_PX, TouchChoice
from app.gui.window import LiveWindow
from app.recording.mark import SCHEMA, release_lock, take_lock, write_mark
from detector.geometry import Size
from tests.app.gui.conftest import OpenWindow
from tests.app.gui.fakes import FakeSession, marker, picture, snapshot

SOON_MS = 20_000  # of a busy machine


class Room:
    """A window with the examination in it, on a clock that can be put forward."""

    def __init__(self, open_window: OpenWindow, session: FakeSession, qtbot: QtBot, folder: Path) -> None:
        self.session, self.qtbot, self.folder, self.ahead_ns = session, qtbot, folder, 0
        self.seconds_ahead = 0.0
        self.desk = self._desk()
        self._open = open_window
        self.features: list[ExaminationFeature] = []
        self.window = self.open()

    def _desk(self) -> Desk:
        return Desk(
            self.session,
            DeskSettings(self.folder / "exams", audit={"ai.model": {"value": "fast", "from": "default"}}),
            now_ns=lambda: time.perf_counter_ns() + self.ahead_ns,
            every_s=None,
        )

    def open(self, **options: object) -> LiveWindow:
        def make(page: Page) -> ExaminationFeature:
            feature = ExaminationFeature(
                page, self.desk, self.folder / "snapshots", "en", lambda: time.monotonic() + self.seconds_ahead
            )
            self.features.append(feature)
            return feature

        self.window = self._open(features=(make,), **options)
        return self.window

    @property
    def feature(self) -> ExaminationFeature:
        return self.features[-1]

    @property
    def strip(self) -> ExaminationStrip:
        return self.feature.strip

    def press(self, text: str, widget: QWidget | None = None) -> None:
        combination = QKeySequence(text)[0]
        QTest.keyClick(widget or self.window, combination.key(), combination.keyboardModifiers())

    def touch(self, action: Action) -> None:
        QTest.mouseClick(self.strip.buttons[action], Qt.MouseButton.LeftButton)

    def begin(self) -> None:
        self.press("E")
        self.until(lambda: self.phase is not None and not self.strip.isHidden())

    def pass_s(self, seconds: float) -> None:
        self.ahead_ns += round(seconds * 1e9)
        self.seconds_ahead += seconds
        self.window.page.refresh()

    def until(self, true: object) -> None:
        self.qtbot.waitUntil(true, timeout=SOON_MS)

    @property
    def phase(self) -> Phase | None:
        found = self.desk.snapshot()
        return found.phase if found else None

    @property
    def events(self) -> tuple[Event, ...]:
        state = self.desk.examination
        return state.events if state else ()

    def kinds(self) -> list[str]:
        return [event.what.kind for event in self.events]

    def notice(self) -> str:
        self.window.page.refresh()
        status = self.window.page.status_line.status
        return status.notice.what if status and status.notice else ""


@pytest.fixture
def room(open_window: OpenWindow, session: FakeSession, qtbot: QtBot, tmp_path: Path) -> Iterator[Room]:
    session.show(snapshot(picture(320, 256), markers=(marker(),)))
    return Room(open_window, session, qtbot, tmp_path)


def choose(choice: TouchChoice, value: str) -> None:
    QTest.mouseClick(choice, Qt.MouseButton.LeftButton, pos=choice.cell(value).center())


MARKS = {
    "I": "scope_in",
    "C": "caecum_reached",
    "P": "polyp_found",
    "X": "polyp_removed",
    "N": "intervention_start",
    "W": "wash",
    "O": "scope_out",
    "K": "bookmark",
}


@pytest.mark.parametrize(("key", "kind"), MARKS.items())
def test_every_mark_has_its_key_and_is_answered_at_once(room: Room, key: str, kind: str) -> None:
    room.begin()
    room.press(key)
    assert kind in room.kinds()
    assert room.strip.said is not None
    assert room.strip.said.text == room.strip.lines[2]
    room.pass_s(7)
    assert room.strip.said is None
    assert "U takes it back" in room.strip.lines[2]


def test_every_button_of_every_phase_does_what_its_key_does(room: Room) -> None:
    room.begin()
    assert list(room.strip.buttons) == [Action.SCOPE_IN, Action.DETAILS, Action.EXAMINATION]
    for action in (Action.SCOPE_IN, Action.CAECUM, Action.POLYP_FOUND, Action.INTERVENTION, Action.POLYP_REMOVED,
                   Action.INTERVENTION, Action.WASH, Action.PHOTO_VALVE, Action.PHOTO_ORIFICE):  # fmt: skip
        room.touch(action)
    room.until(lambda: room.kinds().count("photo") == 2)
    room.window.page.refresh()
    assert not {Action.PHOTO_VALVE, Action.PHOTO_ORIFICE} & set(room.strip.buttons)
    room.touch(Action.SCOPE_OUT)
    room.touch(Action.UNDO_MARK)
    room.touch(Action.SCOPE_OUT)
    room.touch(Action.DETAILS)
    assert room.feature.sheet.isVisible()
    room.press("Esc")
    room.touch(Action.EXAMINATION)
    kinds = [k for k in room.kinds() if k not in ("settings", "start", "snapshot", "photo", "model", "ai_statistics")]
    assert kinds == [
        "scope_in", "caecum_reached", "polyp_found", "intervention_start", "polyp_removed", "intervention_end", "wash",
        "scope_out", "undo", "scope_out", "end",
    ]  # fmt: skip


def test_the_caecum_is_answered_with_its_time_and_that_the_clock_runs(room: Room) -> None:
    room.begin()
    room.press("I")
    room.pass_s(462)
    room.press("C")
    assert room.strip.lines[2] == "Caecum reached 07:42, withdrawal runs"
    room.pass_s(65)
    assert room.strip.lines[0] == "Withdrawal 01:05"
    room.press("N")
    room.pass_s(30)
    assert room.strip.lines[0] == "Withdrawal 01:05"
    assert "clock waits" in room.strip.lines[1]


def test_a_mark_that_makes_no_sense_is_refused_with_its_reason(room: Room) -> None:
    room.begin()
    room.press("C")
    room.press("C")
    assert room.strip.lines[2].startswith("Not marked: the caecum was reached already")
    assert room.kinds().count("caecum_reached") == 1


def test_without_an_examination_the_keys_say_how_to_start_one(room: Room) -> None:
    for key in (*MARKS, "U", "F7", "F8", "D", "Ctrl+N"):
        room.press(key)
    assert room.strip.isHidden()
    assert room.notice() == "Not marked: no examination runs."
    assert not (room.folder / "exams").exists()


def test_one_key_begins_and_the_end_wants_a_second_press_within_three_seconds(room: Room) -> None:
    room.begin()
    room.press("I")
    room.press("E")
    assert room.strip.lines[2] == "Press E again to end the examination."
    room.pass_s(4)
    room.press("E")
    assert room.phase is Phase.INSERTION
    room.press("E")
    assert room.phase is Phase.ENDED
    assert room.strip.isHidden()


def test_after_scope_out_one_press_ends_it(room: Room) -> None:
    room.begin()
    room.press("I")
    room.press("O")
    room.press("E")
    assert room.phase is Phase.ENDED


def test_a_press_too_many_at_the_end_begins_no_other_examination(room: Room) -> None:
    room.begin()
    room.press("I")
    room.press("O")
    room.press("E")
    folder = room.desk.snapshot().folder  # type: ignore[union-attr]
    room.press("E")
    room.window.page.refresh()
    assert room.window.page.bar.buttons[Action.EXAMINATION].state.text == "Examination"  # none is about to begin
    assert list(folder.parent.iterdir()) == [folder]
    room.pass_s(4)
    room.press("E")
    room.until(lambda: room.phase is Phase.BEFORE)


def test_the_bar_begins_and_ends_it_too(room: Room) -> None:
    button = room.window.page.bar.buttons[Action.EXAMINATION]
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    room.until(lambda: room.phase is Phase.BEFORE)
    room.until(lambda: button.state.text == "End exam")


def test_pictures_go_to_the_examination_and_with_no_examination_where_they_always_went(room: Room) -> None:
    room.press("S")
    room.until(lambda: len(list((room.folder / "snapshots").glob("*.json"))) == 1)
    room.begin()
    room.press("P")
    room.until(lambda: "snapshot" in room.kinds())
    room.press("S")
    room.press("F8")
    room.until(lambda: room.kinds().count("snapshot") == 2 and "photo" in room.kinds())
    folder = room.desk.snapshot().folder  # type: ignore[union-attr]
    for event in room.events:
        if isinstance(event.what, Snapshot | Photo):
            assert event.what.file is not None
            assert (folder / event.what.file).is_file()
            assert event.capture_index == 100
            if isinstance(event.what, Snapshot):
                assert event.what.lesion == 1
    assert len(list((room.folder / "snapshots").glob("*.json"))) == 1


def test_undo_takes_the_polyp_back_with_the_picture_that_it_took(room: Room) -> None:
    room.begin()
    room.press("P")
    room.until(lambda: "snapshot" in room.kinds())
    room.press("U")
    assert room.strip.lines[2] == "Taken back: Polyp 1 found"
    state = room.desk.examination
    assert state is not None
    assert (state.lesions, state.of(Snapshot)) == ((), ())
    room.press("U")
    assert room.strip.lines[2] == "There is no mark to take back."


def test_a_note_is_written_while_letters_mean_letters_and_esc_leaves_it(room: Room) -> None:
    room.begin()
    room.press("Ctrl+N")
    QTest.keyClicks(room.feature.card.line, "polyp, wash e")
    assert room.phase is Phase.BEFORE
    room.press("Return", room.feature.card.line)
    assert [e.what.text for e in room.events if e.what.kind == "note"] == ["polyp, wash e"]  # type: ignore[union-attr]
    assert room.feature.card.isHidden()
    room.press("Ctrl+N")
    room.press("Esc", room.feature.card.line)
    assert room.feature.card.isHidden()
    assert room.kinds().count("note") == 1


def test_recording_by_hand_goes_into_the_examination_while_one_runs(room: Room) -> None:
    room.press("R")
    room.until(lambda: room.session.now.recording is not None)
    room.press("R")
    room.until(lambda: room.session.now.recording is None)
    room.begin()
    room.press("R")
    room.until(lambda: room.session.now.recording is not None)
    assert room.session.recorded_into == [None, room.desk.snapshot().folder]  # type: ignore[union-attr]


def test_a_recording_that_fails_is_told_and_stays_on_the_screen_while_marks_go_on(
    room: Room, caplog: pytest.LogCaptureFixture
) -> None:
    room.session.record_error = "The disk is full."
    room.begin()
    room.press("I")
    room.desk.turn()
    room.pass_s(1)
    assert "The examination is not recorded: The disk is full." in room.notice()
    status = room.window.page.status_line.status
    assert status is not None
    assert "NOT RECORDED" in [flag.text for flag in status.flags]
    room.press("C")
    assert room.phase is Phase.WITHDRAWAL


def test_the_hint_is_small_and_has_no_sound(room: Room, player) -> None:
    room.begin()
    room.press("C")
    room.pass_s(120)
    played = player.played
    room.press("O")
    room.pass_s(7)
    assert room.strip.lines[2] == "Withdrawal 02:00; the target is 08:00 on average"
    assert player.played == played


def test_an_examination_that_was_not_ended_is_gone_on_with_by_key(room: Room, session: FakeSession) -> None:
    room.begin()
    room.press("C")
    folder = room.desk.snapshot().folder  # type: ignore[union-attr]
    room.window.close()
    room.desk = room._desk()
    room.open()
    room.until(lambda: not room.feature.card.isHidden())
    assert room.feature.card.title == f"An examination was not ended: {folder.name}"
    room.press("1", room.feature.card.answers)
    room.until(lambda: room.phase is Phase.WITHDRAWAL)
    assert any(isinstance(event.what, Resumed) for event in room.events)
    room.desk.turn()
    assert session.recorded_into[-1] == folder


def test_an_examination_that_was_not_ended_is_ended_by_touch(room: Room) -> None:
    room.begin()
    folder = room.desk.snapshot().folder  # type: ignore[union-attr]
    room.window.close()
    room.desk = room._desk()
    room.open()
    room.until(lambda: not room.feature.card.isHidden())
    choose(room.feature.card.answers, "1")
    room.until(lambda: read_journal(folder).events[-1].what.kind == "end")
    room.until(lambda: "has ended" in room.notice())
    assert room.phase is None


def test_dicom_asks_the_one_question_and_says_in_the_files_what_was_answered(room: Room) -> None:
    pydicom = pytest.importorskip("pydicom", reason="needs the extra 'dicom'")
    room.begin()
    room.press("P")
    room.until(lambda: "snapshot" in room.kinds())
    room.press("O")
    room.press("E")
    room.press("2", room.feature.card.answers)
    assert "who the patient is" in room.feature.card.title
    room.press("3", room.feature.card.answers)
    assert not list(room.folder.rglob("*.dcm"))
    room.press("2", room.feature.card.answers)
    room.press("1", room.feature.card.answers)
    room.until(lambda: "DICOM files are written" in room.notice())
    file = next(room.folder.rglob("dicom/*.dcm"))
    data = pydicom.dcmread(file)
    assert data.BurnedInAnnotation == "NO"
    assert data.StudyID == room.desk.snapshot().id  # type: ignore[union-attr]


def test_dicom_waits_for_a_recording_that_is_still_being_completed(room: Room) -> None:
    pytest.importorskip("pydicom", reason="needs the extra 'dicom'")
    room.begin()
    room.press("P")
    room.until(lambda: "snapshot" in room.kinds())
    room.press("O")
    room.press("E")
    folder = room.desk.snapshot().folder  # type: ignore[union-attr]
    lock = take_lock(folder)
    assert lock is not None
    room.feature.filing.dicom(no_text=False)
    time.sleep(0.3)
    assert not list(room.folder.rglob("*.dcm"))
    write_mark(folder, {"schema": SCHEMA, "state": "complete"})
    release_lock(folder, lock)
    room.until(lambda: bool(list(room.folder.rglob("*.dcm"))))


def test_dicom_files_are_of_their_own_examination_though_the_next_one_has_begun(room: Room) -> None:
    pydicom = pytest.importorskip("pydicom", reason="needs the extra 'dicom'")
    room.begin()
    room.press("P")
    room.until(lambda: "snapshot" in room.kinds())
    room.press("O")
    room.press("E")
    folder = room.desk.snapshot().folder  # type: ignore[union-attr]
    lock = take_lock(folder)
    assert lock is not None
    room.feature.filing.dicom(no_text=False)
    room.pass_s(4)
    room.begin()
    assert room.desk.snapshot().folder != folder  # type: ignore[union-attr]
    write_mark(folder, {"schema": SCHEMA, "state": "complete"})
    release_lock(folder, lock)
    room.until(lambda: bool(list(folder.rglob("dicom/*.dcm"))))
    assert {str(pydicom.dcmread(file).StudyID) for file in folder.rglob("*.dcm")} == {folder.name}


def test_a_whole_examination_by_keys_ends_with_its_reports_on_the_disk(room: Room) -> None:
    room.begin()
    room.desk.turn()
    for key, after_s in (("I", 30), ("C", 400), ("F7", 10), ("P", 60), ("N", 5), ("X", 40), ("N", 2), ("W", 30)):
        room.pass_s(after_s)
        room.press(key)
        if key in ("F7", "P"):
            kind = "photo" if key == "F7" else "snapshot"
            room.until(lambda kind=kind: kind in room.kinds())
    room.press("D")
    form = room.feature.sheet.lesion
    choose(form.segment, "sigmoid")
    choose(form.method, "cold_snare")
    room.press("Esc")
    room.pass_s(300)
    room.press("O")
    room.press("E")
    assert room.feature.card.title.endswith("has ended.")
    room.press("1", room.feature.card.answers)
    room.until(lambda: "report is written" in room.notice())
    folder = room.desk.snapshot().folder  # type: ignore[union-attr]
    report = folder / "report"
    assert sorted(path.suffix for path in report.iterdir()) == [".json", ".pdf", ".pdf"]
    said = json.loads(next(report.glob("*.json")).read_text())
    assert said["gaps"] == []
    assert said["lesions"][0]["method"] == "cold_snare"
    assert said["quality"]["withdrawal"]["net_s"] == pytest.approx(407, abs=3)
    room.window.close()
    assert [event.what.kind for event in read_journal(folder).events] == [
        "start", "settings", "model", "scope_in", "caecum_reached", "photo", "polyp_found", "snapshot",
        "intervention_start", "polyp_removed", "intervention_end", "wash", "lesion", "lesion", "scope_out",
        "ai_statistics", "end",
    ]  # fmt: skip


def test_a_disk_that_hangs_keeps_neither_marks_nor_the_picture_waiting(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on, real = threading.Event(), os.fsync

    def hanging(handle: int) -> None:
        assert goes_on.wait(30)
        real(handle)

    monkeypatch.setattr(os, "fsync", hanging)
    room.press("E")
    room.session.show(snapshot(picture(320, 256), index=101))
    room.window.page.refresh()
    assert room.phase is None
    assert room.window.page.last is not None
    assert room.window.page.last.frame is not None
    assert room.window.page.last.frame.index == 101
    goes_on.set()
    room.until(lambda: not room.strip.isHidden())
    goes_on.clear()
    room.press("C")
    assert room.strip.lines[2].endswith("withdrawal runs")
    assert room.desk.snapshot().unsaved > 0  # type: ignore[union-attr]
    goes_on.set()
    room.until(lambda: room.desk.snapshot().unsaved == 0)  # type: ignore[union-attr]


def test_a_journal_that_cannot_be_written_stays_on_the_screen(
    room: Room, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    room.begin()

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        room.press("C")
        room.until(lambda: room.desk.snapshot().fault != "")  # type: ignore[union-attr]
        room.pass_s(1)
        status = room.window.page.status_line.status
        assert status is not None
        assert any(flag.text.startswith("JOURNAL NOT SAVED") for flag in status.flags)
        assert "No space left on device" in room.notice()
        assert room.phase is Phase.WITHDRAWAL
    room.until(lambda: room.desk.snapshot().fault == "")  # type: ignore[union-attr]
    room.pass_s(1)
    assert not room.feature.flags()


def test_a_window_that_replaces_one_that_crashed_goes_on_without_asking(room: Room, tmp_path: Path) -> None:
    room.begin()
    room.press("I")
    folder = room.desk.snapshot().folder  # type: ignore[union-attr]
    room.window.close()
    room.desk = room._desk()
    window = room._open(features=(examination_feature(room.desk, tmp_path, go_on=folder),))
    room.until(lambda: room.phase is Phase.INSERTION)
    window.close()


def test_an_older_examination_that_was_left_open_is_not_gone_on_with_unasked(room: Room, tmp_path: Path) -> None:
    room.begin()
    room.press("I")
    room.window.close()
    room.desk = room._desk()
    make = examination_feature(room.desk, tmp_path, go_on=tmp_path / "EX-0000-0000")
    window = room._open(features=(lambda page: room.features.append(make(page)) or room.feature,))
    room.until(lambda: not room.feature.card.isHidden())
    assert room.desk.snapshot() is None
    window.close()


def test_a_report_that_cannot_be_written_says_why(room: Room, caplog: pytest.LogCaptureFixture) -> None:
    room.begin()
    room.press("O")
    room.press("E")
    folder = room.desk.snapshot().folder  # type: ignore[union-attr]
    (folder / "report").write_text("in the way")
    room.press("1", room.feature.card.answers)
    assert room.feature.filing.doing
    room.until(lambda: "cannot be written" in room.notice())
    assert not room.feature.card.isHidden()
    room.until(lambda: not room.feature.filing.doing)


@pytest.mark.parametrize("size", [Size(900, 600), Size(1280, 720), Size(1920, 1080)], ids=str)
@pytest.mark.parametrize("shape", [Size(320, 180), Size(320, 256)], ids=["16:9", "5:4"])
def test_buttons_are_large_enough_for_gloves_in_every_phase_and_size(room: Room, size: Size, shape: Size) -> None:
    room.window.resize(size.width, size.height)
    room.session.show(snapshot(picture(shape.width, shape.height)))
    room.begin()
    for key in ("I", "C", "N", "O"):
        room.press(key)
        for button in room.strip.buttons.values():
            assert min(button.width(), button.height()) >= TOUCH_PX
            assert room.strip.rect().contains(button.geometry())
        page, strip = room.window.page, room.strip.geometry()
        room.window.page.refresh()
        seen = page.last
        assert seen is not None
        transform = transform_for(seen, page.canvas.device_size())
        assert transform is not None
        assert not QRect(*transform.target).intersects(strip), "nothing of the mucosa may lie behind it"
        assert page.rect().contains(strip)
        assert not strip.intersects(page.status_line.geometry())


@pytest.mark.parametrize("size", [Size(1280, 720), Size(1920, 1080)], ids=str)
def test_beside_a_narrow_picture_it_covers_neither_the_picture_nor_the_countdown(room: Room, size: Size) -> None:
    room.window.resize(size.width, size.height)
    room.begin()
    for key in "ICP":
        room.press(key)
    canvas = Size(room.window.page.canvas.width(), room.window.page.canvas.height())
    shown = PictureTransform.fit(Size(320, 256), canvas, MarkerPen.for_canvas(canvas).reach).target
    assert len(room.strip.buttons) == 7
    assert room.strip.geometry().right() < shown.x
    assert room.strip.y() > 0.43 * canvas.height  # a card beside the picture is as high, or leaves its shape away


def test_every_action_of_a_phase_has_a_key(room: Room) -> None:
    room.begin()
    keys = {key.action for key in KEYS if key.keys}
    for press in ("I", "C", "N", "O"):
        room.press(press)
        state = room.desk.snapshot()
        assert state is not None
        assert set(likely_next(state)) <= keys


def test_it_is_made_as_the_window_makes_its_features(
    open_window: OpenWindow, session: FakeSession, tmp_path: Path, qtbot: QtBot, caplog: pytest.LogCaptureFixture
) -> None:
    desk = Desk(session, DeskSettings(None))
    window = open_window(features=(examination_feature(desk, tmp_path),))
    QTest.keyClick(window, Qt.Key.Key_E)
    status = window.page.status_line

    def refused() -> bool:
        window.page.refresh()
        notice = status.status.notice if status.status else None
        return notice is not None and notice.what == "There is no folder for examinations."

    qtbot.waitUntil(refused, timeout=SOON_MS)
