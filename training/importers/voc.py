"""Pascal VOC XML: a folder of images and one of annotations; REAL-Colon's own tree is `real_colon`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from detector.errors import FormatError, SourceError
from detector.labels.text import read_text
from detector.labels.voc import read_voc
from training.importers import real_colon
from training.importers.context import Context, Layout
from training.importers.intake import (
    CLASS_OPTION,
    COMMON,
    SEQUENCE_OPTION,
    Identity,
    Intake,
    files_below,
    folder_sequences,
    images_below,
)
from training.samples import Sample

ZERO_NOTE = "boxes begin at 0, where VOC counts from 1: the set is most likely zero-based (--option zero_based=yes)"
_LABELS = ("Annotations", "Annotation", "annotations", "annotation", "xml", "labels")
_IMAGES = ("JPEGImages", "Images", "Image", "images", "image", "Frames", "frames")
_SPLIT = re.compile(r"(train|val|test)", re.IGNORECASE)


def _pairs(root: Path) -> list[tuple[Path, Path, str]]:
    """Folders of labels and images in the set, or in its parts (KUMC's `train2019` and so on), with the part's name."""
    if not root.is_dir():
        return []
    parts = [root, *sorted(f for f in root.iterdir() if f.is_dir() and not f.name.startswith("."))]
    found = []
    for part in parts:
        labels = next((part / name for name in _LABELS if _has_xml(part / name)), None)
        images = next((part / name for name in _IMAGES if (part / name).is_dir()), None)
        if labels is not None and images is not None:
            found.append((labels, images, "" if part == root else part.name))
        elif labels is None and part == root and any(root.glob("*.xml")):
            return [(root, root, "")]
        if found and part == root:
            break
    return found


def _has_xml(folder: Path) -> bool:
    return folder.is_dir() and next(folder.rglob("*.xml"), None) is not None


def _matches(root: Path) -> bool:
    pairs = _pairs(root)
    if not pairs:
        return False
    start = next(pairs[0][0].rglob("*.xml")).read_bytes()[:4096]
    return b"<annotation" in start and b"<annotations" not in start


def _read(root: Path, context: Context) -> Iterator[Sample]:
    intake = Intake.of(root, context)
    zero_based = intake.option("zero_based", ("yes", "no"), "no") == "yes"
    pairs = _pairs(root)
    if not pairs:
        raise SourceError(f"{root} has no folder of VOC annotations beside one of images.")
    for labels, images, part in pairs:
        yield from _read_part(intake, labels, images, part, zero_based)
    intake.close()


def _read_part(intake: Intake, labels: Path, folder: Path, part: str, zero_based: bool) -> Iterator[Sample]:
    images = images_below(folder)
    files = {p.relative_to(labels).with_suffix("").as_posix(): p for p in files_below(labels, (".xml",))}
    splits = _image_sets(intake, labels.parent)
    sequences = folder_sequences(intake, [name for name, _ in images])
    word = _SPLIT.search(part)
    for name, image in images:
        path = files.pop(name, None)
        below = f"{part}/{name}" if part else name
        identity = sequences.get(name, Identity())
        identity["official"] = splits.get(name, word[1].lower() if word else "")
        if identity.get("sequence") and part:
            identity["sequence"] = f"{part}/{identity['sequence']}"
        if path is None:
            sample = intake.sample(image, below, None, label=image, **identity)
        else:
            voc = intake.attempt(path, "broken xml", lambda p: read_voc(p, zero_based))
            if voc is None:
                continue
            if voc.zeros:
                intake.tally[ZERO_NOTE] += voc.zeros
            marks = [m for m in voc.marks if intake.wanted(m.kind)]
            sample = intake.sample(image, below, marks, label=path, told=voc.size, **identity)
        if sample is not None:
            yield sample
    for path in sorted(files.values()):
        intake.bad(path, "missing image", "There is no image for this annotation.")


def _image_sets(intake: Intake, root: Path) -> dict[str, str]:
    """Official splits from `ImageSets/Main/train.txt` and the like.

    Raises:
        FormatError: an image is in two of them.
    """
    found: dict[str, str] = {}
    for split in ("train", "val", "test"):
        path = root / "ImageSets" / "Main" / f"{split}.txt"
        for line in read_text(path).splitlines() if path.is_file() else ():
            name = line.split()[0] if line.split() else ""
            if name and found.setdefault(name, split) != split:
                raise FormatError(f"{intake.shown(path)}: {name} is in {found[name]}.txt, too.")
    return found


LAYOUTS = (
    *real_colon.LAYOUTS,
    Layout(
        "voc",
        "Pascal VOC XML (Annotations and JPEGImages; KUMC PolypsSet)",
        _matches,
        _read,
        COMMON
        | CLASS_OPTION
        | SEQUENCE_OPTION
        | {"zero_based": "yes: boxes are corners counted from 0 (many tools write them so); no (default): VOC's rule"},
    ),
)
