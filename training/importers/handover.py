"""What QA handed over (`polypwatch.handover/1`): reviewed procedures, or the frames of them in which a model was wrong.

Licence and source stand in the file, and so does the consent: without it nothing is imported. Labels and videos must
still be those that were handed over.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from detector.errors import FormatError, SourceError, UsageError
from detector.geometry import Size
from detector.handover import SCHEMA, HandedProcedure, HandedVideo, Handover, is_handover, load_handover
from detector.procedure import Procedure, Segment, open_procedure
from training.importers.clips import OPTIONS, REPORTED, Clip, FrameLabel, import_clips
from training.importers.context import Context, Layout
from training.importers.intake import PREFIX, Intake
from training.importers.procedures import procedure_clip
from training.samples import Sample, SourceInfo


def source_of(path: Path) -> SourceInfo:
    """The data set that a handover becomes.

    Raises:
        FormatError: the file is damaged or of an unknown schema.
        UsageError: nobody consented.
    """
    handover = load_handover(path)
    handover.require_consent()
    told = handover.source
    return SourceInfo(told.name, told.licence, told.commercial, told.citation, handover.patients_known)


def _read(root: Path, context: Context) -> Iterator[Sample]:
    handover = load_handover(root)
    handover.require_consent()
    options = {PREFIX: context.source.name, **context.options}
    hard = handover.kind == "hard-examples"
    if hard:  # they were chosen one by one
        options |= {"every_s": "0", "lesions_every_s": "0"}
    context = replace(context, options=options)
    intake = Intake.of(root, context)
    clips: list[Clip] = []
    for procedure in handover.procedures:
        try:
            clips += _clips(procedure, root.parent, intake, handover)
        except (SourceError, FormatError) as error:
            if len(handover.procedures) == 1:
                raise
            intake.bad(root.parent / procedure.path, "unusable procedure", str(error))
    yield from import_clips(root, context, clips)


def _clips(told: HandedProcedure, folder: Path, intake: Intake, handover: Handover) -> list[Clip]:
    path = folder / told.path  # an absolute path stays what it is
    procedure = open_procedure(path)
    known = {s.video.name: s for s in procedure.segments}
    found = []
    for video in told.videos:
        segment = known.get(video.file)
        if segment is None:
            raise SourceError(f"{path} has no video {video.file}, which was handed over.", "Restore it.")
        _require_same(segment, video, path)
        if video.hard or handover.kind == "labels":
            found.append(_clip(told, video, procedure, segment, intake, handover))
    return found


def _require_same(segment: Segment, video: HandedVideo, path: Path) -> None:
    file, annotation = segment.annotation_file, segment.annotation
    if file is None or annotation is None:
        raise SourceError(f"{segment.video} has no labels any more.", "Restore them, or hand it over again.")
    if annotation.video.sha256 != video.sha256:
        raise FormatError(f"{path / video.file} is another video than the one that was handed over.", "Restore it.")
    if hashlib.sha256(file.read_bytes()).hexdigest() != video.labels_sha256:
        raise FormatError(f"{file} was changed since it was handed over.", "Hand the procedure over again in QA.")


def _clip(
    told: HandedProcedure,
    video: HandedVideo,
    procedure: Procedure,
    segment: Segment,
    intake: Intake,
    handover: Handover,
) -> Clip:
    assert segment.annotation is not None
    clip = procedure_clip(intake, procedure, segment, segment.annotation, False)
    hard = {f.index: f for f in video.hard}
    inner = clip.label

    def label(index: int, time_s: float, size: Size) -> FrameLabel | None:
        if not video.covers(index):
            return None
        if handover.kind == "labels":
            return inner(index, time_s, size)
        frame = hard.get(index)
        known = inner(index, time_s, size) if frame is not None else None
        if frame is None or known is None:
            return REPORTED  # not chosen
        facts = {"hard": frame.why, "score": f"{frame.score:.3f}", "event": frame.event, "model": handover.model}
        facts |= {"missed": frame.lesion} if frame.lesion else {}
        return replace(known, facts={**known.facts, **facts})

    several = len(procedure.segments) > 1
    return replace(
        clip,
        name=f"{told.name}/{segment.video.stem}" if several else told.name,
        label=label,
        sequence=told.name,
        patient=told.patient,
        centre=told.centre,
    )


def only_one(paths: list[Path]) -> Path:
    """The handover among the paths of an import.

    Raises:
        UsageError: there are several paths.
    """
    if len(paths) > 1:
        raise UsageError("A handover is imported by itself: it names its own source and licence.")
    return paths[0]


LAYOUTS: tuple[Layout, ...] = (
    Layout(
        "handover",
        f"what QA handed over ({SCHEMA}); source, licence and consent stand in the file",
        is_handover,
        _read,
        {name: line for name, line in OPTIONS.items() if name not in ("classes", "ignore")},
    ),
)
