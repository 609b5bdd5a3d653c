"""Model folders with a second file that takes whole frames, made from the tiny networks of `tests.tiny_models`."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.tiny_models import SIZE, manifest_fields, red_patch_network, variant_fields, write_model


def frame_network(wrong_by: float = 0.0) -> bytes:
    """The red patch network behind the resize of contract ``frame_u8_hwc``, for any number of frames.

    Args:
        wrong_by: how many input pixels each box is too far right: a damaged file.
    """
    proto = onnx.load_from_string(red_patch_network())
    graph = proto.graph
    del graph.input[:]
    f16 = TensorProto.FLOAT16
    width, height = SIZE
    graph.input.extend(
        [
            helper.make_tensor_value_info("frame", TensorProto.UINT8, ["n", "h", "w", 3]),
            helper.make_tensor_value_info("rows", f16, [height, "h"]),
            helper.make_tensor_value_info("columns", f16, ["w", width]),
            helper.make_tensor_value_info("fill", f16, [1, 1, height, width]),
        ]
    )
    shapes = {
        "as_lines": [0, 0, -1],
        "as_pixels": [0, 0, -1, 3],
        "all": [1, 2, 3],
        "box_shape": [-1, 1, 4],
        "score_shape": [-1, 1],
    }
    kept = [x for x in graph.initializer if x.name not in shapes]
    del graph.initializer[:]
    graph.initializer.extend([*kept, *(numpy_helper.from_array(np.array(v), k) for k, v in shapes.items())])
    for value in graph.output:
        value.type.tensor_type.shape.dim[0].dim_param = "n"
    first = [
        helper.make_node("Cast", ["frame"], ["cast"], to=f16),
        helper.make_node("Reshape", ["cast", "as_lines"], ["lines"]),
        helper.make_node("MatMul", ["rows", "lines"], ["fewer"]),
        helper.make_node("Reshape", ["fewer", "as_pixels"], ["apart"]),
        helper.make_node("Transpose", ["apart"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("MatMul", ["planes", "columns"], ["small"]),
        helper.make_node("Add", ["small", "fill"], ["filled"]),
        helper.make_node("Round", ["filled"], ["whole"]),
        helper.make_node("Cast", ["whole"], ["image"], to=TensorProto.FLOAT),
    ]
    rest = [
        *(n for n in graph.node if list(n.output) != ["classes"]),
        helper.make_node("Mul", ["scores", "none"], ["nothing"]),
        helper.make_node("Cast", ["nothing"], ["classes"], to=TensorProto.INT64),
    ]
    if wrong_by:
        for node in rest:
            node.output[:] = ["right_boxes" if x == "boxes" else x for x in node.output]
        graph.initializer.append(numpy_helper.from_array(np.array([wrong_by, 0, wrong_by, 0], np.float32), "off"))
        rest.append(helper.make_node("Add", ["right_boxes", "off"], ["boxes"]))
    nodes = [onnx.NodeProto.FromString(n.SerializeToString()) for n in (*first, *rest)]
    del graph.node[:]
    graph.node.extend(nodes)
    return proto.SerializeToString()


def write_both(folder: Path, frame: bytes | None = None) -> Path:
    """A model of two files: ``tiny`` for the CPU, ``frame`` for cards; returns the folder."""
    blob, frame = red_patch_network(), frame or frame_network()
    first = variant_fields(blob)
    second: dict[str, Any] = json.loads(json.dumps(first)) | {
        "name": "frame",
        "file": "frame.onnx",
        "sha256": hashlib.sha256(frame).hexdigest(),
        "precision": "fp16",
        "providers": ["cuda", "tensorrt"],
    }
    second["input"] |= {"name": "frame", "contract": "frame_u8_hwc"}
    manifest = manifest_fields(first)
    manifest["variants"] = [first, second]
    write_model(folder, blob, manifest)
    (folder / "frame.onnx").write_bytes(frame)
    return folder
