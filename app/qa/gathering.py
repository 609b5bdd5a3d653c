"""From rows in any order to flat arrays by position. No files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from app.qa.answers import ANALYSED, FAILED, NOT_ANALYSED, Origin
from detector.errors import FormatError
from detector.geometry import as_boxes
from detector.results import ModelRef
from detector.scoring.columns import starts_of


@dataclass(frozen=True, slots=True, eq=False)
class Gathered:
    """What one file says: arrays and plain facts by name, as they go into the cache.

    Attributes:
        models: per model and role `status`, `offsets`, `boxes`, `scores`, `kinds` and facts.
        shown: what stood on the screen, likewise with `tracks`; None if the file does not say.
        problems: what must be said of the file.
    """

    models: tuple[Mapping[str, Any], ...]
    shown: Mapping[str, Any] | None
    problems: tuple[str, ...]


class Gathering:
    """Collects a model's boxes by position; of two rows for one position the later counts.

    Args:
        count: frames of the axis.
        origin: where they come from.
        model: what answered.
        threshold: its operating point.
        min_score: the lowest score that is listed.
        classes: names by index; others are added as they are met.
    """

    def __init__(
        self,
        count: int,
        origin: Origin,
        model: ModelRef,
        threshold: float,
        min_score: float,
        classes: Sequence[str] = (),
    ) -> None:
        self._status = np.full(count, NOT_ANALYSED, np.uint8)
        self._rows: dict[int, tuple[Sequence[Any], Sequence[float], Sequence[int]]] = {}
        self._classes = list(classes)
        self._facts = {
            "origin": origin,
            "model": {k: getattr(model, k) for k in ("name", "version", "variant", "sha256")},
            "min_score": min_score,
        }
        self.threshold = threshold

    @property
    def frames(self) -> int:
        """How many positions have a row."""
        return int(np.count_nonzero(self._status))

    def kind_of(self, name: str) -> int:
        """The index of a class."""
        if name not in self._classes:
            self._classes.append(name)
        return self._classes.index(name)

    def add(self, position: int, boxes: Sequence[Any], scores: Sequence[float], kinds: Sequence[int]) -> None:
        """What was found in a frame, which may be nothing."""
        self._status[position] = ANALYSED
        if len(boxes):
            self._rows[position] = (boxes, scores, kinds)
        else:
            self._rows.pop(position, None)

    def fail(self, position: int) -> None:
        """The model, or the decoder before it, failed on a frame."""
        self._status[position] = FAILED
        self._rows.pop(position, None)

    def done(self) -> dict[str, Any]:
        """Arrays and facts.

        Raises:
            FormatError: a box or score that cannot be.
        """
        offsets, boxes, scores, kinds = flat(len(self._status), self._rows)
        order = np.lexsort((-scores, np.repeat(np.arange(len(self._status)), np.diff(offsets))))
        return {
            **self._facts,
            "threshold": self.threshold,
            "classes": self._classes,
            "status": self._status,
            "offsets": offsets,
            "boxes": boxes[order],
            "scores": scores[order],
            "kinds": kinds[order].astype(np.uint8),
        }


def flat(
    count: int, rows: Mapping[int, tuple[Sequence[Any], Sequence[float], Sequence[int]]]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Offsets, boxes, scores and a number for each box, in the order of positions.

    Raises:
        FormatError: a box or score that cannot be.
    """
    counts = np.zeros(count, np.int64)
    places = sorted(rows)
    for place in places:
        counts[place] = len(rows[place][0])
    try:
        boxes = as_boxes([box for place in places for box in rows[place][0]])
        scores = np.array([s for place in places for s in rows[place][1]], np.float32)
        numbers = np.array([n for place in places for n in rows[place][2]], np.int64)
    except (TypeError, ValueError) as error:
        raise FormatError(f"A box or score is damaged: {error}.", "Analyse the video again.") from error
    if len(scores) != len(boxes) or len(numbers) != len(boxes):
        raise FormatError("A box without score is damaged.", "Analyse the video again.")
    if not (
        np.isfinite(boxes).all() and (boxes[:, 2:] >= boxes[:, :2]).all() and ((scores >= 0) & (scores <= 1)).all()
    ):
        raise FormatError("A box or a score is not one.", "Analyse the video again.")
    return starts_of(counts), boxes, scores, numbers
