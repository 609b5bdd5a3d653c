"""The pool: nobody's picture is ever overwritten, a place that nobody holds is free, and nothing waits or leaks."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector import frame_pool
from detector.frame import Frame
from detector.frame_pool import FEWEST_SLOTS, SLOTS, FramePool, Image
from detector.frame_ring import MemoryView
from tests.detector.worker_rig import segments

SHAPE = (40, 60, 3)


def picture(value: int, shape: tuple[int, ...] = SHAPE) -> Image:
    return np.full(shape, value % 256, np.uint8)


@pytest.fixture
def pool() -> Iterator[FramePool]:
    made = FramePool()
    made.place(picture(0))  # a source asks
    made.tend(lambda block: True)  # and the supervisor provides
    yield made
    made.close()
    assert not segments()


def free(pool: FramePool) -> int:
    assert pool._block is not None
    return pool._block.free


def test_a_placed_picture_is_the_same_read_only_and_found_by_any_whole_view_of_it(pool: FramePool) -> None:
    image = np.random.default_rng(0).integers(0, 255, SHAPE, np.uint8)
    placed = pool.place(image)
    assert placed is not image
    assert np.array_equal(placed, image)
    assert not placed.flags.writeable
    spot = pool.find(Frame(0, None, 0, placed).image)
    assert spot is not None
    view = MemoryView(spot.block.name)
    assert np.array_equal(view.picture(spot.offset, SHAPE), image)
    lower = pool.find(placed[10:])
    assert lower is not None
    assert np.array_equal(view.picture(lower.offset, (30, 60, 3)), image[10:])
    view.close()
    assert pool.find(placed[:, 5:]) is None, "not in one piece: it has to be copied"
    assert pool.find(image) is None


def test_a_slot_is_taken_for_as_long_as_anything_looks_into_it(pool: FramePool) -> None:
    placed = pool.place(picture(7))
    window, recorder, buffer = placed[::2, 1:], Frame(3, None, 0, placed), memoryview(placed[4:].data)
    del placed
    assert free(pool) == SLOTS - 1
    del recorder
    assert free(pool) == SLOTS - 1
    del window
    assert free(pool) == SLOTS - 1
    assert buffer[0, 0, 0] == 7
    del buffer
    assert free(pool) == SLOTS


def test_a_full_pool_leaves_the_picture_where_it_is_and_counts_it(pool: FramePool) -> None:
    held = [pool.place(picture(n)) for n in range(SLOTS)]
    assert (pool.placed, pool.refused) == (SLOTS, 0)
    extra = picture(99)
    assert pool.place(extra) is extra
    assert (pool.placed, pool.refused) == (SLOTS, 1)
    assert [int(image[0, 0, 0]) for image in held] == list(range(SLOTS)), "each still shows its own"
    del held[3]
    assert pool.find(pool.place(extra)) is not None


@given(st.lists(st.integers(-SLOTS, 300), max_size=80))
def test_whatever_is_held_and_let_go_no_held_picture_changes(steps: list[int]) -> None:
    pool = FramePool()
    pool.place(picture(0))
    pool.tend(lambda block: True)
    held: list[tuple[int, Image]] = []
    for step in steps:
        if step >= 0:
            held.append((step % 256, pool.place(picture(step))))
        elif held:
            del held[-step % len(held)]
        assert all((image == value).all() for value, image in held)
    in_pool = sum(pool.find(image) is not None for _, image in held)
    assert free(pool) == SLOTS - in_pool
    held.clear()
    pool.close()


def test_pictures_are_let_go_in_other_threads_and_in_collections_of_garbage(pool: FramePool) -> None:
    class Holder:
        def __init__(self, image: Image) -> None:
            self.image, self.itself = image, self

    def hold_and_drop() -> None:
        for n in range(200):
            Holder(pool.place(picture(n)))
            kept = pool.place(picture(n))
            assert (kept == n % 256).all()

    threads = [threading.Thread(target=hold_and_drop) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    gc.collect()
    assert free(pool) == SLOTS


def test_no_memory_is_made_before_a_source_asks_and_none_while_the_ai_is_off() -> None:
    pool = FramePool()
    pool.tend(lambda block: True)
    assert not segments()
    pool.wanted = False
    image = picture(1)
    assert pool.place(image) is image
    pool.tend(lambda block: True)
    assert not segments()


def test_larger_pictures_get_a_larger_place_and_held_ones_stay(pool: FramePool) -> None:
    small = pool.place(picture(5))
    large = picture(6, (80, 90, 3))
    assert pool.place(large) is large
    pool.tend(lambda block: True)
    placed = pool.place(large)
    assert pool.find(placed) is not None
    assert pool.find(small) is None, "of the block that was given back: to be copied"
    assert (small == 5).all()
    assert len(segments()) == 1
    assert pool.find(pool.place(picture(1))) is not None, "a smaller one fits, too"


def test_a_process_that_cannot_map_the_nameless_block_gets_another(pool: FramePool) -> None:
    first = pool._block
    assert first is not None
    first.unlink()
    pool.tend(lambda block: block.named)
    assert pool._block is not first
    assert len(segments()) == 1


def test_memory_that_is_given_back_is_unmapped_with_the_last_picture() -> None:
    def mappings() -> int:
        with open("/proc/self/maps") as maps:
            return sum(f"polypwatch_{os.getpid()}_" in line for line in maps)

    before, given_back = mappings(), len(frame_pool._GIVEN_BACK)  # other tests' pictures may still be held
    pool = FramePool()
    pool.place(picture(0))
    pool.tend(lambda block: True)
    held = pool.place(picture(9))
    pool.close()
    assert not segments()
    assert (held == 9).all()
    assert mappings() == before + 1
    del held
    pool.close()
    assert mappings() == before
    assert len(frame_pool._GIVEN_BACK) <= given_back
    assert (pool.place(picture(1)) == 1).all()


def test_too_little_memory_is_said_once_and_pictures_stay_where_they_are(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(frame_pool, "free_bytes", lambda: 2 * (FEWEST_SLOTS - 1) * 8192)
    pool = FramePool()
    image = picture(1)
    for _ in range(5):
        assert pool.place(image) is image
        pool.tend(lambda block: True)
    assert len(caplog.records) == 1
    assert "copied for the AI" in caplog.text
    assert not segments()


def test_very_large_pictures_get_fewer_slots() -> None:
    assert FramePool()._affordable(2160 * 3840 * 3) == 10
