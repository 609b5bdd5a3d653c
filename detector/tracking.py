"""From the detections of single frames to tracks: which box is the same lesion as before.

Every limit is in seconds, so that 25, 30 and 60 frames/s and skipped frames give the same behaviour. A frame that was
not analysed is never passed in, and so never counts as evidence of absence.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from detector.detections import Detections
from detector.geometry import Boxes, area, iou_matrix

# Cost of a pair that may not be joined: any finite number above the largest allowed cost (2.0) will do.
_FORBIDDEN = 1e6


@dataclass(frozen=True, slots=True)
class TrackingSettings:
    """How boxes are joined over time.

    Attributes:
        min_iou: overlap from which a detection may continue a track.
        max_centre_shift: else, a centre distance up to this many box diagonals (endoscopes move fast) ...
        max_shift_gap_s: ... but only if the track was seen this recently.
        max_gap_s: a track without evidence for longer than this is dropped.
        smoothing_s: time constant of the shown box; 0 shows the raw box.
    """

    min_iou: float = 0.2
    max_centre_shift: float = 0.5
    max_shift_gap_s: float = 0.15
    max_gap_s: float = 0.3
    smoothing_s: float = 0.05


@dataclass(frozen=True, slots=True)
class Track:
    """One object followed over time.

    Attributes:
        id: counted from 1, never reused in a procedure.
        box: smoothed ``x1, y1, x2, y2`` in frame pixels.
        score: of the latest detection.
        class_index: of the latest detection.
        first_seen_s: media time of the first detection.
        last_seen_s: media time of the latest detection.
        hits: how many analysed frames it was found in.
    """

    id: int
    box: tuple[float, float, float, float]
    score: float
    class_index: int
    first_seen_s: float
    last_seen_s: float
    hits: int


@dataclass(frozen=True, slots=True)
class TrackUpdate:
    """What one analysed frame did to the tracks.

    Attributes:
        tracks: all tracks alive after the frame, oldest first.
        ids: for each detection of the frame, the id of the track that it belongs to.
    """

    tracks: tuple[Track, ...]
    ids: tuple[int, ...]


class Tracker:
    """Joins detections to tracks by globally optimal assignment on overlap and centre distance."""

    def __init__(self, settings: TrackingSettings | None = None) -> None:
        self.settings = settings or TrackingSettings()
        self._tracks: list[Track] = []
        self._next_id = 1
        self._time_s = -np.inf

    def update(self, detections: Detections, time_s: float) -> TrackUpdate:
        """Take in one analysed frame.

        Args:
            detections: of that frame, already cut at the score that may feed a track.
            time_s: its media time in seconds; must not run backwards.

        Raises:
            ValueError: ``time_s`` is before the previous frame's.
        """
        if time_s < self._time_s:
            raise ValueError(f"tracking runs forwards only: {time_s:.3f} s after {self._time_s:.3f} s")
        self._time_s = time_s
        alive = [t for t in self._tracks if time_s - t.last_seen_s <= self.settings.max_gap_s]
        joined = self._assign(alive, detections, time_s)
        ids = []
        by_id = {track.id: track for track in alive}
        for row in range(len(detections)):
            track = joined.get(row)
            updated = self._continued(track, detections, row, time_s) if track else self._begun(detections, row, time_s)
            by_id[updated.id] = updated
            ids.append(updated.id)
        self._tracks = sorted(by_id.values(), key=lambda t: t.id)
        return TrackUpdate(tuple(self._tracks), tuple(ids))

    def restart_clock(self) -> None:
        """Forget all live tracks because media time starts anew (a seek, another source); ids go on."""
        self._tracks.clear()
        self._time_s = -np.inf

    def _assign(self, tracks: list[Track], detections: Detections, time_s: float) -> dict[int, Track]:
        """Detection row -> track, at most one each."""
        if not tracks or not len(detections):
            return {}
        cost = self._cost(tracks, detections, time_s)
        rows, columns = linear_sum_assignment(cost)
        return {int(c): tracks[r] for r, c in zip(rows, columns, strict=True) if cost[r, c] < _FORBIDDEN}

    def _cost(self, tracks: list[Track], detections: Detections, time_s: float) -> np.ndarray:
        boxes: Boxes = np.array([t.box for t in tracks], np.float32)
        found = detections.boxes
        overlap = iou_matrix(boxes, found)
        centres = (boxes[:, None, :2] + boxes[:, None, 2:] - found[None, :, :2] - found[None, :, 2:]) / 2
        diagonal = np.sqrt(np.maximum(np.maximum(area(boxes)[:, None], area(found)[None]) * 2, 1e-6))
        shift = np.linalg.norm(centres, axis=2) / diagonal
        recent = np.array([time_s - t.last_seen_s <= self.settings.max_shift_gap_s for t in tracks])[:, None]
        same_class = np.array([t.class_index for t in tracks])[:, None] == detections.classes[None]
        near = recent & (shift <= self.settings.max_centre_shift)
        allowed = same_class & ((overlap >= self.settings.min_iou) | near)
        # An overlapping pair always beats a merely near one: its cost is below 1.
        cost = np.where(overlap >= self.settings.min_iou, 1.0 - overlap, 1.0 + np.minimum(shift, 1.0))
        return np.where(allowed, cost, _FORBIDDEN)

    def _begun(self, detections: Detections, row: int, time_s: float) -> Track:
        track_id, self._next_id = self._next_id, self._next_id + 1
        box = detections.boxes[row].tolist()
        score, cls = float(detections.scores[row]), int(detections.classes[row])
        return Track(track_id, (box[0], box[1], box[2], box[3]), score, cls, time_s, time_s, 1)

    def _continued(self, track: Track, detections: Detections, row: int, time_s: float) -> Track:
        """The track with one more detection; its box follows with the time constant of the settings."""
        elapsed = time_s - track.last_seen_s
        tau = self.settings.smoothing_s
        weight = 1.0 if tau <= 0 else 1.0 - float(np.exp(-max(elapsed, 1e-3) / tau))
        raw = detections.boxes[row].tolist()
        old = track.box
        box = tuple(o + weight * (n - o) for o, n in zip(old, raw, strict=True))
        return Track(
            id=track.id,
            box=(box[0], box[1], box[2], box[3]),
            score=float(detections.scores[row]),
            class_index=track.class_index,
            first_seen_s=track.first_seen_s,
            last_seen_s=time_s,
            hits=track.hits + 1,
        )
