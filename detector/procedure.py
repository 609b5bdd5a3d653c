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
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from detector.annotation import SCHEMA as ANNOTATION_SCHEMA
from detector.annotation import Annotation, load_annotation
from detector.decode import VIDEO_SUFFIXES, DecodedFrame, DecodeTally, count_packets, decode_frames
from detector.errors import FormatError, SourceError
from detector.results import SCHEMA as RESULTS_SCHEMA
from detector.results import read_header
from detector.sidecar import FRAMES_SCHEMA, SIDECAR, RecordedFrame, read_sidecar, require_order

__all__ = [
    "FRAMES_SCHEMA",
    "SIDECAR",
    "DecodeTally",
    "DecodedFrame",
    "Looking",
    "Procedure",
    "RecordedFrame",
    "Segment",
    "decode_frames",
    "is_recording",
    "open_procedure",
]

_SEGMENT_NAME = re.compile(r"video-(\d{3,})\.mkv")
_SCHEMA_FIELD = re.compile(rb'"schema"\s*:\s*"(polypwatch\.[a-z.]+)/')
# A recording that was killed lacks at most a fifth of a second of video, after a power cut up to a second.
_MOST_LOST_S = 1.0


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
        unproven: label files of which it is not known yet whether they belong to these videos; only with a `Looking`
            that leaves hashes for later.
    """

    path: Path
    segments: tuple[Segment, ...]
    lost: tuple[RecordedFrame, ...]
    results: tuple[Path, ...]
    notes: tuple[str, ...]
    unproven: tuple[Path, ...] = ()

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


@dataclass(frozen=True, slots=True)
class Looking:
    """How closely a procedure is looked at as it is opened; hours of video cannot be read through before it is shown.

    Attributes:
        count: how many pictures a video holds; None: not known yet, and the sidecar is believed until it is.
        sha256: of a video; None: not known yet, and labels stay unproven.
        forgiving: labels and results that are damaged or of another video become notes instead of errors.
    """

    count: Callable[[Path], int | None] = count_packets
    sha256: Callable[[Path], str | None] = lambda path: file_sha256(path)
    forgiving: bool = False


def is_recording(path: Path) -> bool:
    """Whether a folder was made by the recorder."""
    return path.is_dir() and ((path / SIDECAR).is_file() or any(_segment_files(path)))


def open_procedure(path: Path, looking: Looking | None = None) -> Procedure:
    """Find out what lies in a recording's folder, or beside a plain video. Decodes nothing.

    Args:
        path: the recording or video.
        looking: how closely; everything is read and checked by default.

    Raises:
        SourceError: there is no such file or folder, a recording lacks its sidecar or a video, or the sidecar and a
            video name different numbers of frames.
        FormatError: the sidecar, labels or results are damaged or of an unknown schema, or the labels are of another
            video.
    """
    looking = looking or Looking()
    if is_recording(path):
        return _open_recording(path, looking)
    if path.is_dir():
        raise SourceError(
            f"{path} holds no recording (video-001.mkv, {SIDECAR}).", "Name a recording, or a video file."
        )
    if not path.is_file():
        raise SourceError(f"{path} does not exist.", "Check the spelling.")
    beside = _sorted_out(files_beside(path), looking)
    found = _labels_of([path], beside, looking)
    segment = Segment(1, path, (), *found.get(path, (None, None)))
    return Procedure(path, (segment,), (), beside.results, tuple(beside.notes), tuple(beside.unproven))


def files_beside(path: Path) -> list[Path]:
    """JSON files whose name begins like that of a plain video."""
    stem = path.name if path.is_dir() else path.stem
    return [p for p in sorted(path.parent.glob("*.json")) if p.stem == stem or p.name.startswith(f"{stem}.")]


def results_among(files: Sequence[Path]) -> tuple[Path, ...]:
    """Those that are sound results of a model."""
    return _sorted_out(files, Looking(forgiving=True)).results


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


def _open_recording(folder: Path, looking: Looking) -> Procedure:
    sidecar = folder / SIDECAR
    if not sidecar.is_file():
        raise SourceError(
            f"{folder} has no {SIDECAR}: without it nobody knows when its frames were taken.",
            "Restore it, or open the video file itself.",
        )
    videos = dict(_segment_files(folder))
    rows, notes = read_sidecar(sidecar)
    by_segment: dict[int, list[RecordedFrame]] = {number: [] for number in sorted(videos)}
    lost = []
    for row in rows:
        if row.segment is None:
            lost.append(row)
        elif row.segment not in by_segment:
            raise SourceError(f"{folder} lacks video-{row.segment:03d}.mkv, which {SIDECAR} names.", "Restore it.")
        else:
            by_segment[row.segment].append(row)
    beside = _sorted_out(sorted(folder.glob("*.json")), looking)
    found = _labels_of(list(videos.values()), beside, looking)
    # A run of the recorder that was killed left its last file without an end, and the next run began another.
    last_ones = {rows[0].session: number for number, rows in by_segment.items() if rows}.values()
    segments = []
    for number, listed in by_segment.items():
        video = videos[number]
        if not listed and number > 1:
            notes.append(f"{SIDECAR} lists no frame of {video.name}; it is left out")
            continue
        require_order(sidecar, number, listed)
        held = looking.count(video)
        whole, note = _matched(video, held, listed, may_end_early=number in last_ones or number == max(by_segment))
        notes += [note] if note else []
        segments.append(Segment(number, video, whole, *found.get(video, (None, None))))
    if not segments:
        raise SourceError(f"{folder} has a {SIDECAR}, but no video.", "Restore video-001.mkv.")
    notes += beside.notes
    return Procedure(folder, tuple(segments), tuple(lost), beside.results, tuple(notes), tuple(beside.unproven))


def _segment_files(folder: Path) -> Iterator[tuple[int, Path]]:
    for path in sorted(folder.glob("video-*.mkv")):
        if match := _SEGMENT_NAME.fullmatch(path.name):
            yield int(match[1]), path


def _matched(
    video: Path, held: int | None, rows: Sequence[RecordedFrame], *, may_end_early: bool
) -> tuple[tuple[RecordedFrame, ...], str]:
    """The rows for which there is a picture, and a note if the end was lost in a crash."""
    if held is None or held == len(rows):
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


@dataclass(slots=True)
class _Beside:
    """Labels and results among JSON files."""

    labels: dict[Path, Annotation]
    results: tuple[Path, ...]
    notes: list[str]
    unproven: list[Path]


def _sorted_out(files: Sequence[Path], looking: Looking) -> _Beside:
    """Labels and results among JSON files; others (summaries, snapshots, foreign files) are left alone."""
    beside = _Beside({}, (), [], [])
    for path in files:
        try:
            schema = _schema_name(path)
            if schema == ANNOTATION_SCHEMA.split("/")[0] or path.name.endswith("annotation.json"):
                beside.labels[path] = load_annotation(path)
            elif schema == RESULTS_SCHEMA.split("/")[0]:
                read_header(path)
                beside.results += (path,)
        except FormatError as error:
            if not looking.forgiving:
                raise
            beside.notes.append(f"{path.name} is left out: {error}")
    return beside


def _schema_name(path: Path) -> str:
    """Name in the first `schema` field of a JSON file, which we write first; empty if there is none."""
    try:
        with path.open("rb") as file:
            match = _SCHEMA_FIELD.search(file.read(4096))
    except OSError as error:
        raise FormatError(f"{path} cannot be read: {error.strerror}.") from error
    return match[1].decode() if match else ""


def _labels_of(
    videos: Sequence[Path], beside: _Beside, looking: Looking
) -> dict[Path, tuple[Annotation | None, Path | None]]:
    """Which labels belong to which video, by content."""
    hash_of = functools.cache(looking.sha256)
    found: dict[Path, tuple[Annotation | None, Path | None]] = {}
    for file, annotation in beside.labels.items():
        try:
            video = _labelled(videos, file, annotation, hash_of)
            if video is None:
                beside.unproven.append(file)
                continue
            if video in found:
                raise FormatError(
                    f"Both {found[video][1]} and {file} label {video.name}.", "Move one of them to another folder."
                )
        except FormatError as error:
            if not looking.forgiving:
                raise
            beside.notes.append(f"{file.name} is left out: {error}")
            continue
        found[video] = (annotation, file)
    return found


def _labelled(
    videos: Sequence[Path], file: Path, annotation: Annotation, hash_of: Callable[[Path], str | None]
) -> Path | None:
    """The video that was labelled; None if that is not known yet."""
    unknown = False
    for video in videos:
        sha256 = hash_of(video)
        if sha256 == annotation.video.sha256:
            return video
        unknown |= sha256 is None
    if unknown:
        return None
    names = ", ".join(v.name for v in videos)
    raise FormatError(
        f"{file} labels another video: '{annotation.video.name}' with SHA-256 "
        f"{annotation.video.sha256[:12]}..., which is not the content of {names}.",
        "Labels of a cut or converted copy would be off by frames; put the labelled file there.",
    )


def videos_below(folder: Path) -> list[Path]:
    """Plain video files in a folder and below it, without those of recordings, sorted."""
    found = [p for p in folder.rglob("*") if p.suffix.lower() in VIDEO_SUFFIXES and p.is_file()]
    return sorted(p for p in found if not is_recording(p.parent))
