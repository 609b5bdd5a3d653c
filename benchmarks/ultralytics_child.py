"""Runs under the Python of another environment, where ``ultralytics`` is installed: never a dependency of this one.

`benchmarks.peer_ultralytics` starts this file by its path. It speaks one JSON object per line: requests on standard
input, replies on standard output. What the packages print goes to standard error.

    {"do": "export", "network": "yolo11n", "side": 416, "folder": F} -> {"onnx": path, "versions": {...}}
    {"do": "load", "frames": path.npy, "threads": 2}                -> {"ready": true}
    {"do": "round", "calls": 10}                                    -> {"wall_ns": [...], "cpu_ns": n}
    {"do": "end"}                                                   -> {"ended": true}

Whatever goes wrong is a reply, too: {"error": "..."}.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

PACKAGES = ("ultralytics", "torch", "onnxruntime", "opencv-python", "numpy")


class Ultralytics:
    """``YOLO(...).predict`` on an exported ONNX file with random weights."""

    def __init__(self) -> None:
        self._onnx: str | None = None
        self._side = 0
        self._model: Any = None
        self._frames: Any = None
        self._next = 0

    def export(self, network: str, side: int, folder: str) -> dict[str, Any]:
        """Write the network as ONNX by the package's own exporter, at a fixed input size."""
        ultralytics = importlib.import_module("ultralytics")
        # By a path without folder the exporter writes beside the working directory.
        made = ultralytics.YOLO(f"{network}.yaml").export(format="onnx", imgsz=side, simplify=True, device="cpu")
        self._onnx, self._side = str(Path(folder) / f"{network}-{side}.onnx"), side
        shutil.move(made, self._onnx)
        return {"onnx": self._onnx, "versions": _versions()}

    def load(self, frames: str, threads: int) -> dict[str, Any]:
        """Open the exported file with so many threads."""
        numpy, cv2, torch, ort = (importlib.import_module(n) for n in ("numpy", "cv2", "torch", "onnxruntime"))
        ultralytics = importlib.import_module("ultralytics")
        cv2.setNumThreads(threads)  # the package sets it to none
        torch.set_num_threads(threads)
        opened = ort.InferenceSession

        def with_threads(path: str, sess_options: Any = None, **options: Any) -> Any:
            sess_options = sess_options or ort.SessionOptions()
            sess_options.intra_op_num_threads = threads
            return opened(path, sess_options, **options)

        ort.InferenceSession = with_threads
        self._frames = numpy.load(frames, mmap_mode=None)
        self._model = ultralytics.YOLO(self._onnx, task="detect")
        self._predict()
        return {"ready": True}

    def round(self, calls: int) -> dict[str, Any]:
        """Time so many calls, from a frame in memory to boxes."""
        wall = []
        cpu = time.process_time_ns()
        for _ in range(calls):
            start = time.perf_counter_ns()
            self._predict()
            wall.append(time.perf_counter_ns() - start)
        return {"wall_ns": wall, "cpu_ns": time.process_time_ns() - cpu}

    def _predict(self) -> None:
        frame = self._frames[self._next % len(self._frames)]
        self._next += 1
        self._model.predict(frame, imgsz=self._side, device="cpu", verbose=False)


def serve(requests: TextIO, replies: TextIO, worker: Any) -> None:
    """Answer requests until the end, or until nobody asks any more."""
    for line in requests:
        request = json.loads(line)
        command = request.pop("do")
        if command == "end":
            reply: dict[str, Any] = {"ended": True}
        else:
            reply = _answer(getattr(worker, command), request)
        replies.write(json.dumps(reply) + "\n")
        replies.flush()
        if command == "end":
            return


def _answer(action: Callable[..., dict[str, Any]], request: dict[str, Any]) -> dict[str, Any]:
    try:
        return action(**request)
    except Exception as error:  # whatever another environment's packages raise is an answer
        return {"error": f"{type(error).__name__}: {error}"}


def _versions() -> dict[str, str]:
    metadata = importlib.import_module("importlib.metadata")
    found = {}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def main() -> None:
    """Keep standard output for replies."""
    os.environ.update(YOLO_OFFLINE="true", YOLO_AUTOINSTALL="false", YOLO_VERBOSE="false")
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    serve(sys.stdin, replies, Ultralytics())


if __name__ == "__main__":
    main()
