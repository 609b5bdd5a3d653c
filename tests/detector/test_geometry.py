"""Box arithmetic and the letterbox: properties, and brute force beside them."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from detector.geometry import Boxes, Letterbox, Size, area, as_boxes, clip, iou_matrix, iou_of_two, nms

sizes = st.builds(Size, st.integers(1, 5000), st.integers(1, 5000))
targets = st.sampled_from([Size(416, 416), Size(640, 640), Size(640, 384), Size(33, 57), Size(1, 1)])
awkward = [Size(1, 1), Size(3, 5000), Size(5000, 3), Size(1921, 1081), Size(641, 359), Size(1080, 1920), Size(2, 1)]


@st.composite
def grid_boxes(draw: st.DrawFn, at_most: int = 6, side: int = 24) -> Boxes:
    """Boxes of whole pixels inside a small picture, empty ones included."""
    rows = []
    for _ in range(draw(st.integers(0, at_most))):
        x1, x2 = sorted(draw(st.tuples(st.integers(0, side), st.integers(0, side))))
        y1, y2 = sorted(draw(st.tuples(st.integers(0, side), st.integers(0, side))))
        rows.append((x1, y1, x2, y2))
    return as_boxes(rows)


@st.composite
def scored_boxes(draw: st.DrawFn) -> tuple[Boxes, npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    boxes = draw(grid_boxes(at_most=12))
    count = len(boxes)
    # Few different values, so that ties are common.
    scores = draw(st.lists(st.sampled_from([0.1, 0.3, 0.5, 0.5, 0.9]), min_size=count, max_size=count))
    classes = draw(st.lists(st.integers(0, 2), min_size=count, max_size=count))
    return boxes, np.array(scores, np.float32), np.array(classes, np.int64)


def pixels(box: npt.NDArray[np.float32], side: int = 24) -> npt.NDArray[np.bool_]:
    picture = np.zeros((side, side), bool)
    x1, y1, x2, y2 = box.astype(int)
    picture[y1:y2, x1:x2] = True
    return picture


class TestBoxes:
    @pytest.mark.parametrize("empty", [[], (), np.zeros((0, 4)), np.zeros(0)])
    def test_nothing_is_no_boxes(self, empty: npt.ArrayLike) -> None:
        boxes = as_boxes(empty)
        assert boxes.shape == (0, 4)
        assert boxes.dtype == np.float32

    @pytest.mark.parametrize("wrong", [[1, 2, 3, 4], [[1, 2, 3]], np.zeros((2, 5)), np.zeros((1, 1, 4))])
    def test_other_shapes_are_refused(self, wrong: npt.ArrayLike) -> None:
        with pytest.raises(ValueError, match=r"\(N, 4\)"):
            as_boxes(wrong)

    def test_inverted_boxes_have_no_area(self) -> None:
        assert area(as_boxes([[5, 5, 2, 9], [5, 5, 2, 2], [0, 0, 3, 2]])).tolist() == [0, 0, 6]

    def test_clip_cuts_at_the_borders(self) -> None:
        cut = clip(as_boxes([[-5, -1, 30, 12], [25, 3, 40, 4]]), Size(20, 10))
        assert cut.tolist() == [[0, 0, 20, 10], [20, 3, 20, 4]]

    def test_size_is_width_then_height(self) -> None:
        assert Size.of(np.zeros((10, 20, 3), np.uint8)) == Size(width=20, height=10)


class TestIou:
    def test_of_nothing(self) -> None:
        assert iou_matrix(as_boxes([]), as_boxes([])).shape == (0, 0)
        assert iou_matrix(as_boxes([]), as_boxes([[0, 0, 1, 1]])).shape == (0, 1)

    @given(grid_boxes(), grid_boxes())
    def test_equals_counting_pixels(self, a: Boxes, b: Boxes) -> None:
        found = iou_matrix(a, b)
        for i, one in enumerate(a):
            for j, other in enumerate(b):
                shared, either = pixels(one) & pixels(other), pixels(one) | pixels(other)
                assert found[i, j] == pytest.approx(shared.sum() / either.sum() if either.any() else 0.0)

    @given(
        st.lists(st.tuples(*[st.floats(0, 4096, width=32)] * 4), max_size=8),
        st.lists(st.tuples(*[st.floats(0, 4096, width=32)] * 4), max_size=8),
    )
    def test_is_symmetric_and_between_0_and_1_for_any_numbers(self, a: list[float], b: list[float]) -> None:
        found = iou_matrix(as_boxes(a), as_boxes(b))
        assert ((found >= 0) & (found <= 1)).all()
        assert (found == iou_matrix(as_boxes(b), as_boxes(a)).T).all()

    def test_of_a_box_with_itself_is_1(self) -> None:
        boxes = as_boxes([[0.1, 0.2, 1919.7, 1079.3]])
        assert iou_matrix(boxes, boxes) == 1


class TestNms:
    def test_of_nothing(self) -> None:
        assert nms(as_boxes([]), np.zeros(0, np.float32), 0.5).tolist() == []

    @given(scored_boxes(), st.sampled_from([0.0, 0.3, 0.5, 1.0]))
    def test_keeps_the_best_no_close_pair_and_nothing_without_need(self, found: tuple, limit: float) -> None:
        boxes, scores, _ = found
        kept = nms(boxes, scores, limit).tolist()
        overlaps = iou_matrix(boxes, boxes)
        assert kept[:1] == ([int(np.argmax(scores))] if len(boxes) else [])
        assert all(overlaps[a, b] <= limit for a in kept for b in kept if a != b)
        rank = {int(index): place for place, index in enumerate(np.argsort(-scores, kind="stable"))}
        assert sorted(kept, key=rank.__getitem__) == kept
        for index in set(range(len(boxes))) - set(kept):
            assert any(overlaps[index, k] > limit and rank[k] < rank[index] for k in kept)

    @given(scored_boxes())
    def test_with_classes_is_the_same_as_class_by_class(self, found: tuple) -> None:
        boxes, scores, classes = found
        alone = [np.flatnonzero(classes == c)[nms(boxes[classes == c], scores[classes == c], 0.3)] for c in range(3)]
        assert sorted(nms(boxes, scores, 0.3, classes)) == sorted(np.concatenate(alone).tolist())

    @given(scored_boxes(), st.sampled_from([0.2, 0.5, 0.9]))
    def test_what_is_kept_above_a_score_does_not_depend_on_what_lies_below(self, found: tuple, score: float) -> None:
        boxes, scores, _ = found
        high = np.flatnonzero(scores >= np.float32(score))
        all_kept = nms(boxes, scores, 0.3)
        assert high[nms(boxes[high], scores[high], 0.3)].tolist() == [k for k in all_kept if k in high]


class TestLetterbox:
    @pytest.mark.parametrize(("source", "target"), [(Size(0, 5), Size(9, 9)), (Size(5, 5), Size(9, 0))])
    def test_needs_positive_sizes(self, source: Size, target: Size) -> None:
        with pytest.raises(ValueError, match="positive"):
            Letterbox.fit(source, target)

    @pytest.mark.parametrize(
        ("source", "target", "halvings", "content"),
        [
            (Size(640, 640), Size(640, 640), 0, Size(640, 640)),
            (Size(1280, 720), Size(640, 640), 1, Size(640, 360)),
            (Size(1920, 1080), Size(640, 640), 1, Size(640, 360)),
            (Size(1920, 1080), Size(416, 416), 2, Size(416, 234)),
            (Size(3840, 2160), Size(640, 640), 2, Size(640, 360)),
            (Size(1080, 1920), Size(640, 640), 1, Size(360, 640)),
            (Size(320, 240), Size(640, 640), 0, Size(640, 480)),
            (Size(1, 1), Size(640, 640), 0, Size(640, 640)),
            (Size(3, 5000), Size(640, 640), 1, Size(1, 640)),
        ],
    )
    def test_of_usual_and_unusual_sizes(self, source: Size, target: Size, halvings: int, content: Size) -> None:
        box = Letterbox.fit(source, target)
        assert (box.halvings, box.content) == (halvings, content)

    @given(st.one_of(sizes, st.sampled_from(awkward)), targets)
    def test_fits_and_keeps_the_aspect_within_a_pixel(self, source: Size, target: Size) -> None:
        box = Letterbox.fit(source, target)
        scale = min(target.width / source.width, target.height / source.height)
        assert all(1 <= side <= limit for side, limit in zip(box.content, target, strict=True))
        assert any(side == limit for side, limit in zip(box.content, target, strict=True))
        assert all(abs(side - whole * scale) <= 1 for side, whole in zip(box.content, source, strict=True))

    @given(st.one_of(sizes, st.sampled_from(awkward)), targets)
    def test_halves_as_often_as_it_may_and_never_below_what_is_needed(self, source: Size, target: Size) -> None:
        box = Letterbox.fit(source, target)
        step = 2**box.halvings
        assert box.halved == Size(source.width // step, source.height // step)
        if box.halvings:
            assert all(half >= side for half, side in zip(box.halved, box.content, strict=True))
        assert any(half < 2 * side for half, side in zip(box.halved, box.content, strict=True))

    @given(st.one_of(sizes, st.sampled_from(awkward)), targets, st.data())
    @example(Size(4096, 4096), Size(640, 640), None)
    def test_there_and_back_is_the_same_box(self, source: Size, target: Size, data: st.DataObject | None) -> None:
        box = Letterbox.fit(source, target)
        used = [side * 2**box.halvings for side in box.halved]
        parts = (0.1, 0.2, 0.7, 0.9)
        if data is not None:
            x1, x2 = sorted(data.draw(st.tuples(st.floats(0, 1), st.floats(0, 1))))
            y1, y2 = sorted(data.draw(st.tuples(st.floats(0, 1), st.floats(0, 1))))
            parts = (x1, y1, x2, y2)
        boxes = as_boxes([[p * used[i % 2] for i, p in enumerate(parts)], [0, 0, *used]])
        inside = box.to_model(boxes)
        assert np.abs(box.to_frame(inside) - boxes).max() <= 1e-3
        assert (inside <= np.array([*box.content, *box.content]) + 1e-3).all()

    @given(st.one_of(sizes, st.sampled_from(awkward)), targets)
    def test_the_way_back_never_leaves_the_frame(self, source: Size, target: Size) -> None:
        back = Letterbox.fit(source, target).to_frame(as_boxes([[-50, -50, 9000, 9000]]))
        assert back.tolist() == [[0, 0, source.width, source.height]]


@given(
    st.lists(st.floats(-50, 2000, width=32), min_size=4, max_size=4),
    st.lists(st.floats(-50, 2000, width=32), min_size=4, max_size=4),
)
@example([0, 0, 10, 10], [0, 0, 10, 10])
@example([0, 0, 0, 0], [0, 0, 0, 0])
def test_two_single_boxes_overlap_by_the_very_number_of_the_matrix(a, b):
    one, other = (as_boxes([[*np.minimum(x[:2], x[2:]), *np.maximum(x[:2], x[2:])]]) for x in (a, b))
    assert iou_of_two(one[0], other[0]) == iou_matrix(one, other)[0, 0]
