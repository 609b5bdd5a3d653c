"""Headless detection: every frame of videos, folders and images, in order, into one results file.

Nothing is skipped and nothing depends on the clock, so that the same input gives the same output on every run.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

from tqdm import tqdm

from app import SOFTWARE
from app.capture import file_source
from detector.alerts import AlertFilter, AlertSettings
from detector.detections import Detector
from detector.errors import OutputError, PolypwatchError, SourceError
from detector.frame import Frame, Interruption, SourceInfo, SourceState
from detector.geometry import Size
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
    paths: list[Path], out: Path, detector: Detector, min_score: float | None = None, progress: bool = True
) -> DetectCounts:
    """Analyse every frame of ``paths`` and write ``out`` (schema ``polypwatch.detect/1``).

    Args:
        paths: videos, folders of images, or images.
        out: the results file; it appears when the run is over.
        detector: what looks at the frames.
        min_score: lowest score to list; None takes the operating threshold.
        progress: show a progress bar on stderr.

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
        for item in inputs:
            for row in _Analysis(item.path, detector, lowest, base).rows():
                writer.write(row)
                counts = _counted(counts, row)
                advance()
    return counts


class _Analysis:
    """One input, frame by frame; tracks begin anew with each video."""

    def __init__(self, path: Path, detector: Detector, min_score: float, base: Fraction | None) -> None:
        self._path = path
        self._detector = detector
        self._min_score = min_score
        self._base = base
        self._alerts = AlertFilter(AlertSettings(threshold=detector.info.threshold))

    def rows(self) -> Iterator[FrameRow]:
        """One row per frame, in order; a frame that could not be read or analysed has a row that says so."""
        source = file_source(self._path)
        source.open()
        try:
            while True:
                read = source.read()
                if isinstance(read, Frame):
                    yield self._analysed(read)
                elif read.state is SourceState.UNDECODABLE:
                    yield self._row(read, None, "undecodable", read.detail or "damaged")
                elif read.state is SourceState.END:
                    return
                else:
                    raise SourceError(f"{self._path}: {read.state.value} {read.detail}".rstrip() + ".")
        finally:
            source.close()

    def _analysed(self, frame: Frame) -> FrameRow:
        feed = min(self._min_score, self._alerts.settings.feed_score)
        size = frame.size
        try:
            detections = self._detector.detect(frame, feed)
        except PolypwatchError as problem:
            return self._row(frame, size, "failed", str(problem))
        tracks: tuple[int, ...] = ()
        if frame.time is not None:
            tracks = self._alerts.update(detections, frame.time.seconds).tracking.ids
        boxes = boxes_of(detections.above(self._min_score), self._detector.info.classes, tracks)
        return self._row(frame, size, "ok", None, boxes)

    def _row(
        self,
        item: Frame | Interruption,
        size: Size | None,
        status: Literal["ok", "undecodable", "failed"],
        error: str | None,
        boxes: tuple[Box, ...] = (),
    ) -> FrameRow:
        in_folder = self._path.is_dir()
        return FrameRow(
            file=item.name if in_folder else self._path.as_posix(),
            index=item.index if item.index is not None else 0,
            pts=ticks(item.time, self._base),
            time_s=None if item.time is None else round(item.time.seconds, 6),
            width=size.width if size else None,
            height=size.height if size else None,
            status=status,
            error=error,
            detections=boxes,
        )


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
