"""How other families' networks give their boxes, and the tail that turns each into our output contract.

Facts of the layouts (where each is defined):

- ``yolov8``, ``yolo11`` (Ultralytics ``export format=onnx``): image RGB 0..1; one output [1, 4 + C, N]: centre x,
  centre y, width, height in input pixels, then C class scores after their sigmoid. No objectness. Padded on both sides.
- ``yolox`` (Megvii ``tools/export_onnx.py``): image BGR 0..255, padded with 114 at the right and bottom, as ours; one
  output [1, N, 5 + C], objectness and class scores after their sigmoid. Exported without ``--decode_in_inference`` the
  box is still an offset in cells and a log size in strides (``--raw-grid``), points row by row at strides 8, 16, 32.
- ``rtdetr``: Ultralytics: one output [1, Q, 4 + C], centre and size as shares of the picture, scores after a sigmoid.
  lyuwenyu/RT-DETR (PyTorch): inputs ``images`` and ``orig_target_sizes`` (width, height); outputs ``labels``, ``boxes``
  (xyxy), ``scores``. PaddleDetection: inputs ``image``, ``im_shape`` and ``scale_factor`` (height, width); first output
  rows of label, score, xyxy. All: image RGB 0..1, stretched to the input instead of padded.
- ``dfine`` (Peterande/D-FINE, also DEIM): as lyuwenyu/RT-DETR.

What a file says is checked against what it does: it is run on three pictures, and numbers that the layout does not
allow are an error that names the likely decoder.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from detector.errors import ModelError
from detector.geometry import Size
from training.release.surgery import Tail

Array = npt.NDArray[Any]
Decoder = Literal["yolov8", "yolo11", "yolox", "rtdetr", "dfine"]
STRIDES = (8, 16, 32)
_QUERIES = 1000
"""More rows than that are points of a grid, fewer are queries or boxes after suppression (300 as a rule)."""


@dataclass(frozen=True, slots=True)
class Family:
    """What a family's network expects.

    Attributes:
        title: for the manifest.
        rgb: channel order.
        scale: the image is divided by this.
        pad: grey value of its own padding.
        nms_iou: overlap above which its own pipeline drops the weaker box; 1: it has no suppression.
        letterbox: in which way its own pipeline lays the picture, compared with ours.
    """

    title: str
    rgb: bool
    scale: float
    pad: int
    nms_iou: float
    letterbox: str


_CENTRED = (
    "Its own pipeline pads on both sides; here the picture lies top left. Boxes are mapped back by our letterbox and "
    "are right all the same; the network sees each object shifted, which a convolutional network does not mind."
)
_STRETCHED = (
    "Its own pipeline stretches the picture to the input; here the aspect is kept and the rest padded. Boxes are "
    "mapped back by our letterbox and are right all the same; objects are narrower for it than in training: measure it."
)
FAMILIES: dict[Decoder, Family] = {
    "yolov8": Family("YOLOv8 (Ultralytics)", True, 255.0, 114, 0.7, _CENTRED),
    "yolo11": Family("YOLO11 (Ultralytics)", True, 255.0, 114, 0.7, _CENTRED),
    "yolox": Family("YOLOX (Megvii)", False, 1.0, 114, 0.45, "As its own pipeline: top left, padded with 114."),
    "rtdetr": Family("RT-DETR", True, 255.0, 114, 1.0, _STRETCHED),
    "dfine": Family("D-FINE", True, 255.0, 114, 1.0, _STRETCHED),
}


@dataclass(frozen=True, slots=True)
class Probe:
    """A foreign network that was run on a few pictures.

    Attributes:
        size: of its input.
        outputs: by name, one array per picture.
        classes: number of classes that the user says it has.
        keep: which of them become ours, in our order.
        top_k: rows wanted.
        raw_grid: the user says that YOLOX's boxes are not decoded.
    """

    size: Size
    outputs: Mapping[str, Sequence[Array]]
    classes: int
    keep: Sequence[int]
    top_k: int = 100
    raw_grid: bool = False

    def first(self, name: str) -> Array:
        """An output on the first picture."""
        return self.outputs[name][0]


def decode(decoder: Decoder, probe: Probe) -> tuple[Tail, int]:
    """The tail for a network of a family, and how many rows its outputs have.

    Raises:
        ModelError: its outputs are not those of the family; the message says what they are and what may fit.
    """
    return _DECODERS[decoder](probe)


def _yolov8(probe: Probe) -> tuple[Tail, int]:
    name = _only_output(probe, "yolov8")
    shape, wanted = probe.first(name).shape, 4 + probe.classes
    if len(shape) != 3 or shape[1] != wanted or shape[2] <= 6:
        _refuse(probe, "yolov8", f"expected [1, {wanted}, N]: 4 box values and {probe.classes} class scores per point")
    rows = [np.swapaxes(x[0], 0, 1) for x in probe.outputs[name]]
    _check_scores(probe, "yolov8", [r[:, 4:] for r in rows])
    if all(r[:, :4].max() <= 2.0 for r in rows):
        _refuse(probe, "yolov8", "its boxes are shares of the picture, not pixels: rtdetr may be meant")
    tail = Tail()
    points = tail.add("Transpose", tail.floats(name), perm=[0, 2, 1])
    boxes = tail.corners(tail.columns(points, 0, 4))
    scores = _kept(tail, tail.columns(points, 4, wanted), probe)
    return tail, tail.best(boxes, scores, shape[2], len(probe.keep), probe.top_k)


def _yolox(probe: Probe) -> tuple[Tail, int]:
    name = _only_output(probe, "yolox")
    shape, wanted = probe.first(name).shape, 5 + probe.classes
    cells, strides = _grid(probe.size)
    if len(shape) != 3 or shape[2] != wanted or shape[1] != len(cells):
        what = f"expected [1, {len(cells)}, {wanted}]: box, objectness and {probe.classes} class scores for each point"
        _refuse(probe, "yolox", f"{what} of an input of {probe.size.width}x{probe.size.height}")
    rows = [x[0] for x in probe.outputs[name]]
    _check_scores(probe, "yolox", [r[:, 4:] for r in rows])
    _check_grid(probe, rows, cells, strides)
    tail = Tail()
    points = tail.floats(name)
    boxes = tail.columns(points, 0, 4)
    if probe.raw_grid:
        stride = tail.const(strides[None, :, None])
        centre = tail.add("Mul", tail.add("Add", tail.columns(points, 0, 2), tail.const(cells[None])), stride)
        size = tail.add("Mul", tail.add("Exp", tail.columns(points, 2, 4)), stride)
        boxes = tail.add("Concat", centre, size, axis=2)
    scores = tail.add("Mul", tail.columns(points, 5, wanted), tail.columns(points, 4, 5))
    scores = _kept(tail, scores, probe)
    return tail, tail.best(tail.corners(boxes), scores, len(cells), len(probe.keep), probe.top_k)


def _rtdetr(probe: Probe) -> tuple[Tail, int]:
    if _labelled_outputs(probe):
        return _labelled(probe, "rtdetr")
    paddle = next((n for n, x in probe.outputs.items() if x[0].ndim == 2 and x[0].shape[1] == 6), None)
    if paddle is not None:
        return _paddle(probe, paddle)
    name = _only_output(probe, "rtdetr")
    shape, wanted = probe.first(name).shape, 4 + probe.classes
    if len(shape) != 3 or shape[2] != wanted:
        _refuse(probe, "rtdetr", f"expected [1, Q, {wanted}], or outputs labels, boxes and scores")
    rows = [x[0] for x in probe.outputs[name]]
    _check_scores(probe, "rtdetr", [r[:, 4:] for r in rows])
    if any(r[:, :4].max() > 2.0 for r in rows):
        _refuse(probe, "rtdetr", "its boxes are pixels, not shares of the picture: yolox may be meant")
    tail = Tail()
    points = tail.floats(name)
    width, height = probe.size
    pixels = tail.const(np.array([width, height, width, height], np.float32).reshape(1, 1, 4))
    boxes = tail.corners(tail.add("Mul", tail.columns(points, 0, 4), pixels))
    scores = _kept(tail, tail.columns(points, 4, wanted), probe)
    return tail, tail.best(boxes, scores, shape[1], len(probe.keep), probe.top_k)


def _dfine(probe: Probe) -> tuple[Tail, int]:
    if not _labelled_outputs(probe):
        _refuse(probe, "dfine", "expected outputs labels, boxes and scores")
    return _labelled(probe, "dfine")


def _labelled(probe: Probe, decoder: str) -> tuple[Tail, int]:
    """Outputs ``labels`` [1, Q], ``boxes`` [1, Q, 4] xyxy in input pixels and ``scores`` [1, Q]."""
    labels, boxes, scores = (_labelled_outputs(probe)[k] for k in ("labels", "boxes", "scores"))
    count = probe.first(scores).shape[-1]
    if probe.first(boxes).shape != (1, count, 4) or probe.first(labels).shape != (1, count):
        _refuse(probe, decoder, "expected boxes [1, Q, 4] beside labels and scores [1, Q]")
    _check_scores(probe, decoder, probe.outputs[scores])
    _check_labels(probe, decoder, probe.outputs[labels])
    if all(np.abs(x).max() <= 2.0 for x in probe.outputs[boxes]):
        _refuse(probe, decoder, "its boxes are shares of the picture, not pixels")
    tail = Tail()
    rows = tail.labelled(
        tail.floats(boxes), tail.floats(scores), labels, count, list(probe.keep), probe.classes, probe.top_k
    )
    return tail, rows


def _paddle(probe: Probe, name: str) -> tuple[Tail, int]:
    """Rows of label, score, xyxy; of one picture."""
    count = len(probe.first(name))
    _check_scores(probe, "rtdetr", [x[:, 1] for x in probe.outputs[name]])
    _check_labels(probe, "rtdetr", [x[:, 0] for x in probe.outputs[name]])
    tail = Tail()
    rows = tail.reshape(tail.floats(name), 1, count, 6)
    label = tail.reshape(tail.columns(rows, 0, 1), 1, count)
    score = tail.reshape(tail.columns(rows, 1, 2), 1, count)
    boxes = tail.columns(rows, 2, 6)
    return tail, tail.labelled(boxes, score, label, count, list(probe.keep), probe.classes, probe.top_k)


_DECODERS: dict[Decoder, Callable[[Probe], tuple[Tail, int]]] = {
    "yolov8": _yolov8,
    "yolo11": _yolov8,
    "yolox": _yolox,
    "rtdetr": _rtdetr,
    "dfine": _dfine,
}


def _kept(tail: Tail, scores: str, probe: Probe) -> str:
    """The columns of the classes that are kept, in our order."""
    if list(probe.keep) == list(range(probe.classes)):
        return scores
    return tail.add("Gather", scores, tail.const(list(probe.keep), np.int64), axis=2)


def _only_output(probe: Probe, decoder: str) -> str:
    if len(probe.outputs) != 1:
        _refuse(probe, decoder, "expected one output")
    return next(iter(probe.outputs))


def _labelled_outputs(probe: Probe) -> dict[str, str]:
    """The three outputs by what they are; empty if they are not there."""
    found = {n.removeprefix("their_"): n for n in probe.outputs}
    return found if set(found) == {"labels", "boxes", "scores"} else {}


def _check_scores(probe: Probe, decoder: str, scores: Sequence[Array]) -> None:
    low, high = min(float(s.min()) for s in scores), max(float(s.max()) for s in scores)
    if not (low >= -1e-3 and high <= 1.001):
        _refuse(probe, decoder, f"what should be scores goes from {low:.3g} to {high:.3g}")


def _check_labels(probe: Probe, decoder: str, labels: Sequence[Array]) -> None:
    low, high = min(int(x.min()) for x in labels), max(int(x.max()) for x in labels)
    if low < 0 or high >= probe.classes:
        _refuse(probe, decoder, f"it gives labels {low} to {high}, but --classes names {probe.classes}")


def _check_grid(probe: Probe, rows: Sequence[Array], cells: Array, strides: Array) -> None:
    """Decoded centres follow the grid of points; offsets do not."""
    expected = ((cells + 0.5) * strides[:, None]).ravel()
    decoded = all(_correlation(expected, r[:, :2].ravel()) > 0.8 for r in rows)
    if probe.raw_grid and decoded:
        _refuse(probe, "yolox", "its boxes follow the grid already: leave out --raw-grid")
    if not probe.raw_grid and not decoded:
        _refuse(probe, "yolox", "its boxes do not follow the grid: it was exported undecoded, give --raw-grid")


def _correlation(a: Array, b: Array) -> float:
    a, b = a - a.mean(), b - b.mean()
    norm = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / norm if norm > 0 else 0.0


def _grid(size: Size) -> tuple[Array, Array]:
    """(cells [N, 2] column and row, strides [N]) of YOLOX's points, in its order."""
    cells, strides = [], []
    for stride in STRIDES:
        width, height = size.width // stride, size.height // stride
        column, row = np.meshgrid(np.arange(width), np.arange(height))
        cells.append(np.stack((column, row), axis=-1).reshape(-1, 2))
        strides.append(np.full(width * height, stride))
    return np.concatenate(cells).astype(np.float32), np.concatenate(strides).astype(np.float32)


