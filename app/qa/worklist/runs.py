"""From boxes of frames to events: a run is one thing that a model followed for a while."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from app.qa.answers import ANALYSED, NOT_ANALYSED, Candidates, Shown
from app.qa.axis import FrameAxis
from app.qa.worklist.clips import ClipBox, Corners
from detector.detections import Detections
from detector.geometry import Boxes, iou_matrix
from detector.scoring.displayed import STANDS_S
from detector.tracking import Tracker, TrackingSettings

LOW_SCORE = 0.1
"""The lowest score of a candidate that is followed: below it boxes of any wall begin."""
_SAME_PLACE_IOU = 0.2


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """One thing, followed over frames.

    Attributes:
        label: which model, for people.
        source: its file's hash, or what else names the results.
        positions: int64 (n,), ascending: where it was found (of a marker: shown).
        boxes: float32 (n, 4).
        scores: float32 (n,).
        seconds: from the first frame of it to the end of the last.
    """

    label: str
    source: str
    positions: npt.NDArray[np.int64]
    boxes: Boxes
    scores: npt.NDArray[np.float32]
    seconds: float

    @property
    def first(self) -> int:
        """First position."""
        return int(self.positions[0])

    @property
    def last(self) -> int:
        """Last position."""
        return int(self.positions[-1])

    @property
    def best(self) -> int:
        """Index of the best score."""
        return int(np.argmax(self.scores))

    @property
    def peak(self) -> int:
        """Position of the best score."""
        return int(self.positions[self.best])

    @property
    def peak_box(self) -> Corners:
        """The box there."""
        x1, y1, x2, y2 = (float(v) for v in self.boxes[self.best])
        return x1, y1, x2, y2

    @property
    def top(self) -> float:
        """The best score."""
        return float(self.scores[self.best])

    def clip_boxes(self, first: int, last: int, label: str = "") -> tuple[ClipBox, ...]:
        """Its boxes inside of a clip."""
        inside = (self.positions >= first) & (self.positions <= last)
        rows = zip(self.positions[inside].tolist(), self.boxes[inside].tolist(), self.scores[inside], strict=True)
        return tuple(
            ClipBox(position, (b[0], b[1], b[2], b[3]), round(float(score), 3), label) for position, b, score in rows
        )

    def meets(self, other: Run) -> bool:
        """Whether both show one place at one time, in any frame that both have."""
        _, here, there = np.intersect1d(self.positions, other.positions, assume_unique=True, return_indices=True)
        if not len(here):
            return False
        one, two = self.boxes[here], other.boxes[there]
        left_top, right_bottom = np.maximum(one[:, :2], two[:, :2]), np.minimum(one[:, 2:], two[:, 2:])
        inter = np.prod(np.clip(right_bottom - left_top, 0, None), axis=1)
        union = np.prod(one[:, 2:] - one[:, :2], axis=1) + np.prod(two[:, 2:] - two[:, :2], axis=1) - inter
        return bool(np.any(inter >= _SAME_PLACE_IOU * np.maximum(union, 1e-6)))


def alarm_runs(shown: Shown, axis: FrameAxis) -> list[Run]:
    """Every marker that stood on the screen, as one run each, in order of its first frame."""
    if not len(shown.tracks):
        return []
    position = np.repeat(np.arange(len(shown)), np.diff(shown.offsets))
    order = np.argsort(shown.tracks, kind="stable")
    cuts = np.flatnonzero(np.diff(shown.tracks[order])) + 1
    found = [
        _run(shown.label, shown.label, position[rows], shown.boxes[rows], shown.scores[rows], axis)
        for rows in np.split(order, cuts)
    ]
    return sorted(found, key=lambda r: (r.first, r.last))


def candidate_runs(candidates: Candidates, axis: FrameAxis, least: float = LOW_SCORE) -> list[Run]:
    """What a model saw from a low score up, joined over time by the tracker of the live room."""
    rows: dict[int, list[tuple[int, int]]] = {}
    tracker = Tracker(TrackingSettings())
    for position, begin, end in _fed(candidates, least):
        ids = tracker.update(_detections(candidates, begin, end), float(axis.times_s[position])).ids
        for track, row in zip(ids, range(begin, end), strict=True):
            rows.setdefault(track, []).append((position, row))
    source = candidates.model.sha256[:16]
    runs = []
    for pairs in rows.values():
        at, which = np.array([p for p, _ in pairs], np.int64), np.array([r for _, r in pairs], np.int64)
        runs.append(_run(candidates.label, source, at, candidates.boxes[which], candidates.scores[which], axis))
    return sorted(runs, key=lambda r: (r.first, r.last))


def silences(
    candidates: Sequence[Candidates], inside: npt.NDArray[np.bool_], axis: FrameAxis, least_s: float
) -> list[tuple[int, int]]:
    """Ranges in the body in which every model was asked and none had a candidate, of at least this length."""
    quiet = inside.copy()
    for each in candidates:
        strong = each.scores >= np.float32(LOW_SCORE)
        busy = np.repeat(np.arange(len(each)), np.diff(each.offsets))[strong]
        quiet &= _asked(each, axis)
        quiet[busy] = False
    if not candidates:
        return []
    return [
        (first, last) for first, last in ranges_of(quiet) if axis.until_s(last) - float(axis.times_s[first]) >= least_s
    ]


def _asked(candidates: Candidates, axis: FrameAxis) -> npt.NDArray[np.bool_]:
    """Frames of which the model's word is known: its own, or that of a frame just before, as long as it would stand.

    Live, a model that is slower than the camera leaves frames out.
    """
    asked = candidates.status == ANALYSED
    last = np.maximum.accumulate(np.where(asked, np.arange(len(asked)), -1))
    fresh = (last >= 0) & (axis.times_s - axis.times_s[last] <= STANDS_S)
    return np.asarray(asked | ((candidates.status == NOT_ANALYSED) & fresh), np.bool_)


def ranges_of(flags: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and last index of every stretch of True."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flags, [False])).astype(np.int8)))
    return [(int(a), int(b) - 1) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _fed(candidates: Candidates, least: float) -> Iterator[tuple[int, int, int]]:
    """Positions for the tracker with their rows: those with a candidate, and the analysed one behind each.

    A frame without any keeps a track from being taken up again over a gap as if nobody had looked; further ones change
    nothing.
    """
    sums = np.concatenate(([0], np.cumsum(candidates.scores >= np.float32(least))))
    counts = np.diff(sums[candidates.offsets])  # best first: those of a frame are its first rows
    empty = (candidates.status == ANALYSED) & (counts == 0)
    for at in np.flatnonzero(counts).tolist():
        begin = int(candidates.offsets[at])
        yield at, begin, begin + int(counts[at])
        if at + 1 < len(counts) and empty[at + 1]:
            yield at + 1, 0, 0


def _detections(candidates: Candidates, begin: int, end: int) -> Detections:
    rows = slice(begin, end)
    kinds = candidates.kinds[rows].astype(np.int64)
    return Detections(0, None, candidates.boxes[rows], candidates.scores[rows], kinds)


def _run(
    label: str,
    source: str,
    positions: npt.NDArray[np.int64],
    boxes: Boxes,
    scores: npt.NDArray[np.float32],
    axis: FrameAxis,
) -> Run:
    seconds = axis.until_s(int(positions[-1])) - float(axis.times_s[positions[0]])
    return Run(label, source, positions, boxes, scores, seconds)


def overlaps(box: Corners, others: Sequence[Corners], least: float = _SAME_PLACE_IOU) -> bool:
    """Whether a box lies over one of the others."""
    if not others:
        return False
    return bool(iou_matrix(np.array([box], np.float32), np.array(others, np.float32)).max() >= least)
