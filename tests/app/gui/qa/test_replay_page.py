"""The replay page as a reader uses it: on a real film, with a real player and a real review log."""

import shutil
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PyQt6.QtCore import Qt

from app.gui.qa.keys import REPLAY, rows_of
from app.gui.qa.replay_transport import speed_words
from app.gui.qa.replay_words import picture_sign
from app.gui.qa.review_canvas_layers import Layer
from app.qa.review.log import read_log
from app.qa.review.unboxed import unboxed
from app.qa.worklist.answers import Answer
from tests.app.gui.qa.judged import LESION, RATE, procedures
from tests.app.gui.qa.replay_rig import Desk, Rig, rig
from tests.clips import write_video

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints")

Key, Held = Qt.Key, Qt.KeyboardModifier


@pytest.fixture(scope="module")
def films(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("films")
    bare = procedures(folder / "bare", 1, labels=False, models=False)[0]
    full = procedures(folder / "full", 1)[0]
    return {"bare": bare, "full": full}


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch) -> None:
    monkeypatch.setenv("POLYPWATCH_CACHE", str(tmp_path_factory.getbasetemp() / "replay-cache"))


@pytest.fixture
def bare(films, tmp_path) -> Path:
    """A film of which nobody says anything."""
    return Path(shutil.copytree(films["bare"].parent, tmp_path / "bare")) / films["bare"].name


@pytest.fixture
def full(films, tmp_path) -> Path:
    """A film with labels and two models."""
    return Path(shutil.copytree(films["full"].parent, tmp_path / "full")) / films["full"].name


@pytest.fixture
def page(qtbot, bare):
    with rig(qtbot, bare) as made:
        yield made


def draw_lesion(page: Rig, position: int = 60) -> None:
    page.to(position)
    page.drag((40, 30), (80, 70))
    assert [lesion.id for lesion in page.document.lesions] == [1]


def test_every_key_of_the_replay_page_does_something(page: Rig):
    assert set(page.page.acts) == {each.act for each in rows_of(*REPLAY)}


# -- boxes ------------------------------------------------------------------------------------------------------------


def test_a_drawn_box_is_a_lesion_on_the_disk(page: Rig):
    draw_lesion(page)
    (mark,) = page.document.marks_at(60)
    assert mark.box == LESION
    assert page.page.edits.lesion == 1
    assert len(read_log(page.page.session.path).records) == 1
    assert page.page.parts.transport.saved.text() == "All saved"


def test_a_second_box_of_the_chosen_lesion_is_a_key_frame_with_a_line_between(page: Rig):
    draw_lesion(page)
    page.to(70)
    page.drag((50, 40), (90, 80))
    assert page.document.key_positions(1) == (60, 70)
    assert page.document.marks_at(65)[0].box == (45.0, 35.0, 85.0, 75.0)


def test_a_box_beside_the_chosen_one_is_another_lesion(page: Rig):
    draw_lesion(page)
    page.drag((100, 20), (130, 50))
    assert [mark.lesion for mark in page.document.marks_at(60)] == [1, 2]
    assert page.page.edits.lesion == 2


def test_n_makes_the_next_box_a_new_lesion(page: Rig):
    draw_lesion(page)
    page.to(70)
    page.key(Key.Key_N)
    page.drag((40, 30), (80, 70))
    assert [mark.lesion for mark in page.document.marks_at(70)] == [2]


def test_arrows_move_the_chosen_box_and_ctrl_arrows_stretch_it(page: Rig):
    draw_lesion(page)
    page.key(Key.Key_Right)
    page.key(Key.Key_Down, Held.ShiftModifier)
    page.key(Key.Key_Right, Held.ControlModifier)
    page.key(Key.Key_Up, Held.ControlModifier | Held.ShiftModifier)
    page.written()
    assert page.document.marks_at(60)[0].box == (41.0, 40.0, 82.0, 70.0)
    assert len(read_log(page.page.session.path).records) == 2  # keys pressed in a row are one edit


def test_what_the_keys_have_moved_is_kept_when_another_frame_is_shown(page: Rig):
    draw_lesion(page)
    page.key(Key.Key_Right)
    page.key(Key.Key_Period)
    page.written()
    page.until(lambda: page.page.position == 61)
    assert page.document.marks_at(60)[0].box == (41.0, 30.0, 81.0, 70.0)


