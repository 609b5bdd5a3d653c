"""All at once: a live session on pictures from memory, with its window, AI process and recorder, as an examination is.

Nothing is extrapolated from single jobs: what the verdict says of a setting was tried here.
"""

from __future__ import annotations

import json
import math
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import numpy as np

from app.bench.figures import Setting, Trial
from app.bench.measure import Image, to_and_fro
from app.bench.verdict import LATE_MS
from app.capture import MemorySource, Paced
from app.live import AiFactory, LiveSession, LiveSettings
from app.overlay import AnalysedFrame, FailedFrame
from app.report import Percentiles
from app.snapshot import AiSnapshot, LiveSnapshot
from detector.errors import OutputError
from detector.watchdog import AiState

if TYPE_CHECKING:
    from app.gui.bridge import PaintHook, PaintStamp

# Shows a session until its source has ended, telling the hook of every paint; True if the user asked to stop.
Show = Callable[[LiveSession, "PaintHook"], bool]

_SETTLE_S = 1.5  # the first paints load fonts, the encoder its tables
_WAIT_FOR_AI_S = 120.0
_SAMPLE_S = 0.1


def run_trial(
    model: str,
    setting: Setting,
    pictures: Sequence[Image],
    make_ai: AiFactory,
    show: Show,
    seconds: float,
    scratch: Path | None = None,
) -> Trial:
    """Play the pictures through a live session of its own.

    Args:
        model: its name, for the record.
        setting: what is to be held.
        pictures: of the setting's size.
        make_ai: builds the AI process.
        show: the window.
        seconds: length of the measured part.
        scratch: where a passing recording goes; None takes the system's place for passing files.

    Raises:
        KeyboardInterrupt: the user asked to stop.
        OutputError: there is no place for a passing recording.
    """
    count = _settling(setting) + round(setting.rate * seconds)
    source = Paced(MemorySource(to_and_fro(pictures), rate=Fraction(setting.rate), count=count, label=str(setting)))
    with _scratch_folder(scratch) as folder:
        recordings = Path(folder) if setting.recording else None
        settings = LiveSettings(recordings=recordings, wait_for_ai_s=_WAIT_FOR_AI_S)
        meter = Meter(setting, count)
        session = LiveSession(source, str(setting), make_ai, settings, meter.analysed)
        gauge = RecorderGauge(session, meter.first_measured)
        if setting.recording:
            gauge.start()
        try:
            stopped = show(session, meter.painted)
        finally:
            session.stop()
            gauge.finish()
        if stopped:
            raise KeyboardInterrupt
        return meter.trial(model, seconds, session.snapshot(), gauge)


class Meter:
    """Collects the paints and results of a trial.

    A picture's lateness counts from when it was due, by the first picture's clock: a capture thread that is itself
    held up does not make a picture look earlier.

    Args:
        setting: what is tried.
        count: how many pictures will come, the settling ones included.
    """

    def __init__(self, setting: Setting, count: int) -> None:
        self._setting = setting
        self._count = count
        self.first_measured = _settling(setting)
        self._origin: tuple[int, int] | None = None  # index and capture time of the first picture seen
        self._paints_ns: dict[int, int] = {}
        self._boxes_ns: list[int] = []
        self._newest_result: int | None = None
        self._answers: list[int] = []
        self._lock = threading.Lock()

    def painted(self, stamp: PaintStamp) -> None:
        """Every paint; the first of each picture and of each result counts. From the window's thread."""
        if self._origin is None:
            self._origin = stamp.frame_index, stamp.captured_ns
        if stamp.frame_index < self.first_measured:
            return
        self._paints_ns.setdefault(stamp.frame_index, stamp.painted_ns - self._due_ns(stamp.frame_index))
        result = stamp.result_captured_ns
        if result is not None and result != self._newest_result and result >= self._due_ns(self.first_measured):
            self._newest_result = result
            self._boxes_ns.append(stamp.painted_ns - result)

    def analysed(self, item: AnalysedFrame | FailedFrame) -> None:
        """Every result of the AI, from its supervisor's thread."""
        if isinstance(item, AnalysedFrame) and item.detections.frame_index >= self.first_measured:
            with self._lock:
                self._answers.append(item.received_ns)

    def trial(self, model: str, seconds: float, last: LiveSnapshot, gauge: RecorderGauge) -> Trial:
        """What was seen, with the last snapshot of the session and what its recorder did."""
        pictures = self._count - self.first_measured
        in_time = sum(ns <= LATE_MS * 1e6 for ns in self._paints_ns.values())
        info, ai = last.ai.info, last.ai
        return Trial(
            model=model,
            variant=info.variant if info else "",
            provider=info.provider if info else "",
            setting=self._setting,
            seconds=seconds,
            pictures=pictures,
            painted=len(self._paints_ns),
            late=pictures - in_time,
            picture_ms=Percentiles.of_ns(list(self._paints_ns.values())),
            box_ms=Percentiles.of_ns(self._boxes_ns),
            answers_per_s=round(len(self._answers) / seconds, 1),
            failed=ai.failed,
            restarts=ai.restarts,
            ai_trouble=_trouble(ai),
            record_lost=gauge.lost(self._count),
            record_waiting=gauge.waiting,
            record_growth=gauge.growth,
            record_fault=gauge.fault or last.recorder_fault,
        )

    def _due_ns(self, index: int) -> int:
        assert self._origin is not None
        first, at_ns = self._origin
        return at_ns + round((index - first) * 1e9 / self._setting.rate)


