"""The recorder: a writer thread that turns offered frames into clean video with a per-frame sidecar.

Boxes are never burned in. The container (MKV, clusters of half a second) loses at most the last half second when the
program is killed; the sidecar loses nothing. A frame that could not be taken is counted, named at the end of the
sidecar with ``record_index: null``, and shown as a fault.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

from app.handoff import Spool
from detector.errors import OutputError
from detector.frame import Frame, FrameTime
from detector.geometry import Size

SIDECAR_SCHEMA = "polypwatch.frames/1"
_KEY_INTERVAL_S = 0.5
_TIME_BASE = Fraction(1, 1000)  # what MKV stores
_CONTAINER_OPTIONS = {
    # Without the flush a dark, still picture stays in a buffer of 32 kB for a minute, and is lost with the program.
    ".mkv": {"cluster_time_limit": "500", "flush_packets": "1"},
    ".mp4": {"movflags": "+faststart"},
}
_SPOOL_BYTES = 400_000_000  # about 64 frames of 1080p: two seconds for a disk that hiccups


class VideoFile:
    """One H.264 file.

    Args:
        path: where to write; ``.mkv`` survives a crash up to the last half second, ``.mp4`` plays everywhere.
        size: of every frame; an odd last row or column is left out, as H.264 4:2:0 demands.
        rate: nominal frames per second, for the key-frame interval.
        crf: quality of x264; 18 is hardly distinguishable from the source.

    Raises:
        OutputError: the file cannot be created.
    """

    def __init__(self, path: Path, size: Size, rate: Fraction | None, crf: int = 18) -> None:
        self.path = path
        self.size = Size(size.width // 2 * 2, size.height // 2 * 2)
        if min(self.size) < 2:
            raise OutputError(f"Pictures of {size.width} x {size.height} pixels cannot be recorded.")
        with self._trouble():
            self._container = av.open(str(path), "w", options=_CONTAINER_OPTIONS[path.suffix])
        rate_hz = float(rate or 25)
        self._stream: Any = self._container.add_stream("libx264", rate=max(1, round(rate_hz)))
        self._stream.width, self._stream.height = self.size
        self._stream.pix_fmt = "yuv420p"
        self._stream.time_base = self._stream.codec_context.time_base = _TIME_BASE
        self._stream.codec_context.gop_size = max(1, round(rate_hz * _KEY_INTERVAL_S))
        self._stream.options = {"preset": "ultrafast", "crf": str(crf), "tune": "zerolatency"}
        _tag_colours(self._stream.codec_context)
        self._reformatter = VideoReformatter()
        self._last_pts = -1
        self._closed = False
        try:
            with self._trouble():
                self._container.start_encoding()  # creates the file: what is wrong with the folder shows now
        except OutputError:
            with contextlib.suppress(OSError, av.error.FFmpegError):
                self._container.close()
            raise

    def write(self, image: np.ndarray, seconds: float) -> None:
        """Add a BGR frame at ``seconds`` from the start.

        Raises:
            OutputError: the disk is full or gone.
        """
        even = image[: self.size.height, : self.size.width]
        if even.strides[1:] != (3, 1) or even.strides[0] < 0:
            even = np.ascontiguousarray(even)
        bgr = av.VideoFrame.from_numpy_buffer(even, format="bgr24")  # without a copy: 10 ms less at 1080p
        frame = self._reformatter.reformat(
            bgr, format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
        )
        # Two frames may fall into the same millisecond; the container wants strictly growing times.
        self._last_pts = frame.pts = max(round(seconds * 1000), self._last_pts + 1)
        frame.time_base = _TIME_BASE
        with self._trouble():
            self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        """Write what the encoder still holds, and the index; the file is closed also if that fails.

        Raises:
            OutputError: the disk is full or gone.
        """
        if self._closed:
            return
        self._closed = True
        with self._trouble():
            try:
                self._container.mux(self._stream.encode(None))
            finally:
                self._container.close()

    @contextlib.contextmanager
    def _trouble(self) -> Iterator[None]:
        try:
            yield
        except (OSError, av.error.FFmpegError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise OutputError(f"Cannot write {self.path}: {reason}.", "Is the disk full or gone?") from error


def _tag_colours(codec: Any) -> None:
    """Say in the file that it is BT.709, limited range: players guess differently where nothing is said."""
    codec.colorspace, codec.color_range = Colorspace.ITU709, ColorRange.MPEG
    codec.color_primaries = codec.color_trc = 1  # BT.709, as ITU-T H.273 numbers it


class Recorder:
    """Records offered frames into a folder: ``video-001.mkv`` and the sidecar ``frames.jsonl``.

    A changed picture size starts the next video file.

    Args:
        folder: must not exist or be empty; it is created.
        rate: nominal frames per second of the source.
        on_change: called once a fault appears, from the thread that found it.

    Raises:
        OutputError: the folder cannot be made or written, or is not empty.
    """

    def __init__(self, folder: Path, rate: Fraction | None, on_change: Callable[[], None] = lambda: None) -> None:
        self.folder = folder
        self._rate = rate
        self._on_change = on_change
        self._spool: Spool[Frame] = Spool(_SPOOL_BYTES, lambda frame: frame.image.nbytes)
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._lost: list[_Taken] = []
        self._fault = ""
        self._written = 0
        # The writer thread's own:
        self._video: VideoFile | None = None
        self._segment = 0
        self._in_segment = 0
        self._start_s = 0.0
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if any(folder.iterdir()):
                raise FileExistsError(errno.EEXIST, "The folder is not empty")
            # Line by line: as safe from a crash as the video beside it.
            self._sidecar = (folder / "frames.jsonl").open("x", encoding="utf-8", newline="\n", buffering=1)
            self._sidecar.write(json.dumps({"schema": SIDECAR_SCHEMA}) + "\n")
        except OSError as error:
            raise OutputError(f"Cannot record into {folder}: {error.strerror}.", "Choose another folder.") from error
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    def offer(self, frame: Frame) -> bool:
        """Hand a frame over; never blocks. False if it could not be taken, which is a visible fault.

        After :meth:`close` frames are no longer wanted: that is no fault.
        """
        if self._spool.offer(frame):
            return True
        if not self._closing.is_set():
            self._lose([frame], "this computer cannot write the video as fast as it comes; frames are missing")
        return False

    @property
    def busy(self) -> bool:
        """True while so many frames wait that the AI should step back."""
        return len(self._spool) > 8

    @property
    def fault(self) -> str:
        """What went wrong first, in words; empty while every frame is kept."""
        with self._lock:
            return self._fault

    @property
    def written(self) -> int:
        """Frames in the video so far."""
        with self._lock:
            return self._written

    @property
    def lost(self) -> int:
        """Frames that could not be taken or written."""
        with self._lock:
            return len(self._lost)

    def close(self, timeout_s: float = 30.0) -> None:
        """Write what waits and finish the files; what cannot be written in time is a fault."""
        self._closing.set()
        self._spool.close()
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            self._lose([], "the recording could not be finished in time; its end may be missing")

    def _lose(self, frames: list[Frame], fault: str) -> None:
        with self._lock:
            self._lost += [_Taken(f.index, f.time, f.captured_ns) for f in frames]
            is_new = not self._fault
            self._fault = self._fault or fault
        if is_new:
            self._on_change()

    # -- the writer thread ----------------------------------------------------------------------------------------

    def _run(self) -> None:
        _lower_priority()
        while not self._spool.drained:
            frame = self._spool.take(timeout_s=0.5)
            if frame is None:
                continue
            try:
                self._write(frame)
            except Exception as error:  # root of a thread: a recorder that gives up must say so
                self._spool.close()
                self._lose([frame, *self._waiting()], str(error))
        self._closing.wait()
        self._finish()

    def _waiting(self) -> Iterator[Frame]:
        while (frame := self._spool.take(timeout_s=0)) is not None:
            yield frame

    def _write(self, frame: Frame) -> None:
        seconds = frame.time.seconds if frame.time is not None else frame.captured_ns / 1e9
        size = Size(frame.size.width // 2 * 2, frame.size.height // 2 * 2)
        if self._video is None or self._video.size != size:
            self._next_segment(frame.size, seconds)
        assert self._video is not None
        self._video.write(frame.image, seconds - self._start_s)
        self._note(_Taken(frame.index, frame.time, frame.captured_ns), self._in_segment, self._segment)
        self._in_segment += 1
        with self._lock:
            self._written += 1

    def _next_segment(self, size: Size, start_s: float) -> None:
        if self._video is not None:
            self._video.close()
        self._segment += 1
        self._in_segment, self._start_s = 0, start_s
        self._video = VideoFile(self.folder / f"video-{self._segment:03d}.mkv", size, self._rate)

    def _note(self, frame: _Taken, record_index: int | None, segment: int | None) -> None:
        time = frame.time
        row = {
            "capture_index": frame.index,
            "record_index": record_index,
            "segment": segment,
            "pts": time.pts if time else None,
            "time_base": f"{time.time_base.numerator}/{time.time_base.denominator}" if time else None,
            "captured_ns": frame.captured_ns,
        }
        try:
            self._sidecar.write(json.dumps(row) + "\n")
        except OSError as error:
            raise OutputError(
                f"Cannot write {self._sidecar.name}: {error.strerror}.", "Is the disk full or gone?"
            ) from error

    def _finish(self) -> None:
        """End the files as well as still possible, after a fault too."""
        with self._lock:
            lost = list(self._lost)
        try:
            with self._sidecar:
                for frame in lost:
                    self._note(frame, None, None)
        except (OSError, OutputError) as error:
            self._lose([], str(error))
        try:
            if self._video is not None:
                self._video.close()
        except OutputError as error:
            self._lose([], str(error))


@dataclass(frozen=True, slots=True)
class _Taken:
    """A frame's index and times without its picture: what is noted of it."""

    index: int
    time: FrameTime | None
    captured_ns: int


def _lower_priority() -> None:
    """The encoder steps back behind painting (nice 2); its own threads inherit that."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 2)
