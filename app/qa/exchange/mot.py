"""MOT challenge text: `VIDEO/gt/gt.txt` (frames from 1, pixels from 0, as label tools write it) and `seqinfo.ini`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from app.qa.exchange.model import KIND, MARGINAL, ForeignMark, ForeignVideo, Format, Item, Job, SizeOf, State
from app.qa.exchange.pictures import make_folder, write_text
from app.qa.exchange_names import SHOWN
from detector.annotation import Mark
from detector.errors import FormatError, SourceError
from detector.labels.mot import BrokenRow, read_mot
from detector.labels.text import number


def _write(items: Sequence[Item], job: Job) -> list[str]:
    for item in items:
        folder = job.folder / item.key
        make_folder(folder / "gt")
        lines = [_line(f.index, m) for f in item.annotation.frames for m in f.marks]
        write_text(folder / "gt" / "gt.txt", "".join(lines))
        write_text(folder / "gt" / "labels.txt", f"{KIND}\n")
        write_text(folder / "seqinfo.ini", _info(item))
    return []


def _line(index: int, mark: Mark) -> str:
    x1, y1, x2, y2 = mark.box
    seen = 1.0 if mark.visibility is None else mark.visibility
    numbers = ",".join(_short(v) for v in (x1, y1, x2 - x1, y2 - y1))
    return f"{index + 1},{mark.lesion},{numbers},{int(mark.state != MARGINAL)},1,{_short(seen)}\n"


def _short(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".")


def _info(item: Item) -> str:
    width, height = item.size
    rows = [("name", item.key), ("imDir", "img1"), ("seqLength", item.annotation.video.frame_count)]
    rows += [("imWidth", width), ("imHeight", height), ("imExt", ".jpg"), ("video", item.annotation.video.name)]
    return "[Sequence]\n" + "".join(f"{key}={value}\n" for key, value in rows)


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path] if path.name == "gt.txt" else []
    return sorted(p for p in path.rglob("gt.txt") if p.is_file())


def _read(path: Path, size_of: SizeOf) -> list[ForeignVideo]:
    files = _files(path)
    if not files:
        raise SourceError(f"{path} holds no gt.txt.", "Name the folder of a MOT sequence.")
    root = path if path.is_dir() else files[0].parent.parent
    return [_video(file, root) for file in files]


def _video(path: Path, root: Path) -> ForeignVideo:
    file = read_mot(path)
    marks = []
    for row in file.rows:
        if isinstance(row, BrokenRow):
            raise FormatError(f"{path}, line {row.line} is not frame, id, left, top, width, height: {row.text!r}.")
        box = (row.left, row.top, row.left + row.width, row.top + row.height)
        state: State = "clear" if row.active else MARGINAL
        seen = number(row.visibility) if row.visibility else None
        # 1 is what every writer puts where nobody measured it.
        marks.append(ForeignMark(row.frame - 1, box, row.lesion, state, None if seen == 1 else seen))
    below = file.folder.relative_to(root).as_posix() if file.folder.is_relative_to(root) else file.folder.name
    name = file.folder.resolve().name if below == "." else below
    notes = ("pixels were taken to count from 0, as label tools write them (the challenge's own files count from 1)",)
    return ForeignVideo(name, tuple(marks), None, file.length, file.size, notes=notes)


MOT = Format(
    "mot",
    SHOWN["mot"],
    "attributes and reviewed ranges",
    _write,
    _read,
    lambda path: bool(_files(path)),
)
