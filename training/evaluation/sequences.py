"""From scored images to recordings; `displayed` makes of them the markers that the screen would have shown.

Time is a fact of the data or it is not there: true (every frame has its media time, without holes), nominal (a rate
that the user declared for consecutive frames, said wherever seconds are quoted), or none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from detector.errors import FormatError
from detector.scoring.displayed import displayed
from detector.scoring.recording import Recording
from detector.scoring.timing import end_of, from_start
from detector.tracking import TrackingSettings
from training.evaluation.rows import Row

__all__ = ["MAX_HOLE_S", "Sequences", "displayed", "sequences_of"]

MAX_HOLE_S = TrackingSettings().max_gap_s
"""Frames further apart than a marker's hold time are samples of a video, not the video: no durations are measured."""


@dataclass(frozen=True, slots=True, eq=False)
class Sequences:
    """The recordings of a set.

    Attributes:
        recordings: raw detections, by name.
        lesions_known: whether every box of every recording has a lesion id: without, there are no per-lesion figures.
        notes: what could not be made a recording, or not with time, and why; for the reader.
    """

    recordings: list[Recording]
    lesions_known: bool
    notes: list[str]

    @property
    def with_true_time(self) -> list[Recording]:
        """Those whose time is true."""
        return [r for r in self.recordings if r.time == "true"]

    @property
    def with_time(self) -> list[Recording]:
        """Those whose time is true or nominal."""
        return [r for r in self.recordings if r.time != "none"]


def sequences_of(rows: Sequence[Row], nominal_fps: float | None = None) -> Sequences:
    """Group rows into recordings.

    Raises:
        FormatError: two frames of a sequence have one position, or their times run backwards.
    """
    groups: dict[str, list[Row]] = {}
    unordered = 0
    for row in rows:
        if row.sequence and row.order is not None:
            groups.setdefault(row.sequence, []).append(row)
        elif row.sequence:
            unordered += 1
    notes = [f"{unordered} frames name a sequence, but no position in it"] if unordered else []
    recordings = []
    for name, members in sorted(groups.items()):
        recording, note = _recording(name, sorted(members, key=lambda r: r.order or 0), nominal_fps)
        recordings.append(recording)
        notes += [note] if note else []
    known = all(len(t.lesions) == len(t.boxes) for r in recordings for t in r.truth)
    return Sequences(recordings, known, notes)


def _recording(name: str, rows: list[Row], nominal_fps: float | None) -> tuple[Recording, str]:
    """The recording, and a note if its time cannot be used."""
    orders = [r.order or 0 for r in rows]
    if len(set(orders)) != len(orders):
        raise FormatError(f"Two frames of {name} have the same position.", "Import the set again.")
    times = [r.time_s for r in rows if r.time_s is not None]
    time: Literal["true", "nominal", "none"] = "none"
    times_s, note = np.array(orders, np.float64), ""
    if len(times) == len(rows) > 1:
        steps = np.diff(times)
        if (steps <= 0).any():
            raise FormatError(f"The times of {name} do not increase with its frames.", "Import the set again.")
        if steps.max() <= MAX_HOLE_S + 1e-6:
            time, times_s = "true", np.array(times, np.float64)
        else:
            note = f"{name} has holes of up to {steps.max():.1f} s: thinned, so nothing is said of durations"
    if time == "none" and nominal_fps and not times:
        time, times_s = "nominal", times_s / nominal_fps
    if time != "none":
        times_s = from_start(times_s)  # as the QA room counts: a video may begin at any time
    first = rows[0]
    truth, answers = [r.truth for r in rows], [r.answer for r in rows]
    # Boxes in pixels of another picture: tracking begins anew, as in the live session.
    breaks = tuple(k for k, (a, b) in enumerate(pairwise(rows), 1) if a.size != b.size)
    end_s = end_of(times_s, 1.0 / (nominal_fps or 1.0))
    return Recording(name, first.unit, first.size, times_s, end_s, truth, answers, time, breaks), note
