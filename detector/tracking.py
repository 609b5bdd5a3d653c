"""From the detections of single frames to tracks: which box is the same lesion as before.

Every limit is in seconds, so that 25, 30 and 60 frames/s and skipped frames give the same behaviour. A frame that was
not analysed is never passed in, and so never counts as evidence of absence.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detector.detections import Detections
from detector.geometry import Boxes, iou_matrix, iou_of_two

# Media times are multiples of a tick: a gap of exactly the limit is within it, however the floats were rounded.
_ROUNDING_S = 1e-6


@dataclass(frozen=True, slots=True)
class TrackingSettings:
    """How boxes are joined over time.

    Attributes:
        min_iou: overlap from which a detection may continue a track.
        max_centre_shift: else, a centre distance up to this many box diagonals (endoscopes move fast) ...
        max_shift_gap_s: ... but only if the track was seen this recently.
        max_gap_s: a track without evidence for longer than this is dropped ...
        max_blind_s: ... unless no frame was analysed since: then the next one may still continue it after this long.
        smoothing_s: time constant of the shown box; 0 shows the raw box.
    """

    min_iou: float = 0.2
    max_centre_shift: float = 0.5
    max_shift_gap_s: float = 0.15
    max_gap_s: float = 0.3
    max_blind_s: float = 1.0
    smoothing_s: float = 0.05


@dataclass(frozen=True, slots=True)
class Track:
    """One object followed over time.

    Attributes:
        id: counted from 1, never reused in a procedure.
        box: smoothed ``x1, y1, x2, y2`` in frame pixels: what to show.
        found_box: the same of the latest detection, not smoothed: what the next one is compared with.
        score: of the latest detection.
        class_index: of the latest detection.
        first_seen_s: media time of the first detection.
        last_seen_s: media time of the latest detection.
        hits: how many analysed frames it was found in.
    """

    id: int
    box: tuple[float, float, float, float]
    found_box: tuple[float, float, float, float]
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
    """Joins detections to tracks by globally optimal assignment: first on overlap, then the rest on centre distance."""

    def __init__(self, settings: TrackingSettings | None = None) -> None:
        _best_pairs(np.ones((1, 1)))  # imports what it needs now, and not while the first picture waits
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
        before_s, self._time_s = self._time_s, time_s
        joined = self._assign([t for t in self._tracks if self._may_go_on(t, before_s)], detections, time_s)
        ids = []
        by_id = {track.id: track for track in self._tracks if self._is_fresh(track)}
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

    def _is_fresh(self, track: Track) -> bool:
        return self._time_s - track.last_seen_s <= self.settings.max_gap_s + _ROUNDING_S

    def _may_go_on(self, track: Track, before_s: float) -> bool:
        """Fresh, or found in the very frame that was analysed before this one: a pause of the AI is no absence."""
        blind_s = self._time_s - before_s
        return self._is_fresh(track) or (
            track.last_seen_s == before_s and blind_s <= self.settings.max_blind_s + _ROUNDING_S
        )

    def _assign(self, tracks: list[Track], detections: Detections, time_s: float) -> dict[int, Track]:
        """Detection row -> track, at most one each. A merely near pair never breaks an overlapping one up."""
        if not tracks or not len(detections):
            return {}
        last: Boxes = np.array([t.found_box for t in tracks], np.float32)
        if len(tracks) == len(detections) == 1 and tracks[0].class_index == detections.classes[0]:
            iou = iou_of_two(last[0], detections.boxes[0])  # nearly every frame with a lesion
            if iou >= np.float32(self.settings.min_iou) and iou > 0:
                return {0: tracks[0]}
        same_class = np.array([t.class_index for t in tracks])[:, None] == detections.classes[None]
        overlap = iou_matrix(last, detections.boxes)
        pairs = _best_pairs(np.where(same_class & (overlap >= self.settings.min_iou), overlap, 0.0))
        if len(pairs) == min(len(tracks), len(detections)):
            return {column: tracks[row] for row, column in pairs}
        recent_s = np.array([time_s - t.last_seen_s for t in tracks])[:, None]
        shift = _centre_shift(last, detections.boxes)
        near = same_class & (recent_s <= self.settings.max_shift_gap_s + _ROUNDING_S)
        closeness = np.where(near & (shift <= self.settings.max_centre_shift), 1.0 / (1.0 + shift), 0.0)
        for row, column in pairs:
            closeness[row, :] = closeness[:, column] = 0.0
        return {column: tracks[row] for row, column in (*pairs, *_best_pairs(closeness))}

    def _begun(self, detections: Detections, row: int, time_s: float) -> Track:
        track_id, self._next_id = self._next_id, self._next_id + 1
        box = detections.boxes[row].tolist()
        score, cls = float(detections.scores[row]), int(detections.classes[row])
        corners = (box[0], box[1], box[2], box[3])
        return Track(track_id, corners, corners, score, cls, time_s, time_s, 1)

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
            found_box=(raw[0], raw[1], raw[2], raw[3]),
            score=float(detections.scores[row]),
            class_index=track.class_index,
            first_seen_s=track.first_seen_s,
            last_seen_s=time_s,
            hits=track.hits + 1,
        )


def _best_pairs(gain: npt.NDArray[np.float64]) -> list[tuple[int, int]]:
    """Rows and columns of the assignment with the largest sum of gains; a gain of 0 is no pair."""
    from scipy.optimize import linear_sum_assignment  # half a second to import: not before a tracker is made

    rows, columns = linear_sum_assignment(gain, maximize=True)
    return [(int(r), int(c)) for r, c in zip(rows, columns, strict=True) if gain[r, c] > 0]


def _centre_shift(a: Boxes, b: Boxes) -> npt.NDArray[np.float64]:
    """Distance of the centres of every box of ``a`` and every one of ``b``, in diagonals of the larger box."""
    between = (a[:, None, :2] + a[:, None, 2:] - b[None, :, :2] - b[None, :, 2:]) / 2
    diagonals = [np.linalg.norm(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (a, b)]
    longest = np.maximum(diagonals[0][:, None], diagonals[1][None, :])
    return np.asarray(np.linalg.norm(between, axis=2) / np.maximum(longest, 1e-3), np.float64)
