"""The AI's sign once more, large, in the black beside the picture; a countdown also in a corner of the picture.

It never lies over the middle: in a corner it keeps out of the circle that endoscopes show.
"""

from __future__ import annotations

import math

from PyQt6.QtCore import QRect, QRectF, Qt
from PyQt6.QtGui import QColor, QFont, QFontMetrics, QPainter

from app.gui import theme
from app.gui.icons import draw_shape
from app.gui.layout import Area, scaled
from app.gui.sign_kinds import Card
from app.gui.text import height_of, width_of

_LEAST_BESIDE = 190
_CORNER_WIDTH = 210
_LEAST_TITLE_PX = 15
_TALLEST = 0.5  # of the picture: the strip of the examination stands below it
_WRAPPED = int(Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap)


def card_room(picture: Area, unit: float, corner: bool) -> Area | None:
    """Where a card may lie: its place and its largest size; None where there is no room.

    Args:
        picture: where the picture lies on the canvas.
        unit: screen pixels per design pixel.
        corner: whether a corner of the picture will do.
    """
    pad = scaled(14, unit, 6)
    if picture.x >= scaled(_LEAST_BESIDE, unit, 120):
        return Area(pad, pad, picture.x - 2 * pad, picture.height - 2 * pad)
    if not corner:
        return None
    width = min(scaled(_CORNER_WIDTH, unit, 118), picture.width // 4)
    height = _corner_height(picture, width)
    return Area(picture.right - width, picture.y, width, height) if height > 0 else None


def paint_card(painter: QPainter, picture: Area, card: Card, unit: float) -> None:
    """Paint it where there is room; nowhere else."""
    room = card_room(picture, unit, card.corner)
    if room is None:
        return
    beside = room.right <= picture.x
    lines = _lines(card, room, unit, beside)
    pad = scaled(16 if beside else 8, unit, 5)
    heights = [_height(text, font, room.width - 2 * pad) for text, font, _ in lines]
    icon = scaled(72, unit, 34) if beside else 0
    height = sum(heights) + pad * 2 + (icon + pad if icon else 0)
    if icon and height > picture.height * _TALLEST:
        height, icon = height - icon - pad, 0
    colour = theme.TONES[card.sign.tone]
    painter.fillRect(room.x, room.y, room.width, min(height, room.height), theme.PANEL)
    painter.fillRect(room.x, room.y, room.width, scaled(5, unit, 3), colour)
    y = room.y + pad
    if icon:
        draw_shape(painter, card.sign.shape, QRectF(room.x + (room.width - icon) / 2, y + pad / 2, icon, icon), colour)
        y += icon + pad
    for (text, font, ink), line_height in zip(lines, heights, strict=True):
        painter.setFont(font)
        painter.setPen(ink)
        painter.drawText(QRect(room.x + pad, y, room.width - 2 * pad, line_height), _WRAPPED, text)
        y += line_height


def _corner_height(picture: Area, width: int) -> int:
    """How high a card of this width may be without reaching into the largest circle within the picture."""
    radius = min(picture.width, picture.height) / 2
    across = picture.width / 2 - width
    if across >= radius:
        return picture.height // 3
    return math.floor(picture.height / 2 - math.sqrt(radius * radius - max(0.0, across) ** 2))


def _lines(card: Card, room: Area, unit: float, beside: bool) -> list[tuple[str, QFont, QColor]]:
    title, figure, small = (46, 120, 26) if beside else (23, 62, 17)
    width = room.width - 2 * scaled(16 if beside else 8, unit, 5)
    words = [(card.title, _fitting(card.title, scaled(title, unit, 12), width), theme.TEXT)]
    if card.figure:
        words.append((card.figure, _fitting(card.figure, scaled(figure, unit, 30), width, whole=True), theme.TEXT))
    words.extend((line, _fitting(line, scaled(small, unit, 11), width), theme.TEXT) for line in card.lines)
    return words


def _fitting(text: str, size_px: int, width: int, whole: bool = False) -> QFont:
    """The largest strong type up to this size in which the longest word, or the whole text, is no wider than that."""
    words = [text] if whole else text.split()
    for size in range(size_px, min(size_px, _LEAST_TITLE_PX) - 1, -1):
        font = theme.font(size, strong=True)
        if all(width_of(word, font) <= width for word in words):
            break
    return font


def _height(text: str, font: QFont, width: int) -> int:
    wrapped = QFontMetrics(font).boundingRect(QRect(0, 0, width, 10_000), _WRAPPED, text).height()
    return max(wrapped, height_of(font))
