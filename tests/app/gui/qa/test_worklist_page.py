from collections.abc import Iterator
from pathlib import Path

import pytest
from PyQt6.QtCore import QEvent, QPoint, QPointF, Qt
from PyQt6.QtGui import QMouseEvent
from PyQt6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from app.gui.qa.pages import Tab
from app.gui.qa.worklist_page import AUDIT, WorklistPage
from app.qa.library.entries import ScanState
from app.qa.opened import open_for_review
from app.qa.review import ReviewSession
from app.qa.sessions import Sessions
from tests.app.gui.qa.judged import TestDesk, answer, film, procedures

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints")

WAIT_MS = 20_000


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLYPWATCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("POLYPWATCH_CONFIG", str(tmp_path / "config"))


@pytest.fixture
def films(tmp_path: Path) -> list[Path]:
    return procedures(tmp_path / "films", 2)


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return film(tmp_path_factory.mktemp("once") / "quiet.mp4", 1600)


@pytest.fixture
def quiet(once: Path, tmp_path: Path) -> Path:
    """More than a minute without a candidate."""
    path = tmp_path / "quiet.mp4"
    path.write_bytes(once.read_bytes())
    answer(path, "red", lambda index: [], 1600)
    return path


@pytest.fixture
def show(qtbot) -> Iterator[object]:
    pages: list[WorklistPage] = []

    def made(desk: TestDesk) -> WorklistPage:
        page = WorklistPage(desk)
        pages.append(page)
        qtbot.addWidget(page)
        page.resize(1280, 720)
        page.show()
        page.entered()
        return page

    yield made
    for page in pages:
        page.close_page()


def seen(page: WorklistPage) -> bool:
    """Whether the current clip can be answered."""
    judging = page.audit.judging if page.mode.value == AUDIT else page.judging
    return any(button.isEnabled() for button in judging.bar.buttons.values())


def answers_of(path: Path) -> list[tuple[str, int]]:
    session = ReviewSession.open(open_for_review(path), "Anna Rossi")
    try:
        return [(answer.verdict, answer.focus) for answer in session.document.answers]
    finally:
        session.close()


def test_one_key_answers_a_clip_is_saved_and_the_next_one_shows(qtbot, show, films) -> None:
    page = show(TestDesk(films))
    qtbot.waitUntil(lambda: seen(page), timeout=WAIT_MS)
    clips = page.judging.sitting.progress().clips
    first = page.judging.sitting.current
    qtbot.keyClick(page, Qt.Key.Key_2)
    qtbot.waitUntil(lambda: page.judging.sitting.current is not first and seen(page), timeout=WAIT_MS)
    assert page.judging.sitting.given[0].verdict == "wall"
    assert page.judging.sitting.progress().clips >= clips
    page.close_page()
    assert ("wall", first.focus) in answers_of(first.procedure)


def test_a_clip_costs_one_action_from_the_first_to_the_last(qtbot, show, films) -> None:
    page = show(TestDesk(films[:1]))
    qtbot.waitUntil(lambda: page._supply is not None and seen(page), timeout=WAIT_MS)
    clips, keys = page.judging.sitting.progress().clips, 0
    while (clip := page.judging.sitting.current) is not None:
        qtbot.waitUntil(lambda: seen(page), timeout=WAIT_MS)
        qtbot.keyClick(page, Qt.Key.Key_8)
        keys += 1
        qtbot.waitUntil(lambda clip=clip: page.judging.sitting.current is not clip, timeout=WAIT_MS)
    assert keys == clips > 1
    assert "Done" in page.saying.title.text()
    page.close_page()
    assert len(answers_of(films[0])) == clips


def test_back_takes_the_answer_off_the_disk_and_asks_again(qtbot, show, films) -> None:
    page = show(TestDesk(films))
    qtbot.waitUntil(lambda: seen(page), timeout=WAIT_MS)
    first = page.judging.sitting.current
    qtbot.keyClick(page, Qt.Key.Key_8)
    qtbot.waitUntil(lambda: page.judging.sitting.current is not first and seen(page), timeout=WAIT_MS)
    qtbot.keyClick(page, Qt.Key.Key_Backspace)
    qtbot.waitUntil(lambda: page.judging.sitting.current is first and seen(page), timeout=WAIT_MS)
    page.close_page()
    assert answers_of(first.procedure) == []


def test_what_makes_no_sense_for_a_clip_is_not_taken(qtbot, show, films) -> None:
    page = show(TestDesk(films))
    qtbot.waitUntil(lambda: seen(page), timeout=WAIT_MS)
    clip = page.judging.sitting.current
    assert "nothing" not in clip.verdicts  # it asks about a box
    qtbot.keyClick(page, Qt.Key.Key_9)
    qtbot.wait(100)
    assert page.judging.sitting.current is clip
    assert not page.judging.bar.buttons["nothing"].isEnabled()


