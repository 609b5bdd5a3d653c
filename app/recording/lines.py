"""Files of JSON lines beside a video: a line is written whole or not at all, and a torn end is cut off."""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from detector.errors import OutputError

_TAIL_BYTES = 1 << 20  # no line of ours is longer


class LinesFile:
    """Appends rows; any thread may.

    Args:
        path: of the file; what it holds already is kept, but for a torn end.
        head: written first where the file is new.

    Raises:
        OSError: it cannot be made or opened.
    """

    def __init__(self, path: Path, head: Mapping[str, Any] | None = None) -> None:
        self.path = path
        self._lock = threading.Lock()
        if path.exists():
            cut_torn_end(path)
        # O_APPEND would let a line that failed half-way stay: the position is ours.
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o644)
        self._end = os.lseek(self._file, 0, os.SEEK_END)
        self._closed = False
        self._dirty = True
        try:
            if self._end == 0 and head is not None:
                self._append(_line(head))
        except OSError:
            os.close(self._file)
            raise

    def sync(self) -> None:
        """Bring what was written to the disk.

        Raises:
            OSError: the disk is gone.
        """
        if self._dirty and not self._closed:
            self._dirty = False  # first: what is written meanwhile is for the next time
            try:
                os.fsync(self._file)
            except OSError:
                self._dirty = True
                raise

    def write(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Append rows: all of them or none.

        Raises:
            OutputError: the disk is full or gone.
        """
        data = b"".join(_line(row) for row in rows)
        with self._lock:
            if not data or self._closed:
                return
            try:
                self._append(data)
            except OSError as error:
                raise OutputError(
                    f"Cannot write {self.path}: {error.strerror}.", "Is the disk full or gone?"
                ) from error

    def close(self) -> None:
        """Let the file go; rows that come later are ignored."""
        with self._lock:
            if not self._closed:
                self._closed = True
                os.close(self._file)

    def _append(self, data: bytes) -> None:
        written = 0
        try:
            while written < len(data):
                written += os.write(self._file, data[written:])
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self._end)
                os.lseek(self._file, self._end, os.SEEK_SET)
            raise
        self._end += len(data)
        self._dirty = True


def cut_torn_end(path: Path) -> int:
    """Cut off what a crash left of a last line; returns how many bytes. Lines before it are not looked at.

    Raises:
        OSError: the file cannot be read or written.
    """
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        start = max(0, size - _TAIL_BYTES)
        file.seek(start)
        tail = file.read()
        keep = len(tail)
        while keep and not _is_whole(tail, keep):
            keep = tail.rfind(b"\n", 0, keep - 1) + 1
        torn = len(tail) - keep
        if torn:
            file.truncate(start + keep)
            file.flush()
            os.fsync(file.fileno())
        return torn


def _is_whole(tail: bytes, end: int) -> bool:
    """Whether the line that ends at ``end`` is complete: a power cut can also leave zeros."""
    if tail[end - 1 : end] != b"\n":
        return False
    try:
        json.loads(tail[tail.rfind(b"\n", 0, end - 1) + 1 : end])
    except ValueError:
        return False
    return True


def _line(row: Mapping[str, Any]) -> bytes:
    return json.dumps(row, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"
