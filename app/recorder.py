"""The recorder: a writer thread that turns offered frames into clean video with a per-frame sidecar.

Boxes are never burned in. The container (MKV, clusters of half a second) loses at most the last half second when the
power goes. A frame that could not be taken is counted, named at the end of the sidecar with ``record_index: null``, and
shown as a fault.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np

from app.handoff import Spool
from detector.errors import OutputError
from detector.frame import Frame, FrameTime
from detector.geometry import Size

SIDECAR_SCHEMA = "polypwatch.frames/1"
_KEY_INTERVAL_S = 0.5
_TIME_BASE = Fraction(1, 1000)  # what MKV stores
_CONTAINER_OPTIONS = {".mkv": {"cluster_time_limit": "500"}, ".mp4": {"movflags": "+faststart"}}
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
        try:
            self._container = av.open(str(path), "w", options=_CONTAINER_OPTIONS[path.suffix])
        except (OSError, av.error.FFmpegError) as error:
            raise OutputError(f"Cannot write {path}: {error}.", "Choose another folder for recordings.") from error
        self._stream: Any = self._container.add_stream("libx264", rate=round(rate or 25))
        self._stream.width, self._stream.height = self.size
        self._stream.pix_fmt = "yuv420p"
        self._stream.time_base = self._stream.codec_context.time_base = _TIME_BASE
        self._stream.codec_context.gop_size = max(1, round(float(rate or 25) * _KEY_INTERVAL_S))
        self._stream.options = {"preset": "ultrafast", "crf": str(crf), "tune": "zerolatency"}
        self._last_pts = -1

    def write(self, image: np.ndarray, seconds: float) -> None:
        """Add a BGR frame at ``seconds`` from the start.

        Raises:
            OutputError: the disk is full or gone.
        """
        frame = av.VideoFrame.from_ndarray(image[: self.size.height, : self.size.width], format="bgr24")
        # Two frames may fall into the same millisecond; the container wants strictly growing times.
        self._last_pts = frame.pts = max(round(seconds * 1000), self._last_pts + 1)
        frame.time_base = _TIME_BASE
        self._mux(self._stream.encode(frame))

    def close(self) -> None:
        """Write what the encoder still holds, and the index."""
        try:
            self._mux(self._stream.encode(None))
        finally:
            self._container.close()

    def _mux(self, packets: list[Any]) -> None:
        try:
            for packet in packets:
                self._container.mux(packet)
        except (OSError, av.error.FFmpegError) as error:
            raise OutputError(f"Cannot write {self.path}: {error}.", "Is the disk full or gone?") from error


class Recorder:
    """Records offered frames into a folder: ``video-001.mkv`` and the sidecar ``frames.jsonl``.

    A changed picture size starts the next video file.

    Args:
        folder: must not exist or be empty; it is created.
        rate: nominal frames per second of the source.
        on_change: called from the writer thread when a fault appears.

    Raises:
        OutputError: the folder cannot be made or written.
    """

    def __init__(self, folder: Path, rate: Fraction | None, on_change: Callable[[], None] = lambda: None) -> None:
        self.folder = folder
        self._rate = rate
        self._on_change = on_change
        self._refused: list[Frame] = []
        self._fault = ""
        self._written = 0
        self._spool: Spool[Frame] | None = None
        self._lock = threading.Lock()
        self._video: VideoFile | None = None
        self._segments = 0
        self._start_s: float | None = None
        self._wake = threading.Event()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._sidecar = (folder / "frames.jsonl").open("x", encoding="utf-8")
            self._sidecar.write(json.dumps({"schema": SIDECAR_SCHEMA}) + "\n")
        except OSError as error:
            raise OutputError(f"Cannot record into {folder}: {error}.", "Choose another folder.") from error
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    def offer(self, frame: Frame) -> bool:
        """Hand a frame over; never blocks. False if it could not be taken, which is a visible fault."""
        if self._spool is None:
            capacity = max(16, _SPOOL_BYTES // max(1, frame.image.nbytes))
            self._spool = Spool(capacity)
            self._wake.set()
        if self._spool.offer(frame):
            return True
        with self._lock:
            self._refused.append(_without_pixels(frame))
            if not self._fault:
                self._fault = "this computer cannot write the video as fast as it comes; frames are missing"
        self._on_change()
        return False

    @property
    def busy(self) -> bool:
        """True while so many frames wait that the AI should step back."""
        return self._spool is not None and len(self._spool) > 8

    @property
    def fault(self) -> str:
        """What went wrong, in words; empty while every frame is kept."""
        with self._lock:
            return self._fault

    @property
    def written(self) -> int:
        """Frames in the video so far."""
        with self._lock:
            return self._written

    @property
    def lost(self) -> int:
        """Frames that could not be taken."""
        with self._lock:
            return len(self._refused)

    def close(self, timeout_s: float = 30.0) -> None:
        """Write what waits and finish the files."""
        if self._spool is not None:
            self._spool.close()
        self._wake.set()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        _lower_priority()
        self._wake.wait()
        try:
            while self._spool is not None and not self._spool.drained:
                frame = self._spool.take(timeout_s=0.5)
                if frame is not None:
                    self._write(frame)
            self._finish()
        except Exception as error:  # root of a thread: a recorder that dies must say so
            with self._lock:
                self._fault = str(error)
            if self._spool is not None:
                self._spool.close()
            with contextlib.suppress(OSError):
                self._sidecar.close()
            self._on_change()

    def _write(self, frame: Frame) -> None:
        size = Size(frame.size.width // 2 * 2, frame.size.height // 2 * 2)
        if self._video is None or self._video.size != size:
            self._next_segment(frame)
        assert self._video is not None
        seconds = frame.time.seconds if frame.time is not None else frame.captured_ns / 1e9
        if self._start_s is None:
            self._start_s = seconds
        self._video.write(frame.image, seconds - self._start_s)
        self._note(frame, self._written)
        with self._lock:
            self._written += 1

    def _next_segment(self, frame: Frame) -> None:
        if self._video is not None:
            self._video.close()
        self._segments += 1
        self._start_s = None
        self._video = VideoFile(self.folder / f"video-{self._segments:03d}.mkv", frame.size, self._rate)

    def _note(self, frame: Frame, record_index: int | None) -> None:
        time = frame.time
        row = {
            "capture_index": frame.index,
            "record_index": record_index,
            "segment": self._segments,
            "pts": time.pts if time else None,
            "time_base": f"{time.time_base.numerator}/{time.time_base.denominator}" if time else None,
            "captured_ns": frame.captured_ns,
        }
        self._sidecar.write(json.dumps(row) + "\n")

    def _finish(self) -> None:
        with self._lock:
            refused = list(self._refused)
        for frame in refused:
            self._note(frame, None)
        self._sidecar.close()
        if self._video is not None:
            self._video.close()


def _without_pixels(frame: Frame) -> Frame:
    """The frame's index and times with a one-pixel picture: lost frames must not hold memory."""
    time = FrameTime(frame.time.pts, frame.time.time_base) if frame.time else None
    return Frame(frame.index, time, frame.captured_ns, np.zeros((1, 1, 3), np.uint8), frame.name)


def _lower_priority() -> None:
    """The encoder steps back behind painting (nice 2); its own threads inherit that."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 2)
