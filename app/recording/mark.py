"""The mark of a recording, ``recording.json``: whether it is being made, complete, or was recovered after a crash."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from detector.errors import FormatError
from detector.file_lock import FileLock
from detector.schema import require_schema

SCHEMA: Final = "polypwatch.recording/1"
MARK_NAME: Final = "recording.json"
LOCK_NAME: Final = "recording.lock"  # held by whoever records or recovers; says so even if the mark could not be read
FRAMES_NAME: Final = "frames.jsonl"
RESULTS_NAME: Final = "results.jsonl"
RECORDING, COMPLETE, RECOVERED = "recording", "complete", "recovered"
_NUMBERED = re.compile(r"video-(\d{3,})\b.*")


def read_mark(folder: Path) -> dict[str, Any] | None:
    """What the mark says; None if there is none, or a crash has left it unreadable.

    Raises:
        FormatError: it is of another schema.
    """
    try:
        content = json.loads((folder / MARK_NAME).read_bytes())
    except (OSError, ValueError):
        return None
    require_schema(content, SCHEMA, str(folder / MARK_NAME))
    return content if isinstance(content, dict) else None


def write_mark(folder: Path, content: Mapping[str, Any], *, sync: bool = True) -> None:
    """Replace the mark, whole or not at all.

    Args:
        folder: of the recording.
        content: without the schema.
        sync: wait until it is on the disk.

    Raises:
        OSError: the disk is full or gone.
    """
    data = json.dumps({"schema": SCHEMA, **content}, ensure_ascii=False, indent=1) + "\n"
    replace_file(folder / MARK_NAME, [data.encode("utf-8", "backslashreplace")], sync=sync)


def replace_file(path: Path, parts: Iterable[bytes], *, sync: bool = True) -> None:
    """Give a file another content, so that at every moment it has the old or the new one.

    Raises:
        OSError: the disk is full or gone; the old content is still there.
    """
    beside = path.with_name(path.name + ".new")
    try:
        with beside.open("wb") as file:
            for part in parts:
                file.write(part)
            file.flush()
            if sync:
                os.fsync(file.fileno())
        beside.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise
    if sync:
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Put the names of new files on the disk, where folders can be synced (not on Windows)."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def take_lock(folder: Path) -> FileLock | None:
    """The right to write into a recording's folder; None if somebody else has it.

    Raises:
        OSError: the folder cannot be written.
    """
    return FileLock.take(folder / LOCK_NAME)


def release_lock(folder: Path, lock: FileLock) -> None:
    """Let the folder go, and leave nothing behind."""
    with contextlib.suppress(OSError):
        (folder / LOCK_NAME).unlink()
    lock.release()
    with contextlib.suppress(OSError):
        (folder / LOCK_NAME).unlink()  # where an open file cannot be deleted


def is_unfinished(folder: Path) -> bool:
    """Whether a recording began here, was not completed, and nobody works on it."""
    if FileLock.is_held(folder / LOCK_NAME):
        return False
    try:
        mark = read_mark(folder)
    except FormatError:
        return False  # of a newer version, which knows better
    if mark is None:
        return (folder / LOCK_NAME).exists()
    return mark.get("state") == RECORDING


def last_segment(folder: Path) -> int:
    """The highest number that a video in the folder has or had; 0 if there is none."""
    found = (_NUMBERED.fullmatch(path.name) for path in folder.glob("video-*"))
    return max((int(match[1]) for match in found if match), default=0)
