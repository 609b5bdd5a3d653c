"""What the library knows of a procedure, and how it is asked for. No files, no database."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Literal

Kind = Literal["recording", "examination", "video", "images", "dicom"]
KINDS: tuple[Kind, ...] = ("examination", "recording", "video", "images", "dicom")


class ReviewState(enum.Enum):
    """How far the review of a procedure has come, over all readers."""

    NOBODY = "nobody"
    IN_REVIEW = "in_review"
    COMMITTED = "committed"
    ADJUDICATED = "adjudicated"


class Sort(enum.Enum):
    """What the list can be ordered by; unknown values come last, whichever way."""

    DATE = "date"
    TITLE = "title"
    KIND = "kind"
    LENGTH = "length"
    MODELS = "models"
    MARKS = "marks"
    ENDOSCOPIST = "endoscopist"
    REVIEW = "review"
    SENSITIVITY = "sensitivity"
    FALSE_ALARMS = "false_alarms"
    TROUBLE = "trouble"


@dataclass(frozen=True, slots=True)
class Reader:
    """One review of a procedure.

    Attributes:
        name: of the reader.
        reviewed: share of the frames that the reader looked at for every lesion, 0 to 1; None if the number of frames
            is not known.
        committed: whether the reader said to be done.
        answers: to clips of the worklist.
        trouble: why the log cannot be read, in words; empty if it can.
        settles: what two others differ on: no review of their own.
    """

    name: str
    reviewed: float | None
    committed: bool
    answers: int = 0
    trouble: str = ""
    settles: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """One procedure as the index has it.

    Attributes:
        id: of the row; never given to another procedure while the index exists.
        path: folder or file.
        kind: see `Kind`.
        title: the examination's pseudonym, else the name of folder or file.
        taken_utc: when it was taken.
        taken_known: from journal or recording; False: when the file was written last.
        length_s: None if nobody knows.
        frames: likewise.
        counted: the recorder counted them; False: what the container claims.
        width: of the first picture, in pixels; None if unknown.
        height: likewise.
        size_bytes: of its videos or images.
        models: that answered, live or afterwards, as ``name version``.
        polyps_found: marked during the examination; None without a journal.
        polyps_removed: likewise.
        marks: all other marks of the journal.
        endoscopist: a code; empty if nobody said.
        indication: likewise.
        review: over all readers.
        readers: each review log.
        labelled: share of the frames that published labels call reviewed; None without labels.
        sensitivity: per lesion, 0 to 1; None until figures were worked out.
        false_per_min: false alarms per minute of reviewed time; likewise.
        trouble: what is wrong with it, in words; empty if nothing is known to be.
    """

    id: int
    path: Path
    kind: Kind
    title: str
    taken_utc: datetime
    taken_known: bool
    length_s: float | None
    frames: int | None
    counted: bool
    width: int | None
    height: int | None
    size_bytes: int
    models: tuple[str, ...]
    polyps_found: int | None
    polyps_removed: int | None
    marks: int
    endoscopist: str
    indication: str
    review: ReviewState
    readers: tuple[Reader, ...]
    labelled: float | None
    sensitivity: float | None
    false_per_min: float | None
    trouble: str

    def reader(self, name: str) -> Reader | None:
        """The review of one reader; None if they have not begun."""
        return next((reader for reader in self.readers if reader.name == name), None)

    @property
    def can_be_settled(self) -> bool:
        """Whether two readers have committed, so that a third can decide what they differ on."""
        return sum(reader.committed and not reader.settles for reader in self.readers) > 1

    @property
    def reviewed(self) -> float:
        """The largest share of the frames that one reader looked at."""
        return max((r.reviewed or 0.0 for r in self.readers), default=0.0)


@dataclass(frozen=True, slots=True)
class Filters:
    """What must hold of an entry. Empty sets and None ask for nothing.

    Attributes:
        review: one of these states.
        models: one of these answered.
        marks: True: a polyp was marked during the examination; False: none was.
        kinds: one of these.
        endoscopists: one of these codes.
        since: taken on this day (UTC) or later.
        until: on this day or before.
        trouble: True: something is wrong; False: nothing is.
    """

    review: frozenset[ReviewState] = frozenset()
    models: frozenset[str] = frozenset()
    marks: bool | None = None
    kinds: frozenset[Kind] = frozenset()
    endoscopists: frozenset[str] = frozenset()
    since: date | None = None
    until: date | None = None
    trouble: bool | None = None


NO_FILTERS = Filters()


@dataclass(frozen=True, slots=True)
class Facets:
    """What there is to filter by, over the whole library.

    Attributes:
        total: procedures.
        models: names, sorted.
        endoscopists: codes, sorted.
        kinds: that occur.
        troubled: procedures with something wrong.
    """

    total: int
    models: tuple[str, ...]
    endoscopists: tuple[str, ...]
    kinds: tuple[Kind, ...]
    troubled: int


@dataclass(frozen=True, slots=True)
class ScanState:
    """Where the search through the folders stands.

    Attributes:
        running: it goes on.
        seen: procedures that were found in this scan so far.
        read: of them those that were new or had changed.
        folder: where it is now.
        problems: folders that could not be read, in words.
        generation: counts changes of the index: ask anew when it has changed.
    """

    running: bool = False
    seen: int = 0
    read: int = 0
    folder: Path | None = None
    problems: tuple[str, ...] = ()
    generation: int = 0
