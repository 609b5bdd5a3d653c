"""What a model said of a procedure, and what stood on the screen: flat arrays by position. No files, no Qt.

`Candidates` are raw boxes (score from .01 up, at most 20 a frame); `Shown` are the markers that a person saw, live or
in a re-analysis. They are different tracks and never mixed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from detector.geometry import Boxes
from detector.results import ModelRef

NOT_ANALYSED, ANALYSED, FAILED = 0, 1, 2
"""Status of a frame: nobody asked the model; it answered, even if with nothing; it could not, or had no picture."""

Origin = Literal["live", "shadow", "candidate", "analysis"]
"""Where answers come from: shown live, run unseen live, the second model of a session, or made afterwards."""


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Raw detections by position; boxes of frame `i` are rows `offsets[i]` to `offsets[i + 1]`, best first.

    Attributes:
        label: for people: ``fast 0.2.1 fp32``.
        origin: where they come from.
        file: the results file.
        model: what answered.
        threshold: its operating point.
        min_score: the lowest score that was kept.
        classes: names by index.
        status: uint8 (N,): `NOT_ANALYSED`, `ANALYSED` or `FAILED`.
        offsets: int64 (N + 1,).
        boxes: float32 (K, 4) xyxy in frame pixels.
        scores: float32 (K,).
        kinds: uint8 (K,): index into `classes`.
    """

    label: str
    origin: Origin
    file: Path
    model: ModelRef
    threshold: float
    min_score: float
    classes: tuple[str, ...]
    status: npt.NDArray[np.uint8]
    offsets: npt.NDArray[np.int64]
    boxes: Boxes
    scores: npt.NDArray[np.float32]
    kinds: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.status)

    def rows(self, position: int) -> slice:
        """Which rows belong to a frame."""
        return slice(int(self.offsets[position]), int(self.offsets[position + 1]))


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """Markers by position: what stood on the screen while a frame did, hold time included.

    Attributes:
        label: for people.
        origin: `live`, `shadow` and `candidate` are as recorded; `analysis` is what the alert code makes of candidates.
        status: uint8 (N,): of the frame's analysis; a frame that was not analysed shows what stood there all the same.
        offsets: int64 (N + 1,).
        boxes: float32 (K, 4) xyxy in frame pixels.
        scores: float32 (K,).
        tracks: int64 (K,): id of the marker, never reused in a procedure.
    """

    label: str
    origin: Origin
    status: npt.NDArray[np.uint8]
    offsets: npt.NDArray[np.int64]
    boxes: Boxes
    scores: npt.NDArray[np.float32]
    tracks: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.status)

    def rows(self, position: int) -> slice:
        """Which rows belong to a frame."""
        return slice(int(self.offsets[position]), int(self.offsets[position + 1]))
