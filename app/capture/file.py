"""Video files."""

from __future__ import annotations

import contextlib
import math
import os
import re
import threading
import time
from collections import deque
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from app.capture.decode import Damage, Picture, PictureReader
from app.capture.placing import Place, where_it_is
from app.capture.tap import PacketTap
from app.capture.timeline import Timeline
from app.capture.troubles import is_cut_short, missing_path, reason, video_error
from detector.decode import FORMATS
from detector.errors import SourceError
from detector.frame import Frame, Interruption, SourceInfo, SourceKind, SourceState
from detector.geometry import Size

_CLOSE_WAIT_S = 1.0


@dataclass(frozen=True, slots=True)
class Beginning:
    """Where to begin in a file.

    Attributes:
        index: of the first frame to give out, counted over the whole file.
        start: its media time in seconds.
    """

    index: int
    start: Fraction


class FileSource:
    """A video file, decoded as fast as it is read; see :class:`app.capture.pacing.Paced` for its own pace.

    Every picture of the file is accounted for: what is damaged comes as ``UNDECODABLE`` in its place, with index and
    time. A file that holds less than it promises says so before it ends. Opened again after ``END`` it starts over,
    after ``GONE`` it goes on where it was.

    Args:
        path: the file.
        loop: start over at the end; indices and media time go on.
        begin: leave out what comes before; for files whose frame times are known.
    """

    def __init__(self, path: Path | str, *, loop: bool = False, begin: Beginning | None = None) -> None:
        self.tap = PacketTap()
        self._path = Path(path)
        self._loop = loop
        self._begin = begin
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._timeline = Timeline()
        self._index = 0
        self._run: _Run | None = None
        self._waiting: deque[Picture | Damage] = deque()
        self._final = Interruption(SourceState.END, "not open")
        self._info: SourceInfo | None = None
        self._resume_at: int | None = None
        self._place: Place = where_it_is

    def place_with(self, place: Place) -> None:
        """See :class:`app.capture.placing.Placing`."""
        self._place = place

    @property
    def estimated_times(self) -> int:
        """How many frames had no time stamp; they were placed one frame interval after the one before."""
        return self._timeline.estimated

    def open(self) -> SourceInfo:
        """Open the file, decode its first picture, and say what it is.

        Raises:
            SourceError: it cannot be read as a video.
        """
        with self._lock:
            self._release()
            self._closing.clear()
            run = _Run(self._path, self.tap)
            if self._begin is not None and self._info is None:
                self._index = self._begin.index
                self._resume_at = math.ceil(self._begin.start / run.time_base) - 1
            try:
                size = self._first_picture(run)
            except BaseException:
                run.close()
                raise
            self._run = run
            # The size, rate and base of the first opening stay: they describe the source, not this pass.
            self._info = self._info or SourceInfo(
                SourceKind.FILE, self._path.name, False, size, run.rate, run.frame_count, self._timeline.time_base
            )
            return self._info

    def read(self) -> Frame | Interruption:
        """The next frame, or why there is none; waits for the disk only."""
        with self._lock:
            item = self._next()
            if self._closing.is_set():
                self._release()
                return Interruption(SourceState.END, "closed")
            return item

    def close(self) -> None:
        """Close the file; if a read hangs in the operating system, it is closed when that returns."""
        self._closing.set()
        if self._lock.acquire(timeout=_CLOSE_WAIT_S):
            try:
                self._release()
            finally:
                self._lock.release()

    # -- with the lock held -------------------------------------------------------------------------------------

    def _release(self) -> None:
        if self._run is not None:
            self._run.close()
            self._final = Interruption(SourceState.END, "closed")
        self._run = None
        self._waiting.clear()

    def _first_picture(self, run: _Run) -> Size:
        """Read up to the first picture, keep what was read for later, and set the time axis."""
        waiting: deque[Picture | Damage] = deque()
        if self._resume_at is not None:
            run.seek(self._resume_at)
        try:
            while (item := run.read()) is not None:
                if self._resume_at is not None and (item.pts is None or item.pts <= self._resume_at):
                    continue
                waiting.append(item)
                if item.image is not None:
                    break
            else:
                if self._resume_at is None:
                    raise SourceError(f"{self._path} holds no picture that can be decoded.", "Copy or record it again.")
        except av.error.FFmpegError as error:
            raise video_error(error, self._path) from error
        if self._resume_at is None:
            self._timeline.begin(run.time_base, run.rate)
        else:
            self._timeline.resume(run.time_base, run.rate)
        self._resume_at = None
        self._waiting = waiting
        image = waiting[-1].image if waiting else None
        return Size.of(image) if image is not None else Size(0, 0)

    def _next(self) -> Frame | Interruption:
        if self._run is None:
            return self._final
        try:
            item = self._waiting.popleft() if self._waiting else self._run.read()
        except (av.error.FFmpegError, OSError) as error:
            return self._gone(f"reading failed: {reason(error)}")
        if self._run.ended_early and not self._path.exists():
            return self._gone("the file vanished while it was read")
        if item is not None:
            return self._numbered(item)
        return self._start_over() if self._loop else self._ended()

    def _numbered(self, item: Picture | Damage) -> Frame | Interruption:
        index, self._index = self._index, self._index + 1
        when = self._timeline.place(item.pts)
        if isinstance(item, Picture):
            captured_ns = time.perf_counter_ns()
            self.tap.given(item.pts, index, when, captured_ns)
            return Frame(index, when, captured_ns, self._place(item.image))
        return Interruption(SourceState.UNDECODABLE, item.detail, index, when, picture=item.image)

    def _ended(self) -> Interruption:
        self._release()
        self._final = Interruption(SourceState.END)
        return self._final

    def _gone(self, detail: str) -> Interruption:
        self._resume_at = self._run.last_pts if self._run is not None else None
        self._release()
        self._final = Interruption(SourceState.GONE, detail)
        return self._final

    def _start_over(self) -> Frame | Interruption:
        self._release()
        try:
            run = _Run(self._path, self.tap)
        except SourceError as error:
            return self._gone(str(error))
        try:
            self._first_picture(run)
        except SourceError as error:
            run.close()
            return self._gone(str(error))
        self._run = run
        return self._next()


