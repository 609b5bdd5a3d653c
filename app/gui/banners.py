"""What is painted over the picture: banners that last as long as their cause, and the research-use line."""

from __future__ import annotations

from PyQt6.QtCore import QRect, QRectF, Qt
from PyQt6.QtGui import QColor, QFont, QFontMetrics, QPainter

from app.gui import theme
from app.gui.icons import draw_shape
from app.gui.language import mark, tr
from app.gui.layout import Area, scaled
from app.gui.sign_kinds import Banner
from app.gui.text import draw_line, height_of, width_of

GROUND = QColor(13, 18, 22, 246)
STRIP = QColor(0, 0, 0, 150)
_WRAPPED = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap)
_CARD_WIDTH = 1040
RESEARCH_WORDS = mark("Research use only, not a medical device")
"""The same as ``app.RESEARCH_USE``, where translators find it."""


def paint_research_line(painter: QPainter, picture: Area, unit: float) -> None:
    """'Research use only' in the lower left corner, on a strip of its own so that it reads on every picture."""
    font = theme.font(scaled(15, unit, 11), strong=True)
    pad = scaled(8, unit)
    height = height_of(font) + pad // 2
    words = tr(RESEARCH_WORDS)
    width = min(width_of(words, font) + 2 * pad, picture.width)
    area = QRect(picture.x, picture.bottom - height, width, height)
    painter.fillRect(area, STRIP)
    draw_line(painter, area.adjusted(pad, 0, 0, 0), words, font, theme.TEXT)


def paint_ai_banner(painter: QPainter, picture: Area, banner: Banner, unit: float) -> None:
    """Along the upper edge of the picture; its centre stays free."""
    colour = theme.TONES[banner.sign.tone]
    strong, plain = theme.font(scaled(24, unit, 14), strong=True), theme.font(scaled(20, unit, 12))
    pad, icon, edge = scaled(16, unit, 8), scaled(36, unit, 22), scaled(3, unit, 2)
    height = height_of(strong) + height_of(plain) + pad
    painter.fillRect(picture.x, picture.y, picture.width, height, GROUND)
    painter.fillRect(picture.x, picture.y + height, picture.width, edge, colour)
    draw_shape(painter, banner.sign.shape, QRectF(picture.x + pad, picture.y + (height - icon) / 2, icon, icon), colour)
    x, y = picture.x + 2 * pad + icon, picture.y + pad // 2
    room = picture.right - pad - x
    title = f"{banner.title}: {banner.detail}" if banner.detail else banner.title
    draw_line(painter, QRect(x, y, room, height_of(strong)), title, strong, theme.TEXT)
    rest = f"{banner.works} {banner.todo}".strip()
    draw_line(painter, QRect(x, y + height_of(strong), room, height_of(plain)), rest, plain, theme.TEXT)


def paint_source_banner(painter: QPainter, picture: Area, banner: Banner, unit: float) -> None:
    """A card in the middle of a picture that is not the present one."""
    colour = theme.TONES[banner.sign.tone]
    pad, icon = scaled(40, unit, 18), scaled(76, unit, 40)
    lines = _card_lines(banner, unit)
    width = min(scaled(_CARD_WIDTH, unit), picture.width - pad)
    room = max(1, width - 3 * pad - icon)
    gap = scaled(12, unit, 6)
    heights = [_wrapped_height(text, font, room) for text, font, _ in lines]
    height = sum(heights) + gap * (len(lines) - 1) + 2 * pad
    left = picture.x + (picture.width - width) // 2
    top = picture.y + max(0, (picture.height - height) // 2)
    painter.fillRect(left, top, width, height, GROUND)
    painter.fillRect(left, top, scaled(8, unit, 4), height, colour)
    draw_shape(painter, banner.sign.shape, QRectF(left + pad, top + pad, icon, icon), colour)
    y = top + pad
    for (text, font, ink), line_height in zip(lines, heights, strict=True):
        painter.setFont(font)
        painter.setPen(ink)
        painter.drawText(QRect(left + 2 * pad + icon, y, room, line_height), _WRAPPED, text)
        y += line_height + gap


def _card_lines(banner: Banner, unit: float) -> list[tuple[str, QFont, QColor]]:
    plain = theme.font(scaled(26, unit, 14))
    lines = [(banner.title, theme.font(scaled(44, unit, 22), strong=True), theme.TEXT)]
    if banner.detail:
        lines.append((banner.detail, theme.font(scaled(22, unit, 13)), theme.TEXT_SOFT))
    lines.extend((text, plain, theme.TEXT) for text in (banner.works, banner.todo) if text)
    return lines


def _wrapped_height(text: str, font: QFont, width: int) -> int:
    return QFontMetrics(font).boundingRect(QRect(0, 0, width, 10_000), _WRAPPED, text).height()
