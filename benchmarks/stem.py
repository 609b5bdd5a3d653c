"""YOLOX' first layer rewritten: a slicing of the picture and a 3x3 convolution are one 6x6 convolution with stride 2.

The slicing puts the four pixels of each 2x2 block into channels; with the weights laid out accordingly, a convolution
does the same on the picture itself, and eight copies of it are saved. The sums are the same, in another order.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

_BLOCK = ((0, 0), (1, 0), (0, 1), (1, 1))
"""Row and column of the four slices, in the order in which YOLOX joins them."""


def fold_stem(model: bytes) -> bytes:
    """The same network with a folded first layer.

    Raises:
        ValueError: it does not begin with such a slicing.
    """
    proto = onnx.load_from_string(model)
    graph = proto.graph
    weights = {x.name: x for x in graph.initializer}
    conv = next((n for n in graph.node if n.op_type == "Conv"), None)
    makers = {name: n for n in graph.node for name in n.output}
    if conv is None or _slices(conv.input[0], makers, weights, graph.input[0].name) != _BLOCK:
        raise ValueError("the network does not begin with YOLOX' slicing")
    old = numpy_helper.to_array(weights[conv.input[1]])
    settings = {a.name: helper.get_attribute_value(a) for a in conv.attribute}
    plain = settings.get("strides", [1, 1]) == [1, 1] and settings.get("group", 1) == 1
    if old.shape[1:] != (12, 3, 3) or settings.get("pads") != [1, 1, 1, 1] or not plain:
        raise ValueError(f"the first convolution is not 3x3 over 12 channels: {old.shape}")
    new = np.empty((len(old), 3, 6, 6), np.float32)
    for k, (row, column) in enumerate(_BLOCK):
        new[:, :, row::2, column::2] = old[:, 3 * k : 3 * k + 3]
    folded = f"{conv.input[1]}_folded"
    graph.initializer.append(numpy_helper.from_array(new, folded))
    conv.input[0], conv.input[1] = graph.input[0].name, folded
    del conv.attribute[:]
    for name, value in {"kernel_shape": [6, 6], "strides": [2, 2], "pads": [2, 2, 2, 2]}.items():
        conv.attribute.append(helper.make_attribute(name, value))
    _drop_unused(graph)
    onnx.checker.check_model(proto, full_check=True)
    return bytes(proto.SerializeToString(deterministic=True))


def _slices(joined: str, makers: dict[str, Any], weights: dict[str, Any], source: str) -> tuple[Any, ...] | None:
    """The first row and column that each joined part takes of ``source`` in steps of two; None if it does not."""
    concat = makers.get(joined)
    if concat is None or concat.op_type != "Concat":
        return None
    found = []
    for part in concat.input:
        first = {2: 0, 3: 0}
        while part != source:
            node = makers.get(part)
            if node is None or node.op_type != "Slice":
                return None
            start, _, axis, step = (numpy_helper.to_array(weights[name]).tolist() for name in node.input[1:])
            if step != [2] or axis[0] not in first:
                return None
            first[axis[0]] = start[0]
            part = node.input[0]
        found.append((first[2], first[3]))
    return tuple(found)


def _drop_unused(graph: Any) -> None:
    while True:
        used = {name for n in graph.node for name in n.input} | {x.name for x in graph.output}
        kept = [n for n in graph.node if any(name in used for name in n.output)]
        if len(kept) == len(graph.node):
            break
        del graph.node[:]
        graph.node.extend(kept)
    kept = [x for x in graph.initializer if x.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)
    del graph.value_info[:]
