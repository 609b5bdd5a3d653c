"""YOLO text labels: `class cx cy w h` (or a polygon) in shares of the image, with or without `data.yaml`.

The label of an image is found as Ultralytics finds it: the last `/images/` of its path becomes `/labels/`, the suffix
`.txt`. Unlike there, an image without a label file is unknown: say `--option unlabelled=no-polyp` if you know better.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from detector.errors import SourceError
from detector.geometry import Size
from detector.labels.text import read_text
from detector.labels.yolo import read_yolo, read_yolo_settings, yolo_label_of, yolo_names
from training.importers.context import Context, Layout
from training.importers.headers import image_size
from training.importers.intake import (
    CLASS_OPTION,
    COMMON,
    SEQUENCE_OPTION,
    Intake,
    Mark,
    files_below,
    folder_sequences,
    images_below,
)
from training.samples import Sample

_SPLITS = (("train", "train"), ("val", "val"), ("valid", "val"), ("test", "test"))


def _yaml_file(root: Path) -> Path | None:
    if root.is_file():
        return root if root.suffix in (".yaml", ".yml") else None
    found = [root / name for name in ("data.yaml", "data.yml", "dataset.yaml") if (root / name).is_file()]
    return found[0] if found else None


def _matches(root: Path) -> bool:
    path = _yaml_file(root)
    if path is not None:
        text = path.read_text(encoding="utf-8", errors="replace")
        return "names" in text and ("train" in text or "val" in text)
    labels = root / "labels"
    return (root / "images").is_dir() and labels.is_dir() and any(labels.rglob("*.txt"))


def _read(root: Path, context: Context) -> Iterator[Sample]:
    intake = Intake.of(root, context)
    path = _yaml_file(root)
    settings = read_yolo_settings(path) if path is not None else {}
    names = yolo_names(settings, path)
    images = _images(intake, settings, path)
    sequences = folder_sequences(intake, [below for below, _ in images])
    for (below, image), official in sorted(images.items()):
        label = yolo_label_of(image)
        marks = None
        if label.is_file():
            size = intake.attempt(image, "unreadable image", image_size) if image.is_file() else Size(1, 1)
            if size is None:
                continue
            marks = intake.attempt(label, "broken line", partial(_marks, size=size, names=names, intake=intake))
            if marks is None:
                continue
        identity = sequences.get(below, {})
        identity["official"] = official
        sample = intake.sample(image, below, marks, label=label if label.is_file() else image, **identity)
        if sample is not None:
            yield sample
    used = {yolo_label_of(image).resolve() for _, image in images}
    for folder in sorted({_label_folder(image) for _, image in images}, key=str):
        for label in sorted(files_below(folder, (".txt",))) if folder.is_dir() and folder.name == "labels" else ():
            if label.resolve() not in used and label.name != "classes.txt":
                intake.bad(label, "missing image", "There is no image for this label.")
    intake.close()


def _images(intake: Intake, settings: dict[str, Any], path: Path | None) -> dict[tuple[str, Path], str]:
    """Name below the images and file of each image, and its official split."""
    if path is None or not any(settings.get(key) for key, _ in _SPLITS):
        return {(below, image): "" for below, image in images_below(intake.root / "images")}
    base = (path.parent / str(settings.get("path") or ".")).resolve()
    # Many a file names the machine that it was made on; then the set lies where the file lies.
    base = base if base.is_dir() else path.parent.resolve()
    found: dict[tuple[str, Path], str] = {}
    for key, official in _SPLITS:
        entries = settings.get(key) or []
        for entry in entries if isinstance(entries, list) else [entries]:
            for image in _listed(base, path, str(entry)):
                if found.setdefault((_below(image, base), image), official) != official:
                    intake.tally["images are in two of train, val and test: they count to the first of these"] += 1
    return found


def _listed(base: Path, path: Path, entry: str) -> list[Path]:
    """The images of one entry: a folder, or a text file of paths."""
    # Roboflow writes ../train/images and means train/images.
    places = [base / entry, path.parent / entry, path.parent / entry.removeprefix("../")]
    place = next((p for p in places if p.exists()), None)
    if place is None:
        raise SourceError(f"{path} names {entry}, which is not there.", "Correct the file, or restore the folder.")
    if place.is_dir():
        return [image.resolve() for _, image in images_below(place)]
    lines = [line.strip() for line in read_text(place).splitlines() if line.strip()]
    return [((place.parent if line.startswith("./") else base) / line).resolve() for line in lines]


def _below(image: Path, base: Path) -> str:
    """The path below the set's folder, without the folder `images` and without suffix: `train/a`."""
    relative = image.relative_to(base) if image.is_relative_to(base) else Path(image.name)
    parts = list(relative.with_suffix("").parts)
    if "images" in parts[:-1]:
        parts.remove("images")
    return "/".join(parts)


def _label_folder(image: Path) -> Path:
    """The folder `labels` that an image's label is in or below; its own folder if there is none."""
    label = yolo_label_of(image)
    return next((p for p in label.parents if p.name == "labels"), label.parent)


def _marks(path: Path, size: Size, names: dict[int, str] | None, intake: Intake) -> list[Mark]:
    return [m for m in read_yolo(path, size, names) if intake.wanted(m.kind)]


LAYOUTS = (
    Layout(
        "yolo",
        "YOLO text labels, with data.yaml or plain images/ and labels/",
        _matches,
        _read,
        COMMON | CLASS_OPTION | SEQUENCE_OPTION,
    ),
)
