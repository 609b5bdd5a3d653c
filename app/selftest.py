"""The self-test before an examination: ten seconds of the phantom through the live path, judged by what came of it.

It has a session of its own, with the source, AI process, overlay and recorder of an examination; what is painted and
sounded is reported to it by whoever shows it. No Qt here.
"""

from __future__ import annotations

import enum
import logging
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

from app.capture.excerpt import ExcerptSource
from app.capture.pacing import Paced
from app.live import AiFactory, LiveSession, LiveSettings
from app.overlay import AnalysedFrame, FailedFrame
from app.phantom.bundled import Excerpt, liveliest, load_bundled
from app.selftest_checks import (
    Evidence,
    SelfTestResult,
    check_ai,
    check_box,
    check_picture,
    check_recording,
    check_sound,
    nothing_tested,
)
from app.snapshot import LiveSnapshot
from detector.alerts import Marker
from detector.annotation import Annotation
from detector.errors import PolypwatchError

_LOG = logging.getLogger(__name__)
_SLACK_S = 15.0

Phantom = tuple[Path, Annotation]
Paint = Callable[[LiveSnapshot], Sequence[Marker]]


class Phase(enum.Enum):
    """What a self-test is doing."""

    PREPARING = enum.auto()
    SHOWING = enum.auto()
    JUDGING = enum.auto()
    OVER = enum.auto()  # its AI process is gone, its files are deleted


@dataclass(frozen=True, slots=True)
class SelfTestSettings:
    """How a self-test is run.

    Attributes:
        seconds: length of the part of the phantom.
        wait_for_ai_s: begin without the AI after this long.
        folder: the disk to record to, best that of the recordings; None takes the system's place for passing files.
    """

    seconds: float = 10.0
    wait_for_ai_s: float = 60.0
    folder: Path | None = None


