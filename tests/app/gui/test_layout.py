import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.gui.layout import Area, MarkerPen, PictureTransform, arrange
from app.gui.marks import corner_marks
from detector.geometry import Size

sizes = st.builds(Size, st.integers(1, 4096), st.integers(1, 4096))
screens = st.builds(Size, st.integers(64, 4096), st.integers(64, 4096))
pages = st.builds(Size, st.integers(480, 4096), st.integers(360, 4096))
shares = st.floats(0, 1)


@given(sizes, screens, st.integers(0, 20), shares, shares)
def test_a_point_comes_back_from_the_canvas(source: Size, canvas: Size, border: int, x: float, y: float) -> None:
    transform = PictureTransform.fit(source, canvas, border)
    point = (x * source.width, y * source.height)
    there = transform.to_canvas(*point)
    assert transform.to_source(*there) == pytest.approx(point, abs=1e-6 * max(source))
    target = transform.target
    assert target.x - 1e-6 <= there[0] <= target.right + 1e-6
    assert target.y - 1e-6 <= there[1] <= target.bottom + 1e-6


@given(sizes, screens, st.integers(0, 20))
def test_the_picture_is_as_large_as_the_border_allows_and_keeps_its_aspect(
    source: Size, canvas: Size, border: int
) -> None:
    target = PictureTransform.fit(source, canvas, border).target
    room = Size(canvas.width - 2 * border, canvas.height - 2 * border)
    assert target.width == room.width or target.height == room.height
    assert target.x >= border
    assert target.y >= border
    assert target.right <= canvas.width - border
    assert target.bottom <= canvas.height - border
    scale = min(room.width / source.width, room.height / source.height)
    assert abs(target.width - source.width * scale) <= 1
    assert abs(target.height - source.height * scale) <= 1


def test_a_picture_of_the_canvas_size_is_not_scaled() -> None:
    transform = PictureTransform.fit(Size(640, 480), Size(640, 480))
    assert transform.target == Area(0, 0, 640, 480)
    assert transform.scale == (1.0, 1.0)


@given(pages, st.none() | sizes, st.booleans())
def test_the_parts_of_the_page_cover_it_and_the_buttons_never_cover_the_picture(
    page: Size, source: Size | None, with_bar: bool
) -> None:
    layout = arrange(page, source, with_bar)
    assert layout.status.bottom == page.height
    assert layout.status.width == page.width
    assert not layout.canvas.meets(layout.status)
    assert not layout.bar.meets(layout.status)
    canvas = Size(layout.canvas.width, layout.canvas.height)
    picture = PictureTransform.fit(source or Size(16, 9), canvas, MarkerPen.for_canvas(canvas).reach).target
    assert not picture.meets(layout.bar)


@pytest.mark.parametrize("page", [Size(1920, 1080), Size(1280, 720), Size(3840, 2160)])
def test_the_buttons_cost_a_picture_of_the_screens_aspect_nothing(page: Size) -> None:
    def picture_height(with_bar: bool) -> int:
        canvas = arrange(page, Size(1920, 1080), with_bar).canvas
        size = Size(canvas.width, canvas.height)
        return PictureTransform.fit(Size(1920, 1080), size, MarkerPen.for_canvas(size).reach).target.height

    assert picture_height(with_bar=True) >= picture_height(with_bar=False) - 4


def test_the_buttons_lie_below_the_picture_on_an_upright_screen() -> None:
    assert not arrange(Size(1080, 1920), Size(1920, 1080), with_bar=True).bar_vertical


boxes = st.tuples(
    st.floats(-50, 2000), st.floats(-50, 2000), st.floats(0, 1500, width=32), st.floats(0, 1500, width=32)
).map(lambda v: (v[0], v[1], v[0] + v[2], v[1] + v[3]))


@given(boxes, screens, st.booleans())
def test_no_mark_touches_the_box_and_none_leaves_its_reach(
    box: tuple[float, float, float, float], canvas: Size, cue: bool
) -> None:
    mark = corner_marks(box, MarkerPen.for_canvas(canvas), cue)
    assert len(mark.line) == 8
    for part in (*mark.line, *mark.keyline):
        inside = part.x < box[2] and box[0] < part.right and part.y < box[3] and box[1] < part.bottom
        assert not inside
        assert part.x >= mark.reach.x
        assert part.y >= mark.reach.y
        assert part.right <= mark.reach.right
        assert part.bottom <= mark.reach.bottom


def test_every_line_lies_within_its_keyline_and_a_new_marker_is_thicker() -> None:
    pen = MarkerPen.for_canvas(Size(1920, 1028))
    plain, cue = (corner_marks((100, 100, 300, 260), pen, c) for c in (False, True))
    for line, dark in zip(plain.line, plain.keyline, strict=True):
        assert dark.x < line.x
        assert dark.y < line.y
        assert dark.right > line.right
        assert dark.bottom > line.bottom
    assert min(cue.line[0].width, cue.line[0].height) > min(plain.line[0].width, plain.line[0].height)
    assert cue.reach == plain.reach
