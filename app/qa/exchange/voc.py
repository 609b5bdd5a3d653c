"""Pascal VOC: an XML file for each frame, `Annotations/VIDEO/FRAME.xml` beside `JPEGImages/VIDEO/FRAME.jpg`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from app.qa.exchange.model import KIND, MARGINAL, ForeignMark, ForeignVideo, Format, Item, Job, SizeOf, State
from app.qa.exchange.pictures import frame_name, frames_of, make_folder, suffix, write_bytes, write_pictures
from app.qa.exchange.stills import by_folder, frame_number
from app.qa.exchange_names import SHOWN
from detector.errors import FormatError, SourceError
from detector.geometry import Size
from detector.labels.mark import Mark
from detector.labels.voc import read_voc

_FOLDERS = ("Annotations", "annotations", ".")


def _write(items: Sequence[Item], job: Job) -> list[str]:
    for item in items:
        frames = frames_of(item.annotation, job.every)
        folder = job.folder / "Annotations" / item.key
        make_folder(folder)
        for index in frames:
            write_bytes(folder / f"{frame_name(index)}.xml", _xml(item, index, suffix(job)))
        write_pictures(item, frames, job.folder / "JPEGImages" / item.key, job)
    return []


def _xml(item: Item, index: int, kind: str) -> bytes:
    root = Element("annotation")
    SubElement(root, "folder").text = item.key
    SubElement(root, "filename").text = f"{frame_name(index)}{kind}"
    size = SubElement(root, "size")
    for tag, value in (("width", item.size.width), ("height", item.size.height), ("depth", 3)):
        SubElement(size, tag).text = str(value)
    SubElement(root, "segmented").text = "0"
    for mark in item.annotation.marks(index):
        thing = SubElement(root, "object")
        SubElement(thing, "name").text = KIND
        SubElement(thing, "unique_id").text = str(mark.lesion)
        # What the challenge's evaluation counts as neither right nor wrong.
        SubElement(thing, "difficult").text = str(int(mark.state == MARGINAL))
        box = SubElement(thing, "bndbox")
        x1, y1, x2, y2 = mark.box  # the format's first pixel is 1, and its last one belongs to the box
        for tag, at in (("xmin", x1 + 1), ("ymin", y1 + 1), ("xmax", x2), ("ymax", y2)):
            SubElement(box, tag).text = f"{at:.4f}".rstrip("0").rstrip(".")
    indent(root)
    return bytes(tostring(root, encoding="utf-8")) + b"\n"


def _read(path: Path, size_of: SizeOf) -> list[ForeignVideo]:
    root = path if path.is_dir() else path.parent
    folders = next((f for name in _FOLDERS if (f := by_folder(root / name, ".xml"))), {})
    if not folders and not (root / _FOLDERS[0]).is_dir():
        raise SourceError(f"{root} has no Annotations/*.xml.", "Name the folder that holds Annotations/.")
    return [_video(name, files) for name, files in folders.items()]


def _video(name: str, files: Sequence[Path]) -> ForeignVideo:
    marks, frames = [], set()
    sizes: set[Size] = set()
    zeros, kinds = 0, set()
    for file in files:
        frame, voc = frame_number(file), read_voc(file, zero_based=False)
        frames.add(frame)
        sizes |= {voc.size} if voc.size is not None else set()
        zeros += voc.zeros
        kinds |= {m.kind for m in voc.marks}
        marks += [_mark(frame, m) for m in voc.marks]
    if len(sizes) > 1:
        raise FormatError(f"The files of '{name}' are for pictures of different sizes.", "Import them one by one.")
    notes = ["coordinates were taken to count from 1, as the format's own rules say"]
    if zeros:
        notes.append(f"{zeros} boxes begin at 0, so that they most likely count from 0 and lie one pixel off")
    if len(kinds) > 1:
        notes.append(f"boxes of all classes were taken as polyps: {', '.join(sorted(kinds))}")
    return ForeignVideo(name, tuple(marks), frozenset(frames), None, next(iter(sizes), None), notes=tuple(notes))


def _mark(frame: int, mark: Mark) -> ForeignMark:
    state: State = MARGINAL if mark.ignored else "clear"
    return ForeignMark(frame, mark.box, mark.lesion, state)


VOC = Format(
    "voc",
    SHOWN["voc"],
    "visibility, attributes, reviewed ranges, and frames that were not exported",
    _write,
    _read,
    lambda path: path.is_dir() and any(by_folder(path / name, ".xml") for name in _FOLDERS[:2]),
    pictures=True,
)
