"""The AI process with real processes that work, crawl, raise, hang, die and are killed, at 30 frames/s."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detector.detections import Detections
from detector.watchdog import AiState
from detector.worker import AiProcess, AiSettings
from tests.detector.scripted import ONNX, SCRIPTED, painted
from tests.detector.worker_rig import MS, Rig, impatient, running, segments

# How much later than on an idle machine a state may be noticed on a busy one.
SLACK_MS = 150


@pytest.fixture
def rigs() -> Iterator[list[Rig]]:
    """Rigs that a test builds; afterwards no thread, process or shared memory of theirs may be left."""
    made: list[Rig] = []
    yield made
    pids = [link.pid for rig in made if (link := rig.ai._link) is not None]
    for rig in made:
        start = time.monotonic()
        rig.close()
        assert time.monotonic() - start < 2
    assert not [pid for pid in pids if pid is not None and running(pid)]
    assert not segments()
    assert not [t.name for t in threading.enumerate() if t.name in ("ai-supervisor", "test-source")]


def started(rigs: list[Rig], **options: Any) -> Rig:
    rig = Rig(**options)
    rigs.append(rig)
    rig.start()
    return rig


def check(rig: Rig) -> None:
    rig.pause_source()
    rig.wait(lambda: rig.report.idle)
    rig.check_results()
    rig.check_counts()
    rig.check_submit()


def test_it_starts_and_every_result_belongs_to_its_picture(rigs: list[Rig]) -> None:
    rig = started(rigs, work_s=0.005)
    rig.wait_results(40)
    report = rig.report
    assert (report.state, report.detail, report.generation, report.restarts) == (AiState.ON, "", 1, 0)
    assert report.info is not None
    assert (report.info.model, report.info.classes) == ("scripted", ("polyp",))
    assert report.latency_ns is not None
    assert 0 < report.latency_ns < 250 * MS
    assert rig.states[0] is AiState.STARTING
    assert AiState.STALLED not in rig.states
    check(rig)
    stages = [result.detections.stage_ns for result in rig.results]
    assert all(stage["infer"] == 1 and stage["handover"] > 0 for stage in stages)
    assert not rig.results[0].detections.boxes.flags.writeable


def test_the_worker_is_lean_low_in_priority_and_deaf_to_ctrl_c(rigs: list[Rig]) -> None:
    rig = started(rigs, settings=AiSettings())
    rig.wait_results(3)
    assert rig.report.info is not None
    assert rig.report.info.provider_reason == "", "imported by the worker although nothing asked for it"
    assert os.getpriority(os.PRIO_PROCESS, rig.pid) == 19
    os.kill(rig.pid, signal.SIGINT)
    rig.wait_results(10)
    assert rig.report.restarts == 0


def test_the_newest_frame_wins(rigs: list[Rig]) -> None:
    rig = started(rigs, work_s=0.1)
    rig.wait_results(10)
    assert rig.report.skipped > 10
    # It never waited behind older ones: at most the frame before it was being analysed when it came.
    ages_ms = [(result.at_ns - result.captured_ns) / MS for result in rig.results[3:]]
    assert np.median(ages_ms) < 200 + SLACK_MS
    check(rig)


def test_a_hanging_detector_is_late_then_stalled_then_replaced(rigs: list[Rig], tmp_path: Path) -> None:
    rig = Rig(trick="hang", at=30, once=str(tmp_path / "hung"))
    rigs.append(rig)
    rig.start(once_ready=True)
    rig.wait(lambda: rig.report.generation == 2 and rig.report.state is AiState.ON)
    rig.wait_results(10)
    stalled_ns = rig.when(AiState.STALLED)
    last = max((r for r in rig.results if r.at_ns < stalled_ns), key=lambda r: r.at_ns)
    late_ns = rig.when(AiState.LATE, after_ns=last.at_ns)
    assert 250 <= (late_ns - last.captured_ns) / MS < 250 + SLACK_MS
    assert 1000 <= (stalled_ns - last.captured_ns) / MS < 1000 + 100 + SLACK_MS
    restarting_ns = rig.when(AiState.RESTARTING, after_ns=stalled_ns)
    assert (restarting_ns - stalled_ns) / MS < SLACK_MS
    back = next(r for r in rig.results if r.at_ns > stalled_ns)
    assert (back.at_ns - stalled_ns) / MS < 5000
    assert [(index, message) for index, message in rig.failures if index == last.index + 1], "the lost frame is told"
    assert rig.failures[0][1] == "no result for 1.0 s"
    check(rig)


def test_even_one_that_holds_the_interpreters_lock_is_replaced(rigs: list[Rig], tmp_path: Path) -> None:
    rig = started(rigs, trick="seize", at=10, once=str(tmp_path / "seized"))
    rig.wait(lambda: rig.report.generation == 2 and rig.report.state is AiState.ON)
    check(rig)


def test_a_detector_that_always_raises_never_looks_like_an_empty_result(rigs: list[Rig]) -> None:
    rig = started(rigs, trick="raise", at=0)
    rig.wait(lambda: rig.report.restarts == 1)
    assert "RuntimeError: scripted failure" in {c.report.detail for c in rig.changes if c.report.state is AiState.LATE}
    restarting = next(c.report for c in rig.changes if c.report.state is AiState.RESTARTING)
    assert restarting.detail == "RuntimeError: scripted failure"
    assert restarting.failed > 5
    assert not rig.results
    assert rig.report.newest_result_captured_ns is None
    check(rig)


def test_a_few_failing_frames_are_told_and_survived(rigs: list[Rig]) -> None:
    rig = started(rigs, trick="raise", at=40, until=43)
    rig.wait(lambda: any(result.index > 50 for result in rig.results))
    check(rig)
    assert {index for index, _ in rig.failures} <= {40, 41, 42}
    assert rig.failures
    assert rig.report.restarts == 0
    assert AiState.RESTARTING not in rig.states


def test_a_crawling_detector_is_behind_but_alive(rigs: list[Rig]) -> None:
    rig = started(rigs, work_s=0.5)
    rig.wait_results(4)
    first = rig.results[0].at_ns
    assert {c.report.state for c in rig.changes if c.at_ns > first} <= {AiState.LATE}
    assert rig.report.state is AiState.LATE
    assert rig.report.restarts == 0
    rig.check_results()


def test_a_process_that_ends_by_itself_is_replaced(rigs: list[Rig], tmp_path: Path) -> None:
    rig = started(rigs, trick="exit", at=20, once=str(tmp_path / "ended"))
    rig.wait(lambda: rig.report.generation == 2 and rig.report.state is AiState.ON)
    details = {change.report.detail for change in rig.changes if change.report.state is AiState.RESTARTING}
    assert details == {"the AI process ended with status 7"}
    assert [message for _, message in rig.failures] == ["the AI process ended with status 7"]
    check(rig)


def test_killed_from_outside_it_says_so_at_once_and_is_back_within_five_seconds(rigs: list[Rig]) -> None:
    rig = started(rigs, work_s=0.02)
    rig.shape = (1080, 1920)
    rig.wait_results(10)
    for generation in (1, 2):
        killed_ns = time.perf_counter_ns()
        os.kill(rig.pid, signal.SIGKILL)
        rig.wait(lambda g=generation: rig.results[-1].generation > g)  # type: ignore[misc]
        told_ns = min(rig.when(state, killed_ns) for state in (AiState.RESTARTING, AiState.LATE))
        assert (told_ns - killed_ns) / MS < 250 + SLACK_MS
        assert (rig.results[-1].at_ns - killed_ns) / MS < 5000
        assert rig.report.state is AiState.ON
    assert any("SIGKILL" in change.report.detail for change in rig.changes)
    assert rig.report.restarts == 2
    check(rig)


def test_a_real_network_is_back_within_five_seconds(rigs: list[Rig], tmp_path: Path) -> None:
    helper = pytest.importorskip("onnx").helper
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["y"])], "g", [value("x", 1, [1, 3, 64, 64])], [value("y", 1, [1, 3, 64, 64])]
    )
    path = tmp_path / "net.onnx"
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    rig = started(rigs, detector=ONNX, path=str(path), settings=AiSettings())
    rig.wait_results(5)
    killed_ns = time.perf_counter_ns()
    os.kill(rig.pid, signal.SIGKILL)
    rig.wait(lambda: rig.report.generation == 2)
    rig.wait_results(1)
    assert (rig.results[-1].at_ns - killed_ns) / MS < 5000
    check(rig)


def test_what_cannot_be_imported_is_told_and_tried_again(rigs: list[Rig]) -> None:
    rig = started(rigs, start="raise")
    rig.wait(lambda: rig.report.restarts >= 1)
    assert rig.report.state is AiState.RESTARTING
    assert rig.report.detail == "The detector did not start: ImportError: no such library."
    assert rig.report.info is None


def test_a_factory_that_does_not_exist_is_told(rigs: list[Rig]) -> None:
    rig = started(rigs, detector="tests.detector.scripted:no_such_thing")
    assert "no_such_thing" in rig.wait_for(AiState.RESTARTING).detail


def test_a_damaged_model_is_final_until_the_user_tries_again(rigs: list[Rig]) -> None:
    rig = started(rigs, start="model error")
    assert rig.wait_for(AiState.FAILED).detail == "model.onnx does not match its hash. Copy the model again."
    time.sleep(0.5)
    assert (rig.report.state, rig.report.generation) == (AiState.FAILED, 1)
    rig.ai.set_enabled(False)
    assert rig.report.state is AiState.OFF
    rig.ai.set_enabled(True)
    rig.wait(lambda: rig.report.generation == 2)
    rig.wait_for(AiState.FAILED)
    assert AiState.STALLED not in rig.states


def test_a_start_that_hangs_is_ended_at_its_limit(rigs: list[Rig]) -> None:
    rig = started(rigs, start="hang", settings=impatient(start_limit_s=1.0))
    rig.wait(lambda: rig.report.generation == 2)
    started_ns, stalled_ns = rig.when(AiState.STARTING), rig.when(AiState.STALLED)
    assert 1000 - 50 <= (stalled_ns - started_ns) / MS < 1000 + SLACK_MS
    assert rig.report.detail == "not ready after 1 s"


def test_a_start_that_ends_the_process_is_told(rigs: list[Rig]) -> None:
    rig = started(rigs, start="exit")
    assert rig.wait_for(AiState.RESTARTING).detail == "the AI process ended with status 3"


def test_a_lost_source_does_not_look_like_a_stall(rigs: list[Rig]) -> None:
    rig = started(rigs)
    rig.wait_results(3)
    rig.pause_source()
    time.sleep(1.5)
    report = rig.report
    assert (report.state, report.detail, report.idle) == (AiState.LATE, "no new picture", True)
    rig.resume_source()
    rig.wait_results(3)
    assert rig.report.state is AiState.ON
    assert rig.report.restarts == 0
    check(rig)


def test_switched_off_it_stays_loaded_and_silent(rigs: list[Rig]) -> None:
    rig = started(rigs)
    rig.wait_results(5)
    pid = rig.pid
    rig.ai.set_enabled(False)
    assert rig.report.state is AiState.OFF
    time.sleep(0.1)
    count = len(rig.results)
    time.sleep(0.4)
    assert len(rig.results) == count
    rig.ai.set_enabled(True)
    rig.wait_results(5)
    assert rig.pid == pid
    assert rig.report.generation == 1
    check(rig)


def test_a_process_that_dies_while_off_is_started_when_switched_on(rigs: list[Rig]) -> None:
    rig = started(rigs)
    rig.wait_results(5)
    rig.ai.set_enabled(False)
    os.kill(rig.pid, signal.SIGKILL)
    time.sleep(0.5)
    assert (rig.report.state, rig.report.generation) == (AiState.OFF, 1)
    rig.ai.set_enabled(True)
    rig.wait_results(5)
    assert rig.report.generation == 2
    check(rig)


def test_pictures_may_change_their_size(rigs: list[Rig]) -> None:
    rig = started(rigs)
    for shape in ((270, 480), (1080, 1920), (200, 301), (2160, 3840)):
        rig.shape = shape
        rig.wait_results(8)
        assert len(segments()) <= 1
    assert rig.report.generation == 1
    check(rig)


def test_the_lowest_score_reaches_the_detector(rigs: list[Rig]) -> None:
    rig = started(rigs, settings=AiSettings(min_score=0.25))
    rig.wait_results(2)
    assert rig.results[0].detections.scores.tolist() == [0.25]
    rig.ai.set_min_score(0.125)
    rig.wait(lambda: rig.results[-1].detections.scores.tolist() == [0.125])
    check(rig)


def test_stopping_is_quick_while_the_worker_hangs(rigs: list[Rig]) -> None:
    rig = started(rigs, trick="seize", at=0)
    rig.wait_for(AiState.LATE)
    pid = rig.pid
    start = time.monotonic()
    rig.close()
    assert time.monotonic() - start < 2
    assert not running(pid)
    rig.ai.stop()
    rig.ai.submit(painted(0))


def test_a_consumer_that_fails_is_told_and_not_the_end(rigs: list[Rig], caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig()
    rigs.append(rig)

    def fail_once(detections: Detections) -> None:
        rig.on_result = lambda detections: None
        raise ZeroDivisionError("in the consumer")

    rig.on_result = fail_once
    rig.start()
    rig.wait(lambda: rig.report.generation == 2 and rig.report.state is AiState.ON)
    assert "the AI supervisor failed" in caplog.text
    assert any("in the consumer" in change.report.detail for change in rig.changes)


def test_an_answer_that_came_while_the_supervisor_was_held_up_counts(rigs: list[Rig]) -> None:
    rig = Rig(work_s=0.05)
    rigs.append(rig)

    def hold_up(detections: Detections) -> None:
        if len(rig.results) == 10:
            time.sleep(1.2)

    rig.on_result = hold_up
    rig.start()
    rig.wait_results(30)
    assert AiState.STALLED not in rig.states
    assert rig.report.generation == 1
    check(rig)


def test_options_that_are_not_plain_are_refused() -> None:
    with pytest.raises(TypeError):
        AiProcess(SCRIPTED, {"detector": object()}, AiSettings(), lambda d, c: None, lambda i, m: None)


def test_one_that_was_never_started_can_be_stopped() -> None:
    AiProcess(SCRIPTED, {}, AiSettings(), lambda d, c: None, lambda i, m: None).stop()
