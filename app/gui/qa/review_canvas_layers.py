"""The kinds of boxes on the review canvas: each has a colour, a kind of line and a letter: none hangs on colour alone.

Colours are after Okabe and Ito, brightened for dark ground; every line has a dark keyline.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from PyQt6.QtCore import QPointF, QRectF, Qt
from PyQt6.QtGui import QColor, QPainter, QPen

from app.gui import theme
from app.gui.language import mark, tr
from app.gui.layout import PictureTransform
from app.gui.qa.keys import Act
from app.gui.qa.review_canvas_grip import Box
from app.gui.setup_area import HANDLES
from app.gui.text import height_of, width_of
from detector.geometry import Size


class Layer(enum.Enum):
    """Whose boxes they are."""

    LIVE = enum.auto()
    A = enum.auto()
    B = enum.auto()
    TRUTH = enum.auto()
    OWN = enum.auto()
    OTHERS = enum.auto()
    RAW = enum.auto()


@dataclass(frozen=True, slots=True)
class Look:
    """How a layer's boxes are drawn.

    Attributes:
        letter: begins every tag.
        name: in words, English; of the switch.
        colour: of line and tag.
        dashes: of the line, in line widths; empty for a solid line.
        width: of the line in logical pixels.
        act: the action that switches it.
    """

    letter: str
    name: str
    colour: QColor
    dashes: tuple[float, ...]
    width: float
    act: Act


LOOKS = {
    Layer.LIVE: Look("L", mark("Live"), theme.MARKER, (), 2, Act.SHOW_LIVE),
    Layer.A: Look("A", mark("Model A"), QColor(255, 176, 64), (5, 3), 2, Act.SHOW_A),
    Layer.B: Look("B", mark("Model B"), QColor(255, 150, 205), (1, 2), 3, Act.SHOW_B),
    Layer.TRUTH: Look("G", mark("Labels"), QColor(46, 214, 160), (7, 2, 1, 2), 2, Act.SHOW_TRUTH),
    Layer.OWN: Look("", mark("My review"), theme.TEXT, (), 3, Act.SHOW_OWN),
    Layer.OTHERS: Look("R", mark("Readers"), QColor(126, 188, 255), (6, 2, 1, 2, 1, 2), 2, Act.SHOW_OTHERS),
    Layer.RAW: Look("", mark("Raw"), QColor(190, 203, 212), (2, 4), 1, Act.SHOW_RAW),
}
_ORDER = (Layer.RAW, Layer.TRUTH, Layer.OTHERS, Layer.B, Layer.A, Layer.LIVE, Layer.OWN)
_TAG_PX = 13
_HANDLE_PX = 9.0
_FAINT = (3.0, 3.0)


@dataclass(frozen=True, slots=True)
class CanvasBox:
    """A box on the canvas.

    Attributes:
        layer: whose it is.
        box: ``x1, y1, x2, y2`` in pixels of the picture.
        tag: the words at it, the layer's letter included.
        lesion: of an own box; else None.
        uncertain: drawn broken: marginal or occluded.
        key: an own box that somebody set, not one in between.
    """

    layer: Layer
    box: Box
    tag: str
    lesion: int | None = None
    uncertain: bool = False
    key: bool = False


def name_of(layer: Layer) -> str:
    """The layer in words, in the language of the window."""
    return tr(LOOKS[layer].name)


def paint_boxes(
    painter: QPainter,
    boxes: Sequence[CanvasBox],
    transform: PictureTransform,
    canvas: Size,
    chosen: int | None = None,
    ratio: float = 1.0,
    *,
    handles: bool = False,
) -> None:
    """Paint boxes with their tags.

    Args:
        painter: in device pixels.
        boxes: in any order; own boxes come to lie on top.
        transform: between picture and canvas.
        canvas: in device pixels; tags keep inside of it where they can.
        chosen: lesion whose box is drawn stronger; None: none.
        ratio: device pixels per logical pixel.
        handles: the chosen box has handles.
    """
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    taken: list[QRectF] = []
    ordered = sorted(boxes, key=lambda each: _ORDER.index(each.layer))
    for each in ordered:
        _paint_line(painter, each, _rect(each.box, transform), chosen, ratio)
    for each in ordered if handles and chosen is not None else ():
        if each.layer is Layer.OWN and each.lesion == chosen:
            _paint_handles(painter, _rect(each.box, transform), ratio)
    # Own tags are placed first: the others make way for them.
    for each in reversed(ordered):
        _paint_tag(painter, each, _rect(each.box, transform), QRectF(0, 0, *canvas), taken, ratio)
    painter.restore()


def _paint_handles(painter: QPainter, area: QRectF, ratio: float) -> None:
    half = _HANDLE_PX * ratio / 2
    painter.save()
    painter.setPen(QPen(theme.KEYLINE, 2 * ratio))
    painter.setBrush(theme.TEXT)
    for x, y in HANDLES.values():
        at = QPointF(area.x() + x * area.width(), area.y() + y * area.height())
        painter.drawRect(QRectF(at.x() - half, at.y() - half, 2 * half, 2 * half))
    painter.restore()


def sample(painter: QPainter, layer: Layer, area: QRectF) -> None:
    """A piece of the layer's line, for its switch."""
    look = LOOKS[layer]
    painter.setPen(_pen(look.colour, look.width, look.dashes, 1.0))
    painter.drawLine(QPointF(area.left(), area.center().y()), QPointF(area.right(), area.center().y()))


