"""What a network asks of a machine: operations and bytes, node by node, from tensor shapes alone.

A multiply-add counts as two operations. Only convolutions and matrix products are counted, as in the papers and in
`ultralytics`; activations, resizes and sorting cost bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import onnx
from onnx import TensorProto, helper

Shape = tuple[int, ...]

_FREE = frozenset({"Reshape", "Squeeze", "Unsqueeze", "Flatten", "Identity", "Constant", "Shape"})
"""They give a tensor another name or shape; nothing is moved."""
_WEIGHT_INPUT = {"QLinearConv": 3, "QLinearMatMul": 3}
_CONVOLUTIONS = frozenset({"Conv", "FusedConv", "QLinearConv", "ConvInteger"})
_PRODUCTS = frozenset({"Gemm", "MatMul", "QLinearMatMul", "MatMulInteger", "FusedMatMul", "FusedGemm"})


@dataclass(frozen=True, slots=True)
class Tensor:
    """Shape and width of one value."""

    shape: Shape
    item_bytes: int

    @property
    def bytes(self) -> int:
        """All of it."""
        return prod(self.shape) * self.item_bytes


@dataclass(frozen=True, slots=True)
class NodeCost:
    """One node.

    Attributes:
        kind: the operator; convolutions say which sort (`Conv 1x1`, `Conv depthwise`, `Conv 3x3`).
        macs: multiply-adds.
        moved_bytes: all that it reads, weights included, and all that it writes.
    """

    kind: str
    macs: int
    moved_bytes: int


@dataclass(frozen=True, slots=True)
class GraphCost:
    """A network.

    Attributes:
        nodes: in order.
        weight_bytes: all constants.
        outside_bytes: inputs and outputs.
    """

    nodes: tuple[NodeCost, ...]
    weight_bytes: int
    outside_bytes: int

    @property
    def gflops(self) -> float:
        """Operations for one picture, in 1e9."""
        return 2 * sum(n.macs for n in self.nodes) / 1e9

    @property
    def moved_bytes(self) -> int:
        """If every node reads its inputs from memory and writes its outputs there: the most that can be."""
        return sum(n.moved_bytes for n in self.nodes)

    @property
    def least_bytes(self) -> int:
        """Each weight once, the input and the outputs: the least that can be, with everything else in caches."""
        return self.weight_bytes + self.outside_bytes


def node_cost(op: str, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> NodeCost:
    """The cost of a node, from a file or from a profile.

    Args:
        op: the operator's name, in any domain.
        inputs: those that exist, in order, weights among them.
        outputs: in order.
    """
    moved = 0 if op in _FREE else sum(t.bytes for t in (*inputs, *outputs))
    if op in _CONVOLUTIONS:
        weight = inputs[_WEIGHT_INPUT.get(op, 1)].shape  # (out, in / groups, *kernel)
        return NodeCost(_convolution(op, weight), prod(outputs[0].shape) * prod(weight[1:]), moved)
    if op == "ConvTranspose":  # (in, out / groups, *kernel)
        return NodeCost(op, prod(inputs[0].shape) * prod(inputs[1].shape[1:]), moved)
    if op in _PRODUCTS:
        rows = outputs[0].shape[-2] if len(outputs[0].shape) > 1 else 1
        batch = prod(outputs[0].shape[:-2])
        shared = prod(inputs[0].shape) // max(1, rows * batch)  # right for a transposed left side, too
        return NodeCost(op, prod(outputs[0].shape) * shared, moved)
    return NodeCost(op, 0, moved)


def _convolution(op: str, weight: Shape) -> str:
    kernel = "x".join(map(str, weight[2:]))
    return f"{op} depthwise" if weight[1] == 1 else f"{op} {kernel}"


def with_sizes(model: bytes, sizes: Mapping[str, int]) -> bytes:
    """The same network with its symbolic sizes fixed, as a session opens it."""
    proto = onnx.load_from_string(model)
    del proto.graph.value_info[:]
    for value in (*proto.graph.input, *proto.graph.output):
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param in sizes:
                dim.dim_value = sizes[dim.dim_param]
    return bytes(proto.SerializeToString())


def graph_cost(model: bytes) -> GraphCost:
    """The cost of a network of static shapes.

    Raises:
        ValueError: a shape is not static.
    """
    proto = onnx.shape_inference.infer_shapes(onnx.load_from_string(model), data_prop=True)
    graph = proto.graph
    known = {v.name: _described(v) for v in (*graph.input, *graph.value_info, *graph.output)}
    weights = {x.name: Tensor(tuple(x.dims), _width(x.data_type)) for x in graph.initializer}
    known |= weights
    nodes = tuple(
        node_cost(n.op_type, [known[x] for x in n.input if x in known], [known[x] for x in n.output if x in known])
        for n in graph.node
    )
    outside = [known[v.name] for v in (*graph.input, *graph.output) if v.name not in weights]
    return GraphCost(nodes, sum(t.bytes for t in weights.values()), sum(t.bytes for t in outside))


def _described(value: Any) -> Tensor:
    kind = value.type.tensor_type
    dims = [d.dim_value for d in kind.shape.dim]
    if not all(d.HasField("dim_value") for d in kind.shape.dim):
        raise ValueError(f"{value.name} has no static shape")
    return Tensor(tuple(dims), _width(kind.elem_type))


def _width(element: int) -> int:
    if element == TensorProto.UNDEFINED:
        raise ValueError("a value has no element type")
    return int(helper.tensor_dtype_to_np_dtype(element).itemsize)
