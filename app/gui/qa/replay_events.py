"""Events of a procedure (found, missed, false) and the lists behind 'next' and 'before'. No Qt."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.gui.qa.replay_heard import Heard
from app.gui.qa.replay_jumps import gaps_of, spots_of, starts_of
from app.gui.qa.timeline_rows import runs
from app.qa.answers import Shown
from app.qa.figures import events_of
from app.qa.opened import Opened
from app.qa.review import Document, Visible
from app.qa.scored import score_ready
from app.qa.spots import Spot

_LEAST_DIFFERENCE_S = 0.2


@dataclass(frozen=True, slots=True)
class Lists:
    """Positions in ascending order.

    Attributes:
        detections: where a marker began: live ones, else those of re-analysis A.
        false_alarms: where a false one is seen.
        misses: where a lesion is that nobody marked.
        marks: of the examination.
        unreviewed: where a range begins that nobody reviewed.
        differences: where one of A and B shows something and the other does not.
    """

    detections: tuple[int, ...] = ()
    false_alarms: tuple[int, ...] = ()
    misses: tuple[int, ...] = ()
    marks: tuple[int, ...] = ()
    unreviewed: tuple[int, ...] = ()
    differences: tuple[int, ...] = ()


def lists_of(heard: Heard, spots: tuple[Spot, ...], document: Document, opened: Opened, visible: Visible) -> Lists:
    """The lists, as far as this reader may know of them."""
    unreviewed = tuple(first for first, _ in gaps_of(document.reviewed, len(opened.axis)))
    marks = tuple(sorted({mark.position for mark in heard.marks})) if visible.live_marks else ()
    if not visible.ai:
        return Lists(marks=marks, unreviewed=unreviewed)
    shown = heard.live or (heard.a.shown if heard.a is not None else None)
    return Lists(
        starts_of(shown) if shown is not None else (),
        spots_of(spots, "FP"),
        spots_of(spots, "FN"),
        marks,
        unreviewed,
        _differences(heard.a.shown, heard.b.shown, opened) if heard.a and heard.b else (),
    )


def judge(opened: Opened, heard: Heard, document: Document) -> tuple[Spot, ...]:
    """What was right and wrong: of the live session if there was one, else of re-analysis A.

    The truth is one's own review; where that says nothing yet, the published labels. Takes a while: it may have to
    read the video for its hash.

    Raises:
        PolypwatchError: labels cannot be made, or are of another video.
    """
    candidates = heard.raw if heard.live is not None else heard.a.candidates if heard.a is not None else None
    if candidates is None:
        return ()
    annotations = None
    if document.reviewed:
        numbers = [segment.number for segment in opened.procedure.segments]
        annotations = {number: document.annotation(opened, number) for number in numbers}
    elif all(segment.annotation is None for segment in opened.procedure.segments):
        return ()
    return events_of(score_ready(opened, candidates, heard.live, annotations=annotations))


def _differences(a: Shown, b: Shown, opened: Opened) -> tuple[int, ...]:
    there = [np.diff(shown.offsets) > 0 for shown in (a, b)]
    axis = opened.axis
    return tuple(
        first
        for first, last in runs(there[0] != there[1])
        if axis.until_s(last) - float(axis.times_s[first]) >= _LEAST_DIFFERENCE_S
    )
