"""Human labels of a video: schema ``polypwatch.annotation/1``: lesions, marks per frame, and what was reviewed.

*No box* and *nobody looked* are different facts: a frame without marks inside a reviewed range has no polyp; outside of
every range nothing is known of it. Only frames with marks are listed, so that the labels of three hours are a few
megabytes. The format is documented in ``docs/formats.md``.
"""

from __future__ import annotations

import functools
import json
import os
from bisect import bisect_right
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from detector.errors import FormatError, OutputError
from detector.results import TimeBase
from detector.schema import describe_validation_error, require_schema

SCHEMA = "polypwatch.annotation/1"

Paris = Literal["Ip", "Isp", "Is", "IIa", "IIb", "IIc", "III"]
"""The Paris classification: pedunculated, semi-pedunculated, sessile, flat (raised, level, depressed), excavated."""
Lst = Literal["LST-G", "LST-G-H", "LST-G-NM", "LST-NG", "LST-NG-FE", "LST-NG-PD"]
"""Laterally spreading tumours, at least 10 mm wide: granular (homogeneous, nodular mixed) and non-granular (flat
elevated, pseudo-depressed); Kudo et al., Gastrointest Endosc 2008;68(4 Suppl):S3-47. Said beside the Paris class, as in
the journal of an examination."""
Site = Literal[
    "terminal_ileum",
    "caecum",
    "ascending",
    "hepatic_flexure",
    "transverse",
    "splenic_flexure",
    "descending",
    "sigmoid",
    "rectum",
]
"""Where a lesion lies; the same names as in the journal of an examination."""
Histology = Literal[
    "adenoma",
    "sessile_serrated_lesion",
    "traditional_serrated_adenoma",
    "hyperplastic",
    "carcinoma",
    "inflammatory",
    "normal_mucosa",
    "other",
    "not_retrieved",
]
"""What the pathologist said, in the terms of the WHO Classification of Tumours of the Digestive System (5th edition,
2019); ``adenoma`` is the conventional one, tubular to villous. ``not_retrieved``: removed, but lost."""
Index = Annotated[int, Field(ge=0)]


