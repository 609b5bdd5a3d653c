"""What this machine can do at best: a large matrix product, and a large copy. The roofs over every network."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

_SIDE = 1024  # of the matrices: large enough for the library's best, small enough for many tries
_MEMORY_BYTES = 128 << 20  # per thread and array: more than what one core's share of any cache holds
_CACHE_BYTES = 256 << 10  # per thread and array: source and target together in a core's second-level cache


@dataclass(frozen=True, slots=True)
class Ceilings:
    """A device's roofs, measured.

    Attributes:
        device: in words.
        gops: operations per second in 1e9 by precision (`fp32`, `int8`, on a GPU `fp16`).
        gb_s: bytes read and written per second in 1e9, by where they lie (`memory`, on a CPU `cache`, too).
    """

    device: str
    gops: dict[str, float]
    gb_s: dict[str, float]


def cpu_ceilings(device: str, threads: int, seconds: float) -> Ceilings:
    """Of so many threads, with the library that runs the networks.

    Args:
        device: in words.
        threads: at work together.
        seconds: spent on each of the four figures; the best try counts.
    """
    return Ceilings(
        device=f"{device}, {threads} thread{'s' * (threads > 1)}",
        gops={kind: _product_gops(kind, threads, seconds) for kind in ("fp32", "int8")},
        gb_s={
            "memory": _copy_gb_s(_MEMORY_BYTES, threads, seconds),
            "cache": _copy_gb_s(_CACHE_BYTES, threads, seconds),
        },
    )


def cuda_ceilings(seconds: float) -> Ceilings:
    """Of the first CUDA device, through torch: FP32 without TF32, FP16 with tensor cores, device memory.

    Raises:
        RuntimeError: torch is missing, or sees no such device.
    """
    try:
        import torch
    except ImportError as error:
        raise RuntimeError("torch is not installed") from error
    if not torch.cuda.is_available():
        raise RuntimeError("torch sees no CUDA device")
    torch.backends.cuda.matmul.allow_tf32 = False

    def best(work: Callable[[], object], per_call: float) -> float:
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))

        def timed() -> float:
            start.record()
            work()
            end.record()
            torch.cuda.synchronize()
            return per_call / (start.elapsed_time(end) / 1e3)

        return _best(timed, seconds)

    gops = {}
    for name, kind in (("fp32", torch.float32), ("fp16", torch.float16)):
        a = torch.randn(8192, 8192, device="cuda", dtype=kind)
        gops[name] = best(lambda a=a: a @ a, 2 * 8192**3 / 1e9)  # type: ignore[misc]
    source = torch.empty(1 << 30, device="cuda", dtype=torch.uint8)
    target = torch.empty_like(source)
    gb_s = {"memory": best(lambda: target.copy_(source), 2 * (1 << 30) / 1e9)}
    return Ceilings(torch.cuda.get_device_name(0), gops, gb_s)


def _product_gops(kind: str, threads: int, seconds: float) -> float:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    session = ort.InferenceSession(_product(kind), options, providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(1)
    left: Any = rng.integers(0, 255, (_SIDE, _SIDE), np.uint8) if kind == "int8" else rng.random((_SIDE, _SIDE), "f4")

    def timed() -> float:
        start = time.perf_counter()
        session.run(None, {"a": left})
        return 2 * _SIDE**3 / 1e9 / (time.perf_counter() - start)

    return _best(timed, seconds)


def _product(kind: str) -> bytes:
    """One matrix product with a constant right side, as a network's layer has: the library may pack it beforehand."""
    rng = np.random.default_rng(2)
    whole = kind == "int8"
    op, left, right, out = (
        ("MatMulInteger", TensorProto.UINT8, rng.integers(-127, 127, (_SIDE, _SIDE), np.int8), TensorProto.INT32)
        if whole
        else ("MatMul", TensorProto.FLOAT, rng.random((_SIDE, _SIDE), np.float32), TensorProto.FLOAT)
    )
    graph = helper.make_graph(
        [helper.make_node(op, ["a", "b"], ["c"])],
        "product",
        [helper.make_tensor_value_info("a", left, [_SIDE, _SIDE])],
        [helper.make_tensor_value_info("c", out, [_SIDE, _SIDE])],
        [numpy_helper.from_array(right, "b")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def _copy_gb_s(size: int, threads: int, seconds: float) -> float:
    pairs = [(np.ones(size, np.uint8), np.zeros(size, np.uint8)) for _ in range(threads)]
    times = max(1, (16 << 20) // size)  # in one go, so that waking the threads does not count

    def copy(pair: tuple[Any, Any]) -> None:
        for _ in repeat(None, times):
            np.copyto(pair[1], pair[0])

    with ThreadPoolExecutor(threads) as pool:

        def timed() -> float:
            start = time.perf_counter()
            list(pool.map(copy, pairs))
            return 2 * size * times * threads / 1e9 / (time.perf_counter() - start)

        return _best(timed, seconds)


def _best(timed: Callable[[], float], seconds: float) -> float:
    """The highest rate of as many tries as fit, one before them not counted."""
    timed()
    end = time.perf_counter() + seconds
    best = timed()
    while time.perf_counter() < end:
        best = max(best, timed())
    return round(best, 1)
