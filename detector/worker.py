"""The AI process from the outside: frames in, detections out, and a state that is true whatever the process does.

``AiProcess`` owns one supervisor thread. It alone talks to the worker, asks the watchdog what to do, kills and
restarts; the thread that submits frames never touches a worker's pipe, a process or a pixel.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from multiprocessing.connection import wait
from typing import Any

from detector.bell import Bell
from detector.detections import Detections, DetectorInfo
from detector.errors import WorkerError
from detector.frame import Frame
from detector.frame_pool import FramePool
from detector.watchdog import Action, AiState, Decision, Watchdog, WatchdogSettings
from detector.worker_link import WorkerLink
from detector.worker_messages import (
    FrameFailed,
    FrameResult,
    FromWorker,
    InfoChanged,
    Preparing,
    StartFailed,
    WorkerOrder,
    WorkerReady,
)

_LOG = logging.getLogger(__name__)
# Every event wakes the supervisor and the watchdog names every deadline; this is for what neither announces, such as
# the end of a killed process that a driver held back.
_IDLE_S = 0.5
_GRACE_S = 0.3
_STOP_S = 1.5
_AFTER_ERROR_S = 0.05


ONLY_IDLE = 20
"""Niceness of a process that runs only where a processor has nothing else to do: for a model that nobody waits for."""


@dataclass(frozen=True, slots=True)
class AiSettings:
    """How the AI process is run.

    Attributes:
        watchdog: when it is late, stalled, restarted.
        niceness: its priority, 0 to 19: painting and recording come first on a small machine. :data:`ONLY_IDLE` takes
            what nobody else wants.
        min_score: lowest score to ask the detector for; None asks for its operating threshold.
    """

    watchdog: WatchdogSettings = field(default_factory=WatchdogSettings)
    niceness: int = 19
    min_score: float | None = None


@dataclass(frozen=True, slots=True)
class AiReport:
    """The AI at one instant.

    Attributes:
        state: what it is doing.
        detail: why, in words; empty while all is well.
        info: what runs; None until it came up once.
        analysed: frames with a result, empty or not.
        skipped: frames that the AI never saw, because a newer one was there or the AI was switched off.
        failed: frames on which the detector raised, or with which the process was lost.
        restarts: processes that took the place of one that had ended.
        newest_result_captured_ns: when the frame of the newest result was captured.
        latency_ns: from capture to result, of the newest result.
        generation: of the newest process, counted from 1; 0 before the first.
        idle: True when every frame there is was analysed: a state of LATE then means that no picture comes.
        copied: frames that were copied for the AI, because their source had not put them into the pool.
    """

    state: AiState
    detail: str
    info: DetectorInfo | None
    analysed: int
    skipped: int
    failed: int
    restarts: int
    newest_result_captured_ns: int | None
    latency_ns: int | None
    generation: int
    idle: bool
    copied: int = 0


@dataclass(frozen=True, slots=True)
class _Flight:
    """The frame that the worker has not answered yet.

    Attributes:
        frame: the frame.
        submitted_ns: when it was offered.
        asked_ns: since when an idle worker and this frame were both there: the hand-over begins.
        copy_ns: how long copying it took.
    """

    frame: Frame
    submitted_ns: int
    asked_ns: int
    copy_ns: int


@dataclass(slots=True)
class _Counts:
    analysed: int = 0
    skipped: int = 0
    failed: int = 0
    copied: int = 0
    latency_ns: int | None = None


class AiProcess:
    """A detector in a process of its own, fed with the newest frame. Used once: started, then stopped.

    Args:
        detector: ``module:function`` that builds the detector in the process, found by import.
        options: keyword arguments for that function, as plain as JSON (model, provider, number of threads ...).
        settings: limits and priority.
        on_result: gets the detections of an analysed frame and when that frame was captured. This and the other two
            are called from the supervisor thread, which they should not hold up.
        on_failure: gets the index of a frame that could not be analysed, and why.
        on_state: called when ``snapshot`` would give another state or detail.

    Attributes:
        pool: where the source may put its pictures, so that they need not be copied for the AI.

    Raises:
        TypeError: the options are not plain.
    """

    def __init__(
        self,
        detector: str,
        options: Mapping[str, Any],
        settings: AiSettings,
        on_result: Callable[[Detections, int], None],
        on_failure: Callable[[int, str], None],
        on_state: Callable[[], None] = lambda: None,
    ) -> None:
        json.dumps(options)
        self._order = (detector, dict(options), settings.niceness)
        self._min_score = settings.min_score
        self._on_result = on_result
        self._on_failure = on_failure
        self._on_state = on_state
        self.pool = FramePool()
        # The lock guards what follows it, for microseconds at a time: never during a copy, a launch or a callback.
        self._lock = threading.Lock()
        self._watchdog = Watchdog(settings.watchdog)
        self._pending: tuple[Frame, int] | None = None
        self._shape: tuple[int, int, int] | None = None  # of the newest frame
        self._info: DetectorInfo | None = None
        self._counts = _Counts()
        self._stopping = False
        # The rest belongs to the supervisor thread.
        self._link: WorkerLink | None = None
        self._flight: _Flight | None = None
        self._free_ns = 0
        self._lost: list[tuple[int, str]] = []
        self._killed: list[WorkerLink] = []
        self._told = (AiState.OFF, "")
        self._bell = Bell()
        self._thread = threading.Thread(target=self._supervise, name="ai-supervisor", daemon=True)

    # -- from any thread ------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Switch the AI on and start the process; returns at once."""
        self.set_enabled(True)
        self._thread.start()

    def stop(self) -> None:
        """End the process, hanging or not, within two seconds; no callback is made afterwards. Safe to call twice."""
        with self._lock:
            self._stopping = True
        self._bell.ring()
        if self._thread.ident is not None and self._thread is not threading.current_thread():
            self._thread.join(_STOP_S)
            if self._thread.is_alive():
                _LOG.warning("the AI supervisor did not end in time")

    def submit(self, frame: Frame) -> None:
        """Offer the newest frame; it takes the place of one that is still waiting. Never blocks, never copies."""
        now_ns = time.perf_counter_ns()
        with self._lock:
            if self._stopping or not self._watchdog.enabled:
                self._counts.skipped += 1
                return
            self._counts.skipped += self._pending is not None
            self._pending = (frame, now_ns)
            self._shape = (frame.size.height, frame.size.width, 3)
            self._watchdog.submitted(frame.captured_ns)
        self._bell.ring()

    def set_enabled(self, enabled: bool) -> None:
        """Switch the AI on or off. Off, the process stays loaded and idle; on, a failed one is tried again."""
        self.pool.wanted = enabled
        with self._lock:
            if enabled:
                self._watchdog.enable(time.perf_counter_ns())
            else:
                self._watchdog.disable()
                self._counts.skipped += self._pending is not None
                self._pending = None
        self._bell.ring()

    def set_min_score(self, min_score: float | None) -> None:
        """Change the lowest score to ask the detector for, from the next frame on."""
        self._min_score = min_score

    def snapshot(self, now_ns: int) -> AiReport:
        """The state at ``now_ns`` (of ``perf_counter_ns``), true whatever the supervisor is busy with."""
        with self._lock:
            state, detail = self._watchdog.verdict(now_ns)
            return AiReport(
                state=state,
                detail=detail,
                info=self._info,
                analysed=self._counts.analysed,
                skipped=self._counts.skipped,
                failed=self._counts.failed,
                restarts=self._watchdog.restarts,
                newest_result_captured_ns=self._watchdog.newest_captured_ns,
                latency_ns=self._counts.latency_ns,
                generation=self._watchdog.generation,
                idle=self._watchdog.idle,
                copied=self._counts.copied,
            )

    # -- the supervisor thread ------------------------------------------------------------------------------------

    def _supervise(self) -> None:
        while not self._stopping:
            try:
                self._obey()
                self._hand_over()
                self._tell()
                self._await()
                self._listen()
            except Exception as error:  # root of the thread: the AI is started anew, and the screen says why
                _LOG.exception("the AI supervisor failed")
                self._end_link(f"internal error: {error!r}")
                time.sleep(_AFTER_ERROR_S)  # should it fail again at once, others still get the processor
        if self._link is not None:
            self._link.retire(_GRACE_S)
        for link in self._killed:
            link.retire(0.0)
        self._flight = None
        self.pool.close()
        self._bell.close()

    def _obey(self) -> None:
        """Do what the watchdog has decided."""
        self._killed = [link for link in self._killed if not link.buried()]
        decision = self._decide()
        if decision.action is Action.KILL:
            # If this thread was held up, the answer may have come: hear it before the worker is judged.
            self._listen()
            decision = self._decide()
        if decision.action is Action.START:
            self._launch()
        elif decision.action is Action.KILL:
            self._tell()  # that it is stalled, before it is no more
            self._end_link(decision.reason)

    def _decide(self) -> Decision:
        with self._lock:
            return self._watchdog.decide(time.perf_counter_ns())

    def _launch(self) -> None:
        with self._lock:
            generation = self._watchdog.started(time.perf_counter_ns())
            shape = self._shape
        try:
            self._link = WorkerLink(WorkerOrder(generation, *self._order, shape), self.pool)
        except WorkerError as error:
            self._end_link(str(error))

    def _hand_over(self) -> None:
        """Give the newest frame to an idle worker."""
        link = self._link
        if link is None or self._flight is not None:
            return
        with self._lock:
            if self._pending is None or not self._watchdog.takes_frames:
                return
            (frame, submitted_ns), self._pending = self._pending, None
            self._watchdog.sent(time.perf_counter_ns())
        self._flight = _Flight(frame, submitted_ns, max(submitted_ns, self._free_ns), 0)
        try:
            copy_ns = link.send(frame, self._min_score)
        except WorkerError as error:
            self._end_link(str(error))
        except OSError:
            self._end_link(link.epitaph())
        else:
            self._flight = replace(self._flight, copy_ns=copy_ns)
            self._counts.copied += copy_ns > 0
            if link.settled:
                self.pool.tend(link.can_map)  # while the worker is busy

    def _tell(self) -> None:
        """Report what is new: frames that were lost with their process, and the state."""
        while self._lost:
            self._on_failure(*self._lost.pop(0))
        with self._lock:
            verdict = self._watchdog.verdict(time.perf_counter_ns())
        if verdict != self._told:
            self._told = verdict
            _LOG.info("AI %s %s", verdict[0].value, verdict[1])
            self._on_state()

    def _await(self) -> None:
        """Sleep until something happens or is due."""
        decision = self._decide()
        timeout_s = _IDLE_S
        if decision.action is not Action.NONE:
            timeout_s = 0.0
        elif decision.wake_ns is not None:
            timeout_s = min(_IDLE_S, max(0.0, (decision.wake_ns - time.perf_counter_ns()) / 1e9))
        links = self._link.waitables if self._link is not None else []
        if self._bell.waitable in wait([self._bell.waitable, *links], timeout_s):
            self._bell.silence()

    def _listen(self) -> None:
        """Take in all that the worker said, and notice when it is gone."""
        link = self._link
        if link is None:
            return
        messages, alive = link.receive()
        for message in messages:
            if self._link is link:
                self._take(message)
        if not alive and self._link is link:
            self._end_link(link.epitaph())

    def _take(self, message: FromWorker) -> None:
        now_ns = self._free_ns = time.perf_counter_ns()
        if isinstance(message, WorkerReady):
            with self._lock:
                self._info = DetectorInfo(**message.info)
                self._watchdog.ready(message.warm_up_p99_ns, now_ns)
        elif isinstance(message, InfoChanged):
            with self._lock:
                self._info = DetectorInfo(**message.info)
        elif isinstance(message, StartFailed):
            self._take_start_failure(message)
        elif (flight := self._flight) is not None and message.index == flight.frame.index:
            if isinstance(message, Preparing):
                with self._lock:
                    self._watchdog.preparing(now_ns)
            elif isinstance(message, FrameResult):
                self._take_result(message, flight, now_ns)
            else:
                self._take_frame_failure(message, now_ns)

    def _take_start_failure(self, message: StartFailed) -> None:
        if message.trace:
            _LOG.warning("the AI process did not start:\n%s", message.trace)
        words = f"{message.what} {message.hint}".strip()
        if not message.permanent:
            self._end_link(words)
            return
        with self._lock:
            self._watchdog.fatal(words)
        self._end_link(words)

    def _take_result(self, message: FrameResult, flight: _Flight, now_ns: int) -> None:
        frame = flight.frame
        stages = {
            "queue": flight.asked_ns - flight.submitted_ns,
            "copy": flight.copy_ns,
            "handover": message.received_ns - flight.asked_ns - flight.copy_ns,
            **message.stage_ns,
        }
        detections = Detections(frame.index, frame.time, message.boxes, message.scores, message.classes, stages)
        self._flight = None
        with self._lock:
            self._watchdog.result(frame.captured_ns, now_ns)
            wanted = self._watchdog.enabled
            if wanted:
                self._counts.analysed += 1
                self._counts.latency_ns = now_ns - frame.captured_ns
            else:
                self._counts.skipped += 1
        self._hand_over()  # before the callback: the worker need not wait for it
        if wanted:
            self._on_result(detections, frame.captured_ns)

    def _take_frame_failure(self, message: FrameFailed, now_ns: int) -> None:
        self._flight = None
        with self._lock:
            self._watchdog.failed(message.message, now_ns)
            self._counts.failed += 1
        self._hand_over()
        self._on_failure(message.index, message.message)

    def _end_link(self, reason: str) -> None:
        """The process is gone or has to go; the frame that it had is lost with it: a failed one, not an empty one."""
        link, self._link = self._link, None
        flight, self._flight = self._flight, None
        if link is not None:
            link.kill()
            self._killed.append(link)
        with self._lock:
            self._watchdog.died(reason, time.perf_counter_ns())
            self._counts.failed += flight is not None
        if flight is not None:
            self._lost.append((flight.frame.index, reason))
