"""From a network to one ONNX file that tells nothing of the machine it was made on.

The graph takes a float32 `image` [1, 3, H, W] (raw BGR 0..255, padded with 114) and returns the best 100 boxes before
suppression: `boxes` [1, 100, 4] xyxy in input pixels, `scores` [1, 100] best first, `classes` [1, 100]. No NMS.
"""

from __future__ import annotations

import contextlib
import copy
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnx
import torch
from torch import Tensor, nn

from detector.errors import OutputError
from training.contract import TOP_K
from training.network import Network
from training.network.darknet import Focus

OPSET = 18
INPUT = "image"
OUTPUTS = ("boxes", "scores", "classes")
HEAVY = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})
"""Operators that a network spends its time in."""


class Deployed(nn.Module):
    """The network with its decoding, as it is exported."""

    def __init__(self, network: Network, top_k: int = TOP_K) -> None:
        super().__init__()
        self.network = _folded(network)
        self.top_k = top_k

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(boxes [N, K, 4], scores [N, K] best first, classes [N, K] int64)."""
        raw = self.network(image)
        every = raw.scores()
        scores, best = every.flatten(1).topk(self.top_k, dim=1)
        points = torch.div(best, every.shape[2], rounding_mode="floor")
        boxes = raw.boxes().gather(1, points[..., None].expand(-1, -1, 4))
        return boxes, scores, best - points * every.shape[2]


def _folded(network: Network) -> Network:
    """With a first layer that runs faster, if it has one: a copy, since folded layers do not train."""
    if not any(isinstance(m, Focus) for m in network.modules()):
        return network
    network = copy.deepcopy(network)
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, Focus):
                setattr(module, name, child.folded())
    return network


def export_onnx(network: Network, path: Path, size: int, batch: str = "") -> None:
    """Write a network as one self-contained ONNX file, without a trace of this machine.

    Args:
        network: on the CPU, float32.
        path: the file.
        size: side of the square input in pixels.
        batch: name of a batch of any size; empty: static shapes, one image at a time.

    Raises:
        OutputError: the file cannot be written.
    """
    # A batch of 1 would be taken for a constant.
    example = torch.zeros(2 if batch else 1, 3, size, size)
    with warnings.catch_warnings(), quiet("torch.onnx"):
        warnings.simplefilter("ignore")  # the exporter warns about its own internals, and that there is no torchvision
        program = torch.onnx.export(
            Deployed(network).eval(),
            (example,),
            dynamo=True,
            opset_version=OPSET,
            input_names=[INPUT],
            output_names=list(OUTPUTS),
            verbose=False,
            dynamic_shapes={INPUT: {0: torch.export.Dim(batch)}} if batch else None,
        )
    assert program is not None
    write_graph(program.model_proto, path)


def write_graph(proto: Any, path: Path) -> None:
    """Check a graph and write it, the same bytes for the same graph.

    Raises:
        OutputError: the file cannot be written.
    """
    forget_origin(proto)
    onnx.checker.check_model(proto, full_check=True)
    try:
        path.write_bytes(proto.SerializeToString(deterministic=True))
    except OSError as error:
        raise OutputError(f"{path} cannot be written ({error}).", "Choose another place.") from error


@contextlib.contextmanager
def quiet(*names: str) -> Iterator[None]:
    """Silence the loggers of other packages that speak of their own insides."""
    loggers = [logging.getLogger(name) for name in names]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


def forget_origin(proto: Any) -> None:
    """Drop what exporters note about source files: it names folders of a machine and changes the hash."""
    _forget(proto)
    del proto.functions[:]
    _forget_graph(proto.graph)


def _forget_graph(graph: Any) -> None:
    for item in (graph, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        _forget(item)
    for node in graph.node:
        _forget(node)
        for attribute in node.attribute:
            attribute.doc_string = ""
            for inner in (attribute.g, *attribute.graphs):  # bodies of If and Loop
                if inner.node:
                    _forget_graph(inner)


def _forget(item: Any) -> None:
    if hasattr(item, "metadata_props"):
        del item.metadata_props[:]
    item.doc_string = ""


def graph_facts(path: Path) -> dict[str, Any]:
    """What the manifest says of a file: operator set, IR version, number of nodes.

    Args:
        path: an ONNX file.
    """
    proto = onnx.load(path)
    opsets = {f"{x.domain or 'ai.onnx'}": x.version for x in proto.opset_import}
    return {"opset": opsets.get("ai.onnx"), "domains": opsets, "ir_version": proto.ir_version}


def decoding_nodes(proto: Any) -> tuple[set[str], set[str]]:
    """(names of the nodes behind the last convolutions, names of those last convolutions themselves).

    The decoding is what no convolution or matrix product comes after: offsets to boxes, logits to scores, the top k.
    Low precision loses pixels there and wins no time. Independent of the network: the graph alone is looked at.
    """
    consumers: dict[str, list[Any]] = {}
    for node in proto.graph.node:
        for name in node.input:
            consumers.setdefault(name, []).append(node)
    before_heavy: dict[str, bool] = {}  # by node name: whether a heavy node is downstream
    for node in reversed(proto.graph.node):  # ONNX lists nodes in topological order
        before_heavy[node.name] = any(
            after.op_type in HEAVY or before_heavy[after.name]
            for out in node.output
            for after in consumers.get(out, [])
        )
    tail = {n.name for n in proto.graph.node if not before_heavy[n.name] and n.op_type not in HEAVY}
    last = {n.name for n in proto.graph.node if not before_heavy[n.name] and n.op_type in HEAVY}
    return tail, last


def first_nodes(proto: Any, convolutions: int) -> set[str]:
    """Names of the nodes up to (and with) that many convolutions, and of what directly follows the last of them."""
    names: set[str] = set()
    if convolutions == 0:
        return names
    seen = 0
    for node in proto.graph.node:
        seen += node.op_type in HEAVY
        if seen > convolutions:
            break
        names.add(node.name)
    return names


def sort_nodes(proto: Any) -> None:
    """Put nodes behind those that they take from, as ONNX demands; tools append what they add at the end."""
    known = {x.name for x in (*proto.graph.input, *proto.graph.initializer)} | {""}
    waiting, ordered = list(proto.graph.node), []
    while waiting:
        ready = [n for n in waiting if all(name in known for name in n.input)]
        if not ready:
            raise ValueError(f"the graph has a circle, or nothing gives {waiting[0].input}")
        ordered += ready
        known.update(name for n in ready for name in n.output)
        done = {id(n) for n in ready}
        waiting = [n for n in waiting if id(n) not in done]
    del proto.graph.node[:]
    proto.graph.node.extend(ordered)


def name_nodes(proto: Any) -> None:
    """Give every node a name of its own: tools that leave nodes out find them by it."""
    seen: set[str] = set()
    for i, node in enumerate(proto.graph.node):
        if not node.name or node.name in seen:
            node.name = f"{node.op_type}_{i}"
        seen.add(node.name)
