"""False alarms and misses of a scored recording, as events, and which of their frames to learn from. No files.

Matching is that of docs/scoring.md: a box is a false alarm if it meets no lesion (IoU below 0.2, centre outside, not
neutral), a lesion is missed in a frame if no box that counts has IoU 0.2 with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Literal

import numpy as np

from detector.geometry import Boxes, area, iou_matrix
from detector.scoring import FALSE, Recording, Still, lesion_figures, match_boxes, shown_events
from detector.scoring.displayed import displayed
from detector.scoring.events import MET_IOU
from detector.scoring.tables import Table

Kind = Literal["false-alarm", "miss"]
GAP_S = 0.5
"""Frames of one kind that are no further apart belong to one event."""


@dataclass(frozen=True, slots=True)
class Event:
    """A stretch of a recording in which the model was wrong in one way.

    Attributes:
        kind: which way.
        lesion: the missed lesion's id; empty for a false alarm.
        rows: frames of the recording, in order.
        scores: per frame the false box's score, or the best score that hits the lesion (below the threshold; 0: none).
        worth: per frame how much it teaches: the score of a false alarm, the visible area of a missed lesion.
        start_s: when it began.
        end_s: when its last frame began.
        seen: a false alarm stood on the screen as a marker; a missed lesion was found in no frame at all.
    """

    kind: Kind
    lesion: str
    rows: tuple[int, ...]
    scores: tuple[float, ...]
    worth: tuple[float, ...]
    start_s: float
    end_s: float
    seen: bool


@dataclass(frozen=True, slots=True)
class Pick:
    """A frame to be taken: `row` of the recording, with its score, for the event of this number."""

    row: int
    score: float
    event: int


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is taken of a recording.

    Attributes:
        false_alarms: most frames with a false alarm.
        misses: most frames with a missed lesion.
        per_event: most frames of one event.
        every_s: seconds between two frames of one event: neighbours are nearly the same picture.
    """

    false_alarms: int = 50
    misses: int = 50
    per_event: int = 3
    every_s: float = 0.5


def find_events(recording: Recording, threshold: float, alert_threshold: float) -> list[Event]:
    """Every false alarm and miss, those first that mattered most: shown, or never found; then the longest.

    Args:
        recording: raw detections on reviewed frames.
        threshold: score from which a box counts.
        alert_threshold: the operating point that markers are made from.
    """
    return _false_alarms(recording, threshold, alert_threshold) + _misses(recording, threshold)


def pick_frames(recording: Recording, events: Sequence[Event], limits: Limits) -> list[Pick]:
    """The frames to take: in turn the best of each event, then the second best of each, and so on.

    A frame is taken once, for the first event that wants it.
    """
    picks: list[Pick] = []
    taken: set[int] = set()
    for kind, most in (("false-alarm", limits.false_alarms), ("miss", limits.misses)):
        queues = [
            [Pick(r, s, k) for r, s in _spaced(e, recording, limits)] for k, e in enumerate(events) if e.kind == kind
        ]
        count = 0
        for pick in (p for turn in zip_longest(*queues) for p in turn if p is not None):
            if count < most and pick.row not in taken:
                taken.add(pick.row)
                picks.append(pick)
                count += 1
    return sorted(picks, key=lambda p: p.row)


def _spaced(event: Event, recording: Recording, limits: Limits) -> list[tuple[int, float]]:
    """Row and score of an event's frames, the most worth first, none too near to one before it."""
    chosen: list[tuple[int, float]] = []
    order = sorted(range(len(event.rows)), key=lambda k: (-event.worth[k], event.rows[k]))
    for k in order:
        time_s = recording.times_s[event.rows[k]]
        near = any(abs(time_s - recording.times_s[r]) < limits.every_s - 1e-6 for r, _ in chosen)
        if not near and len(chosen) < limits.per_event:
            chosen.append((event.rows[k], event.scores[k]))
    return chosen


