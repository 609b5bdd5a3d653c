"""The files of a recording: one video after the other, and a line for every picture. Used by the writer's thread."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from app.recording.blanking import Ready, Taken
from app.recording.encoders import Encoder, black
from app.recording.lines import LinesFile
from app.recording.video_file import VideoFile
from detector.errors import OutputError
from detector.frame import Frame
from detector.geometry import Size

_BACK_S = 0.5  # media time that goes back further than this begins another file


@dataclass(slots=True)
class SegmentFacts:
    """What ``recording.json`` says of a segment."""

    file: str
    session: int
    width: int
    height: int
    frames: int = 0
    blanked: int = 0
    seconds: float = 0.0
    complete: bool = False


class Segments:
    """Writes pictures into ``video-NNN.mkv``; the next file begins after a while, and when the size changes.

    Args:
        folder: of the recording.
        rows: the sidecar.
        rate: nominal frames per second of the source.
        encoder: which one.
        first: number of the first segment.
        session: which run of the recorder in this folder, from 1.
        segment_s: how long a file gets, in seconds of media time.
    """

    def __init__(
        self,
        folder: Path,
        rows: LinesFile,
        rate: Fraction | None,
        encoder: Encoder,
        first: int,
        session: int,
        segment_s: float,
    ) -> None:
        self.encoder = encoder
        self.facts: list[SegmentFacts] = []
        self.blanking = False
        self._folder = folder
        self._rows = rows
        self._rate = rate
        self._session = session
        self._segment_s = segment_s
        self._next = first
        self._video: VideoFile | None = None
        self._start_s = self._last_s = 0.0
        self._lock = threading.Lock()
        self._handles: list[SyncHandle] = []

    @property
    def current(self) -> SegmentFacts | None:
        """The newest segment; None before the first picture."""
        return self.facts[-1] if self.facts else None

    def write(self, item: Ready, blank: bool, allowed: Callable[[], bool]) -> None:
        """Add a picture, as it is or as black, and its line unless it is not ``allowed`` any more by then.

        Raises:
            OutputError: the disk is full or gone, or the encoder failed (``EncoderError``).
        """
        seconds = item.taken.seconds
        if self._video is None or self._needs_another(item.size, seconds):
            self._begin(item.size, seconds)
        video, facts = self._video, self.facts[-1]
        assert video is not None
        pixels = black(item.size, self.encoder.pixels) if blank else item.pixels
        # Nothing of a picture that may not be kept may be left in what follows, nor the other way round.
        video.put(pixels, seconds - self._start_s, key=blank != self.blanking)
        self.blanking = blank
        if not allowed():
            return
        self._rows.write([frame_row(item.taken, self._session, self._next - 1, facts.frames, blanked=blank)])
        facts.frames += 1
        facts.blanked += blank
        facts.seconds = round(max(0.0, seconds - self._start_s), 3)
        self._last_s = seconds

    def close(self) -> None:
        """Complete the file that is being written.

        Raises:
            OutputError: the disk is full or gone.
        """
        video, self._video = self._video, None
        if video is not None:
            video.close()
            self.facts[-1].complete = True
            self._handles[-1].last = True

    def give_up(self) -> None:
        """Let go of a file that cannot be written any more; what is in it stays."""
        with contextlib.suppress(OutputError):
            self.close()
        if self.facts:
            self.facts[-1].complete = False

    def sync(self) -> int:
        """Bring the videos to the disk; returns how many bytes they have. Any thread may.

        Raises:
            OSError: the disk is gone.
        """
        with self._lock:
            handles = list(self._handles)
        for handle in handles:
            handle.sync()
        return sum(handle.size for handle in handles)

    def release(self) -> None:
        """Close what was opened for syncing."""
        with self._lock:
            for handle in self._handles:
                handle.close()

    def _needs_another(self, size: Size, seconds: float) -> bool:
        assert self._video is not None
        long_enough = seconds - self._start_s >= self._segment_s
        return self._video.size != size or long_enough or seconds < self._last_s - _BACK_S

    def _begin(self, size: Size, start_s: float) -> None:
        self.close()
        path = self._folder / f"video-{self._next:03d}.mkv"
        video = VideoFile(path, size, self._rate, encoder=self.encoder)
        handle = SyncHandle(path)
        with self._lock:
            self._handles.append(handle)
        self._video, self._start_s, self._last_s = video, start_s, start_s
        self.facts.append(SegmentFacts(path.name, self._session, *size))
        self._next += 1


class SyncHandle:
    """A second way into a file, for syncing it while it is written, and its folder's entry with it.

    Raises:
        OutputError: it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._file: int | None = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0))
        except OSError as error:
            raise OutputError(f"Cannot write {path}: {error.strerror}.", "Is the disk full or gone?") from error
        self.size = 0
        self.last = False  # nothing is written any more

    def sync(self) -> None:
        """Bring what was written to the disk, unless nothing was.

        Raises:
            OSError: the disk is gone.
        """
        if self._file is None:
            return
        is_last, size = self.last, os.fstat(self._file).st_size
        if size != self.size or is_last:
            os.fsync(self._file)
        self.size = size
        if is_last:
            self.close()

    def close(self) -> None:
        """Let go of it; harmless twice."""
        file, self._file = self._file, None
        if file is not None:
            os.close(file)


def frame_row(
    taken: Taken, session: int, segment: int | None, record_index: int | None, *, blanked: bool = False, lost: str = ""
) -> dict[str, Any]:
    """A line of ``frames.jsonl``. What is as usual is left out."""
    time = taken.time
    row: dict[str, Any] = {
        "capture_index": taken.index,
        "record_index": record_index,
        "segment": segment,
        "pts": time.pts if time else None,
        "time_base": f"{time.time_base.numerator}/{time.time_base.denominator}" if time else None,
        "captured_ns": taken.captured_ns,
    }
    if session > 1:
        row["session"] = session
    if blanked:
        row["blanked"] = True
    if lost:
        row["lost"] = lost
    return row


def taken_of(frame: Frame) -> Taken:
    """Index and times of a frame."""
    return Taken(frame.index, frame.time, frame.captured_ns)
