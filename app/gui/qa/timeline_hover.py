"""What lies below the mouse on the timeline: its time and a small picture, made beside the window's thread."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtCore import QPoint, QRect, Qt
from PyQt6.QtGui import QPainter, QPaintEvent
from PyQt6.QtWidgets import QWidget

from app.gui import theme
from app.gui.painting import as_qimage
from app.gui.qa.newest import Newest, Tell
from app.gui.qa.review_canvas_view import Image
from app.gui.qa.timeline_ruler import clock
from app.qa.axis import FrameAxis

WIDTH_PX = 200
_TEXT_PX = 22
_HEIGHT_PX = WIDTH_PX * 9 // 16

Near = Callable[[int, int], Image | None]
"""A picture near a position, about so many pixels wide: (h, w, 3) BGR. May wait for the disk."""


class Hover(QWidget):
    """A card above the timeline.

    Args:
        parent: the page.
        near: gives small pictures; called in a thread of its own.
    """

    def __init__(self, parent: QWidget, near: Near) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.resize(WIDTH_PX + 4, _HEIGHT_PX + _TEXT_PX + 4)
        self._near = near
        self._work = Newest("hover", self)
        self._work.done.connect(self._arrived)
        self._position: int | None = None
        self._words = ""
        self.image: Image | None = None
        self.hide()

    def show_at(self, position: int | None, corner: QPoint, axis: FrameAxis | None) -> None:
        """Show a position's time and picture, centred above a point of the page; None: nothing."""
        if position is None or axis is None or not len(axis):
            self._position = None
            self._work.forget()
            self.hide()
            return
        at = clock(float(axis.times_s[min(position, len(axis) - 1)]), 1)
        self._words = f"{at}   #{position}"
        if position != self._position:
            self._position = position
            near, wanted = self._near, round(WIDTH_PX * self.devicePixelRatioF())
            self._work.ask(lambda tell: _picture(near, position, wanted, tell))
        room = self.parentWidget()
        assert room is not None
        x = min(max(corner.x() - self.width() // 2, 0), max(0, room.width() - self.width()))
        self.move(x, max(0, corner.y() - self.height() - 4))
        self.show()
        self.raise_()
        self.update()

    def use(self, near: Near) -> None:
        """Take small pictures from here from now on."""
        self._near = near

    def close_work(self) -> None:
        """End the thread."""
        self._work.close()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint the picture that has come so far, and the time."""
        painter = QPainter(self)
        try:
            painter.fillRect(self.rect(), theme.LINE)
            painter.fillRect(self.rect().adjusted(1, 1, -1, -1), theme.PANEL)
            if self.image is not None:
                height, width = self.image.shape[:2]
                scale = min(WIDTH_PX / width, _HEIGHT_PX / height)
                size = round(width * scale), round(height * scale)
                place = QRect(2 + (WIDTH_PX - size[0]) // 2, 2 + (_HEIGHT_PX - size[1]) // 2, *size)
                painter.drawImage(place, as_qimage(self.image))
            painter.setFont(theme.font(13))
            painter.setPen(theme.TEXT)
            text = QRect(2, self.height() - _TEXT_PX - 2, self.width() - 4, _TEXT_PX)
            painter.drawText(text, Qt.AlignmentFlag.AlignCenter, self._words)
        finally:
            painter.end()

    def _arrived(self, image: object) -> None:
        self.image = image if image is not None else None  # type: ignore[assignment]
        self.update()


def _picture(near: Near, position: int, width: int, tell: Tell) -> Image | None:
    image = near(position, width)
    tell(None)  # somebody may have moved on
    return image
