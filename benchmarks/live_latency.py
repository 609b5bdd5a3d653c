"""How old the picture and the boxes are when they reach the screen, with the AI on, off, stalled and synchronised.

A paced source hands out pre-decoded 1080p frames from memory, stamped when they are due; they go through the real
session, the real AI process and the real window (offscreen, 1920x1080). Run alone on an otherwise idle machine:

    python -m benchmarks.live_latency [--seconds 12] [--provider cuda] [--out docs/live_latency.json]
    python -m benchmarks.live_latency --quick
    python -m benchmarks.live_latency --recording [--quick]

With ``--recording`` the window is a room's: 1080p30 and 720p30 are recorded with x264 while they are shown, the picture
is watched, and examination, replay and second monitor are there; each with the AI on and off.

``copied`` is ``on`` with a source that does not put its pictures into the shared pool, so that the AI's supervisor has
to copy them. Hand-over: from the instant at which picture and idle worker were both there to the worker's receipt,
without that copy. Place: what the capture thread spends on copying a picture into the pool.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import cv2
import numpy as np

from app.ai_factories import watchdog_settings
from app.capture import MemorySource, Paced, file_source
from app.capture.placing import Image, Place
from app.gui.bridge import PaintStamp
from app.gui.options import WindowOptions
from app.gui.window import run_window
from app.live import LiveSession, LiveSettings
from app.overlay import AnalysedFrame, FailedFrame
from app.phantom import bundled
from app.report import Percentiles
from benchmarks.live_room import Recording, features, recorded
from detector.frame import Frame
from detector.geometry import Size
from detector.manifest import find_model
from detector.runtime import MIN_SCORE
from detector.worker import AiProcess, AiSettings

SIZE = Size(1920, 1080)
MODES = ("off", "on", "copied", "stalled", "synchronised")
_RING = 48
_SKIP = 250  # the phantom begins outside the body
_SETTLE_S = 1.5  # the first paints load fonts; they are not measured


@dataclass(frozen=True)
class Row:
    """One run. Times in milliseconds; ``without_own_boxes`` are frames of the synchronised mode that went without."""

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
    provider: str
    queue_ms: Percentiles
    copy_ms: Percentiles
    handover_ms: Percentiles
    place_ms: Percentiles
    copied: int
    synchronised: str
    with_own_boxes: int
    without_own_boxes: int
    size: str = "1080p"
    recorded: int | None = None
    not_recorded: int | None = None
    encoder: str = ""


def main(argv: Sequence[str] | None = None) -> None:
    """Run all modes and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=12)
    parser.add_argument("--rates", type=int, nargs="+", default=[30, 60])
    parser.add_argument("--modes", nargs="+", choices=MODES, default=MODES, metavar="MODE", help=", ".join(MODES))
    parser.add_argument("--quick", action="store_true", help="30 frames/s only, five seconds each")
    parser.add_argument("--model", default="fast")
    parser.add_argument("--provider", default="cpu", help="what runs the model: cpu, cuda, tensorrt (%(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of the AI (%(default)s)")
    parser.add_argument("--source", type=Path, default=bundled().video, help="where the frames come from (%(default)s)")
    parser.add_argument("--out", type=Path, help="write the rows as JSON, too")
    parser.add_argument("--recording", action="store_true", help="a room's window at 1080p30 and 720p30, recorded")
    args = parser.parse_args(argv)
    if args.quick:
        args.seconds, args.rates = 5, [30]
    if args.recording:
        rows = [row for size in (SIZE, Size(1280, 720)) for row in _recorded_rows(size, args)]
    else:
        images = _ring(args.source)
        rows = [_run(images, rate, mode, args) for rate in args.rates for mode in args.modes]
    print(_table(rows))
    if args.out:
        machine = f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}"
        said = {"machine": machine, "model": args.model, "rows": [asdict(r) for r in rows]}
        args.out.write_text(json.dumps(said, indent=2) + "\n")


def _ring(path: Path, size: Size = SIZE) -> list[np.ndarray]:
    """Frames of ``path`` in this size, decoded before anything is measured."""
    return list(frames_of(path, size, _RING))


def frames_of(path: Path, size: Size, count: int) -> Iterator[np.ndarray]:
    """So many frames from the inside of the body, scaled; fewer if the video ends."""
    source = file_source(path)
    source.open()
    for _ in range(_SKIP):
        source.read()
    while count and isinstance(item := source.read(), Frame):
        yield np.asarray(cv2.resize(item.image, size), np.uint8)
        count -= 1
    source.close()


def _recorded_rows(size: Size, args: argparse.Namespace) -> list[Row]:
    images = _ring(args.source, size)
    rows = []
    for mode in ("off", "on"):
        with tempfile.TemporaryDirectory() as scratch:
            rows.append(_run(images, 30, mode, args, Path(scratch)))
    return rows


class _Timed(MemorySource):
    """Writes down what placing a picture takes; or refuses to place any."""

    def __init__(self, images: list[np.ndarray], rate: Fraction, count: int, place_ns: list[int] | None) -> None:
        super().__init__(images, rate, count)
        self._place_ns = place_ns

    def place_with(self, place: Place) -> None:
        """See `app.capture.placing.Placing`."""
        place_ns = self._place_ns
        if place_ns is None:
            return

        def timed(image: Image) -> Image:
            start = time.perf_counter_ns()
            placed = place(image)
            if placed is not image:
                place_ns.append(time.perf_counter_ns() - start)
            return placed

        super().place_with(timed)


