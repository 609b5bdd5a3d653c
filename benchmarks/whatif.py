"""How quickly the figures of all procedures follow a slider: forty made procedures of 25 minutes.

    python -m benchmarks.whatif [--quick] [--procedures 40] [--minutes 25] [--processes N] [--json FILE]

The candidates are made, with the density of a real examination as far as it is published: per procedure 101 false
activations, 88 % of which last up to 6 frames at 30 frames/s (GI Genius as measured by third parties, docs/design.md),
three lesions of 20 s each, found in four frames of five, weak boxes around every other (score .05 to .3) in one frame
of four, and one of noise (below .05) in half of the frames. Times are by the clock; the machine's load stands beside.

baseline    the first call of all; the processes are started meanwhile
cold        a threshold far from those that were tried
drag        a threshold that moves by .01, twenty times
back        a threshold that was tried already
hold        another hold time at the operating point: every stretch is run anew
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from app.qa.facts import ProcedureFacts
from app.qa.marking import Marking
from app.qa.scored import Scored
from app.qa.whatif import WhatIf
from benchmarks.tables import busy, machine
from detector.alerts import AlertSettings
from detector.geometry import Size, as_boxes
from detector.scoring import AnswerColumns, Recording, TruthColumns
from detector.scoring.columns import starts_of
from detector.tracking import TrackingSettings

RATE = 25
SIZE = Size(1280, 1024)
THRESHOLD = 0.5
_FALSE_ALARMS = 101
_SHORT_SHARE = 0.88
_LESIONS, _LESION_S = 3, 20.0


def made_procedure(number: int, minutes: float) -> Scored:
    """Labels and candidates of one procedure; a pure function of its arguments."""
    rng = np.random.default_rng(number)
    count = int(minutes * 60 * RATE)
    boxes: list[list[tuple[float, ...]]] = [[] for _ in range(count)]
    truth = _lesions(rng, count, boxes)
    for _ in range(round(_FALSE_ALARMS * minutes / 25)):
        short = rng.random() < _SHORT_SHARE
        length = int(rng.integers(1, 6)) if short else int(rng.integers(8, 60))
        _follow(rng, boxes, int(rng.integers(0, count - length)), length, 1.0, (0.35, 0.95))
    for _ in range(count // 40):  # weak ones, ten frames each: one frame of four
        _follow(rng, boxes, int(rng.integers(0, count - 10)), 10, 1.0, (0.05, 0.3))
    for k in np.flatnonzero(rng.random(count) < 0.5).tolist():
        _follow(rng, boxes, k, 1, 1.0, (0.01, 0.05))
    for rows in boxes:
        rows.sort(key=lambda row: -row[4])
    flat = [row for rows in boxes for row in rows]
    answers = AnswerColumns(
        starts_of(np.array([len(rows) for rows in boxes], np.int64)),
        as_boxes([row[:4] for row in flat]),
        np.array([row[4] for row in flat], np.float32),
        None,
        np.zeros(count, np.uint8),
    )
    name = f"procedure {number:03d}"
    times_s = np.arange(count) / RATE
    raw = Recording(name, name, SIZE, times_s, count / RATE, truth, answers)
    return Scored(Path(name), name, raw, None, THRESHOLD, None, "made", "0" * 64, {}, ProcedureFacts(), Marking(raw))


def _lesions(rng: np.random.Generator, count: int, boxes: list[list[tuple[float, ...]]]) -> TruthColumns:
    """Three lesions that drift, found in four frames of five."""
    length = int(_LESION_S * RATE)
    marked: dict[int, tuple[tuple[float, ...], int]] = {}
    for lesion, start in enumerate(np.linspace(0.2, 0.8, _LESIONS)):
        first = int(start * (count - length))
        at = rng.uniform(200, 700, 2)
        for k in range(first, first + length):
            at = at + rng.normal(0, 4, 2)
            box = (at[0], at[1], at[0] + 180.0, at[1] + 150.0)
            marked[k] = (box, lesion)
            if rng.random() < 0.8:
                shift = rng.normal(0, 8, 4)
                boxes[k].append((*(float(v) for v in np.array(box) + shift), float(rng.uniform(0.3, 0.98))))
    per_frame = np.zeros(count, np.int64)
    per_frame[list(marked)] = 1
    nothing = np.zeros(count + 1, np.int64)
    rows = [marked[k] for k in sorted(marked)]
    names = tuple(str(n + 1) for n in range(_LESIONS))
    return TruthColumns(
        np.ones(count, bool),
        starts_of(per_frame),
        as_boxes([box for box, _ in rows]),
        np.array([lesion for _, lesion in rows], np.int64),
        names,
        nothing,
        as_boxes([]),
    )


def _follow(
    rng: np.random.Generator,
    boxes: list[list[tuple[float, ...]]],
    first: int,
    length: int,
    share: float,
    scores: tuple[float, float],
) -> None:
    """A box that stays for some frames."""
    x, y = rng.uniform(0, 900), rng.uniform(0, 700)
    w, h = rng.uniform(60, 300, 2)
    for k in range(first, first + length):
        if rng.random() <= share:
            dx, dy = rng.normal(0, 3, 2)
            boxes[k].append(tuple(map(float, (x + dx, y + dy, x + dx + w, y + dy + h, rng.uniform(*scores)))))


def measured(procedures: Sequence[Scored], processes: int | None) -> dict[str, Any]:
    """Seconds of each kind of wish."""
    trial = WhatIf(procedures, processes=processes)
    found: dict[str, Any] = {}
    found["baseline_s"] = _timed(lambda: trial.at(AlertSettings(THRESHOLD)))
    found["cold_s"] = [_timed(lambda t=t: trial.at(AlertSettings(t))) for t in (0.4, 0.65, 0.3)]
    drags = [THRESHOLD + 0.01 * k for k in range(1, 21)]
    found["drag_s"] = [_timed(lambda t=t: trial.at(AlertSettings(t))) for t in drags]
    found["back_s"] = _timed(lambda: trial.at(AlertSettings(drags[-1])))
    hold = TrackingSettings(max_gap_s=0.5)
    found["hold_s"] = _timed(lambda: trial.at(AlertSettings(THRESHOLD, tracking=hold)))
    first: list[float] = []
    begun_s = time.perf_counter()
    trial.at(AlertSettings(0.45, min_seen_s=0.4), tell=lambda _: first.append(time.perf_counter() - begun_s))
    found["first_partial_s"] = first[0] if first else None
    return found


def _timed(work: Callable[[], object]) -> float:
    begun_s = time.perf_counter()
    work()
    return time.perf_counter() - begun_s


def main(argv: Sequence[str] | None = None) -> None:
    """Make, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="four procedures of five minutes")
    parser.add_argument("--procedures", type=int, default=40)
    parser.add_argument("--minutes", type=float, default=25.0)
    parser.add_argument("--processes", type=int, help="default: as in the window")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args(argv)
    count, minutes = (4, 5.0) if args.quick else (args.procedures, args.minutes)
    before = machine()
    procedures = [made_procedure(k, minutes) for k in range(count)]
    frames = sum(len(p.raw.times_s) for p in procedures)
    boxes = sum(len(AnswerColumns.of(p.raw.answers).boxes) for p in procedures)
    print(f"{count} procedures of {minutes:g} minutes: {frames} frames, {boxes / frames:.2f} candidates a frame")
    found = measured(procedures, args.processes)
    for name, value in found.items():
        shown = value if isinstance(value, list) else [value]
        known = [v for v in shown if v is not None]
        if known:
            print(f"{name:<16} median {np.median(known):.2f}  longest {max(known):.2f}")
    print("\n".join(busy(before)))
    if args.json:
        content = {"procedures": count, "minutes": minutes, "frames": frames, "candidates": boxes, "machine": before}
        args.json.write_text(json.dumps(content | found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