class SelfTest:
    """One run, in a thread of its own; used once.

    Args:
        make_ai: builds the AI process as for an examination.
        settings: limits.
        load: finds the phantom; raises a ``PolypwatchError`` if there is none.
    """

    def __init__(
        self,
        make_ai: AiFactory,
        settings: SelfTestSettings | None = None,
        load: Callable[[], Phantom] = load_bundled,
    ) -> None:
        self._make_ai = make_ai
        self._settings = settings or SelfTestSettings()
        self._load = load
        self._wake: Callable[[], None] = lambda: None
        self._lock = threading.Lock()
        self._evidence = Evidence()
        self._session: LiveSession | None = None
        self._result: SelfTestResult | None = None
        self._phase = Phase.PREPARING
        self._cancelled = threading.Event()
        self._thread = threading.Thread(target=self._run, name="self-test", daemon=True)

    # -- from who shows it ----------------------------------------------------------------------------------------

    def start(self, wake: Callable[[], None]) -> None:
        """Begin; ``wake`` is called, from any thread, whenever there is something new to show. Returns at once."""
        self._wake = wake
        self._thread.start()

    def cancel(self) -> None:
        """End it without a result; returns at once, the phase says when all is put away."""
        self._cancelled.set()

    def join(self, timeout_s: float) -> None:
        """Wait until it is over, if it was begun."""
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    @property
    def phase(self) -> Phase:
        """What it is doing."""
        return self._phase

    @property
    def result(self) -> SelfTestResult | None:
        """The verdict; None before it is over, and of a test that was cancelled."""
        return self._result if self._phase is Phase.OVER else None

    def snapshot(self) -> LiveSnapshot | None:
        """What is to be shown now; None while there is nothing yet."""
        return self._session.snapshot() if self._session is not None else None

    def painted(self, snapshot: LiveSnapshot, markers: Sequence[Marker]) -> None:
        """Report a complete paint of ``snapshot`` with these markers on it."""
        if snapshot.frame is None:
            return
        with self._lock:
            seen = self._evidence
            if not seen.painted or seen.painted[-1] != snapshot.frame.index:
                seen.painted.append(snapshot.frame.index)
            if snapshot.ai.result_captured_ns is not None:
                seen.boxes.update((snapshot.ai.result_captured_ns, marker.box) for marker in markers)

    def sounded(self, due: bool, muted: bool, fault: str) -> None:
        """Report the state of the sound, and whether it was due now."""
        with self._lock:
            seen = self._evidence
            seen.chimes += due
            # What counts is the instant at which the sound was due.
            if due or not seen.chimes:
                seen.muted, seen.sound_fault = muted, fault

    # -- the thread -----------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._result = self._tested()
        except Exception as error:  # root of the thread: whatever it is, nothing was tested
            _LOG.warning("the self-test failed", exc_info=True)
            words = f"Unexpected error: {type(error).__name__}: {error}."
            self._result = nothing_tested(words, f"Not tested. {words}")
        finally:
            self._phase = Phase.OVER
            self._wake()

    def _tested(self) -> SelfTestResult | None:
        try:
            video, annotation = self._load()
            excerpt = liveliest(annotation, self._settings.seconds)
        except PolypwatchError as error:
            return nothing_tested(str(error), "Not tested: there is no phantom to play.")
        scratch, trouble = _scratch_folder(self._settings.folder)
        try:
            return self._played(video, annotation, excerpt, scratch, trouble)
        finally:
            if scratch is not None:
                shutil.rmtree(scratch, ignore_errors=True)

    def _played(
        self, video: Path, annotation: Annotation, excerpt: Excerpt, scratch: Path | None, trouble: str
    ) -> SelfTestResult | None:
        source = Paced(ExcerptSource(video, excerpt.first, excerpt.last, excerpt.start))
        settings = LiveSettings(recordings=scratch, wait_for_ai_s=self._settings.wait_for_ai_s)
        session = LiveSession(source, "phantom", self._make_ai, settings, self._note_analysed)
        session.subscribe(self._wake)
        folder: Path | None = None
        try:
            if scratch is not None:
                folder, trouble = _start_recording(session)
            session.start()
            self._session, self._phase = session, Phase.SHOWING
            self._await_end(session)
            last = session.snapshot()
            self._phase = Phase.JUDGING
        finally:
            session.stop()
        if self._cancelled.is_set():
            return None
        fault = trouble or session.snapshot().recorder_fault
        with self._lock:
            seen = deepcopy(self._evidence)
        checks = (
            check_picture(seen, excerpt, last.source),
            check_ai(last.ai),
            check_box(seen, annotation, last.ai),
            check_sound(seen),
            check_recording(folder, fault, last.source.frames),
        )
        return SelfTestResult(checks)

    def _await_end(self, session: LiveSession) -> None:
        """Until the part is over; a source that is lost half-way is waited for no longer than it should take."""
        deadline_s = time.monotonic() + self._settings.wait_for_ai_s + 2 * self._settings.seconds + _SLACK_S
        while not session.ended and time.monotonic() < deadline_s:
            if self._cancelled.wait(0.05):
                return

    def _note_analysed(self, frame: AnalysedFrame | FailedFrame) -> None:
        if isinstance(frame, AnalysedFrame):
            with self._lock:
                self._evidence.analysed[frame.captured_ns] = frame.detections.frame_index


def show_without_window(
    test: SelfTest, paint: Paint, stopped: Callable[[], bool] = lambda: False
) -> SelfTestResult | None:
    """Run a self-test without a window; returns its result, None if it was stopped.

    Args:
        test: not started yet.
        paint: paints a snapshot and returns the markers that it painted.
        stopped: asked often; True ends the test.
    """
    changed = threading.Event()
    test.start(changed.set)
    before: tuple[object, ...] = ()
    while test.phase is not Phase.OVER:
        changed.wait(0.1)
        changed.clear()
        if stopped():
            test.cancel()
        snapshot = test.snapshot()
        if snapshot is None or snapshot.frame is None or test.phase is not Phase.SHOWING:
            continue
        scene = (snapshot.frame.index, snapshot.ai.result_captured_ns, len(snapshot.markers))
        if scene != before:
            test.painted(snapshot, paint(snapshot))
            before = scene
    return test.result


def _scratch_folder(parent: Path | None) -> tuple[Path | None, str]:
    """A folder for a passing recording, or why there is none."""
    try:
        if parent is not None:
            parent.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix="polypwatch-self-test-", dir=parent)), ""
    except OSError as error:
        return None, f"cannot write into {error.filename or parent}: {error.strerror}. Choose another folder."


def _start_recording(session: LiveSession) -> tuple[Path | None, str]:
    """Where the recording goes, or why there is none."""
    try:
        session.start_recording()
    except PolypwatchError as error:
        return None, str(error)
    recording = session.snapshot().recording
    return (Path(recording), "") if recording else (None, "it was not begun.")
