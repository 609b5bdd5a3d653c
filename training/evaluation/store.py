"""What an evaluation leaves behind: ``evaluation.json`` (figures) and ``predictions.jsonl`` (every box of every image).

`predictions.jsonl` (schema ``polypwatch.predictions/1``) holds truth and answers, but no image and no path: from it
figures can be recomputed and two models compared in pairs without running either again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from detector.errors import FormatError, OutputError
from detector.geometry import Size, as_boxes
from detector.schema import describe_validation_error, require_schema
from detector.scoring.recording import Answer, Truth
from training.evaluation.rows import Row, UnitKind

EVALUATION_SCHEMA = "polypwatch.evaluation/1"
PREDICTIONS_SCHEMA = "polypwatch.predictions/1"
EVALUATION_NAME = "evaluation.json"
PREDICTIONS_NAME = "predictions.jsonl"

_Box = tuple[float, float, float, float]


class ModelFacts(BaseModel):
    """Which file answered.

    `threshold` is the one that was scored at; `kind` is ``onnx`` (the product's runtime) or ``torch`` (weights).
    """

    model_config = ConfigDict(frozen=True, extra="allow")
    kind: str
    name: str
    version: str
    variant: str
    sha256: str
    provider: str
    threshold: float


class DataFacts(BaseModel):
    """What was scored.

    `words` says how the set is separated from the rest of its catalog, `relation` whether that means anything for this
    model: only if the model was trained on the same catalog.
    """

    model_config = ConfigDict(frozen=True, extra="allow")
    name: str
    split: str
    catalog_sha256: str
    words: str
    relation: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """A model's answers on a set."""

    model: ModelFacts
    data: DataFacts
    rows: list[Row]


class _Head(BaseModel):
    model_config = ConfigDict(extra="allow")
    software: str
    model: ModelFacts
    data: DataFacts
    images: int


class _Line(BaseModel):
    model_config = ConfigDict(extra="allow", allow_inf_nan=False)
    name: str
    source: str
    centre: str
    unit: str
    unit_kind: UnitKind
    sequence: str
    order: int | None
    time_s: float | None
    size: tuple[int, int]
    reviewed: bool
    truth: list[_Box]
    lesions: list[str]
    ignored: list[_Box]
    boxes: list[_Box]
    scores: list[float]


def write_predictions(found: Predictions, path: Path, software: str) -> None:
    """Write every box of every image; the file appears under its name once it is whole.

    Raises:
        OutputError: it cannot be written.
    """
    head = {
        "schema": PREDICTIONS_SCHEMA,
        "software": software,
        "model": found.model.model_dump(),
        "data": found.data.model_dump(),
        "images": len(found.rows),
    }
    _write(path, (json.dumps(row, ensure_ascii=False) + "\n" for row in [head, *map(_encode, found.rows)]))


def read_predictions(path: Path) -> Predictions:
    """Read `predictions.jsonl`, or that of an evaluation's folder.

    Raises:
        FormatError: it is missing, cut off, of another schema, or a line is not valid.
    """
    path = path / PREDICTIONS_NAME if path.is_dir() else path
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(
            f"{path} cannot be read ({error}).", "Name a folder that polypwatch-train evaluate --out wrote."
        ) from error
    if not lines:
        raise FormatError(f"{path} is empty.", "Run evaluate again.")
    first = _json(lines[0], path, 1)
    require_schema(first, PREDICTIONS_SCHEMA, str(path))
    number = 1
    try:
        head = _Head.model_validate(first)
        rows = []
        for number, line in enumerate(lines[1:], start=2):
            rows.append(_decode(_Line.model_validate(_json(line, path, number))))
    except ValidationError as error:
        raise FormatError(f"{path}, line {number}: {describe_validation_error(error)}.") from error
    except ValueError as error:
        raise FormatError(f"{path}, line {number}: {error}.") from error
    if len(rows) != head.images:
        raise FormatError(f"{path} has {len(rows)} of {head.images} images.", "Run evaluate again.")
    return Predictions(head.model, head.data, rows)


def make_folder(path: Path) -> None:
    """Make a folder for results.

    Raises:
        OutputError: it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{path} cannot be made ({error}).", "Choose another --out.") from error


def write_json(data: dict[str, Any], path: Path) -> None:
    """Write a JSON object; it appears under its name once it is whole.

    Raises:
        OutputError: it cannot be written.
    """
    _write(path, [json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n"])


def write_text(text: str, path: Path) -> None:
    """Write a text file; it appears under its name once it is whole.

    Raises:
        OutputError: it cannot be written.
    """
    _write(path, [text])


def _write(path: Path, chunks: Iterable[str]) -> None:
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("w", encoding="utf-8") as file:
            file.writelines(chunks)
        os.replace(part, path)
    except (OSError, UnicodeEncodeError) as error:  # the latter: a file name that is no text
        raise OutputError(f"{path} cannot be written ({error}).", "Choose another --out.") from error


def _json(line: str, path: Path, number: int) -> Any:
    try:
        return json.loads(line)
    except json.JSONDecodeError as error:
        raise FormatError(f"{path}, line {number} is not JSON ({error}).") from error


def _encode(row: Row) -> dict[str, Any]:
    return {
        "name": row.name,
        "source": row.source,
        "centre": row.centre,
        "unit": row.unit,
        "unit_kind": row.unit_kind,
        "sequence": row.sequence,
        "order": row.order,
        "time_s": row.time_s,
        "size": list(row.size),
        "reviewed": row.truth.reviewed,
        "truth": _plain(row.truth.boxes),
        "lesions": list(row.truth.lesions),
        "ignored": _plain(row.truth.ignored),
        "boxes": _plain(row.answer.boxes),
        "scores": _plain(row.answer.scores),
    }


def _plain(values: Any) -> Any:
    """Numbers that give the same float32 when they are read, in as few digits as do."""
    array = np.asarray(values, np.float32)
    return [_plain(row) for row in array] if array.ndim > 1 else [float(str(v)) for v in array]


def _decode(line: _Line) -> Row:
    if len(line.boxes) != len(line.scores):
        raise ValueError(f"{len(line.boxes)} boxes, but {len(line.scores)} scores")
    if line.lesions and len(line.lesions) != len(line.truth):
        raise ValueError(f"{len(line.truth)} lesion boxes, but {len(line.lesions)} lesion ids")
    truth = Truth(line.reviewed, as_boxes(line.truth), tuple(line.lesions), as_boxes(line.ignored))
    answer = Answer(as_boxes(line.boxes), np.array(line.scores, np.float32))
    fixed = (line.name, line.source, line.centre, line.unit, line.unit_kind, line.sequence, line.order, line.time_s)
    return Row(*fixed, size=Size(*line.size), truth=truth, answer=answer)


def same_images(a: Sequence[Row], b: Sequence[Row]) -> str:
    """Why two sets of rows are not the same images with the same truth; empty if they are."""
    if [r.name for r in a] != [r.name for r in b]:
        lost = {r.name for r in a} ^ {r.name for r in b}
        return f"{len(lost)} images are in one of them only" if lost else "the images are in another order"
    for x, y in zip(a, b, strict=True):
        same = x.truth.reviewed == y.truth.reviewed and x.unit == y.unit and x.size == y.size
        if not (
            same and np.array_equal(x.truth.boxes, y.truth.boxes) and np.array_equal(x.truth.ignored, y.truth.ignored)
        ):
            return f"{x.name} is labelled differently"
    return ""
