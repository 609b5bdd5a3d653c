"""Foreign networks of a few nodes, each in its family's output layout, that give known boxes for every picture.

So that the input contract shows, scores are multiplied, where asked for, by the mean of one channel: 1 for a picture
that is full in it.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

WIDTH, HEIGHT = 64, 96
STRIDES = (8, 16, 32)


def cells():
    """Column, row and stride of each of YOLO's points, in order."""
    found = []
    for stride in STRIDES:
        for row in range(HEIGHT // stride):
            for column in range(WIDTH // stride):
                found.append((column, row, stride))
    return found


def write(path: Path, outputs: dict, inputs: dict | None = None, **options) -> Path:
    """A network whose outputs are these constants.

    Options: `channel`: scores are multiplied by that channel's mean over `scale`; `scores`: which output and axis-1
    rows they are, as a mask; `opset`; `kind` of the image; `shape` of the image; `metadata`.
    """
    kind = options.get("kind", TensorProto.FLOAT)
    shape = options.get("shape", [1, 3, HEIGHT, WIDTH])
    nodes, constants, infos = [], [], []
    channel = options.get("channel")
    if channel is not None:
        constants.append(numpy_helper.from_array(np.array([channel]), "which"))
        nodes.append(helper.make_node("Gather", ["image_in", "which"], ["one"], axis=1))
        nodes.append(helper.make_node("ReduceMean", ["one"], ["mean4"], keepdims=1))
        constants.append(numpy_helper.from_array(np.array([1]), "flat"))
        nodes.append(helper.make_node("Reshape", ["mean4", "flat"], ["mean"]))
        constants.append(numpy_helper.from_array(np.float32(options.get("scale", 1.0)), "full"))
        nodes.append(helper.make_node("Div", ["mean", "full"], ["share"]))
    for name, (value, mask) in outputs.items():
        value = np.asarray(value)
        constants.append(numpy_helper.from_array(value, f"c_{name}"))
        if channel is not None and mask is not None:
            constants.append(numpy_helper.from_array(mask.astype(np.float32), f"m_{name}"))
            constants.append(numpy_helper.from_array((1 - mask).astype(np.float32), f"n_{name}"))
            nodes.append(helper.make_node("Mul", [f"m_{name}", "share"], [f"a_{name}"]))
            nodes.append(helper.make_node("Add", [f"a_{name}", f"n_{name}"], [f"f_{name}"]))
            nodes.append(helper.make_node("Mul", [f"c_{name}", f"f_{name}"], [name]))
        else:
            nodes.append(helper.make_node("Identity", [f"c_{name}"], [name]))
        infos.append(helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape))
    image = options.get("image", "images")
    for node in nodes:
        node.input[:] = [image if x == "image_in" else x for x in node.input]
    ins = [helper.make_tensor_value_info(image, kind, shape)]
    for name, (dtype, extra_shape) in (inputs or {}).items():
        ins.append(helper.make_tensor_value_info(name, dtype, extra_shape))
    nodes += options.get("nodes", [])
    graph = helper.make_graph(nodes, "foreign", ins, infos, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", options.get("opset", 17))], ir_version=8)
    for key, value in options.get("metadata", {}).items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    onnx.save(model, path)
    return path


def yolov8(path: Path, boxes, scores, classes=1, **options) -> Path:
    """[1, 4 + C, N]: `boxes` cxcywh in input pixels, `scores` (rows of C) of the first points; the rest stays low."""
    points = cells()
    table = np.zeros((1, 4 + classes, len(points)), np.float32)
    table[0, :4] = np.array([((c + 0.5) * s, (r + 0.5) * s, s, s) for c, r, s in points]).T
    table[0, 4:] = 0.001
    for i, (box, score) in enumerate(zip(boxes, scores, strict=True)):
        table[0, :4, i], table[0, 4:, i] = box, score
    mask = np.zeros_like(table)
    mask[0, 4:] = 1
    return write(path, {"output0": (table, mask)}, **options)


def yolox(path: Path, boxes, scores, classes=1, raw=False, **options) -> Path:
    """[1, N, 5 + C]: `boxes` cxcywh by index of their point; `scores` (objectness, class ...) likewise."""
    points = cells()
    table = np.zeros((1, len(points), 5 + classes), np.float32)
    table[0, :, :4] = [((c + 0.5) * s, (r + 0.5) * s, s, s) for c, r, s in points]
    table[0, :, 4:] = 0.03
    for i, box in boxes.items():
        table[0, i, :4], table[0, i, 4:] = box, scores[i]
    if raw:
        grid = np.array(points, np.float32)
        table[0, :, :2] = table[0, :, :2] / grid[:, 2:] - grid[:, :2]
        table[0, :, 2:4] = np.log(table[0, :, 2:4] / grid[:, 2:])
    mask = np.zeros_like(table)
    mask[0, :, 4] = 1
    return write(path, {"output": (table, mask)}, **options)


def detr(path: Path, boxes, scores, queries=300, **options) -> Path:
    """Ultralytics' RT-DETR: [1, Q, 4 + C], `boxes` cxcywh as shares of the picture."""
    classes = len(scores[0])
    table = np.zeros((1, queries, 4 + classes), np.float32)
    table[0, :, :4], table[0, :, 4:] = (0.5, 0.5, 0.1, 0.1), 0.001
    for i, (box, score) in enumerate(zip(boxes, scores, strict=True)):
        table[0, i, :4], table[0, i, 4:] = box, score
    return write(path, {"output0": (table, None)}, **options)
