"""Formats of single frames: which file is of which video and frame."""

from __future__ import annotations

import re
from pathlib import Path

from detector.errors import FormatError

_NUMBER = re.compile(r"(\d+)\D*$")


def by_folder(root: Path, suffix: str) -> dict[str, list[Path]]:
    """Label files below a folder, by the path of their own folder below it, both sorted; `.` for those in it."""
    found: dict[str, list[Path]] = {}
    for path in sorted(root.rglob(f"*{suffix}")) if root.is_dir() else []:
        if path.is_file() and not path.name.startswith(".") and path.name != "classes.txt":
            found.setdefault(path.parent.relative_to(root).as_posix(), []).append(path)
    return found


def frame_number(path: Path) -> int:
    """The frame of a label file: the last number in its name.

    Raises:
        FormatError: its name has none.
    """
    match = _NUMBER.search(path.stem)
    if match is None:
        raise FormatError(
            f"{path} says of no frame: its name has no number.", "Name the files after their frames, from 0: 000123."
        )
    return int(match[1])
