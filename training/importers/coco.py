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

from detector.errors import SourceError, UsageError
from detector.geometry import Size
from detector.labels.coco import CocoFile, coco_mark, looks_like_coco, read_coco
from detector.labels.coco import record_id as _id
from training.importers.context import Context, Layout
from training.importers.intake import (
    CLASS_OPTION,
    COMMON,
    IMAGE_SUFFIXES,
    PREFIX,
    Identity,
    Intake,
    Mark,
    files_below,
    whole,
)
from training.samples import Sample

_SPLITS = (("train", "train"), ("val", "val"), ("test", "test"))


def _label_files(root: Path) -> list[Path]:
    if root.is_file():
        return [root]
    places = [root, root / "annotations", *(root / split for split in ("train", "valid", "val", "test"))]
    return [p for place in places if place.is_dir() for p in sorted(place.glob("*.json")) if looks_like_coco(p)]


def _matches(root: Path) -> bool:
    if root.is_file():
        return root.suffix == ".json" and looks_like_coco(root)
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
    file = read_coco(path)
    videos = {key: str(v.get("name", key)) for key, v in file.videos.items()}
    images = file.images
    folder = _image_folder(path, [str(i.get("file_name", "")) for i in images], intake)
    marks, broken = _marks(file, {_id(i) for i in images}, intake)
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


def _marks(file: CocoFile, images: set[str], intake: Intake) -> tuple[dict[str, tuple[list[Mark], set[str]]], set[str]]:
    """The marks and supercategories of each image, and the images of which a label could not be understood."""
    found: dict[str, tuple[list[Mark], set[str]]] = {}
    broken: set[str] = set()
    for row in file.annotations:
        key = str(row.get("image_id"))
        if key not in images:
            intake.bad(file.path, "missing image", f"Annotation {_id(row)} is for image {key}, which is not listed.")
            continue
        category = file.categories.get(str(row.get("category_id")))
        if file.categories and category is None:
            intake.bad(
                file.path, "broken record", f"Annotation {_id(row)} has a category that is not listed; image {key}."
            )
            broken.add(key)
            continue
        kind, above = ("", "") if category is None else (str(category.get("name", "")), category.get("supercategory"))
        if not intake.wanted(kind, str(above or "")):
            continue
        marks, supers = found.setdefault(key, ([], set()))
        marks.append(coco_mark(row, kind))
        if above:
            supers.add(str(above))
    return found, broken


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
