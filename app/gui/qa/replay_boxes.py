"""The boxes of one picture, from everybody who says something of it. No widgets.

Blinded readers get their own boxes and nothing else: what may be seen is asked here, in one place, with
`app.qa.review.Visible`.
"""

from __future__ import annotations

from app.gui.language import decimal, tr
from app.gui.qa.lesion_words import STATES
from app.gui.qa.replay_heard import Heard
from app.gui.qa.review_canvas_grip import Box
from app.gui.qa.review_canvas_layers import LOOKS, CanvasBox, Layer
from app.qa.answers import Candidates, Shown
from app.qa.opened import Opened
from app.qa.review import DocMark, Document, Visible

_LEAST_TAGGED = 0.05  # weaker candidates are drawn, but their scores would cover the picture


def allowed(visible: Visible) -> frozenset[Layer]:
    """The layers that this reader may see."""
    layers = {Layer.OWN}
    if visible.ai:
        layers |= {Layer.A, Layer.B, Layer.RAW, Layer.LIVE}
    if visible.labels:
        layers.add(Layer.TRUTH)
    if visible.other_readers:
        layers.add(Layer.OTHERS)
    return frozenset(layers)


def present(heard: Heard, opened: Opened, visible: Visible) -> frozenset[Layer]:
    """The layers that this reader may see and that have something to show."""
    there = {Layer.OWN}
    there |= {Layer.LIVE} if heard.live is not None else set()
    there |= {Layer.A} if heard.a is not None else set()
    there |= {Layer.B} if heard.b is not None else set()
    there |= {Layer.RAW} if heard.raw is not None else set()
    there |= {Layer.OTHERS} if heard.others else set()
    there |= {Layer.TRUTH} if any(s.annotation is not None for s in opened.procedure.segments) else set()
    return frozenset(there) & allowed(visible)


def shown_by_layer(heard: Heard) -> dict[Layer, Shown]:
    """Markers of models; only those there are."""
    found = {
        Layer.LIVE: heard.live,
        Layer.A: heard.a.shown if heard.a is not None else None,
        Layer.B: heard.b.shown if heard.b is not None else None,
    }
    return {layer: shown for layer, shown in found.items() if shown is not None}


def boxes_at(
    position: int, layers: frozenset[Layer], heard: Heard, document: Document, opened: Opened
) -> tuple[CanvasBox, ...]:
    """What is to be drawn over a picture.

    Args:
        position: of the picture.
        layers: what is switched on, and may be seen.
        heard: what models, labels and other readers say.
        document: one's own review.
        opened: the procedure; its labels.
    """
    found: list[CanvasBox] = []
    if Layer.RAW in layers and heard.raw is not None:
        found += _raw(heard.raw, position)
    for layer, shown in shown_by_layer(heard).items():
        if layer in layers:
            found += _shown(shown, layer, position)
    if Layer.TRUTH in layers:
        found += _truth(opened, position)
    if Layer.OTHERS in layers:
        for name, other in heard.others:
            found += [
                _marked(mark, Layer.OTHERS, f"{LOOKS[Layer.OTHERS].letter} {name}: ")
                for mark in other.marks_at(position)
            ]
    if Layer.OWN in layers:
        found += [_marked(mark, Layer.OWN) for mark in document.marks_at(position)]
    return tuple(found)


def _shown(shown: Shown, layer: Layer, position: int) -> list[CanvasBox]:
    if position >= len(shown):
        return []
    rows, letter = shown.rows(position), LOOKS[layer].letter
    pairs = zip(shown.boxes[rows].tolist(), shown.scores[rows].tolist(), strict=True)
    return [CanvasBox(layer, _box(box), f"{letter} {decimal(f'{score:.2f}')}") for box, score in pairs]


def _raw(raw: Candidates, position: int) -> list[CanvasBox]:
    if position >= len(raw):
        return []
    rows = raw.rows(position)
    pairs = zip(raw.boxes[rows].tolist(), raw.scores[rows].tolist(), strict=True)
    return [
        CanvasBox(Layer.RAW, _box(box), decimal(f"{score:.2f}") if score >= _LEAST_TAGGED else "")
        for box, score in pairs
    ]


def _truth(opened: Opened, position: int) -> list[CanvasBox]:
    if position >= len(opened.axis):
        return []
    annotation = opened.procedure.segments[opened.place_of(position)].annotation
    if annotation is None:
        return []
    letter = LOOKS[Layer.TRUTH].letter
    return [
        CanvasBox(Layer.TRUTH, mark.box, f"{letter} {mark.lesion}{_state(mark.state)}", uncertain=mark.state != "clear")
        for mark in annotation.marks(int(opened.axis.record_index[position]))
    ]


def _marked(mark: DocMark, layer: Layer, before: str = "") -> CanvasBox:
    own = layer is Layer.OWN
    return CanvasBox(
        layer,
        mark.box,
        f"{before}{mark.lesion}{_state(mark.state)}",
        lesion=mark.lesion if own else None,
        uncertain=mark.state != "clear",
        key=mark.is_key,
    )


def _state(state: str) -> str:
    return "" if state == "clear" else f" {tr(STATES[state])}"


def _box(values: list[float]) -> Box:
    return values[0], values[1], values[2], values[3]
