import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.gui.layout import Area, MarkerPen
from app.gui.marks import CUE_S, corner_marks, cue_of, with_edge, with_score
from detector.geometry import Size

PEN = MarkerPen.for_canvas(Size(1920, 1020))
PICTURE = Area(100, 13, 1720, 994)
CANVAS = (1920, 1020)
boxes = st.tuples(st.floats(100, 1700), st.floats(13, 900), st.floats(1, 600), st.floats(1, 500)).map(
    lambda v: (v[0], v[1], min(v[0] + v[2], 1820.0), min(v[1] + v[3], 1007.0))
)


def test_the_cue_only_ever_fades() -> None:
    ages = [step * 0.02 for step in range(60)]
    strengths = [cue_of(age) for age in ages]
    assert strengths[0] == 1.0
    assert strengths == sorted(strengths, reverse=True)
    assert cue_of(CUE_S) == 0.0
    assert cue_of(-0.1) == 0.0


def test_a_new_marker_is_a_closed_frame_that_opens_into_its_corners() -> None:
    def covered(cue: float) -> int:
        row = 100 - PEN.gap - PEN.keyline - 1
        return len(
            {
                x
                for a in corner_marks((200, 100, 500, 400), PEN, cue).line
                if a.y <= row < a.bottom
                for x in range(a.x, a.right)
                if 200 <= x < 500
            }
        )

    assert covered(1.0) == 300
    assert 300 > covered(0.5) > covered(0.0) > 60


@given(boxes)
def test_the_bar_of_direction_lies_outside_of_the_picture_on_the_markers_side(
    box: tuple[float, float, float, float],
) -> None:
    mark = with_edge(corner_marks(box, PEN, 0), box, PICTURE, PEN)
    dark, bar = mark.edge
    for area in (dark, bar):
        assert not area.meets(PICTURE)
        assert area.x >= 0
        assert area.y >= 0
        assert area.right <= CANVAS[0]
        assert area.bottom <= CANVAS[1]
    assert dark.x < bar.x
    assert dark.bottom > bar.bottom
    assert all(area in mark.touched for area in (dark, bar))


@pytest.mark.parametrize(
    ("box", "side"),
    [((110, 400, 160, 450), "left"), ((1700, 400, 1800, 600), "right"), ((900, 20, 1000, 60), "top")],
)
def test_the_bar_stands_at_the_nearest_edge(box: tuple[float, float, float, float], side: str) -> None:
    bar = with_edge(corner_marks(box, PEN, 0), box, PICTURE, PEN).edge[1]
    where = {
        "left": bar.right <= PICTURE.x,
        "right": bar.x >= PICTURE.right,
        "top": bar.bottom <= PICTURE.y,
        "bottom": bar.y >= PICTURE.bottom,
    }
    assert [name for name, holds in where.items() if holds] == [side]


@given(st.lists(boxes, min_size=1, max_size=4), st.floats(0, 1))
def test_a_score_covers_no_box(found: list[tuple[float, float, float, float]], score: float) -> None:
    mark = with_score(corner_marks(found[0], PEN, 0), score, found, CANVAS, PEN)
    if mark.score is None:
        return
    area = mark.score.area
    for x1, y1, x2, y2 in found:
        assert not (area.x < x2 and x1 < area.right and area.y < y2 and y1 < area.bottom)
    assert area in mark.touched
    assert mark.score.text == f"{score:.2f}"


def test_a_box_that_leaves_no_room_has_no_score() -> None:
    whole = (0.0, 0.0, 1920.0, 1020.0)
    assert with_score(corner_marks(whole, PEN, 0), 0.5, [whole], CANVAS, PEN).score is None
