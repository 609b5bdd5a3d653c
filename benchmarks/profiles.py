"""Where a network's time goes: what ONNX Runtime runs after its own rewriting of the graph, timed node by node."""

from __future__ import annotations

import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from benchmarks.graph_cost import Tensor, node_cost

_ITEM_BYTES = {"float": 4, "float16": 2, "uint8": 1, "int8": 1, "int32": 4, "int64": 8, "bool": 1, "double": 8}
_ELEMENTS = {"tensor(float)": np.float32, "tensor(uint8)": np.uint8, "tensor(float16)": np.float16}


@dataclass(frozen=True, slots=True)
class KindCost:
    """All nodes of one kind, for one picture.

    Attributes:
        kind: as in `benchmarks.graph_cost`.
        count: how many nodes.
        ms: their time together.
        macs: multiply-adds.
        moved_bytes: read and written.
    """

    kind: str
    count: int
    ms: float
    macs: int
    moved_bytes: int

    @property
    def gflops_s(self) -> float:
        """Attained operations per second, in 1e9."""
        return 2 * self.macs / 1e9 / (self.ms / 1e3) if self.ms else 0.0

    @property
    def gb_s(self) -> float:
        """Attained traffic, in 1e9 bytes per second."""
        return self.moved_bytes / 1e9 / (self.ms / 1e3) if self.ms else 0.0

    @property
    def intensity(self) -> float:
        """Operations per byte."""
        return 2 * self.macs / self.moved_bytes if self.moved_bytes else 0.0


def profile(model: bytes, threads: int, runs: int) -> list[KindCost]:
    """The network on the CPU, with the product's settings, kinds that take most time first."""
    with tempfile.TemporaryDirectory() as folder:
        options = _options(threads)
        options.enable_profiling = True
        options.profile_file_prefix = str(Path(folder) / "profile")
        session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        feed = random_feed(session)
        for _ in range(runs + 1):
            session.run(None, feed)
        events = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
    return by_kind(events, runs)


def by_kind(events: Iterable[Mapping[str, Any]], runs: int) -> list[KindCost]:
    """Sum up a profile of ``runs`` runs and one before them, which is left out.

    Args:
        events: of ONNX Runtime's JSON; those that are not the run of a node are passed over.
        runs: how many count.
    """
    calls: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            calls[f"{event['args'].get('node_index')} {event['name']}"].append(event)
    totals: dict[str, list[float]] = defaultdict(lambda: [0, 0, 0, 0])
    for same in calls.values():
        args = same[0]["args"]
        cost = node_cost(args["op_name"], _tensors(args["input_type_shape"]), _tensors(args["output_type_shape"]))
        total = totals[cost.kind]
        total[0] += 1
        total[1] += sum(e["dur"] for e in same[-runs:]) / runs / 1e3  # microseconds
        total[2] += cost.macs
        total[3] += cost.moved_bytes
    kinds = [KindCost(k, int(n), ms, int(macs), int(moved)) for k, (n, ms, macs, moved) in totals.items()]
    return sorted(kinds, key=lambda k: -k.ms)


def best_ms(model: bytes, threads: int, runs: int) -> float:
    """The best of so many runs on the CPU without a profiler, as the ceilings are the best of their tries."""
    session = ort.InferenceSession(model, _options(threads), providers=["CPUExecutionProvider"])
    feed = random_feed(session)
    session.run(None, feed)
    return _best_of(lambda: session.run(None, feed), runs)


def best_ms_cuda(model: bytes, runs: int) -> float:
    """The same on the first CUDA device, input and outputs staying there.

    Raises:
        RuntimeError: the session does not run on it.
    """
    ort.preload_dlls()
    session = ort.InferenceSession(model, providers=["CUDAExecutionProvider", "CPUExecutionProvider"])
    if session.get_providers()[0] != "CUDAExecutionProvider":
        raise RuntimeError("ONNX Runtime's CUDA provider did not start")
    binding = session.io_binding()
    for name, value in random_feed(session).items():
        binding.bind_ortvalue_input(name, ort.OrtValue.ortvalue_from_numpy(value, "cuda", 0))
    for node in session.get_outputs():
        binding.bind_output(node.name, "cuda")
    for _ in range(10):  # cuDNN looks for its fastest algorithms
        session.run_with_iobinding(binding)
    return _best_of(lambda: session.run_with_iobinding(binding), runs)


def random_feed(session: Any) -> dict[str, Any]:
    """Noise for every input; times do not depend on pixels."""
    rng = np.random.default_rng(1)
    feed = {}
    for node in session.get_inputs():
        feed[node.name] = rng.uniform(0, 255, node.shape).astype(_ELEMENTS[node.type])
    return feed


def _options(threads: int) -> Any:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 4
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # as in detector.providers
    return options


def _best_of(run: Any, runs: int) -> float:
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times) * 1e3


def _tensors(described: Iterable[Mapping[str, list[int]]]) -> list[Tensor]:
    return [Tensor(tuple(shape), _ITEM_BYTES.get(kind, 4)) for entry in described for kind, shape in entry.items()]
