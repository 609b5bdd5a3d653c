"""What QA hands over to training: schema ``polypwatch.handover/1``, one JSON file for a selection of procedures.

It names the videos, the label files (by hash), the ranges that somebody looked at, the licence, and who consented that
they are trained on. Nobody trains without that. With ``hard-examples`` it also lists the frames in which a model was
wrong, and why.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from detector.errors import FormatError, OutputError, UsageError
from detector.schema import describe_validation_error, require_schema

SCHEMA = "polypwatch.handover/1"
Kind = Literal["labels", "hard-examples"]
Sha256 = Field(pattern="^[0-9a-f]{64}$")


class _Record(BaseModel):
    """Frozen; keeps fields that this version does not know."""

    model_config = ConfigDict(frozen=True, extra="allow", populate_by_name=True, allow_inf_nan=False)


class Source(_Record):
    """The data set that the procedures become.

    Attributes:
        name: short, unique in a catalog.
        licence: what it may be used for, as its owner words it, or an SPDX identifier.
        commercial: the licence allows commercial use. Unknown is False.
        citation: reference to be given; empty if there is none.
    """

    name: str = Field(min_length=1)
    licence: str = Field(min_length=1)
    commercial: bool = False
    citation: str = ""


class Consent(_Record):
    """That the pictures may be trained on.

    Attributes:
        given: without it nobody imports the file.
        by: who said so: a code, not a name.
        words: what it rests on: an ethics vote, a form, a contract; never a name.
        utc: when it was said here.
    """

    given: bool
    by: str
    words: str = ""
    utc: str


class HardFrame(_Record):
    """A frame in which a model was wrong.

    Attributes:
        index: in the video, from 0.
        why: in which way.
        score: of the false alarm, or the best score on the missed lesion (0: none).
        event: which event it is of, in words.
        lesion: the missed lesion; empty for a false alarm.
    """

    index: int = Field(ge=0)
    why: Literal["false-alarm", "miss"]
    score: float = Field(ge=0, le=1)
    event: str
    lesion: str = ""


class HandedVideo(_Record):
    """One labelled video.

    Attributes:
        file: its name, in the procedure's folder.
        sha256: of the video.
        labels: name of the label file there.
        labels_sha256: of the label file: labels that were changed since are handed over anew.
        ranges: first and last frame of what may be used: somebody looked at it for every lesion.
        hard: the frames to be taken, of hard examples; empty otherwise.
    """

    file: str = Field(min_length=1)
    sha256: str = Sha256
    labels: str = Field(min_length=1)
    labels_sha256: str = Sha256
    ranges: tuple[tuple[int, int], ...]
    hard: tuple[HardFrame, ...] = ()

    @model_validator(mode="after")
    def _plain_names(self) -> HandedVideo:
        if any("/" in name or "\\" in name for name in (self.file, self.labels)):
            raise ValueError("file and labels are names in the procedure's folder, not paths")
        return self

    def covers(self, index: int) -> bool:
        """Whether a frame may be used."""
        return any(first <= index <= last for first, last in self.ranges)


class HandedProcedure(_Record):
    """One procedure.

    Attributes:
        path: folder of a recording, or a video file; relative to the handover's folder where it lies below it.
        name: first part of its samples' names; unique in the file.
        patient: a pseudonym, the same for all procedures of one patient, so that splits can keep them together; empty
            if nobody said.
        centre: hospital; empty if nobody said.
        videos: those with labels.
    """

    path: str = Field(min_length=1)
    name: str = Field(min_length=1)
    patient: str = ""
    centre: str = ""
    videos: tuple[HandedVideo, ...] = Field(min_length=1)


class Handover(_Record):
    """A selection for training.

    Attributes:
        schema_: ``polypwatch.handover/1``.
        software: name and version of the program that wrote the file.
        utc: when.
        kind: all reviewed frames with their labels, or those in which a model was wrong.
        source: the data set that it becomes.
        consent: that it may.
        model: what was wrong in the hard examples, in words; empty otherwise.
        procedures: at least one.
    """

    schema_: str = Field(default=SCHEMA, alias="schema")
    software: str
    utc: str
    kind: Kind
    source: Source
    consent: Consent
    model: str = ""
    procedures: tuple[HandedProcedure, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _unique(self) -> Handover:
        names = [p.name for p in self.procedures]
        if len(set(names)) != len(names):
            raise ValueError("two procedures have one name")
        return self

    @property
    def patients_known(self) -> bool:
        """Whether every procedure says whose it is."""
        return all(p.patient for p in self.procedures)

    def require_consent(self) -> None:
        """Refuse what may not be trained on.

        Raises:
            UsageError: nobody consented.
        """
        if not self.consent.given or not self.consent.by.strip():
            raise UsageError(
                f"Nobody has consented that {self.source.name} is trained on.",
                "Hand it over again, and say who consents.",
            )


def is_handover(path: Path) -> bool:
    """Whether a file says of itself that it is one, by its beginning."""
    if path.suffix.lower() != ".json" or not path.is_file():
        return False
    with path.open("rb") as file:
        return SCHEMA.split("/")[0].encode() + b"/" in file.read(256)


def load_handover(path: Path) -> Handover:
    """Read a handover.

    Raises:
        FormatError: it cannot be read, is of another schema, or not valid.
    """
    try:
        data: Any = json.loads(path.read_bytes())
        require_schema(data, SCHEMA, str(path))
        return Handover.model_validate(data)
    except (OSError, ValueError) as error:
        if isinstance(error, ValidationError):
            raise FormatError(f"{path} is not a valid handover: {describe_validation_error(error)}.") from error
        raise FormatError(f"{path} cannot be read ({error}).", "Is it the right file, and written whole?") from error


def save_handover(path: Path, handover: Handover) -> None:
    """Write a handover; it appears under its name once it is whole.

    Raises:
        OutputError: the folder does not exist or cannot be written, or the disk is full.
    """
    part = path.with_name(path.name + ".part")
    try:
        part.write_text(
            json.dumps(handover.model_dump(mode="json", by_alias=True), ensure_ascii=False, indent=1) + "\n",
            encoding="utf-8",
        )
        os.replace(part, path)
    except OSError as error:
        raise OutputError(f"Cannot write {path}: {error.strerror or error}.", "Choose another place.") from error
