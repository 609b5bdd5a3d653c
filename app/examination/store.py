"""The journal on disk: one event a line, each on the disk before the next one is written, never changed afterwards.

A line that a crash cut short is the last one before the next start of the program; it is left out with a note. What
else cannot be read is named with its line, and the numbers of the events show whether one is missing.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

from app.examination.events import SCHEMA, Event, Start, decode, encode
from detector.errors import FormatError, OutputError
from detector.schema import require_schema

JOURNAL_NAME = "examination.jsonl"


@dataclass(frozen=True, slots=True)
class Journal:
    """What a journal holds.

    Attributes:
        path: of the file.
        events: all that can be read, in order.
        notes: what could not be read, in words; empty for a whole file.
        sha256: of the bytes that were read, as lower-case hex.
    """

    path: Path
    events: tuple[Event, ...]
    notes: tuple[str, ...]
    sha256: str


class JournalFile:
    """The writer's end. Not for several threads at once.

    Args:
        path: the journal; a new one must not exist.
        new: False to append to an existing one.

    Raises:
        OutputError: it cannot be made or opened.
    """

    def __init__(self, path: Path, *, new: bool) -> None:
        self.path = path
        flags = os.O_RDWR | os.O_APPEND | getattr(os, "O_BINARY", 0)
        try:
            if new:
                path.parent.mkdir(parents=True, exist_ok=True)
                flags |= os.O_CREAT | os.O_EXCL
            self._file = os.open(path, flags, 0o644)
            # What a crash left without an end stays there, and the next event gets a line of its own.
            self._torn = not new and not _ends_with_newline(path)
        except OSError as error:
            raise OutputError(
                f"Cannot write the journal {path}: {error.strerror}.", "Choose another folder, or look at the disk."
            ) from error
        if new:
            _sync_folder(path.parent)

    def append(self, event: Event) -> None:
        """Write an event; it is on the disk when this returns. May be called again after a failure.

        Raises:
            OutputError: the disk is full or gone.
        """
        line = (b"\n" if self._torn else b"") + encode(event)
        try:
            self._torn = True  # until all of it is there
            written = os.write(self._file, line)
            while written < len(line):
                written += os.write(self._file, line[written:])
            self._torn = False
            os.fsync(self._file)
        except OSError as error:
            raise OutputError(
                f"The examination's journal cannot be written ({self.path}: {error.strerror}).",
                "Free some space on the disk: what waits is written then.",
            ) from error

    def close(self) -> None:
        """Let the file go; what was appended is on the disk already."""
        with contextlib.suppress(OSError):
            os.close(self._file)


def read_journal(path: Path) -> Journal:
    """Read a journal, also while it is written.

    Args:
        path: of the file, or the folder of the examination.

    Raises:
        FormatError: it cannot be opened, is of another schema, or an event is not valid.
    """
    if path.is_dir():
        path = path / JOURNAL_NAME
    try:
        data = path.read_bytes()
    except OSError as error:
        raise FormatError(
            f"Cannot read the examination {path}: {error.strerror}.", "Give the folder of an examination."
        ) from error
    events, notes = _parse(data, path)
    return Journal(path, events, notes, hashlib.sha256(data).hexdigest())


def _parse(data: bytes, path: Path) -> tuple[tuple[Event, ...], tuple[str, ...]]:
    events: dict[int, Event] = {}
    notes: list[str] = []
    lines = data.split(b"\n")
    for number, line in enumerate(lines, start=1):
        where = f"{path.name}, line {number}"
        if not line.strip(b" \r\t"):
            continue
        try:
            row = json.loads(line.decode("utf-8"))
        except (ValueError, RecursionError):
            cut = number == len(lines)
            reason = "was not written to its end" if cut else "is damaged"
            notes.append(f"Line {number} {reason} ({len(line)} bytes) and is left out.")
            continue
        if not events:
            require_schema(row, SCHEMA, where)
        event = decode(row, where)
        # A line whose arrival on the disk was in doubt is written once more.
        if events.setdefault(event.n, event) != event:
            raise FormatError(f"{where}: there is another event {event.n} already.", "The journal was changed by hand.")
    if not events:
        raise FormatError(f"{path} holds no event that can be read.", "Is it the journal of an examination?")
    kept = tuple(events[n] for n in sorted(events))
    if not isinstance(kept[0].what, Start):
        raise FormatError(f"{path} does not begin with the start of an examination.", "Is its beginning missing?")
    missing = sorted(set(range(1, kept[-1].n + 1)) - set(events))
    if missing:
        notes.append(f"Missing events: {', '.join(str(n) for n in missing)}.")
    return kept, tuple(notes)


def _ends_with_newline(path: Path) -> bool:
    with path.open("rb") as file:
        if file.seek(0, os.SEEK_END) == 0:
            return True
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def _sync_folder(folder: Path) -> None:
    """Put the file's name on the disk too, where folders can be synced (not on Windows)."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
