"""The catalog file: schema ``polypwatch.catalog/1``, JSON lines: a head, then one sample a line.

Its hash covers what a model learns from (images by content, boxes, split), and neither paths nor the order of lines.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from detector.errors import FormatError, OutputError, SourceError
from detector.geometry import Size, as_boxes
from detector.schema import describe_validation_error, require_schema
from training.samples import Sample, SourceInfo, read_bytes

SCHEMA = "polypwatch.catalog/1"


Words = Literal["patient-disjoint", "near-duplicate-checked"]


@dataclass(frozen=True, slots=True)
class SplitNote:
    """How a catalog was split.

    Attributes:
        recipe: name of the recipe.
        words: what may be said of the split; patient-disjoint only where every sample of it names its patient.
        why: one sentence for a reader: what the words rest on.
    """

    recipe: str
    words: Words
    why: str


@dataclass(frozen=True, slots=True, eq=False)
class Catalog:
    """Samples with the sources that they come from.

    Attributes:
        sources: by name; every sample's source is among them.
        samples: sorted by name, names unique.
        how_split: None as long as nothing was split; what was imported since has no split yet.
    """

    sources: dict[str, SourceInfo]
    samples: tuple[Sample, ...]
    how_split: SplitNote | None = field(default=None, kw_only=True)

    @classmethod
    def of(
        cls, sources: Iterable[SourceInfo], samples: Iterable[Sample], how_split: SplitNote | None = None
    ) -> Catalog:
        """Sort and check.

        Raises:
            FormatError: two samples have one name, or a sample names no known source.
        """
        by_name = {s.name: s for s in sources}
        ordered = tuple(sorted(samples, key=lambda s: s.name))
        for before, after in pairwise(ordered):
            if before.name == after.name:
                raise FormatError(f"Two samples are called {after.name}.", "Import one of them with another --prefix.")
        for s in ordered:
            if s.source not in by_name:
                raise FormatError(f"{s.name} comes from '{s.source}', which the catalog does not describe.")
        return cls(by_name, ordered, how_split=how_split)

    def where(self, keep: Callable[[Sample], bool]) -> Catalog:
        """The catalog of those samples for which `keep` holds, with the sources that remain."""
        kept = tuple(s for s in self.samples if keep(s))
        names = {s.source for s in kept}
        return Catalog({k: v for k, v in self.sources.items() if k in names}, kept, how_split=self.how_split)

    def split(self, name: str) -> Catalog:
        """The samples of one split (``train``, ``dev``, ``test:NAME``)."""
        return self.where(lambda s: s.split == name)

    @property
    def splits(self) -> list[str]:
        """Names of the splits that have a sample, ``train`` and ``dev`` first."""
        names = {s.split for s in self.samples if s.split}
        return sorted(names, key=lambda n: (n != "train", n != "dev", n))

    @property
    def sha256(self) -> str:
        """Identity of what was learned from: names, image contents, labels and split; no paths."""
        digest = hashlib.sha256()
        for s in self.samples:
            label = json.dumps([s.known, np.round(s.boxes, 2).tolist(), np.round(s.ignored, 2).tolist(), s.split])
            digest.update(f"{s.name} {s.image_sha256} {label}\n".encode())
        return digest.hexdigest()


class _Source(BaseModel):
    model_config = ConfigDict(extra="allow")
    name: str
    licence: str
    commercial: bool
    citation: str
    patients_known: bool = False


class _SplitNote(BaseModel):
    model_config = ConfigDict(extra="allow")
    recipe: str
    words: Words
    why: str


class _Head(BaseModel):
    model_config = ConfigDict(extra="allow")
    sha256: str
    sources: list[_Source]
    split: _SplitNote | None = None


class _Box(BaseModel):
    model_config = ConfigDict(extra="allow", allow_inf_nan=False)
    box: tuple[float, float, float, float]
    outline: list[tuple[float, float]] | None = None
    lesion: str = ""
    class_: str = Field(default="", alias="class")


class _Row(BaseModel):
    model_config = ConfigDict(extra="allow", allow_inf_nan=False)
    name: str
    image: str
    image_sha256: str = Field(pattern="[0-9a-f]{64}")
    source: str
    width: int = Field(gt=0)
    height: int = Field(gt=0)
    known: bool
    boxes: list[_Box]
    ignored: list[tuple[float, float, float, float]] = []
    centre: str = ""
    patient: str = ""
    sequence: str = ""
    order: int | None = None
    time_s: float | None = None
    official: str = ""
    split: str = ""
    facts: dict[str, str] = {}


def image_sha256(path: Path) -> str:
    """SHA-256 of an image file's bytes.

    Raises:
        SourceError: it cannot be read.
    """
    return hashlib.sha256(read_bytes(path)).hexdigest()


def write_catalog(catalog: Catalog, path: Path) -> None:
    """Write a catalog; it appears under its name once it is whole. Images are named relative to the catalog's folder.

    Raises:
        OutputError: it cannot be written.
        ValueError: an image has not been hashed yet: the catalog's own hash would say nothing of its content.
    """
    unread = next((s.name for s in catalog.samples if not s.image_sha256), None)
    if unread is not None:
        raise ValueError(f"{unread} has no image_sha256")
    base = path.absolute().parent
    head: dict[str, Any] = {"schema": SCHEMA, "sha256": catalog.sha256}
    head["sources"] = [asdict(s) for s in catalog.sources.values()]
    if catalog.how_split is not None:
        head["split"] = asdict(catalog.how_split)
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("w", encoding="utf-8") as file:
            file.write(json.dumps(head, ensure_ascii=False) + "\n")
            for s in catalog.samples:
                file.write(json.dumps(_encode(s, base), ensure_ascii=False) + "\n")
        os.replace(part, path)
    except (OSError, UnicodeEncodeError) as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise OutputError(f"{path} cannot be written ({error}).", "Choose another place.") from error


def read_catalog(path: Path) -> Catalog:
    """Read a catalog.

    Raises:
        SourceError: it is missing or cannot be read.
        FormatError: it is of another schema, a line is not valid, or its hash is not that of its content.
    """
    rows = _lines(path)
    _, first = next(rows, (0, None))
    require_schema(first, SCHEMA, str(path))
    try:
        head = _Head.model_validate(first)
    except ValidationError as error:
        raise FormatError(f"{path}, first line: {describe_validation_error(error)}.") from error
    sources = [SourceInfo(s.name, s.licence, s.commercial, s.citation, s.patients_known) for s in head.sources]
    note = None if head.split is None else SplitNote(head.split.recipe, head.split.words, head.split.why)
    base = path.absolute().parent
    samples = []
    for number, row in rows:
        try:
            samples.append(_decode(_Row.model_validate(row), base))
        except ValidationError as error:
            raise FormatError(f"{path}, line {number}: {describe_validation_error(error)}.") from error
        except ValueError as error:
            raise FormatError(f"{path}, line {number}: {error}.") from error
    catalog = Catalog.of(sources, samples, note)
    if head.sha256 != catalog.sha256:
        raise FormatError(
            f"{path} was changed by hand: its content does not give the hash in its first line.",
            "Make it anew with polypwatch-train import and split.",
        )
    return catalog


def with_split(sample: Sample, split: str) -> Sample:
    """The same sample in another split."""
    return replace(sample, split=split)


def _lines(path: Path) -> Iterator[tuple[int, Any]]:
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    try:
                        yield number, json.loads(line)
                    except json.JSONDecodeError as error:
                        raise FormatError(f"{path}, line {number} is not JSON ({error}).") from error
    except (OSError, UnicodeDecodeError) as error:
        hint = "Make one: polypwatch-train import."
        raise SourceError(f"The catalog {path} cannot be read ({error}).", hint) from error


def _encode(s: Sample, base: Path) -> dict[str, Any]:
    boxes = []
    for i, (box, outline) in enumerate(zip(s.boxes.tolist(), s.outlines, strict=True)):
        row: dict[str, Any] = {"box": box, "outline": outline.tolist()}
        if s.lesions:
            row["lesion"] = s.lesions[i]
        if s.classes:
            row["class"] = s.classes[i]
        boxes.append(row)
    row = {
        "name": s.name,
        "image": _relative(s.image, base),
        "image_sha256": s.image_sha256,
        "source": s.source,
        "width": s.size.width,
        "height": s.size.height,
        "known": s.known,
        "boxes": boxes,
        "ignored": s.ignored.tolist(),
    }
    extra = ("centre", "patient", "sequence", "order", "time_s", "official", "split")
    row |= {k: getattr(s, k) for k in extra if getattr(s, k) not in ("", None)}
    return row | ({"facts": dict(s.facts)} if s.facts else {})


def _relative(image: Path, base: Path) -> str:
    try:
        return Path(os.path.relpath(image, base)).as_posix()
    except ValueError:  # Windows: on another drive
        return image.absolute().as_posix()


def _decode(row: _Row, base: Path) -> Sample:
    boxes = as_boxes([b.box for b in row.boxes])
    outlines = tuple(
        np.array(b.outline if b.outline else [(x1, y1), (x2, y1), (x2, y2), (x1, y2)], np.float32)
        for b, (x1, y1, x2, y2) in zip(row.boxes, boxes.tolist(), strict=True)
    )
    return Sample(
        name=row.name,
        image=Path(os.path.normpath(base / row.image)),
        source=row.source,
        size=Size(row.width, row.height),
        boxes=boxes,
        outlines=outlines,
        known=row.known,
        lesions=tuple(b.lesion for b in row.boxes) if any(b.lesion for b in row.boxes) else (),
        classes=tuple(b.class_ for b in row.boxes) if any(b.class_ for b in row.boxes) else (),
        ignored=as_boxes(row.ignored),
        centre=row.centre,
        patient=row.patient,
        sequence=row.sequence,
        order=row.order,
        time_s=row.time_s,
        official=row.official,
        split=row.split,
        image_sha256=row.image_sha256,
        facts=row.facts,
    )
