"""Detection results on disk: schema ``polypwatch.detect/1``, one JSON object whose frames are streamed, one per line.

A frame that could not be decoded or analysed has a status that says so; it never looks like 'no polyps'. The format is
documented in ``docs/formats.md``.
"""

from __future__ import annotations

import errno
import json
import math
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import IO, Annotated, Any, Literal, Self, TypeVar

import ijson
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    ValidationError,
)

from detector.detections import Detections, DetectorInfo
from detector.errors import FormatError, OutputError
from detector.frame import FrameTime
from detector.schema import describe_validation_error, require_schema

SCHEMA = "polypwatch.detect/1"

T = TypeVar("T", bound=BaseModel)


def _to_fraction(value: Any) -> Fraction:
    numerator, slash, denominator = value.partition("/") if isinstance(value, str) else ("", "", "")
    if isinstance(value, Fraction) and value > 0:
        return value
    if slash and numerator.isdecimal() and denominator.isdecimal() and int(numerator) and int(denominator):
        return Fraction(int(numerator), int(denominator))
    raise ValueError(f"must be 'numerator/denominator', not {value!r}")


def _printable(text: Any) -> Any:
    r"""Not every file name on a disk is valid Unicode: such bytes become ``\udc..`` in the file."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8") if isinstance(text, str) else text


TimeBase = Annotated[
    Fraction,
    PlainValidator(_to_fraction),
    PlainSerializer(lambda f: f"{f.numerator}/{f.denominator}", return_type=str),
]
Text = Annotated[str, BeforeValidator(_printable)]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="allow", populate_by_name=True)


class ModelRef(_Record):
    """Which file of which model made the results."""

    name: str
    version: str
    variant: str
    sha256: str

    @classmethod
    def of(cls, info: DetectorInfo) -> ModelRef:
        """The reference for a running detector."""
        return cls(name=info.model, version=info.version, variant=info.variant, sha256=info.sha256)


class Box(_Record):
    """One detection: ``x1, y1, x2, y2`` in source pixels, half-open; ``track`` is None where nothing is tracked."""

    box: tuple[float, float, float, float]
    score: float
    class_: str = Field(alias="class")
    track: int | None


class FrameRow(_Record):
    """One frame.

    Attributes:
        file: path of the video or image, as given or below its folder.
        index: counted from 0 in each video or folder.
        pts: media time in ticks of the header's ``time_base``; None for stills.
        time_s: the same in seconds; None for stills, which are never tracked.
        width: of the frame in pixels; None if it could not be decoded.
        height: likewise.
        status: ``ok``, ``undecodable`` (no picture) or ``failed`` (no result).
        error: what happened, unless ``ok``.
        detections: boxes in source pixels, best first. Empty and ``ok`` means that nothing was found.
    """

    file: Text
    index: int
    pts: int | None
    time_s: float | None
    width: int | None
    height: int | None
    status: Literal["ok", "undecodable", "failed"]
    error: Text | None
    detections: tuple[Box, ...]


class ResultsHeader(_Record):
    """What made the results.

    Attributes:
        schema_: ``polypwatch.detect/1``.
        model: the file that ran, with its hash.
        software: name and version of this program.
        threshold: the operating threshold: what alerts and tracks are made from.
        min_score: the lowest score that is listed.
        provider: the execution provider that ran.
        time_base: seconds per tick of every ``pts``; None if there are only stills.
    """

    schema_: str = Field(default=SCHEMA, alias="schema")
    model: ModelRef
    software: str
    threshold: float
    min_score: float
    provider: str
    time_base: TimeBase | None


_HEADER_FIELDS = {field.alias or name for name, field in ResultsHeader.model_fields.items()}


def common_time_base(bases: Iterable[Fraction]) -> Fraction | None:
    """The coarsest tick in which every time of all ``bases`` is a whole number; None for no bases."""
    common: Fraction | None = None
    for base in bases:
        if common is None:
            common = base
        else:
            denominator = math.lcm(common.denominator, base.denominator)
            ticks = math.gcd(int(common * denominator), int(base * denominator))
            common = Fraction(ticks, denominator)
    return common


def ticks(time: FrameTime | None, base: Fraction | None) -> int | None:
    """A media time in ticks of ``base``.

    Raises:
        ValueError: it is not a whole number of them.
    """
    if time is None or base is None:
        return None
    value = time.pts * time.time_base / base
    if value.denominator != 1:
        raise ValueError(f"{time} is not a whole number of ticks of {base} s")
    return int(value)


def boxes_of(detections: Detections, classes: tuple[str, ...], tracks: tuple[int, ...] = ()) -> tuple[Box, ...]:
    """The rows for a frame's detections; ``tracks`` may be shorter: the rest was not tracked."""
    ids = (*tracks, *(None,) * len(detections))
    rows = zip(detections.boxes.tolist(), detections.scores, detections.classes.tolist(), ids, strict=False)
    return tuple(
        Box(
            box=(round(b[0], 3), round(b[1], 3), round(b[2], 3), round(b[3], 3)),
            # The shortest digits that give the same float32 again: a score at the threshold stays at the threshold.
            score=float(str(score)),
            class_=classes[cls],
            track=track,
        )
        for b, score, cls, track in rows
    )


