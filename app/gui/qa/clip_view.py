"""The picture of a clip, as large as it can be, with boxes around what it is about; a drag draws one more.

Boxes lie as corner marks around what they are of: nothing inside of them is covered. Each kind has its colour, its
line and a letter.
"""

from __future__ import annotations

import enum
import sys
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PyQt6.QtCore import QPoint, QPointF, QRect, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen
from PyQt6.QtWidgets import QSizePolicy, QWidget

from app.gui import theme
from app.gui.language import mark, tr
from app.gui.layout import PictureTransform
from app.gui.painting import as_qimage
from app.gui.scaler import Scaler
from app.gui.sign_kinds import Tone
from app.gui.text import draw_line, height_of, width_of
from detector.frame import Frame
from detector.geometry import Size

Box = tuple[float, float, float, float]
LEAST_SIDE_PX = 4.0
"""A drag that is smaller was a click."""


class Whose(enum.Enum):
    """Whose box it is; the value is the letter beside it."""

    ONE = ""
    A = "A"
    B = "B"
    READER = mark("you")


_COLOURS = {
    Whose.ONE: theme.MARKER,
    Whose.A: theme.MARKER,
    Whose.B: theme.TONES[Tone.CAUTION],
    Whose.READER: theme.TONES[Tone.GOOD],
}


@dataclass(frozen=True, slots=True)
class Marked:
    """A box on the picture, in frame pixels.

    Attributes:
        box: ``x1, y1, x2, y2``.
        whose: whose it is.
        words: beside its letter, such as a score.
    """

    box: Box
    whose: Whose
    words: str = ""


class ClipView(QWidget):
    """One picture at a time.

    Attributes:
        held: a drag began: the picture must stand still.
        drawn: a box was drawn, in frame pixels, with the position that the picture has.
        dropped: the drag ended without a box.
    """

    held = pyqtSignal()
    drawn = pyqtSignal(object, int)
    dropped = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(320, 180)
        self.can_draw = True
        self.position: int | None = None
        self.boxes: tuple[Marked, ...] = ()
        self._scaler = Scaler()
        self._frame: Frame | None = None
        self._words = ""
        self._from: QPointF | None = None
        self._to = QPointF()

    def sizeHint(self) -> QSize:
        """As a picture of 720 lines."""
        return QSize(1280, 720)

    def show_picture(self, picture: npt.NDArray[np.uint8], position: int, boxes: tuple[Marked, ...]) -> None:
        """Show this picture; nothing changes while somebody draws."""
        if self._from is not None:
            return
        if self._frame is not None and self._frame.image is picture and boxes == self.boxes and not self._words:
            return
        self._frame = Frame(position, None, 0, picture)
        self.position, self.boxes, self._words = position, boxes, ""
        self.update()

    def say(self, words: str) -> None:
        """No picture, but these words in its place."""
        self._frame, self.position, self.boxes, self._words, self._from = None, None, (), words, None
        self.setAccessibleDescription(words)
        self.update()

    @property
    def words(self) -> str:
        """What stands in place of the picture."""
        return self._words

    @property
    def drawing(self) -> bool:
        """Whether a drag is going on."""
        return self._from is not None

    def transform(self) -> PictureTransform | None:
        """Where the picture lies, in device pixels; None without one."""
        if self._frame is None:
            return None
        ratio = self.devicePixelRatioF()
        return PictureTransform.fit(
            self._frame.size, Size(max(1, round(self.width() * ratio)), max(1, round(self.height() * ratio)))
        )

    # -- the mouse ----------------------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """A drag may begin."""
        if event is None or event.button() != Qt.MouseButton.LeftButton or not self.can_draw or self._frame is None:
            return
        self._from = self._to = event.position()
        self.held.emit()

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """The box follows."""
        if event is not None and self._from is not None:
            self._to = event.position()
            self.update()

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        """The box is drawn."""
        if event is None or self._from is None or event.button() != Qt.MouseButton.LeftButton:
            return
        box, position = self._dragged(), self.position
        self._from = None
        self.update()
        if box is None or position is None:
            self.dropped.emit()
        else:
            self.drawn.emit(box, position)

    def _dragged(self) -> Box | None:
        """The box between press and mouse, in frame pixels and inside of the frame; None if it is a click."""
        transform = self.transform()
        if transform is None or self._from is None:
            return None
        ratio, size = self.devicePixelRatioF(), transform.source
        ends = [transform.to_source(p.x() * ratio, p.y() * ratio) for p in (self._from, self._to)]
        x1, x2 = sorted(min(max(x, 0.0), float(size.width)) for x, _ in ends)
        y1, y2 = sorted(min(max(y, 0.0), float(size.height)) for _, y in ends)
        if x2 - x1 < LEAST_SIDE_PX or y2 - y1 < LEAST_SIDE_PX:
            return None
        return x1, y1, x2, y2

    # -- painting -----------------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint; a failure is said in place of the picture, for a frozen picture would look like a calm one."""
        painter = QPainter(self)
        try:
            painter.fillRect(self.rect(), theme.BLACK)
            transform = self.transform()
            if self._frame is None or transform is None:
                _say(painter, self.rect(), self._words)
                return
            ratio = self.devicePixelRatioF()
            painter.scale(1 / ratio, 1 / ratio)
            target = transform.target
            image = self._scaler.scale(self._frame, Size(target.width, target.height))
            painter.drawImage(target.x, target.y, as_qimage(image))
            for each in self.boxes:
                _mark(painter, QRectF(*_sides(transform.box_to_canvas(each.box))), each, ratio)
            if self._from is not None:
                _rubber(painter, QRectF(self._from * ratio, self._to * ratio).normalized(), ratio)
        except Exception:  # the root of a call from C++: whatever it is, it must be seen
            painter.resetTransform()
            painter.fillRect(self.rect(), theme.BLACK)
            _say(painter, self.rect(), tr("The picture cannot be painted. The log says why."))
            sys.excepthook(*sys.exc_info())
        finally:
            painter.end()


