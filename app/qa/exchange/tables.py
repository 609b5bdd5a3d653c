"""Plain tables: `boxes.csv` or `boxes.parquet`, a row for each box, for spreadsheets, pandas and R.

Columns: `video`, `frame` (from 0), `lesion`, `x1`, `y1`, `x2`, `y2` (pixels, half-open), `state`, `visibility`. Only
frame and corners must be there to be read; others are left alone.
"""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from app.qa.exchange.model import MARGINAL, ForeignMark, ForeignVideo, Format, Item, Job, SizeOf, State
from app.qa.exchange.pictures import make_folder, write_bytes, write_text
from app.qa.exchange_names import SHOWN
from detector.errors import FormatError, SourceError, UsageError
from detector.labels.text import number, read_table, whole

BOXES = "boxes"
NEEDED = ("frame", "x1", "y1", "x2", "y2")
COLUMNS = ("video", "frame", "lesion", "x1", "y1", "x2", "y2", "state", "visibility")
Row = Mapping[str, Any]


def rows_of(items: Sequence[Item]) -> list[dict[str, Any]]:
    """A row for each box."""
    found = []
    for item in items:
        for frame in item.annotation.frames:
            for m in frame.marks:
                x1, y1, x2, y2 = m.box
                values = (item.key, frame.index, m.lesion, x1, y1, x2, y2, m.state, m.visibility)
                found.append(dict(zip(COLUMNS, values, strict=True)))
    return found


def _write_csv(items: Sequence[Item], job: Job) -> list[str]:
    write_csv(job.folder / f"{BOXES}.csv", COLUMNS, rows_of(items))
    return []


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Row]) -> None:
    """Write a table; a value that is missing is an empty cell.

    Raises:
        OutputError: it cannot be written.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({k: "" if v is None else v for k, v in row.items()})
    make_folder(path.parent)
    write_text(path, text.getvalue())


def _read_csv(path: Path, size_of: SizeOf) -> list[ForeignVideo]:
    file = _file(path, ".csv")
    return _videos(read_table(file, NEEDED), file)


# -- Parquet ----------------------------------------------------------------------------------------------------------


def require_pyarrow() -> Any:
    """The module `pyarrow`.

    Raises:
        UsageError: it is not installed.
    """
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise UsageError(
            "Parquet needs pyarrow, which is not installed.",
            f"Install it where Polypwatch is: {sys.executable} -m pip install 'pyarrow>=17' (or take CSV).",
        ) from error
    return pyarrow


def _write_parquet(items: Sequence[Item], job: Job) -> list[str]:
    pa = require_pyarrow()
    whole_, real, text = pa.int64(), pa.float64(), pa.string()
    kinds = (text, whole_, whole_, real, real, real, real, text, real)
    write_parquet(job.folder / f"{BOXES}.parquet", dict(zip(COLUMNS, kinds, strict=True)), rows_of(items))
    return []


def write_parquet(path: Path, columns: Mapping[str, Any], rows: Iterable[Row]) -> None:
    """Write a table.

    Args:
        path: where to.
        columns: pyarrow's type of each.
        rows: the values.

    Raises:
        UsageError: pyarrow is not installed.
        OutputError: it cannot be written.
    """
    pa = require_pyarrow()
    sink = pa.BufferOutputStream()
    table = pa.Table.from_pylist([dict(row) for row in rows], schema=pa.schema(list(columns.items())))
    pa.parquet.write_table(table, sink)
    make_folder(path.parent)
    write_bytes(path, sink.getvalue().to_pybytes())


def _read_parquet(path: Path, size_of: SizeOf) -> list[ForeignVideo]:
    file = _file(path, ".parquet")
    pa = require_pyarrow()
    try:
        table = pa.parquet.read_table(file)
    except (OSError, pa.ArrowException) as error:
        raise FormatError(f"{file} is no Parquet file that can be read ({error}).", "Was it written whole?") from error
    missing = set(NEEDED) - set(table.column_names)
    if missing:
        raise FormatError(f"{file} has no column '{sorted(missing)[0]}'.")
    return _videos(table.to_pylist(), file)


# -- both -------------------------------------------------------------------------------------------------------------


def _file(path: Path, suffix: str) -> Path:
    found = path if path.is_file() else path / f"{BOXES}{suffix}"
    if not found.is_file():
        raise SourceError(f"{path} holds no {BOXES}{suffix}.", "Name the file.")
    return found


def _videos(rows: Sequence[Row], file: Path) -> list[ForeignVideo]:
    marks: dict[str, list[ForeignMark]] = {}
    for at, row in enumerate(rows, start=2):
        marks.setdefault(_cell(row, "video") or file.stem, []).append(_mark(row, f"{file}, line {at}"))
    return [ForeignVideo(name, tuple(found)) for name, found in marks.items()]


def _mark(row: Row, where: str) -> ForeignMark:
    frame = whole(_cell(row, "frame"))
    if frame is None:
        raise FormatError(f"{where}: the frame '{_cell(row, 'frame')}' is no whole number.")
    x1, y1, x2, y2 = (number(_cell(row, name)) for name in NEEDED[1:])
    word = _cell(row, "state")
    if word not in ("", "clear", MARGINAL):
        raise FormatError(f"{where}: the state '{word}' is neither clear nor marginal.")
    state: State | None = None if not word else MARGINAL if word == MARGINAL else "clear"
    seen = number(_cell(row, "visibility")) if _cell(row, "visibility") else None
    lesion = whole(_cell(row, "lesion"))
    return ForeignMark(
        frame, (x1, y1, x2, y2), str(lesion) if lesion is not None else _cell(row, "lesion"), state, seen
    )


def _cell(row: Row, name: str) -> str:
    value = row.get(name)
    return "" if value is None or value != value else str(value).strip()


def _matches(suffix: str) -> Any:
    return lambda path: path.suffix.lower() == suffix if path.is_file() else (path / f"{BOXES}{suffix}").is_file()


_LOSES = "videos without a box, attributes and reviewed ranges"
CSV = Format("csv", SHOWN["csv"], _LOSES, _write_csv, _read_csv, _matches(".csv"))
PARQUET = Format(
    "parquet",
    SHOWN["parquet"],
    _LOSES,
    _write_parquet,
    _read_parquet,
    _matches(".parquet"),
)
