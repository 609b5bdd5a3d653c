"""From tracks to what the screen shows: minimum duration, hysteresis, and no flicker over short gaps.

The same code decides in the examination, in a headless run and in QA: what was shown live and what a re-analysis
says can differ only where the frames that were analysed differ.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np

from detector.detections import Detections
from detector.geometry import Boxes, iou_matrix
from detector.tracking import Track, Tracker, TrackingSettings, TrackUpdate


@dataclass(frozen=True, slots=True)
class AlertSettings:
    """When a track becomes a marker and when the marker goes.

    Attributes:
        threshold: a marker *appears* only for a track whose score reached this: the variant's operating threshold.
        keep_ratio: a shown marker stays while scores are at least ``threshold * keep_ratio``.
        min_seen_s: how long a track must have been followed before it shows. Runs of up to 6 frames at 30 frames/s
            (200 ms) are 88 % of the false activations of a certified device (see docs/design.md).
        min_hits: in how many analysed frames it must have reached the threshold, whatever the frame rate.
        tracking: how boxes are joined; its ``max_gap_s`` is the hold time of a marker without evidence.
        min_display_s: a shown marker stays at least so long, also when its track ends before: unless another marker
            overlaps it, and for at most ``tracking.max_blind_s`` without evidence.
    """

    threshold: float
    keep_ratio: float = 0.6
    min_seen_s: float = 0.2
    min_hits: int = 3
    tracking: TrackingSettings = field(default_factory=TrackingSettings)
    min_display_s: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.threshold <= 1 or not 0 < self.keep_ratio <= 1:
            raise ValueError("threshold and keep_ratio must lie in (0, 1]")
        if not (self.min_seen_s >= 0 and self.min_display_s >= 0) or self.min_hits < 1:
            raise ValueError("min_seen_s and min_display_s must not be negative, min_hits not below 1")

    @property
    def feed_score(self) -> float:
        """The lowest score that can still matter: what to ask the detector for."""
        return self.threshold * self.keep_ratio


@dataclass(frozen=True, slots=True)
class Marker:
    """A box that the screen shows.

    Attributes:
        track_id: which track it belongs to; 0 on a still.
        box: ``x1, y1, x2, y2`` in frame pixels.
        score: of the latest detection.
        class_index: index into the model's class names.
        shown_since_s: media time at which the marker first appeared.
        is_new: True in the one update in which it appears: the moment of the cue.
    """

    track_id: int
    box: tuple[float, float, float, float]
    score: float
    class_index: int
    shown_since_s: float
    is_new: bool


@dataclass(frozen=True, slots=True)
class AlertUpdate:
    """What one analysed frame leads to.

    Attributes:
        markers: all that is to be shown from now on.
        tracking: the tracks behind them, and the track id of each detection from the feed score up (the first ones).
    """

    markers: tuple[Marker, ...]
    tracking: TrackUpdate


class AlertFilter:
    """Detections in, markers out; owns the tracker. One per procedure, in one thread."""

    def __init__(self, settings: AlertSettings) -> None:
        self.settings = settings
        self._tracker = Tracker(settings.tracking)
        self._confident_hits: dict[int, int] = {}
        self._shown_since: dict[int, float] = {}
        self._shown: dict[int, tuple[Marker, float]] = {}  # as last shown, and when its track was last seen
        self._time_s = -math.inf

    def retune(self, settings: AlertSettings) -> None:
        """Take other limits from the next frame on.

        What is tracked goes on, and what is shown stays as long as the new limits let it; what is not shown yet must
        reach the new threshold anew.
        """
        if settings == self.settings:
            return
        self.settings = settings
        self._tracker.settings = settings.tracking
        self._confident_hits = {k: v for k, v in self._confident_hits.items() if k in self._shown_since}

    def update(self, detections: Detections, time_s: float) -> AlertUpdate:
        """Take in one analysed frame.

        Args:
            detections: with every score from ``settings.feed_score`` up; lower ones are left out here.
            time_s: media time of the frame in seconds. If it runs backwards (a damaged file, a seek), all begins anew.
        """
        if time_s < self._time_s:
            self.restart_clock()
        self._time_s = time_s
        detections = detections.above(self.settings.feed_score)
        tracking = self._tracker.update(detections, time_s)
        for track_id in tracking.ids[: detections.count_above(self.settings.threshold)]:
            self._confident_hits[track_id] = self._confident_hits.get(track_id, 0) + 1
        seen_s = {track.id: track.last_seen_s for track in tracking.tracks}
        self._confident_hits = {k: v for k, v in self._confident_hits.items() if k in seen_s}
        self._shown_since = {k: v for k, v in self._shown_since.items() if k in seen_s}
        markers = tuple(m for m in (self._marker(track, time_s) for track in tracking.tracks) if m is not None)
        lingering = self._lingering(markers, time_s)
        self._shown = {m.track_id: (m, seen_s[m.track_id]) for m in markers}
        self._shown |= {m.track_id: (m, last_s) for m, last_s in lingering}
        return AlertUpdate((*markers, *(m for m, _ in lingering)), tracking)

    def still(self, detections: Detections) -> AlertUpdate:
        """A single picture: what reaches the threshold is shown at once, and nothing is tracked."""
        sure = detections.above(self.settings.threshold)
        rows = zip(sure.boxes.tolist(), sure.scores.tolist(), sure.classes.tolist(), strict=True)
        markers = tuple(Marker(0, (b[0], b[1], b[2], b[3]), score, cls, 0.0, False) for b, score, cls in rows)
        return AlertUpdate(markers, TrackUpdate((), ()))

    def restart_clock(self) -> None:
        """Forget what is shown because media time starts anew; track ids go on."""
        self._tracker.restart_clock()
        self._confident_hits.clear()
        self._shown_since.clear()
        self._shown.clear()

    def _lingering(self, markers: tuple[Marker, ...], time_s: float) -> list[tuple[Marker, float]]:
        """Markers whose track has ended before they were shown long enough, and when each was last seen."""
        if self.settings.min_display_s <= 0:
            return []
        now = {marker.track_id for marker in markers}
        due = [
            (replace(marker, is_new=False), seen_s)
            for track_id, (marker, seen_s) in self._shown.items()
            if track_id not in now
            and time_s - marker.shown_since_s < self.settings.min_display_s
            and time_s - seen_s <= self.settings.tracking.max_blind_s
        ]
        if not due or not markers:
            return due
        boxes: Boxes = np.array([marker.box for marker, _ in due], np.float32)
        overlap = iou_matrix(boxes, np.array([marker.box for marker in markers], np.float32)).max(axis=1)
        return [each for each, iou in zip(due, overlap, strict=True) if iou < self.settings.tracking.min_iou]

    def _marker(self, track: Track, time_s: float) -> Marker | None:
        shown_since = self._shown_since.get(track.id)
        is_new = shown_since is None
        if shown_since is None:
            if not self._may_appear(track, time_s):
                return None
            shown_since = self._shown_since[track.id] = time_s
        return Marker(track.id, track.box, track.score, track.class_index, shown_since, is_new)

    def _may_appear(self, track: Track, time_s: float) -> bool:
        """Seen now, for long enough, and confidently in enough frames (a single high score is not enough)."""
        # Media times are multiples of a frame interval: 6 frames at 30/s are 0.2 s but for rounding.
        seen_s = track.last_seen_s - track.first_seen_s + 1e-6
        return (
            track.last_seen_s == time_s
            and seen_s >= self.settings.min_seen_s
            and self._confident_hits.get(track.id, 0) >= self.settings.min_hits
        )