def _refuse(probe: Probe, decoder: str, why: str) -> None:
    """Say what the file gives and which decoder may fit.

    Raises:
        ModelError: always.
    """
    found = ", ".join(f"{n.removeprefix('their_')} {list(x[0].shape)}" for n, x in probe.outputs.items())
    raise ModelError(f"This is no {decoder} network of {probe.classes} classes: {why}. It gives {found}.", _hint(probe))


def _hint(probe: Probe) -> str:
    shapes = [x[0].shape for x in probe.outputs.values()]
    points = len(_grid(probe.size)[0])
    if _labelled_outputs(probe):
        return "It looks like --decoder dfine or rtdetr."
    if len(shapes) == 1 and len(shapes[0]) == 3:
        _, a, b = shapes[0]
        if a == points and b > 5:
            return f"It looks like --decoder yolox with {b - 5} classes."
        if b == points and a > 4:
            return f"It looks like --decoder yolov8 or yolo11 with {a - 4} classes."
        if b == 6 and a <= _QUERIES and probe.classes != 2:
            return "Rows of 6 are boxes after suppression: export with nms=False (Ultralytics)."
        if 4 < b < a <= _QUERIES:
            return f"It looks like --decoder rtdetr (Ultralytics) with {b - 4} classes."
    return "Check --decoder and --classes (all classes that it was trained with, in their order)."
