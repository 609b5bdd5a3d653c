"""How old the picture and the boxes are when they reach the screen, with the AI on, off and stalled.

A paced source hands out pre-decoded 1080p frames from memory, stamped when they are due; they go through the real
session, the real AI process and the real window (offscreen, 1920x1080). Run alone on an otherwise idle machine:

    python -m benchmarks.live_latency [--seconds 12] [--out docs/live_latency.json]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import cv2
import numpy as np

from app.capture import MemorySource, Paced, file_source
from app.gui.bridge import PaintStamp
from app.gui.options import WindowOptions
from app.gui.window import run_window
from app.live import LiveSession, LiveSettings
from app.overlay import AnalysedFrame, FailedFrame
from app.phantom import bundled
from app.report import Percentiles
from detector.frame import Frame
from detector.geometry import Size
from detector.manifest import find_model
from detector.runtime import MIN_SCORE
from detector.worker import AiProcess, AiSettings

SIZE = Size(1920, 1080)
MODES = ("off", "on", "stalled")
_RING = 48
_SKIP = 250  # the phantom begins outside the body
_SETTLE_S = 1.5  # the first paints load fonts; they are not measured


@dataclass(frozen=True)
class Row:
    """One run."""

    rate: int
    ai: str
    frames: int
    painted: int
    paints_per_s: float
    capture_to_paint_ms: Percentiles
    capture_to_box_ms: Percentiles
    capture_to_result_ms: Percentiles
    analysed: int
    skipped: int
    restarts: int


def main(argv: Sequence[str] | None = None) -> None:
    """Run all modes and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=12)
    parser.add_argument("--rates", type=int, nargs="+", default=[30, 60])
    parser.add_argument("--model", default="fast")
    parser.add_argument("--source", type=Path, default=bundled().video, help="where the frames come from (%(default)s)")
    parser.add_argument("--out", type=Path, help="write the rows as JSON, too")
    args = parser.parse_args(argv)
    images = _ring(args.source)
    rows = [_run(images, rate, mode, args) for rate in args.rates for mode in MODES]
    print(_table(rows))
    if args.out:
        machine = f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}"
        args.out.write_text(json.dumps({"machine": machine, "rows": [asdict(r) for r in rows]}, indent=2) + "\n")


def _ring(path: Path) -> list[np.ndarray]:
    """Frames of ``path`` at 1080p, decoded before anything is measured."""
    source = file_source(path)
    source.open()
    for _ in range(_SKIP):
        source.read()
    images = []
    while len(images) < _RING and isinstance(item := source.read(), Frame):
        images.append(np.asarray(cv2.resize(item.image, SIZE), np.uint8))
    source.close()
    return images


class _Meter:
    """Collects paints and results of one run."""

    def __init__(self) -> None:
        self.first_ns = 0
        self.paint_ns: list[int] = []
        self.box_ns: list[int] = []
        self.result_ns: list[int] = []
        self.last_ns = 0
        self._frame = self._result = -1

    def painted(self, stamp: PaintStamp) -> None:
        """The first paint of each frame, and of each result."""
        self.first_ns = self.first_ns or stamp.captured_ns
        if stamp.captured_ns - self.first_ns < _SETTLE_S * 1e9:
            return
        self.last_ns = stamp.painted_ns
        if stamp.frame_index != self._frame:
            self._frame = stamp.frame_index
            self.paint_ns.append(stamp.painted_ns - stamp.captured_ns)
        result = stamp.result_captured_ns
        if result is not None and result != self._result and result - self.first_ns > _SETTLE_S * 1e9:
            self._result = result
            self.box_ns.append(stamp.painted_ns - result)

    def analysed(self, item: AnalysedFrame | FailedFrame) -> None:
        """Every result."""
        if isinstance(item, AnalysedFrame):
            self.result_ns.append(item.received_ns - item.captured_ns)


def _run(images: list[np.ndarray], rate: int, mode: str, args: argparse.Namespace) -> Row:
    meter = _Meter()
    count = round(rate * (args.seconds + _SETTLE_S))
    source = Paced(MemorySource(images, rate=Fraction(rate), count=count))
    options: dict[str, object] = {"model": str(find_model(args.model)), "provider": "cpu", "threads": 1}
    detector = "detector.runtime:load_detector"
    if mode == "stalled":
        detector, options = "benchmarks.detectors:stalling", {**options, "after": rate}
    session = LiveSession(
        source,
        f"{rate}/s, AI {mode}",
        lambda *calls: AiProcess(detector, options, AiSettings(min_score=MIN_SCORE), *calls),
        LiveSettings(wait_for_ai_s=60),
        meter.analysed,
    )
    if mode == "off":
        session.set_ai_enabled(False)
    run_window(session, WindowOptions(Path("."), size=SIZE, muted=True, quit_when_ended=True), [meter.painted])
    ai = session.snapshot().ai
    span_s = (meter.last_ns - meter.first_ns) / 1e9 - _SETTLE_S
    return Row(
        rate=rate,
        ai=mode,
        frames=count - round(rate * _SETTLE_S),
        painted=len(meter.paint_ns),
        paints_per_s=round(len(meter.paint_ns) / span_s, 1),
        capture_to_paint_ms=Percentiles.of_ns(meter.paint_ns),
        capture_to_box_ms=Percentiles.of_ns(meter.box_ns),
        capture_to_result_ms=Percentiles.of_ns(meter.result_ns),
        analysed=ai.analysed,
        skipped=ai.skipped,
        restarts=ai.restarts,
    )


def _table(rows: list[Row]) -> str:
    columns = ("source", "AI", "painted", "paints/s", "capture to paint", "capture to box", "skipped by the AI")
    lines = ["Milliseconds: p50 / p95 / p99.", "", f"| {' | '.join(columns)} |", "|" + "---|" * len(columns)]
    for r in rows:
        paint, box = (
            "-" if p.p50 is None else f"{p.p50:.1f} / {p.p95:.1f} / {p.p99:.1f}"
            for p in (r.capture_to_paint_ms, r.capture_to_box_ms)
        )
        share = f"{r.painted} of {r.frames}"
        lines.append(f"| 1080p{r.rate} | {r.ai} | {share} | {r.paints_per_s} | {paint} | {box} | {r.skipped} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