class _Meter:
    """Collects paints and results of one run."""

    def __init__(self) -> None:
        self.first_ns = 0
        self.paint_ns: list[int] = []
        self.box_ns: list[int] = []
        self.result_ns: list[int] = []
        self.place_ns: list[int] = []
        self.stage_ns: dict[str, list[int]] = {"queue": [], "copy": [], "handover": []}
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
            if item.captured_ns - self.first_ns > _SETTLE_S * 1e9:
                for stage, values in self.stage_ns.items():
                    values.append(item.detections.stage_ns[stage])


def _run(images: list[np.ndarray], rate: int, mode: str, args: argparse.Namespace, record: Path | None = None) -> Row:
    meter = _Meter()
    count = round(rate * (args.seconds + _SETTLE_S))
    source = Paced(_Timed(images, Fraction(rate), count, None if mode == "copied" else meter.place_ns))
    options: dict[str, object] = {
        "model": str(find_model(args.model)),
        "provider": args.provider,
        "threads": args.threads,
    }
    detector = "detector.runtime:load_detector"
    if mode == "stalled":
        detector, options = "benchmarks.detectors:stalling", {**options, "after": rate}
    watchdog = watchdog_settings(args.provider)
    session = LiveSession(
        source,
        f"{rate}/s, AI {mode}",
        lambda *calls: AiProcess(detector, options, AiSettings(watchdog, min_score=MIN_SCORE), *calls),
        LiveSettings(
            wait_for_ai_s=watchdog.start_limit_s,
            synchronised=mode == "synchronised",
            watch=record is not None,
            recordings=record,
        ),
        meter.analysed,
    )
    if mode == "off":
        session.set_ai_enabled(False)
    hooks, extra = [meter.painted], ()
    encoder: list[str] = []
    if record is not None:
        recording = Recording(session, record / "recording")
        hooks, extra = [meter.painted, recording.painted, _encoder_of(session, encoder)], features(session, record)
    options_ = WindowOptions(Path("."), size=SIZE, muted=True, quit_when_ended=True, features=extra)
    run_window(session, options_, hooks)
    kept = recorded(record / "recording") if record is not None else None
    last = session.snapshot()
    ai, sync = last.ai, last.sync
    span_s = (meter.last_ns - meter.first_ns) / 1e9 - _SETTLE_S
    return Row(
        rate=rate,
        ai=mode,
        frames=count - round(rate * _SETTLE_S),
        painted=len(meter.paint_ns),
        paints_per_s=round(len(meter.paint_ns) / span_s, 1),
        capture_to_paint_ms=Percentiles.of_ns(meter.paint_ns),
        # Kept back, the picture comes with its boxes: the columns would be the same.
        capture_to_box_ms=Percentiles.of_ns([] if mode == "synchronised" else meter.box_ns),
        capture_to_result_ms=Percentiles.of_ns(meter.result_ns),
        analysed=ai.analysed,
        skipped=ai.skipped,
        restarts=ai.restarts,
        provider=ai.info.provider if ai.info else "",
        queue_ms=Percentiles.of_ns(meter.stage_ns["queue"]),
        copy_ms=Percentiles.of_ns(meter.stage_ns["copy"]),
        handover_ms=Percentiles.of_ns(meter.stage_ns["handover"]),
        place_ms=Percentiles.of_ns(meter.place_ns),
        copied=sum(ns > 0 for ns in meter.stage_ns["copy"]),
        synchronised=sync.state.value,
        with_own_boxes=sync.with_boxes,
        without_own_boxes=sync.without_boxes,
        size=f"{images[0].shape[0]}p",
        recorded=kept.frames if kept else None,
        not_recorded=kept.lost + kept.gaps if kept else None,
        encoder=encoder[0] if encoder else "",
    )


def _encoder_of(session: LiveSession, found: list[str]) -> Callable[[PaintStamp], None]:
    """Notes what encodes, once it does."""

    def note(stamp: PaintStamp) -> None:
        if not found and stamp.frame_index % 10 == 0:
            recorder = session.snapshot().recorder
            found.extend([recorder.encoder] if recorder is not None and recorder.encoder else [])

    return note


def _table(rows: list[Row]) -> str:
    columns = (
        "source",
        "AI",
        "painted",
        "paints/s",
        "capture to paint",
        "capture to box",
        "hand-over",
        "copy",
        "place",
        "skipped by the AI",
        "with own boxes",
        "recorded, lost",
    )
    lines = ["Milliseconds: p50 / p95 / p99.", "", f"| {' | '.join(columns)} |", "|" + "---|" * len(columns)]
    for r in rows:
        own, without = r.with_own_boxes, r.without_own_boxes
        cells = (
            f"{r.size}{r.rate}",
            r.ai,
            f"{r.painted} of {r.frames}",
            str(r.paints_per_s),
            _triple(r.capture_to_paint_ms, 1),
            _triple(r.capture_to_box_ms, 1),
            _triple(r.handover_ms, 2),
            _triple(r.copy_ms, 2),
            _triple(r.place_ms, 2),
            str(r.skipped),
            f"{100 * own / (own + without):.1f} %, then {r.synchronised}" if own + without else "-",
            "-" if r.recorded is None else f"{r.recorded}, {r.not_recorded} ({r.encoder})",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _triple(p: Percentiles, digits: int) -> str:
    return "-" if p.p50 is None else " / ".join(f"{value:.{digits}f}" for value in (p.p50, p.p95, p.p99))


if __name__ == "__main__":
    main()
