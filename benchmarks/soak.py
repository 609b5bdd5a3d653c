"""Half an hour of a live session: does anything grow, leak, drift or get lost.

    python -m benchmarks.soak [--minutes 30] [--json FILE] [--keep FOLDER]
    python -m benchmarks.soak --quick                 # one minute, for a first look

A 1080p30 file is played round and round in real time through the session, the AI process, the recorder and the window
(offscreen) with its features. This process only watches it from outside, every ten seconds: proportional memory (PSS),
threads and descriptors of all its processes. The first fifth, at most five minutes, is warm-up. Growth is that of a
line through the samples afterwards, so that one garbage collection neither hides nor makes a leak. ``drift_ms`` is
media time against capture stamps (a computer that cannot play the file in real time drifts), ``in_file_drift_ms`` the
video against its sidecar. Linux only.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

from benchmarks.processes import Holdings, holdings
from benchmarks.tables import busy, machine, table

SCHEMA = "polypwatch.bench-soak/1"
RATE = 30
_EVERY_S = 10.0
_CLIP_S = 20
_LIMIT_MB = 20.0
_RESULT = "window.json"


@dataclass(frozen=True)
class Sample:
    """One look; ``at_s`` since the window began."""

    at_s: float
    held: Holdings


def main(argv: Sequence[str] | None = None) -> int:
    """Run, watch, print; status 1 if something grew, leaked, drifted or was lost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--quick", action="store_true", help="one minute")
    parser.add_argument("--model", default="fast")
    parser.add_argument("--provider", default="cpu")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="leave clip and recording there")
    parser.add_argument("--window", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    minutes = 1.0 if args.quick else args.minutes
    if args.window:
        _window(args.window, minutes, args.model, args.provider)
        return 0
    found = machine()
    with tempfile.TemporaryDirectory() as scratch:
        folder = args.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        samples = _watch(folder, minutes, args)
        window = json.loads((folder / _RESULT).read_text(encoding="utf-8"))
    said = summary(samples, window, minutes)
    rows = [(name, str(value)) for name, value in said.items()]
    print(*busy(found), table(("", ""), rows, False), sep="\n\n")
    if args.json:
        report = {"schema": SCHEMA, "machine": found, "minutes": minutes, **said}
        report["samples"] = [asdict(sample) for sample in samples]
        args.json.write_text(json.dumps(report, indent=2) + "\n", "utf-8")
    return 0 if said["passed"] else 1


def summary(samples: Sequence[Sample], window: dict[str, object], minutes: float) -> dict[str, object]:
    """The verdict and what it is made from."""
    warm_s = min(300.0, minutes * 60 / 5)
    # At its end the window gives everything back: those samples would hide a leak.
    steady = [s for s in samples if warm_s <= s.at_s <= minutes * 60 - 2] or list(samples)
    span_s = steady[-1].at_s - steady[0].at_s
    growth_mb = _slope([(s.at_s, s.held.pss_mb) for s in steady]) * span_s
    threads = _change([s.held.threads for s in steady])
    handles = _change([s.held.handles for s in steady])
    passed = (
        growth_mb < _LIMIT_MB
        and threads <= 0
        and handles <= 0
        and window["lost"] == window["gaps"] == 0
        and abs(float(str(window["drift_ms"]))) < 1000 / RATE
        and abs(float(str(window["in_file_drift_ms"]))) < 1000 / RATE
    )
    return {
        "passed": passed,
        "growth_mb": round(growth_mb, 1),
        "watched_s": round(span_s, 0),
        "pss_mb": f"{steady[0].held.pss_mb:.0f} to {steady[-1].held.pss_mb:.0f}",
        "threads": f"{steady[0].held.threads} to {steady[-1].held.threads}",
        "handles": f"{steady[0].held.handles} to {steady[-1].held.handles}",
        "processes": steady[-1].held.processes,
        **window,
    }


def _watch(folder: Path, minutes: float, args: argparse.Namespace) -> list[Sample]:
    command = [sys.executable, "-m", "benchmarks.soak", "--window", str(folder), "--minutes", str(minutes)]
    command += ["--model", args.model, "--provider", args.provider]
    child = subprocess.Popen(command, env={**os.environ, "QT_QPA_PLATFORM": "offscreen"})
    samples: list[Sample] = []
    begun_s: float | None = None
    while child.poll() is None:
        time.sleep(0.2 if begun_s is None else min(_EVERY_S, minutes * 60 / 20))
        if begun_s is None and (folder / "begun").exists():
            begun_s = time.monotonic()
        elif begun_s is not None:
            samples.append(Sample(round(time.monotonic() - begun_s, 1), holdings(child.pid)))
    if child.returncode:
        raise SystemExit(f"The window ended with status {child.returncode}.")
    return [sample for sample in samples if sample.held.processes]


def _window(folder: Path, minutes: float, model: str, provider: str) -> None:
    """The process that is watched."""
    from PyQt6.QtCore import QTimer

    from app.ai_factories import watchdog_settings
    from app.capture import parse_source
    from app.gui.application import application
    from app.gui.options import WindowOptions
    from app.gui.window import run_window
    from app.live import LiveSession, LiveSettings
    from app.phantom import bundled
    from app.picture.prepared import prepared_source
    from app.picture.settings import parse_settings
    from benchmarks.live_latency import frames_of
    from benchmarks.live_room import Recording, features, recorded, write_clip
    from detector.geometry import Size
    from detector.manifest import find_model
    from detector.runtime import MIN_SCORE
    from detector.worker import AiProcess, AiSettings

    size = Size(1920, 1080)
    clip = folder / "clip.mkv"
    if not clip.exists():
        write_clip(clip, frames_of(bundled().video, size, RATE * _CLIP_S), size, RATE)
    prepared, _ = prepared_source(parse_source(str(clip)), parse_settings("off", "full", None, None), loop=True)
    options = {"model": str(find_model(model)), "provider": provider, "threads": 1}
    settings = AiSettings(watchdog_settings(provider), min_score=MIN_SCORE)
    session = LiveSession(
        prepared,
        "soak",
        lambda *calls: AiProcess("detector.runtime:load_detector", options, settings, *calls),
        LiveSettings(watch=True, recordings=folder),
    )
    recording = Recording(session, folder / "recording")
    painted: set[int] = set()

    def note(stamp: object) -> None:
        index = stamp.frame_index  # type: ignore[attr-defined]
        if not painted:
            (folder / "begun").touch()
            QTimer.singleShot(round(minutes * 60_000), session.end)
        painted.add(index)

    application()
    run_window(
        session,
        WindowOptions(folder, size=size, muted=True, quit_when_ended=True, features=features(session, folder)),
        [note, recording.painted],
    )
    last = session.snapshot()
    kept = recorded(folder / "recording")
    result = {
        "delivered": last.source.frames,
        "painted": len(painted),
        "recorded": kept.frames,
        "lost": kept.lost,
        "gaps": kept.gaps,
        "drift_ms": kept.drift_ms,
        "recorded_s": kept.span_s,
        "in_file_drift_ms": _file_drift_ms(folder / "recording"),
        "analysed": last.ai.analysed,
        "skipped": last.ai.skipped,
        "ai_restarts": last.ai.restarts,
        "recorder_fault": last.recorder_fault or recording.fault,
    }
    (folder / _RESULT).write_text(json.dumps(result), encoding="utf-8")


def _file_drift_ms(folder: Path) -> float:
    """How far the last picture of a video stands from its line in the sidecar; the largest of all segments."""
    import av

    rows = [json.loads(line) for line in (folder / "frames.jsonl").read_text(encoding="utf-8").splitlines()]
    worst = 0.0
    for path in sorted(folder.glob("video-*.mkv")):
        number = int(path.stem.removeprefix("video-"))
        lines = [row for row in rows if row.get("segment") == number]
        with av.open(str(path)) as video:
            times = [p.pts * p.time_base for p in video.demux(video=0) if p.pts is not None and p.time_base is not None]
        if times and lines:
            told = (lines[-1]["pts"] - lines[0]["pts"]) * Fraction(lines[0]["time_base"])
            worst = max(worst, float((max(times) - min(times) - told) * 1000), key=abs)
    return round(worst, 1)


def _slope(points: Sequence[tuple[float, float]]) -> float:
    """Of the line of least squares; 0 for fewer than two points."""
    if len(points) < 2:
        return 0.0
    return statistics.linear_regression(*zip(*points, strict=True)).slope


def _change(values: Sequence[int]) -> int:
    """From the first third's median to the last third's: a thread that comes and goes is no leak."""
    third = max(1, len(values) // 3)
    return round(statistics.median(values[-third:]) - statistics.median(values[:third]))


if __name__ == "__main__":
    sys.exit(main())
