"""How a snapshot looks: the one place that paints it, on the screen, in saved pictures and without a screen alike.

Everything is painted in device pixels. The picture itself is never altered but by the corner marks around a lesion, the
line 'Research use only', the banners that say why there is no present picture or no AI, and the countdown of hidden
boxes in a corner where there is no black beside the picture.
"""

from __future__ import annotations

from typing import cast

import numpy as np
import numpy.typing as npt
from PyQt6.QtCore import QRect, Qt
from PyQt6.QtGui import QImage, QPainter, QPainterPath, QPen

from app.gui import theme
from app.gui.ai_signs import card_of
from app.gui.banners import paint_ai_banner, paint_research_line, paint_source_banner
from app.gui.card import paint_card
from app.gui.layout import Area, MarkerPen, PictureTransform, arrange, status_height_of, unit_of
from app.gui.marks import Mark, Score, corner_marks, cue_of, with_edge, with_score
from app.gui.scaler import Scaler
from app.gui.signs import View, ai_banner, picture_is_old, shown_markers, source_banner, status_of
from app.gui.status_painting import paint_status
from app.snapshot import LiveSnapshot
from detector.geometry import Size


class PicturePainter:
    """Paints the picture, its markers and banners; keeps the scaled picture between paints. For one thread."""

    def __init__(self) -> None:
        self._scaler = Scaler()

    def paint(self, painter: QPainter, canvas: Size, snapshot: LiveSnapshot, view: View) -> None:
        """Paint the whole canvas from 0, 0; the painter's clip decides what of it is really done."""
        unit = unit_of(canvas.height)
        transform = transform_for(snapshot, canvas)
        picture = transform.target if transform else Area(0, 0, *canvas)
        if transform is None:
            painter.fillRect(*picture, theme.BLACK)
        else:
            self._paint_frame(painter, canvas, snapshot, transform)
        paint_research_line(painter, picture, unit)
        if transform is not None:
            for mark in marks_of(snapshot, view, transform, canvas):
                _fill_mark(painter, mark)
        if transform is not None and (card := card_of(snapshot, view)) is not None:
            paint_card(painter, picture, card, unit)
        if (line := ai_banner(snapshot)) is not None:
            paint_ai_banner(painter, picture, line, unit)
        if (banner := source_banner(snapshot)) is not None:
            paint_source_banner(painter, picture, banner, unit)

    def _paint_frame(
        self, painter: QPainter, canvas: Size, snapshot: LiveSnapshot, transform: PictureTransform
    ) -> None:
        assert snapshot.frame is not None
        target = transform.target
        image = self._scaler.scale(snapshot.frame, Size(target.width, target.height))
        for x, y, width, height in _around(target, canvas):
            painter.fillRect(x, y, width, height, theme.BLACK)
        painter.drawImage(target.x, target.y, as_qimage(image))
        if picture_is_old(snapshot):
            painter.fillRect(QRect(*target), theme.DIMMED)


def transform_for(snapshot: LiveSnapshot, canvas: Size) -> PictureTransform | None:
    """Where the picture lies on a canvas, with a border for marks around boxes at its edge; None without a picture."""
    if snapshot.frame is None:
        return None
    return PictureTransform.fit(snapshot.frame.size, canvas, MarkerPen.for_canvas(canvas).reach)


def marks_of(snapshot: LiveSnapshot, view: View, transform: PictureTransform, canvas: Size) -> tuple[Mark, ...]:
    """The corner marks that the canvas shows, with what the user wants beside them."""
    pen = MarkerPen.for_canvas(canvas)
    time = snapshot.frame.time if snapshot.frame else None
    markers = shown_markers(snapshot, view)
    boxes = [transform.box_to_canvas(marker.box) for marker in markers]
    marks = []
    for marker, box in zip(markers, boxes, strict=True):
        cue = cue_of(time.seconds - marker.shown_since_s) if view.cue and time is not None else 0.0
        mark = corner_marks(box, pen, cue)
        if view.edges:
            mark = with_edge(mark, box, transform.target, pen)
        if view.confidence:
            mark = with_score(mark, marker.score, boxes, canvas, pen)
        marks.append(mark)
    return tuple(marks)


