"""The reports as PDF: one clinical page, whatever stands on it, and the technical report on as many as it takes.

The clinical page is PDF/A-1b, which archives ask for. Its type gets smaller until everything fits; then long texts are
shortened, and what was left out is named on the page. An application (offscreen will do) must exist for the fonts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path

from PyQt6.QtCore import QBuffer, QIODevice, QMarginsF, QRectF, QSizeF, Qt
from PyQt6.QtGui import (
    QAbstractTextDocumentLayout,
    QColor,
    QFont,
    QImage,
    QPagedPaintDevice,
    QPageLayout,
    QPageSize,
    QPainter,
    QPalette,
    QPdfWriter,
    QTextDocument,
    QTextOption,
)

from app import SOFTWARE
from app.examination.report import Picture, Report, build_report, write_technical, write_whole
from app.gui import theme
from app.gui.report_html import Room, caption, clinical_html, letters_in, technical_html
from app.gui.report_words import Language, Words
from detector.errors import OutputError

_DPI = 300
_MM = _DPI / 25.4
_MARGIN_MM = 14.0
_LETTERS_OF_A_PAGE = 12_000  # at 7 points: 130 a line, 85 lines
_BODY_PT = 9.5
_SMALLEST = 0.74  # 7 points
_PICTURES_IN_A_ROW = 4
_PICTURES = 2 * _PICTURES_IN_A_ROW
_LEAST_PICTURE_MM = 24.0
_MOST_PICTURE_MM = 38.0
_CAPTION_MM = 4.5
_FOOT_MM = 8.0
_INK = QColor(20, 26, 31)
_SOFT = QColor(81, 96, 107)


@dataclass(frozen=True, slots=True)
class WrittenReports:
    """The files of the reports of one examination.

    Attributes:
        clinical: the one-page PDF.
        technical: the technical PDF.
        record: the technical report as JSON.
        gaps: what is missing in the record, in words; the reports say it too.
    """

    clinical: Path
    technical: Path
    record: Path
    gaps: tuple[str, ...]


def write_reports(
    folder: Path, out: Path, language: Language | None = None, zone: tzinfo | None = None
) -> WrittenReports:
    """Write the clinical page, the technical report and its JSON of an examination; earlier ones are replaced.

    Args:
        folder: of the examination.
        out: where to; made if it is not there.
        language: of the PDFs; None for that of the running application.
        zone: of the times of day; None for that of this computer.

    Raises:
        FormatError: there is no examination, or it cannot be read.
        OutputError: the reports cannot be written.
    """
    report = build_report(folder)
    name, words = report.examination.start.id, Words(language)
    written = WrittenReports(
        clinical=out / f"{name}-clinical.pdf",
        technical=out / f"{name}-technical.pdf",
        record=out / f"{name}-report.json",
        gaps=report.gaps,
    )
    write_whole(written.clinical, clinical_pdf(report, words, zone))
    write_whole(written.technical, technical_pdf(report, words, zone))
    write_technical(report, written.record)
    return written


def clinical_pdf(report: Report, words: Words, zone: tzinfo | None = None) -> bytes:
    """The clinical page: always one.

    Raises:
        OutputError: Qt cannot make the PDF.
    """
    target = _Target(words("Colonoscopy report"), report, QPagedPaintDevice.PdfVersion.PdfVersion_A1b)
    with target as painter:
        page = target.page
        top = _paint_head(painter, page, words("Colonoscopy report"), report.examination.start.id)
        pictures = [*report.pictures[:_PICTURES]]
        space = page.height() - top - _FOOT_MM * _MM
        document = _fitting(target, report, words, space - _pictures_mm(pictures, _LEAST_PICTURE_MM) * _MM, zone)
        painter.save()
        painter.translate(0, top)
        _paint_document(painter, document, QRectF(0, 0, page.width(), space))
        painter.restore()
        used = top + document.size().height()
        left_mm = (page.height() - used) / _MM - _FOOT_MM
        _paint_pictures(painter, QRectF(0, used, page.width(), left_mm * _MM), pictures, words, left_mm)
        more = len(report.pictures) - len(pictures)
        left_out = words("{count} more pictures lie with the examination.", count=more) if more else ""
        _paint_foot(painter, page, words, left_out)
    return target.data


def technical_pdf(report: Report, words: Words, zone: tzinfo | None = None) -> bytes:
    """The technical report.

    Raises:
        OutputError: Qt cannot make the PDF.
    """
    title = words("Technical report of a colonoscopy")
    target = _Target(title, report, QPagedPaintDevice.PdfVersion.PdfVersion_1_6)
    with target as painter:
        page = target.page
        document = _document(target, technical_html(report, words, zone), 0.9)
        top = _paint_head(painter, page, title, report.examination.start.id)
        height = page.height() - top - _FOOT_MM * _MM
        document.setPageSize(QSizeF(page.width(), height))
        pages = document.pageCount()
        for number in range(pages):
            if number:
                target.next_page()
                _paint_head(painter, page, title, report.examination.start.id)
            painter.save()
            painter.translate(0, top - number * height)
            _paint_document(painter, document, QRectF(0, number * height, page.width(), height))
            painter.restore()
            _paint_foot(painter, page, words, words("Page {page} of {pages}", page=number + 1, pages=pages))
    return target.data


class _Target:
    """An A4 page in memory. A context manager that gives the painter."""

    def __init__(self, title: str, report: Report, version: QPagedPaintDevice.PdfVersion) -> None:
        self._buffer = QBuffer()
        self._buffer.open(QIODevice.OpenModeFlag.WriteOnly)
        self.writer = QPdfWriter(self._buffer)
        self.writer.setPdfVersion(version)
        self.writer.setResolution(_DPI)
        self.writer.setPageSize(QPageSize(QPageSize.PageSizeId.A4))
        margins = QMarginsF(_MARGIN_MM, _MARGIN_MM, _MARGIN_MM, _MARGIN_MM)
        self.writer.setPageMargins(margins, QPageLayout.Unit.Millimeter)
        self.writer.setTitle(f"{title} {report.examination.start.id}")
        self.writer.setCreator(SOFTWARE)
        self.page = QRectF(0, 0, self.writer.width(), self.writer.height())
        self._painter: QPainter | None = None

    def __enter__(self) -> QPainter:
        self._painter = QPainter()
        if not self._painter.begin(self.writer):
            raise OutputError("The report cannot be made: Qt does not write PDF here.")
        return self._painter

    def __exit__(self, *_: object) -> None:
        assert self._painter is not None
        self._painter.end()
        self._buffer.close()

    def next_page(self) -> None:
        if not self.writer.newPage():
            raise OutputError("The report cannot be made: Qt does not begin another page.")

    @property
    def data(self) -> bytes:
        return self._buffer.data().data()


def _font(points: float, strong: bool = False) -> QFont:
    font = theme.font(10, strong)
    font.setPointSizeF(points)
    return font


def _document(target: _Target, html: str, scale: float) -> QTextDocument:
    document = QTextDocument()
    layout = document.documentLayout()
    assert layout is not None
    layout.setPaintDevice(target.writer)  # points are points of the paper
    document.setDocumentMargin(0)
    document.setDefaultFont(_font(_BODY_PT * scale))
    wrapping = document.defaultTextOption()
    wrapping.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
    document.setDefaultTextOption(wrapping)
    document.setDefaultStyleSheet("h3 { font-size: large; } p { margin-top: 0; margin-bottom: 2pt; }")
    document.setHtml(html)
    document.setTextWidth(target.page.width())
    return document


def _fitting(target: _Target, report: Report, words: Words, height: float, zone: tzinfo | None) -> QTextDocument:
    """The text in the largest type, and then the longest form, that fits."""
    document = QTextDocument()
    for scale, room in _attempts():
        if letters_in(report, room) > _LETTERS_OF_A_PAGE:  # laying out a book to find that it is one takes seconds
            continue
        document = _document(target, clinical_html(report, words, room, zone), scale)
        if document.size().height() <= height:
            break
    return document


def _attempts() -> Iterator[tuple[float, Room]]:
    for scale in (1.0, 0.94, 0.88, 0.81, _SMALLEST):
        yield scale, Room()
    for letters, remarks in ((2000, 500), (1000, 200), (600, 100), (350, 50), (200, 25)):
        yield _SMALLEST, Room(letters, remarks)
    for lesions in range(40, 4, -4):
        yield _SMALLEST, Room(150, 0, lesions)


def _paint_document(painter: QPainter, document: QTextDocument, clip: QRectF) -> None:
    layout = document.documentLayout()
    assert layout is not None
    context = QAbstractTextDocumentLayout.PaintContext()
    context.clip = clip
    context.palette.setColor(QPalette.ColorRole.Text, _INK)  # whatever colours the window has
    painter.setClipRect(clip)
    layout.draw(painter, context)


def _paint_head(painter: QPainter, page: QRectF, title: str, number: str) -> float:
    """Title and id; returns where the text may begin."""
    line = QRectF(0, 0, page.width(), 9 * _MM)
    middle = Qt.AlignmentFlag.AlignVCenter
    painter.setPen(_INK)
    painter.setFont(_font(15, strong=True))
    painter.drawText(line, Qt.AlignmentFlag.AlignLeft | middle, title)
    painter.setFont(_font(11, strong=True))
    painter.drawText(line, Qt.AlignmentFlag.AlignRight | middle, number)
    painter.fillRect(QRectF(0, line.bottom(), page.width(), 0.4 * _MM), _INK)
    return line.bottom() + 3 * _MM


def _paint_foot(painter: QPainter, page: QRectF, words: Words, more: str) -> None:
    line = QRectF(0, page.height() - 5 * _MM, page.width(), 5 * _MM)
    painter.fillRect(QRectF(0, line.top(), page.width(), 0.2 * _MM), _SOFT)
    painter.setPen(_SOFT)
    painter.setFont(_font(7.5))
    notice = f"{words('Research software, not a medical device')} · {SOFTWARE}"
    painter.drawText(line, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignBottom, notice)
    painter.drawText(line, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignBottom, more)


def _pictures_mm(pictures: list[Picture], row_mm: float) -> float:
    """Height of the rows of pictures."""
    rows = -(-len(pictures) // _PICTURES_IN_A_ROW)
    return rows * (row_mm + _CAPTION_MM) + (3.0 if rows else 0.0)


def _paint_pictures(painter: QPainter, area: QRectF, pictures: list[Picture], words: Words, left_mm: float) -> None:
    """Rows of pictures, as high as the text leaves room for, each with its caption."""
    if not pictures:
        return
    rows = -(-len(pictures) // _PICTURES_IN_A_ROW)
    height_mm = min(_MOST_PICTURE_MM, (left_mm - 3.0) / rows - _CAPTION_MM)
    step = area.width() / _PICTURES_IN_A_ROW
    for place, picture in enumerate(pictures):
        row, column = divmod(place, _PICTURES_IN_A_ROW)
        y = area.top() + (3.0 + row * (height_mm + _CAPTION_MM)) * _MM
        box = QRectF(column * step, y, step - 2 * _MM, height_mm * _MM)
        drawn = _paint_picture(painter, box, picture, words)
        painter.setPen(_SOFT)
        painter.setFont(_font(7.5))
        line = QRectF(box.left(), drawn.bottom(), box.width(), _CAPTION_MM * _MM)
        painter.drawText(line, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, caption(picture, words))


def _paint_picture(painter: QPainter, box: QRectF, picture: Picture, words: Words) -> QRectF:
    """The picture at the top left of its box; returns the part of the box that it fills."""
    image = QImage.fromData(picture.data or b"")
    if image.isNull():  # said also in the text: the record has gaps
        painter.setPen(_SOFT)
        painter.setFont(_font(7.5))
        box = QRectF(box.topLeft(), QSizeF(16, 9).scaled(box.size(), Qt.AspectRatioMode.KeepAspectRatio))
        painter.drawRect(box)
        wrapped = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
        painter.drawText(box, wrapped, words("The picture cannot be read."))
        return box
    size = QSizeF(image.size()).scaled(box.size(), Qt.AspectRatioMode.KeepAspectRatio)
    smooth = Qt.TransformationMode.SmoothTransformation
    small = image.convertToFormat(QImage.Format.Format_RGB888).scaled(  # PDF/A-1 knows no transparency
        size.toSize(), Qt.AspectRatioMode.IgnoreAspectRatio, smooth
    )
    place = QRectF(box.topLeft(), size)
    painter.drawImage(place, small)
    return place
