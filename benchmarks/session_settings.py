"""What each setting of ONNX Runtime gives on the CPU: the network alone, in turns, against the product's settings.

    python -m benchmarks.session_settings [--quick] [--model fast] [--markdown] [--json FILE]

*as the product* is what `detector.providers.open_session` opens. Each other row changes one thing. *times ours* below 1
means faster than the product. Spinning is off in the product, as its threads would take the cores from painting and
recording between two frames; what that costs where nobody paints stands here.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import onnxruntime as ort

from benchmarks.phantom_frames import phantom_frames
from benchmarks.profiles import random_feed
from benchmarks.rounds import Figures, InProcess, figures, race
from benchmarks.tables import busy, machine, table, three
from detector.frame import Frame
from detector.geometry import Size
from detector.manifest import find_model, load_manifest, verified_model_bytes
from detector.providers import open_session

SCHEMA = "polypwatch.bench-settings/1"
_SPINNING = "session.intra_op.allow_spinning"

Change = Callable[[Any], None]


def main(argv: Sequence[str] | None = None) -> None:
    """Open, race, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="fast")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="half a minute, for a first look")
    parser.add_argument("--markdown", action="store_true", help="print the table for a document")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args(argv)
    found = machine()
    folder = find_model(args.model)
    variant = load_manifest(folder).variant_for("cpu")
    model = verified_model_bytes(folder, variant)
    sessions = {"as the product": open_session(model, "cpu", args.threads)}
    sessions |= {name: _opened(model, args.threads, change) for name, change in changes(args.threads).items()}
    # The frame only keeps the turns of `race`; noise of the network's own size goes in.
    frames = phantom_frames(1, Size(64, 64))
    contestants = [InProcess(name, _caller(session), frames) for name, session in sessions.items()]
    done = figures(race(contestants, 4 if args.quick else 12, 10 if args.quick else 60))
    print(*busy(found), settings_table(done, args.markdown), sep="\n\n")
    if args.json:
        report = {"schema": SCHEMA, "machine": found, "model": f"{args.model} {variant.name}", "threads": args.threads}
        args.json.write_text(json.dumps({**report, "rows": [asdict(f) for f in done]}, indent=2) + "\n", "utf-8")


def changes(threads: int) -> dict[str, Change]:
    """One change to the product's options each, by what it is called."""
    level = ort.GraphOptimizationLevel
    found: dict[str, Change] = {
        "threads spin between calls": lambda o: o.add_session_config_entry(_SPINNING, "1"),
        "no memory arena": lambda o: setattr(o, "enable_cpu_mem_arena", False),
        "no memory pattern": lambda o: setattr(o, "enable_mem_pattern", False),
        "no layout change (optimisation level 'extended')": _level(level.ORT_ENABLE_EXTENDED),
        "no fused SiLU, no layout change (level 'basic')": _level(level.ORT_ENABLE_BASIC),
        "denormals as zero": lambda o: o.add_session_config_entry("session.set_denormal_as_zero", "1"),
    }
    if threads > 1:
        found["one thread"] = lambda o: setattr(o, "intra_op_num_threads", 1)
    return found


def settings_table(done: Sequence[Figures], markdown: bool) -> str:
    """One line per setting."""
    columns = ("setting", "p50 / p95 / p99 ms", "best ms", "CPU ms/frame", "times ours")
    rows = []
    for f in done:
        ratio = f"{f.ratio:.2f} ({f.ratio_low:.2f} to {f.ratio_high:.2f})"
        rows.append((f.name, three(f.ms), f"{f.best_ms:.1f}", f"{f.cpu_ms:.1f}", ratio))
    return table(columns, rows, markdown)


def _opened(model: bytes, threads: int, change: Change) -> Any:
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = threads
    options.add_session_config_entry(_SPINNING, "0")
    change(options)
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _no_change(_: Any) -> None:
    return None


def _level(level: Any) -> Change:
    return lambda options: setattr(options, "graph_optimization_level", level)


def _caller(session: Any) -> Callable[[Frame], object]:
    feed = random_feed(session)
    return lambda _: session.run(None, feed)


if __name__ == "__main__":
    main()
