"""CVAT for video 1.1: XML with tracks of boxes, beside the video or the exported `images/frame_000123.png`.

What the format means stands in `detector.labels.cvat`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from detector.errors import FormatError, SourceError
from detector.geometry import Size
from detector.labels.cvat import SKIPPED_SHAPES, CvatFile, CvatShape, CvatTrack, is_cvat_video, read_cvat
from training.importers.clip_files import VIDEO_OPTIONS, clip_name, find_video, is_ignored, of_frame, yes
from training.importers.clips import OPTIONS, REPORTED, Clip, FrameLabel, import_clips
from training.importers.context import Context, Layout
from training.importers.intake import IMAGE_SUFFIXES, Intake, Mark, files_below
from training.samples import Sample

_FRAME_NAME = re.compile(r"frame_(\d+)")
_SUBSETS = {"train": "train", "training": "train", "val": "val", "validation": "val", "test": "test"}
_MARGINAL = "marginal"
"""Value of the attribute `state` in our own exports: a region where a box is neither right nor wrong."""


@dataclass(slots=True)
class _Task:
    """What a file says of each frame.

    Attributes:
        marks: by frame; a frame is there only if something is visible in it.
        faults: what is wrong with a frame's labels, as (kind, reason): such a frame is left out as a whole.
    """

    file: CvatFile
    marks: dict[int, list[Mark]] = field(default_factory=dict)
    facts: dict[int, dict[str, str]] = field(default_factory=dict)
    faults: dict[int, tuple[str, str]] = field(default_factory=dict)


def _read(root: Path, context: Context) -> Iterator[Sample]:
    intake = Intake.of(root, context)
    reviewed, partial = yes(context, "reviewed"), yes(context, "partial")
    files = [root] if root.is_file() else sorted(p for p in files_below(root, {".xml"}) if is_cvat_video(p))
    clips = []
    for file in files:
        try:
            task = _read_task(file, intake)
            clips.append(_clip(root, task, intake, reviewed, partial))
        except (SourceError, FormatError) as error:
            if len(files) == 1:
                raise
            intake.bad(file, "unusable clip", str(error))
    if not files:
        raise SourceError(f"{root} holds no export of 'CVAT for video 1.1'.", "Name the folder with annotations.xml.")
    intake.close()
    yield from import_clips(root, context, clips)


def _clip(root: Path, task: _Task, intake: Intake, reviewed: bool, partial: bool) -> Clip:
    context = intake.context
    images = _images(task)
    video = None if images else find_video(task.file.path, task.file.sources, context)
    name = clip_name(root, task.file.path, (video or task.file.path.parent.resolve()).stem)
    for frame, (kind, reason) in sorted(task.faults.items()):
        intake.bad(of_frame(task.file.path, frame), kind, reason)

    def label(index: int, _: float, __: Size) -> FrameLabel | None:
        if index not in task.file.frames:
            return None
        if index in task.faults:
            return REPORTED
        marks = task.marks.get(index)
        if marks is None:
            return FrameLabel() if reviewed else None
        return FrameLabel(tuple(marks), facts=task.facts.get(index, {}))

    def check(count: int) -> None:
        last = task.file.frames[-1]
        if last >= count or (task.file.whole_video and not partial and count - last > task.file.frames.step):
            raise FormatError(
                f"{task.file.path} labels frames up to {last}, but {video} has {count} frames.",
                "Use the video that was labelled; if the labels really end there, say --option partial=yes.",
            )

    return Clip(
        name,
        task.file.path,
        label,
        video,
        images,
        task.file.size,
        check if video else lambda _: None,
        frozenset(task.marks),
        _SUBSETS.get(task.file.subset.lower(), ""),
    )


def _images(task: _Task) -> dict[int, Path]:
    """The exported frames, by index, where they lie beside the labels."""
    found = {}
    folder = task.file.path.parent / "images"
    for path in sorted(files_below(folder, IMAGE_SUFFIXES)) if folder.is_dir() else []:
        if match := _FRAME_NAME.fullmatch(path.stem):
            found[int(match[1])] = path
    return found


# -- the marks --------------------------------------------------------------------------------------------------------


def _read_task(path: Path, intake: Intake) -> _Task:
    task = _Task(read_cvat(path))
    single = 0
    for track in task.file.tracks:
        if not intake.wanted(track.label):
            continue
        visible = sum(_take_shape(shape, track, task, intake) for shape in track.shapes)
        single += visible == 1
    if single > 1:
        # How CVAT writes shapes that nobody tracked.
        intake.tally[f"tracks of {intake.shown(path)} have one frame: their lesion ids join no frames"] += single
    return task


def _take_shape(shape: CvatShape, track: CvatTrack, task: _Task, intake: Intake) -> bool:
    """Note one shape of a track; whether something of the lesion is visible in it."""
    if shape.outside:
        return False
    frame, frames = shape.frame, task.file.frames
    if frame is None or frame not in frames:
        shown = f"{frames[0]} to {frames[-1]} in steps of {frames.step}"
        what = f"Track {track.id} has a shape in frame {shape.written or None}, which is not among {shown}."
        intake.bad(task.file.path, "frame outside", what)
        return False
    if shape.tag in SKIPPED_SHAPES or shape.rotated:
        what = "a rotated box" if shape.rotated else f"a {shape.tag}"
        task.faults[frame] = (
            "unsupported shape",
            f"Track {track.id} is {what}; only upright boxes and polygons are read.",
        )
        return True
    lesion = track.id
    ignored = is_ignored(intake.context, track.label) or shape.attributes.get("state") == _MARGINAL
    task.marks.setdefault(frame, []).append(Mark(shape.box, track.label, lesion, shape.outline, ignored))
    facts = {f"{name}:{lesion}": text for name, text in shape.attributes.items()}
    facts |= {f"occluded:{lesion}": "1"} if shape.occluded else {}
    if facts:
        task.facts.setdefault(frame, {}).update(facts)
    return True


def _matches(root: Path) -> bool:
    if root.is_file():
        return root.suffix.lower() == ".xml" and is_cvat_video(root)
    candidates = [*sorted(root.glob("*.xml"))[:50], *sorted(root.glob("*/annotations.xml"))[:50]]
    return any(is_cvat_video(p) for p in candidates)


LAYOUTS: tuple[Layout, ...] = (
    Layout(
        "cvat-video",
        "CVAT for video 1.1 (annotations.xml of a task or job) with its video or exported images",
        _matches,
        _read,
        OPTIONS
        | VIDEO_OPTIONS
        | {
            "reviewed": "yes: frames of the task without a box show no polyp (default no: left out as unknown)",
            "partial": "yes: the task covers only a part of the video (its frames end before the video does)",
        },
    ),
)
