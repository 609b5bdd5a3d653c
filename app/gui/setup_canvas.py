"""The picture of a source that is being set up, and the rectangle of the picture area on it."""

from __future__ import annotations

from fractions import Fraction

from PyQt6.QtCore import QPointF, QRect, QRectF, Qt, pyqtSignal
from PyQt6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PyQt6.QtWidgets import QSizePolicy, QWidget

from app.gui import theme
from app.gui.language import tr
from app.gui.layout import PictureTransform, scaled, unit_of
from app.gui.painting import as_qimage
from app.gui.scaler import Scaler
from app.gui.setup_area import HANDLES, Part, moved, whole
from app.gui.setup_preview import PreviewState
from app.gui.signs import Tone
from app.picture.settings import square_pixels
from detector.geometry import Size
from detector.picture.area import Area

REACH_PX = 28  # from a handle's centre: a touch target of 56
_BORDER = 30  # so that handles at the picture's edge can be touched whole
_WRAPPED = int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap)
_STEPS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}
_FINE_PX, _COARSE_PX = 2, 20


class PreviewCanvas(QWidget):
    """Shows the newest picture in the aspect that was chosen; in its place, why there is none."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMinimumSize(240, 160)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.state = PreviewState()
        self._aspect: Fraction | None = None
        self._scaler = Scaler()

    def show_state(self, state: PreviewState, aspect: Fraction | None) -> None:
        """Take what is known of the source, and how wide its picture is meant to be."""
        if state != self.state or aspect != self._aspect:
            self.state, self._aspect = state, aspect
            self.update()

    @property
    def full(self) -> Size | None:
        """Size of the picture as it arrives; None while there is none."""
        return self.state.frame.size if self.state.frame is not None else None

    def transform(self) -> PictureTransform | None:
        """Between pixels of the picture as it arrives and logical pixels of this widget."""
        full = self.full
        if full is None:
            return None
        shown = PictureTransform.fit(
            square_pixels(full, full, self._aspect), Size(max(1, self.width()), max(1, self.height())), _BORDER
        )
        return PictureTransform(full, shown.target)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint picture or words."""
        painter = QPainter(self)
        try:
            painter.fillRect(self.rect(), theme.BLACK)
            transform = self.transform()
            if transform is None:
                self._paint_words(painter)
            else:
                self._paint_picture(painter, transform)
                self.paint_over(painter, transform)
        finally:
            painter.end()

    def paint_over(self, painter: QPainter, transform: PictureTransform) -> None:
        """What lies over the picture: nothing here."""

    def _paint_picture(self, painter: QPainter, transform: PictureTransform) -> None:
        assert self.state.frame is not None
        ratio = self.devicePixelRatioF()
        target = transform.target
        size = Size(max(1, round(target.width * ratio)), max(1, round(target.height * ratio)))
        image = as_qimage(self._scaler.scale(self.state.frame, size))
        painter.drawImage(QRectF(*target), image)

    def _paint_words(self, painter: QPainter) -> None:
        unit = unit_of(self.height())
        text = self.state.trouble or tr("Waiting for the first picture ...")
        painter.setPen(theme.TONES[Tone.CAUTION] if self.state.trouble else theme.TEXT)
        painter.setFont(theme.font(scaled(30, unit, 18), strong=True))
        room = self.rect().adjusted(24, 24, -24, -24)
        painter.drawText(room, _WRAPPED, "\n".join(part for part in (text, self.state.todo) if part))


