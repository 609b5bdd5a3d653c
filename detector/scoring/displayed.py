"""What the screen would have shown: a recording's raw detections through the product's own tracking and alerts.

The tracker and the alert filter are those of the live path, frame by frame. What makes an hour quick is what is left
out: a stretch without enough sure boxes can raise no marker, and between stretches that are further apart than any
track lasts nothing is carried over. The markers are those of the plain loop over all frames, but for the numbers of
their tracks (tested).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from detector.alerts import AlertFilter, AlertSettings
from detector.detections import Detections
from detector.geometry import Boxes, as_boxes
from detector.scoring.columns import OK, AnswerColumns, Flags, Ints, frames_of, starts_of
from detector.scoring.recording import Recording, Scores
from detector.tracking import TrackingSettings

STANDS_S = 0.25
"""How long a marker stands over pictures that were not analysed: the age limit of boxes in the live session."""
_SLACK_S = 2e-6  # twice what the tracker allows for rounding: a stretch too long is slower, one cut too early is wrong
_MOST_KEPT = 20_000
_NOTHING = Detections.empty(0, None)


@dataclass(frozen=True, slots=True, eq=False)
class _Run:
    """Markers of one stretch, from its first analysed frame on.

    Attributes:
        counts: int64 (F,): markers in each analysed frame, until nothing is on the screen any more.
        boxes: float32 (K, 4).
        scores: float32 (K,).
        tracks: int64 (K,), from 1.
    """

    counts: Ints
    boxes: Boxes
    scores: Scores
    tracks: Ints


_Key = tuple[int, int, int, int, float, int, float, TrackingSettings]


class Rerun:
    """A recording's raw detections, ready to be run with any alert settings.

    A stretch is run once for the same boxes and limits, so that a threshold that moves a little costs only the
    stretches in which it matters. All boxes are of one class, as in every figure.

    Args:
        recording: raw detections, best first in every frame; frames that are not ``ok`` were not analysed.

    Raises:
        ValueError: the recording has no time, or a box or score that cannot be.
    """

    def __init__(self, recording: Recording) -> None:
        if recording.time == "none":
            raise ValueError(f"{recording.name}: markers need a time")
        found = AnswerColumns.of(recording.answers)
        self.recording = recording
        self._status = found.status
        self._frames = np.flatnonzero(found.status == OK)
        of_frame = np.full(len(found), -1, np.int64)
        of_frame[self._frames] = np.arange(len(self._frames))
        row_frame = of_frame[frames_of(found.starts)]
        analysed = row_frame >= 0
        self._row_frame = row_frame[analysed]
        self._boxes, self._scores = found.boxes[analysed], found.scores[analysed]
        self._starts = starts_of(np.bincount(self._row_frame, minlength=len(self._frames)))
        times_s = np.asarray(recording.times_s, np.float64)[self._frames]
        self._times_s, self._seconds = times_s, times_s.tolist()
        # How many breaks lie before or at each frame: it differs where tracking begins anew.
        breaks = np.array(sorted(recording.breaks), np.int64)
        self._part = np.searchsorted(breaks, self._frames, side="right")
        self._part_of_all = np.searchsorted(breaks, np.arange(len(found)), side="right")
        self._kept: dict[_Key, _Run] = {}
        self._whole: dict[int, Detections] = {}

    def shown(self, settings: AlertSettings) -> Recording:
        """The recording with displayed markers as its answers."""
        return replace(self.recording, answers=self.markers(settings))

    def markers(self, settings: AlertSettings) -> AnswerColumns:
        """The markers of every frame; over frames that were not analysed those before stand on for `STANDS_S`."""
        counts = np.zeros(len(self._frames), np.int64)
        runs: list[tuple[_Run, int]] = []
        for first, run, length in self._runs(settings):
            counts[first : first + length] = run.counts[:length]
            runs.append((run, int(run.counts[:length].sum())))
        offsets = np.cumsum([0, *(int(run.tracks.max(initial=0)) for run, _ in runs)])
        tracks = [run.tracks[:n] + offset for (run, n), offset in zip(runs, offsets, strict=False)]
        return self._over_all_frames(
            counts,
            np.concatenate([as_boxes([]), *(run.boxes[:n] for run, n in runs)]),
            np.concatenate([np.zeros(0, np.float32), *(run.scores[:n] for run, n in runs)]),
            np.concatenate([np.zeros(0, np.int64), *tracks]),
        )

    # -- stretches ----------------------------------------------------------------------------------------------------

    def _runs(self, settings: AlertSettings) -> Iterator[tuple[int, _Run, int]]:
        """First analysed frame, markers, and for how many frames they hold, of every stretch that may show one."""
        fed = np.bincount(self._row_frame[self._scores >= np.float32(settings.feed_score)], minlength=len(self._frames))
        sure = np.bincount(self._row_frame[self._scores >= np.float32(settings.threshold)], minlength=len(self._frames))
        active = np.flatnonzero(fed)
        if not len(active):
            return
        lows = np.flatnonzero(np.append(True, ~self._linked(active, settings)))
        highs = np.append(lows[1:], len(active)) - 1
        hits = np.add.reduceat((sure[active] > 0).astype(np.int64), lows)
        lasted_s = self._times_s[active[highs]] - self._times_s[active[lows]]
        may_show = (hits >= settings.min_hits) & (lasted_s + _SLACK_S >= settings.min_seen_s)
        for k in np.flatnonzero(may_show).tolist():
            first, last = int(active[lows[k]]), int(active[highs[k]])
            totals = int(fed[first : last + 1].sum()), int(sure[first : last + 1].sum())
            run = self._run(first, last, totals, fed, settings)
            until = int(active[highs[k] + 1]) if highs[k] + 1 < len(active) else len(self._frames)
            yield first, run, min(len(run.counts), until - first)

    def _linked(self, active: Ints, settings: AlertSettings) -> Flags:
        """Whether anything of one frame with boxes may still matter in the next one."""
        limits = settings.tracking
        gap_s = np.diff(self._times_s[active])
        linked: Flags = (gap_s <= limits.max_gap_s + _SLACK_S) | (
            (np.diff(active) == 1) & (gap_s <= limits.max_blind_s + _SLACK_S)
        )
        if settings.min_display_s > 0:  # a marker may outlive its track
            linked |= gap_s <= limits.max_blind_s + _SLACK_S
        return np.asarray(linked & (np.diff(self._part[active]) == 0))

    def _run(self, first: int, last: int, totals: tuple[int, int], fed: Ints, settings: AlertSettings) -> _Run:
        # Which boxes reach a score is told by how many do: that is all that two thresholds can differ in.
        limits = (settings.min_seen_s, settings.min_hits, settings.min_display_s, settings.tracking)
        key = (first, last, *totals, *limits)
        if key not in self._kept:
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            self._kept[key] = self._followed(first, last, fed, settings)
        return self._kept[key]

    def _followed(self, first: int, last: int, fed: Ints, settings: AlertSettings) -> _Run:
        """Frame by frame from the first box to when the last marker is gone."""
        alerts = AlertFilter(settings)
        counts: list[int] = []
        markers: list[tuple[float, float, float, float]] = []
        scores: list[float] = []
        tracks: list[int] = []
        for k in range(first, len(self._frames)):
            if self._part[k] != self._part[first]:
                break
            found = self._found(k).best(int(fed[k])) if k <= last and fed[k] else _NOTHING
            update = alerts.update(found, self._seconds[k])
            if k > last and not update.markers and not update.tracking.tracks:
                break
            counts.append(len(update.markers))
            for marker in update.markers:
                markers.append(marker.box)
                scores.append(marker.score)
                tracks.append(marker.track_id)
        return _Run(
            np.array(counts, np.int64), as_boxes(markers), np.array(scores, np.float32), np.array(tracks, np.int64)
        )

    def _found(self, k: int) -> Detections:
        """All boxes of an analysed frame; checked once, however often it is run."""
        if k not in self._whole:
            rows = slice(int(self._starts[k]), int(self._starts[k + 1]))
            boxes, scores = self._boxes[rows], self._scores[rows]
            self._whole[k] = Detections(k, None, boxes, scores, np.zeros(len(scores), np.int64))
        return self._whole[k]

    # -- frames that were not analysed --------------------------------------------------------------------------------

    def _over_all_frames(self, counts: Ints, boxes: Boxes, scores: Scores, tracks: Ints) -> AnswerColumns:
        source = self._standing()
        starts = starts_of(counts)
        per_frame = np.where(source >= 0, counts[source], 0) if len(counts) else np.zeros(len(source), np.int64)
        all_starts = starts_of(per_frame)
        frame = frames_of(all_starts)
        rows = starts[source[frame]] + np.arange(len(frame)) - all_starts[frame]
        return AnswerColumns(all_starts, boxes[rows], scores[rows], tracks[rows], self._status)

    def _standing(self) -> Ints:
        """(T,) per frame the analysed frame whose markers stand on the screen, -1 where none do."""
        times_s = np.asarray(self.recording.times_s, np.float64)
        source = np.searchsorted(self._frames, np.arange(len(times_s)), side="right") - 1
        known = np.flatnonzero(source >= 0)
        own = self._frames[source[known]]
        stands: npt.NDArray[np.bool_] = (times_s[known] - times_s[own] <= STANDS_S + _SLACK_S) & (
            self._part_of_all[known] == self._part_of_all[own]
        )
        standing = np.full(len(times_s), -1, np.int64)
        standing[known[stands]] = source[known[stands]]
        return standing


def displayed(recording: Recording, threshold: float | AlertSettings) -> Recording:
    """What the screen would have shown: the same frames through the product's tracking and alerts.

    Args:
        recording: raw detections.
        threshold: the operating point, or all of the alert settings.

    Raises:
        ValueError: the recording has no time.
    """
    settings = threshold if isinstance(threshold, AlertSettings) else AlertSettings(threshold)
    return Rerun(recording).shown(settings)
