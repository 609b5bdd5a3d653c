"""What other alert settings would have shown: figures of all procedures, and which alarms come and go.

The stored candidates go through the product's tracker and alert filter again (`detector.scoring.displayed`), and the
markers through `detector.scoring`: what is said here is what ``polypwatch score`` says of the same settings. A stretch
in which a changed setting changes nothing is not run again.
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from app.qa import verdicts
from app.qa.answers import Candidates, Shown
from app.qa.axis import FrameAxis
from app.qa.marking_pool import MarkingPool, PoolGone
from app.qa.progress import Stop, never
from app.qa.scored import STATUS_OF, Scored, with_settings
from app.qa.spots import Spot
from detector.alerts import AlertSettings
from detector.cpu import find_cores, headless_threads
from detector.errors import UsageError
from detector.geometry import Size, as_boxes
from detector.scoring import AnswerColumns, Recording, TruthColumns, lesion_figures, shown_events
from detector.scoring.columns import frames_of
from detector.scoring.displayed import displayed
from detector.scoring.events import MET_IOU
from detector.scoring.flat import Rows, pair_ious, pairs
from detector.scoring.intervals import LOOSE_IOU
from detector.scoring.timing import end_of, from_start

_TOLD_EVERY_S = 0.15
_WORTH_PROCESSES = 10  # starting one takes a second


def shown_of(
    candidates: Candidates, axis: FrameAxis, settings: AlertSettings, breaks: Sequence[int] | None = None
) -> Shown:
    """What the screen would have shown of a model's boxes.

    Args:
        candidates: raw boxes by position.
        axis: of the procedure.
        settings: of the alerts.
        breaks: positions at which tracking begins anew (`app.qa.scored.breaks_of`); None: with every run of the
            recorder.
    """
    count = len(axis)
    if breaks is None:
        breaks = (np.flatnonzero(np.diff(axis.session) != 0) + 1).tolist()
    times_s = from_start(axis.times_s)
    nothing = np.zeros(count + 1, np.int64)
    unknown = TruthColumns(
        np.zeros(count, bool), nothing, as_boxes([]), np.zeros(0, np.int64), (), nothing, as_boxes([])
    )
    found = AnswerColumns(candidates.offsets, candidates.boxes, candidates.scores, None, STATUS_OF[candidates.status])
    end_s = end_of(times_s) if count else 0.0
    size = Size(1, 1)  # of no meaning for markers
    recording = Recording(candidates.label, "", size, times_s, end_s, unknown, found, "true", tuple(breaks))
    told = AnswerColumns.of(displayed(recording, settings).answers)
    tracks = _ids(told)
    return Shown(candidates.label, "analysis", candidates.status, told.starts, told.boxes, told.scores, tracks)


@dataclass(frozen=True, slots=True)
class Tried:
    """What settings make of a set of procedures. Definitions: docs/scoring.md, displayed markers.

    Attributes:
        settings: that were tried.
        done: of how many procedures this is; progressive figures grow until `done` is `of`.
        of: how many procedures there are with true time and a reviewed frame.
        reviewed_minutes: over `done` procedures, as everything below.
        lesions: that are labelled.
        lesion_sensitivity: share of them with a marker on them; None without lesions.
        frame_sensitivity: share of frames with a lesion in which it is marked.
        median_seconds_to_first_hit: from a lesion's first frame to its first marker.
        false_alarms: false-positive events of any length.
        per_procedure: of these per procedure.
        per_minute: of these per reviewed minute.
        lasting_per_minute: of those of at least half a second.
        false_time_share: share of the time with a false marker.
        gained: markers that the baseline does not have, where somebody reviewed: true ones and false ones.
        lost: markers of the baseline that are gone; likewise.
    """

    settings: AlertSettings
    done: int
    of: int
    reviewed_minutes: float
    lesions: int
    lesion_sensitivity: float | None
    frame_sensitivity: float | None
    median_seconds_to_first_hit: float | None
    false_alarms: int
    per_procedure: float | None
    per_minute: float | None
    lasting_per_minute: float | None
    false_time_share: float | None
    gained: tuple[Spot, ...]
    lost: tuple[Spot, ...]

    @property
    def whole(self) -> bool:
        """Whether all procedures are in it."""
        return self.done == self.of


class WhatIf:
    """Tries alert settings on a set of procedures. One call at a time; not in the window's thread.

    Args:
        procedures: with stored candidates; those without true time or without a reviewed frame are left out.
        baseline: what gained and lost alarms are told against; None: the defaults at the first one's threshold.
        processes: how many share the work; None: as many as there are cores, for ten procedures or more.

    Attributes:
        procedures: those that are tried on, by name.
        baseline: as given, or the default; None without procedures.
    """

    def __init__(
        self, procedures: Sequence[Scored], baseline: AlertSettings | None = None, processes: int | None = None
    ) -> None:
        usable = [p for p in procedures if p.marking is not None and p.reviewed]
        self.procedures = tuple(sorted(usable, key=lambda p: p.name))
        if baseline is None and self.procedures:
            baseline = AlertSettings(self.procedures[0].threshold)
        self.baseline = baseline
        self._baseline_figures: Tried | None = None
        if processes is None:
            processes = headless_threads(find_cores()) if len(self.procedures) >= _WORTH_PROCESSES else 1
        self._pool: MarkingPool | None = None
        if processes > 1 and len(self.procedures) > 1:
            self._pool = MarkingPool([p.raw for p in self.procedures], processes)
            weakref.finalize(self, self._pool.close)

    def at(
        self,
        settings: AlertSettings,
        *,
        tell: Callable[[Tried], object] | None = None,
        stop: Stop = never,
    ) -> Tried | None:
        """Figures with these settings; None if it was stopped.

        Args:
            settings: of the alerts.
            tell: gets what is known so far, a few times a second, where it takes longer.
            stop: asked before every procedure: a newer wish makes this one useless.

        Raises:
            UsageError: there is no procedure to try them on.
        """
        if not self.procedures:
            raise UsageError(
                "There is nothing to try settings on.", "Procedures need results and reviewed, labelled frames."
            )
        assert self.baseline is not None
        if settings == self.baseline and self._baseline_figures is not None:
            return self._baseline_figures
        done: dict[int, tuple[Recording, list[Spot], list[Spot]]] = {}
        told_s = time.monotonic()
        for number in self._run_all(settings):
            if stop():
                return None
            if number is None:
                continue
            procedure = self.procedures[number]
            now, before = (with_settings(procedure, limits, keep=False) for limits in (settings, self.baseline))
            changes: tuple[list[Spot], list[Spot]] = ([], [])
            if settings != self.baseline:
                changes = _changes(before, now)
            done[number] = (now.standing, *changes)
            if tell is not None and time.monotonic() - told_s >= _TOLD_EVERY_S and len(done) < len(self.procedures):
                tell(self._tried(settings, done))
                told_s = time.monotonic()
        found = self._tried(settings, done)
        if settings == self.baseline:
            self._baseline_figures = found
        return found

    def _run_all(self, settings: AlertSettings) -> Iterator[int | None]:
        """Numbers of procedures whose markers are there; None now and then while none is."""
        assert self.baseline is not None
        for limits in dict.fromkeys((self.baseline, settings)):
            missing = [k for k, p in enumerate(self.procedures) if p.marking and not p.marking.knows(limits)]
            if missing and self._pool is not None:
                try:
                    for found in self._pool.run(limits):
                        if found is None:
                            yield None
                            continue
                        marking = self.procedures[found[0]].marking
                        assert marking is not None
                        marking.learn(limits, found[1])
                        yield found[0] if limits == settings else None
                except PoolGone:
                    self._pool = None
                else:
                    if limits == settings:
                        return
        yield from range(len(self.procedures))

    def _tried(self, settings: AlertSettings, done: Mapping[int, tuple[Recording, list[Spot], list[Spot]]]) -> Tried:
        """In the order of names, in whatever order they came."""
        found = [done[k] for k in sorted(done)]
        gained = [spot for _, more, _ in found for spot in more]
        lost = [spot for _, _, fewer in found for spot in fewer]
        return _tried(settings, [shown for shown, _, _ in found], len(self.procedures), gained, lost)


def _tried(
    settings: AlertSettings, shown: Sequence[Recording], of: int, gained: Sequence[Spot], lost: Sequence[Spot]
) -> Tried:
    lesions = lesion_figures(shown, 0.0, LOOSE_IOU)
    events = shown_events(shown)
    return Tried(
        settings=settings,
        done=len(shown),
        of=of,
        reviewed_minutes=events.reviewed_s / 60,
        lesions=lesions.lesions,
        lesion_sensitivity=lesions.lesion_sensitivity,
        frame_sensitivity=lesions.frame_sensitivity,
        median_seconds_to_first_hit=lesions.median_seconds_to_first_hit,
        false_alarms=events.events[0.0],
        per_procedure=events.per_procedure[0.0],
        per_minute=events.per_minute[0.0],
        lasting_per_minute=events.per_minute[0.5],
        false_time_share=events.false_time_share,
        gained=tuple(gained),
        lost=tuple(lost),
    )


def _changes(before: Scored, now: Scored) -> tuple[list[Spot], list[Spot]]:
    """Marker events of one that overlap none of the other, in time and place; only where somebody reviewed."""
    old, new = AnswerColumns.of(before.standing.answers), AnswerColumns.of(now.standing.answers)
    if old is new:
        return [], []
    old_rows, new_rows = (Rows(a.boxes, frames_of(a.starts), a.starts) for a in (old, new))
    a, b = pairs(old_rows, new_rows)
    met = pair_ious(old.boxes[a], new.boxes[b]) >= MET_IOU
    old_ids, new_ids = _ids(old), _ids(new)
    kept_old, kept_new = set(old_ids[a[met]].tolist()), set(new_ids[b[met]].tolist())
    gone = [m for m in np.unique(old_ids).tolist() if m not in kept_old]
    come = [m for m in np.unique(new_ids).tolist() if m not in kept_new]
    return (
        list(verdicts.markers_of(now, frozenset(come))) if come else [],
        list(verdicts.markers_of(before, frozenset(gone))) if gone else [],
    )


def _ids(answers: AnswerColumns) -> npt.NDArray[np.int64]:
    return answers.markers if answers.markers is not None else np.zeros(0, np.int64)
