"""The pedal replay: one key plays the last alert's eight seconds in a corner while the live picture runs on.

Played in real time, twice, then it closes by itself. A bright frame and how long ago it was keep it from passing for
the live picture, and it makes way for a marker of it. Cost in the window's thread, while it is open: at most
15 times a second a small JPEG is decoded and scaled, some 3 ms each.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import cv2
import numpy as np
from PyQt6 import sip
from PyQt6.QtCore import QRect, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QMouseEvent, QPainter, QPaintEvent
from PyQt6.QtWidgets import QWidget

from app.gui import theme
from app.gui.buttons import ButtonState
from app.gui.features import Feature, Page
from app.gui.keys import Action
from app.gui.language import tr
from app.gui.layout import Area, MarkerPen, PictureTransform, arrange, scaled, unit_of
from app.gui.marks import corner_marks
from app.gui.notices import Notice
from app.gui.painting import as_qimage
from app.gui.scaler import Image
from app.gui.signs import Shape, Sign, Tone, shown_markers
from app.gui.text import draw_line, width_of
from app.replay_buffer import Replay, ReplayBuffer, SmallPicture
from app.snapshot import LiveSnapshot
from detector.geometry import Size

_S = 1_000_000_000
_TICK_MS = 33
_PASSES = 2
_SHARE = 3  # the inset is as wide as the picture divided by this
_LEAST_WIDTH = 220
_SLIM = 4  # what is no higher than the room divided by this is a strip
_LEAST_S = 1.0
# A colonoscopy's next alert may be far, and so may the last one: what is older may be of another patient.
_REMEMBERED_NS = 600 * _S
_DEFAULT_SIZE = Size(16, 9)


def replay_inset(page: Page, patient: Callable[[], object] = lambda: None) -> Feature:
    """The feature with a buffer of its own.

    Args:
        page: where it is shown.
        patient: names the examination; what was before another one began is not played in it. Must be quick.
    """
    return ReplayInset(page, ReplayBuffer(page.session), patient=patient)


class ReplayInset:
    """The feature. See the module.

    Args:
        page: where it lies.
        buffer: what it plays; closed with it.
        clock_ns: as ``perf_counter_ns``; replaced in tests.
        patient: names the examination; None while there is none.
    """

    def __init__(
        self,
        page: Page,
        buffer: ReplayBuffer,
        clock_ns: Callable[[], int] = time.perf_counter_ns,
        patient: Callable[[], object] = lambda: None,
    ) -> None:
        self._page = page
        self._patient = patient
        self._of: object = None
        self._buffer = buffer
        self._clock_ns = clock_ns
        self._replay: Replay | None = None
        self._began_ns = 0
        self._left = False
        self._room = QRect()
        self._page_height = 1
        self._source = _DEFAULT_SIZE
        self.inset = Inset(page.widget)
        self.inset.pressed.connect(self._close_inset)
        self._timer = QTimer()
        self._timer.setInterval(_TICK_MS)
        self._timer.timeout.connect(self.tick)

    # -- what the page asks (``features.Feature``) ----------------------------------------------------------------

    @property
    def actions(self) -> Mapping[Action, Callable[[], None]]:
        """Play, or end."""
        return {Action.REPLAY: self._toggle}

    def refresh(self, snapshot: LiveSnapshot) -> None:
        """Make way for markers of the live picture; forget what was before an examination that has begun."""
        if (patient := self._patient()) != self._of:
            self._of = patient
            self._buffer.forget()
        if self._replay is None or snapshot.frame is None:
            return
        self._source = snapshot.frame.size
        if self.inset.geometry() != self._corner(self._left):
            self._arrange()
        marks = [QRect(*area) for area in self._marks(snapshot)]
        if not any(self.inset.geometry().intersects(mark) for mark in marks):
            return
        other = self._corner(left=not self._left)
        if any(other.intersects(mark) for mark in marks):
            self._close_inset()
            self._page.post(Notice(tr("The replay makes way: there is a mark below it.")))
        else:
            self._left = not self._left
            self.inset.setGeometry(other)

    def flags(self) -> tuple[Sign, ...]:
        """A replay that keeps nothing is said."""
        return (Sign(tr("REPLAY FAULT"), Shape.CROSS, Tone.CAUTION),) if self._buffer.fault else ()

    def button_states(self) -> Mapping[Action, ButtonState]:
        """Play or end."""
        playing = self._replay is not None
        return {Action.REPLAY: ButtonState(tr("End replay") if playing else tr("Replay"), playing)}

    def place(self, picture: QRect, page_height: int) -> None:
        """Lie in a lower corner of this room."""
        self._room, self._page_height = picture, page_height
        self._arrange()

    def below(self, page_height: int) -> int:
        """Nothing."""
        return 0

    def leave(self) -> bool:
        """End the replay."""
        playing = self._replay is not None
        self._close_inset()
        return playing

    def close(self) -> None:
        """End for good."""
        self._close_inset()
        self._buffer.close()

    # -- playing --------------------------------------------------------------------------------------------------

    def _toggle(self) -> None:
        if self._replay is not None:
            self._close_inset()
            return
        replay, now_ns = self._buffer.last_alert(), self._clock_ns()
        if replay is None or replay.alert_ns is None or now_ns - replay.alert_ns > _REMEMBERED_NS:
            replay = self._buffer.last_seconds()
            self._page.post(
                Notice(tr("No alert yet: the last seconds are played.") if replay else tr("Nothing to replay yet."))
            )
        if replay is None:
            return
        self._replay, self._began_ns, self._left = replay, now_ns, False
        last = self._page.last
        self._source = last.frame.size if last is not None and last.frame is not None else _DEFAULT_SIZE
        self._arrange()
        self.tick()
        self.inset.show()
        self.inset.raise_()
        self._timer.start()
        if last is not None:
            self.refresh(last)

    def tick(self) -> None:
        """Show what was there at this point of the replay; thirty times a second while it plays."""
        replay = self._replay
        if replay is None:
            return
        now_ns, length_s = self._clock_ns(), max(_LEAST_S, replay.seconds)
        elapsed_s = (now_ns - self._began_ns) / _S
        if elapsed_s >= _PASSES * length_s:
            self._close_inset()
            self._page.wake()
            return
        at_s = elapsed_s % length_s
        picture = replay.at(at_s)
        at_ns = replay.start_ns + round(at_s * _S)
        if picture is not None and at_ns - picture.captured_ns > _S:
            at_ns = picture.captured_ns  # a gap: what is seen is older than where the replay is
        self.inset.show_picture(picture, ago_in_words((now_ns - at_ns) / _S), alert=replay.alert_ns is not None)

    def _close_inset(self) -> None:
        self._timer.stop()
        self._replay = None
        if not sip.isdeleted(self.inset):
            self.inset.hide()
            self.inset.show_picture(None, "", alert=False)

    # -- where it lies --------------------------------------------------------------------------------------------

    def _arrange(self) -> None:
        self.inset.unit = unit_of(self._page_height)
        self.inset.setGeometry(self._corner(self._left))

    def _corner(self, left: bool) -> QRect:
        """The lower right corner, on the black beside a narrow picture; or the left one, above the line in it."""
        unit, room = self.inset.unit, self._room
        margin, line = scaled(12, unit, 6), scaled(40, unit, 28)
        width = max(_LEAST_WIDTH, round(self._transform().target.width / _SHARE))
        height = self.inset.height_for(width, self._source)
        x = room.x() + margin if left else room.x() + room.width() - margin - width
        below = max(line if left else 0, self._taken_below(x, width))
        return QRect(x, room.y() + max(0, room.height() - height - margin - below), width, height)

    def _taken_below(self, x: int, width: int) -> int:
        """How high what other parts of the page have along the lower edge of the room is."""
        room, taken = self._room, 0
        column = QRect(x, room.y(), width, room.height())
        for part in self._page.widget.findChildren(QWidget, options=Qt.FindChildOption.FindDirectChildrenOnly):
            at = part.geometry() & room
            slim = part is not self.inset and part.isVisible() and at.height() <= room.height() // _SLIM
            if slim and at.intersects(column) and room.bottom() - at.bottom() <= at.height():
                taken = max(taken, room.bottom() + 1 - at.top())
        return taken

    def _transform(self) -> PictureTransform:
        """From pixels of the frame to those of the page."""
        page = self._page.widget
        canvas = arrange(Size(max(1, page.width()), max(1, page.height())), self._source, with_bar=True).canvas
        size = Size(canvas.width, canvas.height)
        fitted = PictureTransform.fit(self._source, size, MarkerPen.for_canvas(size).reach)
        at = fitted.target
        return PictureTransform(fitted.source, at._replace(x=at.x + canvas.x, y=at.y + canvas.y))

    def _marks(self, snapshot: LiveSnapshot) -> list[Area]:
        transform, pen = self._transform(), MarkerPen.for_canvas(Size(self._room.width(), self._room.height()))
        shown = shown_markers(snapshot, self._page.view)
        return [corner_marks(transform.box_to_canvas(marker.box), pen, cue=1.0).reach for marker in shown]


class Inset(QWidget):
    """A small picture in a bright frame, with 'REPLAY' and how long ago it was above it. A touch ends it.

    Attributes:
        unit: screen pixels per design pixel.
        picture: what it shows.
        ago: how long ago that was, in words.
    """

    pressed = pyqtSignal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.unit = 1.0
        self.picture: SmallPicture | None = None
        self.ago = ""
        self._alert = True
        self._decoded: tuple[SmallPicture, Image] | None = None
        self.hide()

    @property
    def _frame(self) -> int:
        return scaled(5, self.unit, 3)

    @property
    def _band(self) -> int:
        return scaled(48, self.unit, 32)

    def height_for(self, width: int, source: Size) -> int:
        """How high it is with a picture of this shape."""
        inner = width - 2 * self._frame
        return self._band + max(1, round(inner * source.height / source.width)) + self._frame

    def show_picture(self, picture: SmallPicture | None, ago: str, *, alert: bool) -> None:
        """Take the picture; None shows black."""
        if picture is None:
            self._decoded = None
        if (picture, ago, alert) != (self.picture, self.ago, self._alert):
            self.picture, self.ago, self._alert = picture, ago, alert
            self.update()

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Kept from what lies below."""

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        """A touch ends the replay."""
        self.pressed.emit()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint frame, words, picture and marks, in device pixels where it matters."""
        painter = QPainter(self)
        try:
            painter.fillRect(self.rect(), theme.TONES[Tone.CAUTION])
            self._paint_words(painter)
            ratio = self.devicePixelRatioF()
            painter.scale(1 / ratio, 1 / ratio)
            inner = self.rect().adjusted(self._frame, self._band, -self._frame, -self._frame)
            at = Area(*(round(edge * ratio) for edge in (inner.x(), inner.y(), inner.width(), inner.height())))
            painter.fillRect(*at, theme.BLACK)
            if self.picture is not None:
                self._paint_picture(painter, at, self.picture)
        finally:
            painter.end()

    def _paint_words(self, painter: QPainter) -> None:
        font, small = theme.font(scaled(26, self.unit, 17), strong=True), theme.font(scaled(20, self.unit, 13))
        pad = scaled(12, self.unit, 6)
        band = QRect(pad, 0, self.width() - 2 * pad, self._band)
        words = tr("REPLAY {ago}").format(ago=self.ago)
        draw_line(painter, band, words, font, theme.INK)
        which = tr("last alert") if self._alert else tr("no alert yet")
        if width_of(words, font) + 2 * pad + (width := width_of(which, small)) <= band.width():
            at = QRect(band.right() - width, 0, width + 1, self._band)
            draw_line(painter, at, which, small, theme.INK)

    def _paint_picture(self, painter: QPainter, at: Area, picture: SmallPicture) -> None:
        target = PictureTransform.fit(picture.size, Size(at.width, at.height)).target
        transform = PictureTransform(picture.size, target._replace(x=at.x + target.x, y=at.y + target.y))
        image = self._in_size(picture, Size(target.width, target.height))
        painter.drawImage(transform.target.x, transform.target.y, as_qimage(image))
        pen = MarkerPen.for_canvas(Size(2 * at.width, 2 * at.height))  # thick enough for a small picture
        painter.setClipRect(QRect(*at))
        for marker in picture.markers:
            mark = corner_marks(transform.box_to_canvas(marker.box), pen, cue=0.0)
            for area in mark.keyline:
                painter.fillRect(*area, theme.KEYLINE)
            for area in mark.line:
                painter.fillRect(*area, theme.MARKER)

    def _in_size(self, picture: SmallPicture, size: Size) -> Image:
        """The picture decoded and scaled; once for each."""
        kept = self._decoded
        if kept is None or kept[0] is not picture or Size.of(kept[1]) != size:
            scaled_to = cv2.resize(picture.image(), (size.width, size.height), interpolation=cv2.INTER_LINEAR)
            kept = self._decoded = (picture, np.ascontiguousarray(scaled_to, np.uint8))
        return kept[1]


def ago_in_words(seconds: float) -> str:
    """How long ago, as a minus sign, a number and its unit."""
    if seconds < 99.5:
        return tr("-{n} s").format(n=max(0, round(seconds)))
    return tr("-{n} min").format(n=round(seconds / 60))
