"""The same network as others run it: a plain ONNX Runtime loop as tutorials write it, and OpenCV's ``dnn``.

Neither is held back: both get the number of threads that Polypwatch gets, and the letterbox that the network knows.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from detector.frame import Frame
from detector.geometry import Size
from detector.manifest import Variant

Boxes = npt.NDArray[np.float32]
OPENCV_ENGINES = {
    name: getattr(cv2.dnn, f"ENGINE_{name.upper()}") for name in ("auto", "classic") if hasattr(cv2.dnn, "ENGINE_AUTO")
}
"""OpenCV 5 has a new engine (taken by 'auto') beside the one of OpenCV 4 ('classic'); before, there was no choice."""


class PlainLoop:
    """Full-frame float conversion, resize, transpose, ``session.run`` with default options, suppression in NumPy."""

    def __init__(self, path: Path, variant: Variant, threads: int) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        self._session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self._variant = variant

    def __call__(self, frame: Frame) -> Boxes:
        """Boxes (N, 4) xyxy in frame pixels."""
        contract, out = self._variant.input, self._variant.output
        image = frame.image.astype(np.float32)
        content, scale = _content(frame.size, contract.size)
        canvas = np.full((contract.height, contract.width, 3), contract.pad, np.float32)
        canvas[: content.height, : content.width] = cv2.resize(image, content)
        if contract.colour == "rgb":
            canvas = canvas[:, :, ::-1]
        if any(contract.mean) or contract.std != (1.0, 1.0, 1.0):
            canvas = (canvas - np.array(contract.mean, np.float32)) / np.array(contract.std, np.float32)
        blob = np.ascontiguousarray(canvas.transpose(2, 0, 1)[None])
        boxes, scores = self._session.run([out.boxes, out.scores], {contract.name: blob})
        wanted = scores[0] >= self._variant.threshold
        boxes, scores = boxes[0][wanted], scores[0][wanted]
        return (boxes[suppress(boxes, scores, self._variant.nms_iou)] / scale).astype(np.float32)


class OpenCvDnn:
    """``cv2.dnn`` with its own blob and its own suppression.

    Raises:
        cv2.error: OpenCV cannot read or run the network.
    """

    def __init__(self, path: Path, variant: Variant, threads: int, engine: int | None) -> None:
        cv2.setNumThreads(threads)
        read: Any = cv2.dnn.readNetFromONNX
        self._net = read(str(path)) if engine is None else read(str(path), engine)
        contract = variant.input
        self._variant = variant
        self._blob = cv2.dnn.Image2BlobParams()
        self._blob.scalefactor = tuple(1 / s for s in contract.std)
        self._blob.mean = contract.mean
        self._blob.size = contract.size
        self._blob.swapRB = contract.colour == "rgb"

    def __call__(self, frame: Frame) -> Boxes:
        """Boxes (N, 4) xyxy in frame pixels."""
        contract, out = self._variant.input, self._variant.output
        content, scale = _content(frame.size, contract.size)
        right, bottom = contract.width - content.width, contract.height - content.height
        small = cv2.resize(frame.image, content)
        padded = cv2.copyMakeBorder(small, 0, bottom, 0, right, cv2.BORDER_CONSTANT, value=(contract.pad,) * 3)
        self._net.setInput(cv2.dnn.blobFromImageWithParams(padded, self._blob))
        # All are asked for, as 'auto' refuses fewer; flat, as 'classic' gives them a shape of its own.
        boxes, scores, _ = (np.asarray(a).ravel() for a in self._net.forward([out.boxes, out.scores, out.classes]))
        boxes = boxes.reshape(-1, 4)
        corner = np.hstack([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]])
        kept = cv2.dnn.NMSBoxes(corner.tolist(), scores.tolist(), self._variant.threshold, self._variant.nms_iou)
        return (boxes[np.asarray(kept, int).ravel()] / scale).astype(np.float32)


def opencv_reason(path: Path, variant: Variant, engine: int | None) -> str:
    """Why OpenCV cannot run a network; empty if it can. Asked in a process of its own: some crash it."""
    asked = [str(path), variant.model_dump_json(), "" if engine is None else str(engine)]
    done = subprocess.run([sys.executable, "-m", __name__, *asked], capture_output=True, text=True, check=False)
    if done.returncode < 0:
        return f"its process was ended by {signal.Signals(-done.returncode).name} on this network"
    return done.stderr.strip().splitlines()[-1] if done.returncode else ""


def suppress(boxes: Boxes, scores: npt.NDArray[np.float32], iou: float) -> list[int]:
    """Greedy non-maximum suppression in NumPy, as tutorials write it; boxes of all classes together."""
    x1, y1, x2, y2 = boxes.T
    areas = (x2 - x1) * (y2 - y1)
    order = scores.argsort()[::-1]
    kept = []
    while order.size:
        best, rest = order[0], order[1:]
        kept.append(int(best))
        width = np.maximum(0, np.minimum(x2[best], x2[rest]) - np.maximum(x1[best], x1[rest]))
        height = np.maximum(0, np.minimum(y2[best], y2[rest]) - np.maximum(y1[best], y1[rest]))
        shared = width * height
        order = rest[shared / (areas[best] + areas[rest] - shared) <= iou]
    return kept


def _content(source: Size, target: Size) -> tuple[Size, float]:
    scale = min(target.width / source.width, target.height / source.height)
    return Size(round(source.width * scale), round(source.height * scale)), scale


def _try_opencv(path: str, variant: str, engine: str) -> None:
    network = Variant.model_validate_json(variant)
    size = (network.input.height, network.input.width, 3)
    try:
        OpenCvDnn(Path(path), network, 1, int(engine) if engine else None)(Frame(0, None, 0, np.zeros(size, np.uint8)))
    except cv2.error as error:
        raise SystemExit(" ".join(str(error).split())) from error


if __name__ == "__main__":
    _try_opencv(*sys.argv[1:])
