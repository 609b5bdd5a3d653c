"""What a live run leaves behind: the results file, and a summary in words and as JSON. No Qt here."""

from __future__ import annotations

import json
import platform
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from app import RESEARCH_USE, SOFTWARE
from app.overlay import AnalysedFrame, FailedFrame
from app.snapshot import LiveSnapshot
from app.synchrony import SyncState
from detector.detections import DetectorInfo
from detector.errors import OutputError
from detector.frame import SourceInfo
from detector.results import FrameRow, ModelRef, ResultsHeader, ResultsWriter, boxes_of, ticks

SUMMARY_SCHEMA = "polypwatch.summary/1"
# Stored candidates: enough to ask later what another threshold would have shown.
LISTED_SCORE = 0.01
LISTED_BOXES = 20


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Milliseconds; None where nothing was measured."""

    p50: float | None
    p95: float | None
    p99: float | None

    @classmethod
    def of_ns(cls, values_ns: list[int]) -> Percentiles:
        """The percentiles of times in nanoseconds."""
        if not values_ns:
            return cls(None, None, None)
        p50, p95, p99 = (round(float(v) / 1e6, 2) for v in np.percentile(values_ns, [50, 95, 99]))
        return cls(p50, p95, p99)

    def __str__(self) -> str:
        if self.p50 is None:
            return "not measured"
        return f"p50 {self.p50:.1f} ms, p95 {self.p95:.1f} ms, p99 {self.p99:.1f} ms"


@dataclass(frozen=True, slots=True)
class Synchronised:
    """The synchronised mode of a run in figures.

    Attributes:
        with_own_boxes: pictures that were shown together with their own result.
        without_own_boxes: pictures that were shown without, or left out.
        ended: why the mode ended by itself; empty if it did not.
    """

    with_own_boxes: int
    without_own_boxes: int
    ended: str

    def __str__(self) -> str:
        words = f"{self.with_own_boxes} pictures with their own boxes, {self.without_own_boxes} without"
        return f"{words}; {self.ended}" if self.ended else words


@dataclass(frozen=True, slots=True)
class Summary:
    """A live run in figures.

    Attributes:
        source: its label.
        source_status: how it ended.
        frames: pictures delivered by the source.
        undecodable: damaged pictures.
        painted: pictures that reached the screen.
        analysed: frames with a result.
        skipped: frames that the AI never saw because a newer one was there.
        failed: frames on which the AI failed.
        ai_restarts: restarts of the AI process.
        detections: boxes at or above the operating threshold, over all analysed frames.
        frames_with_marker: analysed frames after which at least one marker was on the screen.
        alerts: markers that appeared.
        latency_ms: from capture to result.
        paint_ms: from capture to painted.
        model: name, version and variant.
        provider: the execution provider that ran, and why.
        threshold: the operating threshold.
        sha256: of the model's file.
        machine: processor and operating system.
        synchronised: what came of the synchronised mode; None if it was not asked for.
        picture: what was done to the picture before anyone saw it, in sentences.
    """

    source: str
    source_status: str
    frames: int
    undecodable: int
    painted: int
    analysed: int
    skipped: int
    failed: int
    ai_restarts: int
    detections: int
    frames_with_marker: int
    alerts: int
    latency_ms: Percentiles
    paint_ms: Percentiles
    model: str
    provider: str
    threshold: float | None
    sha256: str
    machine: str = field(default_factory=lambda: f"{platform.machine()}, {platform.system()} {platform.release()}")
    synchronised: Synchronised | None = None
    picture: tuple[str, ...] = ()

    def as_text(self) -> str:
        """The summary as a page to read."""
        rows = (
            ("Source", f"{self.source} ({self.source_status})"),
            *(("Picture", sentence) for sentence in self.picture),
            ("Model", self.model + ("" if self.threshold is None else f", threshold {self.threshold:.3f}")),
            ("Provider", self.provider),
            ("Frames", f"{self.frames} shown by the source, {self.painted} painted, {self.undecodable} undecodable"),
            ("AI", f"{self.analysed} analysed, {self.skipped} skipped, {self.failed} failed"),
            ("AI restarts", str(self.ai_restarts)),
            ("Detections", f"{self.detections} boxes at the threshold in {self.analysed} analysed frames"),
            ("Alerts", f"{self.alerts} markers appeared; a marker stood on {self.frames_with_marker} analysed frames"),
            ("Capture to result", str(self.latency_ms)),
            ("Capture to paint", str(self.paint_ms)),
            *([("Synchronised", str(self.synchronised))] if self.synchronised else []),
            ("Machine", self.machine),
            ("Software", SOFTWARE),
        )
        return "\n".join(f"{name + ':':<19}{value}" for name, value in rows) + f"\n{RESEARCH_USE}.\n"

    def as_json(self) -> str:
        """The summary as one JSON object."""
        fields = {"schema": SUMMARY_SCHEMA, "software": SOFTWARE, "notice": RESEARCH_USE, **asdict(self)}
        return json.dumps(fields, indent=2, ensure_ascii=False) + "\n"


class RunLog:
    """Collects a live run: streams results to disk as they come, and keeps what the summary needs.

    Args:
        folder: where ``results.json`` and the summary go; it must exist.
        source_info: gives what is known of the source; asked once, at the first result.
    """

    def __init__(self, folder: Path, source_info: Callable[[], SourceInfo | None]) -> None:
        self.results_path = folder / "results.json"
        self._folder = folder
        self._source_info = source_info
        self._lock = threading.Lock()
        self._writer: ResultsWriter | None = None
        self._info: DetectorInfo | None = None
        self._latencies_ns: list[int] = []
        self._paints_ns: list[int] = []
        self._last_painted = -1
        self._detections = 0
        self._with_marker = 0
        self._failed_early: list[FailedFrame] = []
        self._error: OutputError | None = None

    def analysed(self, item: AnalysedFrame | FailedFrame) -> None:
        """Take in a result; the session calls this from the AI's supervisor thread."""
        with self._lock:
            if self._error is not None:
                return
            try:
                self._take(item)
            except OutputError as error:  # shown at the end of the run: it must not stop the picture
                self._error = error

    def painted(self, index: int, captured_ns: int, painted_ns: int) -> None:
        """Take in a paint; only the first one of each frame counts."""
        if index != self._last_painted:
            self._last_painted = index
            self._paints_ns.append(painted_ns - captured_ns)

    def finish(self, last: LiveSnapshot) -> Summary:
        """Close the results, and write ``summary.json`` and ``summary.txt``.

        Raises:
            OutputError: something could not be written.
        """
        with self._lock:
            writer, self._writer = self._writer, None
        if writer is not None:
            writer.__exit__(None, None, None)
        if self._error is not None:
            raise self._error
        summary = self._summary(last)
        for name, text in (("summary.json", summary.as_json()), ("summary.txt", summary.as_text())):
            try:
                (self._folder / name).write_text(text, encoding="utf-8")
            except OSError as error:
                raise OutputError(f"Cannot write {self._folder / name}: {error}.", "Is the disk full?") from error
        return summary

    def _take(self, item: AnalysedFrame | FailedFrame) -> None:
        if isinstance(item, FailedFrame):
            if self._writer is None:
                self._failed_early.append(item)
            else:
                self._writer.write(self._row(item))
            return
        if self._writer is None:
            self._open(item)
        assert self._writer is not None
        self._writer.write(self._row(item))
        self._latencies_ns.append(item.received_ns - item.captured_ns)
        self._detections += len(item.detections.above(item.info.threshold))
        self._with_marker += bool(item.update.markers)

    def _open(self, first: AnalysedFrame) -> None:
        source = self._source_info()
        self._info = first.info
        header = ResultsHeader(
            model=ModelRef.of(first.info),
            software=SOFTWARE,
            threshold=first.info.threshold,
            min_score=LISTED_SCORE,
            provider=first.info.provider,
            time_base=source.time_base if source else None,
        )
        self._writer = ResultsWriter(self.results_path, header)
        for failed in self._failed_early:
            self._writer.write(self._row(failed))
        self._failed_early.clear()

    def _row(self, item: AnalysedFrame | FailedFrame) -> FrameRow:
        """A results row; frames that the AI never saw have none."""
        source = self._source_info()
        label = source.label if source else ""
        size = item.size
        if isinstance(item, FailedFrame):
            return FrameRow(
                file=item.name or label,
                index=item.index,
                pts=None,
                time_s=None,
                width=size.width,
                height=size.height,
                status="failed",
                error=item.message,
                detections=(),
            )
        found = item.detections.above(LISTED_SCORE, at_most=LISTED_BOXES)
        time = found.time
        return FrameRow(
            file=item.name or label,
            index=found.frame_index,
            pts=ticks(time, source.time_base if source else None),
            time_s=None if time is None else round(time.seconds, 6),
            width=size.width,
            height=size.height,
            status="ok",
            error=None,
            detections=boxes_of(found, item.info.classes, item.update.tracking.ids),
        )

    def _summary(self, last: LiveSnapshot) -> Summary:
        info, sync = self._info, last.sync
        return Summary(
            source=last.source.label,
            source_status=last.source.status.value,
            frames=last.source.frames,
            undecodable=last.source.undecodable,
            painted=len(self._paints_ns),
            analysed=len(self._latencies_ns),
            skipped=last.ai.skipped,
            failed=last.ai.failed,
            ai_restarts=last.ai.restarts,
            detections=self._detections,
            frames_with_marker=self._with_marker,
            alerts=last.new_alerts,
            latency_ms=Percentiles.of_ns(self._latencies_ns),
            paint_ms=Percentiles.of_ns(self._paints_ns),
            model=f"{info.model} {info.version} ({info.variant})" if info else "none came up",
            provider=f"{info.provider} ({info.provider_reason or 'as asked'})" if info else "none",
            picture=last.source.picture,
            threshold=info.threshold if info else None,
            sha256=info.sha256 if info else "",
            synchronised=None
            if sync.state is SyncState.OFF
            else Synchronised(sync.with_boxes, sync.without_boxes, sync.detail),
        )