def _right_way_round(box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    if not (box[0] < box[2] and box[1] < box[3]):
        raise ValueError("a box is x1, y1, x2, y2 with x1 < x2 and y1 < y2")
    return box


BoxPx = Annotated[
    tuple[
        Annotated[float, Field(allow_inf_nan=False)],
        Annotated[float, Field(allow_inf_nan=False)],
        Annotated[float, Field(allow_inf_nan=False)],
        Annotated[float, Field(allow_inf_nan=False)],
    ],
    AfterValidator(_right_way_round),
]


class _Record(BaseModel):
    """Frozen; keeps fields that this version does not know, so that rewriting loses nothing."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True, populate_by_name=True)


class Video(_Record):
    """Which video was labelled, by its hash: labels of a cut or re-encoded copy would be off by frames.

    Attributes:
        name: file name without folders.
        sha256: of the file, lower-case hex.
        frame_count: how many frames it really holds (decoded, not claimed by the container).
        width: of the picture in pixels.
        height: likewise.
        time_base: seconds per tick of every ``pts``.
    """

    name: str
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    frame_count: int = Field(gt=0)
    width: int = Field(gt=0)
    height: int = Field(gt=0)
    time_base: TimeBase


class Lesion(_Record):
    """One lesion: the same wherever and whenever it is seen.

    Attributes:
        id: unique in the file, from 1; never reused.
        paris: shape class; None if nobody said.
        size_mm: largest diameter; None if nobody said.
        note: free text: how the size was measured, ...
        site: where it lies; None if nobody said.
        histology: what it was under the microscope; None if nobody said.
        lst: which kind of laterally spreading tumour; None if it is none, or nobody said.
    """

    id: int = Field(ge=1)
    paris: Paris | None
    size_mm: float | None = Field(gt=0, allow_inf_nan=False)
    note: str
    site: Site | None = None
    histology: Histology | None = None
    lst: Lst | None = None


class Mark(_Record):
    """One lesion in one frame.

    Attributes:
        lesion: its id.
        state: ``clear``: a reader would box it, and a detector should; ``marginal``: something of it is in the picture
            (tiny, mostly hidden, blurred, dark): finding it is no merit, not finding it no miss, and a detection there
            is no false alarm.
        box: ``x1, y1, x2, y2`` in pixels of the picture, half-open, around what is visible.
        visibility: share of the lesion's side that faces the camera which is in the picture and not hidden, 0 to 1;
            None if it was not measured (human labels).
    """

    lesion: int = Field(ge=1)
    state: Literal["clear", "marginal"]
    box: BoxPx
    visibility: float | None = Field(ge=0, le=1)


class MarkedFrame(_Record):
    """A frame in which lesions are marked.

    Attributes:
        index: counted from 0 over the video's frames.
        pts: media time in ticks of the video's ``time_base``; None if unknown.
        marks: at least one; each lesion at most once.
    """

    index: Index
    pts: int | None
    marks: tuple[Mark, ...] = Field(min_length=1)


class ReviewedRange(_Record):
    """Frames ``first`` to ``last``, both included, that ``reviewer`` looked at for every lesion in them."""

    first: Index
    last: Index
    reviewer: str = Field(min_length=1)

    @model_validator(mode="after")
    def _forward(self) -> Self:
        if self.last < self.first:
            raise ValueError(f"a reviewed range ends ({self.last}) before it begins ({self.first})")
        return self


class Annotation(_Record):
    """The labels of one video.

    Attributes:
        schema_: ``polypwatch.annotation/1``.
        software: name and version of the program that wrote the file.
        source: where the labels come from, in words: a reader, a renderer with its seed.
        video: what was labelled.
        lesions: every lesion, ids unique.
        reviewed: what was looked at; ranges may overlap (two readers).
        frames: frames with marks, in ascending order. Marks outside of the reviewed ranges are allowed: a lesion was
            seen there, but nobody says that it was the only one.
    """

    schema_: str = Field(default=SCHEMA, alias="schema")
    software: str
    source: str
    video: Video
    lesions: tuple[Lesion, ...]
    reviewed: tuple[ReviewedRange, ...]
    frames: tuple[MarkedFrame, ...]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        ids = [x.id for x in self.lesions]
        if len(set(ids)) != len(ids):
            raise ValueError("two lesions have the same id")
        known, count, before = set(ids), self.video.frame_count, -1
        for reviewed in self.reviewed:
            if reviewed.last >= count:
                raise ValueError(f"reviewed range up to {reviewed.last}, but the video has {count} frames")
        for frame in self.frames:
            if frame.index <= before:
                raise ValueError(f"frame {frame.index} is out of order or listed twice")
            if frame.index >= count:
                raise ValueError(f"frame {frame.index} is marked, but the video has {count} frames")
            before = frame.index
            marked = [m.lesion for m in frame.marks]
            if not known.issuperset(marked):
                raise ValueError(f"frame {frame.index} marks a lesion that is not listed")
            if len(set(marked)) != len(marked):
                raise ValueError(f"frame {frame.index} marks a lesion twice")
        return self

    def marks(self, index: int) -> tuple[Mark, ...]:
        """The marks of a frame; empty if there are none, reviewed or not."""
        frame = self._by_index.get(index)
        return frame.marks if frame is not None else ()

    def is_reviewed(self, index: int) -> bool:
        """True if somebody looked at the frame: only then does an empty ``marks`` mean that nothing is there."""
        starts, ends = self._merged
        position = bisect_right(starts, index) - 1
        return position >= 0 and index <= ends[position]

    def visible_ranges(self, lesion: int, longest_gap: int = 0) -> list[tuple[int, int]]:
        """First and last frame of every run in which ``lesion`` is clear; gaps up to ``longest_gap`` are bridged."""
        runs: list[tuple[int, int]] = []
        for frame in self.frames:
            if any(m.lesion == lesion and m.state == "clear" for m in frame.marks):
                if runs and frame.index - runs[-1][1] <= longest_gap + 1:
                    runs[-1] = (runs[-1][0], frame.index)
                else:
                    runs.append((frame.index, frame.index))
        return runs

    @functools.cached_property
    def _by_index(self) -> Mapping[int, MarkedFrame]:
        return {frame.index: frame for frame in self.frames}

    @functools.cached_property
    def _merged(self) -> tuple[list[int], list[int]]:
        starts: list[int] = []
        ends: list[int] = []
        for reviewed in sorted(self.reviewed, key=lambda r: (r.first, r.last)):
            if ends and reviewed.first <= ends[-1] + 1:
                ends[-1] = max(ends[-1], reviewed.last)
            else:
                starts.append(reviewed.first)
                ends.append(reviewed.last)
        return starts, ends


def parse_annotation(text: str | bytes, where: str) -> Annotation:
    """Decode an annotation file.

    Args:
        text: the JSON.
        where: file name for messages.

    Raises:
        FormatError: not JSON, another schema, a missing or wrong field, or contradictions; the message says which.
    """
    try:
        data: Any = json.loads(text)
        require_schema(data, SCHEMA, where)
        return Annotation.model_validate_json(text)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise FormatError(f"{where} is not valid JSON: {error}.", "Is it the right file, and written whole?") from error
    except ValidationError as error:
        raise FormatError(f"{where} is not a valid annotation: {describe_validation_error(error)}.") from error


def load_annotation(path: Path) -> Annotation:
    """Read an annotation file.

    Raises:
        FormatError: it cannot be read or is not valid.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise FormatError(f"Cannot read the annotation {path}: {error.strerror or error}.") from error
    return parse_annotation(text, str(path))


def dump_annotation(annotation: Annotation) -> str:
    """The annotation as JSON text: the head on the first lines, then one frame a line."""
    head = annotation.model_dump(mode="json", by_alias=True, exclude={"frames"})
    lines = json.dumps(head, ensure_ascii=False, indent=1)[:-2]
    rows = ",\n".join(frame.model_dump_json(by_alias=True) for frame in annotation.frames)
    return f'{lines},\n "frames": [\n{rows}\n]}}\n' if rows else f'{lines},\n "frames": []}}\n'


def save_annotation(path: Path, annotation: Annotation) -> None:
    """Write an annotation file; it appears under its name once it is whole.

    Raises:
        OutputError: the folder does not exist or cannot be written, or the disk is full.
    """
    part = path.with_name(path.name + ".part")
    try:
        part.write_text(dump_annotation(annotation), encoding="utf-8")
        os.replace(part, path)
    except OSError as error:
        raise OutputError(f"Cannot write {path}: {error.strerror or error}.", "Choose another place.") from error
