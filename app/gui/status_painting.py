"""How the status line looks: the AI's sign first, then source and flags, then figures, or a notice in their place.

The AI's sign is read from three metres: 20/40 eyes need letters of ten minutes of arc, 8.7 mm there, which is 2.9 % of
the height of a 24-inch screen (299 mm) and 2.6 % of a 27-inch one (336 mm). Capitals of the bundled type are 0.70 of
its size, so that 45 of 1080 pixels give 2.9 %.
"""

from __future__ import annotations

from dataclasses import dataclass

from PyQt6.QtCore import QRect, QRectF
from PyQt6.QtGui import QColor, QFont, QPainter

from app.gui import theme
from app.gui.icons import draw_shape
from app.gui.language import tr
from app.gui.layout import Area, scaled
from app.gui.notices import Notice, Weight
from app.gui.sign_kinds import LOUD, Shape, Sign, Status, Tone
from app.gui.status_fit import Widths, fitted
from app.gui.text import draw_line, height_of, width_of

SIGN_PX = 45
LEAST_SIGN_PX = 35
"""Type of the AI's sign on a screen of 1080 lines, and what it may shrink to where its words are long."""

_SIGN_SHARE = 0.56
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
        return scaled(28, self.unit, 16)


def paint_status(painter: QPainter, area: Area, status: Status, unit: float) -> None:
    """Paint the status line into its area."""
    size = scaled(22, unit, 13)
    pen = _Pen(painter, area, unit, theme.font(size), theme.font(size, strong=True), scaled(14, unit, 7))
    painter.fillRect(*area, theme.PANEL)
    painter.fillRect(area.x, area.y, area.width, 1, theme.LINE)
    left = area.x + _paint_main(pen, status) + pen.pad
    right = area.right - pen.pad
    figures = _figures(pen, status)
    widths = Widths(
        source=_sign_width(pen, status.source),
        source_icon=pen.icon + pen.pad,
        flags=tuple(_pill_width(pen, flag.text) + pen.pad for flag in status.flags),
        flag_icon=3 * pen.pad + pen.icon,
        figures=tuple(width + 2 * pen.pad for _, width in figures),
        notice=_notice_width(pen, status.notice) if status.notice else 0,
    )
    room = fitted(right - left, widths, tuple(flag.tone for flag in status.flags))
    x = _paint_source(pen, left, room.source, status.source)
    for flag, words in zip(status.flags, room.flags, strict=True):
        if words is not None:
            x += _paint_flag(pen, x, flag, words) + pen.pad
    if status.notice is not None:
        _paint_notice(pen, x, right, status.notice)
    else:
        _paint_figures(pen, right, figures[: room.figures])


def sign_font(text: str, unit: float, room: int) -> QFont:
    """The type of the AI's sign: as large as intended, or as large as its words allow, never below the least."""
    for size in range(scaled(SIGN_PX, unit), scaled(LEAST_SIGN_PX, unit) - 1, -1):
        font = theme.font(size, strong=True)
        if width_of(text, font) <= room:
            break
    return font


def colours_of(tone: Tone) -> tuple[QColor, QColor, QColor]:
    """Ground, words and shape of a sign on a ground of its own."""
    colour = theme.TONES[tone]
    return (colour, theme.INK, theme.INK) if tone in LOUD else (_deep(colour), theme.TEXT, colour)


def _paint_main(pen: _Pen, status: Status) -> int:
    """The AI's sign, its reason and its age; returns how wide it is."""
    sign, area = status.ai, pen.area
    ground, ink, accent = colours_of(sign.tone)
    small = theme.font(scaled(19, pen.unit, 11), strong=True)
    icon = scaled(40, pen.unit, 24)
    extra = [text for text in (sign.detail, status.age) if text] if status.notice is None else []
    # While only figures change, nothing moves.
    widest = (tr("result {n} ms old").format(n="000"),) if sign.tone is Tone.GOOD else ()
    room = int(area.width * _SIGN_SHARE) - 3 * pen.pad - icon
    wanted = max((width_of(text, small) for text in (*extra, *widest)), default=0) if extra else 0
    # The words shrink a little rather than lose the reason beside them.
    font = sign_font(sign.text, pen.unit, room - wanted - pen.pad if wanted else room)
    words = min(room, max(width_of(text, font) for text in _as_wide_as(sign)))
    beside = min(wanted, room - words - pen.pad)
    beside = beside if beside >= min(wanted, scaled(90, pen.unit, 60)) else 0
    width = 3 * pen.pad + icon + words + (beside + pen.pad if beside else 0)
    pen.painter.fillRect(area.x, area.y, width, area.height, ground)
    _paint_icon(pen, area.x + pen.pad, sign.shape, accent, icon)
    x = area.x + 2 * pen.pad + icon
    draw_line(pen.painter, QRect(x, area.y, words + 1, area.height), sign.text, font, ink)
    if beside:
        _paint_lines(pen, QRect(x + words + pen.pad, area.y, beside + 1, area.height), extra, small, ink)
    return width


