"""What the timeline of the QA room costs the window's thread while it is scrolled and zoomed.

    python -m benchmarks.timeline [--minutes 60] [--paints 400] [--quick] [--json FILE]

A made procedure at 30 pictures a second with the tracks of a real one: markers shown live, two re-analyses, the best
score of each frame's candidates, labels, a review with lesions and key frames, marks, and what is wrong with pictures.
The widget is painted offscreen at 1600 pixels: scrolling at several zooms, zooming in and out, and the playhead alone.
Each paint is timed on the wall clock and in processor time of its thread: on a busy machine only the latter is fair.
The limit is 5 ms: a third of the interval of a 60 Hz screen.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PyQt6.QtWidgets import QApplication

from app.gui.application import application
from app.gui.qa.timeline import Timeline
from app.gui.qa.timeline_rows import Flags, Heights, Label, Lane, Spans, TimelineRow, lanes_of
from app.qa.axis import plain_axis

LIMIT_MS = 5.0
_RATE = 30
_WIDTH = 1600
_RED, _GREEN, _BLUE = 0xFFFF8060, 0xFF2ED6A0, 0xFF6EBEFF


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60, help="length of the procedure (%(default)s)")
    parser.add_argument("--paints", type=int, default=400, help="of each kind (%(default)s)")
    parser.add_argument("--quick", action="store_true", help="60 paints of each kind")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there")
    args = parser.parse_args(argv)
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    app = application()
    figures = measure(app, round(args.minutes * 60 * _RATE), 60 if args.quick else args.paints)
    print(f"{'':24}{'wall p50':>10}{'p95':>8}{'cpu p50':>10}{'p95':>8}   ms a paint, limit {LIMIT_MS:g}")
    for name, row in figures.items():
        print(f"{name:24}" + "".join(f"{row[key]:>{width}.2f}" for key, width in _COLUMNS))
    if args.json:
        args.json.write_text(json.dumps({"limit_ms": LIMIT_MS, "minutes": args.minutes, "paints": figures}, indent=1))


_COLUMNS = (("wall_p50_ms", 10), ("wall_p95_ms", 8), ("cpu_p50_ms", 10), ("cpu_p95_ms", 8))


def measure(app: QApplication, frames: int, paints: int) -> dict[str, dict[str, float]]:
    """Milliseconds of a paint by what was done before it."""
    timeline = Timeline()
    timeline.show_axis(plain_axis(np.arange(frames) / _RATE, frames / _RATE))
    timeline.show_rows(rows(frames))
    timeline.resize(_WIDTH, timeline.sizeHint().height())
    timeline.show()
    app.processEvents()  # a window that was never exposed paints nothing, very fast
    assert timeline.painted, "the timeline was not painted"
    whole = float(frames)

    def scrolled(share: float) -> Callable[[int], object]:
        timeline.fit((0, round(whole * share)))
        return lambda n: timeline.pan(whole * share * (0.02 if n % 80 < 40 else -0.02))

    figures = {}
    for name, share in (("scroll, a minute seen", 60 * _RATE / whole), ("scroll, a tenth seen", 0.1), ("half", 0.5)):
        figures[name] = timed(timeline, scrolled(min(1.0, share)), paints)
    timeline.fit()
    figures["zoom"] = timed(timeline, lambda n: timeline.zoom(0.4 if n % 60 < 30 else -0.4, whole / 3), paints)
    timeline.fit()
    figures["playhead, all seen"] = timed(timeline, lambda n: timeline.show_position(n * 97 % frames), paints)
    timeline.close()
    return figures


def timed(timeline: Timeline, then: Callable[[int], object], paints: int) -> dict[str, float]:
    """Figures of so many paints, each after something was done."""
    wall, cpu = [], []
    for number in range(paints):
        then(number)
        begin, begin_cpu = time.perf_counter(), time.thread_time()
        timeline.repaint()
        wall.append(1e3 * (time.perf_counter() - begin))
        cpu.append(1e3 * (time.thread_time() - begin_cpu))
    return {
        f"{name}_p{share}_ms": float(np.percentile(values, share))
        for name, values in (("wall", wall), ("cpu", cpu))
        for share in (50, 95)
    }


def rows(frames: int) -> tuple[TimelineRow, ...]:
    """The tracks of a made procedure: about a marker every eight seconds, 25 lesions, a mark a minute."""
    rng = np.random.default_rng(1)

    def spans(count: int, length: int) -> list[tuple[int, int]]:
        starts = rng.integers(0, frames - length - 1, count)
        return [(int(start), int(start + rng.integers(3, length))) for start in starts]

    markers = max(1, frames // (8 * _RATE))
    lesions = spans(25, 12 * _RATE)
    places = lanes_of(lesions, 3)
    scores = (rng.beta(1, 8, frames) * (rng.random(frames) < 0.6)).astype(np.float32)
    own: list[Lane] = []
    for lane in range(3):
        here = [span for span, place in zip(lesions, places, strict=True) if place == lane]
        keys = [(k, k) for first, last in here for k in range(first, last, 15)]
        own += [
            Lane(Spans(here), 0xFFECF2F6, lane / 3, lane / 3 + 0.3),
            Lane(Spans(keys), _BLUE, lane / 3, lane / 3 + 0.2),
        ]
    labels = tuple(Label(first, last, str(n)) for n, (first, last) in enumerate(lesions, start=1))
    return (
        TimelineRow("Shown live", _BLUE, (Lane(Spans(spans(markers, 90)), _BLUE),)),
        TimelineRow("Re-analysis A", _RED, (Lane(Spans(spans(markers, 90)), _RED),)),
        TimelineRow("Re-analysis B", _GREEN, (Lane(Spans(spans(markers, 90)), _GREEN, hatched=True),)),
        TimelineRow("Candidates", _BLUE, (Lane(Heights(scores), _BLUE),), share=1.2),
        TimelineRow("Labels", _GREEN, (Lane(Flags(rng.random(frames) < 0.1), _GREEN),)),
        TimelineRow("Events", _RED, (Lane(Spans(spans(markers, 60)), _RED, 0.5, 1.0, hatched=True),), share=1.4),
        TimelineRow("Review", _BLUE, tuple(own), labels, share=2.2),
        TimelineRow("Marks", _BLUE, (Lane(Spans((at, at) for at in range(0, frames, 60 * _RATE)), _BLUE),)),
        TimelineRow("Reviewed", _GREEN, (Lane(Spans(spans(12, 90 * _RATE)), _GREEN),)),
    )


if __name__ == "__main__":
    main()
