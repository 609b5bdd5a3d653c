"""MOT challenge text: `gt.txt` with `seqinfo.ini` where there is one, `labels.txt` from CVAT.

A line is `frame, id, left, top, width, height[, active[, class[, visibility]]]` (motchallenge.net/instructions). Frames
count from 1. `active` 0 means ignored. The challenge's own files count pixels from 1, too; label tools (CVAT, Datumaro)
write them from 0. CVAT numbers the frames *of the task*, without its start frame and step.
"""

from __future__ import annotations

import configparser
from dataclasses import dataclass
from pathlib import Path

from detector.errors import FormatError
from detector.geometry import Size
from detector.labels.text import number, read_text, whole

_LEAST_FIELDS = 6


@dataclass(frozen=True, slots=True)
class MotRow:
    """One line.

    Attributes:
        line: its number, from 1.
        frame: from 1.
        lesion: the track's id; empty if it is negative, which means none.
        kind: the class's name, or its number where `labels.txt` does not name it; empty if there is none.
        left: of the box, as written; NaN where no number was written.
        top: likewise.
        width: likewise.
        height: likewise.
        active: False: a region where a box is neither right nor wrong.
        visibility: as written; empty if there is none.
    """

    line: int
    frame: int
    lesion: str
    kind: str
    left: float
    top: float
    width: float
    height: float
    active: bool
    visibility: str


@dataclass(frozen=True, slots=True)
class BrokenRow:
    """A line that is none; `frame` where at least that can be read."""

    line: int
    text: str
    frame: int | None


@dataclass(frozen=True, slots=True)
class MotFile:
    """One sequence: its folder, its file, what `seqinfo.ini` says, and the lines in order."""

    folder: Path
    path: Path
    length: int | None
    size: Size | None
    rows: tuple[MotRow | BrokenRow, ...]


def read_mot(file: Path) -> MotFile:
    """Read a sequence by its `gt.txt`.

    Raises:
        SourceError: a file cannot be read.
        FormatError: `seqinfo.ini` is none, or a file is no text.
    """
    folder = file.parent.parent if file.parent.name in ("gt", "det") else file.parent
    length, size = _read_info(folder / "seqinfo.ini")
    names_file = file.with_name("labels.txt")
    names = [line.strip() for line in read_text(names_file).splitlines()] if names_file.is_file() else []
    lines = enumerate(read_text(file).splitlines(), start=1)
    return MotFile(folder, file, length, size, tuple(_row(at, line, names) for at, line in lines if line.strip()))


def _read_info(path: Path) -> tuple[int | None, Size | None]:
    if not path.is_file():
        return None, None
    info = configparser.ConfigParser(interpolation=None)
    try:
        info.read_string(read_text(path))
        section = info["Sequence"]
    except (configparser.Error, KeyError) as error:
        raise FormatError(f"{path} is no seqinfo.ini ({error}).") from error
    length, width, height = (whole(section.get(key, "")) for key in ("seqLength", "imWidth", "imHeight"))
    return length, Size(width, height) if width and height else None


def _row(at: int, line: str, names: list[str]) -> MotRow | BrokenRow:
    values = [v.strip() for v in line.split(",")]
    frame = whole(values[0])
    if frame is None or frame < 1 or len(values) < _LEAST_FIELDS:
        return BrokenRow(at, line, frame)
    left, top, width, height = (number(v) for v in values[2:6])
    lesion = values[1] if (whole(values[1]) or -1) >= 0 or values[1] == "0" else ""
    active = not (len(values) > 6 and number(values[6]) == 0)
    kind = _class_name(values[7] if len(values) > 7 else "", names)
    visibility = values[8] if len(values) > 8 else ""
    return MotRow(at, frame, lesion, kind, left, top, width, height, active, visibility)


def _class_name(value: str, names: list[str]) -> str:
    position = whole(value)
    if position is not None and 1 <= position <= len(names):
        return names[position - 1]
    return "" if value in ("", "-1") else value
