"""CVAT for video 1.1: `VIDEO/annotations.xml`, a track for each lesion, whose boxes move evenly between key frames."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, indent, tostring

import numpy as np
import numpy.typing as npt

from app.qa.exchange.model import KIND, MARGINAL, ForeignMark, ForeignVideo, Format, Item, Job, SizeOf, State
from app.qa.exchange.pictures import make_folder, write_bytes
from app.qa.exchange_names import SHOWN
from detector.annotation import Annotation, Lesion, Mark
from detector.errors import FormatError, SourceError
from detector.labels.cvat import SKIPPED_SHAPES, CvatShape, CvatTrack, is_cvat_video, read_cvat
from detector.labels.text import number

FILE = "annotations.xml"
_FIXED = ("lesion", "paris", "size_mm", "site", "histology", "note", "lst")
_MUTABLE = ("state", "visibility")
_LINE_PX = 0.004  # CVAT writes two digits
_LONGEST = 500  # frames between two key frames


def _write(items: Sequence[Item], job: Job) -> list[str]:
    for item in items:
        folder = job.folder / item.key
        make_folder(folder)
        root = Element("annotations")
        SubElement(root, "version").text = "1.1"
        _meta(SubElement(root, "meta"), item)
        for place, lesion in enumerate(item.annotation.lesions):
            _track(root, place, lesion, item.annotation)
        indent(root)
        write_bytes(
            folder / FILE, b"<?xml version='1.0' encoding='utf-8'?>\n" + tostring(root, encoding="utf-8") + b"\n"
        )
    return []


def _meta(meta: Element, item: Item) -> None:
    task = SubElement(meta, "task")
    video = item.annotation.video
    rows = (
        ("name", item.key),
        ("size", video.frame_count),
        ("mode", "interpolation"),
        ("overlap", 0),
        ("start_frame", 0),
        ("stop_frame", video.frame_count - 1),
        ("frame_filter", ""),
    )
    for tag, value in rows:
        SubElement(task, tag).text = str(value)
    label = SubElement(SubElement(task, "labels"), "label")
    SubElement(label, "name").text = KIND
    SubElement(label, "type").text = "rectangle"
    attributes = SubElement(label, "attributes")
    for name in (*_FIXED, *_MUTABLE):
        one = SubElement(attributes, "attribute")
        SubElement(one, "name").text = name
        SubElement(one, "mutable").text = str(name in _MUTABLE)
        SubElement(one, "input_type").text = "select" if name == "state" else "text"
        SubElement(one, "default_value").text = "clear" if name == "state" else ""
        SubElement(one, "values").text = "clear\nmarginal" if name == "state" else ""
    size = SubElement(task, "original_size")
    SubElement(size, "width").text, SubElement(size, "height").text = str(video.width), str(video.height)
    SubElement(meta, "source").text = video.name


def _track(root: Element, place: int, lesion: Lesion, annotation: Annotation) -> None:
    marks = {f.index: m for f in annotation.frames for m in f.marks if m.lesion == lesion.id}
    if not marks:
        return
    track = SubElement(root, "track", id=str(place), label=KIND, source="manual")
    fixed = {name: _text(getattr(lesion, name, None)) for name in _FIXED if name != "lesion"}
    fixed = {"lesion": str(lesion.id)} | {name: text for name, text in fixed.items() if text}
    run: list[int] = []
    for index in sorted(marks):
        if run and index != run[-1] + 1:
            _run(track, run, marks, fixed, annotation.video.frame_count)
            run = []
        run.append(index)
    _run(track, run, marks, fixed, annotation.video.frame_count)


def _run(track: Element, run: list[int], marks: dict[int, Mark], fixed: dict[str, str], count: int) -> None:
    """Shapes of consecutive frames, and one that says that the lesion is gone behind them."""
    keys = _keys(run, marks)
    for index in run:
        _shape(track, index, marks[index], fixed, key=index in keys)
    if run[-1] + 1 < count:
        _shape(track, run[-1] + 1, marks[run[-1]], fixed, key=True, outside=True)


def _keys(run: list[int], marks: dict[int, Mark]) -> set[int]:
    """Frames between which straight lines give every box."""
    boxes = np.array([marks[i].box for i in run], np.float64)
    told = [(marks[i].state, marks[i].visibility) for i in run]
    keys = {run[0], run[-1]} | {run[k] for k in range(1, len(run)) if told[k] != told[k - 1]}
    start = 0
    while start < len(run) - 1:
        end = start + 1
        while end + 1 < len(run) and end - start < _LONGEST and _straight(boxes, start, end + 1):
            end += 1
        keys.add(run[end])
        start = end
    return keys


def _straight(boxes: npt.NDArray[np.float64], start: int, end: int) -> bool:
    share = np.arange(1, end - start)[:, None] / (end - start)
    line = boxes[start] + share * (boxes[end] - boxes[start])
    return bool(np.abs(line - boxes[start + 1 : end]).max() <= _LINE_PX)


def _shape(track: Element, index: int, mark: Mark, fixed: dict[str, str], *, key: bool, outside: bool = False) -> None:
    sides = {name: f"{v:.4f}" for name, v in zip(("xtl", "ytl", "xbr", "ybr"), mark.box, strict=True)}
    flags = {"keyframe": str(int(key)), "outside": str(int(outside)), "occluded": str(int(mark.state == MARGINAL))}
    box = SubElement(track, "box", {"frame": str(index)} | flags | sides | {"z_order": "0"})
    told = fixed | {"state": mark.state, "visibility": _text(mark.visibility)}
    for name, text in told.items():
        if text:
            SubElement(box, "attribute", name=name).text = text


def _text(value: object) -> str:
    return "" if value is None else str(value)


# -- reading ----------------------------------------------------------------------------------------------------------


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path] if path.suffix.lower() == ".xml" and is_cvat_video(path) else []
    return sorted(p for p in path.rglob("*.xml") if p.is_file() and is_cvat_video(p))


def _read(path: Path, size_of: SizeOf) -> list[ForeignVideo]:
    files = _files(path)
    if not files:
        raise SourceError(f"{path} holds no export of 'CVAT for video 1.1'.", "Export the task again in that format.")
    return [_video(file, path) for file in files]


def _video(path: Path, root: Path) -> ForeignVideo:
    file = read_cvat(path)
    marks: list[ForeignMark] = []
    lesions: dict[str, dict[str, str]] = {}
    occluded = 0
    for track in file.tracks:
        for shape in track.shapes:
            if shape.outside:
                continue
            mark = _mark(shape, track, path)
            marks.append(mark)
            lesions.setdefault(mark.lesion, {n: t for n, t in shape.attributes.items() if n in _FIXED})
            occluded += shape.occluded and "state" not in shape.attributes
    notes = []
    if occluded:
        notes.append(
            f"{occluded} boxes are occluded: they count as clear, as CVAT's word does not say how much is seen"
        )
    kinds = sorted({t.label for t in file.tracks})
    if len(kinds) > 1:
        notes.append(f"boxes of all classes were taken as polyps: {', '.join(kinds)}")
    shown = file.frames
    part = None if shown.step == 1 and shown.start == 0 and file.whole_video else frozenset(shown)
    folder = path.parent
    below = folder.relative_to(root).as_posix() if root.is_dir() and folder.is_relative_to(root) else folder.name
    name = folder.resolve().name if below == "." else below
    count = len(shown) if part is None else None
    return ForeignVideo(name, tuple(marks), part, count, file.size, file.sources, lesions, tuple(notes))


def _mark(shape: CvatShape, track: CvatTrack, path: Path) -> ForeignMark:
    if shape.tag in SKIPPED_SHAPES or shape.rotated:
        what = "a rotated box" if shape.rotated else f"a {shape.tag}"
        raise FormatError(
            f"{path}: track {track.id} is {what}; only upright boxes and polygons can become labels.",
            "Draw a box around it in CVAT, and export again.",
        )
    if shape.frame is None:
        raise FormatError(f"{path}: track {track.id} has a shape in frame '{shape.written}', which is no number.")
    told = shape.attributes
    state: State | None = MARGINAL if told.get("state") == MARGINAL else "clear"
    seen = number(told["visibility"]) if told.get("visibility") else None
    lesion = told.get("lesion") or f"track {track.id}"
    return ForeignMark(shape.frame, shape.box, lesion, state, seen)


CVAT = Format(
    "cvat",
    SHOWN["cvat"],
    "reviewed ranges",
    _write,
    _read,
    lambda path: bool(_files(path)),
)
