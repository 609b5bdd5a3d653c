"""A detector that needs seconds for every new size of pictures: told, waited for, and never begun again and again."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from detector.watchdog import AiState
from tests.detector.scripted import PINNING, PREPARING
from tests.detector.worker_rig import MS, Rig, impatient, running, segments

PREPARE_S = 3.0
READY = "getting ready for pictures of this size"


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


def check(rig: Rig) -> None:
    rig.pause_source()
    rig.wait(lambda: rig.report.idle)
    rig.check_results()
    rig.check_counts()


def test_a_size_that_takes_three_seconds_is_no_stall_and_after_a_restart_it_is_warmed_up(
    rigs: list[Rig], tmp_path: Path
) -> None:
    log = tmp_path / "log"
    rig = Rig(PREPARING, pooled=True, prepare_s=PREPARE_S, log=str(log))
    rigs.append(rig)
    rig.start()
    rig.wait_results(10, timeout_s=20)
    assert rig.report.generation == 1
    assert AiState.STALLED not in rig.states
    told = [(c.report.state, c.report.detail) for c in rig.changes]
    assert (AiState.STARTING, READY) in told
    info = rig.report.info
    assert info is not None
    assert info.provider_reason == "2 sizes", "what runs is told anew"
    begun = [line.split() for line in log.read_text().splitlines()]
    assert begun[0] == ["-1", "1920x1080"], "before a picture is known"
    assert [size for _, size in begun] == ["1920x1080", "480x270"]
    first = rig.results[0]
    assert first.index == int(begun[1][0])
    assert (first.at_ns - first.captured_ns) / MS > 1000 * PREPARE_S
    between = [c.report.state for c in rig.changes if first.captured_ns + 500 * MS < c.at_ns < first.at_ns]
    assert AiState.ON not in between, "no polyps were looked for meanwhile"

    os.kill(rig.pid, signal.SIGKILL)
    rig.wait(lambda: rig.report.generation == 2 and rig.report.state is AiState.ON, timeout_s=20)
    begun = [line.split() for line in log.read_text().splitlines()]
    assert begun[2:] == [["-1", "480x270"]], "the size that comes, and only that, before the process was ready"
    assert rig.report.restarts == 1
    check(rig)


def test_getting_ready_for_a_size_has_a_limit(rigs: list[Rig], tmp_path: Path) -> None:
    log = tmp_path / "log"
    rig = Rig(PREPARING, settings=impatient(start_limit_s=1.5), prepare_s=0.0, log=str(log), trick="hang", at=0)
    rigs.append(rig)
    rig.start()
    rig.wait(lambda: rig.report.generation == 2)
    assert {message for _, message in rig.failures} == {"not ready for this size after 1.5 s"}
    assert not rig.results


def test_a_card_reads_pictures_where_they_lie_and_lets_go_of_memory_before_it_is_unmapped(
    rigs: list[Rig], tmp_path: Path
) -> None:
    log = tmp_path / "log"
    rig = Rig(PINNING, pooled=True, log=str(log))
    rigs.append(rig)
    rig.start()
    rig.wait_results(15)
    rig.shape = (540, 960)
    rig.wait_results(20)
    lines = log.read_text().split()
    assert [line for line in lines if "pin" in line] == ["pin", "unpin", "pin"]
    assert lines[-1] == "direct"
    assert lines[: lines.index("pin")] == ["copied"] * lines.index("pin")
    assert rig.report.generation == 1
    check(rig)
