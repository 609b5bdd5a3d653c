"""What is known of one procedure when its clips are chosen: results, marks of the examination, answers, labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from app.examination.events import PolypFound
from app.examination.store import JOURNAL_NAME
from app.qa.answers import Candidates, Shown
from app.qa.axis import Flags, FrameAxis
from app.qa.marks import marks_in
from app.qa.worklist.answers import Answer
from app.qa.worklist.clips import Corners
from detector.errors import FormatError


def nothing_known(position: int) -> tuple[Corners, ...]:
    """Nobody has drawn anything."""
    return ()


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """A mark of the examination: somebody saw a polyp here.

    Attributes:
        position: the frame that stood on the screen then.
        lesion: its number in the journal.
    """

    position: int
    lesion: int


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """One procedure.

    Attributes:
        procedure: its folder or video.
        axis: its frames.
        candidates: what models said, the one that matters most first.
        shown: what stood on the screen, live or by the alert code; the one that matters most first.
        found: the examination's marks; None where there is no journal, so that nothing can be said about alarms that
            nobody marked.
        inside: bool (N,): frames of the inside of a body that show something.
        answers: what was answered already.
        known: the boxes that the reader has drawn in a frame: what is known is not asked again.
    """

    procedure: Path
    axis: FrameAxis
    candidates: tuple[Candidates, ...] = ()
    shown: tuple[Shown, ...] = ()
    found: tuple[Found, ...] | None = None
    inside: Flags = field(default_factory=lambda: np.zeros(0, np.bool_))
    answers: tuple[Answer, ...] = ()
    known: Callable[[int], tuple[Corners, ...]] = nothing_known

    def __post_init__(self) -> None:
        if len(self.inside) != len(self.axis):
            raise ValueError("inside has a flag for every frame of the axis")


def gather(
    procedure: Path,
    axis: FrameAxis,
    candidates: Sequence[Candidates],
    shown: Sequence[Shown],
    *,
    answers: Sequence[Answer] = (),
    known: Callable[[int], tuple[Corners, ...]] = nothing_known,
) -> Evidence:
    """Put together what lies in a procedure's folder with what was loaded of it.

    A journal that cannot be read is as none: the clips that hang on it are not asked.
    """
    return Evidence(
        procedure,
        axis,
        tuple(candidates),
        tuple(shown),
        _found(procedure, axis),
        ~axis.blanked,
        tuple(answers),
        known,
    )


def _found(procedure: Path, axis: FrameAxis) -> tuple[Found, ...] | None:
    if not (procedure / JOURNAL_NAME).is_file():
        return None
    try:
        marks = marks_in(procedure, axis)
    except FormatError:
        return None
    return tuple(Found(mark.position, mark.what.lesion) for mark in marks if isinstance(mark.what, PolypFound))
