from collections.abc import Iterator
from pathlib import Path

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QFontMetrics
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.examination.desk import Desk, DeskSettings
from app.examination.events import Lesion
from app.gui import theme
from app.gui.examination_feature import ExaminationFeature
from app.gui.examination_pictures import keep_picture, keep_proposals
from app.gui.examination_sheet import ExaminationSheet
from app.gui.touch_choice import TOUCH_PX, Choice, TouchChoice
from app.gui.window import LiveWindow
from tests.app.gui.conftest import OpenWindow
from tests.app.gui.fakes import FakeSession, snapshot

SOON_MS = 5000


class Opened:
    def __init__(self, window: LiveWindow, desk: Desk, feature: ExaminationFeature) -> None:
        self.window, self.desk, self.sheet = window, desk, feature.sheet

    def lesion(self, number: int = 1) -> Lesion:
        state = self.desk.examination
        assert state is not None
        return next(x for x in state.lesions if x.id == number)


@pytest.fixture
def opened(open_window: OpenWindow, session: FakeSession, tmp_path: Path) -> Iterator[Opened]:
    """The sheet over an examination with two lesions."""
    desk = Desk(session, DeskSettings(tmp_path), every_s=None)
    desk.begin()
    desk.polyp_found()
    desk.polyp_found()
    made: list[ExaminationFeature] = []

    def make(page) -> ExaminationFeature:
        made.append(ExaminationFeature(page, desk, tmp_path / "snapshots", "en"))
        return made[0]

    window = open_window(features=(make,))
    QTest.keyClick(window, Qt.Key.Key_D)
    return Opened(window, desk, made[0])


def choose(choice: TouchChoice, value: str) -> None:
    QTest.mouseClick(choice, Qt.MouseButton.LeftButton, pos=choice.cell(value).center())


def test_lesions_stand_one_a_row_and_a_touch_turns_to_one(opened: Opened) -> None:
    assert [c.value for c in opened.sheet.rows.choices] == ["examination", "1", "2"]
    assert opened.sheet.part == "2"
    choose(opened.sheet.rows, "1")
    assert opened.sheet.part == "1"
    choose(opened.sheet.lesion.segment, "rectum")
    opened.window.page.refresh()
    opened.sheet.refresh(opened.desk.snapshot())
    assert opened.sheet.rows.choices[1].label == "1: rectum"


@pytest.mark.parametrize(
    ("form", "field", "value"),
    [
        ("segment", "segment", "caecum"),
        ("lst", "lst", "LST-NG-PD"),
        ("method", "method", "emr"),
        ("paris", "paris", "0-Isp"),
    ],
)
def test_a_touch_is_noted_at_once_and_a_second_one_takes_it_back(
    opened: Opened, form: str, field: str, value: str
) -> None:
    choice = getattr(opened.sheet.lesion, form)
    choose(choice, value)
    assert getattr(opened.lesion(2), field) == value
    assert choice.marked == {value}
    choose(choice, value)
    assert getattr(opened.lesion(2), field) is None
    assert choice.marked == frozenset()


def test_the_size_goes_up_and_down_in_steps_and_can_be_cleared(opened: Opened) -> None:
    size = opened.sheet.lesion.size_mm
    for step, expected in (("+1", 5.0), ("+1", 6.0), ("+5", 11.0), ("-1", 10.0), ("-5", 5.0), ("-5", 1.0)):
        choose(size, step)
        assert opened.lesion(2).size_mm == expected
    choose(size, "clear")
    assert opened.lesion(2).size_mm is None


def test_a_mixed_paris_class_is_two_touches_after_each_other(opened: Opened) -> None:
    paris = opened.sheet.lesion.paris
    choose(paris, "0-IIa")
    choose(paris, "mixed")
    choose(paris, "0-IIc")
    assert opened.lesion(2).paris == "0-IIa+IIc"
    assert paris.marked == {"0-IIa", "0-IIc"}
    choose(paris, "0-Is")
    assert opened.lesion(2).paris == "0-Is"


def test_all_of_it_works_with_the_keyboard_alone(opened: Opened) -> None:
    segment = opened.sheet.lesion.segment
    for _ in range(30):
        if QApplication.focusWidget() is segment:
            break
        QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
    assert QApplication.focusWidget() is segment
    QTest.keyClick(segment, Qt.Key.Key_Right)
    QTest.keyClick(segment, Qt.Key.Key_Space)
    assert opened.lesion(2).segment == "caecum"
    QTest.keyClick(segment, Qt.Key.Key_Down)
    QTest.keyClick(segment, Qt.Key.Key_Return)
    assert opened.lesion(2).segment == "descending"


def test_bbps_is_scored_by_segment_and_added_up(opened: Opened) -> None:
    choose(opened.sheet.rows, "examination")
    for segment, score in (("right", "2"), ("transverse", "3"), ("left", "1")):
        choose(opened.sheet.whole.bbps[segment], score)  # type: ignore[index]
    state = opened.desk.snapshot()
    assert state is not None
    assert state.bbps == {"right": 2, "transverse": 3, "left": 1}
    assert opened.sheet.whole.total.text() == "6 of 9"


