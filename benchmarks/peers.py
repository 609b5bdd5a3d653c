"""The detector beside its peers: the same frames, the same run, in turns; from a 1080p frame in memory to boxes.

    python -m benchmarks.peers [--quick] [--ultralytics-python PATH] [--markdown] [--plot FILE] [--json FILE]

Peers on the same network in FP32: OpenCV's ``dnn`` and a plain ONNX Runtime loop as tutorials write it. With the Python
of a separate environment that has `ultralytics`, `onnx`, `onnxruntime` and the full torch: ``predict`` of YOLO11n and
YOLOv8n on their own exports at the same input size, and of YOLO11n at the size that costs as many operations as ours.
Their weights are random: times do not depend on them, and boxes are not looked at. All get the same number of threads.

*frames at once* is how recorded video is analysed: several frames, one thread each. Its times are those between
results, not how old a result is. *times ours* says how many frames Polypwatch analyses while the peer analyses one.
*CPU ms/frame* adds up all threads, those that wait in a loop for their next work included. Whether the peers on the
same network find the same boxes is counted, too: what is fast because it is wrong is no peer.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np

from benchmarks.bar_plot import Bar, bars_svg
from benchmarks.graph_cost import graph_cost
from benchmarks.peer_loops import OPENCV_ENGINES, Boxes, OpenCvDnn, PlainLoop, opencv_reason
from benchmarks.peer_ultralytics import PeerFailed, UltralyticsPeer
from benchmarks.phantom_frames import phantom_frames
from benchmarks.rounds import Contestant, Figures, InProcess, Together, figures, race
from benchmarks.tables import busy, machine, table, three
from detector.frame import Frame
from detector.geometry import Size, iou_matrix
from detector.manifest import find_model, load_manifest
from detector.pipeline import analyse, team
from detector.runtime import OnnxDetector

SCHEMA = "polypwatch.bench-peers/1"
THEIRS = ("yolo11n", "yolov8n")
TARGETS = {"OpenCV": 3.0, "plain": 3.0, "ultralytics": 2.0}
"""How many of our frames in the time of one of theirs, by the first word of their name."""
MOST_TAIL = 2.0
"""p99 over p50 of our own, at most."""
_SAME_IOU = 0.8
_AT_ONCE = "frames at once"


@dataclass(frozen=True, slots=True)
class Row:
    """One contestant: its figures, the operations of its network, how many boxes of ours it found too, of how many."""

    figures: Figures
    gflops: float
    same_boxes: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Field:
    """Who takes part, and who could not."""

    contestants: list[Contestant]
    gflops: dict[str, float]
    boxes: dict[str, Callable[[Frame], Boxes]]
    skipped: dict[str, str]
    versions: dict[str, str]


def main(argv: Sequence[str] | None = None) -> None:
    """Race, print, write."""
    args = parse(argv)
    found = machine()
    frames = phantom_frames(args.frames, args.size)
    cv2.setNumThreads(args.threads)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        field = assemble(args, frames, Path(folder), stack)
        done = figures(race(field.contestants, args.rounds, args.calls))
    same = _same_boxes(field.boxes, frames)
    rows = [Row(f, field.gflops[f.name], same.get(f.name)) for f in done]
    print(results_table(rows, args.markdown))
    for line in (*busy(found), *verdicts(rows), *(f"Not run: {name}: {why}" for name, why in field.skipped.items())):
        print(f"\n{line}")
    if args.plot:
        what = f"{args.size.width}x{args.size.height}, {args.threads} thread{'s' * (args.threads > 1)}"
        args.plot.write_text(plot(rows, what), "utf-8")
    if args.json:
        asked = {"threads": args.threads, "size": args.size, "rounds": args.rounds, "calls": args.calls}
        rest = {"skipped": field.skipped, "versions": field.versions, "rows": [asdict(r) for r in rows]}
        report = {"schema": SCHEMA, "machine": found, **asked, **rest}
        args.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line; `--quick` only sets what was not named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="fast")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--size", type=parse_size, default=Size(1920, 1080), help="of the frames (1920x1080)")
    parser.add_argument("--rounds", type=int, help="in turns over all (12; quick: 3)")
    parser.add_argument("--calls", type=int, help="of each contestant in a round (40; quick: 8)")
    parser.add_argument("--frames", type=int, default=24, help="different pictures in memory (%(default)s)")
    parser.add_argument("--ultralytics-python", type=Path, help="python of an environment with ultralytics")
    parser.add_argument("--quick", action="store_true", help="a minute, for a first look")
    parser.add_argument("--markdown", action="store_true", help="print the table for a document")
    parser.add_argument("--json", type=Path, help="write all figures")
    parser.add_argument("--plot", type=Path, help="write a chart as SVG")
    args = parser.parse_args(argv)
    args.rounds = args.rounds or (3 if args.quick else 12)
    args.calls = args.calls or (8 if args.quick else 40)
    return args


def parse_size(text: str) -> Size:
    """``1920x1080``.

    Raises:
        argparse.ArgumentTypeError: it is not of that form.
    """
    width, _, height = text.partition("x")
    if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise argparse.ArgumentTypeError(f"'{text}' is not WIDTHxHEIGHT")
    return Size(int(width), int(height))


def assemble(args: argparse.Namespace, frames: Sequence[Frame], folder: Path, stack: ExitStack) -> Field:
    """Ours first: every file of the model that is meant for a CPU, in the manifest's order, FP32 before the others."""
    model = find_model(args.model)
    manifest = load_manifest(model)
    variants = sorted((v for v in manifest.variants if "cpu" in v.providers), key=lambda v: v.precision != "fp32")
    field = Field([], {}, {}, {}, {})
    for variant in variants:
        detector = OnnxDetector(model, "cpu", variant.name, args.threads)
        name = f"Polypwatch {args.model} {variant.name}"
        _enter(field, name, _boxes_of(detector), frames, model / variant.file)
        if args.threads > 1:
            several = _several(OnnxDetector(model, "cpu", variant.name, 1), args.threads)
            field.contestants.append(Together(f"{name}, {args.threads} {_AT_ONCE}", several, frames))
            field.gflops[field.contestants[-1].name] = field.gflops[name]
    reference, path = variants[0], model / variants[0].file
    _enter(field, "plain ONNX Runtime loop", PlainLoop(path, reference, args.threads), frames, path)
    for engine_name, engine in (OPENCV_ENGINES or {"": None}).items():
        name = f"OpenCV dnn {cv2.__version__} {engine_name}".rstrip()
        if why := opencv_reason(path, reference, engine):
            field.skipped[name] = why
        else:
            _enter(field, name, OpenCvDnn(path, reference, args.threads, engine), frames, path)
    if args.ultralytics_python is None:
        field.skipped["ultralytics"] = "no --ultralytics-python was given"
        return field
    stored = folder / "frames.npy"
    np.save(stored, np.stack([f.image for f in frames]))
    side, ours = reference.input.width, field.gflops[field.contestants[0].name]
    for network in THEIRS:
        found = _enter_theirs(field, network, side, stored, args, stack)
        if network == THEIRS[0] and found and ours < found:
            _enter_theirs(field, network, side_of_equal_work(side, found, ours), stored, args, stack)
    return field


