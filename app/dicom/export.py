"""An export: snapshots, recordings and videos in, one study of DICOM files out, all of it or nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from app.dicom.identity import Identity, identity_of
from app.dicom.modules import require_pydicom
from app.dicom.reading import count_pictures, open_dicom_video
from app.dicom.staging import Staging
from app.dicom.still import Snapshot, is_snapshot_record, open_snapshot, record_of, still_instance
from app.dicom.stream import FRAGMENT_LIMIT
from app.dicom.video import Plan, Series, export_video, plan_video
from detector.decode import VIDEO_SUFFIXES
from detector.errors import OutputError, SourceError, UsageError
from detector.procedure import file_sha256, is_recording, open_procedure

Progress = Callable[[str, int, int], None]
_RECORDED_AT = re.compile(r"\d{8}-\d{6}")  # the recorder names its folders by the time in UTC


@dataclass(frozen=True, slots=True)
class Export:
    """What an export wrote.

    Attributes:
        identity: under which ids.
        files: the instances, in order.
        notes: what is no error and yet must be said.
    """

    identity: Identity
    files: tuple[Path, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Video:
    """A video or recording: its parts with their offsets in ms, and when it began."""

    parts: tuple[tuple[Plan, float], ...]
    taken: datetime | None
    notes: tuple[str, ...]

    @property
    def sha256(self) -> str:
        return "+".join(plan.sha256 for plan, _ in self.parts)


def export_dicom(
    paths: Sequence[Path],
    out: Path,
    *,
    study_id: str | None = None,
    patient_id: str | None = None,
    taken: datetime | None = None,
    no_text: bool = False,
    progress: Progress = lambda what, done, total: None,
    fragment_limit: int = FRAGMENT_LIMIT,
) -> Export:
    """Export into a folder. Either all files appear or none.

    Args:
        paths: files of snapshots, folders of snapshots, recordings, videos.
        out: the folder; made if it is not there.
        study_id: of the examination, at most 16 characters; derived from the contents if not given.
        patient_id: a pseudonym; the study id if not given.
        taken: when the examination began; default the earliest time that snapshots and recordings know.
        no_text: the user vouches that the pictures hold no text that tells who the patient is.
        progress: called with a word on what is done, pictures done and all.
        fragment_limit: most bytes of one video instance.

    Raises:
        UsageError: pydicom is missing, an id cannot be used, or a path is nothing that can be exported.
        SourceError: something cannot be read.
        FormatError: a record or sidecar is damaged.
        OutputError: the folder cannot be written, a file exists already, or a video is larger than DICOM allows.
    """
    require_pydicom()
    if study_id is not None or patient_id is not None:
        identity_of([], study_id, patient_id, taken)  # says at once what is wrong with them
    snapshots, videos = _found(paths, progress)
    contents = [s.sha256 for s in snapshots] + [v.sha256 for v in videos]
    known = [s.taken for s in snapshots] + [v.taken for v in videos if v.taken is not None]
    study = identity_of(contents, study_id, patient_id, taken or min(known, default=None), no_text)
    notes = [note for video in videos for note in video.notes]
    with Staging(out) as staging:
        staging.require_free([f"{_snapshot_name(n)}.dcm" for n in range(len(snapshots))])
        staging.require_free([f"{_video_name(n)}.dcm" for n in range(len(videos))])
        for number, snapshot in enumerate(snapshots):
            staging.write(f"{_snapshot_name(number)}.dcm", still_instance(snapshot, study, number + 1))
            progress("snapshots", number + 1, len(snapshots))
        for number, video in enumerate(videos):
            began = video.taken or taken  # the earliest snapshot says nothing about when a plain video began
            _write_video(video, began, number, study, staging, fragment_limit, progress)
        return Export(study, tuple(staging.publish()), tuple(notes))


def _snapshot_name(number: int) -> str:
    """Numbered, and never after the source: people name files after patients."""
    return f"snapshot-{number + 1:03d}"


def _video_name(number: int) -> str:
    return f"video-{number + 1:03d}"


def _write_video(
    video: _Video,
    began: datetime | None,
    number: int,
    study: Identity,
    staging: Staging,
    limit: int,
    progress: Progress,
) -> None:
    name, instance = _video_name(number), 1
    uid = study.series_uid("video", video.sha256)
    for segment, (plan, offset_ms) in enumerate(video.parts, start=1):
        names = export_video(
            plan,
            Series(study, began, uid, number, offset_ms),
            name if segment == 1 else f"{name}-segment{segment}",
            staging,
            first_instance=instance,
            limit=limit,
            progress=lambda done, total: progress(name, done, total),
        )
        instance += len(names)
        held = sum(count_pictures(open_dicom_video(staging.folder / n)) for n in names)
        if held != len(plan.pace.ticks):
            raise OutputError(
                f"The written video holds {held} pictures of {len(plan.pace.ticks)}.", "Check the disk, and try again."
            )


# -- what there is to export ------------------------------------------------------------------------------------------


def _found(paths: Sequence[Path], progress: Progress) -> tuple[list[Snapshot], list[_Video]]:
    records: dict[Path, None] = {}  # an ordered set: three files of one snapshot are one snapshot
    videos: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            inside = [p for p in sorted(path.glob("*.json")) if is_snapshot_record(p)]
            records.update(dict.fromkeys(p.resolve() for p in inside))
            if is_recording(path):
                videos[path.resolve()] = None
            elif not inside:
                raise UsageError(f"{path} holds neither snapshots nor a recording.", "Name a file, or another folder.")
        elif not path.exists():
            raise SourceError(f"{path} does not exist.", "Check the spelling.")
        elif path.suffix.lower() in VIDEO_SUFFIXES:
            videos[path.resolve()] = None
        elif path.suffix.lower() in {".json", ".png"}:
            records[record_of(path.resolve())] = None
        else:
            raise UsageError(
                f"{path} is nothing that can be exported.", "Name snapshots (NAME.json), recordings or videos."
            )
    snapshots = sorted((open_snapshot(p) for p in records), key=lambda s: (s.taken, s.sha256))
    return snapshots, [_looked_through(path, progress) for path in videos]


def _looked_through(path: Path, progress: Progress) -> _Video:
    procedure = open_procedure(path)
    times = [[frame.time_s for frame in segment.frames] for segment in procedure.segments]
    begin = times[0][0] if times[0] else 0.0
    parts: list[tuple[Plan, float]] = []
    for number, segment in enumerate(procedure.segments):
        progress("looking through", number, len(procedure.segments))
        plan = plan_video(segment.video, file_sha256(segment.video), times[number])
        parts.append((plan, 1000 * (times[number][0] - begin) if times[number] else 0.0))
    lost = [f"{len(procedure.lost)} frames of the session were never recorded"] if procedure.lost else []
    notes = (*procedure.notes, *(note for plan, _ in parts for note in plan.notes), *lost)
    return _Video(tuple(parts), _recorded_at(path), notes)


def _recorded_at(path: Path) -> datetime | None:
    if not path.is_dir() or not _RECORDED_AT.fullmatch(path.name):
        return None
    try:
        return datetime.strptime(path.name, "%Y%m%d-%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None
