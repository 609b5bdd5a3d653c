"""CVAT for video 1.1: one XML file of tracks.

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

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np

from detector.errors import FormatError
from detector.geometry import Size
from detector.labels.mark import Outline
from detector.labels.text import number, read_xml, text_of, whole

_HEAD_BYTES = 65536
SHAPES = ("box", "polygon")
SKIPPED_SHAPES = frozenset({"polyline", "points", "ellipse", "cuboid", "mask", "skeleton"})


@dataclass(frozen=True, slots=True, eq=False)
class CvatShape:
    """One shape of a track in one frame.

    Attributes:
        tag: `box`, `polygon`, or one of those that nobody here reads.
        frame: of the video, from 0; None where no number was written.
        written: the frame as it was written.
        box: x1, y1, x2, y2 in pixels; NaN where no number was written.
        outline: float32 (K, 2) of a polygon.
        outside: the lesion is not visible: the coordinates mean nothing.
        occluded: partly hidden.
        keyframe: set by a person, not interpolated.
        rotated: the box is turned, so that its corners are not those of an upright one.
        attributes: by name.
    """

    tag: str
    frame: int | None
    written: str
    box: tuple[float, float, float, float]
    outline: Outline | None
    outside: bool
    occluded: bool
    keyframe: bool
    rotated: bool
    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True, eq=False)
class CvatTrack:
    """One object over time."""

    id: str
    label: str
    shapes: tuple[CvatShape, ...]


@dataclass(frozen=True, slots=True, eq=False)
class CvatFile:
    """One task or job.

    Attributes:
        path: the XML.
        frames: those that the labeller was shown.
        whole_video: a task; a job may cover a part of the video only.
        size: of the pictures; None if it is not said.
        sources: file names of the video that the labels give.
        subset: of the data set, in CVAT's words.
        tracks: in the order of the file.
    """

    path: Path
    frames: range
    whole_video: bool
    size: Size | None
    sources: tuple[str, ...]
    subset: str
    tracks: tuple[CvatTrack, ...]


def is_cvat_video(path: Path) -> bool:
    """Whether an XML file looks like one, by its beginning."""
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    shown = b"<annotations>" in head and b"<meta>" in head
    return shown and (b"<mode>interpolation</mode>" in head or b"<track " in head)


def read_cvat(file: Path) -> CvatFile:
    """Read a file.

    Raises:
        SourceError: it cannot be read.
        FormatError: it is no such file, a project's, of images, or contradicts itself.
    """
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
    return _with_meta(file, meta, tuple(_track(element) for element in root.iter("track")))


def _with_meta(file: Path, meta: Element, tracks: tuple[CvatTrack, ...]) -> CvatFile:
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
    names = tuple(n for n in (source, text_of(section, "name") if Path(text_of(section, "name")).suffix else "") if n)
    picture = Size(width, height) if width and height else None
    return CvatFile(file, frames, section.tag == "task", picture, names, text_of(section, "subset"), tracks)


def _track(element: Element) -> CvatTrack:
    shapes = tuple(_shape(e) for e in element if e.tag in SHAPES or e.tag in SKIPPED_SHAPES)
    return CvatTrack(element.get("id", ""), element.get("label", ""), shapes)


def _shape(shape: Element) -> CvatShape:
    box, outline = _box(shape)
    return CvatShape(
        shape.tag,
        whole(shape.get("frame", "")),
        shape.get("frame", ""),
        box,
        outline,
        shape.get("outside", "0") == "1",
        shape.get("occluded") == "1",
        shape.get("keyframe", "1") == "1",
        abs(number(shape.get("rotation", "0"))) > 0,
        {a.get("name", ""): (a.text or "").strip() for a in shape.findall("attribute")},
    )


def _box(shape: Element) -> tuple[tuple[float, float, float, float], Outline | None]:
    if shape.tag == "box":
        x1, y1, x2, y2 = (number(shape.get(side)) for side in ("xtl", "ytl", "xbr", "ybr"))
        return (x1, y1, x2, y2), None
    points = [[number(v) for v in pair.split(",")] for pair in shape.get("points", "").split(";")]
    if shape.tag != "polygon" or not all(len(p) == 2 for p in points):
        return (np.nan, np.nan, np.nan, np.nan), None
    outline = np.array(points, np.float32)
    (x1, y1), (x2, y2) = outline.min(axis=0).tolist(), outline.max(axis=0).tolist()
    return (x1, y1, x2, y2), outline
