"""Procedures made of a few boxes: what a model said, what was shown, what was marked."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.qa.answers import ANALYSED, Candidates, Shown
from app.qa.axis import FrameAxis, plain_axis
from app.qa.worklist.answers import Answer
from app.qa.worklist.clips import Corners
from app.qa.worklist.evidence import Evidence, Found, nothing_known
from detector.geometry import as_boxes
from detector.results import ModelRef

RATE = 25
HERE: Corners = (100.0, 100.0, 200.0, 200.0)
THERE: Corners = (400.0, 300.0, 480.0, 380.0)


@dataclass(frozen=True)
class Said:
    """A box that stands still for a while.

    Attributes:
        at_s: from when on.
        for_s: how long.
        score: of every frame.
        box: where.
        track: id of the marker, for what was shown.
    """

    at_s: float
    for_s: float
    score: float = 0.9
    box: Corners = HERE
    track: int = 1


def axis_of(seconds: float) -> FrameAxis:
    count = round(seconds * RATE)
    return plain_axis(np.arange(count) / RATE, count / RATE)


def _rows(said: Sequence[Said], count: int) -> tuple[np.ndarray, list[tuple[Said, int]]]:
    by_frame: list[list[Said]] = [[] for _ in range(count)]
    for each in said:
        for n in range(round(each.at_s * RATE), min(count, round((each.at_s + each.for_s) * RATE))):
            by_frame[n].append(each)
    ordered = [sorted(frame, key=lambda x: -x.score) for frame in by_frame]
    offsets = np.concatenate(([0], np.cumsum([len(frame) for frame in ordered]))).astype(np.int64)
    return offsets, [(x, n) for n, frame in enumerate(ordered) for x in frame]


def candidates(axis: FrameAxis, said: Sequence[Said], name: str = "fast", threshold: float = 0.5) -> Candidates:
    offsets, rows = _rows(said, len(axis))
    ref = ModelRef(name=name, version="1", variant="fp32", sha256=name.encode().hex().ljust(64, "0"))
    return Candidates(
        f"{name} 1 fp32",
        "analysis",
        Path("results.json"),
        ref,
        threshold,
        0.01,
        ("polyp",),
        np.full(len(axis), ANALYSED, np.uint8),
        offsets,
        as_boxes([x.box for x, _ in rows]),
        np.array([x.score for x, _ in rows], np.float32),
        np.zeros(len(rows), np.uint8),
    )


def shown(axis: FrameAxis, said: Sequence[Said], name: str = "fast") -> Shown:
    offsets, rows = _rows(said, len(axis))
    return Shown(
        f"{name} 1 fp32",
        "live",
        np.full(len(axis), ANALYSED, np.uint8),
        offsets,
        as_boxes([x.box for x, _ in rows]),
        np.array([x.score for x, _ in rows], np.float32),
        np.array([x.track for x, _ in rows], np.int64),
    )


def evidence(
    seconds: float = 120.0,
    said: Sequence[Said] | None = (),
    alarms: Sequence[Said] = (),
    marks_s: Sequence[float] | None = None,
    others: Sequence[Said] | None = None,
    answers: Sequence[Answer] = (),
    known=nothing_known,
    procedure: Path = Path("/ward/a"),
) -> Evidence:
    """One procedure; ``others`` are the alarms of a second model."""
    axis = axis_of(seconds)
    stood = [shown(axis, alarms)]
    if others is not None:
        stood.append(shown(axis, others, "accurate"))
    found = None if marks_s is None else tuple(Found(axis.at(s), n + 1) for n, s in enumerate(marks_s))
    said_ = () if said is None else (candidates(axis, said),)
    return Evidence(procedure, axis, said_, tuple(stood), found, np.ones(len(axis), np.bool_), tuple(answers), known)
