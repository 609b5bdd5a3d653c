"""The rows of the timeline, from everybody who says something of the procedure. No widgets.

Rows of models, labels and marks are made once when they are known, those of one's own review after every edit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PyQt6.QtGui import QColor

from app.gui import theme
from app.gui.language import tr
from app.gui.qa.replay_boxes import shown_by_layer
from app.gui.qa.replay_heard import Heard
from app.gui.qa.replay_jumps import Range, spans_of
from app.gui.qa.review_canvas_layers import LOOKS, Layer
from app.gui.qa.timeline_rows import (
    Colour,
    Flags,
    Heights,
    Ints,
    Label,
    Lane,
    Spans,
    TimelineRow,
    lanes_of,
)
from app.gui.sign_kinds import Tone
from app.qa.answers import FAILED, NOT_ANALYSED, Candidates, Shown
from app.qa.axis import FrameAxis
from app.qa.marks import ExamMark
from app.qa.opened import Opened
from app.qa.review import Document, Lesion, Visible
from app.qa.spots import Spot
from app.snapshot import Quiet

_MOST_LANES = 3
_KEY = QColor(20, 90, 160).rgb()
_LANE_SHARE = 0.9  # of a row: high enough for a number


def heard_rows(heard: Heard, opened: Opened, visible: Visible) -> tuple[TimelineRow, ...]:
    """Rows of models, labels, other readers and marks, as far as this reader may see them."""
    made: list[TimelineRow] = []
    if visible.ai:
        made += [_shown_row(layer, shown) for layer, shown in shown_by_layer(heard).items()]
        if heard.raw is not None:
            made.append(_raw_row(heard.raw))
    if visible.labels and any(s.annotation is not None for s in opened.procedure.segments):
        made.append(_truth_row(opened))
    if visible.other_readers:
        colour = _rgb(LOOKS[Layer.OTHERS].colour)
        for name, other in heard.others:
            made.append(_lesion_row(f"R  {name}", colour, [_drawn(lesion, other) for lesion in other.lesions]))
    if visible.live_marks and heard.marks:
        made.append(_marks_row(heard.marks))
    if visible.ai and visible.freezes and heard.views:
        made.append(_view_row(heard))
    if (picture := _picture_row(opened.axis, heard if visible.ai else Heard())) is not None:
        made.append(picture)
    return tuple(made)


class ReviewRows:
    """Rows of one's own lesions with their key frames, and of what was reviewed; remembers what stays.

    An edit changes one lesion: what is known of the others is taken from the document before it.
    """

    def __init__(self) -> None:
        self._known: dict[int, _Drawn] = {}

    def rows(self, document: Document) -> tuple[TimelineRow, ...]:
        """The rows of a document."""
        known = {}
        for lesion in document.lesions:
            before = self._known.get(lesion.id)
            same = before is not None and before.lesion is lesion
            known[lesion.id] = before if before is not None and same else _drawn(lesion, document)
        self._known = known
        own = _lesion_row(tr("My review"), _rgb(LOOKS[Layer.OWN].colour), list(known.values()), keys=True)
        good = _rgb(theme.TONES[Tone.GOOD])
        reviewed = TimelineRow(tr("Reviewed"), good, (Lane(Spans(document.reviewed), good, 0.25, 0.75),), share=0.8)
        return own, reviewed


def reader_row(name: str, layer: Layer, document: Document) -> TimelineRow:
    """A row of the lesions that somebody has drawn, in the colour of a layer."""
    return _lesion_row(name, _rgb(LOOKS[layer].colour), [_drawn(lesion, document) for lesion in document.lesions])


@dataclass(frozen=True, slots=True, eq=False)
class _Drawn:
    """A lesion, where it is in the picture, and its key frames."""

    lesion: Lesion
    stretches: tuple[Range, ...]
    keys: Ints


def _drawn(lesion: Lesion, document: Document) -> _Drawn:
    return _Drawn(lesion, lesion.stretches, np.array(document.key_positions(lesion.id), np.int64))


def event_rows(spots: Sequence[Spot]) -> tuple[TimelineRow, ...]:
    """Found, missed and false, each in a lane of its own, so that place says it and not colour alone."""
    if not spots:
        return ()
    lanes = tuple(
        Lane(
            Spans((spot.first, spot.last) for spot in spots if spot.kind == kind),
            _rgb(theme.TONES[tone]),
            top,
            bottom,
            hatched,
        )
        for kind, tone, top, bottom, hatched in (
            ("TP", Tone.GOOD, 0.0, 0.3, False),
            ("FN", Tone.CAUTION, 0.35, 0.65, True),
            ("FP", Tone.FAULT, 0.7, 1.0, False),
        )
    )
    return (TimelineRow(tr("Found, missed, false"), _rgb(theme.TEXT), lanes, share=1.4),)


def _shown_row(layer: Layer, shown: Shown) -> TimelineRow:
    look = LOOKS[layer]
    colour = _rgb(look.colour)
    lanes = [
        Lane(Spans(spans_of(shown)), colour, 0.15, 0.85, hatched=layer is Layer.B),
        Lane(Flags(shown.status == FAILED), _rgb(theme.TONES[Tone.FAULT]), 0.85, 1.0),
    ]
    unasked = shown.status == NOT_ANALYSED
    if shown.origin == "analysis" and unasked.any():  # live, single frames are left out all the time
        lanes.append(Lane(Flags(unasked), _rgb(theme.TEXT_SOFT), 0.85, 1.0, hatched=True))
    return TimelineRow(f"{look.letter}  {tr(look.name)}", colour, tuple(lanes))


def _raw_row(raw: Candidates) -> TimelineRow:
    best = np.zeros(max(1, len(raw)), np.float32)
    there = np.flatnonzero(np.diff(raw.offsets) > 0)
    best[there] = raw.scores[raw.offsets[there]]
    colour = _rgb(LOOKS[Layer.RAW].colour)
    return TimelineRow(tr("Candidates' scores"), colour, (Lane(Heights(best), colour),), share=1.2)


def _truth_row(opened: Opened) -> TimelineRow:
    clear, faint = np.zeros(len(opened.axis), np.bool_), np.zeros(len(opened.axis), np.bool_)
    reviewed: list[Range] = []
    for segment in opened.procedure.segments:
        first, behind = opened.axis.of_segment(segment.number)
        if segment.annotation is None:
            continue
        place = dict(zip(opened.axis.record_index[first:behind].tolist(), range(first, behind), strict=True))
        for frame in segment.annotation.frames:
            if (at := place.get(frame.index)) is not None:
                clear[at] = any(mark.state == "clear" for mark in frame.marks)
                faint[at] = not clear[at]
        for each in segment.annotation.reviewed:
            ends = place.get(each.first), place.get(min(each.last, behind - first - 1))
            if ends[0] is not None and ends[1] is not None:
                reviewed.append((ends[0], ends[1]))
    look = LOOKS[Layer.TRUTH]
    colour = _rgb(look.colour)
    lanes = (
        Lane(Flags(clear), colour, 0.1, 0.7),
        Lane(Flags(faint), colour, 0.1, 0.7, hatched=True),
        Lane(Spans(reviewed), colour, 0.85, 1.0),
    )
    return TimelineRow(f"{look.letter}  {tr(look.name)}", colour, lanes)


def _lesion_row(name: str, colour: Colour, lesions: Sequence[_Drawn], *, keys: bool = False) -> TimelineRow:
    """Lesions as bars in up to three lanes, with their numbers; key frames as ticks below."""
    spans = [(drawn, stretch) for drawn in lesions for stretch in drawn.stretches]
    places = lanes_of([stretch for _, stretch in spans], _MOST_LANES)
    count = max(places, default=0) + 1
    lanes, labels = [], []
    for lane in range(count):
        top, bottom = lane / count, (lane + 1) / count - (0.05 if count > 1 else 0.0)
        here = [(drawn, span) for (drawn, span), place in zip(spans, places, strict=True) if place == lane]
        lanes.append(Lane(Spans(span for _, span in here), colour, top, bottom))
        labels += [Label(first, last, str(drawn.lesion.id), (top, bottom)) for drawn, (first, last) in here]
        if keys:
            parts = [d.keys[slice(*np.searchsorted(d.keys, (first, last + 1)))] for d, (first, last) in here]
            ticks = Spans.points(np.concatenate([np.zeros(0, np.int64), *parts]))
            lanes.append(Lane(ticks, _KEY, bottom - (bottom - top) * 0.25, bottom))
    return TimelineRow(name, colour, tuple(lanes), tuple(labels), share=1.0 if count == 1 else _LANE_SHARE * count)


def _marks_row(marks: Sequence[ExamMark]) -> TimelineRow:
    colour = _rgb(theme.TONES[Tone.BUSY])
    lane = Lane(Spans((mark.position, mark.position) for mark in marks), colour)
    return TimelineRow(tr("Marks"), colour, (lane,))


def _view_row(heard: Heard) -> TimelineRow:
    """What the live room said of the picture: each in a height of its own, what hides most above."""
    caution, soft = _rgb(theme.TONES[Tone.CAUTION]), _rgb(theme.TEXT_SOFT)
    lanes = tuple(
        Lane(Spans(heard.views[quiet]), colour, top, top + 0.22, hatched)
        for quiet, colour, top, hatched in (
            (Quiet.POOR_VIEW, caution, 0.0, False),
            (Quiet.FROZEN, soft, 0.26, False),
            (Quiet.OUTSIDE, soft, 0.52, True),
            (Quiet.LIGHT, caution, 0.78, True),
        )
        if quiet in heard.views
    )
    return TimelineRow(tr("Poor view, frozen, outside, light"), caution, lanes)


def _picture_row(axis: FrameAxis, heard: Heard) -> TimelineRow | None:
    """What is wrong with pictures; None if nothing is."""
    colour = _rgb(theme.TONES[Tone.CAUTION])
    lost = np.zeros(len(axis), np.bool_)
    known = (axis.capture_index[1:] >= 0) & (axis.capture_index[:-1] >= 0)
    lost[1:] = known & (axis.session[1:] == axis.session[:-1]) & (np.diff(axis.capture_index) > 1)
    begins = np.zeros(len(axis), np.bool_)
    begins[1:] = axis.segment[1:] != axis.segment[:-1]
    lanes = []
    if axis.blanked.any():
        lanes.append(Lane(Flags(axis.blanked), colour, 0.0, 0.5, hatched=True))
    if lost.any():
        lanes.append(Lane(Flags(lost), _rgb(theme.TONES[Tone.FAULT]), 0.0, 1.0))
    if heard.live is not None and (heard.live.status == NOT_ANALYSED).any():
        lanes.append(Lane(Flags(heard.live.status == NOT_ANALYSED), _rgb(theme.TEXT_SOFT), 0.6, 1.0))
    if begins.any():
        lanes.append(Lane(Flags(begins), _rgb(theme.TEXT)))
    return TimelineRow(tr("Black, lost, not analysed"), colour, tuple(lanes), share=0.8) if lanes else None


def _rgb(colour: QColor) -> Colour:
    return colour.rgb()
