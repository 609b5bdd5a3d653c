"""CVAT for video 1.1: XML with tracks of boxes, beside the video or the exported `images/frame_000123.png`.

What the format means (CVAT's `dataset_manager/bindings.py` and `formats/cvat.py`, and its documentation):

- `frame` counts frames of the *video*, from 0: start frame and step are in it already (start + position x step). Only
  every step-th frame of [start, stop] was shown to the labeller.
- A track has a box in every shown frame from its first to the end, interpolated ones included. `outside="1"` means that
  the lesion is not visible there: no box, although coordinates stand beside it.
- An untracked shape comes as a track of one frame, closed by an `outside` one, which may lie behind the stop frame.
- The export of a *project* shifts the frames of each task by the length of those before: it is refused.
- Nothing in the file says which frames were looked at, nor names the video's content.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np

from detector.errors import FormatError, SourceError
from detector.geometry import Size
from training.importers.clip_files import VIDEO_OPTIONS, clip_name, find_video, is_ignored, of_frame, yes
from training.importers.clips import OPTIONS, REPORTED, Clip, FrameLabel, import_clips
from training.importers.context import Context, Layout
from training.importers.intake import IMAGE_SUFFIXES, Intake, Mark, files_below, whole
from training.importers.label_text import number, read_xml, text_of
from training.samples import Sample

_HEAD_BYTES = 65536
_FRAME_NAME = re.compile(r"frame_(\d+)")
_SUBSETS = {"train": "train", "training": "train", "val": "val", "validation": "val", "test": "test"}
_SHAPES = ("box", "polygon")
_SKIPPED_SHAPES = {"polyline", "points", "ellipse", "cuboid", "mask", "skeleton"}


@dataclass(slots=True)
class _Task:
    """One task or job.

    Attributes:
        frames: those that the labeller was shown.
        marks: by frame; a frame is there only if something is visible in it.
        faults: what is wrong with a frame's labels, as (kind, reason): such a frame is left out as a whole.
    """

    file: Path
    frames: range
    whole_video: bool
    size: Size | None
    sources: tuple[str, ...]
    official: str
    marks: dict[int, list[Mark]] = field(default_factory=dict)
    facts: dict[int, dict[str, str]] = field(default_factory=dict)
    faults: dict[int, tuple[str, str]] = field(default_factory=dict)


def _read(root: Path, context: Context) -> Iterator[Sample]:
    intake = Intake.of(root, context)
    reviewed, partial = yes(context, "reviewed"), yes(context, "partial")
    files = [root] if root.is_file() else sorted(p for p in files_below(root, {".xml"}) if _is_cvat_video(p))
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
    video = None if images else find_video(task.file, task.sources, context)
    name = clip_name(root, task.file, (video or task.file.parent.resolve()).stem)
    for frame, (kind, reason) in sorted(task.faults.items()):
        intake.bad(of_frame(task.file, frame), kind, reason)

    def label(index: int, _: float, __: Size) -> FrameLabel | None:
        if index not in task.frames:
            return None
        if index in task.faults:
            return REPORTED
        marks = task.marks.get(index)
        if marks is None:
            return FrameLabel() if reviewed else None
        return FrameLabel(tuple(marks), facts=task.facts.get(index, {}))

    def check(count: int) -> None:
        last = task.frames[-1]
        if last >= count or (task.whole_video and not partial and count - last > task.frames.step):
            raise FormatError(
                f"{task.file} labels frames up to {last}, but {video} has {count} frames.",
                "Use the video that was labelled; if the labels really end there, say --option partial=yes.",
            )

    return Clip(
        name,
        task.file,
        label,
        video,
        images,
        task.size,
        check if video else lambda _: None,
        frozenset(task.marks),
        task.official,
    )


def _images(task: _Task) -> dict[int, Path]:
    """The exported frames, by index, where they lie beside the labels."""
    found = {}
    folder = task.file.parent / "images"
    for path in sorted(files_below(folder, IMAGE_SUFFIXES)) if folder.is_dir() else []:
        if match := _FRAME_NAME.fullmatch(path.stem):
            found[int(match[1])] = path
    return found


# -- the XML ----------------------------------------------------------------------------------------------------------


def _read_task(file: Path, intake: Intake) -> _Task:
    root = read_xml(file)
    meta = root.find("meta")
    if root.tag != "annotations" or meta is None:
        raise FormatError(f"{file} is no CVAT export: it has no <annotations> with <meta>.")
    if meta.find("project") is not None:
        raise FormatError(
            f"{file} is the export of a whole CVAT project, in which frame numbers are shifted from task to task.",
            "Export each task by itself.",
        )
    if root.find("image") is not None:
        raise FormatError(f"{file} is an export of 'CVAT for images'.", "Export it as 'CVAT for video 1.1'.")
    task = _read_meta(file, meta)
    single = 0
    for track in root.iter("track"):
        kind = track.get("label", "")
        if not intake.wanted(kind):
            continue
        visible = sum(_take_shape(shape, track, kind, task, intake) for shape in track)
        single += visible == 1
    if single > 1:
        # How CVAT writes shapes that nobody tracked.
        intake.tally[f"tracks of {intake.shown(file)} have one frame: their lesion ids join no frames"] += single
    return task


def _read_meta(file: Path, meta: Element) -> _Task:
    section = next((e for e in (meta.find("task"), meta.find("job")) if e is not None), None)
    if section is None:
        raise FormatError(f"{file} does not describe its task (<meta><task>).", "Export it from CVAT again.")
    if text_of(section, "flipped").lower() == "true":
        raise FormatError(f"{file}: the task showed flipped pictures, which current CVAT no longer does.")
    size, start, stop = (whole(text_of(section, tag)) for tag in ("size", "start_frame", "stop_frame"))
    start = start or 0
    step_text = text_of(section, "frame_filter")
    step = whole(step_text.removeprefix("step=")) if step_text else 1
    if not size or size < 1 or not step or step < 1:
        raise FormatError(f"{file} does not say how many frames its task has (<size>), or in what steps.")
    frames = range(start, start + size * step, step)
    if stop is not None and not frames[-1] <= stop < frames[-1] + step:
        raise FormatError(
            f"{file} contradicts itself: {size} frames from {start} in steps of {step} end at {frames[-1]}, but its "
            f"stop_frame is {stop}.",
            "Export it from CVAT again.",
        )
    original = next(meta.iter("original_size"), None)
    width, height = (whole(original.findtext(tag, "")) if original is not None else None for tag in ("width", "height"))
    source = (meta.findtext("source") or "").strip()
    subset = _SUBSETS.get(text_of(section, "subset").lower(), "")
    names = tuple(n for n in (source, text_of(section, "name") if Path(text_of(section, "name")).suffix else "") if n)
    picture = Size(width, height) if width and height else None
    return _Task(file, frames, section.tag == "task", picture, names, subset)


def _take_shape(shape: Element, track: Element, kind: str, task: _Task, intake: Intake) -> bool:
    """Note one shape of a track; whether something of the lesion is visible in it."""
    if shape.tag not in _SHAPES and shape.tag not in _SKIPPED_SHAPES:
        return False
    if shape.get("outside", "0") == "1":
        return False
    frame = whole(shape.get("frame", ""))
    if frame is None or frame not in task.frames:
        shown = f"{task.frames[0]} to {task.frames[-1]} in steps of {task.frames.step}"
        what = f"Track {track.get('id')} has a shape in frame {shape.get('frame')}, which is not among {shown}."
        intake.bad(task.file, "frame outside", what)
        return False
    rotated = abs(number(shape.get("rotation", "0"))) > 0
    if shape.tag in _SKIPPED_SHAPES or rotated:
        what = "a rotated box" if rotated else f"a {shape.tag}"
        task.faults[frame] = (
            "unsupported shape",
            f"Track {track.get('id')} is {what}; only upright boxes and polygons are read.",
        )
        return True
    lesion = track.get("id", "")
    box, outline = _box(shape)
    task.marks.setdefault(frame, []).append(Mark(box, kind, lesion, outline, ignored=is_ignored(intake.context, kind)))
    facts = {f"{a.get('name', '')}:{lesion}": (a.text or "").strip() for a in shape.findall("attribute")}
    facts |= {f"occluded:{lesion}": "1"} if shape.get("occluded") == "1" else {}
    if facts:
        task.facts.setdefault(frame, {}).update(facts)
    return True


def _box(shape: Element) -> tuple[tuple[float, float, float, float], np.ndarray | None]:
    if shape.tag == "box":
        x1, y1, x2, y2 = (number(shape.get(side)) for side in ("xtl", "ytl", "xbr", "ybr"))
        return (x1, y1, x2, y2), None
    points = [[number(v) for v in pair.split(",")] for pair in shape.get("points", "").split(";")]
    if not all(len(p) == 2 for p in points):
        return (np.nan, np.nan, np.nan, np.nan), None
    outline = np.array(points, np.float32)
    (x1, y1), (x2, y2) = outline.min(axis=0).tolist(), outline.max(axis=0).tolist()
    return (x1, y1, x2, y2), outline


def _is_cvat_video(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    shown = b"<annotations>" in head and b"<meta>" in head
    return shown and (b"<mode>interpolation</mode>" in head or b"<track " in head)


def _matches(root: Path) -> bool:
    if root.is_file():
        return root.suffix.lower() == ".xml" and _is_cvat_video(root)
    candidates = [*sorted(root.glob("*.xml"))[:50], *sorted(root.glob("*/annotations.xml"))[:50]]
    return any(_is_cvat_video(p) for p in candidates)


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
