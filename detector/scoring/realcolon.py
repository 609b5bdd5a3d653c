"""Lesion sensitivity and false positives by definition ``realcolon-compat``: comparable with the REAL-Colon baselines.

Definitions: docs/scoring.md. REAL-Colon annotates only lesions that were removed. Never to be mixed with ``shown``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import numpy as np

from detector.scoring.flat import Flags, Floats, Ints, share
from detector.scoring.recording import Recording
from detector.scoring.resampling import RatioFigure, require_name
from detector.scoring.tables import SLACK_S, Table, count_where, require_time

HIT_IOU = 0.2
"""A box hits a lesion if their IoU is greater."""
RealColonFigureName = Literal["sensitivity", "per_procedure", "per_minute"]


@dataclass(frozen=True, slots=True)
class RealColonFigures:
    """What was measured at one threshold. None: nothing to divide by.

    Attributes:
        threshold: the score from which a box counts.
        tau_s: how long boxes must persist.
        sigma_s: length of the window from a lesion's first reviewed annotated frame.
        recordings: recordings with at least one reviewed frame.
        nominal: whether any of these has nominal time only: to be said wherever rates are quoted.
        frames: reviewed frames.
        frames_failed: of these, with status ``failed``.
        frames_skipped: of these, with status ``skipped``.
        lesions: lesions with at least one reviewed frame.
        lesions_hit: of these, hit for `tau_s` in the window.
        sensitivity: lesions hit / lesions.
        negative_s: display time of the reviewed frames without lesion box.
        false_positives: how often the counter reached `tau_s`.
        per_procedure: false positives / recordings.
        per_minute: false positives / minutes of `negative_s`.
    """

    threshold: float
    tau_s: float
    sigma_s: float
    recordings: int
    nominal: bool
    frames: int
    frames_failed: int
    frames_skipped: int
    lesions: int
    lesions_hit: int
    sensitivity: float | None
    negative_s: float
    false_positives: int
    per_procedure: float | None
    per_minute: float | None

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready; None stays None."""
        return asdict(self)


def realcolon_figures(
    recordings: Sequence[Recording], threshold: float, tau_s: float = 2.0, sigma_s: float = 3.0
) -> RealColonFigures:
    """Figures by the definition of the REAL-Colon baselines.

    Raises:
        ValueError: a recording has no time, or a frame has another number of lesion ids than of boxes.
    """
    return figures_at(realcolon_tables(recordings), threshold, tau_s, sigma_s)


def realcolon_tables(recordings: Sequence[Recording]) -> list[Table]:
    """Score recordings with this definition's hit rule, for all thresholds at once."""
    for recording in recordings:
        require_time(recording)
    return [Table.of(r, lambda ious: ious > HIT_IOU) for r in recordings]


def figures_at(tables: Sequence[Table], threshold: float, tau_s: float, sigma_s: float) -> RealColonFigures:
    """What a threshold makes of tables that were scored with this definition's hit rule."""
    counted = [t for t in tables if t.counts]
    lesions = sum(len(t.names) for t in counted)
    hit = sum(sum(lesions_hit(t, threshold, tau_s, sigma_s)) for t in counted)
    false_positives = sum(len(false_positive_spans(t, threshold, tau_s)) for t in counted)
    negative_s = math.fsum(_negative_s(t) for t in counted)
    return RealColonFigures(
        threshold=threshold,
        tau_s=tau_s,
        sigma_s=sigma_s,
        recordings=len(counted),
        nominal=any(t.time == "nominal" for t in counted),
        frames=sum(count_where(t.frames.reviewed) for t in counted),
        frames_failed=sum(count_where(t.frames.failed) for t in counted),
        frames_skipped=sum(count_where(t.frames.skipped) for t in counted),
        lesions=lesions,
        lesions_hit=hit,
        sensitivity=share(hit, lesions),
        negative_s=negative_s,
        false_positives=false_positives,
        per_procedure=share(false_positives, len(counted)),
        per_minute=share(false_positives, negative_s / 60),
    )


def lesions_hit(table: Table, threshold: float, tau_s: float = 2.0, sigma_s: float = 3.0) -> list[bool]:
    """Per lesion of `table.names` whether it is hit."""
    hit = table.cell_score >= np.float32(threshold)
    order = np.argsort(table.cell_lesion, kind="stable")  # by lesion, then by frame
    return [
        _persists(table.edges_s, table.cell_frame[cells], hit[cells], tau_s, sigma_s)
        for cells in np.split(order, np.flatnonzero(np.diff(table.cell_lesion[order])) + 1)
        if len(cells)
    ]


def _persists(edges_s: Floats, frames: Ints, hit: Flags, tau_s: float, sigma_s: float) -> bool:
    """Whether a lesion with these annotated frames is hit for `tau_s` without a break, early enough."""
    end_s = edges_s[frames[0]] + sigma_s
    first, last = _spans(frames[hit & (edges_s[frames] < end_s)])
    lasted_s = np.minimum(edges_s[last + 1], end_s) - edges_s[first]
    return bool(np.any(lasted_s >= tau_s - SLACK_S))


def _spans(frames: Ints) -> tuple[Ints, Ints]:
    """First and last frame of each run of consecutive frames."""
    if len(frames) == 0:
        return frames, frames
    breaks = np.flatnonzero(np.diff(frames) != 1)
    return frames[np.append(0, breaks + 1)], frames[np.append(breaks, len(frames) - 1)]


def _without_lesion(table: Table) -> Flags:
    return table.frames.reviewed & ~table.frames.positive


def _negative_s(table: Table) -> float:
    return float(np.diff(table.edges_s)[_without_lesion(table)].sum())


def false_positive_spans(table: Table, threshold: float, tau_s: float = 2.0) -> list[tuple[int, int]]:
    """First and last frame of every false positive: from where the counter begins to where it reaches `tau_s`."""
    alarmed = np.flatnonzero(_without_lesion(table) & (table.top >= np.float32(threshold)))
    limit_s = tau_s - SLACK_S
    if limit_s <= 0:
        return [(k, k) for k in alarmed.tolist()]
    edges = table.edges_s
    first, last = _spans(alarmed)
    long_enough = edges[last + 1] - edges[first] >= limit_s  # most runs are short: leave them out before the loop
    found = []
    for start, stop in zip(first[long_enough].tolist(), (last[long_enough] + 1).tolist(), strict=True):
        begin, end = start, int(np.searchsorted(edges, edges[start] + limit_s))
        while end <= stop:  # the counter starts anew with the frame that follows
            found.append((begin, end - 1))
            begin, end = end, int(np.searchsorted(edges, edges[end] + limit_s))
    return found


def realcolon_figure(
    name: RealColonFigureName, threshold: float, tau_s: float = 2.0, sigma_s: float = 3.0
) -> RatioFigure[Recording]:
    """One figure by name, for `bootstrap`: each recording is scored once.

    Raises:
        ValueError: there is no such figure.
    """
    require_name(name, get_args(RealColonFigureName))

    def terms(recordings: Sequence[Recording]) -> Floats:
        rows = []
        for table in realcolon_tables(recordings):
            if name == "sensitivity":
                part, whole = sum(lesions_hit(table, threshold, tau_s, sigma_s)), float(len(table.names))
            else:
                part = len(false_positive_spans(table, threshold, tau_s))
                whole = float(table.counts) if name == "per_procedure" else _negative_s(table) / 60
            rows.append((part, whole, whole))
        return np.array(rows, np.float64)

    return RatioFigure(terms)
