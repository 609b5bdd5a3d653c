"""YOLO: a text file of boxes for each frame, and `data.yaml`. It knows no lesions, no videos and no marginal boxes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from app.qa.exchange.model import KIND, MARGINAL, ForeignMark, ForeignVideo, Format, Item, Job, SizeOf
from app.qa.exchange.pictures import frame_name, frames_of, make_folder, write_pictures, write_text
from app.qa.exchange.stills import by_folder, frame_number
from app.qa.exchange_names import SHOWN
from detector.errors import FormatError, SourceError
from detector.geometry import Size
from detector.labels.yolo import read_yolo, read_yolo_settings, yolo_names

_DATA = "data.yaml"
_TEXT = f"""# Frames of colonoscopy videos: images/VIDEO/FRAME, labels/VIDEO/FRAME.txt (class cx cy w h, in shares).
# Split it by video before training: neighbouring frames are nearly the same picture.
path: .
train: images
val: images
names:
  0: {KIND}
"""


def _write(items: Sequence[Item], job: Job) -> list[str]:
    marginal = 0
    for item in items:
        frames = [i for i in frames_of(item.annotation, job.every)]
        kept = [i for i in frames if not any(m.state == MARGINAL for m in item.annotation.marks(i))]
        marginal += len(frames) - len(kept)
        folder = job.folder / "labels" / item.key
        make_folder(folder)
        for index in kept:
            write_text(folder / f"{frame_name(index)}.txt", _lines(item, index))
        write_pictures(item, kept, job.folder / "images" / item.key, job)
    write_text(job.folder / _DATA, _TEXT)
    if marginal:
        return [f"{marginal} frames with a marginal lesion were left out: YOLO can only say 'polyp' or 'no polyp'"]
    return []


def _lines(item: Item, index: int) -> str:
    width, height = item.size
    lines = []
    for mark in item.annotation.marks(index):
        x1, y1, x2, y2 = mark.box
        shares = ((x1 + x2) / 2 / width, (y1 + y2) / 2 / height, (x2 - x1) / width, (y2 - y1) / height)
        lines.append(f"0 {' '.join(f'{v:.8f}' for v in shares)}\n")
    return "".join(lines)


def _read(path: Path, size_of: SizeOf) -> list[ForeignVideo]:
    root = path if path.is_dir() else path.parent
    data = root / _DATA
    names = {0: KIND} if _is_ours(data) else yolo_names(read_yolo_settings(data), data) if data.is_file() else None
    folders = by_folder(root / "labels", ".txt")
    if not (root / "labels").is_dir():
        raise SourceError(f"{root} has no labels/*.txt.", "Name the folder that holds images/ and labels/.")
    found = []
    for name, files in folders.items():
        size = size_of(name)
        if size is None:
            raise FormatError(
                f"Nobody knows of which video '{name}' in {root} is, and without its size YOLO's shares mean nothing.",
                "Import it to one video at a time.",
            )
        found.append(_video(name, files, size, names))
    return found


def _is_ours(path: Path) -> bool:
    """Our own needs no YAML reader, which is not always installed."""
    return path.is_file() and path.read_text(encoding="utf-8", errors="replace") == _TEXT


def _video(name: str, files: Sequence[Path], size: Size, names: dict[int, str] | None) -> ForeignVideo:
    marks, frames = [], set()
    kinds: set[str] = set()
    for file in files:
        frame = frame_number(file)
        frames.add(frame)
        for mark in read_yolo(file, size, names):
            kinds.add(mark.kind)
            marks.append(ForeignMark(frame, mark.box))
    notes = ["YOLO has no lesion's identity, no visibility and no marginal boxes"]
    if len(kinds) > 1:
        notes.append(f"boxes of all classes were taken as polyps: {', '.join(sorted(kinds))}")
    return ForeignVideo(name, tuple(marks), frozenset(frames), notes=tuple(notes))


YOLO = Format(
    "yolo",
    SHOWN["yolo"],
    "lesions' identity, marginal boxes (their frames are left out), visibility, attributes, reviewed ranges, and "
    "frames that were not exported",
    _write,
    _read,
    lambda path: (
        path.is_dir() and (path / "labels").is_dir() and next((path / "labels").rglob("*.txt"), None) is not None
    ),
    pictures=True,
)
