"""Label files read safely: text, CSV tables, JSON and XML; what is damaged is one clear error.

XML is never given a chance: a document type, and with it every entity, is refused before anything is expanded.
"""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from detector.errors import FormatError, SourceError


def read_text(path: Path) -> str:
    """A text file in UTF-8, with or without a byte order mark.

    Raises:
        SourceError: it cannot be read.
        FormatError: it is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise SourceError(f"{path} cannot be read ({error.strerror or error}).") from error
    except UnicodeDecodeError as error:
        raise FormatError(f"{path} is not UTF-8 text (byte {error.start}).") from error


def read_table(path: Path, columns: tuple[str, ...]) -> list[dict[str, str]]:
    """Rows of a CSV file with a header; a cell that is missing is empty.

    Raises:
        SourceError: the file is missing.
        FormatError: a column is missing, or the file is no text.
    """
    if not path.is_file():
        raise SourceError(f"{path} is missing.", "The data set's folder is incomplete.")
    reader = csv.DictReader(io.StringIO(read_text(path)), restval="")
    missing = set(columns) - set(reader.fieldnames or ())
    if missing:
        raise FormatError(f"{path} has no column '{sorted(missing)[0]}'.")
    try:
        return [{k: (v or "").strip() for k, v in row.items() if isinstance(k, str)} for row in reader]
    except csv.Error as error:
        raise FormatError(f"{path}, line {reader.line_num} is no CSV ({error}).") from error


def read_json(path: Path) -> Any:
    """A JSON file. NaN and Infinity, which JSON does not have, come as floats and are refused where a box is checked.

    Raises:
        SourceError: it cannot be read.
        FormatError: it is not JSON.
    """
    try:
        return json.loads(read_text(path))
    except (json.JSONDecodeError, RecursionError) as error:
        raise FormatError(f"{path} is not JSON ({error}).") from error


def read_xml(path: Path) -> Element:
    """The root element of an XML file.

    Raises:
        SourceError: it cannot be read.
        FormatError: it is not well-formed, or has a document type (which is how entity bombs come).
    """
    builder = TreeBuilder()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data

    def refuse(*_: Any) -> None:
        raise FormatError(f"{path} has a document type (DTD), which labels never need.", "Remove the DOCTYPE line.")

    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(path.read_bytes(), True)
    except OSError as error:
        raise SourceError(f"{path} cannot be read ({error.strerror or error}).") from error
    except (expat.ExpatError, LookupError, ValueError) as error:
        raise FormatError(f"{path} is not well-formed XML ({error}).") from error
    return builder.close()


def text_of(element: Element, tag: str) -> str:
    """The text of a child, stripped; empty if there is none."""
    return (element.findtext(tag) or "").strip()


def number(value: Any) -> float:
    """A number from JSON, XML or a line of text; what is none becomes NaN and is refused where the box is checked."""
    if isinstance(value, bool):
        return math.nan
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan


def whole(text: str) -> int | None:
    """A whole number, or None if it is none."""
    value = number(text)
    return int(value) if math.isfinite(value) and value == int(value) else None