class AreaCanvas(PreviewCanvas):
    """The picture with its area: drag a handle or the middle, or choose a part and use the arrow keys."""

    edited = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(tr("Picture area"))
        self.area: Area | None = None
        self.part = Part.WHOLE
        self._held: tuple[Part, QPointF, Area] | None = None

    def set_area(self, area: Area | None) -> None:
        """Show this area; None shows the whole picture without a rectangle."""
        self.area = area
        self.update()

    def nudge(self, dx: int, dy: int, part: Part | None = None) -> None:
        """Move a part by pixels of the picture."""
        full = self.full
        if full is not None:
            self._become(moved(self.area or whole(full), part or self.part, dx, dy, full))

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Arrow keys move the chosen part by 2 pixels, with Shift by 20."""
        if event is None:
            return
        step = _STEPS.get(Qt.Key(event.key()))
        if step is None:
            super().keyPressEvent(event)
            return
        by = _COARSE_PX if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else _FINE_PX
        self.nudge(step[0] * by, step[1] * by)

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Take hold of the nearest handle, or of the whole area."""
        full, at = self.full, event.position() if event is not None else None
        if full is None or at is None:
            return
        area = self.area or whole(full)
        part = self._part_at(at, area)
        self._held = (part, at, area) if part is not None else None
        self.setFocus(Qt.FocusReason.MouseFocusReason)

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """Drag what is held."""
        transform, full = self.transform(), self.full
        if event is None or self._held is None or transform is None or full is None:
            return
        part, begin, area = self._held
        sx, sy = transform.scale
        by = event.position() - begin
        self._become(moved(area, part, by.x() / sx, by.y() / sy, full))

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        """Let go."""
        self._held = None

    def focusInEvent(self, event: QFocusEvent | None) -> None:
        """Show where the keys go."""
        self.update()

    def focusOutEvent(self, event: QFocusEvent | None) -> None:
        """Show where the keys go."""
        self.update()

    def handle_at(self, part: Part) -> QPointF:
        """Where a handle lies, in logical pixels of this widget."""
        transform, full = self.transform(), self.full
        assert transform is not None
        assert full is not None
        return self._handle(transform, self.area or whole(full), part)

    def paint_over(self, painter: QPainter, transform: PictureTransform) -> None:
        """Darken what is cut off; draw the rectangle and its handles."""
        if self.area is None:
            return
        picture, inside = QRect(*transform.target), self._rect(transform, self.area)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        _darken_around(painter, QRectF(picture), inside)
        for pen in (QPen(theme.KEYLINE, 7), QPen(theme.MARKER, 3)):
            painter.setPen(pen)
            painter.drawRect(inside)
        for part in HANDLES:
            moves = self.hasFocus() and part in self.part
            painter.setPen(QPen(theme.KEYLINE, 3))
            painter.setBrush(theme.TEXT if moves else theme.MARKER)
            painter.drawEllipse(self._handle(transform, self.area, part), 13, 13)
        painter.restore()
        if self.hasFocus():
            painter.setPen(QPen(theme.MARKER, 4))
            painter.drawRect(self.rect().adjusted(2, 2, -3, -3))

    def _become(self, area: Area) -> None:
        if area != self.area:
            self.set_area(area)
            self.edited.emit()

    def _part_at(self, at: QPointF, area: Area) -> Part | None:
        transform = self.transform()
        assert transform is not None
        near = {part: _distance(at, self._handle(transform, area, part)) for part in HANDLES}
        nearest = min(near, key=lambda part: near[part])
        if near[nearest] <= REACH_PX:
            return nearest
        return Part.WHOLE if self._rect(transform, area).contains(at) else None

    def _handle(self, transform: PictureTransform, area: Area, part: Part) -> QPointF:
        inside, (x, y) = self._rect(transform, area), HANDLES[part]
        return QPointF(inside.x() + x * inside.width(), inside.y() + y * inside.height())

    def _rect(self, transform: PictureTransform, area: Area) -> QRectF:
        x1, y1, x2, y2 = transform.box_to_canvas((area.x, area.y, area.x + area.width, area.y + area.height))
        return QRectF(x1, y1, x2 - x1, y2 - y1)


def _darken_around(painter: QPainter, picture: QRectF, inside: QRectF) -> None:
    top, bottom = QRectF(picture), QRectF(picture)
    top.setBottom(inside.top())
    bottom.setTop(inside.bottom())
    for area in (
        top,
        bottom,
        QRectF(picture.left(), inside.top(), inside.left() - picture.left(), inside.height()),
        QRectF(inside.right(), inside.top(), picture.right() - inside.right(), inside.height()),
    ):
        painter.fillRect(area, theme.DIMMED)


def _distance(one: QPointF, other: QPointF) -> float:
    by = one - other
    return max(abs(by.x()), abs(by.y()))
