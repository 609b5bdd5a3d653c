"""The live session: source, AI process, markers and recorder, and what they add up to at any instant.

Video first: the capture thread does ``read -> recorder.offer -> show -> ai.submit`` and nothing more, never waits for
the AI, the watch over the picture or the window, and never sees a detector. No Qt here: the window, the offscreen run
and the tests drive the same session.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from app.ai_port import AiFactory as AiFactory
from app.ai_port import AiPort as AiPort
from app.ai_port import Pooled
from app.box_controls import BoxControls
from app.candidate import Candidate
from app.capture.placing import Placing
from app.feed import Feed
from app.keeping import Keeping
from app.live_settings import LiveSettings as LiveSettings
from app.overlay import AnalysedFrame, FailedFrame
from app.picture.words import PictureReport
from app.results_log import Row
from app.shown import Shown
from app.snapshot import LiveSnapshot, ViewSnapshot
from app.standing import effective
from app.tally import AiTally
from app.waker import Waker
from app.watch import PictureWatch
from detector.detections import Detections
from detector.frame import Frame, FrameSource
from detector.presets import PresetsOf, derived_presets
from detector.watchdog import AiState
from detector.worker import AiReport

_LOG = logging.getLogger(__name__)
_LAST_RESULT_S = 1.0
_JOIN_S = 5.0
_LEAST_SHARE_NS = 500_000_000  # beside a recorder that stays behind the AI gets a picture this often


class LiveSession(BoxControls):
    """One source, shown and analysed until it is stopped.

    Args:
        source: where the pictures come from; opened and closed by the session.
        label: its short name, for before it was opened.
        make_ai: builds the AI process from the callbacks for results, failed frames and changed states.
        settings: limits.
        on_analysed: called with every result and every failed frame, from the AI's supervisor thread.
        clock_ns: replaced in tests.
        picture: tells how the source's pictures are prepared, if they are.
        make_candidate: builds a second AI process that is recorded and never shown; None: there is none.
        presets: the sensitivity presets of what runs.
        make_watch: replaced in tests.
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
        *,
        make_candidate: AiFactory | None = None,
        presets: PresetsOf = derived_presets,
        make_watch: Callable[..., PictureWatch] = PictureWatch,
    ) -> None:
        self.settings = told = settings or LiveSettings()
        self._picture = picture
        self._clock_ns = clock_ns
        self._on_analysed = on_analysed
        self._wakes: list[Callable[[], None]] = []
        self._lock = threading.Lock()
        self._watch = make_watch(lambda: self._feed.frame, self._view_changed, clock_ns) if told.watch else None
        view = self._watch.snapshot if self._watch else lambda now_ns: ViewSnapshot()
        self._shown = Shown(told, presets, lambda: self._feed, view)
        self._sync_wanted = told.synchronised
        self._releases_seen = 0
        self._waker = Waker(self._release_due, clock_ns)
        inside = self._watch.inside_at if self._watch else None
        self._asked_ns = 0
        self._keeping = Keeping(told.recordings, told.recorder, inside, picture, self._wake, clock_ns)
        self._ai = make_ai(self._take_result, self._take_failure, self._changed)
        self._candidate = (
            Candidate(make_candidate, self._note_candidate, self._wake, clock_ns) if make_candidate else None
        )
        if isinstance(source, Placing) and isinstance(self._ai, Pooled):
            source.place_with(self._ai.pool.place)
        self._feed: Feed = Feed(
            source,
            label,
            self._lock,
            clock_ns,
            retry_opening=told.retry_opening,
            on_picture=self._take_picture,
            on_change=self._changed,
            before_start=self._await_ai,
            before_end=self._await_last_result,
        )

    # -- what the window and the command line do ------------------------------------------------------------------

    def start(self) -> None:
        """Start the AI process, the watch and the capture thread; returns at once."""
        self._ai.start()
        if not self._shown.ai_enabled:
            self._ai.set_enabled(False)
        if self._sync_wanted:
            self.set_synchronised(True)
        if self._watch is not None:
            self._watch.start()
        self._feed.start()

    def stop(self) -> None:
        """End everything: capture, AI process, recording. Bounded in time, and safe to call twice."""
        self._feed.end()
        self._feed.join(_JOIN_S)
        self.stop_recording()
        if self._watch is not None:
            self._watch.stop()
        if self._candidate is not None:
            self._candidate.stop()
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
        return self._shown.ai_enabled

    def set_ai_enabled(self, enabled: bool) -> None:
        """Switch the AI on or off; off takes all boxes away at once, on retries an AI that had failed."""
        with self._lock:
            self._shown.ai_enabled = enabled
            self._shown.overlay.clear()
        self._ai.set_enabled(enabled)
        self._changed()

    @property
    def synchronised(self) -> bool:
        """Whether each picture is kept back for its own boxes."""
        return self._shown.sync.active

    def set_synchronised(self, on: bool) -> None:
        """Begin or end the synchronised mode. It ends by itself where the AI is too slow; then this begins it anew."""
        if on:
            self._waker.start()
        with self._lock:
            self._shown.sync.switch(on, self._feed.frame)
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

    def start_recording(self, folder: Path | None = None) -> None:
        """Record from the next frame on; see :meth:`app.keeping.Keeping.start` for what it raises."""
        self._keeping.start(folder, self._feed.info)

    def stop_recording(self) -> None:
        """Finish the recording's files; may take a while."""
        self._keeping.stop()

    def statistics(self) -> AiTally:
        """What the AI did since the start."""
        now_ns = self._clock_ns()
        report = self._ai.snapshot(now_ns)
        with self._lock:
            self._shown.account(now_ns, report)
            return self._shown.tally.total(report, self._shown.overlay.new_alerts)

    def snapshot(self) -> LiveSnapshot:
        """Everything at this instant; cheap, and callable from any thread."""
        now_ns = self._clock_ns()
        report = self._ai.snapshot(now_ns)
        recorder = self._keeping.snapshot()
        candidate = self._candidate.snapshot(now_ns) if self._candidate else None
        with self._lock:
            now = self._shown.standing(now_ns, report)
            words = self._picture.words() if self._picture else ()
            objection = self._picture.objection() if self._picture else ""
            return LiveSnapshot(
                frame=now.frame,
                source=replace(self._feed.snapshot(now_ns), picture=words, objection=objection),
                ai=now.ai,
                markers=now.markers,
                new_alerts=self._shown.overlay.new_alerts,
                recording=recorder.folder if recorder else None,
                recorder_fault=self._keeping.fault,
                taken_ns=now_ns,
                sync=self._shown.sync.snapshot(),
                quiet=now.quiet,
                hidden_until_ns=self._shown.suppression.hidden_until_ns(now_ns),
                view=now.view,
                sensitivity=self._shown.sensitivity.name,
                recorder=recorder,
                candidate=candidate,
                presets=self._shown.sensitivity.presets(report.info),
            )

    # -- from the capture thread ----------------------------------------------------------------------------------

    def _take_picture(self, frame: Frame, analyse: bool) -> None:
        self._keeping.offer(frame)
        # Priorities on a small machine: paint, then record, then AI, then a candidate. A recorder that stays behind
        # leaves the AI a little, so that whoever looks at the recording later finds something.
        now_ns = self._clock_ns()
        asked = analyse and (not self._keeping.busy or now_ns - self._asked_ns >= _LEAST_SHARE_NS)
        if asked:
            self._asked_ns = now_ns
        report = self._ai.snapshot(now_ns)
        if not (self._shown.sync.active and self._keep_back(frame, now_ns, report, asked)):
            self._wake()
        with self._lock:
            self._shown.account(now_ns, report)
            if asked:
                self._shown.overlay.asked(frame)
        if asked:
            self._ai.submit(frame)
            if self._candidate is not None:
                self._candidate.offer(frame, effective(report)[0])

    def _keep_back(self, frame: Frame, now_ns: int, report: AiReport, asked: bool) -> bool:
        """Whether the synchronised mode shows the picture later."""
        state, _ = effective(report)
        ready, behind = state is AiState.ON, state is AiState.LATE
        with self._lock:
            info = self._feed.info
            kept = self._shown.sync.captured(
                frame, now_ns, info.rate if info else None, asked=asked, ready=ready, behind=behind
            )
            deadline_ns = self._shown.sync.deadline_ns
        self._waker.at(deadline_ns)
        return kept

    # -- from the waker's and the watch's threads -----------------------------------------------------------------

    def _release_due(self) -> int | None:
        """Show what was kept back for as long as is allowed; returns when to come again."""
        now_ns = self._clock_ns()
        with self._lock:
            sync, suppression = self._shown.sync, self._shown.suppression
            sync.settle(now_ns)
            releases, self._releases_seen = self._releases_seen, sync.releases
            changed = releases != self._releases_seen or suppression.came_back(now_ns)
            due_ns = [at for at in (sync.deadline_ns, suppression.hidden_until_ns(now_ns)) if at is not None]
        if changed:
            self._changed()
        return min(due_ns, default=None)

    def _view_changed(self) -> None:
        with self._lock:
            self._shown.view_changed(self._clock_ns())
        self._changed()

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

    # -- from the AI's supervisor thread, and the candidate's -----------------------------------------------------

    def _take_result(self, detections: Detections, captured_ns: int) -> None:
        received_ns = self._clock_ns()
        report = self._ai.snapshot(received_ns)
        with self._lock:
            taken = self._shown.answered(detections, captured_ns, received_ns, report)
            if taken is not None:
                self._keeping.note(taken[1])
        if taken is not None and self._on_analysed is not None:
            self._on_analysed(taken[0])
        self._wake()

    def _take_failure(self, index: int, message: str) -> None:
        _LOG.warning("frame %d could not be analysed: %s", index, message)
        now_ns = self._clock_ns()
        report = self._ai.snapshot(now_ns)
        with self._lock:
            failed, row = self._shown.failed(index, message, now_ns, report)
            if row is not None:
                self._keeping.note(row)
        if self._on_analysed is not None:
            self._on_analysed(failed)
        self._wake()

    def _note_candidate(self, row: Row) -> None:
        with self._lock:
            self._keeping.note(row)
        self._wake()

    # -- anywhere -------------------------------------------------------------------------------------------------

    def _changed(self) -> None:
        """Something else holds from now on."""
        now_ns = self._clock_ns()
        report = self._ai.snapshot(now_ns)
        with self._lock:
            self._shown.account(now_ns, report)
        self._wake()

    def _wake(self) -> None:
        for wake in self._wakes:
            wake()
