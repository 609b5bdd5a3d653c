"""The picture with its boxes, of which one's own are drawn, moved and stretched with mouse and keys.

The canvas shows and asks; it changes nothing by itself. What was drawn or moved goes out as a signal, and stays on the
canvas as a draft until :meth:`ReviewCanvas.settle` is called or other boxes are shown for it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from PyQt6.QtCore import QPointF, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QFocusEvent, QMouseEvent, QWheelEvent
from PyQt6.QtWidgets import QWidget

from app.gui.language import tr
from app.gui.qa.review_canvas_grip import Box, area, drawn, holds, part_at, shifted
from app.gui.qa.review_canvas_layers import CanvasBox, Layer
from app.gui.qa.review_canvas_picture import PictureCanvas
from app.gui.setup_area import Part
from detector.geometry import Size

_REACH_PX = 9.0  # from a handle's centre, in logical pixels
_MEANT_PX = 4.0  # a drag shorter than this is a click
_NUDGED_MS = 500  # a row of key presses is one edit
_CURSORS = {
    Part.LEFT | Part.TOP: Qt.CursorShape.SizeFDiagCursor,
    Part.RIGHT | Part.BOTTOM: Qt.CursorShape.SizeFDiagCursor,
    Part.RIGHT | Part.TOP: Qt.CursorShape.SizeBDiagCursor,
    Part.LEFT | Part.BOTTOM: Qt.CursorShape.SizeBDiagCursor,
    Part.LEFT: Qt.CursorShape.SizeHorCursor,
    Part.RIGHT: Qt.CursorShape.SizeHorCursor,
    Part.TOP: Qt.CursorShape.SizeVerCursor,
    Part.BOTTOM: Qt.CursorShape.SizeVerCursor,
    Part.WHOLE: Qt.CursorShape.SizeAllCursor,
}


@dataclass(frozen=True, slots=True)
class _Held:
    """What the mouse holds.

    Attributes:
        what: the picture, an own box, or a box that is being drawn.
        at: where the drag began, in logical pixels of the widget.
        lesion: whose box it is.
        part: which edges of it move.
        box: as it was then, in pixels of the picture; of a new box its first corner twice.
    """

    what: Literal["picture", "box", "new"]
    at: QPointF
    lesion: int | None
    part: Part
    box: Box


class ReviewCanvas(PictureCanvas):
    """See the module.

    Attributes:
        drawn: a new box was drawn: ``x1, y1, x2, y2`` in pixels of the picture.
        reshaped: lesion, and the new box of it.
        chosen_changed: lesion whose box was chosen with the mouse; None: none.
        refused: somebody tried to edit where nothing may be edited.
        taken: the mouse takes hold of a box, or begins one: what plays had better stand still.
        editable: boxes can be drawn and changed.
        chosen: lesion whose box has handles and follows the arrow keys; None: none.
    """

    drawn = pyqtSignal(tuple)
    reshaped = pyqtSignal(int, tuple)
    chosen_changed = pyqtSignal(object)
    refused = pyqtSignal()
    taken = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self._draft: tuple[int | None, Box] | None = None  # of which lesion; None: of a box that is being drawn
        self._held: _Held | None = None
        self._nudged = QTimer(self)
        self._nudged.setSingleShot(True)
        self._nudged.setInterval(_NUDGED_MS)
        self._nudged.timeout.connect(self.finish_nudge)

    @property
    def boxes(self) -> tuple[CanvasBox, ...]:
        """What is shown, a draft included."""
        if self._draft is None:
            return self._boxes
        lesion, box = self._draft
        if lesion is None:
            return (*self._boxes, CanvasBox(Layer.OWN, box, tr("new"), key=True))
        return tuple(
            replace(each, box=box, key=True) if each.layer is Layer.OWN and each.lesion == lesion else each
            for each in self._boxes
        )

    # -- editing --------------------------------------------------------------------------------------------------

    def choose(self, lesion: int | None) -> None:
        """Give a lesion's box the handles; says nothing to listeners."""
        if lesion != self.chosen:
            self.finish_nudge()
            self.chosen = lesion
            self.update()

    def chosen_box(self) -> Box | None:
        """The chosen lesion's box in this picture; None if it has none here."""
        if self.chosen is None:
            return None
        return next((b.box for b in self.boxes if b.layer is Layer.OWN and b.lesion == self.chosen), None)

    def nudge(self, part: Part, dx: float, dy: float) -> bool:
        """Move a part of the chosen box by pixels of the picture; a row of nudges goes out as one edit.

        Returns:
            Whether there is a box to move.
        """
        box, size = self.chosen_box(), self.picture_size
        if box is None or size is None or self.chosen is None:
            return False
        if not self.editable:
            self.refused.emit()
            return True
        self._draft = self.chosen, shifted(box, part, dx, dy, size)
        self._nudged.start()
        self.update()
        return True

    def finish_nudge(self) -> None:
        """Send out what the keys have moved so far; before another picture is shown, above all."""
        if self._nudged.isActive():
            self._nudged.stop()
            self._send()

    def settle(self) -> None:
        """What was sent out stands in the boxes that are shown, or was refused: the draft goes."""
        if self._draft is not None and self._held is None and not self._nudged.isActive():
            self._draft = None
            self.update()

    @property
    def busy(self) -> bool:
        """Whether a box is being drawn or moved: another picture below it would make it wrong."""
        return self._nudged.isActive() or (self._held is not None and self._held.what != "picture")

    def _send(self) -> None:
        if self._draft is None:
            return
        lesion, box = self._draft
        if lesion is None:
            self.drawn.emit(box)
        else:
            self.reshaped.emit(lesion, box)

    # -- mouse ----------------------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Take hold of a box or handle, begin a box, or take hold of the picture."""
        if event is None or self._image is None:
            return
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        self.finish_nudge()
        at = event.position()
        if event.button() in (Qt.MouseButton.MiddleButton, Qt.MouseButton.RightButton):
            self._held = _Held("picture", at, None, Part.WHOLE, (0, 0, 0, 0))
        elif event.button() is Qt.MouseButton.LeftButton:
            self._held = self._grabbed(at)
            self.taken.emit()

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """Drag what is held; else show what could be."""
        if event is None or self._image is None:
            return
        at, held = event.position(), self._held
        if held is None:
            self.setCursor(self._cursor_at(at))
        elif held.what == "picture":
            size, ratio, by = Size.of(self._image), self.devicePixelRatioF(), at - held.at
            self._look(self.viewport.moved(by.x() * ratio, by.y() * ratio, size, self.device_size()))
            self._held = replace(held, at=at)
        else:
            self._drag(held, at)

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        """Let go; what was drawn or moved goes out."""
        held, self._held = self._held, None
        if event is None or held is None or held.what == "picture":
            return
        if self._far(held, event.position()) and self._draft is not None:
            self._send()
            return
        self._draft = None
        if held.what == "new":
            self._choose(None)
        self.update()

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        """Zoom around the cursor."""
        if event is not None:
            self.zoom(event.angleDelta().y() / 120, event.position())
            event.accept()

    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:
        """The whole picture again, where no box is meant."""
        if event is not None and self._lesion_at(self._point(event.position())) is None:
            self.fit()

    def focusInEvent(self, event: QFocusEvent | None) -> None:
        """Show where the keys go."""
        self.update()

    def focusOutEvent(self, event: QFocusEvent | None) -> None:
        """Show where the keys go; what they moved is an edit now."""
        self.finish_nudge()
        self.update()

    def _grabbed(self, at: QPointF) -> _Held | None:
        point, box = self._point(at), self.chosen_box()
        part = part_at(point, box, self._reach()) if box is not None else None
        lesion = self.chosen if part is not None else self._lesion_at(point)
        if lesion is not None:
            self._choose(lesion)
            box = self.chosen_box()
            assert box is not None
            return _Held("box", at, lesion, part or Part.WHOLE, box)
        size = self.picture_size
        inside = size is not None and holds((0, 0, *size), point)
        return _Held("new", at, None, Part.WHOLE, (*point, *point)) if inside else None

    def _drag(self, held: _Held, at: QPointF) -> None:
        size = self.picture_size
        if size is None or not self._far(held, at):
            return
        if not self.editable:
            self._held = None
            self.refused.emit()
            return
        here = self._point(at)
        if held.what == "new":
            box = drawn((held.box[0], held.box[1]), here, size)
            self._draft = (None, box) if box is not None else None
        else:
            begin = self._point(held.at)
            self._draft = held.lesion, shifted(held.box, held.part, here[0] - begin[0], here[1] - begin[1], size)
        self.update()

    def _choose(self, lesion: int | None) -> None:
        if lesion != self.chosen:
            self.choose(lesion)
            self.chosen_changed.emit(lesion)

    def _far(self, held: _Held, at: QPointF) -> bool:
        by = at - held.at
        return max(abs(by.x()), abs(by.y())) >= _MEANT_PX or (self._draft is not None and held.what == "box")

    def _lesion_at(self, point: tuple[float, float]) -> int | None:
        """The smallest own box there: what lies in a larger one can still be chosen."""
        there = [b for b in self.boxes if b.layer is Layer.OWN and b.lesion is not None and holds(b.box, point)]
        return min(there, key=lambda b: area(b.box)).lesion if there else None

    def _point(self, at: QPointF) -> tuple[float, float]:
        transform, ratio = self.transform(), self.devicePixelRatioF()
        assert transform is not None
        return transform.to_source(at.x() * ratio, at.y() * ratio)

    def _reach(self) -> tuple[float, float]:
        """How far from a handle it is still meant, in pixels of the picture."""
        transform, ratio = self.transform(), self.devicePixelRatioF()
        assert transform is not None
        sx, sy = transform.scale
        return _REACH_PX * ratio / sx, _REACH_PX * ratio / sy

    def _cursor_at(self, at: QPointF) -> Qt.CursorShape:
        point, box = self._point(at), self.chosen_box()
        if not self.editable:
            return Qt.CursorShape.ArrowCursor
        if box is not None and (part := part_at(point, box, self._reach())) is not None:
            return _CURSORS[part]
        return Qt.CursorShape.PointingHandCursor if self._lesion_at(point) is not None else Qt.CursorShape.CrossCursor
