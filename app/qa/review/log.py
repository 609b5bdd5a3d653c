"""The log of a review on the disk: one operation a line, chained by hashes, on the disk before an edit is acknowledged.

Every line holds the SHA-256 of the line before it (`prev`) and a checksum of itself (`sum`), so that no byte can change
unnoticed but by writing everything behind it anew. Lines are only ever appended. Of a file whose end was cut off by
whole lines the chain cannot know; published labels name the last line that they came from.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from app.qa.review.operations import KINDS, Operation, decode, encode
from app.recording.mark import sync_folder
from detector.errors import FormatError, OutputError
from detector.schema import describe_validation_error, require_schema

SCHEMA: Final = "polypwatch.review/1"
_SUM: Final = re.compile(rb', "sum": "([0-9a-f]{16})"\}')
_SUM_BYTES: Final = len(b', "sum": "0123456789abcdef"}')


class VideoId(BaseModel):
    """Which video was reviewed.

    Attributes:
        name: without folders.
        bytes: its size.
        frames: how many pictures it holds.
        width: of the picture in pixels.
        height: likewise.
        sha256: None where nobody has read the whole file yet.
    """

    model_config = ConfigDict(frozen=True, extra="allow")
    name: str
    bytes: int = Field(ge=0)
    frames: int = Field(ge=0)
    width: int = Field(gt=0)
    height: int = Field(gt=0)
    sha256: str | None = None


class Head(BaseModel):
    """The first line of a log.

    Attributes:
        schema_: ``polypwatch.review/1``.
        software: what wrote it.
        utc: when it was begun.
        reviewer: who reviews, as they write their name.
        blinded: AI, live marks, identity and other readers are hidden until the reader commits.
        videos: what is reviewed, in the order of positions.
    """

    model_config = ConfigDict(frozen=True, extra="allow", populate_by_name=True)
    schema_: str = Field(default=SCHEMA, alias="schema")
    software: str
    utc: AwareDatetime
    reviewer: str = Field(min_length=1)
    blinded: bool
    videos: tuple[VideoId, ...]

    @property
    def length(self) -> int:
        """How many positions the procedure has."""
        return sum(video.frames for video in self.videos)


@dataclass(frozen=True, slots=True)
class Record:
    """One line behind the head.

    Attributes:
        n: 1, 2, 3, ... without gaps.
        utc: when, ISO 8601.
        operation: what was done.
        unblinded: it was said after a blinded reader had committed.
    """

    n: int
    utc: str
    operation: Operation
    unblinded: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """What a log holds.

    Attributes:
        path: of the file.
        head: None if not even that was written.
        records: all that stand before the first fault.
        fault: where the chain is broken, in words that name the line; empty if it is whole.
        torn: bytes behind the last whole line, which a crash left and nobody was told of.
        size: bytes of the whole lines.
        line_sha256: of each whole line before the fault, the head's first.
    """

    path: Path
    head: Head | None
    records: tuple[Record, ...]
    fault: str
    torn: int
    size: int
    line_sha256: tuple[str, ...]

    @property
    def last_sha256(self) -> str:
        """Of the last line; empty if there is none."""
        return self.line_sha256[-1] if self.line_sha256 else ""


class LogFile:
    """The writer's end. Not for several threads at once.

    Args:
        path: of the log.
        head: is written with the first records where the file is new.
        reading: what the file holds; None if there is none. A torn end is cut off.

    Raises:
        OutputError: the torn end cannot be cut off.
    """

    def __init__(self, path: Path, head: Head, reading: Reading | None) -> None:
        self.path = path
        self._head = head
        self._file: int | None = None
        self._end = 0
        self._prev = ""
        if reading is not None and reading.head is not None:
            self._end, self._prev = reading.size, reading.last_sha256
        if reading is not None and reading.torn:
            try:
                self._open()
            except OSError as error:
                raise _not_written(path, error) from error

    @property
    def last_sha256(self) -> str:
        """Of the last line; empty before the first."""
        return self._prev

    def append(self, records: Sequence[Record]) -> None:
        """Write records: they are on the disk when this returns, or none of them is.

        Raises:
            OutputError: the disk is full or gone; may be called again.
        """
        prev, data = self._prev, b""
        if self._end == 0:
            line = sealed(self._head.model_dump(mode="json", by_alias=True))
            data, prev = line + b"\n", hashlib.sha256(line).hexdigest()
        for record in records:
            line = sealed(_row(record, prev))
            data, prev = data + line + b"\n", hashlib.sha256(line).hexdigest()
        try:
            new = self._file is None and self._open()
            self._write(data)
            if new:
                sync_folder(self.path.parent)
        except OSError as error:
            raise _not_written(self.path, error) from error
        self._prev = prev

    def close(self) -> None:
        """Let the file go; what was appended is on the disk already."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                os.close(self._file)
            self._file = None

    def _open(self) -> bool:
        """Open the file and cut off what stands behind the last whole line; True if it is new."""
        new = not self.path.exists()
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o644)
        if os.fstat(self._file).st_size > self._end:
            os.ftruncate(self._file, self._end)
            os.fsync(self._file)
        os.lseek(self._file, self._end, os.SEEK_SET)
        return new

    def _write(self, data: bytes) -> None:
        assert self._file is not None
        try:
            written = 0
            while written < len(data):
                written += os.write(self._file, data[written:])
            os.fsync(self._file)
        except OSError:
            with contextlib.suppress(OSError):  # what stays all the same is torn, or is written over
                os.ftruncate(self._file, self._end)
                os.lseek(self._file, self._end, os.SEEK_SET)
            raise
        self._end += len(data)


