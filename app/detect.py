"""Headless detection: every frame of videos, folders and images, in order, into one results file.

Nothing is skipped and nothing depends on the clock, so that the same input gives the same output on every run, however
many frames are worked on at once (`detector.pipeline`). Tracks and rows are made in order, by one thread.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Literal

import numpy as np
from tqdm import tqdm

from app import SOFTWARE
from app.capture import file_source
from detector.alerts import AlertFilter, AlertSettings
from detector.detections import Detections, Detector, DetectorInfo
from detector.errors import OutputError, PolypwatchError, SourceError
from detector.frame import Frame, FrameTime, Interruption, SourceInfo, SourceState
from detector.geometry import Size
from detector.pipeline import analyse, team
from detector.results import Box, FrameRow, ModelRef, ResultsHeader, ResultsWriter, boxes_of, common_time_base, ticks
from detector.runtime import MIN_SCORE


@dataclass(frozen=True, slots=True)
class DetectCounts:
    """What a run did: frames analysed, frames that could not be, and boxes listed."""

    frames: int = 0
    not_analysed: int = 0
    detections: int = 0


@dataclass(frozen=True, slots=True)
class _Input:
    path: Path
    info: SourceInfo


def run_detect(
    paths: list[Path],
    out: Path,
    detector: Detector,
    min_score: float | None = None,
    progress: bool = True,
    workers: int = 1,
) -> DetectCounts:
    """Analyse every frame of ``paths`` and write ``out`` (schema ``polypwatch.detect/1``).

    Args:
        paths: videos, folders of images, or images.
        out: the results file; it appears when the run is over.
        detector: what looks at the frames; open it with one thread where there are several workers on a CPU.
        min_score: lowest score to list; None takes the operating threshold.
        progress: show a progress bar on stderr.
        workers: how many frames are analysed at once; the results do not depend on it.

    Raises:
        SourceError: an input cannot be opened (before anything is written).
        OutputError: the results cannot be written.
    """
    info = detector.info
    lowest = info.threshold if min_score is None else max(min_score, MIN_SCORE)
    inputs = [_checked(path) for path in paths]
    if {out.resolve(), out.with_name(out.name + ".part").resolve()} & {path.resolve() for path in paths}:
        raise OutputError(f"The results would overwrite the input {out}.", "Choose another file for --json.")
    base = common_time_base(i.info.time_base for i in inputs if i.info.time_base is not None)
    header = ResultsHeader(
        model=ModelRef.of(info),
        software=SOFTWARE,
        threshold=info.threshold,
        min_score=lowest,
        provider=info.provider,
        time_base=base,
    )
    counts = DetectCounts()
    with ResultsWriter(out, header) as writer, _bar(inputs, progress) as advance:
        tracked_from = AlertSettings(threshold=info.threshold).feed_score
        rows = [Rows(path.as_posix(), path.is_dir(), info, lowest, base) for path in paths]
        with closing(analyse(_items(paths), team(detector, workers), min(lowest, tracked_from))) as analysed:
            for number, item, outcome in analysed:
                row = rows[number].row(item, outcome)
                writer.write(row)
                counts = _counted(counts, row)
                advance()
    return counts


class Rows:
    """The rows of one input; tracks begin anew with each.

    Args:
        name: of the input, for its rows; the frames of a folder have names of their own.
        in_folder: whether it is a folder.
        info: what answers.
        min_score: the lowest score to list.
        base: the results' time base.
        most: how many boxes of a frame are listed, the best; None lists all. With a number, tracks are made from what
            is listed and not from what was found, so that whoever reads the file makes the same tracks again.
    """

    def __init__(
        self,
        name: str,
        in_folder: bool,
        info: DetectorInfo,
        min_score: float,
        base: Fraction | None,
        most: int | None = None,
    ) -> None:
        self._name = name
        self._in_folder = in_folder
        self._most = most
        self._info = info
        self._min_score = min_score
        self._base = base
        self._alerts = AlertFilter(AlertSettings(threshold=info.threshold))

    def row(self, item: Frame | Interruption, outcome: Detections | PolypwatchError | None) -> FrameRow:
        """The next frame's; one that could not be read or analysed has a row that says so."""
        if isinstance(item, Interruption):
            return self._row(item, None, "undecodable", item.detail or "damaged")
        if not isinstance(outcome, Detections):
            return self._row(item, item.size, "failed", str(outcome))
        found = outcome if self._most is None else as_listed(outcome.above(self._min_score, self._most))
        tracks: tuple[int, ...] = ()
        if item.time is not None:
            tracks = self._alerts.update(found, item.time.seconds).tracking.ids
        return self._row(
            item, item.size, "ok", None, boxes_of(found.above(self._min_score), self._info.classes, tracks)
        )

    def anew(self) -> Rows:
        """The same at its beginning."""
        return Rows(self._name, self._in_folder, self._info, self._min_score, self._base, self._most)

    def again(self, row: FrameRow) -> None:
        """Take in a row of an earlier run, so that tracks go on behind it. Only where `most` is a number."""
        if row.status == "ok" and row.pts is not None and self._base is not None:
            time = FrameTime(row.pts, self._base)
            self._alerts.update(detections_of(row, self._info.classes, time), time.seconds)

    def _row(
        self,
        item: Frame | Interruption,
        size: Size | None,
        status: Literal["ok", "undecodable", "failed"],
        error: str | None,
        boxes: tuple[Box, ...] = (),
    ) -> FrameRow:
        return FrameRow(
            file=item.name if self._in_folder else self._name,
            index=item.index if item.index is not None else 0,
            pts=ticks(item.time, self._base),
            time_s=None if item.time is None else round(item.time.seconds, 6),
            width=size.width if size else None,
            height=size.height if size else None,
            status=status,
            error=error,
            detections=boxes,
        )


