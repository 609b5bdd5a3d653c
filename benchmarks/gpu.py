"""How fast a graphics card finds boxes in frames that lie in memory, beside what else could be done with it.

Ours (frame in, boxes out), its upload alone and its network alone; ONNX Runtime's CUDA provider as tutorials use it;
torch eager and ``torch.compile`` of the same network in half precision. One command on an otherwise idle machine with a
card:

    python -m benchmarks.gpu --model accurate [--quick] [--out gpu.json]

The torch rows want a torch that was built with CUDA; without it they are left out, and the table says so.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peer_loops import PlainLoop, suppress
from benchmarks.phantom_frames import phantom_frames
from benchmarks.rounds import Contestant, Figures, InProcess, Together, figures, race
from benchmarks.tables import machine, table
from detector.engine_device import DeviceEngine
from detector.errors import PolypwatchError
from detector.frame import Frame
from detector.geometry import Letterbox, Size
from detector.gpu_card import card
from detector.manifest import find_model, load_manifest
from detector.providers import open_session
from detector.runtime import OnnxDetector

SIZES = {"1080p": Size(1920, 1080), "4k": Size(3840, 2160)}
OURS, BATCHES, UPLOAD, NETWORK, PLAIN = "ours", "ours, in batches", "upload alone", "network alone", "plain CUDA loop"
P50_MS, P99_MS, OVERHEAD, OVER_PLAIN = 2.0, 3.0, 1.2, 3.0
"""Targets for `accurate` at 1080p on an H100: one call; one call over upload plus network; the plain loop over ours."""


@dataclass(frozen=True, slots=True)
class Target:
    """A figure beside what it should be."""

    name: str
    found: float
    wanted: float
    at_most: bool

    @property
    def line(self) -> str:
        """For the terminal."""
        met = self.found <= self.wanted if self.at_most else self.found >= self.wanted
        return (
            f"{'met ' if met else 'MISSED'}  {self.name}: {self.found:.2f} "
            f"({'at most' if self.at_most else 'at least'} {self.wanted:g})"
        )


def main(argv: Sequence[str] | None = None) -> int:
    """Run; the exit status is 5 where there is no card that could be measured."""
    args = _parser().parse_args(argv)
    try:
        found = card()
        folder = find_model(args.model)
        detector = OnnxDetector(folder, args.provider, "frame")
    except PolypwatchError as error:
        print(f"Nothing was measured. {error}", file=sys.stderr)
        return error.exit_status
    info = detector.info
    if info.provider != args.provider:
        print(f"Nothing was measured: {info.provider_reason}.", file=sys.stderr)
        return 5
    print(f"{info.model} {info.version}, {info.variant}, {info.provider} on {found.words}. {info.provider_reason}")
    results = {}
    for name in args.sizes:
        frames = phantom_frames(args.frames, SIZES[name])
        rows, left_out = measure(detector, folder, frames, args.rounds, args.calls, args.torch)
        results[name] = [asdict(r) for r in rows]
        print(f"\n{name}, milliseconds\n{_table(rows)}")
        for words in left_out:
            print(f"left out: {words}")
        for target in targets(rows) if name == "1080p" else ():
            print(target.line)
    if args.out:
        content = {"card": asdict(found), "machine": machine(), "model": asdict(info), "sizes": results}
        args.out.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return 0


def measure(
    detector: OnnxDetector, folder: Path, frames: Sequence[Frame], rounds: int, calls: int, with_torch: bool
) -> tuple[list[Figures], list[str]]:
    """Figures of everybody on the same frames, and who was left out and why.

    Args:
        detector: the frame variant.
        folder: of the model.
        frames: of one size.
        rounds: how often everybody gets a turn.
        calls: in one turn.
        with_torch: torch takes part, too.
    """
    contestants: list[Contestant] = [
        InProcess(OURS, detector.detect, frames),
        Together(BATCHES, detector.detect_many, frames),
        *_parts(detector, frames),
    ]
    left_out = []
    for name, make in _peers(folder, detector.info.provider, with_torch):
        try:
            call = make()
            call(frames[0])
        except Exception as error:  # another package's own trouble is a missing row, not a missing table
            left_out.append(f"{name} ({str(error).strip().splitlines()[0] if str(error).strip() else error!r})")
            continue
        contestants.append(InProcess(name, call, frames))
    return figures(race(contestants, rounds, calls)), left_out


def targets(rows: Sequence[Figures]) -> list[Target]:
    """The targets beside what was measured."""
    ms = {r.name: r.ms for r in rows}
    own = ms[OURS]
    assert own.p50 is not None
    assert own.p99 is not None
    found = [Target("p50 in ms", own.p50, P50_MS, True), Target("p99 in ms", own.p99, P99_MS, True)]
    parts = (ms[UPLOAD].p50 or 0.0) + (ms[NETWORK].p50 or 0.0)
    found.append(Target("whole call over upload and network", own.p50 / parts, OVERHEAD, True))
    if PLAIN in ms:
        found.append(Target("plain CUDA loop over ours", (ms[PLAIN].p50 or 0.0) / own.p50, OVER_PLAIN, False))
    return found


def _parts(detector: OnnxDetector, frames: Sequence[Frame]) -> list[Contestant]:
    engine = detector.engine
    if not isinstance(engine, DeviceEngine):
        raise TypeError("the parts of this engine cannot be timed")
    plan = engine.plan(Letterbox.fit(frames[0].size, detector.variant.input.size))

    def upload(frame: Frame) -> None:
        plan.stage(0, 0, frame.image, engine.is_direct(frame.image))
        plan.settle(0)

    def network(frame: Frame) -> None:
        plan.launch(0)
        plan.answers(0)

    plan.stage(0, 0, frames[0].image, engine.is_direct(frames[0].image))
    return [InProcess(UPLOAD, upload, frames), InProcess(NETWORK, network, frames)]


def _peers(folder: Path, provider: str, with_torch: bool) -> Iterable[tuple[str, Callable[[], Callable[[Frame], Any]]]]:
    yield PLAIN, lambda: _PlainOnCard(folder, provider)
    if with_torch:
        yield "torch eager", lambda: _Torch(folder, compiled=False)
        yield "torch.compile", lambda: _Torch(folder, compiled=True)


class _PlainOnCard(PlainLoop):
    """The tutorials' loop on the FP32 file, with the provider's default options."""

    def __init__(self, folder: Path, provider: str) -> None:
        variant = next(v for v in load_manifest(folder).variants if v.precision == "fp32")
        self._session = open_session((folder / variant.file).read_bytes(), "cuda" if provider != "cpu" else "cpu", None)
        self._variant = variant


class _Torch:
    """The network in half precision: upload, plain bilinear resize and network on the card, suppression on the host."""

    def __init__(self, folder: Path, compiled: bool) -> None:
        import torch

        from training.network import load_network
        from training.release.graph import Deployed

        if not torch.cuda.is_available():
            raise RuntimeError("this torch has no CUDA or finds no card")
        network = Deployed(load_network(folder / "weights.safetensors")).eval().cuda().half()
        self._size = network.network.input_size
        self._run: Any = torch.compile(network, mode="max-autotune") if compiled else network
        self._variant = load_manifest(folder).variants[0]

    def __call__(self, frame: Frame) -> np.ndarray:
        """Boxes (N, 4) in frame pixels."""
        import torch

        box = Letterbox.fit(frame.size, Size(self._size, self._size))
        with torch.inference_mode():
            pixels = torch.from_numpy(frame.image).cuda().permute(2, 0, 1)[None].half()
            small = torch.nn.functional.interpolate(pixels, box.content[::-1], mode="bilinear")
            right, bottom = self._size - box.content.width, self._size - box.content.height
            blob = torch.nn.functional.pad(small, (0, right, 0, bottom), value=float(self._variant.input.pad))
            boxes, scores = (x[0].float().cpu().numpy() for x in self._run(blob)[:2])
        wanted = scores >= self._variant.threshold
        boxes, scores = boxes[wanted], scores[wanted]
        return box.to_frame(boxes[suppress(boxes, scores, self._variant.nms_iou)])


def _table(rows: Sequence[Figures]) -> str:
    cells = [
        (r.name, *(f"{x:.2f}" if x is not None else "-" for x in (r.ms.p50, r.ms.p99)), f"{r.frames_per_s:.0f}")
        for r in rows
    ]
    return table(("", "p50", "p99", "frames/s"), cells, False)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="accurate", help="a model with a frame variant (%(default)s)")
    parser.add_argument("--provider", default="cuda", choices=("cuda", "tensorrt"))
    parser.add_argument("--sizes", nargs="+", default=list(SIZES), choices=SIZES)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--calls", type=int, default=100)
    parser.add_argument("--frames", type=int, default=16)
    parser.add_argument("--no-torch", dest="torch", action="store_false")
    parser.add_argument("--quick", action="store_const", dest="rounds", const=3, help="three rounds: half a minute")
    parser.add_argument("--out", type=Path, help="write the figures as JSON, too")
    return parser


if __name__ == "__main__":
    sys.exit(main())