def test_arrows_step_through_frames_when_no_box_is_chosen(page: Rig):
    page.to(100)
    page.key(Key.Key_Right)
    page.until(lambda: page.page.position == 101)
    page.key(Key.Key_Left, Held.ShiftModifier)
    page.until(lambda: page.page.position == 91)


def test_a_drag_moves_the_box_and_del_erases_it_in_this_frame(page: Rig):
    draw_lesion(page)
    page.to(70)
    page.drag((50, 40), (90, 80))
    page.drag((70, 60), (75, 66))
    assert page.document.marks_at(70)[0].box == (55.0, 46.0, 95.0, 86.0)
    page.key(Key.Key_Delete)
    page.written()
    assert page.document.marks_at(70) == ()
    assert page.document.has(1)


def test_undo_and_redo_go_all_the_way(page: Rig):
    draw_lesion(page)
    page.drag((60, 50), (70, 60))
    page.key(Key.Key_Delete, Held.ShiftModifier)
    page.written()
    assert page.document.lesions == ()
    for _ in range(3):
        page.key(Key.Key_Z, Held.ControlModifier)
    page.written()
    assert page.document.is_empty()
    for _ in range(2):
        page.key(Key.Key_Z, Held.ControlModifier | Held.ShiftModifier)
    page.written()
    assert page.document.marks_at(60)[0].box == (50.0, 40.0, 90.0, 80.0)
    page.key(Key.Key_Z, Held.ControlModifier)
    page.written()
    assert page.document.marks_at(60)[0].box == LESION


def test_undo_works_after_the_page_was_closed_and_opened_again(qtbot, bare):
    with rig(qtbot, bare) as first:
        draw_lesion(first)
        first.drag((60, 50), (70, 60))
    with rig(qtbot, bare) as again:
        assert again.document.marks_at(60)[0].box == (50.0, 40.0, 90.0, 80.0)
        again.key(Key.Key_Z, Held.ControlModifier)
        again.written()
        assert again.document.marks_at(60)[0].box == LESION


@pytest.fixture(scope="module")
def wall(tmp_path_factory) -> Path:
    """A film of a wall with a pattern that moves by a pixel a frame to the left."""
    rng = np.random.default_rng(3)
    pattern = cv2.GaussianBlur(rng.integers(0, 255, (96, 400, 3)).astype(np.uint8), (0, 0), 2.5)
    pattern = cv2.normalize(pattern, None, 30, 220, cv2.NORM_MINMAX)
    path = tmp_path_factory.mktemp("wall") / "wall.mp4"
    write_video(path, [pattern[:, n : n + 160] for n in range(200)], rate=RATE, options={"preset": "ultrafast"})
    return path


@pytest.fixture
def moving(qtbot, wall, tmp_path):
    with rig(qtbot, Path(shutil.copy(wall, tmp_path))) as made:
        made.to(20)
        made.drag((100, 30), (140, 70))
        yield made


def test_p_carries_the_box_on_for_two_seconds_as_one_edit(moving: Rig):
    moving.key(Key.Key_P)
    moving.written()
    moving.until(lambda: moving.page.going.here == 70)
    assert "50 frames" in moving.page.parts.status.said.text()
    (mark,) = moving.document.marks_at(50)
    assert mark.box == pytest.approx((70, 30, 110, 70), abs=3)
    moving.key(Key.Key_Z, Held.ControlModifier)
    moving.written()
    assert moving.document.key_positions(1) == (20,)


def test_p_carries_the_box_on_to_the_end_of_the_range(moving: Rig):
    moving.page.going.choose_range((10, 35))
    moving.key(Key.Key_P)
    moving.written()
    assert moving.document.key_positions(1)[-1] == 35
    assert moving.page.going.range is None, "a change of state that comes later is not for it"


class Slow:
    """Pictures that come as slowly as from a tired disk."""

    def __init__(self, pictures) -> None:
        self._pictures = pictures

    def picture(self, position: int) -> np.ndarray:
        time.sleep(0.03)
        return self._pictures.picture(position)

    def pictures(self, first: int, last: int):
        for position in range(first, last + 1):
            yield position, self.picture(position)