def _items(paths: Iterable[Path]) -> Iterator[tuple[int, Frame | Interruption]]:
    """Every frame of all inputs, and what is in place of one, with the number of its input."""
    for number, path in enumerate(paths):
        source = file_source(path)
        source.open()
        try:
            while not (isinstance(read := source.read(), Interruption) and read.state is SourceState.END):
                if isinstance(read, Interruption) and read.state is not SourceState.UNDECODABLE:
                    raise SourceError(f"{path}: {read.state.value} {read.detail}".rstrip() + ".")
                yield number, read
        finally:
            source.close()


def _checked(path: Path) -> _Input:
    """The input, opened and closed again: a missing or damaged one is found before the first is analysed."""
    source = file_source(path)
    try:
        return _Input(path, source.open())
    finally:
        source.close()


@contextmanager
def _bar(inputs: list[_Input], show: bool) -> Iterator[Callable[[], object]]:
    counts = [i.info.frame_count for i in inputs]
    total = None if None in counts else sum(c for c in counts if c is not None)
    with tqdm(total=total, unit="frame", file=sys.stderr, disable=not show) as bar:
        yield bar.update


def _counted(counts: DetectCounts, row: FrameRow) -> DetectCounts:
    missed = row.status != "ok"
    return DetectCounts(counts.frames + 1, counts.not_analysed + missed, counts.detections + len(row.detections))


def as_listed(found: Detections) -> Detections:
    """Detections as a results file holds them: corners rounded to a thousandth of a pixel."""
    # Rounded as `boxes_of` does it, which gives the same digits when it is asked to round these.
    rounded = [[round(x, 3) for x in box] for box in found.boxes.tolist()]
    return replace(found, boxes=np.array(rounded, np.float32).reshape(-1, 4))


def detections_of(row: FrameRow, classes: tuple[str, ...], time: FrameTime | None) -> Detections:
    """The detections that a row lists, as `as_listed` gave them.

    Raises:
        ValueError: it names a class that is none of ``classes``.
    """
    boxes = np.array([d.box for d in row.detections], np.float32).reshape(-1, 4)
    scores = np.array([d.score for d in row.detections], np.float32)
    kinds = np.array([classes.index(d.class_) for d in row.detections], np.int64)
    return Detections(row.index, time, boxes, scores, kinds)
