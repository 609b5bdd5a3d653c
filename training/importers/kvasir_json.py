"""Kvasir-SEG's box file: `kavsir_bboxes.json` (the name really is misspelt) beside `images/`.

An object of image stems, each with `height`, `width` and `bbox`: a list of `label`, `xmin`, `ymin`, `xmax`, `ymax` in
pixels. They were made from the masks, which give tighter outlines: where there are masks, they are read instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from detector.errors import FormatError
from detector.geometry import Size
from detector.labels.text import number, read_json
from training.importers.context import Context, Layout
from training.importers.intake import CLASS_OPTION, COMMON, Identity, Intake, Mark, images_below, official_lists
from training.importers.masks import find_pair
from training.samples import Sample

_NAMES = ("kavsir_bboxes.json", "kvasir_bboxes.json")


def _box_file(root: Path) -> Path | None:
    if root.is_file():
        return root if root.name in _NAMES else None
    return next((root / name for name in _NAMES if (root / name).is_file()), None)


def _matches(root: Path) -> bool:
    return (root.is_file() and root.name in _NAMES) or (_box_file(root) is not None and find_pair(root) is None)


def _read(root: Path, context: Context) -> Iterator[Sample]:
    intake = Intake.of(root, context)
    path = root if root.is_file() else _box_file(root)
    if path is None:
        raise FormatError(f"{root} has no {_NAMES[0]}.")
    records = read_json(path)
    if not isinstance(records, dict):
        raise FormatError(f"{path} is no object of image names.", "Is it the right file?")
    official = official_lists(intake, intake.root)
    for stem, image in images_below(intake.root / "images"):
        record = records.pop(stem, None)
        identity = Identity(official=official.get(stem, ""))
        if record is None:
            sample = intake.sample(image, stem, None, label=image, **identity)
        else:
            marks, told = _marks(intake, record), _size(record)
            if marks is None:
                intake.bad(path, "broken record", f"{stem} has no list 'bbox'.")
                continue
            sample = intake.sample(image, stem, marks, label=path, told=told, record=stem, **identity)
        if sample is not None:
            yield sample
    for stem in records:
        intake.bad(path, "missing image", f"{stem} has boxes, but no image.")
    intake.close()


def _marks(intake: Intake, record: Any) -> list[Mark] | None:
    boxes = record.get("bbox") if isinstance(record, dict) else None
    if not isinstance(boxes, list) or not all(isinstance(b, dict) for b in boxes):
        return None
    marks = []
    for box in boxes:
        kind = str(box.get("label", ""))
        if intake.wanted(kind):
            x1, y1, x2, y2 = (number(box.get(k)) for k in ("xmin", "ymin", "xmax", "ymax"))
            marks.append(Mark((x1, y1, x2, y2), kind))
    return marks


def _size(record: dict[str, Any]) -> Size | None:
    width, height = number(record.get("width")), number(record.get("height"))
    return Size(int(width), int(height)) if width > 0 and height > 0 else None


LAYOUTS = (
    Layout(
        "kvasir-json",
        "images and kavsir_bboxes.json (Kvasir-SEG without its masks)",
        _matches,
        _read,
        COMMON | CLASS_OPTION,
    ),
)
