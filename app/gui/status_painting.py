"""How the status line looks: the AI's sign first, then source and flags, then figures, or a notice in their place."""

from __future__ import annotations

from dataclasses import dataclass

from PyQt6.QtCore import QRect, QRectF
from PyQt6.QtGui import QColor, QFont, QPainter

from app.gui import theme
from app.gui.icons import draw_shape
from app.gui.layout import Area, scaled
from app.gui.notices import Notice, Weight
from app.gui.signs import Shape, Sign, Status, Tone
from app.gui.text import draw_line, height_of, width_of

# Figures are as wide as these, so that nothing moves while they change.
_WIDEST_FIGURES = ("000 frames/s", "overlay expired")
_LOUD = frozenset({Tone.CAUTION, Tone.FAULT})
_NOTICE_SIGNS = {
    Weight.INFO: (Shape.INFO, Tone.BUSY),
    Weight.WARNING: (Shape.TRIANGLE, Tone.CAUTION),
    Weight.ERROR: (Shape.CROSS, Tone.FAULT),
}


@dataclass(frozen=True, slots=True)
class _Pen:
    """The painter and the sizes that all parts of the line share."""

    painter: QPainter
    area: Area
    unit: float
    font: QFont
    strong: QFont
    pad: int

    @property
    def icon(self) -> int:
        """Side of a shape."""
        return scaled(26, self.unit, 16)


def paint_status(painter: QPainter, area: Area, status: Status, unit: float) -> None:
    """Paint the status line into its area."""
    size = scaled(22, unit, 13)
    pen = _Pen(painter, area, unit, theme.font(size), theme.font(size, strong=True), scaled(14, unit, 7))
    painter.fillRect(*area, theme.PANEL)
    painter.fillRect(area.x, area.y, area.width, 1, theme.LINE)
    left = area.x + _paint_pill(pen, area.x, status.ai, pen.strong, int(area.width * 0.42)) + 2 * pen.pad
    right = area.right - pen.pad
    flags_width = sum(_pill_width(pen, flag.text, pen.font) + pen.pad for flag in status.flags)
    if status.notice is not None:
        source_room = min(_sign_width(pen, status.source), int(area.width * 0.2))
        x = _paint_source(pen, left, source_room, status.source)
        x = _paint_flags(pen, x, status.flags)
        _paint_notice(pen, x + pen.pad, right, status.notice)
        return
    least_source = min(_sign_width(pen, status.source), int(area.width * 0.24))
    figures_left = _paint_figures(pen, right, right - left - flags_width - least_source, status)
    source_room = min(_sign_width(pen, status.source), figures_left - left - flags_width - pen.pad)
    x = _paint_source(pen, left, source_room, status.source)
    _paint_flags(pen, x, status.flags)


def _sign_width(pen: _Pen, sign: Sign) -> int:
    return pen.icon + pen.pad + width_of(sign.text, pen.font) + pen.pad


def _pill_width(pen: _Pen, text: str, font: QFont) -> int:
    return 3 * pen.pad + pen.icon + width_of(text, font)


def _paint_pill(pen: _Pen, x: int, sign: Sign, font: QFont, limit: int) -> int:
    """A sign on a ground of its own, as wide as it needs; returns its width."""
    width = min(_pill_width(pen, sign.text, font), limit)
    colour = theme.TONES[sign.tone]
    ground, ink, accent = (colour, theme.INK, theme.INK) if sign.tone in _LOUD else (_deep(colour), theme.TEXT, colour)
    pen.painter.fillRect(x, pen.area.y, width, pen.area.height, ground)
    _paint_icon(pen, x + pen.pad, sign.shape, accent)
    text_x = x + 2 * pen.pad + pen.icon
    draw_line(
        pen.painter, QRect(text_x, pen.area.y, x + width - pen.pad - text_x + 1, pen.area.height), sign.text, font, ink
    )
    return width


def _paint_source(pen: _Pen, x: int, room: int, sign: Sign) -> int:
    """Shape and words; returns where the next part begins."""
    _paint_icon(pen, x, sign.shape, theme.TONES[sign.tone])
    text_x = x + pen.icon + pen.pad
    area = QRect(text_x, pen.area.y, x + room - text_x, pen.area.height)
    draw_line(pen.painter, area, sign.text, pen.font, theme.TEXT)
    return x + room + pen.pad


def _paint_flags(pen: _Pen, x: int, flags: tuple[Sign, ...]) -> int:
    for flag in flags:
        x += _paint_pill(pen, x, flag, pen.font, pen.area.width) + pen.pad
    return x


def _paint_figures(pen: _Pen, right: int, room: int, status: Status) -> int:
    """Figures and identity, as many as there is room for, up to the right edge; returns where they begin."""
    texts = [*status.figures, *status.identity]
    widths = [width_of(text, pen.font) for text in texts]
    for index, widest in enumerate(_WIDEST_FIGURES):
        widths[index] = max(widths[index], width_of(widest, pen.font))
    gap = 2 * pen.pad
    while texts and sum(widths) + gap * len(widths) > room:
        texts.pop()
        widths.pop()
    x = right - sum(widths) - gap * max(0, len(widths) - 1)
    begin = x - gap
    line_height = pen.area.height // 2
    for text, width in zip(texts, widths, strict=True):
        pen.painter.fillRect(
            x - gap // 2, pen.area.y + (pen.area.height - line_height) // 2, 1, line_height, theme.LINE
        )
        draw_line(pen.painter, QRect(x, pen.area.y, width + 1, pen.area.height), text, pen.font, theme.TEXT_SOFT)
        x += width + gap
    return begin


def _paint_notice(pen: _Pen, x: int, right: int, notice: Notice) -> None:
    """What happened in bold, what still works and what to do below it."""
    shape, tone = _NOTICE_SIGNS[notice.weight]
    pen.painter.fillRect(x, pen.area.y, right + pen.pad - x, pen.area.height, theme.PANEL_RAISED)
    _paint_icon(pen, x + pen.pad, shape, theme.TONES[tone])
    text_x = x + 2 * pen.pad + pen.icon
    room = right - text_x
    if not notice.rest:
        draw_line(pen.painter, QRect(text_x, pen.area.y, room, pen.area.height), notice.what, pen.strong, theme.TEXT)
        return
    size = scaled(18, pen.unit, 12)
    strong, plain = theme.font(size, strong=True), theme.font(size)
    height = height_of(strong)
    top = pen.area.y + (pen.area.height - 2 * height) // 2
    draw_line(pen.painter, QRect(text_x, top, room, height), notice.what, strong, theme.TEXT)
    draw_line(pen.painter, QRect(text_x, top + height, room, height), notice.rest, plain, theme.TEXT)


def _paint_icon(pen: _Pen, x: int, shape: Shape, colour: QColor) -> None:
    side = pen.icon
    draw_shape(pen.painter, shape, QRectF(x, pen.area.y + (pen.area.height - side) / 2, side, side), colour)


def _deep(colour: QColor) -> QColor:
    """A dark ground of the same hue."""
    return QColor(colour.red() // 4, colour.green() // 4, colour.blue() // 4)
