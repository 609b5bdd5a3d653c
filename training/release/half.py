"""A float32 graph in half precision: a small pass of our own.

onnxruntime's converter (1.31) gives two nodes one output name where a node that stays in float32 takes a value twice.
Here a graph has two parts, and values pass from the first to the second alone: the body (up to the last convolutions)
becomes FP16, the decoding behind it stays FP32.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from training.release.graph import decoding_nodes, name_nodes, sort_nodes

_FLOAT_INPUTS = {"Resize": (2,)}
"""Inputs that the operator's definition wants in float32 whatever the rest is: the scales of a Resize."""
_LARGEST = float(np.finfo(np.float16).max)


def to_half(proto: Any) -> Any:
    """The same network with its body in FP16; inputs, outputs and decoding stay FP32.

    Args:
        proto: a float32 ModelProto of static shapes; it is changed.

    Raises:
        ValueError: a weight is too large for FP16.
    """
    name_nodes(proto)
    _constants_to_initializers(proto.graph)
    proto = onnx.shape_inference.infer_shapes(proto, strict_mode=True)
    graph = proto.graph
    floats = {v.name for v in (*graph.input, *graph.value_info, *graph.output) if _is_float(v)}
    weights = {x.name: x for x in graph.initializer if x.data_type == TensorProto.FLOAT}
    tail, _ = decoding_nodes(proto)
    body = [n for n in graph.node if n.name not in tail]
    made = {name for n in body for name in n.output if name in floats}  # FP16 from now on
    halves = _halve_body(graph, body, floats - made, weights)
    _widen(graph, [n for n in graph.node if n.name in tail], made)
    graph.initializer.extend(halves.values())
    used = {name for n in graph.node for name in n.input}
    kept = [x for x in graph.initializer if x.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)
    del graph.value_info[:]
    sort_nodes(proto)
    return proto


def _halve_body(graph: Any, body: list[Any], given: set[str], weights: dict[str, Any]) -> dict[str, Any]:
    """Point the body's float inputs at FP16 copies; returns the FP16 weights by the name of the FP32 ones."""
    halves: dict[str, Any] = {}
    cast: set[str] = set()
    for node in body:
        for i, name in enumerate(node.input):
            if i in _FLOAT_INPUTS.get(node.op_type, ()):
                continue
            if name in weights:
                if name not in halves:
                    halves[name] = _half(weights[name])
                node.input[i] = halves[name].name
            elif name in given:
                if name not in cast:
                    graph.node.append(helper.make_node("Cast", [name], [f"{name}_fp16"], to=TensorProto.FLOAT16))
                    cast.add(name)
                node.input[i] = f"{name}_fp16"
        for attribute in node.attribute:
            if node.op_type == "Cast" and attribute.name == "to" and attribute.i == TensorProto.FLOAT:
                attribute.i = TensorProto.FLOAT16
    return halves


def _widen(graph: Any, tail: list[Any], made: set[str]) -> None:
    """Cast what the decoding (or the outside) takes from the body back to FP32, each value once."""
    outputs = {x.name for x in graph.output} & made
    behind = {n.name for n in tail}
    for node in graph.node:  # an output that the body itself gives keeps its name: the FP16 value takes another
        node.output[:] = [f"{x}_fp16" if x in outputs else x for x in node.output]
        if node.name not in behind:
            node.input[:] = [f"{x}_fp16" if x in outputs else x for x in node.input]
    for name in sorted(outputs):
        graph.node.append(helper.make_node("Cast", [f"{name}_fp16"], [name], to=TensorProto.FLOAT))
    cast: set[str] = set()
    for node in tail:
        for i, name in enumerate(node.input):
            if name in made - outputs:
                if name not in cast:
                    graph.node.append(helper.make_node("Cast", [name], [f"{name}_fp32"], to=TensorProto.FLOAT))
                    cast.add(name)
                node.input[i] = f"{name}_fp32"


def _half(weight: Any) -> Any:
    values = numpy_helper.to_array(weight)
    if values.size and float(np.abs(values).max()) > _LARGEST:
        raise ValueError(f"{weight.name} has a value beyond {_LARGEST:g}: FP16 cannot hold it")
    return numpy_helper.from_array(values.astype(np.float16), f"{weight.name}_fp16")


def _constants_to_initializers(graph: Any) -> None:
    kept = []
    for node in graph.node:
        value = next((a.t for a in node.attribute if a.name == "value"), None)
        if node.op_type != "Constant" or value is None:
            kept.append(node)
            continue
        named = graph.initializer.add()
        named.CopyFrom(value)
        named.name = node.output[0]
    copies = [onnx.NodeProto.FromString(n.SerializeToString()) for n in kept]
    del graph.node[:]
    graph.node.extend(copies)


def _is_float(value: Any) -> bool:
    return bool(value.type.tensor_type.elem_type == TensorProto.FLOAT)
