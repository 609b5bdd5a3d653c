"""Places in procedures that a figure is made of: what a click on a figure leads to. No files, no Qt."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Kind = Literal["TP", "FP", "FN"]
"""``TP``: a lesion that was marked; ``FP``: a marker where no lesion is; ``FN``: a lesion that was not marked."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A stretch of a procedure in which one thing was right or wrong.

    Attributes:
        path: the procedure, as it was opened.
        first: first position.
        last: last position, included.
        focus: the position to show.
        kind: see `Kind`.
        lesion: id of the lesion in the labels; empty for a false alarm.
        words: what happened, in a sentence.
        seconds: how long it lasted; of a lesion that was found: from its first frame to the first hit.
        score: the best score of it; None where nothing was found.
        box: ``x1, y1, x2, y2`` in frame pixels at `focus`: of the false marker, else of the lesion.
        track: id of the marker; None for a lesion.
    """

    path: Path
    first: int
    last: int
    focus: int
    kind: Kind
    lesion: str
    words: str
    seconds: float
    score: float | None = None
    box: tuple[float, float, float, float] | None = None
    track: int | None = None
