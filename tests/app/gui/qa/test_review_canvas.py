"""The picture with boxes: drawing, moving, stretching, zooming, with mouse and keys."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PyQt6.QtCore import QPoint, QPointF, Qt
from PyQt6.QtGui import QWheelEvent

from app.gui.painting import as_bgr
from app.gui.qa.review_canvas import ReviewCanvas
from app.gui.qa.review_canvas_grip import LEAST_PX, drawn, part_at, shifted
from app.gui.qa.review_canvas_layers import LOOKS, CanvasBox, Layer
from app.gui.qa.review_canvas_view import PartScaler, Viewport
from app.gui.setup_area import Part
from detector.geometry import Size

BOX = (40.0, 30.0, 80.0, 70.0)
OTHER = (100.0, 20.0, 140.0, 60.0)


def picture() -> np.ndarray:
    image = np.full((120, 200, 3), 60, np.uint8)
    image[:, 100:] = 160
    image.flags.writeable = False
    return image


@pytest.fixture
def canvas(qtbot) -> ReviewCanvas:
    made = ReviewCanvas()
    qtbot.addWidget(made)
    made.resize(620, 380)
    made.editable = True
    made.show_picture(picture())
    made.show_boxes((CanvasBox(Layer.OWN, BOX, "1", 1, key=True), CanvasBox(Layer.A, OTHER, "A 0.91")))
    made.show()
    qtbot.waitExposed(made)
    return made


def drag(qtbot, canvas: ReviewCanvas, begin: tuple[float, float], end: tuple[float, float]) -> None:
    a, b = (canvas.at(point).toPoint() for point in (begin, end))
    qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, pos=a)
    qtbot.mouseMove(canvas, (a + b) / 2)
    qtbot.mouseMove(canvas, b)
    qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=b)


def test_a_drag_on_the_bare_picture_draws_a_box(qtbot, canvas: ReviewCanvas):
    with qtbot.waitSignal(canvas.drawn) as said:
        drag(qtbot, canvas, (110, 70), (150, 100))
    assert said.args == [(110.0, 70.0, 150.0, 100.0)]
    assert canvas.boxes[-1].box == (110.0, 70.0, 150.0, 100.0)  # stays as a draft until the log has it
    canvas.settle()
    assert len(canvas.boxes) == 2


def test_a_box_that_is_drawn_beyond_the_picture_ends_at_its_border(qtbot, canvas: ReviewCanvas):
    with qtbot.waitSignal(canvas.drawn) as said:
        drag(qtbot, canvas, (180, 100), (230, 140))
    assert said.args == [(180.0, 100.0, 200.0, 120.0)]


def test_a_click_chooses_the_box_and_a_drag_moves_it(qtbot, canvas: ReviewCanvas):
    chosen = []
    canvas.chosen_changed.connect(chosen.append)
    qtbot.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=canvas.at((60, 50)).toPoint())
    assert chosen == [1]
    assert canvas.chosen == 1
    with qtbot.waitSignal(canvas.reshaped) as said:
        drag(qtbot, canvas, (60, 50), (75, 60))
    lesion, box = said.args
    assert lesion == 1
    assert box == (55.0, 40.0, 95.0, 80.0)


def test_a_handle_stretches_the_box(qtbot, canvas: ReviewCanvas):
    canvas.choose(1)
    with qtbot.waitSignal(canvas.reshaped) as said:
        drag(qtbot, canvas, (80, 70), (90, 90))
    assert said.args == [1, (40.0, 30.0, 90.0, 90.0)]


def test_a_click_beside_all_boxes_lets_go(qtbot, canvas: ReviewCanvas):
    canvas.choose(1)
    with qtbot.waitSignal(canvas.chosen_changed) as said:
        qtbot.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=canvas.at((20, 100)).toPoint())
    assert said.args == [None]


def test_boxes_of_models_can_neither_be_chosen_nor_moved(qtbot, canvas: ReviewCanvas):
    qtbot.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=canvas.at((120, 40)).toPoint())
    assert canvas.chosen is None


def test_a_row_of_nudges_is_one_edit(qtbot, canvas: ReviewCanvas):
    canvas.choose(1)
    said = []
    canvas.reshaped.connect(lambda lesion, box: said.append((lesion, box)))
    for _ in range(5):
        assert canvas.nudge(Part.WHOLE, 1, 0)
    assert canvas.nudge(Part.RIGHT, 10, 0)
    assert canvas.chosen_box() == (45.0, 30.0, 95.0, 70.0)
    assert said == []
    canvas.finish_nudge()
    assert said == [(1, (45.0, 30.0, 95.0, 70.0))]


def test_without_a_chosen_box_keys_move_nothing(canvas: ReviewCanvas):
    assert not canvas.nudge(Part.WHOLE, 1, 0)


def test_what_may_not_be_edited_refuses_and_stays(qtbot, canvas: ReviewCanvas):
    canvas.editable = False
    with qtbot.waitSignal(canvas.refused):
        drag(qtbot, canvas, (110, 70), (150, 100))
    canvas.choose(1)
    with qtbot.waitSignal(canvas.refused):
        canvas.nudge(Part.WHOLE, 1, 0)
    assert canvas.boxes[0].box == BOX


def test_the_wheel_zooms_around_the_cursor(qtbot, canvas: ReviewCanvas):
    at = canvas.at((150, 30))
    event = QWheelEvent(
        at, canvas.mapToGlobal(at), QPoint(), QPoint(0, 360), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    canvas.wheelEvent(event)
    assert canvas.viewport.zoom == pytest.approx(1.25**3)
    after = canvas.at((150, 30))
    assert after.x() == pytest.approx(at.x(), abs=2)
    assert after.y() == pytest.approx(at.y(), abs=2)
    canvas.fit()
    assert canvas.viewport == Viewport()


def test_drawing_while_zoomed_in_gives_pixels_of_the_picture(qtbot, canvas: ReviewCanvas):
    canvas.zoom(6, QPointF(canvas.at((150, 60))))
    with qtbot.waitSignal(canvas.drawn) as said:
        drag(qtbot, canvas, (140, 55), (160, 65))
    assert said.args[0] == pytest.approx((140, 55, 160, 65), abs=1)


def test_a_line_is_painted_where_the_box_is(canvas: ReviewCanvas):
    image = as_bgr(canvas.grab().toImage())
    at = canvas.at((40, 50)).toPoint()
    near = image[at.y(), at.x() - 3 : at.x() + 4].astype(int)
    own = LOOKS[Layer.OWN].colour
    assert np.abs(near - (own.blue(), own.green(), own.red())).sum(axis=1).min() < 60


def test_every_layer_differs_from_every_other_without_colour():
    lines = [(look.dashes, look.width, look.letter) for look in LOOKS.values()]
    assert len(set(lines)) == len(lines)


def test_without_a_picture_the_words_stand_there(qtbot):
    canvas = ReviewCanvas()
    qtbot.addWidget(canvas)
    canvas.resize(400, 200)
    canvas.show_picture(None, "The file cannot be read.")
    assert as_bgr(canvas.grab().toImage()).max() > 200


@given(
    st.tuples(*[st.floats(0, 100) for _ in range(2)]),
    st.tuples(*[st.floats(-50, 200) for _ in range(2)]),
)
def test_a_drawn_box_lies_in_the_picture(begin, end):
    box = drawn(begin, end, Size(100, 80))
    if box is not None:
        assert 0 <= box[0] < box[2] <= 100
        assert 0 <= box[1] < box[3] <= 80


@given(st.sampled_from(list(Part)), st.floats(-300, 300), st.floats(-300, 300))
def test_a_moved_box_stays_in_the_picture_and_never_vanishes(part, dx, dy):
    x1, y1, x2, y2 = shifted((40, 30, 80, 70), part, dx, dy, Size(200, 120))
    assert x1 >= 0
    assert x2 <= 200
    assert y1 >= 0
    assert y2 <= 120
    assert x2 - x1 >= LEAST_PX
    assert y2 - y1 >= LEAST_PX


def test_a_handle_goes_before_the_inside_of_the_box():
    assert part_at((41, 31), BOX, (4, 4)) == Part.LEFT | Part.TOP
    assert part_at((60, 50), BOX, (4, 4)) == Part.WHOLE
    assert part_at((20, 50), BOX, (4, 4)) is None


@given(st.floats(-12, 12), st.floats(0, 400), st.floats(0, 300))
def test_zooming_keeps_the_point_below_the_cursor_where_the_picture_allows_it(steps, x, y):
    source, canvas = Size(640, 480), Size(400, 300)
    before = Viewport(3.0)
    after = before.closer(steps, (x, y), source, canvas)
    was = before.transform(source, canvas).to_source(x, y)
    now = after.transform(source, canvas).to_source(x, y)
    inside = (canvas.width / 2) / after.transform(source, canvas).target.width < 0.5
    kept = after.x == Viewport(after.zoom, after.x, after.y).x
    if after.zoom > 1.5 and inside and kept and 0.3 < after.x < 0.7 and 0.3 < after.y < 0.7:
        assert now == pytest.approx(was, abs=3)


def test_what_is_cut_out_of_the_picture_lies_where_boxes_are_drawn():
    image = np.zeros((120, 200, 3), np.uint8)
    image[50:60, 90:110] = 255
    source, canvas = Size(200, 120), Size(640, 400)
    transform = Viewport(5.0).transform(source, canvas)
    seen = PartScaler().seen(image, transform, canvas)
    assert seen is not None
    rows, columns = np.nonzero(seen.image[:, :, 0] > 127)
    x1, y1 = transform.to_canvas(90, 50)
    x2, y2 = transform.to_canvas(110, 60)
    assert (columns.min() + seen.x, rows.min() + seen.y) == pytest.approx((x1, y1), abs=2)
    assert (columns.max() + 1 + seen.x, rows.max() + 1 + seen.y) == pytest.approx((x2, y2), abs=2)
