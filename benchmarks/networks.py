"""How long each network takes in ONNX Runtime on this machine, in FP32 and INT8, all in one run.

    python -m benchmarks.networks --networks fast@416 balanced@320 balanced@416 accurate@416

Weights are random (times do not depend on them, accuracy is not looked at), the input is noise. Rounds take turns over
all files, so that a busy machine is unfair to none; of each file the best and the median round count.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import onnxruntime as ort
import torch

from training.network import NAMES, build
from training.release.graph import export_onnx
from training.release.precision import Int8Recipe, quantise_int8


def main() -> None:
    """Export, quantise, time, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--networks", nargs="+", default=[f"{n}@416" for n in NAMES], help="NAME@SIDE in pixels")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--calls", type=int, default=15, help="per round and file; the best of them is the round's")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        sessions = {}
        for asked in args.networks:
            name, _, side = asked.partition("@")
            sessions |= _sessions(Path(folder), name, int(side), args.threads)
        times: dict[str, list[float]] = {key: [] for key in sessions}
        for _ in range(args.rounds):
            for key, (session, side) in sessions.items():
                times[key].append(_round_ms(session, side, args.calls))
    rows = {key: {"best_ms": min(v), "median_ms": statistics.median(v)} for key, v in times.items()}
    print(f"{'file':<24}{'best ms':>10}{'median ms':>12}   ({args.threads} threads, {args.rounds} rounds)")
    for key, row in rows.items():
        print(f"{key:<24}{row['best_ms']:>10.1f}{row['median_ms']:>12.1f}")
    if args.json:
        args.json.write_text(json.dumps({"threads": args.threads, "files": rows}, indent=1) + "\n", encoding="utf-8")


def _sessions(folder: Path, name: str, side: int, threads: int) -> dict[str, tuple[ort.InferenceSession, int]]:
    torch.manual_seed(1)
    rng = np.random.default_rng(1)
    plain, small = folder / f"{name}{side}.onnx", folder / f"{name}{side}-int8.onnx"
    export_onnx(build(name).eval(), plain, side)
    images = [rng.uniform(0, 255, (1, 3, side, side)).astype(np.float32) for _ in range(4)]
    quantise_int8(plain, small, images, Int8Recipe(calibration="minmax"))
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    made = {"fp32": plain, "int8": small}
    return {
        f"{name}@{side} {kind}": (ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"]), side)
        for kind, path in made.items()
    }


def _round_ms(session: ort.InferenceSession, side: int, calls: int) -> float:
    image = np.random.default_rng(2).uniform(0, 255, (1, 3, side, side)).astype(np.float32)
    feed = {session.get_inputs()[0].name: image}
    session.run(None, feed)
    best = float("inf")
    for _ in range(calls):
        start = time.perf_counter()
        session.run(None, feed)
        best = min(best, time.perf_counter() - start)
    return best * 1e3


if __name__ == "__main__":
    main()
