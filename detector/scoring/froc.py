"""FROC: sensitivity against false alarms, swept over thresholds. Definitions: docs/scoring.md, 'FROC'."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from detector.scoring import lesions, realcolon
from detector.scoring.events import shown_events
from detector.scoring.flat import share
from detector.scoring.lesions import lesion_figures, lesion_tables
from detector.scoring.realcolon import realcolon_tables
from detector.scoring.recording import Recording, Still
from detector.scoring.stills import match_boxes
from detector.scoring.tables import count_where

THRESHOLDS = tuple(k / 20 for k in range(1, 20))
"""0.05 to 0.95 in steps of 0.05."""


@dataclass(frozen=True, slots=True)
class FrocPoint:
    """One threshold of a curve; None: nothing to divide by. What the unit is, the function says that made it."""

    threshold: float
    sensitivity: float | None
    false_per_unit: float | None

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready; None stays None."""
        return asdict(self)


def froc_stills(stills: Sequence[Still], thresholds: Sequence[float] | None = None) -> list[FrocPoint]:
    """Recall at IoU 0.5 against false boxes per reviewed image."""
    matches = match_boxes(stills)
    points = []
    for threshold in _swept(thresholds):
        figures = matches.figures(threshold)
        points.append(FrocPoint(threshold, figures.recall, share(figures.false_boxes, figures.frames)))
    return points


def froc_realcolon(
    recordings: Sequence[Recording],
    thresholds: Sequence[float] | None = None,
    tau_s: float = 2.0,
    sigma_s: float = 3.0,
) -> list[FrocPoint]:
    """``realcolon-compat`` sensitivity against its false positives per procedure, from raw detections.

    Raises:
        ValueError: a recording has no time.
    """
    tables = realcolon_tables(recordings)
    swept = [realcolon.figures_at(tables, threshold, tau_s, sigma_s) for threshold in _swept(thresholds)]
    return [FrocPoint(f.threshold, f.sensitivity, f.per_procedure) for f in swept]


def froc_lesions(recordings: Sequence[Recording], thresholds: Sequence[float] | None = None) -> list[FrocPoint]:
    """Lesion sensitivity (IoU 0.2 in any frame) against boxes per negative frame, from raw detections."""
    tables = lesion_tables(recordings)
    negatives = sum(count_where(t.frames.negative) for t in tables)
    scores = [t.frames.scores[t.frames.negative[t.frames.answers.frame]] for t in tables]
    on_negatives = np.concatenate([np.zeros(0, np.float32), *scores])
    points = []
    for threshold in _swept(thresholds):
        false = count_where(on_negatives >= np.float32(threshold))
        sensitivity = lesions.figures_at(tables, threshold, 0.2).lesion_sensitivity
        points.append(FrocPoint(threshold, sensitivity, share(false, negatives)))
    return points


def froc_shown(
    rerun: Callable[[float], Sequence[Recording]],
    thresholds: Sequence[float] | None = None,
    duration_s: float = 0.0,
) -> list[FrocPoint]:
    """Lesion sensitivity (IoU 0.2 of a displayed marker) against ``shown`` events per procedure.

    Args:
        rerun: gives the recordings of *displayed markers* at an alert threshold: tracking and alerts run anew.
        thresholds: which alert thresholds.
        duration_s: false events of at least this duration are counted.

    Raises:
        ValueError: a recording has no time, or its boxes have no marker ids.
    """
    points = []
    for threshold in _swept(thresholds):
        recordings = rerun(threshold)
        sensitivity = lesion_figures(recordings, 0.0).lesion_sensitivity
        events = shown_events(recordings, (duration_s,))
        points.append(FrocPoint(threshold, sensitivity, events.per_procedure[duration_s]))
    return points


def _swept(thresholds: Sequence[float] | None) -> Sequence[float]:
    return THRESHOLDS if thresholds is None else thresholds
