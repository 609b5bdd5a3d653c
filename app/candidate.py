"""A second model that runs unseen beside the first, for QA to compare: fed with the same newest pictures.

It must cost the first one nothing. Its process takes only what nobody else wants, and as soon as the first model falls
behind the candidate rests, says so, and is tried again later: each time later than the last.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from app.ai_port import AiFactory
from app.live_settings import LiveSettings, Sensitivity
from app.overlay import Overlay
from app.results_log import CANDIDATE, LogRow, Row, failed_row, head_of, row_of
from app.snapshot import AiSnapshot
from app.standing import ai_snapshot
from detector.detections import Detections, DetectorInfo
from detector.frame import Frame
from detector.watchdog import AiState, WatchdogSettings
from detector.worker import ONLY_IDLE, AiSettings

_LOG = logging.getLogger(__name__)
_FIRST_REST_NS = 10_000_000_000
_LONGEST_REST_NS = 320_000_000_000
PAUSED = "paused: the first model fell behind, this computer does not hold both"
WAITS = "waits for the first model"

# A process that gets only what is left over is slow without being stuck.
_PATIENCE = WatchdogSettings(overlay_limit_s=2.0, stall_min_s=30.0, start_limit_s=600.0)


def candidate_settings(min_score: float | None) -> AiSettings:
    """How a candidate's process is run: only where a processor is idle, and with patience.

    Args:
        min_score: lowest score to ask its detector for.
    """
    return AiSettings(_PATIENCE, ONLY_IDLE, min_score)


class Rest:
    """Whether there is room for a second model, as the first one's state tells."""

    def __init__(self) -> None:
        self._length_ns = _FIRST_REST_NS
        self._until_ns = 0
        self._was_fed = False
        self.reason = WAITS

    def room(self, first: AiState, now_ns: int) -> bool:
        """Whether the candidate gets the picture of ``now_ns``."""
        if first in (AiState.LATE, AiState.STALLED) and self._was_fed:
            self._until_ns = now_ns + self._length_ns
            self._length_ns = min(_LONGEST_REST_NS, 2 * self._length_ns)
        resting = now_ns < self._until_ns
        self._was_fed = first is AiState.ON and not resting
        self.reason = "" if self._was_fed else PAUSED if resting else WAITS
        return self._was_fed


class Candidate:
    """The second AI process, its tracks, and whether it rests.

    Args:
        make_ai: builds the process.
        on_row: gets what is to be noted of every frame, from its supervisor's thread.
        on_change: called when its state changed.
        clock_ns: replaced in tests.
    """

    def __init__(
        self,
        make_ai: AiFactory,
        on_row: Callable[[Row], None],
        on_change: Callable[[], None],
        clock_ns: Callable[[], int] = time.perf_counter_ns,
    ) -> None:
        self._sensitivity = Sensitivity(LiveSettings())  # the limits that its figures were measured with
        self._on_row = on_row
        self._clock_ns = clock_ns
        self._lock = threading.Lock()
        self._overlay = Overlay(self._sensitivity.limits)
        self._rest = Rest()
        self._started = self._stopped = False
        self._ai = make_ai(self._take_result, self._take_failure, on_change)

    def offer(self, frame: Frame, first: AiState) -> None:
        """The newest picture, and the first model's state; from the capture thread, never waits."""
        with self._lock:
            if self._stopped or not self._rest.room(first, self._clock_ns()):
                return
            self._overlay.asked(frame)
            start, self._started = not self._started, True
        if start:  # only now: two models that load at once delay the first
            self._ai.start()
        self._ai.submit(frame)

    def stop(self) -> None:
        """End the process. Safe to call twice."""
        with self._lock:
            self._stopped = True
        self._ai.stop()

    def snapshot(self, now_ns: int) -> AiSnapshot:
        """Its state; OFF, with the reason, while it rests."""
        report = self._ai.snapshot(now_ns)
        with self._lock:
            told = ai_snapshot(report, self._overlay, None, now_ns, _LONGEST_REST_NS, None)
            if self._rest.reason and told.state is not AiState.FAILED:
                return replace(told, state=AiState.OFF, detail=self._rest.reason)
            return told

    # -- from its supervisor's thread -----------------------------------------------------------------------------

    def _take_result(self, detections: Detections, captured_ns: int) -> None:
        received_ns = self._clock_ns()
        info = self._ai.snapshot(received_ns).info
        if info is None:
            return
        with self._lock:
            analysed = self._overlay.answered(detections, info, captured_ns, received_ns, visible=False)
        if analysed is not None:
            self._on_row(lambda: self._log_row(info, row_of(analysed, (), CANDIDATE)))

    def _take_failure(self, index: int, message: str) -> None:
        _LOG.warning("the candidate could not analyse frame %d: %s", index, message)
        with self._lock:
            failed = self._overlay.failed(index, message)
        info = self._ai.snapshot(self._clock_ns()).info
        if info is not None:
            self._on_row(lambda: self._log_row(info, failed_row(failed)))

    def _log_row(self, info: DetectorInfo, row: Mapping[str, Any]) -> LogRow:
        return LogRow(CANDIDATE, head_of(info, self._sensitivity.limits(info), self._sensitivity.name), row)
