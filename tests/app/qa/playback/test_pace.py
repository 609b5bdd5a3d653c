"""Which picture is due at which speed, on a clock that is handed in."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.qa.axis import FrameAxis, plain_axis
from app.qa.playback.pace import Pace, Tally


def axis(count: int = 100, rate: float = 25.0) -> FrameAxis:
    return plain_axis(np.arange(count) / rate, count / rate)


@pytest.mark.parametrize(("speed", "after_s", "position"), [(1, 1.0, 25), (0.1, 1.0, 2), (8, 0.3, 60), (2, 1.02, 51)])
def test_forwards_the_clock_says_what_stands_on_the_screen(speed: float, after_s: float, position: int) -> None:
    assert Pace(axis(), 0, speed, None, 5.0).due(5.0 + after_s).position == position


@pytest.mark.parametrize(
    ("speed", "after_s", "position"), [(-1, 0.0, 99), (-1, 1.0, 74), (-8, 0.3, 39), (-0.1, 1.0, 97)]
)
def test_backwards_a_picture_stands_for_its_whole_interval_too(speed: float, after_s: float, position: int) -> None:
    assert Pace(axis(), 99, speed, None, 5.0).due(5.0 + after_s).position == position


def test_at_either_end_it_is_over_and_a_new_start_begins_at_the_other() -> None:
    assert Pace(axis(), 0, 1, None, 0).due(4.0).over
    assert Pace(axis(), 99, -1, None, 0).due(4.0).position == 0
    assert Pace(axis(), 99, 1, None, 0).due(0).position == 0
    assert Pace(axis(), 0, -1, None, 0).due(0).position == 99


@given(st.floats(-8, 8).filter(lambda s: abs(s) >= 0.1), st.floats(0, 500))
def test_a_loop_is_never_left(speed: float, after_s: float) -> None:
    pace = Pace(axis(), 3, speed, (20, 44), 0.0)
    due = pace.due(after_s)
    assert 20 <= due.position <= 44
    assert not due.over


@given(st.floats(-8, 8).filter(lambda s: abs(s) >= 0.1), st.floats(0, 20))
def test_the_next_picture_is_due_when_it_is_said_to_be(speed: float, after_s: float) -> None:
    pace = Pace(axis(200, 30.0), 0 if speed > 0 else 199, speed, None, 0.0)
    due = pace.due(after_s)
    later = pace.due(due.next_s)
    assert due.over or due.next_s > after_s
    assert due.over or later.over or abs(later.position - due.position) == 1


def test_what_was_left_out_is_counted_and_what_was_held_is_measured() -> None:
    tally = Tally()
    for n in range(11):
        tally.shown(n * 0.1, n * 0.8, n * 20)
    assert tally.dropped == 190
    assert tally.every == pytest.approx(20)
    assert tally.achieved == pytest.approx(8)
    tally.turned()
    tally.shown(2.0, 0.0, 0)
    assert tally.dropped == 190
    assert (tally.every, tally.achieved) == (1.0, 0.0)
