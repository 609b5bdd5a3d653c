"""The synchronised mode on a manual clock: own boxes or none, never later than the budget, and its end is said."""

import itertools
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.synchrony import MOST_HELD_NS, TOO_SLOW, Synchroniser, SyncState
from detector.alerts import Marker
from detector.frame import Frame

MS = 1_000_000
INTERVAL_NS = 40 * MS
BUDGET_NS = 60 * MS
RATE = Fraction(25)
IMAGE = np.zeros((4, 4, 3), np.uint8)


def frame(index: int) -> Frame:
    return Frame(index, None, (index + 1) * INTERVAL_NS, IMAGE)


def boxes(index: int) -> tuple[Marker, ...]:
    return (Marker(index, (0, 0, 1, 1), 0.9, 0, 0.0, False),)


class Desk:
    """A synchroniser that is on, and what it shows."""

    def __init__(self) -> None:
        self.sync = Synchroniser()
        self.sync.switch(True, None)

    def capture(self, index: int, asked: bool = True, ready: bool = True, behind: bool = False) -> bool:
        return self.sync.captured(frame(index), frame(index).captured_ns, RATE, asked=asked, ready=ready, behind=behind)

    def answer(self, index: int, after_ms: float = 30) -> None:
        self.sync.answered(index, boxes(index), frame(index).captured_ns + round(after_ms * MS))

    @property
    def shown(self) -> tuple[int | None, bool]:
        """Index of the picture that is shown, and whether with boxes."""
        assert not self.sync.markers or self.sync.markers == boxes(self.sync.shown.index)
        return self.sync.shown.index if self.sync.shown else None, bool(self.sync.markers)


def test_off_it_keeps_nothing_back_and_says_nothing():
    sync = Synchroniser()
    assert not sync.captured(frame(0), 0, RATE, asked=True, ready=True)
    assert not sync.active
    assert sync.snapshot().state is SyncState.OFF


def test_a_picture_waits_for_its_result_and_comes_with_its_own_boxes():
    desk = Desk()
    for index in range(100):
        assert desk.capture(index)
        assert desk.shown == ((index - 1, True) if index else (None, False))
        desk.answer(index)
        assert desk.shown == (index, True)
    snapshot = desk.sync.snapshot()
    assert (snapshot.state, snapshot.delay_ms) == (SyncState.ON, 30.0)
    assert (snapshot.with_boxes, snapshot.without_boxes) == (100, 0)


def test_one_that_gets_no_result_is_shown_without_boxes_at_its_deadline_exactly():
    desk = Desk()
    desk.capture(0)
    desk.answer(0)
    desk.capture(1)
    deadline_ns = frame(1).captured_ns + BUDGET_NS
    assert desk.sync.deadline_ns == deadline_ns
    desk.sync.settle(deadline_ns - 1)
    assert desk.shown == (0, True)
    desk.sync.settle(deadline_ns)
    assert desk.shown == (1, False)
    assert desk.sync.deadline_ns is None


def test_boxes_that_come_after_the_deadline_are_painted_only_on_their_own_picture():
    desk = Desk()
    desk.capture(0)
    desk.sync.settle(frame(0).captured_ns + BUDGET_NS)
    desk.answer(0, after_ms=61)
    assert desk.shown == (0, True)
    desk.capture(1)
    desk.capture(2)
    desk.sync.settle(frame(2).captured_ns + BUDGET_NS)
    desk.answer(1, after_ms=120)
    assert desk.shown == (2, False)
    snapshot = desk.sync.snapshot()
    assert (snapshot.with_boxes, snapshot.without_boxes) == (0, 3)


def test_a_picture_that_the_ai_skipped_gives_way_to_a_later_one_with_boxes():
    desk = Desk()
    desk.capture(0)
    desk.capture(1)
    desk.answer(1, after_ms=5)
    assert desk.shown == (1, True)
    desk.answer(0, after_ms=50)
    assert desk.shown == (1, True)


def test_a_failed_frame_is_shown_at_once_and_without_boxes():
    desk = Desk()
    desk.capture(0)
    desk.sync.failed(0, frame(0).captured_ns + MS)
    assert desk.shown == (0, False)


@pytest.mark.parametrize(
    ("rate", "budget_ms"),
    [(Fraction(25), 60), (Fraction(60), 25), (Fraction(240), 20), (Fraction(5), 100), (None, 100)],
)
def test_the_budget_is_one_and_a_half_intervals_and_never_more_than_100_ms(rate, budget_ms):
    sync = Synchroniser()
    sync.switch(True, None)
    sync.captured(frame(0), 0, rate, asked=True, ready=True)
    assert sync.deadline_ns == frame(0).captured_ns + budget_ms * MS
    assert budget_ms * MS <= MOST_HELD_NS


