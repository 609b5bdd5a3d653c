"""How frames change threads: the newest wins, or nothing is lost, and nobody ever waits for a consumer."""

import threading
import time
from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.handoff import Latest, Spool


class TestLatest:
    def test_holds_nothing_at_first(self) -> None:
        slot = Latest[int]()
        assert slot.peek() is None
        assert slot.take(timeout_s=0) is None
        assert slot.overwritten == 0

    def test_the_newest_wins_and_what_was_lost_is_counted(self) -> None:
        slot = Latest[int]()
        assert [slot.put(n) for n in range(4)] == [False, True, True, True]
        assert slot.take(timeout_s=0) == 3
        assert slot.overwritten == 3

    def test_an_item_is_taken_once_and_can_still_be_looked_at(self) -> None:
        slot = Latest[int]()
        slot.put(1)
        assert (slot.take(timeout_s=0), slot.take(timeout_s=0), slot.peek()) == (1, None, 1)
        assert slot.put(2) is False

    def test_close_wakes_who_waits_and_the_last_item_can_still_be_taken(self) -> None:
        slot = Latest[int]()
        got: list[int | None] = []
        waiter = threading.Thread(target=lambda: got.append(slot.take()))
        waiter.start()
        slot.close()
        waiter.join(5)
        assert got == [None]
        slot.put(7)
        assert (slot.take(), slot.take()) == (7, None)

    @given(st.lists(st.sampled_from(["put", "take"])))
    def test_every_item_is_taken_overwritten_or_waiting(self, steps: list[str]) -> None:
        slot = Latest[int]()
        puts, taken = 0, []
        for step in steps:
            if step == "put":
                puts += 1
                slot.put(puts)
            elif (item := slot.take(timeout_s=0)) is not None:
                taken.append(item)
        waiting = slot.take(timeout_s=0) is not None
        assert puts == len(taken) + slot.overwritten + waiting
        assert taken == sorted(taken)

    def test_a_slow_consumer_sees_growing_numbers_and_the_last_one(self) -> None:
        slot = Latest[int]()
        taken: list[int] = []

        def consume() -> None:
            while (item := slot.take()) is not None:
                taken.append(item)
                time.sleep(0.0005)

        consumer = threading.Thread(target=consume)
        consumer.start()
        for n in range(1, 2001):
            slot.put(n)
        slot.close()
        consumer.join(10)
        assert taken[-1] == 2000
        assert taken == sorted(set(taken))
        assert len(taken) + slot.overwritten == 2000


class TestSpool:
    def test_keeps_the_order(self) -> None:
        spool = Spool[int](10)
        assert all(spool.offer(n) for n in range(5))
        assert len(spool) == 5
        assert [spool.take(timeout_s=0) for _ in range(6)] == [0, 1, 2, 3, 4, None]

    def test_refuses_when_full_and_counts_it(self) -> None:
        spool = Spool[int](2)
        assert [spool.offer(n) for n in range(4)] == [True, True, False, False]
        assert spool.refused == 2
        assert spool.take(timeout_s=0) == 0
        assert spool.offer(9) is True
        assert [spool.take(timeout_s=0), spool.take(timeout_s=0)] == [1, 9]

    def test_refuses_after_close_and_gives_out_what_waits(self) -> None:
        spool = Spool[int](9)
        spool.offer(1)
        spool.close()
        assert spool.offer(2) is False
        assert not spool.drained
        assert (spool.take(), spool.take()) == (1, None)
        assert spool.drained

    def test_can_be_bounded_by_what_the_items_cost(self) -> None:
        spool = Spool[bytes](10, len)
        assert [spool.offer(bytes(n)) for n in (4, 6, 1)] == [True, True, False]
        spool.take(timeout_s=0)
        assert [spool.offer(bytes(n)) for n in (5, 4, 1)] == [False, True, False]

    def test_takes_an_item_that_is_too_large_when_nothing_else_waits(self) -> None:
        spool = Spool[bytes](10, len)
        assert spool.offer(bytes(99))
        assert not spool.offer(b"x")
        spool.take(timeout_s=0)
        assert spool.offer(b"x")

    @given(st.lists(st.one_of(st.integers(0, 5), st.none())), st.integers(1, 10))
    def test_behaves_as_a_bounded_list(self, steps: list[int | None], capacity: int) -> None:
        """A number offers an item of that cost; None takes one."""
        spool, model = Spool[int](capacity, lambda cost: cost), deque[int]()
        refused = 0
        for step in steps:
            if step is None:
                assert spool.take(timeout_s=0) == (model.popleft() if model else None)
            else:
                fits = not model or sum(model) + step <= capacity
                refused += not fits
                assert spool.offer(step) is fits
                if fits:
                    model.append(step)
            assert len(spool) == len(model)
        assert spool.refused == refused

    def test_between_threads_every_item_arrives_once_or_was_refused(self) -> None:
        spool = Spool[int](16)
        taken: list[int] = []

        def consume() -> None:
            while not spool.drained:
                item = spool.take(timeout_s=0.2)
                if item is not None:
                    taken.append(item)

        consumer = threading.Thread(target=consume)
        consumer.start()
        accepted = [n for n in range(20_000) if spool.offer(n)]
        spool.close()
        consumer.join(10)
        assert taken == accepted
        assert len(accepted) + spool.refused == 20_000

    @pytest.mark.parametrize("kind", ["latest", "spool"])
    def test_no_producer_waits_for_a_consumer_that_does_not_come(self, kind: str) -> None:
        spool, slot = Spool[int](1), Latest[int]()
        give = spool.offer if kind == "spool" else slot.put
        start = time.perf_counter()
        for n in range(10_000):
            give(n)
        assert time.perf_counter() - start < 2