def test_esc_stops_a_box_that_is_carried_on_and_what_was_reached_stays(moving: Rig):
    page = moving
    page.page.edits.propagate(20, 110, Slow(page.page.pictures))
    page.until(lambda: page.page.edits.carrying is not None and page.page.edits.carrying[0] > 5)
    page.page.refresh()
    assert "Esc stops" in page.page.parts.status.hint.text()
    page.key(Key.Key_Escape)
    page.written()
    assert page.page.edits.carrying is None
    last = page.document.key_positions(1)[-1]
    assert 22 <= last < 110
    assert page.document.has(1)


def test_a_box_can_be_drawn_in_the_second_view_too(qtbot, full):
    with rig(qtbot, full) as page:
        page.until(lambda: page.page.heard.b is not None)
        page.to(300)
        page.key(Key.Key_S)
        second = page.page.parts.second
        qtbot.waitExposed(second)
        page.until(lambda: second.transform() is not None and second.editable)
        a, b = (second.at(point).toPoint() for point in ((20, 20), (60, 50)))
        qtbot.mousePress(second, Qt.MouseButton.LeftButton, pos=a)
        qtbot.mouseMove(second, (a + b) / 2)
        qtbot.mouseMove(second, b)
        qtbot.mouseRelease(second, Qt.MouseButton.LeftButton, pos=b)
        page.written()
        assert page.document.marks_at(300)[0].box == pytest.approx((20, 20, 60, 50), abs=1)


def test_states_hold_from_here_on(page: Rig):
    draw_lesion(page)
    page.to(90)
    page.drag((40, 30), (80, 70))
    page.to(70)
    page.key(Key.Key_Z)
    page.written()
    page.to(80)
    page.key(Key.Key_C)
    page.written()
    assert [page.document.state_at(1, p) for p in (65, 70, 79, 80, 90)] == [
        "clear", "occluded", "occluded", "clear", "clear",
    ]  # fmt: skip


def test_a_lesion_is_split_and_merged_again(page: Rig):
    draw_lesion(page)
    page.to(90)
    page.drag((40, 30), (80, 70))
    page.to(80)
    page.key(Key.Key_B, Held.ControlModifier)
    page.written()
    assert [mark.lesion for mark in page.document.marks_at(85)] == [2]
    page.key(Key.Key_M, Held.ControlModifier)
    page.key(Key.Key_1)
    page.written()
    assert [lesion.id for lesion in page.document.lesions] == [1]
    assert page.document.marks_at(85)[0].lesion == 1


def test_a_lesion_is_described_with_the_keyboard(page: Rig):
    draw_lesion(page)
    page.key(Key.Key_Return)
    page.type("7,5")
    page.key(Key.Key_Return)
    page.written()
    assert page.document.lesion(1).attributes.size_mm == 7.5
    page.key(Key.Key_Escape)
    assert page.canvas.hasFocus()
    page.page.parts.lesions.paris.setCurrentIndex(page.page.parts.lesions.paris.findData("IIa"))
    page.page.parts.lesions.paris.activated.emit(page.page.parts.lesions.paris.currentIndex())
    page.written()
    assert page.document.lesion(1).attributes.paris == "IIa"


def test_a_list_of_choices_that_the_keyboard_has_reached_keeps_its_keys(page: Rig):
    draw_lesion(page)
    paris = page.page.parts.lesions.paris
    paris.setFocus(Qt.FocusReason.TabFocusReason)
    page.key(Key.Key_Down)
    page.key(Key.Key_Down)
    page.written()
    assert page.document.lesion(1).attributes.paris == "Isp"
    assert page.document.marks_at(60)[0].box == LESION
    page.key(Key.Key_Return)
    assert page.canvas.hasFocus()


def test_what_is_no_size_is_not_kept(page: Rig):
    draw_lesion(page)
    page.key(Key.Key_Return)
    page.type("big")
    page.key(Key.Key_Return)
    page.written()
    assert page.document.lesion(1).attributes.size_mm is None
    assert page.page.parts.lesions.size_mm.text() == ""


# -- ranges -----------------------------------------------------------------------------------------------------------


