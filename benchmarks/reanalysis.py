"""Analysing a recorded video: how close the product comes to what the machine could do, and to real time.

    python -m benchmarks.reanalysis [--quick] [--model fast] [--provider cpu] [--json FILE] [--markdown]

The bundled phantom is enlarged and coded once as 1080p25 H.264, in a temporary folder. Then, in turns:

decode      every frame is read as the product reads it (colour conversion included), and thrown away;
inference   as many frames from memory go through the detector, several at once where it can (pre-processing,
            network, suppression);
together    `polypwatch detect`: decoding, inference, tracks, alerts and the results file;
one by one  the same as a loop that reads a frame, analyses it on all cores, and reads the next.

A step's time per frame is taken twice: from the clock (all cores at its disposal) and in processor seconds. On a CPU
both steps need the same cores, so the most that can be is

    by the clock              1 / (t_decode + t_inference)
    by processor seconds      cores / (c_decode + c_inference)     stricter: no core is ever idle in it

and with a GPU the slower of the two alone, 1 / max(t_decode, t_inference). The target is 90 % of it, and 25 frames/s.
Of each step the median round counts; where other programs run, only processor seconds mean something.
"""

from __future__ import annotations

import argparse
import itertools
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from statistics import median

import av
import cv2
import numpy as np

from app import SOFTWARE
from app.capture import file_source
from app.detect import run_detect
from app.phantom import bundled
from benchmarks.tables import machine, table
from detector.alerts import AlertFilter, AlertSettings
from detector.cpu import find_cores, headless_threads
from detector.decode import decode_frames
from detector.detections import Detector
from detector.frame import Frame
from detector.geometry import Size
from detector.manifest import find_model
from detector.pipeline import analyse, team
from detector.runtime import OnnxDetector

RATE = 25
TARGET = 0.9
_CODING = {"preset": "veryfast", "crf": "20", "g": "50"}
_SKIP = 250  # the phantom begins outside the body
_IN_MEMORY = 16  # 100 MB at 1080p: more than the caches hold


@dataclass(frozen=True, slots=True)
class Cost:
    """What a frame costs in one step: seconds by the clock, and processor seconds of all threads."""

    wall_s: float
    cpu_s: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """How good `together` is.

    Attributes:
        frames_per_s: what it did.
        of_clock: share of what the steps' times allow.
        of_processor: share of what the steps' processor seconds allow; None with a GPU.
        busy: share of the cores' time in which they worked for it.
    """

    frames_per_s: float
    of_clock: float
    of_processor: float | None
    busy: float


def judge(decode: Cost, inference: Cost, together: Cost, cores: int, shared: bool) -> Verdict:
    """Compare with what can be.

    Args:
        decode: of a frame, alone.
        inference: of a frame, alone.
        together: of a frame, all steps.
        cores: that work on it.
        shared: whether both steps run on the same cores; False with a GPU.
    """
    most = decode.wall_s + inference.wall_s if shared else max(decode.wall_s, inference.wall_s)
    strict = (decode.cpu_s + inference.cpu_s) / cores / together.wall_s if shared else None
    busy = together.cpu_s / cores / together.wall_s
    return Verdict(1 / together.wall_s, most / together.wall_s, strict, busy)


