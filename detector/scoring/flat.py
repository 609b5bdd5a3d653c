"""Frames laid out flat: all boxes of a set in one array, and the pairs of boxes that share a frame.

Three hours are 324,000 frames, most of them with nothing in them: everything below works on the boxes that there are.
"""

from __future__ import annotations

from collections.abc import Sequence, Sized
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detector.geometry import Boxes, as_boxes
from detector.scoring.columns import FAILED, SKIPPED, AnswerColumns, TruthColumns, frames_of
from detector.scoring.recording import Answer, Scores, Truth

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Boxes of many frames, in the order of the frames.

    Attributes:
        boxes: float32 (N, 4) xyxy in frame pixels.
        frame: (N,) index of the frame.
        starts: (F + 1,): frame `f` has the rows ``starts[f]`` to ``starts[f + 1]``.
    """

    boxes: Boxes
    frame: Ints
    starts: Ints

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def counts(self) -> Ints:
        """(F,) how many boxes each frame has."""
        return np.diff(self.starts)

    @property
    def position(self) -> Ints:
        """(N,) index of each box within its frame."""
        return np.arange(len(self), dtype=np.int64) - self.starts[self.frame]

    @classmethod
    def of(cls, per_frame: Sequence[Boxes]) -> Rows:
        """Lay the boxes of each frame one after another."""
        counts = lengths(per_frame)
        starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
        # Joining the frames that have boxes is ten times as fast as joining all.
        boxes = np.concatenate([as_boxes([]), *(per_frame[k] for k in np.flatnonzero(counts).tolist())])
        return cls(boxes.astype(np.float32, copy=False), np.repeat(np.arange(len(counts)), counts), starts)


@dataclass(frozen=True, slots=True, eq=False)
class Frames:
    """Truth and answers of F frames.

    Attributes:
        reviewed: (F,) whether the frame counts.
        failed: (F,) reviewed, with an answer of status ``failed``.
        skipped: (F,) likewise ``skipped``.
        lesions: boxes of lesions.
        ignored: ignored regions.
        answers: boxes that were answered.
        scores: float32, per answered box.
    """

    reviewed: Flags
    failed: Flags
    skipped: Flags
    lesions: Rows
    ignored: Rows
    answers: Rows
    scores: Scores

    @classmethod
    def of(cls, truth: Sequence[Truth], answers: Sequence[Answer]) -> Frames:
        """Lay frames out flat.

        Raises:
            ValueError: an answer has another number of scores than of boxes, or something is not a number: it would
                compare as 'no box'.
        """
        told = AnswerColumns.of(answers)
        rows = Rows(told.boxes, frames_of(told.starts), told.starts)
        reviewed, lesions, ignored = _known(truth)
        scores = told.scores
        if any(np.isnan(values).any() for values in (scores, rows.boxes, lesions.boxes, ignored.boxes)):
            raise ValueError("a box or a score is not a number")
        return cls(
            reviewed=reviewed,
            failed=reviewed & (told.status == FAILED),
            skipped=reviewed & (told.status == SKIPPED),
            lesions=lesions,
            ignored=ignored,
            answers=rows,
            scores=scores,
        )

    @property
    def positive(self) -> Flags:
        """(F,) reviewed, with at least one lesion box."""
        return self.reviewed & (self.lesions.counts > 0)

    @property
    def negative(self) -> Flags:
        """(F,) reviewed, without lesion box and without ignored region, and answered.

        A failed frame without a box is no clean one: a detector that breaks must not look specific.
        """
        empty: Flags = (self.lesions.counts == 0) & (self.ignored.counts == 0)
        silent: Flags = self.failed & (self.answers.counts == 0)
        return self.reviewed & empty & ~silent


def _known(truth: Sequence[Truth]) -> tuple[Flags, Rows, Rows]:
    """Whether each frame counts, its lesions, and its ignored regions."""
    if isinstance(truth, TruthColumns):
        lesions = Rows(truth.boxes, frames_of(truth.starts), truth.starts)
        return truth.reviewed, lesions, Rows(truth.ignored, frames_of(truth.ignored_starts), truth.ignored_starts)
    reviewed = np.fromiter([t.reviewed for t in truth], bool, len(truth))
    return reviewed, Rows.of([t.boxes for t in truth]), Rows.of([t.ignored for t in truth])


def lengths(values: Sequence[Sized]) -> Ints:
    """The length of each value."""
    return np.fromiter(map(len, values), np.int64, len(values))


def pairs(a: Rows, b: Rows) -> tuple[Ints, Ints]:
    """Row indices of every box of `a` with every box of `b` in the same frame; by `a`, then by `b`."""
    per_row = b.counts[a.frame]
    first = np.repeat(np.arange(len(a)), per_row)
    within = np.arange(len(first)) - np.repeat(np.cumsum(per_row) - per_row, per_row)
    return first, b.starts[a.frame[first]] + within


def areas(boxes: npt.NDArray[np.floating]) -> Floats:
    """Areas in float64, shape (N,); sides that run backwards have length 0."""
    wide = boxes.astype(np.float64)
    sides = np.maximum(wide[:, 2:] - wide[:, :2], 0)
    return np.asarray(sides[:, 0] * sides[:, 1])


def overlaps(a: Boxes, b: Boxes) -> Floats:
    """Common area of each box of `a` with the box of `b` in the same row, in float64."""
    corners = np.hstack([np.maximum(a[:, :2], b[:, :2]), np.minimum(a[:, 2:], b[:, 2:])])
    return np.where((areas(a) > 0) & (areas(b) > 0), areas(corners), 0.0)


def pair_ious(a: Boxes, b: Boxes) -> Floats:
    """Intersection over union, row by row, in float64; 0 where the union is empty."""
    common = overlaps(a, b)
    union = areas(a) + areas(b) - common
    return np.divide(common, union, out=np.zeros_like(common), where=union > 0)


def pair_shares(a: Boxes, b: Boxes) -> Floats:
    """Share of the area of `a` that lies in `b`, row by row, in float64; 0 for a box without area."""
    own = areas(a)
    return np.divide(overlaps(a, b), own, out=np.zeros_like(own), where=own > 0)


def centres_inside(a: Boxes, b: Boxes) -> Flags:
    """Whether the centre of `a` lies in `b` (half-open), row by row."""
    centre = (a[:, :2].astype(np.float64) + a[:, 2:].astype(np.float64)) / 2
    inside = (b[:, :2] <= centre) & (centre < b[:, 2:])
    return np.asarray(inside[:, 0] & inside[:, 1])


def any_per_row(rows: int, index: Ints, flags: Flags) -> Flags:
    """(rows,) whether any of the flags that belong to a row is set."""
    found = np.zeros(rows, bool)
    found[index[flags]] = True
    return found


def share(part: float, whole: float) -> float | None:
    """``part / whole``; None if there is nothing to divide by."""
    return float(part / whole) if whole > 0 else None