def _false_alarms(recording: Recording, threshold: float, alert_threshold: float) -> list[Event]:
    stills = [
        Still(str(i), recording.unit, recording.size, t, a)
        for i, (t, a) in enumerate(zip(recording.truth, recording.answers, strict=True))
    ]
    matches = match_boxes(stills, MET_IOU)
    best: dict[int, float] = {}
    counts = (matches.verdicts == FALSE) & (matches.scores >= np.float32(threshold))
    for k in np.flatnonzero(counts).tolist():
        row = int(matches.still[k])
        box = recording.answers[row].boxes[matches.box[k]]
        # A second box on a lesion that is taken is no alarm where nothing is.
        if not meets(box, recording.truth[row].boxes):
            best[row] = max(best.get(row, 0.0), float(matches.scores[k]))
    shown: set[int] = set()
    if best:
        for event in shown_events([displayed(recording, alert_threshold)]).false_events:
            shown.update(range(event.first_frame, event.last_frame + 1))
    events = []
    for rows in _runs(sorted(best), recording):
        scores = tuple(best[r] for r in rows)
        events.append(_event("false-alarm", "", rows, scores, scores, recording, bool(shown.intersection(rows))))
    return sorted(events, key=lambda e: (not e.seen, -(e.end_s - e.start_s), -max(e.scores), e.start_s))


def meets(box: Boxes, lesions: Boxes) -> bool:
    """Whether a box (4,) overlaps one of the lesions by IoU 0.2, or has its centre in one."""
    if not len(lesions):
        return False
    centre = (box[:2] + box[2:]) / 2
    inside = (lesions[:, :2] <= centre).all(axis=1) & (centre < lesions[:, 2:]).all(axis=1)
    return bool(inside.any() or (iou_matrix(box[None], lesions) >= MET_IOU).any())


def _misses(recording: Recording, threshold: float) -> list[Event]:
    table = Table.of(recording, lambda ious: ious >= MET_IOU)
    hit_somewhere = {x.lesion for x in lesion_figures([recording], threshold, MET_IOU).per_lesion if x.frames_hit}
    events = []
    for k, lesion in enumerate(table.names):
        missed = (table.cell_lesion == k) & (table.cell_score < np.float32(threshold))
        scores = {
            int(f): max(0.0, float(s)) for f, s in zip(table.cell_frame[missed], table.cell_score[missed], strict=True)
        }
        for rows in _runs(sorted(scores), recording):
            sides = tuple(_visible(recording, r, lesion) for r in rows)
            never = lesion not in hit_somewhere
            events.append(_event("miss", lesion, rows, tuple(scores[r] for r in rows), sides, recording, never))
    return sorted(events, key=lambda e: (not e.seen, -(e.end_s - e.start_s), e.start_s, e.lesion))


def _visible(recording: Recording, row: int, lesion: str) -> float:
    truth = recording.truth[row]
    mine = [i for i, name in enumerate(truth.lesions) if name == lesion]
    return float(area(truth.boxes[mine]).max())


def _runs(rows: Iterable[int], recording: Recording) -> list[tuple[int, ...]]:
    """Frames in order, cut where the next one is further away than `GAP_S`."""
    runs: list[list[int]] = []
    for row in rows:
        if runs and recording.times_s[row] - recording.times_s[runs[-1][-1]] <= GAP_S + 1e-6:
            runs[-1].append(row)
        else:
            runs.append([row])
    return [tuple(r) for r in runs]


def _event(
    kind: Kind,
    lesion: str,
    rows: tuple[int, ...],
    scores: tuple[float, ...],
    worth: tuple[float, ...],
    recording: Recording,
    seen: bool,
) -> Event:
    start_s, end_s = float(recording.times_s[rows[0]]), float(recording.times_s[rows[-1]])
    return Event(kind, lesion, rows, scores, worth, start_s, end_s, seen)