def test_a_dragged_range_is_marked_as_reviewed_with_one_key(page: Rig):
    page.drag_timeline(100, 200)
    first, last = page.page.going.range
    page.key(Key.Key_R)
    page.written()
    assert page.document.reviewed == ((first, last),)
    assert "Reviewed" in page.page.parts.review.share.text()
    assert page.page.going.range is None


def test_i_and_o_choose_a_range_and_shift_r_takes_the_review_back(page: Rig):
    page.to(100)
    page.key(Key.Key_I)
    page.to(199)
    page.key(Key.Key_O)
    assert page.page.going.range == (100, 199)
    page.key(Key.Key_R)
    page.written()
    page.page.going.choose_range((120, 139))
    page.key(Key.Key_R, Held.ShiftModifier)
    page.written()
    assert page.document.reviewed == ((100, 119), (140, 199))


def test_what_was_just_played_is_marked_as_reviewed(page: Rig):
    page.to(50)
    page.key(Key.Key_Space)
    page.until(lambda: page.page.position >= 62)
    page.key(Key.Key_K)
    page.until(lambda: not page.page.player.state().playing)
    page.key(Key.Key_R)
    page.written()
    ((first, last),) = page.document.reviewed
    assert first in (50, 51)
    assert last >= 60


def test_what_was_played_at_eight_times_the_speed_is_not_offered(page: Rig):
    page.page.player.play(8)
    page.until(lambda: page.page.position >= 60)
    page.key(Key.Key_K)
    page.until(lambda: not page.page.player.state().playing)
    page.key(Key.Key_R)
    assert page.document.reviewed == ()
    assert "Choose a range" in page.page.parts.status.said.text()


def test_a_range_loops(page: Rig):
    page.page.going.choose_range((100, 120))
    page.key(Key.Key_Space, Held.ShiftModifier)
    page.until(lambda: page.page.player.state().loop == (100, 120) and page.page.player.state().playing)
    page.key(Key.Key_Space, Held.ShiftModifier)
    page.until(lambda: page.page.player.state().loop is None)


# -- going ------------------------------------------------------------------------------------------------------------


def test_a_click_on_the_timeline_shows_exactly_that_frame(page: Rig):
    timeline = page.page.parts.timeline
    at = page.on_timeline(250)
    page.qtbot.mouseClick(timeline, Qt.MouseButton.LeftButton, pos=at)
    wanted = timeline.position_at(at.x())
    page.until(lambda: page.page.position == wanted and page.page.player.state().exact)
    assert abs(wanted - 250) <= 1


@pytest.mark.parametrize(("text", "position"), [("0:10", 250), ("4.04", 101), ("#77", 77)])
def test_ctrl_g_goes_to_a_time_or_a_frame(page: Rig, text: str, position: int):
    page.key(Key.Key_G, Held.ControlModifier)
    page.type(text)
    page.key(Key.Key_Return)
    page.until(lambda: page.page.position == position)
    assert page.canvas.hasFocus()


def test_a_place_that_is_none_is_said(page: Rig):
    page.page.going.to_text("tomorrow")
    assert "is no place here" in page.page.parts.status.said.text()


def test_j_k_l_play_both_ways_and_faster(page: Rig):
    page.to(250)
    page.key(Key.Key_L)
    page.key(Key.Key_L)
    assert page.page.player.state().speed == 2
    page.key(Key.Key_J)
    page.until(lambda: page.page.player.state().speed == -2)
    page.key(Key.Key_BracketLeft)
    assert page.page.player.state().speed == -1
    page.key(Key.Key_K)
    assert not page.page.player.state().playing


def test_the_speed_is_said_as_it_is_held(page: Rig):
    state = replace(page.page.player.state(), playing=True, speed=8.0, achieved=8.0, every=3.0)
    assert speed_words(state) == "8×: 1 of 3 frames shown"
    assert speed_words(replace(state, achieved=3.1)) == "8×: this machine holds 3.1×"
    assert speed_words(replace(state, speed=-0.5, achieved=-0.5, every=1.0)) == "−0.5×"


def test_a_damaged_frame_and_a_nearest_key_frame_are_said_on_the_picture(page: Rig):
    state = page.page.player.state()
    assert picture_sign(state)[0] == ""
    assert picture_sign(replace(state, fault="This picture is damaged."))[0] == "This picture is damaged."
    assert "SEEKING" in picture_sign(replace(state, exact=False, wanted=7))[0]


