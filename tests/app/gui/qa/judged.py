"""Small procedures with labels and the answers of two models, and a desk that serves pages without a window.

Each film has a lesion in frames 50 to 149, reviewed throughout. Model 'red' finds it from frame 60 on, raises a false
alarm in 250 to 289 and follows something below its threshold in 350 to 389. Model 'blue' misses the lesion and raises a
false alarm in 400 to 429.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from PyQt6.QtCore import QObject, Qt, pyqtSignal

from app.gui.qa.pages import Tab
from app.qa.library.entries import ScanState
from app.qa.sessions import Lease, Sessions
from detector.annotation import Annotation, Lesion, Mark, MarkedFrame, ReviewedRange, Video, save_annotation
from detector.errors import PolypwatchError
from detector.results import Box, FrameRow, ModelRef, ResultsHeader, ResultsWriter
from tests.clips import paint_index, write_video

WIDTH, HEIGHT = 160, 96
FRAMES = 500
RATE = Fraction(25)
LESION = (40.0, 30.0, 80.0, 70.0)
ALARM = (100.0, 20.0, 130.0, 50.0)
LOW = (10.0, 60.0, 40.0, 90.0)
THRESHOLD = 0.5


def picture(index: int) -> np.ndarray:
    grey = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    return paint_index(grey, index)


def film(path: Path, frames: int = FRAMES) -> Path:
    options = {"preset": "ultrafast", "g": "25", "threads": "1"}
    write_video(path, map(picture, range(frames)), rate=RATE, options=options)
    return path


def red(index: int) -> list[tuple[tuple[float, float, float, float], float]]:
    if 60 <= index < 150:
        return [(LESION, 0.8)]
    if 250 <= index < 290:
        return [(ALARM, 0.7)]
    if 350 <= index < 390:
        return [(LOW, 0.35)]
    return []


def blue(index: int) -> list[tuple[tuple[float, float, float, float], float]]:
    return [(ALARM, 0.9)] if 400 <= index < 430 else []


def answer(video: Path, name: str, boxes: Callable[[int], Any], frames: int = FRAMES) -> Path:
    """A results file beside the video."""
    model = ModelRef(name=name, version="1.0", variant="fp32", sha256=hashlib.sha256(name.encode()).hexdigest())
    header = ResultsHeader(
        model=model, software="tests", threshold=THRESHOLD, min_score=0.01, provider="cpu", time_base=Fraction(1, 25)
    )
    path = video.with_name(f"{video.stem}.analysis-{name}-1.0-fp32.json")
    with ResultsWriter(path, header) as writer:
        for index in range(frames):
            found = tuple(Box(box=box, score=score, **{"class": "polyp"}, track=None) for box, score in boxes(index))
            writer.write(
                FrameRow(
                    file=video.name, index=index, pts=index, time_s=index / 25, width=WIDTH, height=HEIGHT,
                    status="ok", error=None, detections=found,
                )
            )  # fmt: skip
    return path


def label(video: Path, frames: int = FRAMES, size_mm: float | None = 7.0, reviewed: bool = True) -> Path:
    """Published labels beside the video."""
    sha256 = hashlib.sha256(video.read_bytes()).hexdigest()
    annotation = Annotation(
        software="tests",
        source="tests",
        video=Video(
            name=video.name, sha256=sha256, frame_count=frames, width=WIDTH, height=HEIGHT, time_base=Fraction(1, 25)
        ),
        lesions=(Lesion(id=1, paris="Is", size_mm=size_mm, note=""),),
        reviewed=(ReviewedRange(first=0, last=frames - 1, reviewer="Anna"),) if reviewed else (),
        frames=tuple(
            MarkedFrame(index=n, pts=n, marks=(Mark(lesion=1, state="clear", box=LESION, visibility=None),))
            for n in range(50, 150)
        ),
    )
    path = video.with_name(f"{video.stem}.annotation.json")
    save_annotation(path, annotation)
    return path


def procedures(folder: Path, count: int, *, labels: bool = True, models: bool = True) -> list[Path]:
    """So many films of one content."""
    folder.mkdir(parents=True, exist_ok=True)
    first = film(folder / "p01.mp4")
    paths = [first]
    for number in range(2, count + 1):
        path = folder / f"p{number:02}.mp4"
        path.write_bytes(first.read_bytes())
        paths.append(path)
    for path in paths:
        if models:
            answer(path, "red", red)
            answer(path, "blue", blue)
        if labels:
            label(path)
    return paths


class FakeLibrary:
    """A library of just these procedures."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.listed = list(paths)
        self.scan_state = ScanState()

    def paths(self) -> list[Path]:
        return list(self.listed)


class _Errand(QObject):
    done = pyqtSignal(object)
    failed = pyqtSignal(object)


class TestDesk(QObject):
    """What a window gives its pages, with real sessions; remembers what it was asked for."""

    __test__ = False

    def __init__(self, paths: Sequence[Path], *, blinded: bool = False, reviews: Path | None = None) -> None:
        super().__init__()
        self.reviewer = "Anna Rossi"
        self.blinded = blinded
        self.reviews = reviews
        self.library = FakeLibrary(paths)
        self.sessions = Sessions(self.reviewer, blinded=blinded, folder=reviews)
        self.opened: list[tuple[Path, int | None, tuple[Path, ...]]] = []
        self.said: list[tuple[str, bool]] = []
        self.tabs: list[Tab] = []
        self.figures_of: list[tuple[Path, ...]] = []
        self.analysed: list[tuple[Path, ...]] = []
        self._errands: list[_Errand] = []

    def open(self, path: Path, position: int | None = None, *, results: Sequence[Path] = ()) -> None:
        self.opened.append((path, position, tuple(results)))

    def show_tab(self, tab: Tab) -> None:
        self.tabs.append(tab)

    def show_figures(self, paths: Sequence[Path]) -> None:
        self.figures_of.append(tuple(paths))

    def analyse(self, paths: Sequence[Path], model: str = "") -> None:
        self.analysed.append(tuple(paths))

    def notify(self, text: str, todo: str = "", *, trouble: bool = False) -> None:
        self.said.append((f"{text} {todo}".strip(), trouble))

    def run_in_background(
        self,
        work: Callable[[], Any],
        done: Callable[[Any], object],
        failed: Callable[[PolypwatchError], object] | None = None,
        *,
        owner: QObject,
    ) -> _Errand:
        errand = _Errand(owner)
        errand.done.connect(done, Qt.ConnectionType.QueuedConnection)
        errand.failed.connect(failed or (lambda error: self.notify(str(error), trouble=True)))
        self._errands.append(errand)

        def run() -> None:
            with contextlib.suppress(RuntimeError):  # whoever asked is gone
                try:
                    found = work()
                except PolypwatchError as error:
                    errand.failed.emit(error)
                    return
                errand.done.emit(found)

        threading.Thread(target=run, daemon=True).start()
        return errand

    def lease(self, path: Path) -> Lease:
        return self.sessions.lease(path)
