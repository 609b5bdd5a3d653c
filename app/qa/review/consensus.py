"""The part of two readers' tracks on which they agree."""

from __future__ import annotations

from collections.abc import Iterable

from app.qa.review.agreement import AGREED_IOU
from app.qa.review.labels import track_of
from app.qa.review.tracks import CLEAR, Box, Range, State, Track


def agreed_track(a: Track, b: Track, both: Iterable[Range]) -> Track:
    """Boxes half-way between two readers' where these overlap by a half or more, within frames that both looked at.

    What only one of them has, and not as clear, stays unclear: it is neither right nor wrong. What they differ on is
    left out.
    """
    marks: dict[int, tuple[Box, State]] = {}
    spans = [*a.stretches(), *b.stretches()]
    for first, last in both:
        for position in sorted({p for x, y in spans for p in range(max(first, x), min(last, y) + 1)}):
            one, other = a.visible_at(position), b.visible_at(position)
            states = [t.state_at(position) for t, box in ((a, one), (b, other)) if box is not None]
            unclear = [s for s in states if s != CLEAR]
            if one is not None and other is not None:
                if _iou(one, other) >= AGREED_IOU or len(unclear) == 2:
                    marks[position] = (_half_way(one, other), unclear[0] if unclear else CLEAR)
            elif unclear:
                box = one if one is not None else other
                assert box is not None  # one state, so one box
                marks[position] = (_rounded(box), unclear[0])
    return track_of(marks)


def _iou(a: Box, b: Box) -> float:
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    overlap = max(width, 0.0) * max(height, 0.0)
    return overlap / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - overlap)


def _half_way(a: Box, b: Box) -> Box:
    return _rounded(((a[0] + b[0]) / 2, (a[1] + b[1]) / 2, (a[2] + b[2]) / 2, (a[3] + b[3]) / 2))


def _rounded(box: Box) -> Box:
    return round(box[0], 2), round(box[1], 2), round(box[2], 2), round(box[3], 2)
