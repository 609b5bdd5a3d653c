"""The GPU variant: a network that takes whole uint8 frames and resizes them itself (contract ``frame_u8_hwc``).

In front of a half-precision network stand two matrix products, which are the resize rule (`detector.resize_maps`), the
rounding to whole grey levels, colour order and normalisation. Sizes are symbolic (``n`` frames of ``h`` x ``w``): who
opens the file fixes them, so that one file serves every picture size with static shapes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from detector.manifest import InputContract
from detector.resize_maps import BATCH, COLUMNS, FILL, HEIGHT, ROWS, WIDTH
from training.release.graph import sort_nodes

FRAME = "frame"


def takes_frames(proto: Any, contract: InputContract) -> Any:
    """Put resize, colour order and normalisation in front of a network.

    Args:
        proto: a network of contract ``blob_f32_nchw`` with a symbolic batch ``n``; it is changed. Half precision must
            be made before: matrix products of the resize would pass for the network's own.
        contract: of its blob; says what the frames are made into.

    Raises:
        ValueError: the network has no such input.
    """
    graph = proto.graph
    blob = next((v for v in graph.input if v.name == contract.name), None)
    if blob is None:
        raise ValueError(f"the network has no input {contract.name}")
    graph.input.remove(blob)
    f16, u8 = TensorProto.FLOAT16, TensorProto.UINT8
    target = (contract.height, contract.width)
    graph.input.extend(
        [
            helper.make_tensor_value_info(FRAME, u8, [BATCH, HEIGHT, WIDTH, 3]),
            helper.make_tensor_value_info(ROWS, f16, [target[0], HEIGHT]),
            helper.make_tensor_value_info(COLUMNS, f16, [WIDTH, target[1]]),
            helper.make_tensor_value_info(FILL, f16, [1, 1, *target]),
        ]
    )
    last = _resize(graph)
    if contract.colour == "rgb":
        last = _add(graph, "Gather", last, _constant(graph, "order", np.array([2, 1, 0])), axis=1)
    _hand_over(graph, last, contract)
    sort_nodes(proto)
    return proto


def _resize(graph: Any) -> str:
    """Nodes from the frame to whole grey levels, float16 [n, 3, target height, target width] in BGR."""
    pixels = _add(graph, "Cast", FRAME, to=TensorProto.FLOAT16)
    lines = _add(graph, "Reshape", pixels, _constant(graph, "as_lines", np.array([0, 0, -1])))  # [n, h, w * 3]
    # Rows first: neither the frame nor what comes of it must be transposed for it, and it shrinks four times.
    fewer = _add(graph, "MatMul", ROWS, lines)
    apart = _add(graph, "Reshape", fewer, _constant(graph, "as_pixels", np.array([0, 0, -1, 3])))
    planes = _add(graph, "Transpose", apart, perm=[0, 3, 1, 2])
    small = _add(graph, "MatMul", planes, COLUMNS)
    return _add(graph, "Round", _add(graph, "Add", small, FILL))


def _hand_over(graph: Any, pixels: str, contract: InputContract) -> None:
    """Give the network its blob, in float16 where that is what it turns it into."""
    plain = not any(contract.mean) and all(s == 1.0 for s in contract.std)
    if plain:
        for node in [n for n in graph.node if n.op_type == "Cast" and list(n.input) == [contract.name]]:
            if next(a.i for a in node.attribute if a.name == "to") == TensorProto.FLOAT16:
                for other in graph.node:
                    other.input[:] = [pixels if x == node.output[0] else x for x in other.input]
                graph.node.remove(node)
    if any(contract.name in n.input for n in graph.node):
        wide = _add(graph, "Cast", pixels, to=TensorProto.FLOAT)
        if not plain:
            mean = _constant(graph, "mean", np.array(contract.mean, np.float32).reshape(1, 3, 1, 1))
            std = _constant(graph, "std", np.array(contract.std, np.float32).reshape(1, 3, 1, 1))
            wide = _add(graph, "Div", _add(graph, "Sub", wide, mean), std)
        for node in graph.node:
            node.input[:] = [wide if x == contract.name else x for x in node.input]


def _add(graph: Any, op: str, *inputs: str, **attributes: Any) -> str:
    name = f"frame_{op.lower()}_{sum(n.name.startswith('frame_') for n in graph.node)}"
    graph.node.append(helper.make_node(op, list(inputs), [name], name=name, **attributes))
    return name


def _constant(graph: Any, name: str, value: Any) -> str:
    graph.initializer.append(numpy_helper.from_array(value, f"frame_{name}"))
    return f"frame_{name}"