def _paint_line(painter: QPainter, each: CanvasBox, area: QRectF, chosen: int | None, ratio: float) -> None:
    look = LOOKS[each.layer]
    own = each.layer is Layer.OWN
    width = look.width if not own or each.key or each.lesion == chosen else 2.0
    dashes: Iterable[float] = _FAINT if own and each.uncertain else look.dashes
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(theme.KEYLINE, (width + 2) * ratio))
    painter.drawRect(area)
    painter.setPen(_pen(look.colour, width, dashes, ratio))
    painter.drawRect(area)


def _paint_tag(
    painter: QPainter, each: CanvasBox, area: QRectF, canvas: QRectF, taken: list[QRectF], ratio: float
) -> None:
    if not each.tag:
        return
    font = theme.font(round(_TAG_PX * ratio), strong=True)
    width, height = width_of(each.tag, font) + 8 * ratio, height_of(font) + 1 * ratio
    gap = 3 * ratio
    places = (
        QRectF(area.left(), area.top() - height - gap, width, height),
        QRectF(area.right() - width, area.top() - height - gap, width, height),
        QRectF(area.left(), area.bottom() + gap, width, height),
        QRectF(area.right() - width, area.bottom() + gap, width, height),
        QRectF(area.right() + gap, area.top(), width, height),
        QRectF(area.left() - width - gap, area.top(), width, height),
        QRectF(area.left(), area.top() - 2 * height - 2 * gap, width, height),
        QRectF(area.left(), area.bottom() + height + 2 * gap, width, height),
    )
    inside = [place for place in places if canvas.contains(place)]
    free = [place for place in inside if not any(place.intersects(other) for other in taken)]
    place = free[0] if free else inside[0] if inside else places[0]
    taken.append(place)
    painter.fillRect(place, theme.KEYLINE)
    painter.setFont(font)
    painter.setPen(LOOKS[each.layer].colour)
    painter.drawText(place, Qt.AlignmentFlag.AlignCenter, each.tag)


def _pen(colour: QColor, width: float, dashes: Iterable[float], ratio: float) -> QPen:
    pen = QPen(colour, width * ratio, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap, Qt.PenJoinStyle.MiterJoin)
    if pattern := list(dashes):
        pen.setDashPattern(pattern)
    return pen


def _rect(box: Box, transform: PictureTransform) -> QRectF:
    x1, y1, x2, y2 = transform.box_to_canvas(box)
    return QRectF(x1, y1, x2 - x1, y2 - y1)
