"""The queue of suspicious labels as a file, and the decisions that come back: schema ``polypwatch.suspects/1``.

JSON lines: a head, then one suspect a line. A reader fills in `decision`:

- ``keep``: the label is right;
- ``drop``: the image goes (useless, or not to be had);
- ``unknown``: nobody can say; the image stays in the catalog, but nothing is known of it;
- ``boxes``: `boxes` holds the right ones now, all of the image; an empty list says that there is no polyp.

An empty decision leaves the label as it is, and is counted.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from detector.errors import FormatError, OutputError
from detector.geometry import Boxes, area, as_boxes, clip, iou_matrix
from detector.schema import describe_validation_error, require_schema
from training.catalog import Catalog
from training.feedback.suspects import WORDS, Kind, Suspect
from training.samples import Sample, corners

SCHEMA = "polypwatch.suspects/1"
FILE = "suspects.jsonl"
LEFT_OUT = "left-out"
_SAME_PX = 0.01
_Number = Annotated[float, Field(allow_inf_nan=False)]
_Box = tuple[_Number, _Number, _Number, _Number]


@dataclass(frozen=True, slots=True)
class Origin:
    """What a queue was made from: the model, and the catalog with the split that was looked through."""

    model: dict[str, Any]
    catalog_sha256: str
    split: str
    software: str


class Row(BaseModel):
    """One suspect as it stands in the file.

    `labels` are the boxes that were doubted, to notice if the catalog has changed since.
    """

    model_config = ConfigDict(extra="allow")
    rank: int
    name: str
    kind: Kind
    disagreement: float
    score: float
    iou: float
    why: str
    box: _Box | None
    label: int | None
    labels: list[_Box]
    decision: Literal["", "keep", "drop", "unknown", "boxes"] = ""
    boxes: list[_Box]


@dataclass(frozen=True, slots=True)
class Applied:
    """A corrected catalog, and how many images each decision concerned (``""``: nobody decided)."""

    catalog: Catalog
    counts: Counter[str]


def write_suspects(suspects: Sequence[Suspect], samples: Sequence[Sample], origin: Origin, path: Path) -> None:
    """Write the queue; it appears under its name once it is whole.

    Raises:
        OutputError: it cannot be written.
    """
    head = {
        "schema": SCHEMA,
        "software": origin.software,
        "model": origin.model,
        "catalog_sha256": origin.catalog_sha256,
        "split": origin.split,
    }
    lines = [json.dumps(head, ensure_ascii=False)]
    for rank, s in enumerate(suspects, start=1):
        sample = samples[s.sample]
        labels = np.round(sample.boxes.astype(np.float64), 3).tolist()
        row = Row(
            rank=rank,
            name=sample.name,
            kind=s.kind,
            disagreement=round(s.disagreement, 4),
            score=round(s.score, 4),
            iou=round(s.iou, 4),
            why=WORDS[s.kind],
            box=None if s.box is None else tuple(np.round(s.box.astype(np.float64), 2).tolist()),
            label=s.label,
            labels=labels,
            boxes=labels,
        )
        lines.append(row.model_dump_json())
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text("\n".join(lines) + "\n", encoding="utf-8")
        os.replace(part, path)
    except OSError as error:
        raise OutputError(f"{path} cannot be written ({error}).", "Choose another --out.") from error


def read_suspects(path: Path) -> list[Row]:
    """Read a queue, decided or not.

    Raises:
        FormatError: it is missing, of another schema, or a line is not valid.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(f"{path} cannot be read ({error}).", "Name a suspects.jsonl.") from error
    rows: list[Row] = []
    for number, line in enumerate(lines, start=1):
        try:
            data = json.loads(line)
        except json.JSONDecodeError as error:
            raise FormatError(f"{path}, line {number} is not JSON ({error}).") from error
        if number == 1:
            require_schema(data, SCHEMA, str(path))
            continue
        try:
            rows.append(Row.model_validate(data))
        except ValidationError as error:
            raise FormatError(f"{path}, line {number}: {describe_validation_error(error)}.") from error
    if not lines:
        raise FormatError(f"{path} is empty.", "Name a suspects.jsonl.")
    return rows


def apply_review(catalog: Catalog, rows: Sequence[Row]) -> Applied:
    """A catalog with the decisions of a review; everything that was not decided stays as it is.

    Raises:
        FormatError: an image is not in the catalog, its labels have changed since, two decisions on it contradict each
            other, or a new box is none.
    """
    known = {s.name: s for s in catalog.samples}
    decided: dict[str, Row] = {}
    for row in rows:
        sample = known.get(row.name)
        if sample is None:
            raise FormatError(f"{row.name} is not in the catalog.", "Apply the review to the catalog it was made from.")
        if not _same(as_boxes(row.labels), sample.boxes) or not sample.known:
            raise FormatError(
                f"The labels of {row.name} are not those that were reviewed.",
                "The catalog has changed since: make the queue anew.",
            )
        decided[row.name] = _agreed(decided.get(row.name), row)
    changed = {name: _decided(known[name], row) for name, row in decided.items()}
    samples = [changed.get(s.name, s) for s in catalog.samples]
    kept = [s for s in samples if s is not None]
    sources = [catalog.sources[name] for name in sorted({s.source for s in kept})]
    return Applied(Catalog.of(sources, kept, catalog.how_split), Counter(r.decision for r in decided.values()))


def _agreed(before: Row | None, row: Row) -> Row:
    """One decision for an image with several suspects: 'keep' and nothing give way, the others must be the same."""
    weak = ("", "keep")
    if before is None or before.decision == "" or (before.decision == "keep" and row.decision not in weak):
        return row
    if row.decision in weak:
        return before
    same = row.decision == before.decision and _same(as_boxes(row.boxes), as_boxes(before.boxes))
    if not same:
        raise FormatError(
            f"{row.name} was decided twice, and differently: {before.decision} and {row.decision}.",
            "An image is decided as a whole: give all its lines the same decision and boxes.",
        )
    return before


def _decided(sample: Sample, row: Row) -> Sample | None:
    """The sample after a decision; None: it goes."""
    facts = {**sample.facts, "review": row.decision}
    if row.decision == "drop":
        return None
    if row.decision == "keep":
        return replace(sample, facts=facts)
    if row.decision == "unknown":
        nothing = as_boxes([])
        # What is unknown is neither trained on nor scored, whatever split it had.
        return replace(
            sample,
            known=False,
            boxes=nothing,
            outlines=(),
            lesions=(),
            classes=(),
            ignored=nothing,
            split=LEFT_OUT if sample.split else "",
            facts=facts,
        )
    if row.decision == "boxes":
        boxes = clip(as_boxes(row.boxes), sample.size)
        if (area(boxes) <= 0).any():
            raise FormatError(f"{row.name}: a new box has no area inside the image.", "Write x1, y1, x2, y2 in pixels.")
        return replace(
            sample,
            boxes=boxes,
            outlines=corners(boxes),
            lesions=_inherited(boxes, sample.boxes, sample.lesions),
            classes=_inherited(boxes, sample.boxes, sample.classes),
            facts=facts,
        )
    return sample


def _inherited(new: Boxes, old: Boxes, names: tuple[str, ...]) -> tuple[str, ...]:
    """Per new box the name of the old one that it overlaps most; empty for one that is somewhere else."""
    if not names or not len(new):
        return ()
    ious = iou_matrix(new, old)
    return tuple(names[int(row.argmax())] if row.max() > 0 else "" for row in ious)


def _same(a: Boxes, b: Boxes) -> bool:
    return a.shape == b.shape and bool(np.allclose(a, b, atol=_SAME_PX))
