"""Model folders of a few kilobytes, made in the test: real ONNX files on the real runtime, with known answers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIZE = (160, 128)  # width, height of the input: not square, so that mixed up sides show
TOP_K = 6
PAD = 114
Box = tuple[float, float, float, float]


def red_patch_network(
    size: tuple[int, int] = SIZE,
    colour: str = "bgr",
    mean: Sequence[float] = (0.0, 0.0, 0.0),
    std: Sequence[float] = (1.0, 1.0, 1.0),
) -> bytes:
    """Finds the bounding box of all bright red pixels; its score is the share of red in the reddest one.

    A picture without bright red gives scores of 0.
    """
    width, height = size
    red, others = (2, (0, 1)) if colour == "bgr" else (0, (1, 2))
    constants = {
        "mean": np.array(mean, np.float32).reshape(1, 3, 1, 1),
        "std": np.array(std, np.float32).reshape(1, 3, 1, 1),
        "red": np.array([red]),
        "others": np.array(others),
        "limit": np.float32(100),
        "full": np.float32(255),
        "left": np.arange(width, dtype=np.float32).reshape(1, 1, 1, width),
        "right": np.arange(1, width + 1, dtype=np.float32).reshape(1, 1, 1, width),
        "top": np.arange(height, dtype=np.float32).reshape(1, 1, height, 1),
        "bottom": np.arange(1, height + 1, dtype=np.float32).reshape(1, 1, height, 1),
        "none": np.float32(0),
        "far": np.float32(1e4),
        "all": np.array([0, 1, 2, 3]),
        "channels": np.array([1]),
        "box_shape": np.array([1, 1, 4]),
        "score_shape": np.array([1, 1]),
        "more_boxes": np.array([0, 0, 0, 0, TOP_K - 1, 0]),
        "more_scores": np.array([0, 0, 0, TOP_K - 1]),
        "zeros": np.zeros((1, TOP_K), np.int64),
    }
    nodes = [
        helper.make_node("Mul", ["image", "std"], ["scaled"]),
        helper.make_node("Add", ["scaled", "mean"], ["pixels"]),
        helper.make_node("Gather", ["pixels", "red"], ["reds"], axis=1),
        helper.make_node("Gather", ["pixels", "others"], ["greens_and_blues"], axis=1),
        helper.make_node("ReduceMax", ["greens_and_blues", "channels"], ["next"]),
        helper.make_node("Sub", ["reds", "next"], ["redness"]),
        helper.make_node("Greater", ["redness", "limit"], ["hit"]),
    ]
    for place, reduce, otherwise in (
        ("left", "ReduceMin", "far"),
        ("top", "ReduceMin", "far"),
        ("right", "ReduceMax", "none"),
        ("bottom", "ReduceMax", "none"),
    ):
        nodes.append(helper.make_node("Where", ["hit", place, otherwise], [f"{place}_hits"]))
        nodes.append(helper.make_node(reduce, [f"{place}_hits", "all"], [f"{place}_most"]))
    nodes += [
        helper.make_node("Concat", [f"{p}_most" for p in ("left", "top", "right", "bottom")], ["corners"], axis=3),
        helper.make_node("Reshape", ["corners", "box_shape"], ["box"]),
        helper.make_node("Pad", ["box", "more_boxes"], ["boxes"]),
        helper.make_node("Where", ["hit", "redness", "none"], ["found"]),
        helper.make_node("ReduceMax", ["found", "all"], ["reddest"]),
        helper.make_node("Div", ["reddest", "full"], ["share"]),
        helper.make_node("Reshape", ["share", "score_shape"], ["score"]),
        helper.make_node("Pad", ["score", "more_scores"], ["scores"]),
        helper.make_node("Identity", ["zeros"], ["classes"]),
    ]
    return _serialised(nodes, constants, [1, 3, height, width], TOP_K)


def fixed_network(
    boxes: Sequence[Box],
    scores: Sequence[float],
    classes: Sequence[int] | None = None,
    *,
    size: tuple[int, int] = SIZE,
    top_k: int = TOP_K,
    input_name: str = "image",
    input_shape: Sequence[int | str] | None = None,
    input_type: int = TensorProto.FLOAT,
    outputs: Sequence[str] = ("boxes", "scores", "classes"),
    class_type: int = TensorProto.INT64,
) -> bytes:
    """Says the same of every picture: these boxes (in input pixels), filled up with empty rows to ``top_k``.

    The other arguments make it a network that its manifest does not describe.
    """
    rows = len(boxes)
    all_boxes, all_scores = np.zeros((1, top_k, 4), np.float32), np.zeros((1, top_k), np.float32)
    all_classes = np.full((1, top_k), -1, np.int64)
    if rows:
        all_boxes[0, :rows], all_scores[0, :rows] = boxes, scores
        all_classes[0, :rows] = classes if classes is not None else 0
    constants = {"b": all_boxes, "s": all_scores, "c": all_classes}
    nodes = [
        helper.make_node("Identity", ["b"], [outputs[0]]),
        helper.make_node("Identity", ["s"], [outputs[1]]),
        helper.make_node("Cast", ["c"], [outputs[2]], to=class_type),
    ]
    shape = list(input_shape) if input_shape is not None else [1, 3, size[1], size[0]]
    return _serialised(nodes, constants, shape, top_k, input_name, input_type, outputs, class_type)


def other_network() -> bytes:
    """A network that has nothing to do with polyps: one number in, the same number out."""
    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])],
        "other",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])],
    )
    return _model(graph)


def _serialised(
    nodes: list[onnx.NodeProto],
    constants: dict[str, Any],
    input_shape: list[int | str],
    top_k: int,
    input_name: str = "image",
    input_type: int = TensorProto.FLOAT,
    outputs: Sequence[str] = ("boxes", "scores", "classes"),
    class_type: int = TensorProto.INT64,
) -> bytes:
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(input_name, input_type, input_shape)],
        [
            helper.make_tensor_value_info(outputs[0], TensorProto.FLOAT, [1, top_k, 4]),
            helper.make_tensor_value_info(outputs[1], TensorProto.FLOAT, [1, top_k]),
            helper.make_tensor_value_info(outputs[2], class_type, [1, top_k]),
        ],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    return _model(graph)


def _model(graph: onnx.GraphProto) -> bytes:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def variant_fields(network: bytes, **changes: Any) -> dict[str, Any]:
    """A whole variant for the network; ``changes`` replaces fields, ``input=...`` and ``output=...`` some of theirs."""
    fields: dict[str, Any] = {
        "name": "tiny",
        "file": "model.onnx",
        "sha256": hashlib.sha256(network).hexdigest(),
        "precision": "fp32",
        "providers": ["cpu"],
        "input": {
            "name": "image",
            "contract": "blob_f32_nchw",
            "width": SIZE[0],
            "height": SIZE[1],
            "colour": "bgr",
            "mean": [0.0, 0.0, 0.0],
            "std": [1.0, 1.0, 1.0],
            "resize": "area2-bilinear/1",
            "pad": PAD,
        },
        "output": {"boxes": "boxes", "scores": "scores", "classes": "classes", "top_k": TOP_K},
        "nms_iou": 0.5,
        "threshold": 0.5,
        "parity": {"reference": "the graph itself", "images": 1, "max_box_px": 0.0, "max_score": 0.0},
        "metrics": [
            {
                "dataset": "made up",
                "images": 1,
                "threshold": None,
                "values": {"ap50": 0.5},
                "command": "true",
                "machine": "any",
            }
        ],
    }
    for part in ("input", "output"):
        fields[part] |= changes.pop(part, {})
    return fields | changes


def manifest_fields(*variants: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A whole manifest for these variants."""
    fields = {
        "schema": "polypwatch.model/1",
        "name": "tiny",
        "version": "1.0",
        "classes": ["polyp"],
        "validated_light": ["white"],
        "catalog_sha256": "0" * 64,
        "licences": [{"name": "made up", "licence": "CC0-1.0", "citation": "none"}],
        "variants": list(variants),
    }
    return fields | changes


def write_model(folder: Path, network: bytes, manifest: dict[str, Any] | None = None, **changes: Any) -> Path:
    """Write a model folder and return it; ``changes`` are those of :func:`variant_fields`."""
    folder.mkdir(parents=True, exist_ok=True)
    manifest = manifest or manifest_fields(variant_fields(network, **changes))
    (folder / "model.onnx").write_bytes(network)
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2), encoding="utf-8")
    return folder