def test_while_the_ai_starts_pictures_are_shown_at_once_and_nothing_is_held_against_it():
    desk = Desk()
    for index in range(200):
        assert not desk.capture(index, ready=False)
        assert desk.shown == (index, False)
    assert desk.sync.snapshot().state is SyncState.WAITING
    assert desk.capture(200)
    assert desk.sync.snapshot().state is SyncState.ON


def test_one_picture_in_five_without_boxes_is_borne_and_one_in_three_ends_it():
    for period, ended in ((5, False), (3, True)):
        desk = Desk()
        for index in range(100):
            desk.capture(index)
            if index % period:
                desk.answer(index)
        assert (desk.sync.snapshot().state is SyncState.ENDED) is ended
        assert desk.sync.active is not ended
        assert desk.sync.snapshot().detail == (TOO_SLOW if ended else "")


def test_an_ai_that_falls_behind_ends_it_within_two_seconds_and_only_the_user_begins_anew():
    desk = Desk()
    for index in range(50):
        desk.capture(index)
        desk.answer(index)
    ends = next(
        index
        for index in range(50, 200)
        if not desk.capture(index, ready=index < 56, behind=index >= 56) and not desk.sync.active
    )
    assert (ends - 50) * INTERVAL_NS <= 2000 * MS
    assert not desk.capture(ends + 1)
    desk.answer(ends + 1)
    assert desk.sync.snapshot().state is SyncState.ENDED
    desk.sync.switch(True, frame(ends + 1))
    assert desk.shown == (ends + 1, False)
    assert desk.capture(ends + 2)


def test_once_it_has_ended_it_keeps_no_picture():
    """A picture that somebody holds takes up a slot of the pool."""
    desk = Desk()
    for index in range(200):
        desk.capture(index, asked=index % 2 == 0)  # each takes the one before with it, which had no result yet
    assert desk.sync.snapshot().state is SyncState.ENDED
    assert desk.sync.shown is None


def test_a_pause_is_no_evidence_that_the_ai_is_slow():
    desk = Desk()
    for index in (*range(50), *range(500, 510)):
        desk.capture(index)
        if index != 500:
            desk.answer(index)
    assert desk.sync.snapshot().state is SyncState.ON


def test_a_picture_that_is_not_for_the_ai_is_shown_at_once():
    desk = Desk()
    desk.capture(0)
    assert not desk.capture(1, asked=False)
    assert desk.shown == (1, False)
    desk.answer(0, after_ms=50)
    assert desk.shown == (1, False)


def test_the_delay_on_the_screen_changes_twice_a_second_at_most():
    desk = Desk()
    said = []
    for index in range(100):
        desk.capture(index)
        desk.answer(index, after_ms=20 + index % 13)
        said.append(desk.sync.snapshot().delay_ms)
    changes = sum(a != b for a, b in itertools.pairwise(said))
    assert changes <= 100 * INTERVAL_NS / (500 * MS)


STEPS = st.lists(
    st.tuples(st.sampled_from(["capture", "answer", "fail", "wait", "slow"]), st.integers(0, 4)), max_size=80
)


@given(STEPS)
def test_whatever_happens_pictures_never_go_back_and_none_waits_longer_than_its_budget(steps):
    sync = Synchroniser()
    sync.switch(True, None)
    now_ns, next_index, last = 0, 0, -1
    waiting: dict[int, int] = {}

    def look(act: Callable[[], object]) -> None:
        nonlocal last
        act()
        if not sync.active:
            return
        index = sync.shown.index if sync.shown else -1
        assert index >= last
        last = index
        assert not sync.markers or sync.markers == boxes(index)
        for held in [n for n in waiting if n > index]:
            assert now_ns < waiting[held] + BUDGET_NS

    for what, number in steps:
        now_ns += number * 7 * MS
        look(lambda: sync.settle(now_ns))  # noqa: B023  # called at once
        if what in ("capture", "slow"):
            new = Frame(next_index, None, now_ns, IMAGE)
            waiting[next_index], next_index = now_ns, next_index + 1
            slow = what == "slow"
            look(lambda: sync.captured(new, now_ns, RATE, asked=True, ready=not slow, behind=slow))  # noqa: B023
        elif what == "answer" and next_index:
            index = max(0, next_index - 1 - number)
            look(lambda: sync.answered(index, boxes(index), now_ns))  # noqa: B023
        elif what == "fail" and next_index:
            look(lambda: sync.failed(next_index - 1, now_ns))  # noqa: B023
