"""The boxes of one picture while differences are settled: both readers', one's own, and what was decided."""

from __future__ import annotations

from collections.abc import Mapping

from app.gui.language import tr
from app.gui.qa.lesion_words import STATES
from app.gui.qa.review_canvas_grip import Box
from app.gui.qa.review_canvas_layers import CanvasBox, Layer
from app.qa.review.agreement import Disagreement
from app.qa.review.document import DocMark
from app.qa.review.settling import Settling

OWN = 1
"""The number of one's own box on the canvas."""


def boxes_at(
    position: int, settling: Settling, chosen: Disagreement | None, drawn: Mapping[int, Box]
) -> tuple[CanvasBox, ...]:
    """What is to be drawn over a picture.

    Args:
        position: of the picture.
        settling: the two readers, and what was decided.
        chosen: the difference that is looked at; other lesions' boxes are faint beside it.
        drawn: one's own boxes, by position.

    Raises:
        UsageError: one of one's own boxes cannot be meant.
    """
    found = []
    for layer, letter, said, meant in (
        (Layer.A, "A", settling.a, chosen.lesion_a if chosen is not None else None),
        (Layer.B, "B", settling.b, chosen.lesion_b if chosen is not None else None),
    ):
        for mark in said.marks_at(position):
            found.append(_boxed(mark, layer if chosen is None or mark.lesion == meant else Layer.RAW, letter))
    return (*found, *_own(position, settling, chosen, drawn)) if chosen is not None else tuple(found)


def _own(position: int, settling: Settling, chosen: Disagreement, drawn: Mapping[int, Box]) -> list[CanvasBox]:
    adjudication = settling.adjudication
    if drawn:
        inside = chosen.first <= position <= chosen.last
        own = adjudication.own_track(chosen, drawn).visible_at(position) if inside else None
        key = position in drawn
        return [CanvasBox(Layer.OWN, own, tr("drawn by you"), lesion=OWN, key=key)] if own is not None else []
    document = adjudication.document
    if chosen.name not in document.decisions:
        return []
    number = adjudication.number_of(chosen)
    settled = [mark for mark in document.marks_at(position) if mark.lesion == number]
    return [CanvasBox(Layer.OWN, mark.box, tr("settled"), key=True) for mark in settled]


def _boxed(mark: DocMark, layer: Layer, letter: str) -> CanvasBox:
    state = "" if mark.state == "clear" else f" {tr(STATES[mark.state])}"
    return CanvasBox(layer, mark.box, f"{letter} {mark.lesion}{state}")
