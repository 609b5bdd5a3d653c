"""Graph surgery for foreign models: fixed shapes, extra inputs as constants, and a tail that gives our outputs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper, version_converter

from detector.errors import ModelError
from detector.geometry import Size
from training.release.graph import OUTPUTS, forget_origin

OPSET_AT_LEAST = 13
"""From here on Split, Squeeze and ReduceMax take their axes as the tail below gives them."""


@dataclass(slots=True)
class Tail:
    """Nodes and constants that are appended to a graph; names are its own (``pw_...``), so that none can clash."""

    nodes: list[Any] = field(default_factory=list)
    constants: list[Any] = field(default_factory=list)

    def const(self, value: npt.ArrayLike, dtype: Any = np.float32) -> str:
        """A constant; returns its name."""
        name = f"pw_const_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def add(self, op: str, *inputs: str, outputs: int = 1, **attributes: Any) -> str:
        """A node; returns its (first) output's name, others end in ``_1``, ``_2``."""
        stem = f"pw_{op.lower()}_{len(self.nodes)}"
        names = [stem] + [f"{stem}_{i}" for i in range(1, outputs)]
        self.nodes.append(helper.make_node(op, list(inputs), names, name=stem, **attributes))
        return stem

    def columns(self, value: str, first: int, last: int) -> str:
        """Columns `first` to `last` (not included) of the last axis."""
        starts, ends = self.const([first], np.int64), self.const([last], np.int64)
        return self.add("Slice", value, starts, ends, self.const([-1], np.int64))

    def reshape(self, value: str, *shape: int) -> str:
        """`value` in another shape."""
        return self.add("Reshape", value, self.const(shape, np.int64))

    def floats(self, value: str) -> str:
        """`value` as float32."""
        return self.add("Cast", value, to=TensorProto.FLOAT)

    def corners(self, cxcywh: str) -> str:
        """[1, N, 4] xyxy of centres and sizes."""
        centre, size = self.columns(cxcywh, 0, 2), self.columns(cxcywh, 2, 4)
        half = self.add("Mul", size, self.const(0.5))
        return self.add("Concat", self.add("Sub", centre, half), self.add("Add", centre, half), axis=2)

    def best(self, boxes: str, scores: str, points: int, classes: int, top_k: int) -> int:
        """End the graph with the `top_k` best pairs of a box and a class.

        Args:
            boxes: float32 [1, points, 4] xyxy in input pixels.
            scores: float32 [1, points, classes].
            points: N.
            classes: C.
            top_k: at most this many rows.

        Returns:
            How many rows the outputs have: fewer if the network has fewer pairs.
        """
        rows = min(top_k, points * classes)
        flat = self.reshape(scores, 1, points * classes)
        best = self.add("TopK", flat, self.const([rows], np.int64), outputs=2, axis=1, largest=1, sorted=1)
        width = self.const(classes, np.int64)
        point = self.reshape(self.add("Div", f"{best}_1", width), rows)
        chosen = self.add("Gather", boxes, point, axis=1)
        self._out(chosen, OUTPUTS[0])
        self._out(best, OUTPUTS[1])
        self._out(self.add("Mod", f"{best}_1", width), OUTPUTS[2])
        return rows

    def labelled(
        self, boxes: str, scores: str, labels: str, points: int, keep: list[int], known: int, top_k: int
    ) -> int:
        """End the graph with the `top_k` best boxes of those that already carry one label each.

        Args:
            boxes: float32 [1, points, 4] xyxy in input pixels.
            scores: float32 [1, points].
            labels: any whole number type, [1, points].
            points: N.
            keep: which of the network's labels become our classes 0, 1, ...
            known: how many labels the network has.
            top_k: at most this many rows.

        Returns:
            How many rows the outputs have.
        """
        table, wanted = np.zeros(known, np.int64), np.zeros(known, np.float32)
        for ours, theirs in enumerate(keep):
            table[theirs], wanted[theirs] = ours, 1.0
        label = self.add("Cast", labels, to=TensorProto.INT64)
        inside = self.add("Clip", label, self.const(0, np.int64), self.const(known - 1, np.int64))
        kept = self.add("Mul", scores, self.add("Gather", self.const(wanted), inside, axis=0))
        ours_ = self.add("Gather", self.const(table, np.int64), inside, axis=0)
        rows = min(top_k, points)
        best = self.add("TopK", kept, self.const([rows], np.int64), outputs=2, axis=1, largest=1, sorted=1)
        point = self.reshape(f"{best}_1", rows)
        self._out(self.add("Gather", boxes, point, axis=1), OUTPUTS[0])
        self._out(best, OUTPUTS[1])
        self._out(self.add("Gather", ours_, point, axis=1), OUTPUTS[2])
        return rows

    def _out(self, value: str, name: str) -> None:
        self.nodes.append(helper.make_node("Identity", [value], [name], name=f"pw_out_{name}"))