class _Run:
    """One pass over the file.

    Raises:
        SourceError: it cannot be opened as a video.
    """

    def __init__(self, path: Path, tap: PacketTap) -> None:
        trouble = missing_path(path)
        if trouble is not None:
            raise trouble
        self._path = path
        self._container = self._opened(path)
        try:
            self._stream = _video_stream(self._container, path)
            # Slices and frames at once: throughput matters here, not the delay of a few frames.
            self._stream.thread_type = "AUTO"
            self.time_base = self._stream.time_base or Fraction(1, 90_000)
            self.rate = self._stream.average_rate or self._stream.guessed_rate or None
            self._reader = PictureReader(self._container, self._stream, self.rate, live=False, tap=tap)
        except BaseException:
            self._container.close()
            raise
        self._promised_s = _promised_s(self._container, self._stream)
        self._came = 0
        self._whole = True
        self._said = False
        self._first_pts: int | None = None
        self.last_pts: int | None = None
        self.ended_early = False

    @staticmethod
    def _opened(path: Path) -> InputContainer:
        # "file:" keeps a name such as "a:b.mp4" from being taken for an address.
        options = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}
        try:
            return av.open("file:" + os.fspath(path), options=options)
        except (av.error.FFmpegError, OSError) as error:
            raise video_error(error, path) from error

    @property
    def frame_count(self) -> int | None:
        """How many frames the container lists, or else its duration times its rate."""
        if self._stream.frames:
            return self._stream.frames
        if self._promised_s is not None and self.rate:
            return round(self._promised_s * self.rate)
        return None

    def seek(self, pts: int) -> None:
        """Go to the last key frame at or before ``pts``."""
        self._whole = False
        with contextlib.suppress(av.error.FFmpegError):  # a container that cannot seek is read from its start
            self._container.seek(pts, stream=self._stream)

    def read(self) -> Picture | Damage | None:
        """The next picture or damage; at the end first a statement of what is missing, then None."""
        item = self._reader.read()
        if item is not None:
            self._came += 1
            if item.pts is not None:
                self._first_pts = item.pts if self._first_pts is None else self._first_pts
                self.last_pts = item.pts
            return item
        if self._said:
            return None
        self._said = True
        lack = self._lack()
        if not lack:
            return None
        self.ended_early = True
        return Damage(None, f"ended early: {lack}")

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def _lack(self) -> str:
        """What the container promises and did not give, or nothing."""
        came = self._came + self._reader.hidden
        promised = self._stream.frames
        interval_s = 1 / self.rate if self.rate else Fraction(1, 25)
        if self._whole and self._promised_s is not None and self._first_pts is not None and self.last_pts is not None:
            came_s = (self.last_pts - self._first_pts) * self.time_base + interval_s
            if came_s < self._promised_s - (interval_s / 2 if promised else max(Fraction(1, 2), 2 * interval_s)):
                if promised > came:
                    return f"the container promises {promised} frames, {came} came"
                if not promised:
                    return f"the container promises {float(self._promised_s):.2f} s, {float(came_s):.2f} s came"
        if self._reader.refused or (not promised and is_cut_short(self._path)):
            return "the end of the file is missing or damaged"
        return ""


def _video_stream(container: InputContainer, path: Path) -> VideoStream:
    """The first stream that is a video and can be decoded; cover pictures of sound files do not count."""
    videos = [s for s in container.streams.video if not s.disposition & av.stream.Disposition.attached_pic]
    if not videos:
        raise SourceError(f"{path} holds no video.", "Choose a file with a picture.")
    if videos[0].codec_context is None:
        raise SourceError(f"{path} is coded in a way that this installation cannot decode.", "Convert it to H.264.")
    return videos[0]


def _promised_s(container: InputContainer, stream: VideoStream) -> Fraction | None:
    """How long the container says that the video lasts, in seconds."""
    if stream.duration is not None and stream.time_base is not None:
        return stream.duration * stream.time_base
    stated = re.fullmatch(r"(\d+):(\d+):(\d+(?:\.\d+)?)", stream.metadata.get("DURATION", ""))
    if stated:
        hours, minutes, seconds = stated.groups()
        return int(hours) * 3600 + int(minutes) * 60 + Fraction(seconds)
    # The sound may last longer than the picture.
    if container.duration and len(container.streams) == 1:
        return Fraction(container.duration, 1_000_000)
    return None
