"""An AI process on the bench: fed like a live source would, and everything it says written down with the time."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from detector.detections import Detections
from detector.watchdog import AiState, WatchdogSettings
from detector.worker import AiProcess, AiReport, AiSettings
from tests.detector.scripted import SCRIPTED, painted

MS = 1_000_000
INTERVAL_S = 1 / 30
# At ordinary priority, so that other work on the machine does not decide how long a test takes.
PROMPT = AiSettings(niceness=0)


@dataclass(frozen=True)
class Result:
    detections: Detections
    captured_ns: int
    at_ns: int
    generation: int

    @property
    def index(self) -> int:
        return self.detections.frame_index


@dataclass(frozen=True)
class Change:
    at_ns: int
    report: AiReport


class Rig:
    """Submits painted frames at 30 frames/s from its own thread until it is closed."""

    def __init__(
        self, detector: str = SCRIPTED, settings: AiSettings | None = None, pooled: bool = False, **options: Any
    ) -> None:
        self.pooled = pooled
        self.results: list[Result] = []
        self.failures: list[tuple[int, str]] = []
        self.changes: list[Change] = []
        self.captured: dict[int, int] = {}
        self.submit_ns: list[int] = []
        self.shape = (270, 480)
        self.on_result: Callable[[Detections], None] = lambda detections: None
        self.ai = AiProcess(
            detector, options, settings or PROMPT, self._result, lambda *f: self.failures.append(f), self._change
        )
        self._source_on = threading.Event()
        self._closing = False
        self._next = 0
        self._source = threading.Thread(target=self._run_source, name="test-source", daemon=True)

    def start(self, once_ready: bool = False) -> None:
        """With the source at once, or when the AI is up: then it gets every early frame however busy the machine is."""
        self.ai.start()
        if once_ready:
            self.wait_for(AiState.ON, timeout_s=30)
        self._source_on.set()
        self._source.start()

    def close(self) -> None:
        self._closing = True
        self._source_on.set()
        if self._source.ident is not None:
            self._source.join()
        self.ai.stop()

    def pause_source(self) -> None:
        self._source_on.clear()
        time.sleep(2 * INTERVAL_S)

    def resume_source(self) -> None:
        self._source_on.set()

    @property
    def report(self) -> AiReport:
        return self.ai.snapshot(time.perf_counter_ns())

    @property
    def pid(self) -> int:
        link = self.ai._link
        assert link is not None
        assert link.pid is not None
        return link.pid

    @property
    def states(self) -> list[AiState]:
        """The states in the order in which they were announced, without repetition."""
        states = [change.report.state for change in self.changes]
        return [state for i, state in enumerate(states) if i == 0 or states[i - 1] is not state]

    def when(self, state: AiState, after_ns: int = 0) -> int:
        """The first instant after ``after_ns`` at which ``state`` was announced; far in the future if never."""
        return next((c.at_ns for c in self.changes if c.report.state is state and c.at_ns > after_ns), sys.maxsize)

    def wait(self, condition: Callable[[], object], timeout_s: float = 10.0) -> None:
        deadline = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline, f"not in {timeout_s} s: {self.report}, {self.states}"
            time.sleep(0.005)

    def wait_for(self, state: AiState, timeout_s: float = 10.0) -> AiReport:
        self.wait(lambda: self.report.state is state, timeout_s)
        return self.report

    def wait_results(self, count: int, timeout_s: float = 10.0) -> None:
        """Until ``count`` more results have come."""
        goal = len(self.results) + count
        self.wait(lambda: len(self.results) >= goal, timeout_s)

    def check_results(self) -> None:
        """Every result belongs to the picture, the time and the order that it claims."""
        for result in self.results:
            index = result.index
            assert result.detections.boxes.tolist() == [[index, index, index + 1, index + 1]]
            assert result.captured_ns == self.captured[index]
            assert result.detections.time is not None
            assert result.detections.time.pts == index * 3000
        indices = [result.index for result in self.results]
        assert indices == sorted(set(indices))
        generations = [result.generation for result in self.results]
        assert generations == sorted(generations)
        assert not set(indices) & {index for index, _ in self.failures}

    def check_counts(self) -> None:
        """Every submitted frame is accounted for once, but for the two that may still be under way."""
        report = self.report
        assert report.analysed == len(self.results)
        assert report.failed == len(self.failures)
        under_way = len(self.submit_ns) - report.analysed - report.failed - report.skipped
        assert 0 <= under_way <= 2, report

    def check_submit(self) -> None:
        """Handing over never held up the source; the tail leaves room for other work on the machine."""
        median, p90 = np.percentile(self.submit_ns, [50, 90])
        assert median < 1 * MS
        assert p90 < 20 * MS
        assert max(self.submit_ns) < 500 * MS

    def _run_source(self) -> None:
        while not self._closing:
            self._source_on.wait()
            frame = painted(self._next, *self.shape)
            if self.pooled:
                frame = replace(frame, image=self.ai.pool.place(frame.image))
            self.captured[frame.index] = frame.captured_ns
            start = time.perf_counter_ns()
            self.ai.submit(frame)
            self.submit_ns.append(time.perf_counter_ns() - start)
            self._next += 1
            time.sleep(INTERVAL_S)

    def _result(self, detections: Detections, captured_ns: int) -> None:
        now_ns = time.perf_counter_ns()
        self.results.append(Result(detections, captured_ns, now_ns, self.ai.snapshot(now_ns).generation))
        self.on_result(detections)

    def _change(self) -> None:
        now_ns = time.perf_counter_ns()
        self.changes.append(Change(now_ns, self.ai.snapshot(now_ns)))


def impatient(**limits: float) -> AiSettings:
    """Settings with some limits shortened."""
    return AiSettings(watchdog=WatchdogSettings(**limits), niceness=0)  # type: ignore[arg-type]


def segments(pid: int | None = None) -> list[str]:
    """The named shared memory of a parent process; without one, of this."""
    return [name for name in os.listdir("/dev/shm") if name.startswith(f"polypwatch_{pid or os.getpid()}_")]


def running(pid: int) -> bool:
    """Whether the process exists and is not just waiting to be reaped."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
