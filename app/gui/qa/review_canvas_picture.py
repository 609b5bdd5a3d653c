"""A picture with boxes over it: zoom, signs and words. What can be done with the boxes is in `review_canvas`."""

from __future__ import annotations

import sys

from PyQt6.QtCore import QPointF, QRect, Qt, pyqtSignal
from PyQt6.QtGui import QFontMetrics, QPainter, QPaintEvent, QPen
from PyQt6.QtWidgets import QSizePolicy, QWidget

from app.gui import theme
from app.gui.language import tr
from app.gui.layout import PictureTransform
from app.gui.painting import as_qimage
from app.gui.qa.review_canvas_layers import CanvasBox, paint_boxes
from app.gui.qa.review_canvas_view import Image, PartScaler, Viewport
from app.gui.sign_kinds import Tone
from detector.geometry import Size

_WORDS_PX = 15
_WRAPPED = int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap)


class PictureCanvas(QWidget):
    """See the module.

    Attributes:
        viewed: zoom or place changed (a `Viewport`); a canvas beside this one follows.
        viewport: what of the picture is looked at.
        editable: the chosen box has handles.
        chosen: lesion whose box is drawn stronger; None: none.
    """

    viewed = pyqtSignal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMinimumSize(240, 135)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(tr("Picture with boxes"))
        self.viewport = Viewport()
        self.editable = False
        self.chosen: int | None = None
        self._image: Image | None = None
        self._boxes: tuple[CanvasBox, ...] = ()
        self._words, self._title, self._sign, self._tone = "", "", "", Tone.CAUTION
        self._scaler = PartScaler()

    # -- what is shown --------------------------------------------------------------------------------------------

    def show_picture(self, image: Image | None, words: str = "") -> None:
        """Show a picture, (H, W, 3) BGR uint8, read-only; without one, these words in its place."""
        if image is not self._image or words != self._words:
            self._image, self._words = image, words
            self.update()

    def show_boxes(self, boxes: tuple[CanvasBox, ...]) -> None:
        """Show these boxes and no others."""
        if boxes != self._boxes:
            self._boxes = boxes
            self.update()

    def show_sign(self, words: str, tone: Tone = Tone.CAUTION) -> None:
        """Say something of the picture in its upper corner, as that it is not yet the one that was asked for."""
        if (words, tone) != (self._sign, self._tone):
            self._sign, self._tone = words, tone
            self.update()

    def show_title(self, words: str) -> None:
        """Whose boxes these are, where two canvases lie side by side; empty: nothing."""
        if words != self._title:
            self._title = words
            self.update()

    def show_viewport(self, viewport: Viewport) -> None:
        """Look at this part of the picture; says nothing to listeners."""
        if viewport != self.viewport:
            self.viewport = viewport
            self.update()

    @property
    def boxes(self) -> tuple[CanvasBox, ...]:
        """What is shown."""
        return self._boxes

    @property
    def picture_size(self) -> Size | None:
        """Of the picture that is shown; None without one."""
        return Size.of(self._image) if self._image is not None else None

    def transform(self) -> PictureTransform | None:
        """Between pixels of the picture and device pixels of this widget; None without a picture."""
        size = self.picture_size
        return self.viewport.transform(size, self.device_size()) if size is not None else None

    def device_size(self) -> Size:
        """The canvas in device pixels."""
        ratio = self.devicePixelRatioF()
        return Size(max(1, round(self.width() * ratio)), max(1, round(self.height() * ratio)))

    def at(self, point: tuple[float, float]) -> QPointF:
        """Where a point of the picture lies, in logical pixels of this widget."""
        transform, ratio = self.transform(), self.devicePixelRatioF()
        assert transform is not None
        x, y = transform.to_canvas(*point)
        return QPointF(x / ratio, y / ratio)

    # -- zoom -----------------------------------------------------------------------------------------------------

    def zoom(self, steps: float, at: QPointF | None = None) -> None:
        """Closer by so many steps, around a point of this widget or its middle."""
        size, ratio = self.picture_size, self.devicePixelRatioF()
        if size is not None:
            point = (at.x() * ratio, at.y() * ratio) if at is not None else None
            self._look(self.viewport.closer(steps, point, size, self.device_size()))

    def fit(self) -> None:
        """The whole picture."""
        self._look(Viewport())

    def _look(self, viewport: Viewport) -> None:
        if viewport != self.viewport:
            self.show_viewport(viewport)
            self.viewed.emit(viewport)

    # -- painting -------------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint; a failure is said in place of the picture, for an old picture would pass for the right one."""
        painter = QPainter(self)
        try:
            self._paint(painter)
        except Exception:  # the root of a call from C++: whatever it is, it must be seen
            painter.resetTransform()
            painter.fillRect(self.rect(), theme.BLACK)
            self._paint_words(painter, tr("The picture cannot be painted."))
            sys.excepthook(*sys.exc_info())
        finally:
            painter.end()

    def _paint(self, painter: QPainter) -> None:
        painter.fillRect(self.rect(), theme.BLACK)
        transform = self.transform()
        if transform is None or self._image is None:
            self._paint_words(painter, self._words)
        else:
            ratio, canvas = self.devicePixelRatioF(), self.device_size()
            painter.scale(1 / ratio, 1 / ratio)
            if (seen := self._scaler.seen(self._image, transform, canvas)) is not None:
                painter.drawImage(seen.x, seen.y, as_qimage(seen.image))
            paint_boxes(painter, self.boxes, transform, canvas, self.chosen, ratio, handles=self.editable)
            painter.resetTransform()
        if self._title:
            self._paint_chip(painter, self._title, Tone.QUIET, at_right=True)
        if self._sign:
            self._paint_chip(painter, self._sign, self._tone, at_right=False)
        if self.hasFocus():
            painter.setPen(QPen(theme.TEXT_SOFT, 1))
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))

    def _paint_words(self, painter: QPainter, words: str) -> None:
        painter.setPen(theme.TEXT)
        painter.setFont(theme.font(20, strong=True))
        painter.drawText(self.rect().adjusted(24, 24, -24, -24), _WRAPPED, words)

    def _paint_chip(self, painter: QPainter, words: str, tone: Tone, *, at_right: bool) -> None:
        font = theme.font(_WORDS_PX, strong=True)
        room = QRect(0, 0, max(40, self.width() - 36), self.height())
        wide = QFontMetrics(font).boundingRect(room, _WRAPPED, words)
        width, height = wide.width() + 20, wide.height() + 8
        place = QRect(self.width() - width - 8 if at_right else 8, 8, width, height)
        painter.fillRect(place, theme.KEYLINE)
        painter.setPen(QPen(theme.TONES[tone], 2))
        painter.drawRect(place)
        painter.setFont(font)
        painter.drawText(place, _WRAPPED, words)