class RecorderGauge:
    """Starts the recording once the source is known, and watches its sidecar: what was captured and not yet written.

    Args:
        session: not started yet.
        first_measured: index of the first picture that counts.
    """

    def __init__(self, session: LiveSession, first_measured: int) -> None:
        self.fault = ""
        self._session = session
        self._first_measured = first_measured
        self._samples: list[int] = []
        self._sidecar = _Sidecar()
        self._begun = False
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="recorder gauge", daemon=True)

    def start(self) -> None:
        """Begin to watch; the recording starts with the source."""
        self._thread.start()

    def finish(self) -> None:
        """End, and read the rest of the sidecar; to be called when the session was stopped."""
        self._over.set()
        if self._thread.ident is not None:
            self._thread.join()
        self._sidecar.read()
        self._sidecar.close()

    @property
    def waiting(self) -> int:
        """Most pictures that waited at once."""
        return max(self._samples, default=0)

    @property
    def growth(self) -> float:
        """By how many more of them waited in the last third of the trial than in its first, on average."""
        third = len(self._samples) // 3
        if not third:
            return 0.0
        return round(float(np.mean(self._samples[-third:]) - np.mean(self._samples[:third])), 1)

    def lost(self, count: int) -> int:
        """How many of ``count`` pictures, from the first recorded one on, are missing; 0 without a recording."""
        if not self._begun:
            return 0
        first = self._sidecar.first
        return count if first is None else count - first - self._sidecar.kept

    def begin(self) -> bool:
        """Start the recording; False if that cannot be, which is a fault."""
        try:
            self._session.start_recording()
        except OutputError as error:
            self.fault = str(error)
            return False
        recording = self._session.snapshot().recording
        if recording is not None:
            self._sidecar.open(Path(recording) / "frames.jsonl")
            self._begun = True
        return self._begun

    def sample(self) -> None:
        """See how many pictures wait now."""
        self._sidecar.read()
        frame, newest = self._session.snapshot().frame, self._sidecar.newest
        if frame is not None and newest is not None and frame.index >= self._first_measured:
            self._samples.append(max(0, frame.index - newest))

    def _run(self) -> None:
        while not self._over.wait(_SAMPLE_S):
            if self._begun:
                self.sample()
            elif self._session.snapshot().source.info is not None and not self.begin():
                return


@dataclass(slots=True)
class _Sidecar:
    """The recording's list of pictures, read as it grows.

    Attributes:
        first: capture index of the first picture in it.
        newest: capture index of the newest one that was written.
        kept: how many were written.
    """

    first: int | None = None
    newest: int | None = None
    kept: int = 0
    _file: TextIO | None = None
    _rest: str = ""

    def open(self, path: Path) -> None:
        self._file = path.open(encoding="utf-8")

    def read(self) -> None:
        """Take in what was added; a line that is only half there waits for its end."""
        if self._file is None:
            return
        *lines, self._rest = (self._rest + self._file.read()).split("\n")
        for row in map(json.loads, lines):
            if "capture_index" not in row:
                continue
            index = int(row["capture_index"])
            self.first = index if self.first is None else min(self.first, index)
            if row["record_index"] is not None:
                self.newest, self.kept = index, self.kept + 1

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def _settling(setting: Setting) -> int:
    """How many pictures come before those that count."""
    return math.ceil(setting.rate * _SETTLE_S)


def _scratch_folder(parent: Path | None) -> tempfile.TemporaryDirectory[str]:
    try:
        return tempfile.TemporaryDirectory(prefix="polypwatch-bench-", dir=parent, ignore_cleanup_errors=True)
    except OSError as error:
        raise OutputError(
            f"Cannot make a passing folder in {error.filename}: {error.strerror}.", "Set TMPDIR to another disk."
        ) from error


def _trouble(ai: AiSnapshot) -> str:
    """Why there was no AI at all; one that was slow or restarted shows in the figures."""
    if ai.state is AiState.FAILED or ai.info is None:
        return ai.detail or ai.state.value
    return ""
