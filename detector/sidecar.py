"""The sidecar of a recording, ``frames.jsonl`` (schema ``polypwatch.frames/1``): which frame is which picture."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from detector.errors import FormatError
from detector.results import TimeBase
from detector.schema import describe_validation_error, require_schema

FRAMES_SCHEMA = "polypwatch.frames/1"
SIDECAR = "frames.jsonl"
_AT_ONCE = 4096  # lines
_BASE: TypeAdapter[Fraction] = TypeAdapter(TimeBase)


class RecordedFrame(NamedTuple):
    """One line of the sidecar; a tuple, because three hours have 324,000 of them.

    Attributes:
        capture_index: what everything of a live session joins on; -1 for a picture of a copied stream that the session
            never read.
        segment: number of the video file, from 1; None for a frame that could not be recorded.
        record_index: position in that file, from 0; None likewise.
        pts: media time in ticks of `time_base`; None if the source had none.
        time_base: seconds per tick.
        time_s: media time in seconds; where the source had none, seconds since the first frame by the capture clock.
        captured_ns: when it was captured, on a clock of no fixed origin.
        session: which run of the recorder wrote it, from 1; capture indices and media time begin anew with each.
        blanked: written as black, because the picture may not have been of the inside of a body.
    """

    capture_index: int
    segment: int | None
    record_index: int | None
    pts: int | None
    time_base: Fraction | None
    time_s: float
    captured_ns: int
    session: int = 1
    blanked: bool = False


class _Row(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")
    capture_index: int = Field(ge=-1)
    segment: int | None = Field(ge=1)
    record_index: int | None = Field(ge=0)
    pts: int | None
    time_base: TimeBase | None
    captured_ns: int
    session: int = Field(default=1, ge=1)
    blanked: bool = False


_Cells = tuple[int, int | None, int | None, int | None, Fraction | None, int, int, bool]
_FIELDS = ("capture_index", "segment", "record_index", "pts", "time_base", "captured_ns")
_OPTIONAL = frozenset({int, type(None)})
# Types of each column and the least value, as `_Row` has them.
_COLUMNS = (
    (frozenset({int}), -1),
    (_OPTIONAL, 1),
    (_OPTIONAL, 0),
    (_OPTIONAL, None),
    (frozenset({str, type(None)}), None),
    (frozenset({int}), None),
    (frozenset({int}), 1),
    (frozenset({bool}), None),
)


def read_sidecar(path: Path) -> tuple[list[RecordedFrame], list[str]]:
    """Every line, and what must be said of the file though it is no error.

    Raises:
        FormatError: it cannot be read, is of another schema, or a line is not as it should be.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(f"{path} cannot be read ({error}).") from error
    require_schema(_json(lines[0]) if lines else None, FRAMES_SCHEMA, str(path))
    notes: list[str] = []
    frames: list[RecordedFrame] = []
    origins_ns: dict[int, int] = {}
    # An hour is 108,000 rows, and within a second it is to stand on a screen: many at once, and one by one where
    # something is wrong, to say which line it is.
    with _no_garbage():
        for begin in range(1, len(lines), _AT_ONCE):
            some = lines[begin : begin + _AT_ONCE]
            columns = _at_once(some) or [*zip(*_one_by_one(path, some, begin + 1, len(lines), notes), strict=True)]
            frames += _frames(columns, origins_ns)
    return frames, notes


@contextmanager
def _no_garbage() -> Iterator[None]:
    """Do not look for garbage among a hundred thousand new rows, all of which stay: a third of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _frames(columns: Sequence[Sequence[Any]], origins_ns: dict[int, int]) -> Iterator[RecordedFrame]:
    """Frames of columns as `_COLUMNS` has them; none where there are no rows."""
    if not columns:
        return iter(())
    captures, segments, records, pts, bases, captured_ns, sessions, blanked = columns
    for session, first_ns in zip(sessions, captured_ns, strict=True):
        origins_ns.setdefault(session, first_ns)
    # By identity: the hash of a Fraction takes longer than all the rest.
    ticks = {key: (b.numerator, b.denominator) for key, b in {id(b): b for b in bases}.items() if b is not None}
    # Whole numbers divided are rounded once, as a Fraction is; making Fractions would take ten times as long.
    seconds = [
        (ns - origins_ns[session]) / 1e9 if tick is None or of is None else tick * of[0] / of[1]
        for tick, of, ns, session in zip(pts, [ticks.get(id(b)) for b in bases], captured_ns, sessions, strict=True)
    ]
    rows = zip(captures, segments, records, pts, bases, seconds, captured_ns, sessions, blanked, strict=True)
    return map(RecordedFrame._make, rows)


def require_order(sidecar: Path, number: int, rows: Sequence[RecordedFrame]) -> None:
    """Check that the lines of a segment stand in the order of its pictures.

    Raises:
        FormatError: they do not.
    """
    before = -1
    for position, row in enumerate(rows):
        if row.record_index != position or -1 != row.capture_index <= before:
            raise FormatError(
                f"{sidecar}: frame {row.capture_index} stands at place {row.record_index} of segment {number}, "
                f"but it is the {position + 1}. listed there.",
                "The file was changed by hand; restore it.",
            )
        before = max(before, row.capture_index)


def _at_once(some: list[str]) -> list[Sequence[Any]] | None:
    """The columns of rows; None if anything in them is not as it should be."""
    try:
        rows = json.loads(f"[{','.join(some)}]")
        columns: list[Sequence[Any]] = [*zip(*map(itemgetter(*_FIELDS), rows), strict=True)]
        columns += [[row.get("session", 1) for row in rows], [row.get("blanked", False) for row in rows]]
        bases = {text: None if text is None else _BASE.validate_python(text) for text in set(columns[4])}
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    for column, (types, least) in zip(columns, _COLUMNS, strict=True):
        if not types.issuperset(map(type, column)):
            return None
        if least is not None and min((v for v in set(column) if v is not None), default=least) < least:
            return None
    columns[4] = [bases[text] for text in columns[4]]
    return columns if len(rows) == len(some) else None


def _one_by_one(path: Path, some: list[str], first: int, last: int, notes: list[str]) -> Iterator[_Cells]:
    for number, line in enumerate(some, start=first):
        try:
            row = _Row.model_validate(_json(line))
            of = row.capture_index, row.segment, row.record_index
            yield *of, row.pts, row.time_base, row.captured_ns, row.session, row.blanked
        except ValidationError as error:
            if number == last and _json(line) is None:
                notes.append(f"the last line of {path.name} is cut off: the program was killed while it wrote")
                return
            raise FormatError(f"{path}, line {number}: {describe_validation_error(error)}.") from error


def _json(line: str) -> Any:
    try:
        return json.loads(line)
    except json.JSONDecodeError:
        return None