def fix_input(proto: Any, name: str, size: Size) -> None:
    """Give the image input the shape [1, 3, H, W]; a FP16 or uint8 image is cast to inside the graph.

    Raises:
        ModelError: its type is none that an image can be given in.
    """
    value = next(v for v in proto.graph.input if v.name == name)
    kind = value.type.tensor_type.elem_type
    if kind not in (TensorProto.FLOAT, TensorProto.FLOAT16):
        raise ModelError(
            f"The image input '{name}' is of type {TensorProto.DataType.Name(kind)}, not float.",
            "Export the model with a float32 input.",
        )
    shape = [1, 3, size.height, size.width]
    value.CopyFrom(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
    if kind == TensorProto.FLOAT16:
        for node in proto.graph.node:
            node.input[:] = ["pw_image_fp16" if x == name else x for x in node.input]
        proto.graph.node.insert(0, helper.make_node("Cast", [name], ["pw_image_fp16"], to=TensorProto.FLOAT16))


def fix_extra(proto: Any, constants: dict[str, npt.NDArray[Any]]) -> None:
    """Turn extra inputs (sizes of the picture) into constants of their declared type."""
    for name, value in constants.items():
        declared = next(v for v in proto.graph.input if v.name == name)
        dtype = helper.tensor_dtype_to_np_dtype(declared.type.tensor_type.elem_type)
        proto.graph.input.remove(declared)
        proto.graph.initializer.append(numpy_helper.from_array(value.astype(dtype), name))


def fix_shapes(proto: Any) -> None:
    """Drop the shapes that the exporter wrote for a batch of any size: they contradict the fixed one."""
    del proto.graph.value_info[:]
    for value in proto.graph.output:
        value.type.tensor_type.ClearField("shape")


def append_tail(proto: Any, tail: Tail, rows: int) -> Any:
    """Replace a graph's outputs by those of our contract; returns the finished model.

    Raises:
        ModelError: the graph and the tail do not make a valid network.
    """
    graph = proto.graph
    graph.node.extend(tail.nodes)
    graph.initializer.extend(tail.constants)
    del graph.output[:]
    shapes = {OUTPUTS[0]: [1, rows, 4], OUTPUTS[1]: [1, rows], OUTPUTS[2]: [1, rows]}
    for name, shape in shapes.items():
        kind = TensorProto.INT64 if name == OUTPUTS[2] else TensorProto.FLOAT
        graph.output.append(helper.make_tensor_value_info(name, kind, shape))
    forget_origin_but_functions(proto)
    try:
        onnx.checker.check_model(proto)
    except onnx.checker.ValidationError as error:
        raise ModelError(f"The decoding does not fit the network: {str(error).splitlines()[0]}.") from error
    return proto


def forget_origin_but_functions(proto: Any) -> None:
    """Drop notes on source files; local functions of the graph stay, since its nodes may call them."""
    functions = [onnx.FunctionProto.FromString(f.SerializeToString()) for f in proto.functions]
    forget_origin(proto)
    for function in functions:
        function.doc_string = ""
        if hasattr(function, "metadata_props"):
            del function.metadata_props[:]
        for node in function.node:
            node.doc_string = ""
            if hasattr(node, "metadata_props"):
                del node.metadata_props[:]
    proto.functions.extend(functions)


def prepare(proto: Any) -> Any:
    """The same graph in an operator set that the tail is written in, with our output names free.

    Every value that is called as one of our outputs becomes ``their_...``; an output of the graph among them, too.

    Raises:
        ModelError: it cannot be converted.
    """
    for name in OUTPUTS:
        _rename(proto, name, f"their_{name}")
    current = next((x.version for x in proto.opset_import if x.domain in ("", "ai.onnx")), 0)
    if current >= OPSET_AT_LEAST:
        return proto
    try:
        return version_converter.convert_version(proto, OPSET_AT_LEAST)
    except (RuntimeError, onnx.checker.ValidationError) as error:
        raise ModelError(
            f"The file uses operator set {current} and cannot be brought to {OPSET_AT_LEAST}.",
            f"Export it again with opset {OPSET_AT_LEAST} or newer.",
        ) from error


def _rename(proto: Any, old: str, new: str) -> None:
    graph = proto.graph
    for value in (*graph.input, *graph.output, *graph.value_info, *graph.initializer):
        if value.name == old:
            value.name = new
    for node in graph.node:
        node.input[:] = [new if x == old else x for x in node.input]
        node.output[:] = [new if x == old else x for x in node.output]