def test_texts_are_saved_when_they_are_left_and_letters_mean_letters(opened: Opened) -> None:
    choose(opened.sheet.rows, "examination")
    form = opened.sheet.whole
    for field, words in ((form.indication, "FIT positive"), (form.endoscopist, "E-17")):
        field.setFocus()
        QTest.keyClicks(field, words)
    form.conclusion.setFocus()
    QTest.keyClicks(form.conclusion, "one polyp, removed")
    QTest.keyClick(form.conclusion, Qt.Key.Key_Escape)
    assert opened.sheet.isHidden()
    state = opened.desk.examination
    assert state is not None
    assert (state.indication, state.endoscopist, state.conclusion) == ("FIT positive", "E-17", "one polyp, removed")
    kinds = [event.what.kind for event in state.events]
    assert (kinds.count("details"), kinds.count("conclusion"), kinds.count("polyp_found")) == (2, 1, 2)


def test_a_remark_belongs_to_the_lesion_it_was_written_for(opened: Opened) -> None:
    QTest.keyClicks(opened.sheet.lesion.remark, "not retrieved")
    choose(opened.sheet.rows, "1")
    assert (opened.lesion(2).note, opened.lesion(1).note) == ("not retrieved", "")
    assert opened.sheet.lesion.remark.text() == ""


def test_pictures_are_proposed_and_chosen_by_touch(opened: Opened, qtbot: QtBot) -> None:
    folder = opened.desk.snapshot().folder  # type: ignore[union-attr]
    keep_proposals(folder, 2, (snapshot(index=7), snapshot(index=8)))
    taken = keep_picture(folder, snapshot(index=9))
    opened.desk.picture(taken.clean, taken.shown, 9, 0)
    opened.sheet.show_part("2")
    pictures = opened.sheet.lesion.pictures
    qtbot.waitUntil(lambda: len(pictures.choices) == 3, timeout=SOON_MS)
    qtbot.waitUntil(lambda: all(c.picture is not None for c in pictures.choices), timeout=SOON_MS)
    proposed = [c.value for c in pictures.choices if "proposed" in c.value]
    assert len(proposed) == 2
    choose(pictures, proposed[0])
    choose(pictures, proposed[1])
    assert set(proposed) <= set(opened.lesion(2).pictures)
    choose(pictures, proposed[0])
    assert proposed[0] not in opened.lesion(2).pictures
    for file in opened.lesion(2).pictures:
        assert (folder / file).is_file()


def test_a_lesion_whose_mark_was_taken_back_leaves_the_sheet(opened: Opened) -> None:
    opened.desk.undo()
    opened.sheet.refresh(opened.desk.snapshot())
    assert opened.sheet.part == "examination"
    assert [c.value for c in opened.sheet.rows.choices] == ["examination", "1"]


def test_the_key_that_opens_it_and_its_button_put_it_away(opened: Opened) -> None:
    QTest.keyClick(opened.window, Qt.Key.Key_D)
    assert opened.sheet.isHidden()
    QTest.keyClick(opened.window, Qt.Key.Key_D)
    assert opened.sheet.isVisible()
    QTest.mouseClick(opened.sheet.closer, Qt.MouseButton.LeftButton)
    assert opened.sheet.isHidden()


def test_the_picture_goes_on_beside_it_and_its_cells_are_large_enough(opened: Opened) -> None:
    page = opened.window.page
    assert opened.sheet.x() > page.canvas.x() + page.canvas.width() // 4
    for choice in opened.sheet.findChildren(TouchChoice):
        assert all(choice.cell(c.value).height() >= TOUCH_PX for c in choice.choices)
    assert opened.sheet.closer.height() >= TOUCH_PX


@pytest.mark.parametrize("size", [(900, 600), (1280, 720), (1920, 1080)], ids=str)
def test_words_of_cells_are_never_cut(opened: Opened, qtbot: QtBot, size: tuple[int, int]) -> None:
    opened.window.resize(*size)
    form = opened.sheet.lesion
    qtbot.waitUntil(lambda: form.method.width() > 100, timeout=SOON_MS)
    for choice in (form.size_mm, form.segment, form.paris, form.lst, form.method):
        for offered in choice.choices:
            metrics = QFontMetrics(theme.font(choice.type_px(), strong=True))
            widest = max(metrics.horizontalAdvance(word) for word in offered.label.split())
            assert widest <= choice.cell(offered.value).width() - 8, offered.label


def test_numbered_cells_are_chosen_by_digit_and_other_keys_are_left_alone(qtbot: QtBot) -> None:
    choice = TouchChoice("name", 2, None, numbered=True)  # type: ignore[arg-type]
    qtbot.addWidget(choice)
    choice.offer([Choice("a", "A"), Choice("b", "B")])
    told: list[str] = []
    choice.chosen.connect(told.append)
    for key in (Qt.Key.Key_2, Qt.Key.Key_3, Qt.Key.Key_X, Qt.Key.Key_1):
        QTest.keyClick(choice, key)
    assert told == ["b", "a"]


def test_the_sheet_says_whose_details_it_shows(opened: Opened) -> None:
    assert isinstance(opened.sheet, ExaminationSheet)
    assert opened.sheet.title.text() == f"Details of {opened.desk.snapshot().id}"  # type: ignore[union-attr]
