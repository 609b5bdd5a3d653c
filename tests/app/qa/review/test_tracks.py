import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.qa.review.sorted_map import SortedMap
from app.qa.review.tracks import Box, Track, joined, thinned

LAST = 120
POSITIONS = st.integers(0, LAST)
CORNERS = st.floats(0, 500, width=32)
STATES = st.sampled_from(["clear", "marginal", "occluded", "out_of_view"])


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    x, y, width, height = draw(CORNERS), draw(CORNERS), draw(st.floats(2, 100)), draw(st.floats(2, 100))
    return (x, y, x + width, y + height)


@st.composite
def tracks(draw: st.DrawFn) -> Track:
    track = Track(SortedMap(draw(st.dictionaries(POSITIONS, boxes(), max_size=8)).items()))
    for a, b, state in draw(st.lists(st.tuples(POSITIONS, POSITIONS, STATES), max_size=4)):
        track = track.with_state(min(a, b), max(a, b), state)
    return track


def seen(track: Track, position: int) -> tuple[object, ...] | None:
    box = track.visible_at(position)
    return None if box is None else (*(pytest.approx(v, abs=1e-6) for v in box), track.state_at(position))


def test_boxes_between_two_keys_lie_on_the_straight_line_between_their_corners() -> None:
    track = Track(SortedMap([(10, (0, 0, 10, 10)), (20, (100, 50, 130, 90))]))
    assert track.box_at(10) == (0, 0, 10, 10)
    assert track.box_at(13) == pytest.approx((30, 15, 46, 34))
    assert track.box_at(20) == (100, 50, 130, 90)
    assert track.box_at(9) is None
    assert track.box_at(21) is None


def test_a_lesion_is_in_the_picture_but_where_it_is_out_of_view() -> None:
    track = Track(SortedMap([(10, (0, 0, 10, 10)), (40, (0, 0, 10, 10))])).with_state(20, 29, "out_of_view")
    assert track.stretches() == ((10, 19), (30, 40))
    assert track.with_state(12, 15, "marginal").stretches() == ((10, 19), (30, 40))
    assert Track().stretches() == ()


@given(tracks())
def test_stretches_are_where_boxes_are_to_be_seen(track: Track) -> None:
    inside = {p for first, last in track.stretches() for p in range(first, last + 1)}
    assert inside == {p for p in range(LAST + 1) if track.visible_at(p) is not None}


@given(tracks(), POSITIONS, POSITIONS)
def test_cutting_changes_no_frame_inside_and_leaves_none_outside(track: Track, a: int, b: int) -> None:
    first, last = min(a, b), max(a, b)
    cut = track.cut(first, last)
    for position in range(LAST + 1):
        expected = track.visible_at(position) if first <= position <= last else None
        assert cut.visible_at(position) == (None if expected is None else pytest.approx(expected, abs=1e-6))
        if expected is not None:
            assert cut.state_at(position) == track.state_at(position)


@given(tracks(), tracks(), POSITIONS, POSITIONS)
def test_replacing_a_range_takes_it_from_the_other_and_keeps_the_rest(x: Track, y: Track, a: int, b: int) -> None:
    first, last = min(a, b), max(a, b)
    made = x.replaced(first, last, y)
    for position in range(LAST + 1):
        source = y if first <= position <= last else x
        box = made.visible_at(position)
        assert (None if box is None else (*box, made.state_at(position))) == seen(source, position)


@given(tracks())
def test_many_boxes_at_once_are_the_same_as_one_by_one(track: Track) -> None:
    if not len(track.keys):
        return
    first, last = track.keys.first, track.keys.last
    assert first is not None
    assert last is not None
    at = np.arange(first[0], last[0] + 1)
    one_by_one = [track.box_at(int(p)) for p in at]
    assert track.boxes(at) == pytest.approx(np.array(one_by_one), abs=1e-6)


@given(st.lists(boxes(), min_size=1, max_size=60), st.floats(0, 50))
def test_thinned_keys_miss_no_box_by_more_than_the_tolerance(values: list[Box], tolerance: float) -> None:
    kept = thinned(range(len(values)), np.array(values), tolerance)
    track = Track(SortedMap((i, values[i]) for i in kept))
    for position, box in enumerate(values):
        drawn = track.box_at(position)
        assert drawn is not None
        assert max(abs(p - q) for p, q in zip(drawn, box, strict=True)) <= tolerance + 1e-6
    assert kept[0] == 0
    assert kept[-1] == len(values) - 1


def test_a_straight_way_needs_two_keys() -> None:
    way = np.array([(n, 2 * n, n + 10, 2 * n + 10) for n in range(50)], float)
    assert thinned(range(50), way, 0.1) == [0, 49]


def test_pieces_are_joined_with_nothing_in_between() -> None:
    one = Track(SortedMap([(3, (0, 0, 10, 10)), (5, (0, 0, 10, 10))]))
    other = Track(SortedMap([(9, (50, 0, 60, 10))]))
    made = joined([one, Track(), other])
    assert made.stretches() == ((3, 5), (9, 9))