def test_u_goes_to_the_next_range_that_nobody_reviewed(page: Rig):
    page.page.edits.review((0, 199), reviewed=True)
    page.page.edits.review((300, 399), reviewed=True)
    page.written()
    page.to(50)
    page.key(Key.Key_U)
    page.until(lambda: page.page.position == 200)
    page.key(Key.Key_U)
    page.until(lambda: page.page.position == 400)
    page.key(Key.Key_U, Held.ShiftModifier)
    page.until(lambda: page.page.position == 200)


# -- models and labels ------------------------------------------------------------------------------------------------


@pytest.fixture
def judged(qtbot, full):
    with rig(qtbot, full) as made:
        made.until(lambda: made.page.heard.a is not None and made.page.heard.b is not None)
        made.until(lambda: bool(made.page.learning.spots))
        yield made


def test_two_models_lie_in_one_picture_and_each_is_switched_off_with_a_key(judged: Rig):
    judged.to(100)
    names = {judged.page.heard.a.candidates.model.name, judged.page.heard.b.candidates.model.name}
    assert names == {"red", "blue"}
    judged.until(lambda: Layer.TRUTH in {box.layer for box in judged.canvas.boxes})
    red = Layer.A if judged.page.heard.a.candidates.model.name == "red" else Layer.B
    assert {box.layer for box in judged.canvas.boxes} == {red, Layer.TRUTH, Layer.OWN}
    judged.key(Key.Key_2 if red is Layer.A else Key.Key_3, Held.AltModifier)
    assert {box.layer for box in judged.canvas.boxes} == {Layer.TRUTH, Layer.OWN}
    judged.key(Key.Key_H)
    assert judged.canvas.boxes == ()


def test_s_shows_two_views_that_follow_each_other(judged: Rig):
    judged.to(100)
    judged.key(Key.Key_S)
    second = judged.page.parts.second
    assert second.isVisible()
    judged.until(lambda: bool(second.boxes))
    of_first = {box.layer for box in judged.canvas.boxes}
    of_second = {box.layer for box in second.boxes}
    assert Layer.B not in of_first
    assert Layer.A not in of_second
    judged.key(Key.Key_Plus)
    assert second.viewport == judged.canvas.viewport != type(second.viewport)()
    judged.key(Key.Key_S)
    assert second.isHidden()


def test_keys_go_to_the_next_detection_false_alarm_and_miss(judged: Rig):
    lists = judged.page.lists
    assert lists.detections
    for key, places in ((Key.Key_D, lists.detections), (Key.Key_F, lists.false_alarms), (Key.Key_X, lists.misses)):
        judged.to(0)
        judged.key(key)
        if places:
            judged.until(lambda places=places: judged.page.position == places[0])
            if key is not Key.Key_D:
                assert judged.page.parts.status.said.text() == judged.page.learning.words_at(places[0]) != ""
        else:
            assert "No further" in judged.page.parts.status.said.text()


def test_differences_of_two_models_are_gone_through(judged: Rig):
    assert judged.page.lists.differences
    judged.to(0)
    judged.key(Key.Key_E)
    judged.until(lambda: judged.page.position == judged.page.lists.differences[0])


def test_a_takes_the_box_of_the_ai_over(judged: Rig):
    judged.to(270 if judged.page.heard.a.candidates.model.name == "red" else 415)
    judged.until(lambda: any(box.layer is Layer.A for box in judged.canvas.boxes))
    judged.key(Key.Key_A)
    judged.written()
    boxes = [mark.box for mark in judged.document.marks_at(judged.page.position)]
    assert boxes == [(100.0, 20.0, 130.0, 50.0)]


def test_labels_that_lie_beside_the_film_are_where_the_review_begins(judged: Rig):
    assert [lesion.id for lesion in judged.document.lesions] == [1]
    assert judged.document.reviewed == ((0, 499),)


# -- truth tells ------------------------------------------------------------------------------------------------------