@dataclass(frozen=True, slots=True)
class Kept:
    """What of an earlier run's ``NAME.part`` is whole.

    Attributes:
        rows: how many rows.
        end: where the last of them ends, in bytes.
    """

    rows: int
    end: int


def part_of(path: Path) -> Path:
    """What a results file is called while it is written."""
    return path.parent / f"{path.name}.part"


def read_part(path: Path, header: ResultsHeader, take: Callable[[FrameRow], object]) -> Kept | None:
    """Go through what a run that was killed has left of ``path``, up to the last whole row.

    Args:
        path: the results file that did not come about.
        header: what the rows must have been made with, to the last byte.
        take: gets every whole row, in order.

    Returns:
        None if there is nothing that can be gone on with: no such file, another header, a row that is damaged.
    """
    head = _head(header).encode()
    end, rows = len(head), 0
    try:
        with part_of(path).open("rb") as file:
            if file.readline() != head + b"\n":
                return None
            for line in file:
                text = line.rstrip(b"\n").rstrip(b",")
                if text.startswith(b"]"):  # interrupted and closed, but not renamed any more
                    break
                try:
                    row = FrameRow.model_validate_json(text)
                except ValidationError:
                    if line.endswith(b"\n"):
                        return None
                    break
                take(row)
                # Behind the head stands a line feed, behind every row but the last a comma and a line feed.
                end += (1 if not rows else 2) + len(text)
                rows += 1
    except OSError:
        return None
    return Kept(rows, end)