def _not_written(path: Path, error: OSError) -> OutputError:
    return OutputError(
        f"The review cannot be saved ({path}: {error.strerror or error}).",
        "Nothing that was said before is lost. Free some space on the disk, or choose another folder for reviews.",
    )


def _row(record: Record, prev: str) -> dict[str, Any]:
    row: dict[str, Any] = {"n": record.n, "utc": record.utc, "op": encode(record.operation)}
    if record.unblinded:
        row["unblinded"] = True
    return row | {"prev": prev}


def sealed(row: dict[str, Any]) -> bytes:
    """A row as a line without its line feed, closed by the checksum of all that stands before it."""
    body = json.dumps(row, ensure_ascii=False, allow_nan=False).encode("utf-8", "backslashreplace")[:-1]
    return body + b', "sum": "' + hashlib.sha256(body).hexdigest()[:16].encode() + b'"}'


def read_log(path: Path) -> Reading:
    """Read and verify a log, also while it is written.

    Raises:
        FormatError: it cannot be read, is of another schema, or was written by a newer version.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise FormatError(f"Cannot read the review {path}: {error.strerror or error}.", "Check the drive.") from error
    torn = _torn(data)
    size = len(data) - torn
    lines = data[:size].split(b"\n")[:-1]
    head: Head | None = None
    records: list[Record] = []
    fault = ""
    hashes: list[str] = []
    for number, line in enumerate(lines, start=1):
        fault = _broken(line, number)
        if fault:
            break
        if head is None:
            head = _head(line, path)
        else:
            record, said = _record(line, f"{path.name}, line {number}")
            fault = _out_of_chain(record, said, hashes[-1], len(records) + 1, number)
            if fault:
                break
            records.append(record)
        hashes.append(hashlib.sha256(line).hexdigest())
    return Reading(path, head, tuple(records), fault, torn, size, tuple(hashes))


def _torn(data: bytes) -> int:
    """How many bytes of a last line a crash left: it has no end, or a power cut filled it with zeros."""
    whole = data.rfind(b"\n") + 1
    while whole and b"\0" in data[data.rfind(b"\n", 0, whole - 1) + 1 : whole]:
        whole = data.rfind(b"\n", 0, whole - 1) + 1
    return len(data) - whole


def _broken(line: bytes, number: int) -> str:
    body, end = line[:-_SUM_BYTES], line[-_SUM_BYTES:]
    match = _SUM.fullmatch(end)
    if match is None or hashlib.sha256(body).hexdigest()[:16].encode() != match[1]:
        return f"line {number} was changed after it was written"
    return ""


def _head(line: bytes, path: Path) -> Head:
    require_schema(json.loads(line), SCHEMA, str(path))
    try:
        return Head.model_validate_json(line)
    except ValidationError as error:
        raise FormatError(f"{path}, line 1: {describe_validation_error(error)}.") from error


def _record(line: bytes, where: str) -> tuple[Record, str]:
    """The record, and the hash that it says of the line before."""
    row = json.loads(line)
    operation = row.get("op")
    kind = operation.get("kind") if isinstance(operation, dict) else None
    if kind not in KINDS:
        raise FormatError(
            f"{where}: this version of Polypwatch does not know the operation {kind!r}.",
            "Use the version that wrote it, or a newer one.",
        )
    try:
        known = decode(json.dumps(operation))
    except ValidationError as error:
        raise FormatError(f"{where}: {describe_validation_error(error)}.") from error
    n, prev = row.get("n"), row.get("prev")
    return Record(n if isinstance(n, int) else 0, str(row.get("utc")), known, row.get("unblinded") is True), str(prev)


def _out_of_chain(record: Record, said: str, prev: str, expected: int, number: int) -> str:
    if record.n != expected:
        return f"line {number} holds operation {record.n} where {expected} should be: lines are missing or came twice"
    if said != prev:
        return f"line {number} does not follow from line {number - 1}: one of them was changed, removed or put in"
    return ""