def main(argv: Sequence[str] | None = None) -> None:
    """Make the film, take turns, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="fast")
    parser.add_argument("--variant")
    parser.add_argument("--provider", default="cpu")
    parser.add_argument("--workers", type=int, help="frames at once on the CPU (default: one per core)")
    parser.add_argument("--size", type=_size, default=Size(1920, 1080), metavar="WxH")
    parser.add_argument("--frames", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="200 frames, 3 rounds")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", action="store_true")
    args = parser.parse_args(argv)
    facts = machine()
    count, rounds = (200, 3) if args.quick else (args.frames, args.rounds)
    cores = find_cores()
    workers = args.workers or headless_threads(cores)
    folder = find_model(args.model)
    detector = OnnxDetector(folder, args.provider, args.variant, threads=1)
    shared = detector.info.provider == "cpu"
    on_all_cores = OnnxDetector(folder, args.provider, args.variant, threads=cores.usable)
    with tempfile.TemporaryDirectory() as temporary:
        film = _film(Path(temporary) / "phantom.mp4", args.size, count)
        bits_per_s = film.stat().st_size * 8 * RATE / count
        frames = list(itertools.islice(_read(film), _IN_MEMORY))
        detector.warm_up(args.size, 3)
        on_all_cores.warm_up(args.size, 3)
        lowest = detector.info.threshold
        steps: dict[str, Callable[[], None]] = {
            "decode": lambda: _drain(_read(film)),
            "inference": lambda: _infer(frames, count, team(detector, workers), lowest),
            "together": lambda: _detect(film, detector, workers),
            "one by one": lambda: _one_by_one(film, on_all_cores),
        }
        taken: dict[str, list[Cost]] = {name: [] for name in steps}
        for _ in range(rounds):
            for name, step in steps.items():
                taken[name].append(_timed(step, count))
    costs = {n: Cost(median(c.wall_s for c in t), median(c.cpu_s for c in t)) for n, t in taken.items()}
    verdict = judge(costs["decode"], costs["inference"], costs["together"], cores.usable, shared)
    info = detector.info
    model = {key: getattr(info, key) for key in ("model", "version", "variant", "sha256", "provider")}
    print(
        f"{info.model} {info.version} ({info.variant}) on {info.provider}, {workers} at once; {cores}; {count} frames "
        f"of {args.size.width}x{args.size.height}, H.264 at {bits_per_s / 1e6:.1f} Mbit/s; {rounds} rounds\n"
    )
    rows = [[n, f"{c.wall_s * 1e3:.1f}", f"{c.cpu_s * 1e3:.1f}", f"{1 / c.wall_s:.1f}"] for n, c in costs.items()]
    print(table(["step", "ms a frame", "processor ms a frame", "frames/s"], rows, args.markdown))
    print(f"\n{_words(verdict)}")
    if args.json:
        report = {
            "software": SOFTWARE,
            "machine": facts,
            "model": model,
            "size": list(args.size),
            "frames": count,
            "workers": workers,
            "cores": asdict(cores),
            "rounds": {name: [asdict(c) for c in taken[name]] for name in taken},
            "median": {name: asdict(c) for name, c in costs.items()},
            "verdict": asdict(verdict),
        }
        args.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def _words(v: Verdict) -> str:
    lines = [f"together: {v.of_clock:.0%} of what the steps' times allow (target {TARGET:.0%})"]
    if v.of_processor is not None:
        lines.append(f"          {v.of_processor:.0%} of what their processor seconds allow")
    lines.append(f"          {v.busy:.0%} of the cores' time was used")
    lines.append(
        f"          {v.frames_per_s:.1f} frames/s, {v.frames_per_s / RATE:.2f} times real time at {RATE} frames/s"
    )
    return "\n".join(lines)


def _timed(step: Callable[[], None], count: int) -> Cost:
    wall, cpu = time.perf_counter(), time.process_time()
    step()
    return Cost((time.perf_counter() - wall) / count, (time.process_time() - cpu) / count)


def _read(film: Path) -> Iterator[Frame]:
    source = file_source(film)
    source.open()
    with closing(source):
        while isinstance(frame := source.read(), Frame):
            yield frame


def _drain(frames: Iterator[Frame]) -> None:
    for _ in frames:
        pass


def _infer(frames: Sequence[Frame], count: int, detectors: Sequence[Detector], lowest: float) -> None:
    items = ((None, frame) for frame in itertools.islice(itertools.cycle(frames), count))
    for one in analyse(items, detectors, AlertSettings(threshold=lowest).feed_score):
        assert one.detections is not None


def _detect(film: Path, detector: Detector, workers: int) -> None:
    run_detect([film], film.with_suffix(".json"), detector, progress=False, workers=workers)


def _one_by_one(film: Path, detector: Detector) -> None:
    alerts = AlertFilter(AlertSettings(threshold=detector.info.threshold))
    for frame in _read(film):
        assert frame.time is not None
        alerts.update(detector.detect(frame, alerts.settings.feed_score), frame.time.seconds)


def _film(path: Path, size: Size, count: int) -> Path:
    """The phantom at another size, over again where it is too short."""
    pictures = itertools.cycle(range(_SKIP, _SKIP + min(count, 2000)))
    wanted = sorted(set(itertools.islice(pictures, count)))
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options=_CODING)
        stream.width, stream.height, stream.pix_fmt = size.width, size.height, "yuv420p"
        stream.time_base = Fraction(1, RATE)
        made = 0
        while made < count:
            for found in decode_frames(bundled().video, wanted, whole=False):
                if made == count:
                    break
                image = np.asarray(cv2.resize(found.image, size, interpolation=cv2.INTER_LINEAR), np.uint8)
                picture = av.VideoFrame.from_ndarray(image, format="bgr24")
                picture.pts, made = made, made + 1
                container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


def _size(text: str) -> Size:
    width, _, height = text.partition("x")
    return Size(int(width), int(height))


if __name__ == "__main__":
    main()
