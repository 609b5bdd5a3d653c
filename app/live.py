"""The live session: capture thread, AI process, alerts and recorder, and what they add up to at any instant.

Video first: the capture thread does ``read -> recorder.offer -> show -> ai.submit`` and nothing more, never waits for
the AI or the window, and never sees a detector. No Qt here: the window, the offscreen run and the tests drive the same
session.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

from app.capture.retry import Backoff
from app.recorder import Recorder
from app.snapshot import AiSnapshot, LiveSnapshot, SourceSnapshot, SourceStatus
from detector.alerts import AlertFilter, AlertSettings, AlertUpdate, Marker
from detector.detections import Detections, DetectorInfo
from detector.errors import OutputError, SourceError
from detector.frame import Frame, FrameSource, Interruption, SourceInfo, SourceState
from detector.geometry import Size
from detector.watchdog import AiState
from detector.worker import AiReport

_LOG = logging.getLogger(__name__)
_RATE_WINDOW_NS = 1_000_000_000
_LAST_RESULT_S = 1.0
_UNDECODABLE_SHOWN_NS = 2_000_000_000
# What is on the screen is not what is in front of the scope: no box may suggest that the AI looks at it.
_NO_PICTURE = (SourceStatus.LOST, SourceStatus.GONE, SourceStatus.FAILED, SourceStatus.OPENING)


class AiPort(Protocol):
    """What the session needs of the AI process."""

    def start(self) -> None:
        """Start it; returns at once."""
        ...

    def stop(self) -> None:
        """End it within two seconds, hanging or not."""
        ...

    def submit(self, frame: Frame) -> None:
        """Hand over the newest frame; never blocks."""
        ...

    def set_enabled(self, enabled: bool) -> None:
        """Switch the AI on or off."""
        ...

    def snapshot(self, now_ns: int) -> AiReport:
        """Its state at that instant."""
        ...


@runtime_checkable
class Pausable(Protocol):
    """A source that can be held."""

    def pause(self) -> None:
        """Hold the next frames."""
        ...

    def resume(self) -> None:
        """Go on as if no time had passed."""
        ...


AiFactory = Callable[[Callable[[Detections, int], None], Callable[[int, str], None], Callable[[], None]], AiPort]


@dataclass(frozen=True, slots=True)
class LiveSettings:
    """How a live session behaves.

    Attributes:
        overlay_limit_ns: boxes of this age vanish.
        min_seen_s: how long a track must last before it shows.
        threshold: score from which a marker appears; None takes the model's operating threshold.
        recordings: folder for recordings; None if nothing can be recorded.
        retry_opening: try again even if the source could not be opened once: for cameras and streams in a window.
        wait_for_ai_s: begin a run offscreen only when the AI is up, or after this long; 0 for everything that is live.
    """

    overlay_limit_ns: int = 250_000_000
    min_seen_s: float = 0.2
    threshold: float | None = None
    recordings: Path | None = None
    retry_opening: bool = False
    wait_for_ai_s: float = 0.0


@dataclass(frozen=True, slots=True)
class AnalysedFrame:
    """One result as the session received it: what the results file and the summary are made of.

    Attributes:
        detections: raw, in pixels of the frame.
        update: the alerts and tracks that they led to.
        info: the detector that ran.
        size: of the frame.
        name: file name of a still, else empty.
        captured_ns: ``perf_counter_ns`` at which the frame was captured.
        received_ns: the same for the arrival of the result.
    """

    detections: Detections
    update: AlertUpdate
    info: DetectorInfo
    size: Size
    name: str
    captured_ns: int
    received_ns: int


@dataclass(frozen=True, slots=True)
class FailedFrame:
    """A frame that the AI saw and could not analyse."""

    index: int
    size: Size
    name: str
    message: str


@dataclass(slots=True)
class _Picture:
    """The source's side of the session; guarded by the session's lock."""

    status: SourceStatus = SourceStatus.OPENING
    detail: str = ""
    info: SourceInfo | None = None
    frame: Frame | None = None
    frames: int = 0
    undecodable: int = 0
    undecodable_ns: int = 0
    retries: int = 0
    stamps: deque[int] = field(default_factory=deque)


class LiveSession:
    """One source, shown and analysed until it is stopped.

    Args:
        source: where the pictures come from; opened and closed by the session.
        label: its short name, for before it was opened.
        make_ai: builds the AI process from the callbacks for results, failed frames and changed states.
        settings: limits.
        on_analysed: called with every result and every failed frame, from the AI's supervisor thread.
        clock_ns: replaced in tests.
    """

    def __init__(
        self,
        source: FrameSource,
        label: str,
        make_ai: AiFactory,
        settings: LiveSettings | None = None,
        on_analysed: Callable[[AnalysedFrame | FailedFrame], None] | None = None,
        clock_ns: Callable[[], int] = time.perf_counter_ns,
    ) -> None:
        self.settings = settings or LiveSettings()
        self._source = source
        self._label = label
        self._clock_ns = clock_ns
        self._on_analysed = on_analysed
        self._wakes: list[Callable[[], None]] = []
        self._lock = threading.Lock()
        self._picture = _Picture()
        self._ai_enabled = True
        self._alerts: AlertFilter | None = None
        self._markers: tuple[Marker, ...] = ()
        self._submitted: dict[int, tuple[Size, str]] = {}
        self._result_index = -1
        self._result_captured_ns: int | None = None
        self._latency_ns: int | None = None
        self._new_alerts = 0
        self._recorder: Recorder | None = None
        self._recorder_fault = ""
        self._stopping = threading.Event()
        self._paused = False
        self._ai = make_ai(self._take_result, self._take_failure, self._wake)
        self._thread = threading.Thread(target=self._capture, name="capture", daemon=True)

    # -- what the window and the command line do ------------------------------------------------------------------

    def start(self) -> None:
        """Start the AI process and the capture thread; returns at once."""
        self._ai.start()
        if not self._ai_enabled:
            self._ai.set_enabled(False)
        self._thread.start()

    def stop(self) -> None:
        """End everything: capture, AI process, recording. Bounded in time, and safe to call twice."""
        self.end()
        if self._thread.is_alive():
            self._thread.join(5)
        self.stop_recording()
        self._ai.stop()

    def end(self) -> None:
        """Let the source end here, as if it were over."""
        self._stopping.set()
        self._source.close()

    def subscribe(self, wake: Callable[[], None]) -> None:
        """Call ``wake`` (from any thread, no payload, must return at once) whenever the snapshot may have changed."""
        self._wakes.append(wake)

    @property
    def ended(self) -> bool:
        """True when the capture thread has nothing more to do."""
        return not self._thread.is_alive()

    @property
    def ai_enabled(self) -> bool:
        """Whether the user wants the AI."""
        return self._ai_enabled

    def set_ai_enabled(self, enabled: bool) -> None:
        """Switch the AI on or off; off takes all boxes away at once, on retries an AI that had failed."""
        with self._lock:
            self._ai_enabled = enabled
            self._forget_markers()
        self._ai.set_enabled(enabled)
        self._wake()

    @property
    def can_pause(self) -> bool:
        """True for files and folders; a live picture cannot wait."""
        info = self._picture.info
        return isinstance(self._source, Pausable) and info is not None and not info.live

    @property
    def paused(self) -> bool:
        """Whether the picture stands still."""
        return self._paused

    def set_paused(self, paused: bool) -> None:
        """Hold or continue a file; without effect on a live source."""
        if not self.can_pause or not isinstance(self._source, Pausable):
            return
        with self._lock:
            self._paused = paused
            if self._picture.status in (SourceStatus.PLAYING, SourceStatus.PAUSED, SourceStatus.UNDECODABLE):
                self._picture.status = SourceStatus.PAUSED if paused else SourceStatus.PLAYING
        if paused:
            self._source.pause()
        else:
            self._source.resume()
        self._wake()

    @property
    def can_record(self) -> bool:
        """Whether a folder for recordings was given."""
        return self.settings.recordings is not None

    def start_recording(self) -> None:
        """Record from the next frame on.

        Raises:
            OutputError: the folder cannot be made or written.
        """
        if self.settings.recordings is None:
            raise OutputError("No folder for recordings was chosen.", "Start with --record FOLDER.")
        if self._recorder is not None:
            return
        folder = self.settings.recordings / time.strftime("%Y%m%d-%H%M%S", time.gmtime())
        info = self._picture.info
        recorder = Recorder(folder, info.rate if info else None, self._wake)
        with self._lock:
            self._recorder, self._recorder_fault = recorder, ""
        self._wake()

    def stop_recording(self) -> None:
        """Finish the recording's files."""
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
            picture = self._picture
            age_ns = self._overlay_age(now_ns)
            expired = age_ns is None or age_ns >= self.settings.overlay_limit_ns
            state = report.state
            if state is AiState.LATE and report.idle:
                state = (
                    AiState.ON
                )  # it is waiting for a picture, not behind: what fails is the source, and that is said
            shown = state is AiState.ON and self._ai_enabled and not expired and picture.status not in _NO_PICTURE
            return LiveSnapshot(
                frame=picture.frame,
                source=self._source_snapshot(picture, now_ns),
                ai=self._ai_snapshot(report, state, age_ns, expired),
                markers=self._markers if shown else (),
                new_alerts=self._new_alerts,
                recording=str(self._recorder.folder) if self._recorder else None,
                recorder_fault=self._recorder.fault if self._recorder else self._recorder_fault,
                taken_ns=now_ns,
            )

    # -- the capture thread ---------------------------------------------------------------------------------------

    def _capture(self) -> None:
        backoff = Backoff()
        self._await_ai()
        try:
            while not self._stopping.is_set():
                opened = self._open()
                if opened and self._read(backoff):
                    self._await_last_result()
                    self._set_status(SourceStatus.ENDED, self._picture.detail)
                    return
                if not self._may_retry():
                    return
                self._stopping.wait(backoff.next_delay_s())
                with self._lock:
                    self._picture.retries += 1
        except Exception as error:  # root of the thread: a capture that dies must say so on the screen
            _LOG.exception("capture failed")
            self._set_status(SourceStatus.FAILED, f"internal error: {error!r}")
        finally:
            self._source.close()
            self._wake()

    def _await_ai(self) -> None:
        deadline = time.monotonic() + self.settings.wait_for_ai_s
        while time.monotonic() < deadline and not self._stopping.wait(0.02):
            if self._ai.snapshot(self._clock_ns()).state is not AiState.STARTING:
                return

    def _await_last_result(self) -> None:
        """Where a run offscreen waited for the AI at the start, it waits for its last answer too."""
        deadline = time.monotonic() + min(_LAST_RESULT_S, self.settings.wait_for_ai_s)
        while time.monotonic() < deadline and not self._ai.snapshot(self._clock_ns()).idle:
            time.sleep(0.005)

    def _open(self) -> bool:
        try:
            info = self._source.open()
        except SourceError as error:
            _LOG.warning("%s", error)
            # A source that was there and is being retried keeps its own state: the cause is what helps.
            if self._picture.info is None:
                self._set_status(SourceStatus.FAILED, str(error))
            return False
        with self._lock:
            self._picture.info = info
        return True

    def _may_retry(self) -> bool:
        """What was there once may come back, and a camera may be switched on later; a damaged file stays damaged."""
        return self._picture.info is not None or self.settings.retry_opening

    def _read(self, backoff: Backoff) -> bool:
        """Read until the source ends (True) or is lost and should be reopened (False)."""
        while not self._stopping.is_set():
            item = self._source.read()
            if isinstance(item, Frame):
                self._deliver(item)
                backoff.reset()
            elif self._stopping.is_set():
                return True
            elif not self._interrupted(item):
                return item.state is SourceState.END
        return True

    def _deliver(self, frame: Frame) -> None:
        self._show(frame)
        # Priorities on a small machine: paint, then record, then AI.
        if self._recorder is None or not self._recorder.busy:
            with self._lock:
                self._submitted[frame.index] = (frame.size, frame.name)
            self._ai.submit(frame)

    def _show(self, frame: Frame) -> None:
        """Record the picture and put it on the screen."""
        recorder = self._recorder
        if recorder is not None:
            recorder.offer(frame)
        with self._lock:
            picture = self._picture
            picture.frame = frame
            picture.frames += 1
            picture.stamps.append(frame.captured_ns)
            damaged = picture.undecodable and self._clock_ns() - picture.undecodable_ns <= _UNDECODABLE_SHOWN_NS
            if self._paused:
                picture.status, picture.detail = SourceStatus.PAUSED, ""
            elif not damaged:
                picture.status, picture.detail = SourceStatus.PLAYING, ""
        self._wake()

    def _interrupted(self, item: Interruption) -> bool:
        """Show what happened; True if reading goes on."""
        if item.state is SourceState.UNDECODABLE:
            with self._lock:
                self._picture.undecodable += 1
                self._picture.undecodable_ns = self._clock_ns()
            self._set_status(SourceStatus.UNDECODABLE, item.detail)
            if item.picture is not None and item.index is not None:
                # What the decoder made of the damage keeps the picture moving; the AI never sees it.
                self._show(Frame(item.index, item.time, self._clock_ns(), item.picture, item.name))
            return True
        level = logging.INFO if item.state is SourceState.END else logging.WARNING
        _LOG.log(level, "source %s: %s %s", self._label, item.state.value, item.detail)
        if item.state is not SourceState.END:  # an end is said once the last frame is answered
            gone = item.state is SourceState.GONE
            self._set_status(SourceStatus.GONE if gone else SourceStatus.LOST, item.detail)
        return False

    def _set_status(self, status: SourceStatus, detail: str = "") -> None:
        with self._lock:
            self._picture.status, self._picture.detail = status, detail
        self._wake()

    # -- results, from the AI's supervisor thread -----------------------------------------------------------------

    def _take_result(self, detections: Detections, captured_ns: int) -> None:
        received_ns = self._clock_ns()
        info = self._ai.snapshot(received_ns).info
        with self._lock:
            if not self._ai_enabled or info is None or detections.frame_index <= self._result_index:
                return
            size, name = self._answered(detections.frame_index)
            update = self._alert_update(detections, info)
            self._markers = update.markers
            self._new_alerts += sum(marker.is_new for marker in update.markers)
            self._result_index = detections.frame_index
            self._result_captured_ns = captured_ns
            self._latency_ns = received_ns - captured_ns
        if self._on_analysed is not None:
            self._on_analysed(AnalysedFrame(detections, update, info, size, name, captured_ns, received_ns))
        self._wake()

    def _take_failure(self, index: int, message: str) -> None:
        _LOG.warning("frame %d could not be analysed: %s", index, message)
        with self._lock:
            size, name = self._answered(index)
        if self._on_analysed is not None:
            self._on_analysed(FailedFrame(index, size, name, message))
        self._wake()

    def _answered(self, index: int) -> tuple[Size, str]:
        """Size and name of a frame that the AI answered; forgets it and all before it (those were skipped)."""
        frame = self._submitted[index]
        self._submitted = {k: v for k, v in self._submitted.items() if k > index}
        return frame

    def _alert_update(self, detections: Detections, info: DetectorInfo) -> AlertUpdate:
        if self._alerts is None:
            threshold = self.settings.threshold or info.threshold
            self._alerts = AlertFilter(AlertSettings(threshold=threshold, min_seen_s=self.settings.min_seen_s))
        if detections.time is None:
            return self._alerts.still(detections)
        return self._alerts.update(detections, detections.time.seconds)

    def _forget_markers(self) -> None:
        self._markers = ()
        self._result_captured_ns = self._latency_ns = None

    # -- the snapshot's parts; called with the lock held ----------------------------------------------------------

    def _overlay_age(self, now_ns: int) -> int | None:
        """How far the newest result lies behind the picture.

        While the very picture that was analysed is on the screen (a still, a paused file) its boxes do not age.
        """
        if self._result_captured_ns is None:
            return None
        frame = self._picture.frame
        if frame is not None and frame.index == self._result_index:
            return self._latency_ns
        return now_ns - self._result_captured_ns

    def _source_snapshot(self, picture: _Picture, now_ns: int) -> SourceSnapshot:
        while picture.stamps and now_ns - picture.stamps[0] > _RATE_WINDOW_NS:
            picture.stamps.popleft()
        return SourceSnapshot(
            status=picture.status,
            label=picture.info.label if picture.info else self._label,
            detail=picture.detail,
            info=picture.info,
            frames=picture.frames,
            undecodable=picture.undecodable,
            frame_rate=float(len(picture.stamps)),
            retries=picture.retries,
        )

    def _ai_snapshot(self, report: AiReport, state: AiState, age_ns: int | None, expired: bool) -> AiSnapshot:
        return AiSnapshot(
            state=state,
            detail=report.detail if state is report.state else "",
            info=report.info,
            analysed=report.analysed,
            skipped=report.skipped,
            failed=report.failed,
            restarts=report.restarts,
            overlay_age_ms=None if age_ns is None else age_ns / 1e6,
            expired=expired,
            latency_ms=None if self._latency_ns is None else self._latency_ns / 1e6,
            result_captured_ns=self._result_captured_ns,
        )

    def _wake(self) -> None:
        for wake in self._wakes:
            wake()
