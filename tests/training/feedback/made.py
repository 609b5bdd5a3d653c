"""Small procedures with labels, and models that answer by a script or really see red."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np

from detector.annotation import Annotation, Lesion, Mark, MarkedFrame, ReviewedRange, Video, save_annotation
from detector.detections import Detections, DetectorInfo
from detector.frame import Frame
from detector.geometry import as_boxes
from tests.clips import write_video
from tests.training.miniature import scene

SIZE = (160, 120)
Box = tuple[float, float, float, float]


def write_procedure(
    path: Path,
    boxes: Mapping[int, Box],
    count: int = 50,
    reviewed: Sequence[tuple[int, int]] | None = None,
    seed: int = 1,
    decoys: Mapping[int, Box] | None = None,
) -> Path:
    """A video of `count` frames at 25 frames/s with a bright ellipse in `boxes` (lesion 1), and its labels beside it.

    `decoys` are ellipses that nobody labelled.
    """
    shown = {**(decoys or {}), **boxes}

    def frame(i: int) -> np.ndarray:
        box = shown.get(i)
        return scene(seed, SIZE, None if box is None else tuple(int(v) for v in box))[0]

    path.parent.mkdir(parents=True, exist_ok=True)
    write_video(path, (frame(i) for i in range(count)))
    marked = [
        MarkedFrame(index=i, pts=None, marks=(Mark(lesion=1, state="clear", box=tuple(b), visibility=None),))
        for i, b in sorted(boxes.items())
    ]
    looked_at = [(0, count - 1)] if reviewed is None else reviewed
    annotation = Annotation(
        software="test",
        source="made up",
        video=Video(
            name=path.name,
            sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
            frame_count=count,
            width=SIZE[0],
            height=SIZE[1],
            time_base=Fraction(1, 25),
        ),
        lesions=(Lesion(id=1, paris=None, size_mm=None, note=""),) if boxes else (),
        reviewed=tuple(ReviewedRange(first=a, last=b, reviewer="A") for a, b in looked_at),
        frames=tuple(marked),
    )
    save_annotation(path.with_suffix(".json"), annotation)
    return path


class Scripted:
    """Answers frame by frame: boxes with scores."""

    info = DetectorInfo("scripted", "1", "cpu", "0" * 64, 0.5, ("polyp",), "cpu")

    def __init__(self, answers: Mapping[int, Sequence[tuple[Box, float]]]) -> None:
        self.answers = answers
        self.asked: list[int] = []

    def detect(self, frame: Frame, min_score: float | None = None) -> Detections:
        self.asked.append(frame.index)
        found = sorted(self.answers.get(frame.index, ()), key=lambda x: -x[1])
        scores = np.array([s for _, s in found], np.float32)
        return Detections(frame.index, None, as_boxes([b for b, _ in found]), scores, np.zeros(len(found), np.int64))
