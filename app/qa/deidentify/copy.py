"""The copy as a whole: it appears once every frame was checked, or not at all."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from app.qa.deidentify.journal import write_journal
from app.qa.deidentify.plan import Clocks, Plan
from app.qa.deidentify.records import (
    write_analysis,
    write_labels,
    write_live_results,
    write_recording_mark,
    write_sidecar,
)
from app.qa.deidentify.video import CopiedVideo, find_area, write_copy
from app.qa.exchange.exporting import grown
from app.qa.progress import Progress, Stop, never, quiet
from app.qa.reanalysis import analysis_path
from app.recording.mark import LOCK_NAME
from detector.decode import opened_video
from detector.errors import OutputError, SourceError, UsageError
from detector.file_lock import FileLock
from detector.picture.area import Area
from detector.procedure import Procedure, Segment, is_recording, open_procedure
from detector.results import is_whole, read_header

_WHEN = 946_684_800  # 1 January 2000: a file's own date tells when it was made
Crop = Area | Literal["auto", "full"] | None


@dataclass(frozen=True, slots=True)
class Copied:
    """What a copy came to.

    Attributes:
        folder: where it is, named by its pseudonym.
        frames: how many frames were checked.
        notes: what was left out, and what nobody can check.
    """

    folder: Path
    frames: int
    notes: tuple[str, ...]


def deidentify(
    path: Path,
    out: Path,
    *,
    crop: Crop = None,
    shift_days: int | None = None,
    pseudonym: str | None = None,
    keep_indication: bool = False,
    progress: Progress = quiet,
    stop: Stop = never,
) -> Copied:
    """Copy a procedure without what tells whose it is.

    Args:
        path: a recording, an examination or a video.
        out: the folder that the copy's own folder goes into.
        crop: of every picture: a rectangle with even numbers, ``auto``: what moves, ``full``: the whole picture. None:
            a recording's pictures, which were cropped when they were recorded; a plain video needs one of the others.
        shift_days: added to every date; None: a random shift, which nobody keeps.
        pseudonym: name of the copy; None: a random one, which nobody keeps.
        keep_indication: keep the indication, a free text that the user vouches for.
        progress: told how far it is.
        stop: asked whether to end early.

    Raises:
        UsageError: the crop is missing or does not fit, the name cannot be one, or the copy would go into the source.
        SourceError: the procedure cannot be opened, is damaged, or is being recorded.
        FormatError: its records are damaged.
        OutputError: the copy cannot be written, exists already, or is not what it must be.
        Stopped: the user stopped it.
    """
    source = path.resolve()
    inside = source if source.is_dir() else None
    if inside is not None and (out.resolve() == inside or out.resolve().is_relative_to(inside)):
        raise UsageError("The copy would go into the procedure that it is of.", "Choose a folder elsewhere.")
    if inside is not None and FileLock.is_held(inside / LOCK_NAME):
        raise SourceError(f"{path} is being recorded or repaired.", "Copy it when it is complete.")
    procedure = open_procedure(path)
    if not is_recording(path) and crop is None:
        raise UsageError(
            f"{path.name} is no recording of ours: what stands beside its picture is not known.",
            "Say --crop X,Y,W,H or auto; or full, if you have looked and nothing stands there.",
        )
    area = find_area(procedure.segments[0].video, stop) if crop == "auto" else crop
    plan = Plan.of(pseudonym, shift_days, area if isinstance(area, Area) else None, keep_indication=keep_indication)
    target = out / plan.pseudonym
    if target.exists():
        raise OutputError(f"{target} exists already; nothing is written over.", "Choose another name or folder.")
    with grown(target) as folder:
        frames = _written(procedure, folder, plan, progress, stop)
        _dated(folder)
    with suppress(OSError):
        os.utime(target, (_WHEN, _WHEN))
    if crop == "auto" and isinstance(area, Area):
        plan.notes.append(f"the crop that was found is {area.x},{area.y},{area.width},{area.height}: look at it")
    plan.notes += [*procedure.notes, *_left_behind(procedure, shift_days)]
    return Copied(target, frames, tuple(plan.notes))


def _written(procedure: Procedure, folder: Path, plan: Plan, progress: Progress, stop: Stop) -> int:
    recording = procedure.path.is_dir()
    videos: dict[str, CopiedVideo] = {}
    for segment in procedure.segments:
        name = segment.video.name if recording else f"{plan.pseudonym}.mkv"
        blanked = frozenset(i for i, f in enumerate(segment.frames) if f.blanked)
        count = len(segment.frames) or None
        made = write_copy(segment.video, folder / name, plan.crop, blanked, progress, stop, count)
        videos[segment.video.name] = made
        if segment.annotation is not None:
            write_labels(segment.annotation, folder / f"{made.path.stem}.annotation.json", plan, made)
    if recording:
        frames = [f for s in procedure.segments for f in s.frames]
        clocks = Clocks.of((*frames, *procedure.lost))
        write_sidecar(procedure, folder, clocks)
        write_recording_mark(procedure.path, folder, plan, videos)
        write_live_results(procedure.path, folder, plan, clocks)
        write_journal(procedure.path, folder, plan)
    _analyses(procedure, folder, plan, videos)
    return sum(len(v.pts) for v in videos.values())


def _analyses(procedure: Procedure, folder: Path, plan: Plan, videos: Mapping[str, CopiedVideo]) -> None:
    copy = folder if procedure.path.is_dir() else next(iter(videos.values())).path
    for number, file in enumerate(procedure.results, start=1):
        target = analysis_path(copy, read_header(file).model)
        if target.exists():
            target = target.with_name(f"{target.stem}-{number}.json")
        if not is_whole(file) or not write_analysis(file, target, plan, videos):
            plan.notes.append("results that are not whole, or of another video, were left out")


def _left_behind(procedure: Procedure, shift_days: int | None) -> list[str]:
    notes = []
    if any(_has_sound(s) for s in procedure.segments):
        notes.append("sound was left out: voices are names")
    if procedure.path.is_dir():
        notes.append("snapshots, reports, DICOM files and review logs were left out; published labels were taken")
    if shift_days is not None:
        notes.append("dates were shifted by whole days: the time of day is the true one")
    notes.append("nobody has looked whether text stands in the pictures themselves: look through the copy")
    return notes


def _has_sound(segment: Segment) -> bool:
    with opened_video(segment.video) as (container, _):
        return bool(container.streams.audio)


def _dated(folder: Path) -> None:
    try:
        for path in folder.rglob("*"):
            os.utime(path, (_WHEN, _WHEN))
    except OSError as error:
        raise OutputError(f"{folder} cannot be dated: {error.strerror or error}.") from error
