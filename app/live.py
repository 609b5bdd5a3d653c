"""The live session: source, AI process, markers and recorder, and what they add up to at any instant.

Video first: the capture thread does ``read -> recorder.offer -> show -> ai.submit`` and nothing more, never waits for
the AI or the window, and never sees a detector. No Qt here: the window, the offscreen run and the tests drive the same
session.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from app.ai_port import AiFactory as AiFactory
from app.ai_port import AiPort as AiPort
from app.ai_port import Pooled
from app.capture.placing import Placing
from app.feed import Feed
from app.overlay import AnalysedFrame, FailedFrame, Overlay
from app.picture.words import PictureReport
from app.recorder import Recorder
from app.snapshot import AiSnapshot, LiveSnapshot, SourceStatus
from app.synchrony import Synchroniser
from app.waker import Waker
from detector.detections import Detections
from detector.errors import OutputError, UsageError
from detector.frame import Frame, FrameSource
from detector.watchdog import AiState
from detector.worker import AiReport

_LOG = logging.getLogger(__name__)
_LAST_RESULT_S = 1.0
_JOIN_S = 5.0
_SLOW_INTERVALS = 1.5  # by then the result of the next picture is there, or the AI is behind
_SLOWEST_LIMIT_NS = 1_000_000_000
# What is on the screen is not what is in front of the scope: no box may suggest that the AI looks at it.
_NO_PICTURE = (SourceStatus.LOST, SourceStatus.GONE, SourceStatus.FAILED, SourceStatus.OPENING)


@dataclass(frozen=True, slots=True)
class LiveSettings:
    """How a live session behaves.

    Attributes:
        overlay_limit_ns: boxes of this age vanish; of a slow file those of one and a half intervals, if that is more.
        min_seen_s: how long a track must last before it shows.
        threshold: score from which a marker appears; None takes the model's operating threshold.
        recordings: folder for recordings; None if nothing can be recorded.
        retry_opening: try again even if the source could not be opened once: for cameras and streams in a window.
        synchronised: begin in the synchronised mode, in which each picture waits for its own boxes.
        wait_for_ai_s: begin a run offscreen only when the AI is up, or after this long; 0 for everything that is live.
    """

    overlay_limit_ns: int = 250_000_000
    min_seen_s: float = 0.2
    threshold: float | None = None
    recordings: Path | None = None
    retry_opening: bool = False
    wait_for_ai_s: float = 0.0
    synchronised: bool = False


class LiveSession:
    """One source, shown and analysed until it is stopped.

    Args:
        source: where the pictures come from; opened and closed by the session.
        label: its short name, for before it was opened.
        make_ai: builds the AI process from the callbacks for results, failed frames and changed states.
        settings: limits.
        on_analysed: called with every result and every failed frame, from the AI's supervisor thread.
        clock_ns: replaced in tests.
        picture: tells how the source's pictures are prepared, if they are.
    """

    def __init__(
        self,
        source: FrameSource,
        label: str,
        make_ai: AiFactory,
        settings: LiveSettings | None = None,
        on_analysed: Callable[[AnalysedFrame | FailedFrame], None] | None = None,
        clock_ns: Callable[[], int] = time.perf_counter_ns,
        picture: PictureReport | None = None,
    ) -> None:
        self.settings = settings or LiveSettings()
        self._picture = picture
        self._clock_ns = clock_ns
        self._on_analysed = on_analysed
        self._wakes: list[Callable[[], None]] = []
        self._lock = threading.Lock()
        self._ai_enabled = True
        self._overlay = Overlay(self.settings.threshold, self.settings.min_seen_s)
        self._recorder: Recorder | None = None
        self._recorder_fault = ""
        self._sync = Synchroniser()
        self._sync_wanted = self.settings.synchronised
        self._releases_seen = 0
        self._waker = Waker(self._release_due, clock_ns)
        self._ai = make_ai(self._take_result, self._take_failure, self._wake)
        if isinstance(source, Placing) and isinstance(self._ai, Pooled):
            source.place_with(self._ai.pool.place)
        self._feed = Feed(
            source,
            label,
            self._lock,
            clock_ns,
            retry_opening=self.settings.retry_opening,
            on_picture=self._take_picture,
            on_change=self._wake,
            before_start=self._await_ai,
            before_end=self._await_last_result,
        )

    # -- what the window and the command line do ------------------------------------------------------------------

    def start(self) -> None:
        """Start the AI process and the capture thread; returns at once."""
        self._ai.start()
        if not self._ai_enabled:
            self._ai.set_enabled(False)
        if self._sync_wanted:
            self.set_synchronised(True)
        self._feed.start()

    def stop(self) -> None:
        """End everything: capture, AI process, recording. Bounded in time, and safe to call twice."""
        self._feed.end()
        self._feed.join(_JOIN_S)
        self.stop_recording()
        self._ai.stop()
        self._waker.stop()

    def end(self) -> None:
        """Let the source end here, as if it were over."""
        self._feed.end()

    def subscribe(self, wake: Callable[[], None]) -> None:
        """Call ``wake`` (from any thread, no payload, must return at once) whenever the snapshot may have changed."""
        self._wakes.append(wake)

    @property
    def ended(self) -> bool:
        """True when no more pictures will come."""
        return self._feed.ended

    @property
    def ai_enabled(self) -> bool:
        """Whether the user wants the AI."""
        return self._ai_enabled

    def set_ai_enabled(self, enabled: bool) -> None:
        """Switch the AI on or off; off takes all boxes away at once, on retries an AI that had failed."""
        with self._lock:
            self._ai_enabled = enabled
            self._overlay.clear()
        self._ai.set_enabled(enabled)
        self._wake()

    @property
    def synchronised(self) -> bool:
        """Whether each picture is kept back for its own boxes."""
        return self._sync.active

    def set_synchronised(self, on: bool) -> None:
        """Begin or end the synchronised mode. It ends by itself where the AI is too slow; then this begins it anew."""
        if on:
            self._waker.start()
        with self._lock:
            self._sync.switch(on, self._feed.frame)
        self._wake()

    @property
    def can_pause(self) -> bool:
        """True for files and folders; a live picture cannot wait."""
        return self._feed.can_pause

    @property
    def paused(self) -> bool:
        """Whether the picture stands still."""
        return self._feed.paused

    def set_paused(self, paused: bool) -> None:
        """Hold or continue a file; without effect on a live source."""
        self._feed.set_paused(paused)

    @property
    def can_record(self) -> bool:
        """Whether a folder for recordings was given."""
        return self.settings.recordings is not None

    def start_recording(self) -> None:
        """Record from the next frame on.

        Raises:
            OutputError: the folder cannot be made or written.
            UsageError: what lies around the picture would be recorded, too.
        """
        if self.settings.recordings is None:
            raise OutputError("No folder for recordings was chosen.", "Start with --record FOLDER.")
        if self._picture is not None and (objection := self._picture.objection()):
            raise UsageError(f"Nothing is recorded: {objection}.", "Set the area by hand (--area X,Y,W,H or full).")
        if self._recorder is not None:
            return
        folder = self.settings.recordings / time.strftime("%Y%m%d-%H%M%S", time.gmtime())
        info = self._feed.info
        recorder = Recorder(folder, info.rate if info else None, self._wake)
        with self._lock:
            self._recorder, self._recorder_fault = recorder, ""
        self._wake()

    def stop_recording(self) -> None:
        """Finish the recording's files; may take a while."""
        with self._lock:
            recorder, self._recorder = self._recorder, None
        if recorder is not None:
            recorder.close()
            with self._lock:
                self._recorder_fault = recorder.fault
        self._wake()

    def snapshot(self) -> LiveSnapshot:
        """Everything at this instant; cheap, and callable from any thread."""
        now_ns = self._clock_ns()
        report = self._ai.snapshot(now_ns)
        with self._lock:
            feed, sync = self._feed, self._sync
            sync.settle(now_ns)
            frame, markers = (sync.shown, sync.markers) if sync.active else (feed.frame, self._overlay.markers)
            ai = self._ai_snapshot(report, frame, now_ns)
            shown = ai.state is AiState.ON and self._ai_enabled and not ai.expired and feed.status not in _NO_PICTURE
            return LiveSnapshot(
                frame=frame,
                source=replace(feed.snapshot(now_ns), picture=self._picture.words() if self._picture else ()),
                ai=ai,
                markers=markers if shown else (),
                new_alerts=self._overlay.new_alerts,
                recording=str(self._recorder.folder) if self._recorder else None,
                recorder_fault=self._recorder.fault if self._recorder else self._recorder_fault,
                taken_ns=now_ns,
                sync=sync.snapshot(),
            )

    # -- from the capture thread ----------------------------------------------------------------------------------

    def _take_picture(self, frame: Frame, analyse: bool) -> None:
        recorder = self._recorder
        if recorder is not None:
            recorder.offer(frame)
        # Priorities on a small machine: paint, then record, then AI.
        asked = analyse and (recorder is None or not recorder.busy)
        if not (self._sync.active and self._keep_back(frame, asked)):
            self._wake()
        if asked:
            with self._lock:
                self._overlay.asked(frame)
            self._ai.submit(frame)

    def _keep_back(self, frame: Frame, asked: bool) -> bool:
        """Whether the synchronised mode shows the picture later."""
        now_ns = self._clock_ns()
        state, _ = _effective(self._ai.snapshot(now_ns))
        ready, behind = state is AiState.ON, state is AiState.LATE
        with self._lock:
            info = self._feed.info
            kept = self._sync.captured(
                frame, now_ns, info.rate if info else None, asked=asked, ready=ready, behind=behind
            )
            deadline_ns = self._sync.deadline_ns
        self._waker.at(deadline_ns)
        return kept

    # -- from the waker's thread ----------------------------------------------------------------------------------

    def _release_due(self) -> int | None:
        """Show what was kept back for as long as is allowed; returns when to come again."""
        with self._lock:
            self._sync.settle(self._clock_ns())
            releases, self._releases_seen = self._releases_seen, self._sync.releases
            changed, deadline_ns = releases != self._releases_seen, self._sync.deadline_ns
        if changed:
            self._wake()
        return deadline_ns

    def _await_ai(self) -> None:
        deadline = time.monotonic() + self.settings.wait_for_ai_s
        while time.monotonic() < deadline and not self._feed.stopping.wait(0.02):
            if self._ai.snapshot(self._clock_ns()).state is not AiState.STARTING:
                return

    def _await_last_result(self) -> None:
        """Where a run offscreen waited for the AI at the start, it waits for its last answer too."""
        deadline = time.monotonic() + min(_LAST_RESULT_S, self.settings.wait_for_ai_s)
        while time.monotonic() < deadline and not self._ai.snapshot(self._clock_ns()).idle:
            time.sleep(0.005)

    # -- from the AI's supervisor thread --------------------------------------------------------------------------

    def _take_result(self, detections: Detections, captured_ns: int) -> None:
        received_ns = self._clock_ns()
        info = self._ai.snapshot(received_ns).info
        with self._lock:
            if not self._ai_enabled or info is None:
                return
            analysed = self._overlay.answered(detections, info, captured_ns, received_ns)
            if analysed is not None:
                self._sync.answered(detections.frame_index, self._overlay.markers, received_ns)
        if analysed is not None and self._on_analysed is not None:
            self._on_analysed(analysed)
        self._wake()

    def _take_failure(self, index: int, message: str) -> None:
        _LOG.warning("frame %d could not be analysed: %s", index, message)
        with self._lock:
            failed = self._overlay.failed(index, message)
            self._sync.failed(index, self._clock_ns())
        if self._on_analysed is not None:
            self._on_analysed(failed)
        self._wake()

    # -- anywhere -------------------------------------------------------------------------------------------------

    def _ai_snapshot(self, report: AiReport, frame: Frame | None, now_ns: int) -> AiSnapshot:
        """The AI as the screen shows it; call with the lock held."""
        overlay = self._overlay
        age_ns = overlay.age_ns(frame, now_ns)
        limit_ns = self._limit_ns()
        state, detail = _effective(report)
        base_ns = self.settings.overlay_limit_ns
        if state is AiState.LATE and age_ns is not None and base_ns <= age_ns < limit_ns:
            state, detail = AiState.ON, ""  # late for a live picture, and not for this one
        return AiSnapshot(
            state=state,
            detail=detail,
            info=report.info,
            analysed=report.analysed,
            skipped=report.skipped,
            failed=report.failed,
            restarts=report.restarts,
            overlay_age_ms=None if age_ns is None else age_ns / 1e6,
            expired=age_ns is None or age_ns >= limit_ns,
            latency_ms=None if overlay.latency_ns is None else overlay.latency_ns / 1e6,
            result_captured_ns=overlay.captured_ns,
        )

    def _limit_ns(self) -> int:
        """The age at which boxes vanish: a picture of a thinned clip stands for one interval, and its boxes with it."""
        info = self._feed.info
        if info is None or info.live or not info.rate:  # a live picture moves on, whatever rate its sender claims
            return self.settings.overlay_limit_ns
        interval_ns = float(1_000_000_000 / info.rate)
        return max(self.settings.overlay_limit_ns, round(min(_SLOW_INTERVALS * interval_ns, _SLOWEST_LIMIT_NS)))

    def _wake(self) -> None:
        for wake in self._wakes:
            wake()


def _effective(report: AiReport) -> tuple[AiState, str]:
    """The AI's state as the screen means it, and why."""
    if report.state is AiState.LATE and report.idle:
        return AiState.ON, ""  # waiting for a picture, not behind: the source's own state is said
    return report.state, report.detail