def _enter_theirs(
    field: Field, network: str, side: int, stored: Path, args: argparse.Namespace, stack: ExitStack
) -> float | None:
    """Returns the network's GFLOPs, or None where it does not run."""
    try:
        peer = UltralyticsPeer(args.ultralytics_python, network, side, stored, args.threads)
    except PeerFailed as error:
        field.skipped[f"ultralytics {network} at {side} px"] = str(error)
        return None
    stack.callback(peer.close)
    field.contestants.append(peer)
    field.gflops[peer.name] = round(graph_cost(peer.onnx.read_bytes()).gflops, 2)
    field.versions.update(peer.versions)
    return field.gflops[peer.name]


def side_of_equal_work(side: int, theirs: float, ours: float) -> int:
    """The multiple of 32 pixels at which a network of `theirs` operations at `side` costs about `ours`."""
    return max(32, 32 * round(side * (ours / theirs) ** 0.5 / 32))


def _enter(field: Field, name: str, call: Callable[[Frame], Boxes], frames: Sequence[Frame], path: Path) -> None:
    field.contestants.append(InProcess(name, call, frames))
    field.gflops[name] = round(graph_cost(path.read_bytes()).gflops, 2)
    field.boxes[name] = call


def _boxes_of(detector: OnnxDetector) -> Callable[[Frame], Boxes]:
    return lambda frame: detector.detect(frame).boxes