class ResultsWriter:
    """Streams results to ``path``; they appear under that name once they are whole.

    Use as a context manager. While it runs the file is called ``NAME.part``. If the run is interrupted, what was
    written so far is closed as valid JSON with ``"complete": false`` and takes its name; if the disk is full or gone,
    ``NAME.part`` is left as it is. A device or pipe (``/dev/stdout``) is written to as it stands.

    Args:
        path: where to write.
        header: what made the results.
        kept: what `read_part` found of an earlier run: it is gone on with.
        leave_part: an interrupted run leaves ``NAME.part``, to be gone on with, and nothing under ``path``.

    Raises:
        OutputError: the folder does not exist or cannot be written, or the disk is full.
    """

    def __init__(
        self, path: Path, header: ResultsHeader, *, kept: Kept | None = None, leave_part: bool = False
    ) -> None:
        self.path = path
        self._leave_part = leave_part
        self._count = kept.rows if kept else 0
        self._broken = False
        try:
            # Found now and not after hours: a folder cannot be replaced, and a device must not be.
            in_place = path.exists() and not path.is_file() and not path.is_dir()
            self._part = path if in_place else part_of(path)
            if path.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            if kept:
                os.truncate(self._part, kept.end)
            self._file: IO[str] = self._part.open("a" if kept else "w", encoding="utf-8", newline="\n")
        except OSError as error:
            raise _cannot_write(path, error) from error
        if not kept:
            self._emit(_head(header))

    def write(self, row: FrameRow) -> None:
        """Add one frame.

        Raises:
            OutputError: the disk is full or gone.
        """
        self._emit((",\n" if self._count else "\n") + row.model_dump_json(by_alias=True))
        self._count += 1

    def flush(self) -> None:
        """Hand what was written to the operating system, so that the end of this process cannot lose it.

        Raises:
            OutputError: the disk is full or gone.
        """
        try:
            self._file.flush()
        except OSError as error:
            self._broken = True
            raise _cannot_write(self.path, error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        complete = "true" if error is None else "false"
        self._broken = self._broken or (error is not None and self._leave_part)
        try:
            with self._file:
                if not self._broken:
                    self._file.write(f'\n], "complete": {complete}}}\n')
            if not self._broken and self._part != self.path:
                os.replace(self._part, self.path)
        except OSError as problem:
            raise _cannot_write(self.path, problem) from problem

    def _emit(self, text: str) -> None:
        try:
            self._file.write(text)
        except OSError as error:
            self._broken = True
            raise _cannot_write(self.path, error) from error


def read_header(path: Path) -> ResultsHeader:
    """What made the results in ``path``.

    Raises:
        FormatError: unreadable, of another schema, or damaged.
    """
    fields: dict[str, Any] = {}
    builder: ijson.ObjectBuilder | None = None
    key, frames_found = "", False
    for prefix, event, value in _events(path):
        if prefix == "" and event == "map_key":
            key, builder = value, None
            frames_found |= key == "frames"
            if key == "frames" and fields.keys() >= _HEADER_FIELDS:
                break  # as we write it: what made the frames stands before them
        elif prefix and key != "frames":
            builder = builder or ijson.ObjectBuilder()
            builder.event(event, value)
            fields[key] = builder.value
    require_schema(fields, SCHEMA, str(path))
    if not frames_found:
        raise FormatError(f"{path} is damaged: it has no frames.", "Was it written whole?")
    return _validated(ResultsHeader, fields, path)


def read_frames(path: Path) -> Iterator[FrameRow]:
    """The frames of ``path``, one by one: three hours of video do not fit comfortably into memory.

    Raises:
        FormatError: unreadable, of another schema, or damaged.
    """
    read_header(path)
    try:
        with path.open("rb") as file:
            for row in ijson.items(file, "frames.item", use_float=True):
                yield _validated(FrameRow, row, path)
    except (OSError, ijson.JSONError, UnicodeDecodeError) as error:
        raise _unreadable(path, error) from error


def is_whole(path: Path) -> bool:
    """Whether a results file as we write it came to its end; looks at its last bytes only."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 64))
            return file.read().rstrip().endswith(b'"complete": true}')
    except OSError:
        return False


def _head(header: ResultsHeader) -> str:
    fields = header.model_dump(mode="json", by_alias=True)
    return json.dumps(fields, ensure_ascii=False)[:-1] + ', "frames": ['


def _events(path: Path) -> Iterator[tuple[str, str, Any]]:
    try:
        with path.open("rb") as file:
            yield from ijson.parse(file, use_float=True)
    except (OSError, ijson.JSONError, UnicodeDecodeError) as error:
        raise _unreadable(path, error) from error


def _validated(kind: type[T], fields: Any, path: Path) -> T:
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        raise FormatError(f"{path} is damaged: {describe_validation_error(error)}.") from error


def _unreadable(path: Path, error: Exception) -> FormatError:
    return FormatError(
        f"Cannot read the results in {path}: {error}.", "Is it the right file, and was it written whole?"
    )


def _cannot_write(path: Path, error: OSError) -> OutputError:
    return OutputError(
        f"Cannot write {path}: {error.strerror or error}.", "Choose another place, or free some space, and run again."
    )
