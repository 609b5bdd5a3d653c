"""A recording scored once for all thresholds: for each lesion and frame the best score that hits it.

What a threshold makes of a recording is then a comparison of arrays: the lesion figures, ``realcolon-compat`` and FROC
all read from here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detector.scoring.columns import TruthColumns
from detector.scoring.flat import Flags, Floats, Frames, Ints, lengths, pair_ious, pairs
from detector.scoring.recording import Recording, Scores

SLACK_S = 1e-9
"""Durations that miss a limit by this are at the limit: media times are rounded multiples of a frame interval."""
Rule = Callable[[Floats], Flags]
"""From IoUs to whether they are a hit."""


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """One recording of T frames. A *cell* is one lesion in one reviewed frame; cells are ordered by frame.

    Attributes:
        name: of the recording.
        time: ``true``, ``nominal`` or ``none``, as the recording says.
        edges_s: float64 (T + 1,): when each frame begins, and when the last one ends.
        frames: truth and answers, flat.
        names: ids of the lesions that have a cell, in the order of their first cells.
        cell_frame: (C,) index of the frame.
        cell_lesion: (C,) index into `names`.
        cell_score: float32 (C,): the best score that hits the lesion there, -inf if none does.
        top: float32 (T,): the best score in each frame, -inf without a box.
    """

    name: str
    time: str
    edges_s: Floats
    frames: Frames
    names: tuple[str, ...]
    cell_frame: Ints
    cell_lesion: Ints
    cell_score: Scores
    top: Scores

    @classmethod
    def of(cls, recording: Recording, rule: Rule) -> Table:
        """Score a recording with a hit rule.

        Raises:
            ValueError: a frame has another number of lesion ids than of boxes.
        """
        frames = Frames.of(recording.truth, recording.answers)
        names, lesion_of_row = _lesions(recording, frames)
        row_score = _best_hits(frames, rule)
        kept = lesion_of_row >= 0
        # Several boxes of one lesion in one frame make one cell.
        keys = frames.lesions.frame[kept] * max(1, len(names)) + lesion_of_row[kept]
        cells, cell_of_row = np.unique(keys, return_inverse=True)
        score = np.full(len(cells), -np.inf, np.float32)
        np.maximum.at(score, cell_of_row, row_score[kept])
        top = np.full(len(recording.truth), -np.inf, np.float32)
        np.maximum.at(top, frames.answers.frame, frames.scores)
        return cls(
            name=recording.name,
            time=recording.time,
            edges_s=edges_s(recording),
            frames=frames,
            names=names,
            cell_frame=cells // max(1, len(names)),
            cell_lesion=cells % max(1, len(names)),
            cell_score=score,
            top=top,
        )

    @property
    def counts(self) -> bool:
        """Whether the recording counts: at least one frame is reviewed."""
        return bool(self.frames.reviewed.any())


def edges_s(recording: Recording) -> Floats:
    """(T + 1,) when each frame begins, and when the last one ends."""
    return np.append(np.asarray(recording.times_s, np.float64), float(recording.end_s))


def require_time(recording: Recording) -> None:
    """Refuse a recording whose frames have no time.

    Raises:
        ValueError: its time is ``none``.
    """
    if recording.time == "none":
        raise ValueError(f"{recording.name} has no time: durations, rates and events cannot be given")


def count_where(flags: npt.ArrayLike) -> int:
    """How many flags are set, as a plain int."""
    return int(np.count_nonzero(flags))


def _lesions(recording: Recording, frames: Frames) -> tuple[tuple[str, ...], Ints]:
    """Names of the lesions of reviewed frames by first frame, and per lesion box its index there (-1: not reviewed)."""
    if isinstance(recording.truth, TruthColumns):
        return _numbered(recording.truth, frames)
    codes: dict[str, int] = {}
    per_row: list[int] = []
    boxes, ids = frames.lesions.counts, lengths([t.lesions for t in recording.truth])
    for frame in np.flatnonzero((ids > 0) & (ids != boxes)).tolist():
        raise ValueError(f"{recording.name}, frame {frame}: {boxes[frame]} boxes, but {ids[frame]} lesion ids")
    for frame in np.flatnonzero(boxes).tolist():
        truth = recording.truth[frame]
        names = truth.lesions or [f"frame {frame}, box {k}" for k in range(len(truth.boxes))]
        per_row += [codes.setdefault(name, len(codes)) if truth.reviewed else -1 for name in names]
    return tuple(codes), np.array(per_row, np.int64)


def _numbered(truth: TruthColumns, frames: Frames) -> tuple[tuple[str, ...], Ints]:
    """The same from columns, where every box has a number already."""
    counts = truth.reviewed[frames.lesions.frame]
    used, first = np.unique(truth.lesion[counts], return_index=True)
    used = used[np.argsort(first)]  # by first frame
    code = np.full(len(truth.names), -1, np.int64)
    code[used] = np.arange(len(used))
    return tuple(truth.names[k] for k in used.tolist()), np.where(counts, code[truth.lesion], -1)


def _best_hits(frames: Frames, rule: Rule) -> Scores:
    """Per lesion box the best score of a box that hits it, -inf if none does."""
    answer, lesion = pairs(frames.answers, frames.lesions)
    hit = rule(pair_ious(frames.answers.boxes[answer], frames.lesions.boxes[lesion]))
    best = np.full(len(frames.lesions), -np.inf, np.float32)
    np.maximum.at(best, lesion[hit], frames.scores[answer[hit]])
    return best