def _several(detector: OnnxDetector, workers: int) -> Callable[[Sequence[Frame]], object]:
    """As a recorded video is analysed: a thread for each frame, so many frames at once."""
    members = team(detector, workers)
    return lambda frames: list(analyse(enumerate(frames), members))


def _same_boxes(finders: dict[str, Callable[[Frame], Boxes]], frames: Sequence[Frame]) -> dict[str, tuple[int, int]]:
    """By name: how many of the first one's boxes are found again with an IoU of 0.8, and how many there are."""
    first, *others = finders
    ours = [finders[first](frame) for frame in frames]
    total = sum(map(len, ours))
    return {
        name: (sum(found_again(mine, finders[name](frame)) for mine, frame in zip(ours, frames, strict=True)), total)
        for name in others
    }


def found_again(ours: Boxes, theirs: Boxes) -> int:
    """How many of our boxes have one of theirs on them."""
    if not len(ours) or not len(theirs):
        return 0
    return int((iou_matrix(ours, theirs).max(axis=1) >= _SAME_IOU).sum())


def results_table(rows: Sequence[Row], markdown: bool) -> str:
    """One line per contestant."""
    columns = (
        "contestant",
        "GFLOPs",
        "p50 / p95 / p99 ms",
        "best ms",
        "frames/s",
        "CPU ms/frame",
        "times ours",
        "same boxes",
    )
    cells = [
        (
            r.figures.name,
            f"{r.gflops:.2f}",
            three(r.figures.ms),
            f"{r.figures.best_ms:.1f}",
            f"{r.figures.frames_per_s:.1f}",
            f"{r.figures.cpu_ms:.1f}",
            f"{r.figures.ratio:.2f} ({r.figures.ratio_low:.2f} to {r.figures.ratio_high:.2f})",
            "-" if r.same_boxes is None else f"{r.same_boxes[0]} of {r.same_boxes[1]}",
        )
        for r in rows
    ]
    return table(columns, cells, markdown)


def plot(rows: Sequence[Row], what: str) -> str:
    """A bar for each contestant."""
    bars = [
        Bar(r.figures.name, r.figures.ms.p50, r.figures.ms.p99, f"{r.figures.ratio:.1f}x")
        for r in rows
        if r.figures.ms.p50 is not None and r.figures.ms.p99 is not None
    ]
    return bars_svg(f"From a frame in memory to its boxes ({what})", bars)


def verdicts(rows: Sequence[Row]) -> list[str]:
    """Each target, and by how much it is met or missed."""
    ours = rows[0].figures
    lines = []
    if ours.ms.p50 and ours.ms.p99:
        tail = ours.ms.p99 / ours.ms.p50
        met = _said(tail <= MOST_TAIL)
        lines.append(f"p99 over p50 of {ours.name}: {tail:.2f}, target at most {MOST_TAIL:g}: {met}.")
    at_once = next((r.figures for r in rows[1:] if r.figures.name.endswith(_AT_ONCE)), None)
    for row in rows[1:]:
        target = TARGETS.get(row.figures.name.split()[0])
        if target is not None:
            ratio = row.figures.ratio
            more = "" if at_once is None else f" ({ratio / at_once.ratio:.2f} with several {_AT_ONCE})"
            lines.append(
                f"{row.figures.name}: {ratio:.2f} times as long as {ours.name}{more}, target {target:g}: "
                f"{_said(ratio >= target)}."
            )
    return lines


def _said(met: bool) -> str:
    return "met" if met else "missed"


if __name__ == "__main__":
    main()