def test_enter_opens_replay_at_the_place_of_the_clip_and_space_holds_it(qtbot, show, films) -> None:
    desk = TestDesk(films)
    page = show(desk)
    qtbot.waitUntil(lambda: seen(page), timeout=WAIT_MS)
    clip = page.judging.sitting.current
    qtbot.keyClick(page, Qt.Key.Key_Return)
    assert desk.opened == [(clip.procedure, clip.focus, ())]
    qtbot.keyClick(page, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: not page.judging.reel.state().playing, timeout=WAIT_MS)
    held = page.judging.reel.state().position
    qtbot.keyClick(page, Qt.Key.Key_Return)
    assert desk.opened[-1] == (clip.procedure, held, ())
    qtbot.keyClick(page, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: page.judging.reel.state().playing, timeout=WAIT_MS)


def test_boxes_are_shown_where_the_clip_has_them_and_hidden_by_a_key(qtbot, show, films) -> None:
    page = show(TestDesk(films))
    qtbot.waitUntil(lambda: seen(page), timeout=WAIT_MS)
    qtbot.waitUntil(lambda: bool(page.judging.view.boxes), timeout=WAIT_MS)
    qtbot.keyClick(page, Qt.Key.Key_B)
    qtbot.waitUntil(lambda: not page.judging.view.boxes, timeout=WAIT_MS)
    assert not page.judging.boxes.isChecked()


def test_a_page_in_the_background_plays_nothing(qtbot, show, films) -> None:
    page = show(TestDesk(films))
    qtbot.waitUntil(lambda: seen(page), timeout=WAIT_MS)
    page.left()
    qtbot.waitUntil(lambda: not page.judging.reel.state().playing, timeout=WAIT_MS)
    page.entered()
    qtbot.waitUntil(lambda: page.judging.reel.state().playing, timeout=WAIT_MS)


def test_an_answer_that_cannot_be_saved_keeps_its_clip(qtbot, show, films, monkeypatch) -> None:
    desk = TestDesk(films)
    page = show(desk)
    qtbot.waitUntil(lambda: seen(page), timeout=WAIT_MS)
    clip = page.judging.sitting.current
    log = page.judging.reel.ready.lease.session.path
    log.mkdir()  # nothing can be written where a folder is
    qtbot.keyClick(page, Qt.Key.Key_8)
    qtbot.waitUntil(lambda: bool(desk.said), timeout=WAIT_MS)
    assert page.judging.sitting.current is clip
    assert desk.said[0][1]  # as trouble
    assert "Not saved" in page.judging.last.text()
    log.rmdir()
    qtbot.waitUntil(lambda: seen(page), timeout=WAIT_MS)
    qtbot.keyClick(page, Qt.Key.Key_8)
    qtbot.waitUntil(lambda: page.judging.sitting.current is not clip, timeout=WAIT_MS)


def test_an_empty_library_says_what_to_do(qtbot, show) -> None:
    desk = TestDesk([])
    page = show(desk)
    qtbot.waitUntil(lambda: bool(page.saying.buttons), timeout=WAIT_MS)
    assert "no procedure" in page.saying.title.text()
    page.saying.buttons[0].click()
    assert desk.tabs == [Tab.LIBRARY]


def test_clips_come_by_themselves_once_the_library_has_found_a_procedure(qtbot, show, films) -> None:
    desk = TestDesk([])
    desk.library.scan_state = ScanState(running=True)
    page = show(desk)
    qtbot.waitUntil(lambda: "Looking for procedures" in page.saying.title.text(), timeout=WAIT_MS)
    desk.library.listed = films
    qtbot.waitUntil(lambda: seen(page), timeout=WAIT_MS)


def test_procedures_without_answers_of_a_model_are_offered_for_analysis(qtbot, show, tmp_path) -> None:
    films = procedures(tmp_path / "bare", 2, models=False)
    desk = TestDesk(films)
    page = show(desk)
    qtbot.waitUntil(lambda: bool(page.saying.buttons), timeout=WAIT_MS)
    assert "Nothing was analysed" in page.saying.title.text()
    page.saying.buttons[0].click()
    assert desk.analysed == [tuple(films)]


def test_a_blinded_reader_gets_the_audit_and_no_clip_with_boxes(qtbot, show, films) -> None:
    page = show(TestDesk(films, blinded=True))
    qtbot.waitUntil(lambda: bool(page.audit.saying.buttons), timeout=WAIT_MS)
    assert page.mode.value == AUDIT
    page.choose_mode("clips")
    assert "blinded" in page.saying.title.text()


def test_the_audit_shows_its_result_after_the_last_window_and_not_before(qtbot, show, quiet) -> None:
    page = show(TestDesk([quiet]))
    qtbot.waitUntil(lambda: page._supply is not None, timeout=WAIT_MS)
    page.choose_mode(AUDIT)
    qtbot.waitUntil(lambda: bool(page.audit.saying.buttons), timeout=WAIT_MS)
    page.audit.draw(2)
    qtbot.waitUntil(lambda: page.audit.asking and seen(page), timeout=WAIT_MS)
    windows = page.audit.judging.sitting.progress().clips
    for key in (Qt.Key.Key_Y, Qt.Key.Key_N)[:windows]:
        assert page.audit.asking
        clip = page.audit.judging.sitting.current
        assert page.audit.judging.view.boxes == ()
        qtbot.waitUntil(lambda: seen(page), timeout=WAIT_MS)
        qtbot.keyClick(page, key)
        qtbot.waitUntil(lambda clip=clip: page.audit.judging.sitting.current is not clip, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: not page.audit.asking and bool(page.audit.saying.buttons), timeout=WAIT_MS)
    assert "result" in page.audit.saying.title.text()


