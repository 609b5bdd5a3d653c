"""Polypwatch's own procedures: recordings and videos with labels (`polypwatch.annotation/1`) and reviewed ranges."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from detector.annotation import SCHEMA, Annotation
from detector.decode import VIDEO_SUFFIXES
from detector.errors import FormatError, SourceError
from detector.geometry import Size
from detector.procedure import Procedure, Segment, is_recording, open_procedure, videos_below
from detector.scoring.joining import lesion_prefix
from training.importers.clips import OPTIONS, Clip, FrameLabel, import_clips
from training.importers.context import Context, Layout
from training.importers.intake import Intake, Mark
from training.samples import Sample

_UNREVIEWED = "unreviewed"


def _procedures(root: Path) -> list[Path]:
    """Recordings and plain videos in a folder and below it."""
    if not root.is_dir() or is_recording(root):
        return [root]
    recordings = sorted({p.parent for p in root.rglob("frames.jsonl") if is_recording(p.parent)})
    return recordings + videos_below(root)


def _read(root: Path, context: Context) -> Iterator[Sample]:
    intake = Intake.of(root, context)
    unreviewed = intake.option(_UNREVIEWED, ("unknown", "lesions", "frames"), "unknown")
    take_marks, every_frame = unreviewed == "lesions", unreviewed == "frames"
    paths = _procedures(root)
    clips: list[Clip] = []
    unlabelled = 0
    for path in paths:
        try:
            procedure = open_procedure(path)
        except (SourceError, FormatError) as error:
            if len(paths) == 1:
                raise
            intake.bad(path, "unusable procedure", str(error))
            continue
        context.report.notes.extend(f"{intake.shown(path)}: {note}" for note in procedure.notes)
        found = [
            procedure_clip(intake, procedure, s, s.annotation, take_marks, every_frame)
            for s in procedure.segments
            if s.annotation
        ]
        unlabelled += len(procedure.segments) - len(found)
        clips += found
    if unlabelled:
        context.report.notes.append(f"{unlabelled} videos have no labels and were left out")
    if not clips and not context.report.problems:
        raise SourceError(f"{root} holds no video with labels ({SCHEMA}).", "Label it first; see docs/formats.md.")
    # A folder with one labelled video among others still has others to go on with.
    yield from import_clips(root, context, clips)


def procedure_clip(
    intake: Intake,
    procedure: Procedure,
    segment: Segment,
    annotation: Annotation,
    take_marks: bool,
    every_frame: bool = False,
) -> Clip:
    """A labelled video of a procedure; its name lies below the intake's root where the procedure does.

    Args:
        intake: the import.
        procedure: it is part of.
        segment: the video.
        annotation: its labels.
        take_marks: marks count where nobody looked at the whole frame.
        every_frame: frames that nobody looked at come along as unknown, so that the frames in between are a video.
    """
    nobody = FrameLabel(known=False) if every_frame else None
    folder = procedure.path if procedure.path.is_dir() else procedure.path.with_suffix("")
    below = folder.relative_to(intake.root).as_posix() if folder.is_relative_to(intake.root) else folder.name
    sequence = "" if below == "." else below
    parts = (sequence, segment.video.stem if procedure.path.is_dir() else "")
    video = annotation.video

    def label(index: int, _: float, __: Size) -> FrameLabel | None:
        if index < len(segment.frames) and segment.frames[index].blanked:
            return nobody  # written as black: nobody can have looked at it, whatever the ranges say
        return _label(annotation, index, take_marks, lesion_prefix(procedure, segment.number)) or nobody

    def placed(index: int, time_s: float | None) -> tuple[int, float | None]:
        # The segments of a recording are one examination, on the session's own axis of time.
        row = segment.frames[index] if index < len(segment.frames) else None
        return (row.capture_index, row.time_s) if row is not None else (index, time_s)

    def check(count: int) -> None:
        if count != video.frame_count:
            raise FormatError(
                f"{segment.annotation_file} labels {video.frame_count} frames, but {segment.video} has {count}.",
                "Use the file that was labelled.",
            )

    return Clip(
        "/".join(p for p in parts if p),
        segment.annotation_file or segment.video,
        label,
        video=segment.video,
        size=Size(video.width, video.height),
        check=check,
        sequence=sequence or folder.name,
        placed=placed,
    )


def _label(annotation: Annotation, index: int, take_marks: bool, prefix: str) -> FrameLabel | None:
    found = annotation.marks(index)
    reviewed = annotation.is_reviewed(index)
    if not found and not reviewed:
        return None
    lesions = {x.id: x for x in annotation.lesions}
    facts: dict[str, str] = {}
    for mark in found:
        lesion = lesions[mark.lesion]
        name = f"{prefix}{lesion.id}"
        facts |= {f"paris:{name}": lesion.paris} if lesion.paris else {}
        facts |= {f"lst:{name}": lesion.lst} if lesion.lst else {}
        facts |= {f"size_mm:{name}": f"{lesion.size_mm:g}"} if lesion.size_mm else {}
        facts |= {f"visibility:{name}": f"{mark.visibility:g}"} if mark.visibility is not None else {}
    if not reviewed:
        facts["reviewed"] = "no: lesions are marked, but nobody looked for others"
    marks = tuple(Mark(m.box, lesion=f"{prefix}{m.lesion}", ignored=m.state == "marginal") for m in found)
    return FrameLabel(marks, known=reviewed or take_marks, facts=facts)


def _matches(root: Path) -> bool:
    if root.is_file():
        return root.suffix.lower() in VIDEO_SUFFIXES
    if is_recording(root):
        return True
    for path in sorted(root.glob("*.json"))[:50]:
        with path.open("rb") as file:
            if SCHEMA.split("/")[0].encode() in file.read(4096):
                return True
    return any(is_recording(folder) for folder in sorted(root.iterdir())[:50] if folder.is_dir())


LAYOUTS: tuple[Layout, ...] = (
    Layout(
        "procedure",
        "Polypwatch's recordings and videos with polypwatch.annotation/1 labels beside them",
        _matches,
        _read,
        {name: line for name, line in OPTIONS.items() if name not in ("classes", "ignore")}
        | {
            _UNREVIEWED: "outside of reviewed ranges: unknown (default: only frames with a mark, of which nothing is "
            "known), lesions (their marks count; a further lesion in them is taught as background), or frames (every "
            "frame, as unknown: with every_s=0 for figures over time)"
        },
    ),
)
