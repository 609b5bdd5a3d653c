"""COCO instances: one JSON of `images`, `annotations` and `categories`, or a folder with one for each split.

An image that is listed and has no annotation shows no polyp; an image file that is not listed is unknown and left out.
`iscrowd` (and `ignore`) makes a region ignored. Kept of the extensions for video: `video_id` (with `videos`),
`frame_id` and an annotation's `instance_id` or `track_id`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from detector.errors import FormatError, SourceError, UsageError
from detector.geometry import Size
from training.importers.context import Context, Layout
from training.importers.intake import (
    CLASS_OPTION,
    COMMON,
    IMAGE_SUFFIXES,
    MAX_PX,
    PREFIX,
    Identity,
    Intake,
    Mark,
    files_below,
    whole,
)
from training.importers.label_text import number, read_json
from training.samples import Outline, Sample

_PEEK = 1 << 20
_SPLITS = (("train", "train"), ("val", "val"), ("test", "test"))


def _looks_like(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            start = file.read(_PEEK)
            file.seek(max(0, path.stat().st_size - _PEEK))
            text = start + file.read(_PEEK)
    except OSError:
        return False
    return b'"images"' in text and (b'"annotations"' in text or b'"categories"' in text)


def _label_files(root: Path) -> list[Path]:
    if root.is_file():
        return [root]
    places = [root, root / "annotations", *(root / split for split in ("train", "valid", "val", "test"))]
    return [p for place in places if place.is_dir() for p in sorted(place.glob("*.json")) if _looks_like(p)]


def _matches(root: Path) -> bool:
    if root.is_file():
        return root.suffix == ".json" and _looks_like(root)
    return root.is_dir() and bool(_label_files(root))


def _read(root: Path, context: Context) -> Iterator[Sample]:
    intake = Intake.of(root, context)
    files = _label_files(root)
    if not files:
        raise SourceError(f"{root} has no COCO file (a JSON with 'images' and 'annotations').")
    listed: dict[Path, set[Path]] = {}
    samples = [s for path in files for s in _read_file(path, intake, listed)]
    known = set().union(*listed.values())
    for folder in listed:
        unlisted = sum(file.resolve() not in known for file in files_below(folder, IMAGE_SUFFIXES))
        if unlisted:
            what = f"image files in {intake.shown(folder)} are not listed: nothing is known of them, they are left out"
            intake.tally[what] += unlisted
    intake.close()
    yield from sorted(samples, key=lambda s: s.name)


def _read_file(path: Path, intake: Intake, listed: dict[Path, set[Path]]) -> Iterator[Sample]:
    data = read_json(path)
    if not isinstance(data, dict) or not isinstance(data.get("images"), list):
        raise FormatError(f"{path} has no list 'images'.", "Is it a COCO instances file?")
    categories = {_id(c): c for c in _records(data, "categories", path)}
    videos = {_id(v): str(v.get("name", _id(v))) for v in _records(data, "videos", path)}
    images = _records(data, "images", path)
    folder = _image_folder(path, [str(i.get("file_name", "")) for i in images], intake)
    marks, broken = _marks(path, data, categories, {_id(i) for i in images}, intake)
    seen: set[str] = set()
    official = _split(path)
    for record in images:
        file_name, key = record.get("file_name"), _id(record)
        if not isinstance(file_name, str) or not file_name or key in seen:
            why = "has no file_name" if key not in seen else "has an id that another image has, too"
            intake.bad(path, "broken record", f"Image {key} {why}.")
            continue
        seen.add(key)
        if key in broken:
            continue
        identity = _identity(record, videos, official)
        found, supers = marks.get(key, ([], set()))
        if supers:
            identity["facts"] = {"supercategory": ", ".join(sorted(supers))}
        image = folder / file_name
        listed.setdefault(folder, set()).add(image.resolve())
        below = Path(file_name).with_suffix("").as_posix().removeprefix("./")
        below = Path(below).name if below.startswith(("/", "../")) else below
        told: Size | None = Size(whole(str(record.get("width"))) or 0, whole(str(record.get("height"))) or 0)
        told = told if told and min(told) > 0 else None
        sample = intake.sample(image, below, found, label=path, told=told, record=file_name, **identity)
        if sample is not None:
            yield sample


def _id(record: dict[str, Any]) -> str:
    return str(record.get("id"))


def _records(data: dict[str, Any], name: str, path: Path) -> list[dict[str, Any]]:
    rows = data.get(name) or []
    if not isinstance(rows, list) or not all(isinstance(r, dict) for r in rows):
        raise FormatError(f"{path}: '{name}' is not a list of objects.", "Is it a COCO instances file?")
    return rows


def _split(path: Path, default: str = "") -> str:
    """The split that a file's name (`instances_val2017.json`) or its folder's (`valid/`) says, if it says one."""
    for text in (path.stem.lower(), path.parent.name.lower()):
        for word, split in _SPLITS:
            if re.search(rf"(^|[^a-z]){word}(id|idation|ing)?($|[^a-z])", text):
                return split
    return default


def _image_folder(path: Path, names: list[str], intake: Intake) -> Path:
    """Where the images of a label file are: the first place that has most of them (of the first twenty)."""
    root = intake.root
    chosen = intake.option("images")
    if chosen:
        if not (root / chosen).is_dir():
            raise UsageError(f"--option images={chosen}: there is no such folder in {root}.")
        return root / chosen
    stem = re.sub(r"^(instances_|annotations_)|(_ann|_annotations|_coco)$", "", path.stem)
    split = _split(path)
    bases = [path.parent, path.parent.parent] if path.parent != root else [root]
    inner = [
        "",
        "images",
        f"images/{stem}",
        stem,
        f"{stem}_images",
        f"images/{split}",
        split,
        f"{split}_images",
        "data",
    ]
    places = list(dict.fromkeys(base / name for base in bases for name in inner))
    counts = [sum((place / name).is_file() for name in names[:20] if name) for place in places]
    return places[counts.index(max(counts))]


def _marks(
    path: Path, data: dict[str, Any], categories: dict[str, dict[str, Any]], images: set[str], intake: Intake
) -> tuple[dict[str, tuple[list[Mark], set[str]]], set[str]]:
    """The marks and supercategories of each image, and the images of which a label could not be understood."""
    found: dict[str, tuple[list[Mark], set[str]]] = {}
    broken: set[str] = set()
    for row in _records(data, "annotations", path):
        key = str(row.get("image_id"))
        if key not in images:
            intake.bad(path, "missing image", f"Annotation {_id(row)} is for image {key}, which is not listed.")
            continue
        category = categories.get(str(row.get("category_id")))
        if categories and category is None:
            intake.bad(path, "broken record", f"Annotation {_id(row)} has a category that is not listed; image {key}.")
            broken.add(key)
            continue
        kind, above = ("", "") if category is None else (str(category.get("name", "")), category.get("supercategory"))
        if not intake.wanted(kind, str(above or "")):
            continue
        marks, supers = found.setdefault(key, ([], set()))
        marks.append(_mark(row, kind))
        if above:
            supers.add(str(above))
    return found, broken


def _mark(row: dict[str, Any], kind: str) -> Mark:
    box = row.get("bbox")
    values = [number(v) for v in box] if isinstance(box, list) else []
    x, y, w, h = values if len(values) == 4 else (number(None),) * 4
    lesion = next((str(row[k]) for k in ("instance_id", "track_id") if row.get(k) is not None), "")
    ignored = bool(row.get("iscrowd")) or bool(row.get("ignore"))
    return Mark((x, y, x + w, y + h), kind, lesion, None if ignored else _hull(row.get("segmentation")), ignored)


def _hull(polygons: Any) -> Outline | None:
    """The convex hull of a segmentation's polygons; None for RLE and for what is no polygon."""
    if not isinstance(polygons, list) or not all(isinstance(p, list) and len(p) % 2 == 0 for p in polygons):
        return None
    points = np.array([number(v) for p in polygons for v in p], np.float64).reshape(-1, 2)
    if len(points) < 3 or not np.isfinite(points).all() or np.abs(points).max() > MAX_PX:
        return None
    return np.asarray(cv2.convexHull(points.astype(np.float32)).reshape(-1, 2), np.float32)


def _identity(record: dict[str, Any], videos: dict[str, str], official: str) -> Identity:
    def text(*names: str) -> str:
        return next((str(record[n]) for n in names if record.get(n) not in (None, "")), "")

    identity = Identity(official=official, centre=text("centre", "center"), patient=text("patient", "patient_id"))
    if record.get("video_id") is not None:
        identity["sequence"] = videos.get(str(record["video_id"]), str(record["video_id"]))
        identity["order"] = whole(text("frame_id", "frame_index"))
    return identity


LAYOUTS = (
    Layout(
        "coco",
        "COCO instances JSON (one file, or a folder with one for each split; video extensions kept)",
        _matches,
        _read,
        {PREFIX: COMMON[PREFIX], "images": "folder of the images, below the label file's or the set's"} | CLASS_OPTION,
    ),
)
