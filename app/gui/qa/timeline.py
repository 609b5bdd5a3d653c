"""The timeline: what happened when, in rows; zoomed with the wheel, dragged, and clicked to go there.

Rows are painted into a picture that is kept until rows or view change; the playhead moves over it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
from PyQt6.QtCore import QEvent, QRect, QSize, Qt, pyqtSignal
from PyQt6.QtGui import (
    QColor,
    QImage,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPixmap,
    QResizeEvent,
    QWheelEvent,
)
from PyQt6.QtWidgets import QSizePolicy, QWidget

from app.gui import theme
from app.gui.language import tr
from app.gui.qa.timeline_painting import (
    GAP_PX,
    NAMES_PX,
    OVERVIEW_PX,
    RULER_PX,
    Scale,
    paint_labels,
    paint_overview,
    paint_playhead,
    paint_range,
    paint_ruler,
)
from app.gui.qa.timeline_rows import Columns, Range, TimelineRow, paint_row
from app.gui.text import draw_line
from app.qa.axis import FrameAxis

_ROW_PX = 15
_LEAST_SPAN = 24.0  # positions that are seen at closest
_STEP = 1.3
_MEANT_PX = 4.0
_PANEL, _GROUND = theme.PANEL.rgb(), theme.PANEL_RAISED.rgb()


class Timeline(QWidget):
    """See the module.

    Attributes:
        sought: go to this position: a click, or the playhead is dragged.
        range_chosen: a range was dragged: ``(first, last)``; None: it was clicked away.
        hovered: position below the mouse, and where that is in this widget; None: nowhere.
        axis: of the procedure; None before there is one.
    """

    sought = pyqtSignal(int)
    range_chosen = pyqtSignal(object)
    hovered = pyqtSignal(object, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(tr("Timeline"))
        self.axis: FrameAxis | None = None
        self._rows: tuple[TimelineRow, ...] = ()
        self._first, self._span = 0.0, 1.0
        self._position = 0
        self._range: Range | None = None
        self._tracks: QImage | None = None  # the rows as painted; None: to be painted anew
        self._names: QPixmap | None = None
        self._held: tuple[str, float, float] | None = None  # what, where it began, the view's first then

    # -- what is shown --------------------------------------------------------------------------------------------

    def show_axis(self, axis: FrameAxis) -> None:
        """Of this procedure; another length shows all of it."""
        before, self.axis = self.axis, axis
        if before is None or len(before) != len(axis):
            self.fit()
        self._renew()

    def show_rows(self, rows: Sequence[TimelineRow]) -> None:
        """These rows, from above."""
        if len(rows) != len(self._rows):
            self.updateGeometry()
        self._rows, self._names = tuple(rows), None
        self._renew()

    def show_position(self, position: int) -> None:
        """Where the playhead stands; the view follows it."""
        if position == self._position:
            return
        seen_before = self.scale.sees(self._position)
        self._position = position
        if seen_before and not self.scale.sees(position) and self._held is None:
            self._look(position - self._span * 0.1, self._span)
        self.update()

    def show_range(self, chosen: Range | None) -> None:
        """Which range is chosen; says nothing to listeners."""
        if chosen != self._range:
            self._range = chosen
            self.update()

    @property
    def painted(self) -> bool:
        """Whether the rows stand on the screen as they are now."""
        return self._tracks is not None

    @property
    def scale(self) -> Scale:
        """Between positions and pixels of this widget."""
        return Scale(self._first, self._span, self._width(), max(1, self._count()))

    @property
    def visible(self) -> Range:
        """First and last position that are seen."""
        return self.scale.visible

    # -- zoom -----------------------------------------------------------------------------------------------------

    def fit(self, wanted: Range | None = None) -> None:
        """Show this range with some air, or everything."""
        if wanted is None:
            self._look(0.0, float(max(1, self._count())))
            return
        length = wanted[1] - wanted[0] + 1
        self._look(wanted[0] - length * 0.1, length * 1.2)

    def zoom(self, steps: float, at: float | None = None) -> None:
        """Closer by so many steps; the position there (else the playhead's) stays where it is."""
        fixed = at if at is not None else float(self._position)
        share = min(max((fixed - self._first) / self._span, 0.0), 1.0)
        span = self._span / _STEP**steps
        span = min(max(span, min(_LEAST_SPAN, self._count())), float(max(1, self._count())))
        self._look(fixed - share * span, span)

    def pan(self, by: float) -> None:
        """Move the view by so many positions."""
        self._look(self._first + by, self._span)

    def position_at(self, x: float) -> int:
        """The position below a point of this widget, kept inside of the procedure."""
        found = int(self.scale.at(x))
        return min(max(found, 0), max(0, self._count() - 1))

    def x_of(self, position: float) -> float:
        """Where a position begins, in logical pixels of this widget."""
        return self.scale.x_of(position)

    def _look(self, first: float, span: float) -> None:
        count = float(max(1, self._count()))
        span = min(max(span, min(_LEAST_SPAN, count)), count)
        first = min(max(first, 0.0), count - span)
        if (first, span) != (self._first, self._span):
            self._first, self._span = first, span
            self._renew()

    def _renew(self) -> None:
        self._tracks = None
        self.update()

    def _count(self) -> int:
        return len(self.axis) if self.axis is not None else 0

    def _width(self) -> int:
        return max(1, self.width() - NAMES_PX)

    # -- mouse ----------------------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Left: on the ruler or overview take the playhead or the view, on rows begin a range. Others: the view."""
        if event is None or self.axis is None or not len(self.axis):
            return
        at = event.position()
        if at.x() < NAMES_PX:
            return
        if event.button() is not Qt.MouseButton.LeftButton or event.modifiers() & Qt.KeyboardModifier.AltModifier:
            self._held = "view", at.x(), self._first
        elif at.y() < RULER_PX:
            self._held = "playhead", at.x(), self._first
            self.sought.emit(self.position_at(at.x()))
        elif at.y() >= self.height() - OVERVIEW_PX:
            self._held = "overview", at.x(), self._first
            self._drag_overview(at.x())
        else:
            self._held = "press", at.x(), self._first

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """Drag what is held, and say what lies below the mouse."""
        if event is None or self.axis is None or not len(self.axis):
            return
        x = event.position().x()
        self._hover(x)
        if self._held is None:
            return
        what, begin, first = self._held
        if what == "view":
            self._look(first - (x - begin) * self._span / self._width(), self._span)
        elif what == "playhead":
            self.sought.emit(self.position_at(x))
        elif what == "overview":
            self._drag_overview(x)
        elif what == "range" or abs(x - begin) >= _MEANT_PX:
            self._held = "range", begin, first
            ends = sorted((self.position_at(begin), self.position_at(x)))
            self.show_range((ends[0], ends[1]))

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        """A range is chosen, or a click goes there."""
        held, self._held = self._held, None
        if event is None or held is None or self.axis is None:
            return
        if held[0] == "range":
            self.range_chosen.emit(self._range)
        elif held[0] == "press":
            self.sought.emit(self.position_at(event.position().x()))

    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:
        """The chosen range goes."""
        if event is not None and self._range is not None:
            self.show_range(None)
            self.range_chosen.emit(None)

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        """Zoom around the cursor; sideways, or with Shift, move."""
        if event is None:
            return
        by = event.angleDelta()
        shifted = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if by.x() or shifted:
            self.pan(-(by.x() or by.y()) / 120 * self._span * 0.1)
        elif by.y():
            at = self.scale.at(event.position().x())
            self.zoom(by.y() / 120, min(max(at, 0.0), float(self._count())))
        event.accept()

    def leaveEvent(self, event: QEvent | None) -> None:
        """Nothing is below the mouse."""
        self.hovered.emit(None, 0)

    def _hover(self, x: float) -> None:
        inside = x >= NAMES_PX and self._held is None
        self.hovered.emit(self.position_at(x) if inside else None, round(x))

    def _drag_overview(self, x: float) -> None:
        middle = (x - NAMES_PX) / self._width() * self._count()
        self._look(middle - self._span / 2, self._span)

    # -- painting -------------------------------------------------------------------------------------------------

    def sizeHint(self) -> QSize:
        """As high as the rows need."""
        return QSize(640, self._row_tops()[-1] + OVERVIEW_PX + GAP_PX)

    def minimumSizeHint(self) -> QSize:
        """Not lower than the rows need."""
        return QSize(320, self.sizeHint().height())

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Everything is painted anew."""
        self._names = None
        self._renew()

    def changeEvent(self, event: QEvent | None) -> None:
        """Another language or type: the names are painted anew."""
        self._names = None
        super().changeEvent(event)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint names, ruler, rows, range and playhead."""
        painter = QPainter(self)
        try:
            self._paint(painter)
        finally:
            painter.end()

    def _paint(self, painter: QPainter) -> None:
        painter.fillRect(self.rect(), theme.PANEL)
        if self._names is None:
            self._names = self._painted_names()
        painter.drawPixmap(0, 0, self._names)
        if self.axis is None or not len(self.axis):
            return
        if self._tracks is None:
            self._tracks = self._painted_tracks()
        tops, scale = self._row_tops(), self.scale
        painter.drawImage(NAMES_PX, tops[0], self._tracks)
        painter.save()
        painter.setClipRect(QRect(NAMES_PX, 0, self._width(), self.height()))
        paint_labels(painter, scale, self._rows, tops)
        paint_ruler(painter, scale, self.axis)
        paint_overview(painter, scale, self._position, self.height())
        if self._range is not None:
            paint_range(painter, scale, self._range, self.axis, tops[-1])
        paint_playhead(painter, scale, self._position, self.height())
        painter.restore()

    def _row_tops(self) -> list[int]:
        """The top of each row, and the end of the last, in logical pixels."""
        tops = [RULER_PX]
        for row in self._rows:
            tops.append(tops[-1] + round(_ROW_PX * row.share) + GAP_PX)
        return tops

    def _painted_tracks(self) -> QImage:
        tops, ratio = self._row_tops(), self.devicePixelRatioF()
        width = max(1, round(self._width() * ratio))
        columns = Columns.of(self._first, self._span, width, self._count())
        height = max(1, round((tops[-1] - tops[0]) * ratio))
        image = np.full((height, width), _PANEL, np.uint32)
        for row, top, below in zip(self._rows, tops, tops[1:], strict=False):
            y1, y2 = round((top - tops[0]) * ratio), round((below - GAP_PX - tops[0]) * ratio)
            image[y1:y2] = _GROUND
            paint_row(image, row, columns, y1, y2 - y1)
        # The buffer, not the array: QImage keeps a buffer alive. The stubs know bytes.
        made = QImage(cast(bytes, image.data), width, height, image.strides[0], QImage.Format.Format_RGB32)
        made.setDevicePixelRatio(ratio)
        return made

    def _painted_names(self) -> QPixmap:
        ratio, tops = self.devicePixelRatioF(), self._row_tops()
        pixmap = QPixmap(round(NAMES_PX * ratio), max(1, round(self.height() * ratio)))
        pixmap.setDevicePixelRatio(ratio)
        pixmap.fill(theme.PANEL)
        painter = QPainter(pixmap)
        for row, top, below in zip(self._rows, tops, tops[1:], strict=False):
            place = QRect(6, top, NAMES_PX - 10, below - top - GAP_PX)
            draw_line(painter, place, row.name, theme.font(12), QColor.fromRgb(row.colour))
        painter.end()
        return pixmap
