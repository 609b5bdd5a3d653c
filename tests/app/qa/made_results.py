"""Results made up for videos with labels: boxes that follow the truth with a jitter, weak ones, and false alarms."""

import hashlib
import shutil
from fractions import Fraction
from pathlib import Path

import numpy as np

from app.phantom import bundled
from app.qa.answers import ANALYSED, Candidates
from detector.annotation import (
    Annotation,
    Lesion,
    Mark,
    MarkedFrame,
    ReviewedRange,
    Video,
    load_annotation,
    save_annotation,
)
from detector.geometry import as_boxes
from detector.results import Box, FrameRow, ModelRef, ResultsHeader, ResultsWriter
from detector.scoring.columns import starts_of

MODEL = ModelRef(name="scripted", version="1", variant="fp32", sha256="5" * 64)
THRESHOLD = 0.5


def found_in(annotation: Annotation, seed: int = 1, missed: frozenset[int] = frozenset()) -> list[list[tuple]]:
    """Per frame rows of x1, y1, x2, y2, score, best first: what a middling detector might say."""
    rng = np.random.default_rng(seed)
    video = annotation.video
    frames: list[list[tuple]] = [[] for _ in range(video.frame_count)]
    for frame in annotation.frames:
        for mark in frame.marks:
            if mark.lesion in missed or rng.random() < 0.15:
                continue
            jitter = rng.normal(0, 6, 4)
            x1, y1, x2, y2 = (np.array(mark.box) + jitter).clip(0, [video.width, video.height] * 2).tolist()
            frames[frame.index].append((x1, y1, max(x1, x2), max(y1, y2), float(rng.uniform(0.25, 0.98))))
    for begin in rng.integers(0, video.frame_count - 40, 12):
        x, y = rng.uniform(0, video.width - 200), rng.uniform(0, video.height - 200)
        for k in range(begin, begin + int(rng.integers(3, 40))):
            frames[k].append((x, y, x + 120, y + 90, float(rng.uniform(0.4, 0.8))))
    for k in range(0, video.frame_count, 7):
        frames[k].append((5.0, 5.0, 60.0, 40.0, 0.03))
    return [sorted(rows, key=lambda row: -row[4]) for rows in frames]


def write_results(
    path: Path,
    video: Path,
    frames: list[list[tuple]],
    *,
    model: ModelRef = MODEL,
    threshold: float = THRESHOLD,
    statuses: dict[int, str] | None = None,
    skipped: frozenset[int] = frozenset(),
) -> Path:
    """A results file of a video."""
    header = ResultsHeader(
        model=model, software="test", threshold=threshold, min_score=0.01, provider="cpu", time_base=None
    )
    with ResultsWriter(path, header) as writer:
        for k, rows in enumerate(frames):
            if k in skipped:
                continue
            status = (statuses or {}).get(k, "ok")
            boxes = tuple(Box(box=row[:4], score=row[4], class_="polyp", track=None) for row in rows)
            writer.write(
                FrameRow(
                    file=str(video),
                    index=k,
                    pts=None,
                    time_s=None,
                    width=None,
                    height=None,
                    status=status,
                    error=None if status == "ok" else "broken",
                    detections=boxes if status == "ok" else (),
                )
            )
    return path


def candidates_of(frames: list[list[tuple]], statuses: np.ndarray | None = None) -> Candidates:
    """The same without a file."""
    rows = [row for frame in frames for row in frame]
    return Candidates(
        label="scripted 1 fp32",
        origin="analysis",
        file=Path("analysis.json"),
        model=MODEL,
        threshold=THRESHOLD,
        min_score=0.01,
        classes=("polyp",),
        status=np.full(len(frames), ANALYSED, np.uint8) if statuses is None else statuses,
        offsets=starts_of(np.array([len(f) for f in frames], np.int64)),
        boxes=as_boxes([row[:4] for row in rows]),
        scores=np.array([row[4] for row in rows], np.float32),
        kinds=np.zeros(len(rows), np.uint8),
    )


def phantom_with_results(folder: Path, seed: int = 1) -> Path:
    """The bundled film with its truth and results beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    files = bundled()
    video = folder / "phantom.mp4"
    shutil.copy(files.video, video)
    shutil.copy(files.annotation, folder / "phantom.json")
    write_results(
        folder / "phantom.analysis-scripted-1-fp32.json", video, found_in(load_annotation(files.annotation), seed)
    )
    return video


def annotate(
    video: Path,
    out: Path,
    frames: int,
    boxes: dict[int, dict[int, tuple[float, float, float, float]]],
    *,
    size: tuple[int, int] = (160, 96),
    reviewed: tuple[tuple[int, int], ...] | None = None,
    marginal: frozenset[int] = frozenset(),
    lesions: dict[int, dict] | None = None,
) -> Annotation:
    """Labels of a video: boxes by frame and lesion; in `marginal` frames they are marginal."""
    ids = sorted({k for marks in boxes.values() for k in marks})
    made = Annotation(
        software="test",
        source="reader A",
        video=Video(
            name=video.name,
            sha256=hashlib.sha256(video.read_bytes()).hexdigest(),
            frame_count=frames,
            width=size[0],
            height=size[1],
            time_base=Fraction(1, 1000),
        ),
        lesions=tuple(
            Lesion(**({"id": k, "paris": None, "size_mm": None, "note": ""} | (lesions or {}).get(k, {}))) for k in ids
        ),
        reviewed=tuple(ReviewedRange(first=a, last=b, reviewer="A") for a, b in reviewed or ((0, frames - 1),)),
        frames=tuple(
            MarkedFrame(
                index=k,
                pts=None,
                marks=tuple(
                    Mark(lesion=n, state="marginal" if k in marginal else "clear", box=box, visibility=None)
                    for n, box in sorted(marks.items())
                ),
            )
            for k, marks in sorted(boxes.items())
            if marks
        ),
    )
    save_annotation(out, made)
    return made


def red_boxes(frames: int, first: int = 0) -> dict[int, dict[int, tuple[float, float, float, float]]]:
    """Where the red square of `tests.app.qa.films` is: one lesion until it goes, another when it comes back."""
    found = {}
    for k in range(frames):
        index = first + k
        if index % 40 < 30:
            x = 10.0 + index % 90
            found[k] = {index // 40 + 1: (x, 30.0, min(160.0, x + 30), 60.0)}
    return found


def jittered(annotation: Annotation, seed: int) -> list[list[tuple]]:
    """Boxes near the truth, some missed, and a false alarm of a second."""
    rng = np.random.default_rng(seed)
    frames: list[list[tuple]] = [[] for _ in range(annotation.video.frame_count)]
    for frame in annotation.frames:
        for mark in frame.marks:
            if rng.random() < 0.8:
                x1, y1, x2, y2 = np.round(np.array(mark.box) + rng.normal(0, 2.5, 4), 2).tolist()
                box = (min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2))
                frames[frame.index].append((*box, float(np.round(rng.uniform(0.3, 0.99), 4))))
    begin = int(rng.integers(0, max(1, len(frames) - 30)))
    for k in range(begin, min(len(frames), begin + 26)):
        frames[k].append((2.0, 70.0, 30.0, 92.0, float(np.round(rng.uniform(0.45, 0.9), 4))))
    return [sorted(rows, key=lambda row: -row[4]) for rows in frames]
