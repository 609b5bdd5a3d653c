"""The widget with the picture. It repaints what changed and nothing else."""

from __future__ import annotations

import sys
import time

from PyQt6.QtCore import QRect, Qt
from PyQt6.QtGui import QPainter, QPaintEvent
from PyQt6.QtWidgets import QWidget

from app.gui import theme
from app.gui.ai_signs import card_of
from app.gui.bridge import PaintHook, PaintStamp
from app.gui.language import mark, tr
from app.gui.layout import Area, scaled, unit_of
from app.gui.marks import Mark
from app.gui.painting import PicturePainter, marks_of, transform_for
from app.gui.signs import View, ai_banner, picture_is_old, result_captured_ns, shown_markers, source_banner
from app.snapshot import LiveSnapshot
from detector.geometry import Size

_BROKEN = mark("The picture cannot be painted.\nLook at the processor's own monitor.")


class Canvas(QWidget):
    """Shows the newest snapshot's picture, markers and banners.

    Attributes:
        painted: called after every paint of a picture, in the window's thread; benchmarks and tests listen here.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMouseTracking(True)
        self.painted: list[PaintHook] = []
        self._painter = PicturePainter()
        self._snapshot: LiveSnapshot | None = None
        self._view = View()
        self._marks: tuple[Mark, ...] = ()
        self._scene: tuple[object, ...] = ()
        self._broken = False

    def show_snapshot(self, snapshot: LiveSnapshot, view: View) -> None:
        """Take the snapshot and repaint what differs from the one before."""
        scene, marks = _scene_of(snapshot, view), self._marks_of(snapshot, view)
        self._snapshot, self._view, self._broken = snapshot, view, False
        if scene != self._scene:
            self.update()
        else:
            # The same picture, only the boxes moved: a new result costs a small repaint.
            for changed in set(marks) ^ set(self._marks):
                for area in changed.touched:
                    self.update(self._logical(area))
        self._scene, self._marks = scene, marks

    def clear(self) -> None:
        """Show nothing until the next snapshot comes."""
        self._snapshot, self._marks, self._scene, self._broken = None, (), (), False
        self.update()

    def show_failure(self) -> None:
        """Say that there is no picture, until the next snapshot comes."""
        if not self._broken:
            self._broken, self._scene = True, ()
            self.update()

    def device_size(self) -> Size:
        """The canvas in device pixels."""
        ratio = self.devicePixelRatioF()
        return Size(max(1, round(self.width() * ratio)), max(1, round(self.height() * ratio)))

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint; a failure is shown in place of the picture, for a frozen picture would look like a calm one."""
        snapshot = self._snapshot
        painter = QPainter(self)
        try:
            if self._broken:
                self._paint_failure(painter)
                return
            if snapshot is None:
                painter.fillRect(self.rect(), theme.BLACK)
                return
            ratio = self.devicePixelRatioF()
            painter.scale(1 / ratio, 1 / ratio)
            self._painter.paint(painter, self.device_size(), snapshot, self._view)
        except Exception:  # the root of a call from C++: whatever it is, it must be seen
            self._paint_failure(painter)
            sys.excepthook(*sys.exc_info())
            return
        finally:
            painter.end()
        self._report(snapshot)

    def _marks_of(self, snapshot: LiveSnapshot, view: View) -> tuple[Mark, ...]:
        canvas = self.device_size()
        transform = transform_for(snapshot, canvas)
        return marks_of(snapshot, view, transform, canvas) if transform else ()

    def _logical(self, area: Area) -> QRect:
        ratio = self.devicePixelRatioF()
        x, y = int(area.x / ratio) - 1, int(area.y / ratio) - 1
        return QRect(x, y, int(area.width / ratio) + 3, int(area.height / ratio) + 3)

    def _report(self, snapshot: LiveSnapshot) -> None:
        if snapshot.frame is None or not self.painted:
            return
        stamp = PaintStamp(
            snapshot.frame.index,
            snapshot.frame.captured_ns,
            time.perf_counter_ns(),
            result_captured_ns(snapshot),
            len(shown_markers(snapshot, self._view)),
        )
        for hook in self.painted:
            hook(stamp)

    def _paint_failure(self, painter: QPainter) -> None:
        painter.resetTransform()
        painter.setClipping(False)
        painter.fillRect(self.rect(), theme.BLACK)
        painter.setFont(theme.font(scaled(44, unit_of(self.height()), 20), strong=True))
        painter.setPen(theme.TEXT)
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, tr(_BROKEN))


def _scene_of(snapshot: LiveSnapshot, view: View) -> tuple[object, ...]:
    """All that the canvas shows but the markers; equal scenes need no full repaint."""
    picture = (snapshot.frame.index, snapshot.frame.captured_ns) if snapshot.frame else None
    return picture, picture_is_old(snapshot), card_of(snapshot, view), ai_banner(snapshot), source_banner(snapshot)