def test_a_blinded_reader_sees_nothing_of_others_until_the_commit(qtbot, full, tmp_path):
    with rig(qtbot, full, desk=Desk(blinded=True, reviews=tmp_path)) as page:
        page.to(100)
        assert page.document.is_empty()
        assert page.canvas.boxes == ()
        assert page.page.heard.a is None
        assert "BLINDED" in page.page.parts.review.blinded.text()
        page.drag((40, 30), (80, 70))
        assert {box.layer for box in page.canvas.boxes} == {Layer.OWN}
        page.key(Key.Key_Return, Held.ControlModifier)
        assert page.page.parts.question.isVisible()
        page.key(Key.Key_Return)
        page.until(lambda: page.page.session.committed)
        page.until(lambda: page.page.heard.a is not None)
        page.until(lambda: Layer.TRUTH in {box.layer for box in page.canvas.boxes})


def test_committing_asks_and_escape_leaves_everything_as_it_was(page: Rig):
    draw_lesion(page)
    page.key(Key.Key_Return, Held.ControlModifier)
    assert page.page.parts.question.isVisible()
    page.key(Key.Key_Escape)
    assert not page.page.parts.question.isVisible()
    assert not page.page.session.committed


def test_committing_writes_labels(page: Rig, bare: Path):
    draw_lesion(page)
    page.page.edits.review((50, 70), reviewed=True)
    page.written()
    page.key(Key.Key_Return, Held.ControlModifier)
    page.key(Key.Key_Return)
    page.until(lambda: page.page.session.committed)
    page.written()
    assert (bare.parent / f"{bare.stem}.annotation.json").is_file()
    assert "Labels were written" in page.page.parts.status.said.text()
    page.until(lambda: page.page.opened.procedure.segments[0].annotation is not None)
    page.until(lambda: Layer.TRUTH in {box.layer for box in page.canvas.boxes})


def test_the_second_window_on_a_procedure_is_read_only_and_says_why(qtbot, bare):
    with rig(qtbot, bare) as first, rig(qtbot, bare, desk=Desk()) as second:
        draw_lesion(first)
        assert second.page.session.read_only
        assert "Nothing can be changed here" in second.page.parts.banner.text()
        second.to(60)
        second.drag((100, 20), (130, 50))
        assert second.page.parts.status.said.text() == second.page.session.read_only
        assert second.document.lesions == ()
        assert second.page.parts.transport.saved.text() == "Read only"
        assert not second.page.parts.review.commit.isEnabled()


def test_a_film_whose_frames_are_not_counted_cannot_be_reviewed_and_is_opened_anew_when_they_are(qtbot, bare):
    with rig(qtbot, bare, counted=False) as page:
        assert "counted" in page.page.session.read_only
        page.until(lambda: page.page.player.state().axis.whole)
        page.until(lambda: bool(page.desk.opened))
        assert page.desk.opened[0][0] == bare


def test_an_edit_that_cannot_be_kept_is_said_and_seen(page: Rig, monkeypatch):
    draw_lesion(page)
    page.page.edits.describe(1, {"size_mm": -4.0})
    page.written()
    assert "NOT SAVED" in page.page.parts.transport.saved.text()
    assert page.desk.said
    assert page.document.lesion(1).attributes.size_mm is None


def test_hovering_shows_a_small_picture_of_that_time(page: Rig):
    timeline = page.page.parts.timeline
    page.qtbot.mouseMove(timeline, page.on_timeline(200))
    hover = page.page.parts.hover
    page.until(lambda: hover.isVisible() and hover.image is not None)
    assert hover.image.shape[1] <= 200
    assert np.asarray(hover.image).ndim == 3


def test_committing_tells_of_polyps_of_the_worklist_that_have_no_box(page: Rig):
    draw_lesion(page)
    page.page.edits.review((0, 200), reviewed=True)
    page.written()
    session, here = page.page.session, page.page.position
    session.answer(Answer("boxed", "low", "right", max(0, here - 5), here + 5, here))
    session.answer(Answer("bare", "low", "right", 150, 160, 155))
    session.answer(Answer("false", "low", "wall", 170, 180, 175))
    assert unboxed(session.document) == (155,)
    page.key(Key.Key_Return, Held.ControlModifier)
    assert "1 places that you called a polyp" in page.page.parts.question.words.text()
    page.key(Key.Key_Return)
    page.until(lambda: page.page.position == 155)
    assert not session.committed
    session.unreview(150, 160)
    assert unboxed(session.document) == ()
