"""Pictures that lie in the pool reach the AI process without a copy, whatever happens to it, to them and to memory."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detector import frame_pool
from detector.watchdog import AiState
from tests.detector.worker_rig import Rig, running, segments


@pytest.fixture
def rigs() -> Iterator[list[Rig]]:
    """Rigs that a test builds; afterwards no process or shared memory of theirs may be left."""
    made: list[Rig] = []
    yield made
    pids = [link.pid for rig in made if (link := rig.ai._link) is not None]
    for rig in made:
        rig.close()
    assert not [pid for pid in pids if pid is not None and running(pid)]
    assert not segments()


def started(rigs: list[Rig], **options: Any) -> Rig:
    rig = Rig(pooled=True, **options)
    rigs.append(rig)
    rig.start()
    return rig


def check(rig: Rig) -> None:
    rig.pause_source()
    rig.wait(lambda: rig.report.idle)
    rig.check_results()
    rig.check_counts()


def test_after_the_first_pictures_nothing_is_copied_and_every_result_is_of_its_own_picture(rigs: list[Rig]) -> None:
    rig = started(rigs, work_s=0.005)
    rig.shape = (1080, 1920)
    rig.wait_results(5)
    copied = rig.report.copied
    assert 1 <= copied <= 4
    rig.wait_results(60)
    assert rig.report.copied == copied
    assert rig.ai.pool.placed >= 60
    assert rig.ai.pool.refused == 0
    assert not segments(), "nameless memory cannot leak"
    stages = [result.detections.stage_ns for result in rig.results[10:]]
    assert all(stage["copy"] == 0 and stage["handover"] > 0 and stage["queue"] >= 0 for stage in stages)
    check(rig)
    block = rig.ai.pool._block
    assert block is not None
    assert block.free >= frame_pool.SLOTS - 4, "the AI holds three at most, the rig one"


def test_a_picture_that_the_ai_had_is_not_overwritten_before_two_more_were_there(rigs: list[Rig]) -> None:
    rig = started(rigs)
    rig.wait_results(20)
    link = rig.ai._link
    assert link is not None
    held = [frame.index for frame in link._held]
    assert len(held) == 3
    check(rig)


def test_a_killed_process_is_followed_by_one_that_needs_no_copies_either(rigs: list[Rig]) -> None:
    rig = started(rigs, work_s=0.005)
    rig.wait_results(20)
    for generation in (2, 3):
        os.kill(rig.pid, signal.SIGKILL)
        rig.wait(lambda g=generation: rig.report.generation == g and rig.report.state is AiState.ON)  # type: ignore[misc]
        rig.wait_results(10)
        copied = rig.report.copied
        rig.wait_results(20)
        assert rig.report.copied == copied
        assert not segments()
    check(rig)


def test_pictures_may_change_their_size(rigs: list[Rig]) -> None:
    rig = started(rigs)
    for shape in ((270, 480), (1080, 1920), (200, 301), (2160, 3840)):
        rig.shape = shape
        rig.wait_results(12)
        copied = rig.report.copied
        rig.wait_results(5)
        assert rig.report.copied == copied
    assert rig.report.generation == 1
    check(rig)


def test_pictures_that_someone_keeps_for_ever_are_copied_counted_and_analysed(rigs: list[Rig]) -> None:
    rig = started(rigs)
    rig.wait_results(10)
    place, kept = rig.ai.pool.place, []

    def hoarding(image: Any) -> Any:
        kept.append(place(image))
        return kept[-1]

    rig.ai.pool.place = hoarding  # type: ignore[method-assign]
    rig.wait(lambda: rig.ai.pool.refused > 5)
    rig.wait_results(5)
    assert rig.results[-1].detections.stage_ns["copy"] > 0
    assert rig.report.copied > 5
    check(rig)
    firsts = [int(image.reshape(-1)[:4].view("<u4")[0]) for image in kept]
    assert firsts == sorted(set(firsts)), "a picture that was kept was overwritten"


def test_without_room_for_a_pool_every_picture_is_copied_and_the_ai_works(
    rigs: list[Rig], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frame_pool, "free_bytes", lambda: 0)
    rig = started(rigs)
    rig.wait_results(20)
    assert (rig.ai.pool.placed, rig.report.generation) == (0, 1)
    assert rig.report.copied >= 20
    check(rig)


def test_switched_off_nothing_is_placed(rigs: list[Rig]) -> None:
    rig = started(rigs)
    rig.wait(lambda: rig.ai.pool.placed > 5)
    rig.ai.set_enabled(False)
    time.sleep(0.1)
    placed = rig.ai.pool.placed
    time.sleep(0.2)
    assert rig.ai.pool.placed == placed
    rig.ai.set_enabled(True)
    rig.wait(lambda: rig.ai.pool.placed > placed)
    check(rig)


def test_a_held_picture_outlives_the_ai_process_and_its_pool(tmp_path: Path) -> None:
    rig = Rig(pooled=True)
    rig.start()
    rig.wait(lambda: rig.ai.pool.placed > 0)
    shown = rig.ai.pool.place(np.full((270, 480, 3), 77, np.uint8))
    rig.close()
    assert not segments()
    assert (shown == 77).all()
