"""COCO instances: one JSON of `images`, `annotations` and `categories`, with `videos` in its extensions for video."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from detector.errors import FormatError
from detector.labels.mark import Mark, Outline, convex_hull
from detector.labels.text import number, read_json

_PEEK = 1 << 20
Record = dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class CocoFile:
    """One file: its records as they stand there, categories and videos by `record_id`."""

    path: Path
    images: list[Record]
    annotations: list[Record]
    categories: dict[str, Record]
    videos: dict[str, Record]


def looks_like_coco(path: Path) -> bool:
    """Whether a JSON file looks like one, by its beginning and end."""
    try:
        with path.open("rb") as file:
            start = file.read(_PEEK)
            file.seek(max(0, path.stat().st_size - _PEEK))
            text = start + file.read(_PEEK)
    except OSError:
        return False
    return b'"images"' in text and (b'"annotations"' in text or b'"categories"' in text)


def read_coco(path: Path) -> CocoFile:
    """Read a file.

    Raises:
        SourceError: it cannot be read.
        FormatError: it is no COCO instances file.
    """
    data = read_json(path)
    if not isinstance(data, dict) or not isinstance(data.get("images"), list):
        raise FormatError(f"{path} has no list 'images'.", "Is it a COCO instances file?")
    categories = {record_id(c): c for c in _records(data, "categories", path)}
    videos = {record_id(v): v for v in _records(data, "videos", path)}
    images = _records(data, "images", path)
    return CocoFile(path, images, _records(data, "annotations", path), categories, videos)


def record_id(record: Record) -> str:
    """The id of a record, as text: some tools write numbers, some words."""
    return str(record.get("id"))


def coco_mark(row: Record, kind: str) -> Mark:
    """An annotation as a mark of the class `kind`; `iscrowd` (and `ignore`) makes its region ignored."""
    box = row.get("bbox")
    values = [number(v) for v in box] if isinstance(box, list) else []
    x, y, w, h = values if len(values) == 4 else (number(None),) * 4
    lesion = next((str(row[k]) for k in ("instance_id", "track_id") if row.get(k) is not None), "")
    ignored = bool(row.get("iscrowd")) or bool(row.get("ignore"))
    return Mark((x, y, x + w, y + h), kind, lesion, None if ignored else _hull(row.get("segmentation")), ignored)


def _records(data: Record, name: str, path: Path) -> list[Record]:
    rows = data.get(name) or []
    if not isinstance(rows, list) or not all(isinstance(r, dict) for r in rows):
        raise FormatError(f"{path}: '{name}' is not a list of objects.", "Is it a COCO instances file?")
    return rows


def _hull(polygons: Any) -> Outline | None:
    """The convex hull of a segmentation's polygons; None for RLE and for what is no polygon."""
    if not isinstance(polygons, list) or not all(isinstance(p, list) and len(p) % 2 == 0 for p in polygons):
        return None
    return convex_hull(np.array([number(v) for p in polygons for v in p], np.float64).reshape(-1, 2))