def as_qimage(image: npt.NDArray[np.uint8]) -> QImage:
    """A view on a contiguous BGR array, which must outlive it."""
    height, width = image.shape[:2]
    # The buffer, not the array: QImage keeps a buffer alive, into an array it would only point. The stubs know bytes.
    return QImage(cast(bytes, image.data), width, height, image.strides[0], QImage.Format.Format_BGR888)


def as_bgr(image: QImage) -> npt.NDArray[np.uint8]:
    """A copy of the image as a BGR array."""
    plain = image.convertToFormat(QImage.Format.Format_BGR888)
    bits = plain.constBits()
    assert bits is not None
    rows = np.frombuffer(bits.asstring(plain.sizeInBytes()), np.uint8).reshape(plain.height(), plain.bytesPerLine())
    return np.ascontiguousarray(rows[:, : plain.width() * 3]).reshape(plain.height(), plain.width(), 3)


def render_to_image(snapshot: LiveSnapshot, size: Size, view: View | None = None) -> QImage:
    """The live page as an image, painted as on the screen: picture, markers, banners and status line.

    An application object must exist (``offscreen`` will do); any thread may call.
    """
    view = view or View()
    image = QImage(size.width, size.height, QImage.Format.Format_RGB32)
    image.fill(theme.BLACK)
    source = snapshot.frame.size if snapshot.frame else None
    layout = arrange(size, source, with_bar=False)
    painter = QPainter(image)
    try:
        painter.save()
        painter.setClipRect(QRect(*layout.canvas))
        PicturePainter().paint(painter, Size(layout.canvas.width, layout.canvas.height), snapshot, view)
        painter.restore()
        paint_status(painter, layout.status, status_of(snapshot, view), layout.unit)
    finally:
        painter.end()
    return image


def unscaled_size(source: Size) -> Size:
    """The size for :func:`render_to_image` at which the picture keeps its own pixels, one to one."""
    canvas = source
    # The border grows with the canvas that it enlarges: a few rounds settle it.
    for _ in range(8):
        reach = MarkerPen.for_canvas(canvas).reach
        canvas = Size(source.width + 2 * reach, source.height + 2 * reach)
    height = canvas.height
    for _ in range(8):
        height = canvas.height + status_height_of(unit_of(height))
    return Size(canvas.width, height)


def _around(target: Area, canvas: Size) -> tuple[Area, ...]:
    """The canvas without the picture, as four bands."""
    return (
        Area(0, 0, canvas.width, target.y),
        Area(0, target.bottom, canvas.width, canvas.height - target.bottom),
        Area(0, target.y, target.x, target.height),
        Area(target.right, target.y, canvas.width - target.right, target.height),
    )


def _fill_mark(painter: QPainter, mark: Mark) -> None:
    for area in mark.keyline:
        painter.fillRect(*area, theme.KEYLINE)
    for area in mark.line:
        painter.fillRect(*area, theme.MARKER)
    for area, colour in zip(mark.edge, (theme.KEYLINE, theme.MARKER), strict=False):
        painter.fillRect(*area, colour)
    if mark.score is not None:
        _draw_score(painter, mark.score)


def _draw_score(painter: QPainter, score: Score) -> None:
    """The digits in the marker's colour with its keyline, on no ground of their own."""
    area = score.area
    path = QPainterPath()
    path.addText(
        area.x + area.height * 0.1, area.y + area.height * 0.82, theme.font(round(area.height * 0.86)), score.text
    )
    painter.save()
    painter.setClipRect(QRect(*area), Qt.ClipOperation.IntersectClip)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.strokePath(path, QPen(theme.KEYLINE, max(2.0, area.height * 0.12)))
    painter.fillPath(path, theme.MARKER)
    painter.restore()
