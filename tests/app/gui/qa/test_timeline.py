"""The timeline: what falls into a column of pixels, and what a mouse on it means."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PyQt6.QtCore import QPoint, QPointF, Qt
from PyQt6.QtGui import QWheelEvent

from app.gui.painting import as_bgr
from app.gui.qa.timeline import Timeline
from app.gui.qa.timeline_painting import NAMES_PX, OVERVIEW_PX, RULER_PX
from app.gui.qa.timeline_rows import Columns, Flags, Heights, Label, Lane, Spans, TimelineRow, lanes_of, paint_row, runs
from app.gui.qa.timeline_ruler import clock, marks_s, place_of, step_s
from app.qa.axis import plain_axis

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints")

COUNT = 3000
RED = 0xFFFF0000
AXIS = plain_axis(np.arange(COUNT) / 25, COUNT / 25)


@pytest.fixture
def timeline(qtbot) -> Timeline:
    made = Timeline()
    qtbot.addWidget(made)
    made.show_axis(AXIS)
    made.show_rows((TimelineRow("Lesions", RED, (Lane(Spans([(1000, 1499)]), RED),), (Label(1000, 1499, "1"),)),) * 3)
    made.resize(NAMES_PX + 1000, made.sizeHint().height())
    made.show()
    qtbot.waitExposed(made)
    return made


def columns_by_hand(first: float, span: float, width: int, count: int) -> list[range]:
    edges = [int(np.floor(first + k * span / width + 1e-9)) for k in range(width + 1)]
    return [range(a, max(b, a + 1)) for a, b in itertools.pairwise(edges)]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.booleans(), min_size=2, max_size=60),
    st.floats(0.05, 1),
    st.floats(0, 1),
    st.integers(1, 90),
)
def test_a_column_says_yes_if_one_of_its_positions_does(flags, share, at, width):
    count = len(flags)
    span = max(1.0, count * share)
    first = (count - span) * at
    columns = Columns.of(first, span, width, count)
    found = Flags(np.array(flags)).mask(columns)
    heights = Heights(np.array(flags, np.float32)).highest(columns)
    for k, positions in enumerate(columns_by_hand(first, span, width, count)):
        inside = [flags[p] for p in positions if p < count] or [flags[-1]]
        assert found[k] == any(inside)
        assert heights[k] == max(inside)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 90), st.integers(0, 20)), max_size=8), st.floats(0, 50), st.integers(5, 120))
def test_a_range_is_seen_in_every_column_that_it_reaches_into(spans, first, width):
    ranges = [(a, min(99, a + length)) for a, length in spans]
    span = 50.0
    columns = Columns.of(first, span, width, 100)
    found = Spans(ranges).mask(columns)
    for k in range(width):
        low, high = first + k * span / width, first + (k + 1) * span / width
        assert found[k] or not any(a < high - 1e-6 and b + 1 > low + 1e-6 for a, b in ranges)


def test_a_single_frame_is_seen_however_far_away_one_looks():
    columns = Columns.of(0, 108_000, 900, 108_000)
    assert Spans([(54_321, 54_321)]).mask(columns).sum() == 1
    assert Flags(np.arange(108_000) == 54_321).mask(columns).sum() == 1


def test_a_row_is_painted_in_its_own_lines():
    image = np.zeros((20, 100), np.uint32)
    lanes = (Lane(Spans([(10, 19)]), RED, 0.0, 0.5), Lane(Spans([(30, 39)]), 0xFF00FF00, 0.5, 1.0, hatched=True))
    paint_row(image, TimelineRow("a", RED, lanes), Columns.of(0, 100, 100, 100), 5, 10)
    assert (image[5:10, 10:20] == RED).all()
    assert image[:5].sum() == 0
    assert image[10:15, 10:20].sum() == 0
    hatched = image[10:15, 30:40] == 0xFF00FF00
    assert 0 < hatched.sum() < hatched.size


def test_ranges_that_overlap_lie_in_different_lanes():
    assert lanes_of([(0, 10), (5, 20), (12, 30), (21, 25)], 3) == [0, 1, 0, 1]
    assert lanes_of([(0, 10), (1, 10), (2, 10)], 2) == [0, 1, 1]


def test_runs_of_a_flag():
    assert runs(np.array([0, 1, 1, 0, 1], bool)) == [(1, 2), (4, 4)]
    assert runs(np.zeros(3, bool)) == []


def test_a_click_on_the_rows_goes_there(qtbot, timeline: Timeline):
    with qtbot.waitSignal(timeline.sought) as said:
        qtbot.mouseClick(timeline, Qt.MouseButton.LeftButton, pos=QPoint(NAMES_PX + 500, RULER_PX + 5))
    assert said.args == [1500]


def test_the_playhead_follows_a_drag_on_the_ruler(qtbot, timeline: Timeline):
    sought = []
    timeline.sought.connect(sought.append)
    qtbot.mousePress(timeline, Qt.MouseButton.LeftButton, pos=QPoint(NAMES_PX + 100, 5))
    qtbot.mouseMove(timeline, QPoint(NAMES_PX + 200, 5))
    qtbot.mouseRelease(timeline, Qt.MouseButton.LeftButton, pos=QPoint(NAMES_PX + 200, 5))
    assert sought == [300, 600]


def test_a_drag_over_the_rows_chooses_a_range(qtbot, timeline: Timeline):
    with qtbot.waitSignal(timeline.range_chosen) as said:
        qtbot.mousePress(timeline, Qt.MouseButton.LeftButton, pos=QPoint(NAMES_PX + 200, RULER_PX + 5))
        qtbot.mouseMove(timeline, QPoint(NAMES_PX + 150, RULER_PX + 5))
        qtbot.mouseMove(timeline, QPoint(NAMES_PX + 100, RULER_PX + 5))
        qtbot.mouseRelease(timeline, Qt.MouseButton.LeftButton, pos=QPoint(NAMES_PX + 100, RULER_PX + 5))
    assert said.args == [(300, 600)]


def wheel(timeline: Timeline, x: float, steps: int, held=Qt.KeyboardModifier.NoModifier) -> None:
    at = QPointF(x, RULER_PX + 5)
    timeline.wheelEvent(
        QWheelEvent(
            at, timeline.mapToGlobal(at), QPoint(), QPoint(0, 120 * steps), Qt.MouseButton.NoButton, held,
            Qt.ScrollPhase.NoScrollPhase, False,
        )
    )  # fmt: skip


def test_the_wheel_zooms_around_the_cursor_and_never_beyond_the_ends(timeline: Timeline):
    before = timeline.scale.at(NAMES_PX + 700)
    wheel(timeline, NAMES_PX + 700, 5)
    assert timeline.scale.span < COUNT / 3
    assert timeline.scale.at(NAMES_PX + 700) == pytest.approx(before, abs=1)
    wheel(timeline, NAMES_PX + 700, -40)
    assert timeline.visible == (0, COUNT - 1)
    wheel(timeline, NAMES_PX + 700, 80)
    first, last = timeline.visible
    assert 20 <= last - first <= 40


def test_shift_and_the_wheel_move_the_view(timeline: Timeline):
    timeline.fit((1000, 1200))
    before = timeline.visible
    wheel(timeline, NAMES_PX + 100, -1, Qt.KeyboardModifier.ShiftModifier)
    assert timeline.visible[0] > before[0]


def test_the_middle_button_drags_the_view(qtbot, timeline: Timeline):
    timeline.fit((1000, 1200))
    before = timeline.visible
    qtbot.mousePress(timeline, Qt.MouseButton.MiddleButton, pos=QPoint(NAMES_PX + 500, RULER_PX + 5))
    qtbot.mouseMove(timeline, QPoint(NAMES_PX + 400, RULER_PX + 5))
    qtbot.mouseRelease(timeline, Qt.MouseButton.MiddleButton, pos=QPoint(NAMES_PX + 400, RULER_PX + 5))
    assert timeline.visible[0] == pytest.approx(before[0] + 24, abs=2)


def test_the_overview_moves_the_view(qtbot, timeline: Timeline):
    timeline.fit((100, 200))
    y = timeline.height() - OVERVIEW_PX // 2
    qtbot.mousePress(timeline, Qt.MouseButton.LeftButton, pos=QPoint(NAMES_PX + 500, y))
    qtbot.mouseRelease(timeline, Qt.MouseButton.LeftButton, pos=QPoint(NAMES_PX + 500, y))
    first, last = timeline.visible
    assert first < 1500 < last


def test_the_view_follows_the_playhead_while_it_plays(timeline: Timeline):
    timeline.fit((100, 200))
    timeline.show_position(150)
    before = timeline.visible
    timeline.show_position(before[1] + 10)
    assert timeline.visible[0] <= before[1] + 10 <= timeline.visible[1]


def test_a_lesion_is_painted_where_it_is(timeline: Timeline):
    image = as_bgr(timeline.grab().toImage())
    line = image[RULER_PX + 2, :, 2].astype(int) - image[RULER_PX + 2, :, 0]
    red = np.flatnonzero(line > 150)
    assert red.min() == pytest.approx(NAMES_PX + 333, abs=3)
    assert red.max() == pytest.approx(NAMES_PX + 499, abs=3)


def test_a_timeline_without_a_procedure_paints_and_takes_clicks(qtbot):
    made = Timeline()
    qtbot.addWidget(made)
    made.resize(600, 120)
    made.show()
    made.fit()
    qtbot.mouseClick(made, Qt.MouseButton.LeftButton, pos=QPoint(300, 40))
    assert made.grab().width() == 600


def test_another_length_of_the_procedure_shows_all_of_it(timeline: Timeline):
    timeline.fit((100, 200))
    timeline.show_axis(plain_axis(np.arange(500) / 25, 20.0))
    assert timeline.visible == (0, 499)


@pytest.mark.parametrize(
    ("seconds", "decimals", "words"),
    [
        (0, 0, "00:00"),
        (62.99, 0, "01:02"),
        (62.99, 2, "01:02.99"),
        (3725.5, 1, "1:02:05.5"),
        (0.04 * 29, 2, "00:01.16"),
    ],
)
def test_times_are_written_as_people_read_them(seconds, decimals, words):
    assert clock(seconds, decimals) == words


@pytest.mark.parametrize(
    ("text", "position"),
    [("1:00", 1500), ("60", 1500), ("0:00:02", 50), ("2,04", 51), ("#2999", 2999), ("f 7", 7),
     ("#3000", None), ("3:00", None), ("", None), ("soon", None), ("-1", None)],
)  # fmt: skip
def test_places_are_read_as_people_type_them(text, position):
    assert place_of(text, AXIS) == position


def test_marks_of_the_ruler_never_stand_too_close():
    step = step_s(0.05, 74)
    assert step == 5
    assert list(marks_s(3, 21, step)) == [5, 10, 15, 20]
