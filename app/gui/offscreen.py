"""The window without a screen: the same session and the same paints; what it showed goes into a folder."""

from __future__ import annotations

import threading
import time
from fractions import Fraction
from pathlib import Path

from app.gui.application import application
from app.gui.bridge import PaintStamp
from app.gui.interrupts import Interrupts
from app.gui.options import WindowOptions
from app.gui.painting import as_bgr, render_to_image
from app.gui.window import run_window
from app.handoff import Spool
from app.live import AiFactory, LiveSession, LiveSettings
from app.picture.words import PictureReport
from app.recording import VideoFile
from app.report import RunLog
from app.snapshot import LiveSnapshot, SourceStatus
from detector.errors import OutputError, SourceError, WorkerError
from detector.frame import FrameSource
from detector.geometry import Size
from detector.watchdog import AiState

_SIZE = Size(1280, 800)
_AI_START_S = 180.0  # as long as the watchdog allows the first start on a card; a start that hangs on a CPU ends before
_PREVIEW_SPOOL = 64


def run_offscreen(
    source: FrameSource,
    label: str,
    make_ai: AiFactory,
    out: Path,
    seconds: float | None = None,
    interrupts: Interrupts | None = None,
    *,
    synchronised: bool = False,
    picture: PictureReport | None = None,
) -> int:
    """Run the live pipeline to the end of ``source``; leaves a folder and prints where it is.

    Call with ``QT_QPA_PLATFORM=offscreen``.

    Args:
        source: not opened yet.
        label: its short name.
        make_ai: builds the AI process.
        out: the run gets a folder of its own in here, with ``screenshot.png``, ``preview.mp4``, ``results.json``,
            ``summary.txt`` and ``summary.json``.
        seconds: end after this much of the video.
        interrupts: what ends it early; what was done until then is kept.
        synchronised: keep each picture back for its own boxes.
        picture: tells how the source's pictures are prepared.

    Raises:
        SourceError: the source could not be opened or was lost.
        WorkerError: the AI never came up.
        OutputError: the folder or a file in it cannot be written.
    """
    run = _Run(source, label, make_ai, _new_folder(out), seconds, synchronised, picture)
    return run.run(interrupts)


class _Run:
    def __init__(
        self,
        source: FrameSource,
        label: str,
        make_ai: AiFactory,
        folder: Path,
        seconds: float | None,
        synchronised: bool,
        picture: PictureReport | None,
    ) -> None:
        application()
        self._folder = folder
        self._seconds = seconds
        self._log = RunLog(folder, lambda: self._session.snapshot().source.info)
        # A recording can wait for the AI to be up; only a live picture cannot.
        settings = LiveSettings(wait_for_ai_s=_AI_START_S, synchronised=synchronised)
        self._session = LiveSession(source, label, make_ai, settings, self._log.analysed, picture=picture)
        self._preview = _Preview(folder)
        self._last: LiveSnapshot | None = None

    def run(self, interrupts: Interrupts | None) -> int:
        options = WindowOptions(self._folder, size=_SIZE, muted=True, quit_when_ended=True)
        try:
            status = run_window(self._session, options, [self._painted], interrupts)
        finally:
            self._preview.close()
        last = self._session.snapshot()
        summary = self._log.finish(last)
        print(f"{summary.as_text()}\nThe screenshot, preview, results and summary are in {self._folder}")
        self._preview.raise_fault()
        _raise_failure(last)
        return status

    def _painted(self, stamp: PaintStamp) -> None:
        """From the window's thread, after every paint."""
        self._log.painted(stamp.frame_index, stamp.captured_ns, stamp.painted_ns)
        snapshot = self._session.snapshot()
        self._preview.offer(snapshot)
        time_s = snapshot.frame.time.seconds if snapshot.frame and snapshot.frame.time else 0.0
        if self._seconds is not None and time_s >= self._seconds:
            self._session.end()


class _Preview:
    """Renders what was shown into ``preview.mp4``, and the frame with the surest marker into ``screenshot.png``.

    In a thread of its own: neither the picture nor the AI waits for it. What it cannot keep up with is left out.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._spool: Spool[LiveSnapshot] = Spool(_PREVIEW_SPOOL)
        self._video: VideoFile | None = None
        self._best: LiveSnapshot | None = None
        self._last_index = -1
        self._started_ns: int | None = None
        self._fault: OutputError | None = None
        self._thread = threading.Thread(target=self._run, name="preview", daemon=True)
        self._thread.start()

    def offer(self, snapshot: LiveSnapshot) -> None:
        """Take a painted snapshot; repaints of the same picture add nothing."""
        if snapshot.frame is not None and snapshot.frame.index != self._last_index:
            self._last_index = snapshot.frame.index
            self._spool.offer(snapshot)

    def close(self) -> None:
        """Finish the files."""
        self._spool.close()
        self._thread.join()

    def raise_fault(self) -> None:
        """Raise what kept the files from being written, if anything."""
        if self._fault is not None:
            raise self._fault

    def _run(self) -> None:
        try:
            while not self._spool.drained:
                snapshot = self._spool.take(timeout_s=0.5)
                if snapshot is not None:
                    self._add(snapshot)
            if self._video is not None:
                self._video.close()
            self._write_screenshot()
        except OutputError as error:  # raised again at the end of the run: the picture goes on without a preview
            self._fault = error
            self._spool.close()

    def _add(self, snapshot: LiveSnapshot) -> None:
        image = as_bgr(render_to_image(snapshot, _SIZE))
        if self._video is None:
            info = snapshot.source.info
            rate = info.rate if info else None
            self._video = VideoFile(self._folder / "preview.mp4", Size.of(image), rate or Fraction(25), crf=24)
            self._started_ns = snapshot.taken_ns
        assert self._started_ns is not None
        self._video.write(image, (snapshot.taken_ns - self._started_ns) / 1e9)
        if self._best is None or _sureness(snapshot) >= _sureness(self._best):
            self._best = snapshot

    def _write_screenshot(self) -> None:
        path = self._folder / "screenshot.png"
        if self._best is not None and not render_to_image(self._best, _SIZE).save(str(path)):
            raise OutputError(f"Cannot write {path}.", "Is the disk full?")


def _sureness(snapshot: LiveSnapshot) -> float:
    """How much a picture is worth showing: the score of its surest marker, less for boxes that lag behind."""
    surest = max((marker.score for marker in snapshot.markers), default=0.0)
    return surest - (snapshot.ai.overlay_age_ms or 0.0) / 250


def _new_folder(out: Path) -> Path:
    """A fresh folder for this run.

    Raises:
        OutputError: it cannot be made.
    """
    stamp = time.strftime("demo-%Y%m%d-%H%M%S")
    for number in range(100):
        folder = out / (stamp if number == 0 else f"{stamp}-{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError as error:
            raise OutputError(
                f"Cannot make the folder {folder}: {error.strerror}.", "Choose another with --out."
            ) from error
        return folder
    raise OutputError(f"{out} is full of runs of this second.", "Try again.")


def _raise_failure(last: LiveSnapshot) -> None:
    """A run that did not do its job must not end like one that did."""
    if last.source.status in (SourceStatus.FAILED, SourceStatus.LOST, SourceStatus.GONE):
        raise SourceError(last.source.detail or f"{last.source.label}: {last.source.status.value}.")
    if last.ai.state is AiState.FAILED or not last.ai.analysed:
        raise WorkerError(f"The AI analysed no frame: {last.ai.detail or last.ai.state.value}.")
