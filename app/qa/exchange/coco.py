"""COCO with its extensions for video: `videos`, `video_id` and `frame_id` of images, `track_id` of annotations."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from app import SOFTWARE
from app.qa.exchange.model import KIND, MARGINAL, ForeignMark, ForeignVideo, Format, Item, Job, SizeOf, State
from app.qa.exchange.pictures import frame_name, frames_of, suffix, write_pictures, write_text
from app.qa.exchange_names import SHOWN
from detector.errors import FormatError, SourceError
from detector.geometry import Size
from detector.labels.coco import CocoFile, Record, coco_mark, looks_like_coco, read_coco, record_id
from detector.labels.text import number, whole

FILE = "annotations/instances.json"
_FIELDS = ("paris", "size_mm", "site", "histology", "note", "lst")


def _write(items: Sequence[Item], job: Job) -> list[str]:
    videos: list[Record] = []
    images: list[Record] = []
    annotations: list[Record] = []
    for number_, item in enumerate(items, start=1):
        frames = frames_of(item.annotation, job.every)
        videos.append(_video(number_, item))
        for index in frames:
            image = len(images) + 1
            images.append(_image(image, number_, index, item, job))
            for mark in item.annotation.marks(index):
                annotations.append(_annotation(len(annotations) + 1, image, number_, mark))
        write_pictures(item, frames, job.folder / "images" / item.key, job)
    content = {
        "info": {"description": "Labels of colonoscopy videos", "contributor": SOFTWARE},
        "licenses": [],
        "categories": [{"id": 1, "name": KIND, "supercategory": "lesion"}],
        "videos": videos,
        "images": images,
        "annotations": annotations,
    }
    (job.folder / FILE).parent.mkdir(parents=True, exist_ok=True)
    write_text(job.folder / FILE, json.dumps(content, ensure_ascii=False) + "\n")
    return []


def _video(number_: int, item: Item) -> Record:
    video = item.annotation.video
    lesions = [
        {"track_id": x.id, **{f: v for f in _FIELDS if (v := getattr(x, f, None)) not in (None, "")}}
        for x in item.annotation.lesions
    ]
    return {
        "id": number_,
        "name": item.key,
        "file_name": video.name,
        "sha256": video.sha256,
        "frame_count": video.frame_count,
        "width": video.width,
        "height": video.height,
        "lesions": lesions,
    }


def _image(image: int, video: int, index: int, item: Item, job: Job) -> Record:
    size = item.size
    return {
        "id": image,
        "file_name": f"{item.key}/{frame_name(index)}{suffix(job)}",
        "width": size.width,
        "height": size.height,
        "video_id": video,
        "frame_id": index,
    }


def _annotation(key: int, image: int, video: int, mark: Any) -> Record:
    x1, y1, x2, y2 = mark.box
    width, height = x2 - x1, y2 - y1
    row: Record = {
        "id": key,
        "image_id": image,
        "video_id": video,
        "category_id": 1,
        "track_id": mark.lesion,
        "instance_id": mark.lesion,
        "bbox": [x1, y1, width, height],
        "area": width * height,
        # A crowd is what every COCO evaluation counts as neither right nor wrong.
        "iscrowd": int(mark.state == MARGINAL),
        "state": mark.state,
    }
    return row | ({} if mark.visibility is None else {"visibility": mark.visibility})


# -- reading ----------------------------------------------------------------------------------------------------------


def _read(path: Path, size_of: SizeOf) -> list[ForeignVideo]:
    files = _files(path)
    if not files:
        raise SourceError(f"{path} holds no COCO file with frames of a video.", "Name the JSON file.")
    return [video for file in files for video in _videos(read_coco(file), file)]


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    places = [path, path / "annotations"]
    return [p for place in places if place.is_dir() for p in sorted(place.glob("*.json")) if looks_like_coco(p)]


def _videos(file: CocoFile, path: Path) -> list[ForeignVideo]:
    images: dict[str, tuple[str, int, Size | None]] = {}
    for record in file.images:
        images[record_id(record)] = _place(record, file, path)
    marks: dict[str, list[ForeignMark]] = {}
    for row in file.annotations:
        key = str(row.get("image_id"))
        if key not in images:
            raise FormatError(f"{path}: annotation {record_id(row)} is for image {key}, which is not listed.")
        video, frame, _ = images[key]
        marks.setdefault(video, []).append(_mark(row, frame))
    found = []
    for video in dict.fromkeys([*file.videos, *(v for v, _, _ in images.values())]):
        record = file.videos.get(video, {})
        places = [(f, s) for v, f, s in images.values() if v == video]
        sizes = {s for _, s in places if s is not None}
        if len(sizes) > 1:
            raise FormatError(f"{path}: the frames of video {video} have different sizes.", "Import them one by one.")
        name = str(record.get("name") or video)
        notes = () if "video_id" in (file.images[0] if file.images else {}) else (_NAMED,)
        found.append(
            ForeignVideo(
                name,
                tuple(marks.get(video, ())),
                frozenset(f for f, _ in places),
                whole(str(record.get("frame_count"))),
                next(iter(sizes), None),
                tuple(str(record[k]) for k in ("file_name", "name") if record.get(k)),
                _lesions(record),
                notes,
            )
        )
    return found


_NAMED = "the images name no video: their folder was taken for its name, and the number in their name for the frame"


def _place(record: Record, file: CocoFile, path: Path) -> tuple[str, int, Size | None]:
    """Video, frame and size of an image."""
    told = Path(str(record.get("file_name", "")).replace("\\", "/"))
    frame = whole(str(next((record[k] for k in ("frame_id", "frame_index") if record.get(k) is not None), "")))
    digits = "".join(c if c.isdecimal() else " " for c in told.stem).split()
    if frame is None and digits:
        frame = int(digits[-1])
    if frame is None:
        raise FormatError(f"{path}: image {record_id(record)} says neither frame_id nor a number in its name.")
    width, height = whole(str(record.get("width"))), whole(str(record.get("height")))
    video = str(record["video_id"]) if record.get("video_id") is not None else told.parent.as_posix()
    return video, frame, Size(width, height) if width and height else None


def _mark(row: Record, frame: int) -> ForeignMark:
    mark = coco_mark(row, KIND)
    state: State = MARGINAL if mark.ignored else "clear"
    seen = number(row.get("visibility")) if row.get("visibility") is not None else None
    return ForeignMark(frame, mark.box, mark.lesion, state, seen)


def _lesions(record: Record) -> dict[str, dict[str, str]]:
    rows = record.get("lesions")
    listed = [r for r in rows if isinstance(r, dict)] if isinstance(rows, list) else []
    return {str(r.get("track_id")): {f: str(r[f]) for f in _FIELDS if r.get(f) is not None} for r in listed}


COCO = Format(
    "coco",
    SHOWN["coco"],
    "reviewed ranges, and frames that were not exported",
    _write,
    _read,
    lambda path: bool(_files(path)) if path.is_dir() else path.suffix == ".json" and looks_like_coco(path),
    pictures=True,
)
