"""The session's recording: begun and ended at the user's wish, offered every picture, told every result."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from app.picture.words import PictureReport
from app.recording.blanking import Inside
from app.recording.recorder import Recorder, RecorderOptions
from app.results_log import ResultsLog, Row
from app.snapshot import RecorderSnapshot
from detector.errors import OutputError, UsageError
from detector.frame import Frame, SourceInfo


class Keeping:
    """At most one recorder at a time, and what the last one failed of.

    Args:
        root: where recordings without a folder of their own go; None if only folders that are named are recorded into.
        options: encoder, segments, space.
        inside: whether the picture of an instant was surely of the inside of a body; what was not is blanked. None:
            nothing is.
        picture: how the source's pictures are prepared; it may object to a recording.
        on_change: called when a fault appears, from any thread.
        clock_ns: that of ``Frame.captured_ns``.
    """

    def __init__(
        self,
        root: Path | None,
        options: RecorderOptions | None,
        inside: Inside | None,
        picture: PictureReport | None,
        on_change: Callable[[], None],
        clock_ns: Callable[[], int] = time.perf_counter_ns,
    ) -> None:
        self._root, self._options, self._inside = root, options, inside
        self._picture = picture
        self._on_change, self._clock_ns = on_change, clock_ns
        self._black: set[int] = set()  # captured_ns of pictures without a known area that no verdict was asked for yet
        self._starting = threading.Lock()  # never taken by the capture thread
        self._recorder: Recorder | None = None
        self._log = ResultsLog()
        self._fault = ""

    def start(self, folder: Path | None, info: SourceInfo | None) -> None:
        """Record from the next frame on; without effect while a recording runs.

        Args:
            folder: where to, gone on with if there is something; None: a new one, named after the time.
            info: what is known of the source.

        Raises:
            OutputError: the folder cannot be made or written.
            UsageError: what lies around the picture would be recorded, too.
        """
        if folder is None and self._root is None:
            raise OutputError("No folder for recordings was chosen.", "Start with --record FOLDER.")
        if self._picture is not None and (objection := self._picture.objection()):
            raise UsageError(f"Nothing is recorded: {objection}.", "Set the area by hand (--area X,Y,W,H or full).")
        with self._starting:
            if self._recorder is not None:
                return
            resume = folder is not None
            if folder is None:
                assert self._root is not None
                folder = _new_folder(self._root)
            rate = info.rate if info else None
            recorder = Recorder(
                folder,
                rate,
                self._on_change,
                self._options,
                self._surely_inside if self._inside is not None else None,
                resume=resume,
                clock_ns=self._clock_ns,
                copied=self._picture.copy_source() if self._picture is not None else None,
            )
            self._log, self._fault, self._recorder = ResultsLog(), "", recorder
        self._on_change()

    def stop(self) -> None:
        """Finish the recording's files; may take a while."""
        with self._starting:
            recorder, self._recorder = self._recorder, None
            if recorder is not None:
                recorder.close()
                self._fault = recorder.fault
        self._on_change()

    # -- from the capture thread ----------------------------------------------------------------------------------

    def offer(self, frame: Frame) -> None:
        """Hand a picture over; never waits.

        Another size of picture may make its area unknown again while the recording runs: until it is found, black is
        recorded.
        """
        if (recorder := self._recorder) is None:
            return
        if self._picture is not None and self._picture.objection():
            self._black.add(frame.captured_ns)
            frame = replace(frame, image=np.zeros_like(frame.image))
        recorder.offer(frame)

    @property
    def busy(self) -> bool:
        """True while so many pictures wait that the AI should step back."""
        recorder = self._recorder
        return recorder is not None and recorder.busy

    # -- from the recorder's thread -------------------------------------------------------------------------------

    def _surely_inside(self, captured_ns: int) -> bool | None:
        if captured_ns in self._black:
            self._black.discard(captured_ns)
            return False
        return self._inside(captured_ns) if self._inside is not None else None

    # -- anywhere -------------------------------------------------------------------------------------------------

    def note(self, row: Row) -> None:
        """Add what the AI said of a frame; call with the session's lock held, so that heads and rows keep their order.

        Never waits.
        """
        if (recorder := self._recorder) is not None:
            for line in self._log.lines(row()):
                recorder.note_result(line)

    @property
    def fault(self) -> str:
        """What went wrong with the recording, or with the last one; empty if nothing."""
        recorder = self._recorder
        return recorder.fault if recorder is not None else self._fault

    def snapshot(self) -> RecorderSnapshot | None:
        """The recording; None if nothing is recorded."""
        recorder = self._recorder
        return recorder.snapshot() if recorder is not None else None


def _new_folder(root: Path) -> Path:
    """A name after the time that nothing has yet: a pedal that bounces begins two recordings within a second."""
    name = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    names = itertools.chain([name], (f"{name}-{n}" for n in itertools.count(2)))
    return next(folder for each in names if not (folder := root / each).exists())
