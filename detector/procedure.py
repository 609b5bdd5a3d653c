"""A procedure on disk: a recording with its sidecar, or a plain video, with the labels and results that lie beside it.

A **recording** is a folder that the recorder made: `video-001.mkv`, further segments after a while and where the
picture size changed, and `frames.jsonl` (schema `polypwatch.frames/1`). A **plain video** is any file. Labels
(`polypwatch.annotation/1`) and results (`polypwatch.detect/1`) are JSON files in the folder, or beside the plain video
with a name that begins like it (`phantom.mp4`: `phantom.json`, `phantom.NAME.json`). Labels belong to a video by its
hash: those of another file would be off by frames.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from detector.annotation import SCHEMA as ANNOTATION_SCHEMA
from detector.annotation import Annotation, load_annotation
from detector.decode import VIDEO_SUFFIXES, DecodedFrame, DecodeTally, count_packets, decode_frames
from detector.errors import FormatError, SourceError
from detector.results import SCHEMA as RESULTS_SCHEMA
from detector.results import TimeBase, read_header
from detector.schema import describe_validation_error, require_schema

__all__ = [
    "DecodeTally",
    "DecodedFrame",
    "Procedure",
    "RecordedFrame",
    "Segment",
    "decode_frames",
    "is_recording",
    "open_procedure",
]

FRAMES_SCHEMA = "polypwatch.frames/1"
SIDECAR = "frames.jsonl"
_SEGMENT_NAME = re.compile(r"video-(\d{3,})\.mkv")
_SCHEMA_FIELD = re.compile(rb'"schema"\s*:\s*"(polypwatch\.[a-z.]+)/')
# A recording that was killed lacks at most a fifth of a second of video, after a power cut up to a second.
_MOST_LOST_S = 1.0


@dataclass(frozen=True, slots=True)
class RecordedFrame:
    """One line of the sidecar.

    Attributes:
        capture_index: what everything of a live session joins on; -1 for a picture of a copied stream that the session
            never read.
        segment: number of the video file, from 1; None for a frame that could not be recorded.
        record_index: position in that file, from 0; None likewise.
        pts: media time in ticks of `time_base`; None if the source had none.
        time_base: seconds per tick.
        time_s: media time in seconds; where the source had none, seconds since the first frame by the capture clock.
        captured_ns: when it was captured, on a clock of no fixed origin.
        session: which run of the recorder wrote it, from 1; capture indices and media time begin anew with each.
        blanked: written as black, because the picture may not have been of the inside of a body.
    """

    capture_index: int
    segment: int | None
    record_index: int | None
    pts: int | None
    time_base: Fraction | None
    time_s: float
    captured_ns: int
    session: int = 1
    blanked: bool = False


@dataclass(frozen=True, slots=True)
class Segment:
    """One video file with what is known of it.

    Attributes:
        number: of the segment, from 1.
        video: the file.
        frames: one per picture of the file, so that `frames[i]` is picture i; empty for a plain video, which has no
            sidecar.
        annotation: the labels, whose frame indices count the pictures of this file; None if there are none.
        annotation_file: where they stand.
    """

    number: int
    video: Path
    frames: tuple[RecordedFrame, ...]
    annotation: Annotation | None
    annotation_file: Path | None


@dataclass(frozen=True, slots=True)
class Procedure:
    """A procedure.

    Attributes:
        path: the folder or the video file.
        segments: at least one, in order.
        lost: frames of the session that are in no video.
        results: files of schema `polypwatch.detect/1`.
        notes: what is no error and yet must be said, such as an end that was lost in a crash.
    """

    path: Path
    segments: tuple[Segment, ...]
    lost: tuple[RecordedFrame, ...]
    results: tuple[Path, ...]
    notes: tuple[str, ...]

    @property
    def frames(self) -> tuple[RecordedFrame, ...]:
        """The frame table: every frame by session and capture index; empty for a plain video."""
        rows = [f for segment in self.segments for f in segment.frames]
        read = [f for f in (*rows, *self.lost) if f.capture_index >= 0]
        return tuple(sorted(read, key=lambda f: (f.session, f.capture_index)))

    @property
    def annotation(self) -> Annotation | None:
        """The labels, where the procedure is one video; None if there are none, or several videos."""
        return self.segments[0].annotation if len(self.segments) == 1 else None


class _Row(BaseModel):
    model_config = ConfigDict(strict=True, extra="allow")
    capture_index: int = Field(ge=-1)
    segment: int | None = Field(ge=1)
    record_index: int | None = Field(ge=0)
    pts: int | None
    time_base: TimeBase | None
    captured_ns: int
    session: int = Field(default=1, ge=1)
    blanked: bool = False


def is_recording(path: Path) -> bool:
    """Whether a folder was made by the recorder."""
    return path.is_dir() and ((path / SIDECAR).is_file() or any(_segment_files(path)))


def open_procedure(path: Path) -> Procedure:
    """Find out what lies in a recording's folder, or beside a plain video. Decodes nothing.

    Raises:
        SourceError: there is no such file or folder, a recording lacks its sidecar or a video, or the sidecar and a
            video name different numbers of frames.
        FormatError: the sidecar, labels or results are damaged or of an unknown schema, or the labels are of another
            video.
    """
    if is_recording(path):
        return _open_recording(path)
    if path.is_dir():
        raise SourceError(
            f"{path} holds no recording (video-001.mkv, {SIDECAR}).", "Name a recording, or a video file."
        )
    if not path.is_file():
        raise SourceError(f"{path} does not exist.", "Check the spelling.")
    beside = [
        p for p in sorted(path.parent.glob("*.json")) if p.stem == path.stem or p.name.startswith(f"{path.stem}.")
    ]
    labels, results = _sorted_out(beside)
    found = _labels_of([path], labels)
    return Procedure(path, (Segment(1, path, (), *found.get(path, (None, None))),), (), results, ())


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, lower-case hex.

    Raises:
        SourceError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}.", "Check the drive.") from error


# -- recordings -------------------------------------------------------------------------------------------------------


def _open_recording(folder: Path) -> Procedure:
    sidecar = folder / SIDECAR
    if not sidecar.is_file():
        raise SourceError(
            f"{folder} has no {SIDECAR}: without it nobody knows when its frames were taken.",
            "Restore it, or open the video file itself.",
        )
    videos = dict(_segment_files(folder))
    rows, notes = _read_sidecar(sidecar)
    by_segment: dict[int, list[RecordedFrame]] = {number: [] for number in sorted(videos)}
    lost = []
    for row in rows:
        if row.segment is None:
            lost.append(row)
        elif row.segment not in by_segment:
            raise SourceError(f"{folder} lacks video-{row.segment:03d}.mkv, which {SIDECAR} names.", "Restore it.")
        else:
            by_segment[row.segment].append(row)
    labels, results = _sorted_out(sorted(folder.glob("*.json")))
    found = _labels_of(list(videos.values()), labels)
    # A run of the recorder that was killed left its last file without an end, and the next run began another.
    last_ones = {rows[0].session: number for number, rows in by_segment.items() if rows}.values()
    segments = []
    for number, listed in by_segment.items():
        video = videos[number]
        if not listed and number > 1:
            notes.append(f"{SIDECAR} lists no frame of {video.name}; it is left out")
            continue
        _require_order(sidecar, number, listed)
        whole, note = _matched(video, listed, may_end_early=number in last_ones or number == max(by_segment))
        notes += [note] if note else []
        segments.append(Segment(number, video, whole, *found.get(video, (None, None))))
    if not segments:
        raise SourceError(f"{folder} has a {SIDECAR}, but no video.", "Restore video-001.mkv.")
    return Procedure(folder, tuple(segments), tuple(lost), results, tuple(notes))


def _segment_files(folder: Path) -> Iterator[tuple[int, Path]]:
    for path in sorted(folder.glob("video-*.mkv")):
        if match := _SEGMENT_NAME.fullmatch(path.name):
            yield int(match[1]), path


def _read_sidecar(path: Path) -> tuple[list[RecordedFrame], list[str]]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(f"{path} cannot be read ({error}).") from error
    require_schema(_json(lines[0]) if lines else None, FRAMES_SCHEMA, str(path))
    rows: list[RecordedFrame] = []
    notes: list[str] = []
    origins_ns: dict[int, int] = {}
    for number, line in enumerate(lines[1:], start=2):
        try:
            row = _Row.model_validate(_json(line))
        except ValidationError as error:
            if number == len(lines) and _json(line) is None:
                notes.append(f"the last line of {path.name} is cut off: the program was killed while it wrote")
                break
            raise FormatError(f"{path}, line {number}: {describe_validation_error(error)}.") from error
        origin_ns = origins_ns.setdefault(row.session, row.captured_ns)
        timed = row.pts is not None and row.time_base is not None
        seconds = float(row.pts * row.time_base) if timed else (row.captured_ns - origin_ns) / 1e9  # type: ignore[operator]
        rows.append(
            RecordedFrame(
                row.capture_index,
                row.segment,
                row.record_index,
                row.pts,
                row.time_base,
                seconds,
                row.captured_ns,
                row.session,
                row.blanked,
            )
        )
    return rows, notes


def _json(line: str) -> Any:
    try:
        return json.loads(line)
    except json.JSONDecodeError:
        return None


def _require_order(sidecar: Path, number: int, rows: Sequence[RecordedFrame]) -> None:
    before = -1
    for position, row in enumerate(rows):
        if row.record_index != position or -1 != row.capture_index <= before:
            raise FormatError(
                f"{sidecar}: frame {row.capture_index} stands at place {row.record_index} of segment {number}, "
                f"but it is the {position + 1}. listed there.",
                "The file was changed by hand; restore it.",
            )
        before = max(before, row.capture_index)


def _matched(
    video: Path, rows: Sequence[RecordedFrame], *, may_end_early: bool
) -> tuple[tuple[RecordedFrame, ...], str]:
    """The rows for which there is a picture, and a note if the end was lost in a crash."""
    held = count_packets(video)
    if held == len(rows):
        return tuple(rows), ""
    said = f"{SIDECAR} lists {len(rows)} frames of {video.name}, which holds {held}"
    if may_end_early and held < len(rows) and rows[-1].time_s - rows[held].time_s <= _MOST_LOST_S:
        return tuple(rows[:held]), f"{said}: the end was lost when the program was killed"
    if may_end_early and held == len(rows) + 1:
        # The picture is written before its line.
        return tuple(rows), f"{said}: the last picture was written, its line was not; it is left out"
    raise SourceError(
        f"In {video.parent}, {said}.", "The video was exchanged or cut; restore it, or open the video file itself."
    )


# -- labels and results -----------------------------------------------------------------------------------------------


def _sorted_out(files: Sequence[Path]) -> tuple[dict[Path, Annotation], tuple[Path, ...]]:
    """Labels and results among JSON files; others (summaries, snapshots, foreign files) are left alone."""
    labels, results = {}, []
    for path in files:
        schema = _schema_name(path)
        if schema == ANNOTATION_SCHEMA.split("/")[0] or path.name.endswith("annotation.json"):
            labels[path] = load_annotation(path)
        elif schema == RESULTS_SCHEMA.split("/")[0]:
            read_header(path)
            results.append(path)
    return labels, tuple(results)


def _schema_name(path: Path) -> str:
    """Name in the first `schema` field of a JSON file, which we write first; empty if there is none."""
    try:
        with path.open("rb") as file:
            match = _SCHEMA_FIELD.search(file.read(4096))
    except OSError as error:
        raise FormatError(f"{path} cannot be read: {error.strerror}.") from error
    return match[1].decode() if match else ""


def _labels_of(
    videos: Sequence[Path], labels: dict[Path, Annotation]
) -> dict[Path, tuple[Annotation | None, Path | None]]:
    """Which labels belong to which video, by content."""
    hash_of = functools.cache(file_sha256)
    found: dict[Path, tuple[Annotation | None, Path | None]] = {}
    for file, annotation in labels.items():
        video = next((v for v in videos if hash_of(v) == annotation.video.sha256), None)
        if video is None:
            names = ", ".join(v.name for v in videos)
            raise FormatError(
                f"{file} labels another video: '{annotation.video.name}' with SHA-256 "
                f"{annotation.video.sha256[:12]}..., which is not the content of {names}.",
                "Labels of a cut or converted copy would be off by frames; put the labelled file there.",
            )
        if video in found:
            raise FormatError(
                f"Both {found[video][1]} and {file} label {video.name}.", "Move one of them to another folder."
            )
        found[video] = (annotation, file)
    return found


def videos_below(folder: Path) -> list[Path]:
    """Plain video files in a folder and below it, without those of recordings, sorted."""
    found = [p for p in folder.rglob("*") if p.suffix.lower() in VIDEO_SUFFIXES and p.is_file()]
    return sorted(p for p in found if not is_recording(p.parent))
