"""A procedure analysed anew by a model, into a results file beside it that QA compares, scores and makes clips from.

The file is of schema ``polypwatch.detect/1`` with every box from a score of .01 up, at most 20 a frame. While it is
made it is called ``NAME.part``, which nobody takes for results. A run that was stopped or killed is gone on with at the
first row that is missing, and the file that comes of it is, byte by byte, that of a run that nobody stopped: rows that
are there are not asked of the model again, tracks are made again from them, and what is behind them is analysed.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from app import SOFTWARE
from app.capture import file_source
from app.capture.images import list_images
from app.detect import DetectCounts, Rows
from app.dicom.reading import DicomVideo, decode_dicom_video, open_dicom_video
from app.recording.mark import LOCK_NAME
from detector.detections import Detector, DetectorInfo
from detector.errors import FormatError, OutputError, SourceError
from detector.file_lock import FileLock
from detector.frame import Frame, FrameTime, Interruption, SourceState
from detector.pipeline import analyse, team
from detector.procedure import SIDECAR, is_recording
from detector.results import (
    FrameRow,
    Kept,
    ModelRef,
    ResultsHeader,
    ResultsWriter,
    common_time_base,
    is_whole,
    read_header,
    read_part,
)

LEAST_SCORE = 0.01
MOST_BOXES = 20
DICOM_SUFFIXES = frozenset({".dcm", ".dicom"})
_SEGMENT = re.compile(r"video-\d{3,}\.mkv")
_MICROSECOND = Fraction(1, 1_000_000)
_USUAL_FRAME_MS = 40.0
# What was written is handed to the system so often: a killed run loses no more.
_FLUSH_EVERY_S = 1.0
_LOOK_UP_EVERY = 50  # frames that are passed over
_UNSAFE = re.compile(r"[^A-Za-z0-9._+-]+")

Progress = Callable[[int, int | None, int], object]
"""Called behind each row with how many rows there are, how many there will be (None: nobody knows) and how many of
them could not be analysed. It may block: the analysis then pauses."""


class Stopped(Exception):  # no PolypwatchError: somebody wanted it
    """The run was asked to stop; what it has done lies in ``NAME.part``."""


@dataclass(frozen=True, slots=True)
class Input:
    """One file of a procedure (or its folder of images).

    Attributes:
        name: in its rows: the file's name, without folders.
        path: where it lies.
        size: in bytes; of a folder of images the sum.
        sha256: of the content, lower-case hex; empty for a folder of images.
    """

    name: str
    path: Path
    size: int
    sha256: str

    def as_dict(self) -> dict[str, Any]:
        """As it stands in the head of the results, ``inputs``."""
        return {"file": self.name, "bytes": self.size, "sha256": self.sha256 or None}


def analysis_name(model: ModelRef) -> str:
    """``analysis-<model>-<version>-<variant>``, safe as a file name everywhere."""
    return "-".join(
        ["analysis", *(_UNSAFE.sub("_", part) or "_" for part in (model.name, model.version, model.variant))]
    )


def analysis_path(procedure: Path, model: ModelRef, folder: Path | None = None) -> Path:
    """Where the results of a model on a procedure lie.

    Args:
        procedure: a recording's folder, a video, a folder of images, a DICOM video.
        model: what answers.
        folder: for the results; None for beside it: in a folder, or next to a video and named like it.
    """
    name = analysis_name(model)
    if procedure.is_dir():
        return (folder or procedure) / f"{name}.json"
    # Two videos that differ in the suffix alone must not share one file.
    alike = [p for p in procedure.parent.glob(f"{_escaped(procedure.stem)}.*") if p != procedure and _is_video(p)]
    stem = procedure.name if alike else procedure.stem
    return (folder or procedure.parent) / f"{stem}.{name}.json"


def files_of(procedure: Path) -> tuple[Path, ...]:
    """The videos of a procedure, in order; a folder of images is one.

    Raises:
        SourceError: there is nothing that can be analysed.
    """
    if not procedure.exists():
        raise SourceError(f"{procedure} does not exist.", "Check the spelling.")
    if not is_recording(procedure):
        return (procedure,)
    found = sorted(p for p in procedure.glob("video-*.mkv") if _SEGMENT.fullmatch(p.name))
    if not found:
        raise SourceError(f"{procedure} has a {SIDECAR}, but no video.", "Restore video-001.mkv.")
    return tuple(found)


def look_at(procedure: Path) -> tuple[Input, ...]:
    """What is to be analysed, with the hash of each file: it is read once, from end to end.

    Raises:
        SourceError: it cannot be read.
    """
    files = files_of(procedure)
    if files != (procedure,) and FileLock.is_held(procedure / LOCK_NAME):
        raise SourceError(f"{procedure} is being recorded or repaired.", "Wait until it is complete.")
    return tuple(_input(path) for path in files)


def is_analysed(out: Path, info: DetectorInfo, inputs: tuple[Input, ...]) -> bool:
    """Whether ``out`` is whole and came of this model file and these inputs."""
    if not is_whole(out):
        return False
    try:
        header = read_header(out)
    except FormatError:
        return False
    said = (header.model_extra or {}).get("inputs")
    return (
        header.model == ModelRef.of(info) and said == [i.as_dict() for i in inputs] and header.min_score <= LEAST_SCORE
    )


def reanalyse(
    procedure: Path,
    detector: Detector,
    out: Path,
    *,
    workers: int = 1,
    inputs: tuple[Input, ...] | None = None,
    progress: Progress = lambda done, of, missed: None,
    stop: Callable[[], bool] = lambda: False,
) -> DetectCounts:
    """Analyse every frame of a procedure and write ``out``, going on with what an earlier run has left.

    Args:
        procedure: a recording's folder, a video, a folder of images, a DICOM video.
        detector: what looks at the frames.
        out: the results file; see `analysis_path`.
        workers: how many frames are analysed at once; the results do not depend on it.
        inputs: from `look_at`, if it was done already.
        progress: see `Progress`.
        stop: asked behind each row.

    Raises:
        SourceError: an input cannot be read (on).
        OutputError: the results cannot be written; what there is stays as ``NAME.part``.
        Stopped: ``stop`` said so.
    """
    inputs = inputs if inputs is not None else look_at(procedure)
    if out.resolve() in {i.path.resolve() for i in inputs}:
        raise OutputError(f"The results would overwrite the input {out}.", "Choose another place for them.")
    opened = [_Opened.of(each) for each in inputs]
    info = detector.info
    base = common_time_base(o.time_base for o in opened if o.time_base is not None)
    header = _header(info, base, inputs)
    progressed = _Progressed(
        [Rows(o.input.name, o.in_folder, info, LEAST_SCORE, base, MOST_BOXES) for o in opened], opened
    )
    kept = progressed.goes_on(out, header)
    of = _sum([o.count for o in opened])

    def told() -> None:
        progress(progressed.counts.frames, of, progressed.counts.not_analysed)
        if stop():
            raise Stopped

    with ResultsWriter(out, header, kept=kept, leave_part=True) as writer:
        told()
        flushed = time.monotonic()
        items = progressed.missing_items(told)
        with closing(analyse(items, team(detector, workers), LEAST_SCORE)) as analysed:
            for number, item, outcome in analysed:
                row = progressed.rows[number].row(item, outcome)
                writer.write(row)
                progressed.count(row)
                if time.monotonic() - flushed > _FLUSH_EVERY_S:
                    writer.flush()
                    flushed = time.monotonic()
                told()
    return progressed.counts


@dataclass(frozen=True, slots=True)
class _Opened:
    """An input that was opened once: what it is, before the first frame is analysed."""

    input: Input
    time_base: Fraction | None
    count: int | None
    in_folder: bool
    dicom: DicomVideo | None

    @classmethod
    def of(cls, each: Input) -> _Opened:
        if each.path.suffix.lower() in DICOM_SUFFIXES:
            video = open_dicom_video(each.path)
            return cls(each, _MICROSECOND, video.count or None, False, video)
        source = file_source(each.path)
        try:
            info = source.open()
        finally:
            source.close()
        return cls(each, info.time_base, info.frame_count, each.path.is_dir(), None)

    def items(self) -> Iterator[Frame | Interruption]:
        """Every frame, and what is in place of one."""
        return _dicom_items(self.dicom) if self.dicom is not None else _file_items(self.input.path)


class _Progressed:
    """How far the rows are: counts, and how many of each input are there."""

    def __init__(self, rows: list[Rows], opened: list[_Opened]) -> None:
        self.rows = rows
        self.counts = DetectCounts()
        self._opened = opened
        self._done = [0] * len(opened)

    def goes_on(self, out: Path, header: ResultsHeader) -> Kept | None:
        """Take in what an earlier run has left; None if there is nothing to go on with."""
        at = _Cursor([None if o.in_folder else o.input.name for o in self._opened])

        def take(row: FrameRow) -> None:
            number = at.input_of(row)
            self.rows[number].again(row)
            self._done[number] += 1
            self.count(row)

        kept = read_part(out, header, take)
        if kept is None and self.counts.frames:  # rows behind which one was damaged: all begins anew
            fresh = _Progressed([r.anew() for r in self.rows], self._opened)
            self.rows, self.counts, self._done = fresh.rows, fresh.counts, fresh._done
        return kept

    def count(self, row: FrameRow) -> None:
        """Count a row."""
        self.counts = DetectCounts(
            self.counts.frames + 1,
            self.counts.not_analysed + (row.status != "ok"),
            self.counts.detections + len(row.detections),
        )

    def missing_items(self, skipping: Callable[[], None]) -> Iterator[tuple[int, Frame | Interruption]]:
        """Every frame without a row.

        The videos before the last row are not read again. That one is, from its start: an index that is counted is
        right, one that is calculated may not be.

        Args:
            skipping: called now and then while frames are passed over.
        """
        begun = max((n for n, done in enumerate(self._done) if done), default=0)
        for number in range(begun, len(self._opened)):
            with closing(_generator(self._opened[number].items())) as items:
                for position, item in enumerate(items):
                    if position >= self._done[number]:
                        yield number, item
                    elif position % _LOOK_UP_EVERY == 0:
                        skipping()


class _Cursor:
    """Which input a row is of; rows of a folder of images have names of their own."""

    def __init__(self, names: list[str | None]) -> None:
        self._names = names

    def input_of(self, row: FrameRow) -> int:
        return self._names.index(row.file) if row.file in self._names else self._names.index(None)


def _generator(items: Iterator[Frame | Interruption]) -> Any:
    return items


def _header(info: DetectorInfo, base: Fraction | None, inputs: tuple[Input, ...]) -> ResultsHeader:
    return ResultsHeader.model_validate(
        {
            "model": ModelRef.of(info),
            "software": SOFTWARE,
            "threshold": info.threshold,
            "min_score": LEAST_SCORE,
            "provider": info.provider,
            "time_base": base,
            "inputs": [i.as_dict() for i in inputs],
        }
    )


def _file_items(path: Path) -> Iterator[Frame | Interruption]:
    source = file_source(path)
    source.open()
    try:
        while not (isinstance(read := source.read(), Interruption) and read.state is SourceState.END):
            if isinstance(read, Interruption) and read.state is not SourceState.UNDECODABLE:
                raise SourceError(f"{path}: {read.state.value} {read.detail}".rstrip() + ".", "Check the drive.")
            yield read
    finally:
        source.close()


def _dicom_items(video: DicomVideo) -> Iterator[Frame | Interruption]:
    """Frames at the times that the data set states, in microseconds; the stream inside often has none of its own."""
    step_ms = video.frame_time_ms or _USUAL_FRAME_MS
    for frame in decode_dicom_video(video):
        listed = frame.index < len(video.times_ms)
        time_ms = video.times_ms[frame.index] - video.times_ms[0] if listed else frame.index * step_ms
        yield Frame(frame.index, FrameTime(round(time_ms * 1000), _MICROSECOND), 0, frame.image)


def _input(path: Path) -> Input:
    try:
        if path.is_dir():
            return Input(path.name, path, sum(p.stat().st_size for p in list_images(path)), "")
        with path.open("rb") as file:
            return Input(path.name, path, path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest())
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror or error}.", "Check the drive.") from error


def _sum(counts: list[int | None]) -> int | None:
    return None if None in counts else sum(c for c in counts if c is not None)


def _is_video(path: Path) -> bool:
    from detector.decode import VIDEO_SUFFIXES

    return path.suffix.lower() in VIDEO_SUFFIXES | DICOM_SUFFIXES


def _escaped(stem: str) -> str:
    """A name in a pattern of `Path.glob`, taken as it stands."""
    return re.sub(r"([*?[])", r"[\1]", stem)