def _sides(box: Box) -> tuple[float, float, float, float]:
    return box[0], box[1], box[2] - box[0], box[3] - box[1]


def _mark(painter: QPainter, area: QRectF, box: Marked, ratio: float) -> None:
    """Corners around the area, with the letter above its left one."""
    reach = 4 * ratio
    around = area.adjusted(-reach, -reach, reach, reach)
    arm = min(22 * ratio, around.width() * 0.3, around.height() * 0.3)
    dashed = Qt.PenStyle.DashLine if box.whose is Whose.B else Qt.PenStyle.SolidLine
    colour = _COLOURS[box.whose]
    for pen in (QPen(theme.KEYLINE, 5 * ratio), QPen(colour, 2.5 * ratio, dashed)):
        painter.setPen(pen)
        for corner, dx, dy in (
            (around.topLeft(), arm, arm),
            (around.topRight(), -arm, arm),
            (around.bottomLeft(), arm, -arm),
            (around.bottomRight(), -arm, -arm),
        ):
            painter.drawLine(corner, corner + QPointF(dx, 0))
            painter.drawLine(corner, corner + QPointF(0, dy))
    words = f"{tr(box.whose.value)} {box.words}".strip()
    if words:
        _tag(painter, around.topLeft(), words, colour, ratio)


def _tag(painter: QPainter, corner: QPointF, words: str, colour: QColor, ratio: float) -> None:
    font = theme.font(round(14 * ratio), strong=True)
    high, wide = height_of(font), width_of(words, font) + round(8 * ratio)
    top = corner.y() - high - 3 * ratio
    place = QRect(QPoint(round(corner.x()), round(max(top, 0.0))), QSize(wide, high))
    painter.fillRect(place, theme.KEYLINE)
    draw_line(painter, place.adjusted(round(4 * ratio), 0, 0, 0), words, font, colour)


def _rubber(painter: QPainter, area: QRectF, ratio: float) -> None:
    for pen in (QPen(theme.KEYLINE, 4 * ratio), QPen(theme.TEXT, 2 * ratio, Qt.PenStyle.DashLine)):
        painter.setPen(pen)
        painter.drawRect(area)


def _say(painter: QPainter, area: QRect, words: str) -> None:
    painter.setFont(theme.font(20))
    painter.setPen(theme.TEXT)
    flags = int(Qt.AlignmentFlag.AlignCenter) | int(Qt.TextFlag.TextWordWrap)
    painter.drawText(area.adjusted(40, 20, -40, -20), flags, words)