def _as_wide_as(sign: Sign) -> tuple[str, ...]:
    """The sign leaves room for what it may say in the next moment, so that its neighbours stand still."""
    return (sign.text, tr("AI READY"), tr("AI DETECTING")) if sign.tone is Tone.GOOD else (sign.text,)


def _paint_lines(pen: _Pen, area: QRect, texts: list[str], font: QFont, ink: QColor) -> None:
    height = min(height_of(font), area.height() // max(1, len(texts)))
    y = area.y() + (area.height() - height * len(texts)) // 2
    for text in texts:
        draw_line(pen.painter, QRect(area.x(), y, area.width(), height), text, font, ink)
        y += height


def _sign_width(pen: _Pen, sign: Sign) -> int:
    return pen.icon + 2 * pen.pad + width_of(sign.text, pen.font)


def _pill_width(pen: _Pen, text: str) -> int:
    return 3 * pen.pad + pen.icon + width_of(text, pen.font)


def _paint_flag(pen: _Pen, x: int, sign: Sign, words: bool) -> int:
    """A sign on a ground of its own, with its words or without; returns its width."""
    width = _pill_width(pen, sign.text) if words else 2 * pen.pad + pen.icon
    ground, ink, accent = colours_of(sign.tone)
    margin = scaled(6, pen.unit, 3)
    pen.painter.fillRect(x, pen.area.y + margin, width, pen.area.height - 2 * margin, ground)
    _paint_icon(pen, x + pen.pad, sign.shape, accent)
    if words:
        text_x = x + 2 * pen.pad + pen.icon
        room = QRect(text_x, pen.area.y, x + width - pen.pad - text_x + 1, pen.area.height)
        draw_line(pen.painter, room, sign.text, pen.font, ink)
    return width


def _paint_source(pen: _Pen, x: int, room: int, sign: Sign) -> int:
    """Shape and words; returns where the next part begins."""
    _paint_icon(pen, x, sign.shape, theme.TONES[sign.tone])
    text_x = x + pen.icon + pen.pad
    area = QRect(text_x, pen.area.y, x + room - pen.pad - text_x, pen.area.height)
    draw_line(pen.painter, area, sign.text, pen.font, theme.TEXT)
    return x + room


def _figures(pen: _Pen, status: Status) -> list[tuple[str, int]]:
    """Figures and identity with their widths; figures are as wide as their widest, so that nothing moves."""
    widest = (tr("{n} frames/s").format(n="000"), tr("overlay expired"))
    texts = [(text, width_of(text, pen.font)) for text in (*status.figures, *status.identity)]
    for index, words in enumerate(widest[: len(status.figures)]):
        texts[index] = (texts[index][0], max(texts[index][1], width_of(words, pen.font)))
    return texts


def _paint_figures(pen: _Pen, right: int, figures: list[tuple[str, int]]) -> None:
    """Up to the right edge."""
    gap, line_height = 2 * pen.pad, pen.area.height // 2
    x = right - sum(width for _, width in figures) - gap * max(0, len(figures) - 1)
    for text, width in figures:
        top = pen.area.y + (pen.area.height - line_height) // 2
        pen.painter.fillRect(x - gap // 2, top, 1, line_height, theme.LINE)
        draw_line(pen.painter, QRect(x, pen.area.y, width + 1, pen.area.height), text, pen.font, theme.TEXT_SOFT)
        x += width + gap


def _notice_width(pen: _Pen, notice: Notice) -> int:
    if not notice.rest:
        return 3 * pen.pad + pen.icon + width_of(notice.what, pen.strong)
    strong, plain = _notice_fonts(pen)
    return 3 * pen.pad + pen.icon + max(width_of(notice.what, strong), width_of(notice.rest, plain))


def _notice_fonts(pen: _Pen) -> tuple[QFont, QFont]:
    size = scaled(19, pen.unit, 12)
    return theme.font(size, strong=True), theme.font(size)


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
    strong, plain = _notice_fonts(pen)
    height = min(height_of(strong), pen.area.height // 2)
    top = pen.area.y + (pen.area.height - 2 * height) // 2
    draw_line(pen.painter, QRect(text_x, top, room, height), notice.what, strong, theme.TEXT)
    draw_line(pen.painter, QRect(text_x, top + height, room, height), notice.rest, plain, theme.TEXT)


def _paint_icon(pen: _Pen, x: int, shape: Shape, colour: QColor, side: int = 0) -> None:
    side = side or pen.icon
    draw_shape(pen.painter, shape, QRectF(x, pen.area.y + (pen.area.height - side) / 2, side, side), colour)


def _deep(colour: QColor) -> QColor:
    """A dark ground of the same hue."""
    return QColor(colour.red() // 4, colour.green() // 4, colour.blue() // 4)
