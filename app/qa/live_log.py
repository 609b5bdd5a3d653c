"""The log of a live session (`polypwatch.live-results/1`) by position: raw boxes of each model, and what was shown.

A row names the frame that was analysed. Its markers count from that picture on until the next row's, at most as long as
the session leaves a box on the screen; when they really came up is `latency_ms` later. A session without pictures of
its own on the axis, or a frame that was not recorded, gives no boxes, but what it put on the screen stands on the next
picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from app.qa.answers import ANALYSED, FAILED, NOT_ANALYSED, Origin
from app.qa.axis import FrameAxis
from app.qa.gathering import Gathered, Gathering, flat
from app.qa.opened import Opened
from app.results_log import CANDIDATE, SHADOW, SHOWN, LiveResult, read_live_results
from detector.errors import FormatError
from detector.results import ModelRef
from detector.scoring.columns import starts_of
from detector.scoring.displayed import STANDS_S

_ORIGINS: dict[str, Origin] = {SHOWN: "live", SHADOW: "shadow", CANDIDATE: "candidate"}
_MIN_SCORE = 0.01
_SLACK_S = 1e-6
_SLOWEST_S = 1.0


@dataclass(slots=True)
class _Model:
    """One model in one role."""

    said: Gathering
    thresholds: dict[float, int] = field(default_factory=dict)


def read_live(path: Path, opened: Opened) -> Gathered:
    """Everything in a results log.

    Raises:
        FormatError: it is of an unknown schema, or no results log.
        OSError: it cannot be read.
    """
    places = Places(opened)
    models: dict[tuple[str, str], _Model] = {}
    markers: dict[int, tuple[list[Any], list[float], list[int]]] = {}
    status = np.full(len(opened.axis), NOT_ANALYSED, np.uint8)
    noted: set[int] = set()
    labels: dict[str, int] = {}
    roles: set[str] = set()
    problems: list[str] = []
    unplaced = 0
    rows = 0
    try:
        for result in read_live_results(path):
            rows += 1
            model = _model(models, result, len(opened.axis))
            place, exact = places.of(result)
            if place is None:
                unplaced += 1
                continue
            if exact:
                _take(model, place, result)
            if result.role == CANDIDATE:
                continue
            label = _label(result.head)
            labels[label] = labels.get(label, 0) + 1
            roles.add(result.role)
            if exact:
                status[place] = FAILED if result.failed else ANALYSED
            if not result.failed and (exact or place not in noted):
                noted.add(place)
                shown = result.row["markers"]
                markers[place] = ([m["box"] for m in shown], [m["score"] for m in shown], [m["track"] for m in shown])
    except (LookupError, TypeError, ValueError, OverflowError) as error:
        raise FormatError(f"{path}, row {rows}: {error!r}.", "The file was changed or damaged.") from error
    except FormatError as error:
        if not rows:
            raise
        problems.append(f"{path.name} can be read in part only, and the rest counts as not analysed: {error}")
    if unplaced * 20 > rows:  # a few of a picture just before the recording began are no trouble
        problems.append(f"{unplaced} rows of {path.name} are of no picture of this recording: left out")
    groups = []
    for model in models.values():
        model.said.threshold = max(model.thresholds, key=model.thresholds.__getitem__)
        groups.append(model.said.done())
    order = list(_ORIGINS.values())
    groups.sort(key=lambda g: order.index(g["origin"]))
    shown_at = None
    if labels:
        origin: Origin = "live" if SHOWN in roles else "shadow"
        label = max(labels, key=labels.__getitem__)
        shown_at = {"label": label, "origin": origin, "status": status} | _standing(opened.axis, markers, noted)
    return Gathered(tuple(groups), shown_at, tuple(problems))


def _model(models: dict[tuple[str, str], _Model], result: LiveResult, count: int) -> _Model:
    head = result.head
    key = (result.role, str(head["sha256"]))
    if key not in models:
        ref = ModelRef(name=head["model"], version=head["version"], variant=head["variant"], sha256=head["sha256"])
        classes = [str(name) for name in head["classes"]]
        said = Gathering(count, _ORIGINS[result.role], ref, float(head["threshold"]), _MIN_SCORE, classes)
        models[key] = _Model(said)
    model = models[key]
    threshold = float(head["threshold"])
    model.thresholds[threshold] = model.thresholds.get(threshold, 0) + 1
    return model


def _take(model: _Model, place: int, result: LiveResult) -> None:
    if result.failed:
        model.said.fail(place)
        return
    rows = result.row["candidates"]
    model.said.add(place, [r[:4] for r in rows], [r[4] for r in rows], [int(r[5]) for r in rows])


def _label(head: Mapping[str, Any]) -> str:
    return f"{head['model']} {head['version']} {head['variant']}"


class Places:
    """From a row to the position of its frame.

    Capture indices begin anew with every run of the recorder, and rows do not name it: the time of capture tells. A
    frame that the AI failed on has no time: it belongs to the run of the row before.
    """

    def __init__(self, opened: Opened) -> None:
        self._session_of = {
            (frame.capture_index, frame.captured_ns): frame.session
            for frame in (*(f for s in opened.procedure.segments for f in s.frames), *opened.procedure.lost)
            if frame.capture_index >= 0
        }
        axis = opened.axis
        read = np.flatnonzero(axis.capture_index >= 0)
        order = np.lexsort((axis.capture_index[read], axis.session[read]))
        self._positions = read[order]
        self._sessions, self._indices = axis.session[self._positions], axis.capture_index[self._positions]
        self._session = int(self._sessions[0]) if len(read) else 1

    def of(self, result: LiveResult) -> tuple[int | None, bool]:
        """The position of a row's frame, or of the next one that was recorded, and whether it is its own."""
        index = int(result.row["capture_index"])
        captured_ns = result.row.get("captured_ns")
        known = self._session_of.get((index, captured_ns)) if captured_ns is not None else None
        if known is None and captured_ns is not None and self._session_of:
            return None, False
        self._session = known or self._session
        low, high = np.searchsorted(self._sessions, [self._session, self._session + 1]).tolist()
        found = low + int(np.searchsorted(self._indices[low:high], index))
        if found >= high:
            return None, False
        return int(self._positions[found]), bool(self._indices[found] == index)


def _standing(
    axis: FrameAxis,
    markers: Mapping[int, tuple[list[Any], list[float], list[int]]],
    noted: set[int],
) -> dict[str, Any]:
    """What stood on the screen while each picture did: the markers of the newest row, unless they are too old."""
    offsets, boxes, scores, tracks = flat(len(axis), markers)
    rows = np.array(sorted(noted), np.int64)
    source = np.searchsorted(rows, np.arange(len(axis)), side="right") - 1
    known = np.flatnonzero(source >= 0)
    own = rows[source[known]]
    interval_s = float(np.median(np.diff(axis.times_s))) if len(axis) > 1 else 0.0
    limit_s = max(STANDS_S, min(_SLOWEST_S, 1.5 * interval_s))
    stands = (axis.times_s[known] - axis.times_s[own] <= limit_s + _SLACK_S) & (
        axis.session[known] == axis.session[own]
    )
    counts = np.zeros(len(axis), np.int64)
    counts[known[stands]] = np.diff(offsets)[own[stands]]
    starts = starts_of(counts)
    frame = np.repeat(np.arange(len(axis)), counts)
    begin = np.zeros(len(axis), np.int64)
    begin[known] = offsets[own]
    taken = begin[frame] + np.arange(len(frame)) - starts[frame]
    return {
        "offsets": starts,
        "boxes": boxes[taken],
        "scores": scores[taken],
        "tracks": tracks[taken],
    }
