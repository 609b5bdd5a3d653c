"""Detectors that do as they are told, for tests of everything around a detector, and frames that carry their index.

A box says which picture the detector really saw: ``x1`` is the index read from the first pixels, ``y1`` the index read
from the last ones. Loaded by import string in the AI process: nothing heavy is imported here.
"""

from __future__ import annotations

import ctypes
import os
import sys
import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from detector.detections import Detections, DetectorInfo
from detector.errors import ModelError
from detector.frame import Frame, FrameTime
from detector.geometry import Size

SCRIPTED = "tests.detector.scripted:make"
ONNX = "tests.detector.scripted:make_onnx"
PREPARING = "tests.detector.scripted:PreparingDetector"
PINNING = "tests.detector.scripted:PinningDetector"
_HEAVY = ("PyQt6", "cv2", "scipy", "torch", "onnxruntime", "pytest", "av", "app", "training")
_FOR_EVER_S = 3600
_PR_SET_PDEATHSIG = 1


def painted(index: int, height: int = 270, width: int = 480, captured_ns: int | None = None) -> Frame:
    """A frame with its index in the first and in the last pixels, 30 frames/s."""
    image = np.full((height, width, 3), index % 251, np.uint8)
    number = np.array([index], "<u4").view(np.uint8)
    flat = image.reshape(-1)
    flat[:4] = flat[-4:] = number
    stamp = time.perf_counter_ns() if captured_ns is None else captured_ns
    return Frame(index, FrameTime(index * 3000, Fraction(1, 90_000)), stamp, image)


def read(image: npt.NDArray[np.uint8]) -> tuple[int, int]:
    """The indices painted into the first and the last pixels."""
    flat = image.reshape(-1)
    first, last = np.array(flat[:4]), np.array(flat[-4:])
    return int(first.view("<u4")[0]), int(last.view("<u4")[0])


class ScriptedDetector:
    """Works until it misbehaves.

    Args:
        trick: what it does from frame ``at`` on: ``hang``, ``seize`` (hang with the interpreter's lock held, as a
            stuck native library may), ``raise`` or ``exit``.
        at: index of the first such frame.
        until: index of the first frame on which it is good again.
        once: a file that is written before the trick; where it exists, the trick is over.
        work_s: how long a frame takes.
        imported: what was in ``sys.modules`` when it was built.
    """

    def __init__(
        self,
        trick: str = "",
        at: int = 0,
        until: int | None = None,
        once: str = "",
        work_s: float = 0.0,
        imported: str = "",
    ) -> None:
        self.trick, self.at, self.once, self.work_s = trick, at, once, work_s
        self.until = sys.maxsize if until is None else until
        self._info = DetectorInfo("scripted", "1", "fp32", "0" * 64, 0.5, ("polyp",), "cpu", imported)

    @property
    def info(self) -> DetectorInfo:
        return self._info

    def detect(self, frame: Frame, min_score: float | None = None) -> Detections:
        if frame.index >= 0 and self.at <= frame.index < self.until:
            self._misbehave()
        time.sleep(self.work_s)
        first, last = read(frame.image)
        boxes = np.array([[first, last, first + 1, last + 1]], np.float32)
        score = np.array([0.9 if min_score is None else min_score], np.float32)
        return Detections(frame.index, frame.time, boxes, score, np.zeros(1, np.int64), {"infer": 1})

    def _misbehave(self) -> None:
        if not self.trick:
            return
        if self.once:
            if Path(self.once).exists():
                return
            Path(self.once).touch()
        if self.trick == "raise":
            raise RuntimeError("scripted failure")
        if self.trick == "exit":
            os._exit(7)
        if self.trick == "seize":
            ctypes.PyDLL(None).sleep(_FOR_EVER_S)
        time.sleep(_FOR_EVER_S)


def make(start: str = "", pid_file: str = "", deaf: bool = False, **script: Any) -> ScriptedDetector:
    """Build a scripted detector, or fail in one of the ways in which loading can fail.

    ``deaf``: the kernel will not tell this process when its parent dies, as on systems that cannot.
    """
    if deaf:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, 0, 0, 0, 0)
    imported = [name for name in _HEAVY if name in sys.modules]
    if pid_file:
        Path(pid_file).write_text(str(os.getpid()))
    if start == "raise":
        raise ImportError("no such library")
    if start == "model error":
        raise ModelError("model.onnx does not match its hash.", "Copy the model again.")
    if start == "hang":
        time.sleep(_FOR_EVER_S)
    if start == "exit":
        os._exit(3)
    return ScriptedDetector(imported=",".join(imported), **script)


class PreparingDetector(ScriptedDetector):
    """Needs ``prepare_s`` for the first picture of each size, as a graphics card does; may be used as its own factory.

    ``log``: a file that gets a line for each such picture: its index and its size.
    """

    def __init__(self, prepare_s: float, log: str, **script: Any) -> None:
        super().__init__(**script)
        self._prepare_s, self._log = prepare_s, Path(log)
        self._known: set[Size] = set()

    @property
    def info(self) -> DetectorInfo:
        return replace(self._info, provider_reason=f"{len(self._known)} sizes")

    def is_ready_for(self, size: Size) -> bool:
        return size in self._known

    def detect(self, frame: Frame, min_score: float | None = None) -> Detections:
        if frame.size not in self._known:
            with self._log.open("a") as log:
                log.write(f"{frame.index} {frame.size.width}x{frame.size.height}\n")
            time.sleep(self._prepare_s)
            self._known.add(frame.size)
        return super().detect(frame, min_score)


class PinningDetector(ScriptedDetector):
    """Writes down in ``log`` what memory it may read directly, and which pictures lie there."""

    def __init__(self, log: str) -> None:
        super().__init__()
        self._log = Path(log)
        self._pinned: list[npt.NDArray[np.uint8]] = []

    def pin(self, memory: npt.NDArray[np.uint8]) -> bool:
        self._pinned.append(memory)
        self._tell("pin")
        return True

    def unpin(self, memory: npt.NDArray[np.uint8]) -> None:
        assert memory.ctypes.data == self._pinned[0].ctypes.data
        assert memory.nbytes == self._pinned[0].nbytes
        int(memory[-1])  # still mapped
        self._pinned.clear()
        self._tell("unpin")

    def detect(self, frame: Frame, min_score: float | None = None) -> Detections:
        if frame.index >= 0:
            self._tell("direct" if any(np.shares_memory(frame.image, m) for m in self._pinned) else "copied")
        return super().detect(frame, min_score)

    def _tell(self, word: str) -> None:
        with self._log.open("a") as log:
            log.write(f"{word}\n")


class _OnnxCopy(ScriptedDetector):
    """Runs a real network on every frame, beside the scripted answer."""

    def __init__(self, path: str, threads: int) -> None:
        import onnxruntime

        super().__init__()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def detect(self, frame: Frame, min_score: float | None = None) -> Detections:
        blob = frame.image[None, :64, :64].transpose(0, 3, 1, 2).astype(np.float32)
        self._session.run(None, {"x": blob})
        return super().detect(frame, min_score)


def make_onnx(path: str, threads: int = 1) -> ScriptedDetector:
    """A detector whose worker has to load ONNX Runtime and a network."""
    return _OnnxCopy(path, threads)