def test_an_audit_goes_on_where_it_was_left(qtbot, show, quiet) -> None:
    first = show(TestDesk([quiet]))
    qtbot.waitUntil(lambda: first._supply is not None, timeout=WAIT_MS)
    first.choose_mode(AUDIT)
    qtbot.waitUntil(lambda: bool(first.audit.saying.buttons), timeout=WAIT_MS)
    first.audit.draw(2)
    qtbot.waitUntil(lambda: first.audit.asking and seen(first), timeout=WAIT_MS)
    windows = first.audit.judging.sitting.progress().clips
    assert windows > 1
    clip = first.audit.judging.sitting.current
    qtbot.keyClick(first, Qt.Key.Key_N)
    qtbot.waitUntil(lambda: first.audit.judging.sitting.current is not clip, timeout=WAIT_MS)
    first.close_page()
    again = show(TestDesk([quiet]))
    again.choose_mode(AUDIT)
    qtbot.waitUntil(lambda: again.audit.asking and seen(again), timeout=WAIT_MS)
    assert again.audit.judging.sitting.progress().clips == windows - 1


def test_a_drag_around_what_was_missed_answers_with_its_place(qtbot, show, quiet) -> None:
    page = show(TestDesk([quiet]))
    qtbot.waitUntil(lambda: seen(page), timeout=WAIT_MS)
    clip, view = page.judging.sitting.current, page.judging.view
    assert clip.kind == "silence"
    assert view.boxes == ()
    start = view.rect().center()
    qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=start)
    qtbot.waitUntil(lambda: not page.judging.reel.state().playing, timeout=WAIT_MS)
    end = start + QPoint(60, 40)
    # What the mouse does between press and release reaches an offscreen widget only by hand.
    view.mouseMoveEvent(QMouseEvent(QEvent.Type.MouseMove, QPointF(end), QPointF(end), Qt.MouseButton.NoButton,
                                    Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier))  # fmt: skip
    scale = view.transform().scale[0]
    qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, pos=end)
    qtbot.waitUntil(lambda: page.judging.sitting.current is None, timeout=WAIT_MS)
    page.close_page()
    session = ReviewSession.open(open_for_review(quiet), "Anna Rossi")
    [said] = session.document.answers
    [lesion] = session.document.lesions
    session.close()
    assert said.verdict == "missed"
    [mark] = [session.document.marks_at(p)[0] for p in range(1600) if session.document.marks_at(p)]
    assert said.box is not None
    assert mark.lesion == lesion.id
    assert mark.box[2] - mark.box[0] == pytest.approx(60 / scale, abs=2)
    assert clip.first <= said.focus <= clip.last


def test_a_click_that_is_no_drag_answers_nothing_and_the_clip_goes_on(qtbot, show, quiet) -> None:
    page = show(TestDesk([quiet]))
    qtbot.waitUntil(lambda: seen(page), timeout=WAIT_MS)
    qtbot.mouseClick(page.judging.view, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.judging.reel.state().playing, timeout=WAIT_MS)
    assert page.judging.sitting.given == ()


def test_a_procedure_that_is_open_in_another_window_is_named_and_the_others_are_asked(qtbot, show, films) -> None:
    elsewhere = Sessions("Anna Rossi").lease(films[0])
    elsewhere.session.review(0, 10)  # the other window has it, and writes
    try:
        page = show(TestDesk(films))
        qtbot.waitUntil(lambda: page._supply is not None and seen(page), timeout=WAIT_MS)
        assert page.judging.sitting.current.procedure == films[1]
        assert "p01.mp4" in page.notes.text()
    finally:
        elsewhere.release()


def test_a_click_on_an_offer_leaves_the_keyboard_on_the_page(qtbot, quiet) -> None:
    room = QWidget()
    row = QVBoxLayout(room)
    tab, page = QPushButton("Library"), WorklistPage(TestDesk([quiet]))
    row.addWidget(tab)
    row.addWidget(page)
    qtbot.addWidget(room)
    room.resize(1280, 720)
    room.show()
    room.activateWindow()
    qtbot.waitUntil(room.isActiveWindow, timeout=30_000)
    page.entered()
    try:
        qtbot.waitUntil(lambda: page._supply is not None, timeout=WAIT_MS)
        page.choose_mode(AUDIT)
        qtbot.waitUntil(lambda: bool(page.audit.saying.buttons), timeout=WAIT_MS)
        qtbot.mouseClick(page.audit.saying.buttons[-1], Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: page.audit.asking and seen(page), timeout=WAIT_MS)
        clip = page.audit.judging.sitting.current
        qtbot.keyClick(room.focusWidget(), Qt.Key.Key_N)
        qtbot.waitUntil(lambda: page.audit.judging.sitting.current is not clip, timeout=WAIT_MS)
    finally:
        page.close_page()
