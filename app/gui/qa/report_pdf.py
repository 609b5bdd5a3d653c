"""A report of the QA room as PDF: A4, as many pages as it takes, with charts and pictures.

An application (offscreen will do) must exist for the fonts. `qa_pdf` is for the window's thread, and for those that Qt
made; `qa_pdf_beside` for all others.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from PyQt6.QtCore import QBuffer, QByteArray, QIODevice, QMarginsF, QRectF, QSizeF, Qt, QThread, QUrl
from PyQt6.QtGui import (
    QAbstractTextDocumentLayout,
    QColor,
    QFont,
    QImage,
    QPageLayout,
    QPageSize,
    QPainter,
    QPalette,
    QPdfWriter,
    QTextCursor,
    QTextDocument,
    QTextFormat,
    QTextOption,
)
from PyQt6.QtSvg import QSvgRenderer

from app import RESEARCH_USE, SOFTWARE
from app.gui import theme
from app.qa.report.blocks import Block, Charts, Gallery, Page, Shot, Table, Title, Words
from detector.errors import OutputError

_DPI = 300
_MM = _DPI / 25.4
_MARGIN_MM, _FOOT_MM = 14.0, 8.0
_BODY_PT, _SMALL_PT = 9.0, 7.5
_INK, _SOFT = QColor(20, 26, 31), QColor(81, 96, 107)
_NOTE = "#fff4d6"
_SHARE = 0.47  # of the width for a chart or a picture: two in a row
_KEEP_MM = 22.0
_PAGE_MM, _HEAD_MM, _TITLE_MM, _CAPTION_MM = 250.0, 22.0, 9.0, 14.0  # of a page, and with air around them
_STYLE = (
    "h2 { font-size: 13pt; margin-top: 18px; margin-bottom: 4px; } h3 { font-size: 10pt; margin-top: 12px; "
    "margin-bottom: 3px; } p { margin-top: 3px; margin-bottom: 4px; } .soft { color: #51606b; }"
)


def qa_pdf(page: Page) -> bytes:
    """The whole report.

    Raises:
        OutputError: Qt cannot make the PDF.
    """
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    writer = QPdfWriter(buffer)
    writer.setResolution(_DPI)
    writer.setPageSize(QPageSize(QPageSize.PageSizeId.A4))
    writer.setPageMargins(QMarginsF(*[_MARGIN_MM] * 4), QPageLayout.Unit.Millimeter)
    writer.setTitle(page.title)
    writer.setCreator(SOFTWARE)
    painter = QPainter()
    if not painter.begin(writer):
        raise OutputError("The report cannot be made: Qt does not write PDF here.")
    try:
        _paint(painter, writer, page)
    finally:
        painter.end()
        buffer.close()
    return buffer.data().data()


def qa_pdf_beside(page: Page) -> bytes:
    """The same from a thread of Python's: Qt sets type only where it has an event dispatcher.

    Raises:
        OutputError: Qt cannot make the PDF.
    """
    work = _Setting(page)
    work.start()
    work.wait()
    if work.error is not None:
        raise work.error
    return work.data


class _Setting(QThread):
    def __init__(self, page: Page) -> None:
        super().__init__()
        self._page = page
        self.data = b""
        self.error: Exception | None = None

    def run(self) -> None:
        """Make it; what goes wrong is raised by whoever waits."""
        try:
            self.data = qa_pdf(self._page)
        except Exception as error:  # root of a thread
            self.error = error


def _paint(painter: QPainter, writer: QPdfWriter, page: Page) -> None:
    paper = QRectF(0, 0, writer.width(), writer.height())
    height = paper.height() - _FOOT_MM * _MM
    document = _document(writer, page, paper.width())
    document.setPageSize(QSizeF(paper.width(), height))
    root, layout = document.rootFrame(), document.documentLayout()
    assert root is not None
    assert layout is not None
    form = root.frameFormat()
    form.setTopMargin(_MM)  # without, a line may lie on the edge of two pages
    form.setBottomMargin(2 * _MM)
    root.setFrameFormat(form)
    _keep_headings(document, height)
    pages = document.pageCount()
    for number in range(pages):
        if number and not writer.newPage():
            raise OutputError("The report cannot be made: Qt does not begin another page.")
        clip = QRectF(0, number * height, paper.width(), height)
        context = QAbstractTextDocumentLayout.PaintContext()
        context.clip = clip
        context.palette.setColor(QPalette.ColorRole.Text, _INK)  # whatever colours the window has
        painter.save()
        painter.translate(0, -clip.top())
        painter.setClipRect(clip)
        layout.draw(painter, context)
        painter.restore()
        _paint_foot(painter, paper, page.title, f"{number + 1} / {pages}")


def _keep_headings(document: QTextDocument, height: float) -> None:
    """A heading in the last lines of a page goes to the next one, with what it is of."""
    layout = document.documentLayout()
    assert layout is not None
    block = document.begin()
    while block.isValid():
        form = block.blockFormat()
        if level := form.headingLevel():
            left_mm = (height - layout.blockBoundingRect(block).top() % height) / _MM
            if left_mm < (_KEEP_MM if level > 2 else 1.5 * _KEEP_MM):
                form.setPageBreakPolicy(QTextFormat.PageBreakFlag.PageBreak_AlwaysBefore)
                QTextCursor(block).setBlockFormat(form)
        block = block.next()
    document.markContentsDirty(0, document.characterCount())  # or some blocks stay where no page shows them


def _paint_foot(painter: QPainter, paper: QRectF, title: str, number: str) -> None:
    line = QRectF(0, paper.height() - 5 * _MM, paper.width(), 5 * _MM)
    painter.fillRect(QRectF(0, line.top(), paper.width(), 0.2 * _MM), _SOFT)
    painter.setPen(_SOFT)
    painter.setFont(_font(_SMALL_PT))
    metrics = painter.fontMetrics()
    words = f"{RESEARCH_USE} · {SOFTWARE} · {title}"
    short = metrics.elidedText(words, Qt.TextElideMode.ElideRight, round(paper.width() * 0.85))
    bottom = Qt.AlignmentFlag.AlignBottom
    painter.drawText(line, int(Qt.AlignmentFlag.AlignLeft | bottom), short)
    painter.drawText(line, int(Qt.AlignmentFlag.AlignRight | bottom), number)


def _font(points: float) -> QFont:
    font = theme.font(10)
    font.setPointSizeF(points)
    return font


# -- text -------------------------------------------------------------------------------------------------------------


def _document(writer: QPdfWriter, page: Page, width: float) -> QTextDocument:
    document = QTextDocument()
    layout = document.documentLayout()
    assert layout is not None
    layout.setPaintDevice(writer)  # points are points of the paper
    document.setDocumentMargin(0)
    document.setDefaultFont(_font(_BODY_PT))
    wrapping = document.defaultTextOption()
    wrapping.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
    document.setDefaultTextOption(wrapping)
    document.setDefaultStyleSheet(_STYLE)
    images = _Images(document, width, _device_scale(writer))
    head = f'<p style="font-size: 16pt"><b>{escape(page.title)}</b></p><p class="soft">{escape(page.under)}</p>'
    document.setHtml(head + "".join(_blocks(page, images)))
    document.setTextWidth(width)
    return document


def _device_scale(writer: QPdfWriter) -> float:
    """How many dots of the paper Qt makes of one pixel of an image; it depends on the screen, if there is one."""
    probe = QTextDocument()
    layout = probe.documentLayout()
    assert layout is not None
    layout.setPaintDevice(writer)
    probe.setDocumentMargin(0)
    probe.addResource(
        QTextDocument.ResourceType.ImageResource, QUrl("probe"), QImage(100, 10, QImage.Format.Format_RGB32)
    )
    probe.setHtml('<img src="probe" width="100" height="10">')
    return probe.idealWidth() / 100


def _blocks(page: Page, images: _Images) -> Iterator[str]:
    """Charts and pictures begin a page, so that no heading stands alone at the end of one."""
    for number, block in enumerate(page.blocks):
        following = page.blocks[number + 1 : number + 3]
        if following and isinstance(following[0], Words):
            following = following[1:]
        if isinstance(block, Title) and following and isinstance(following[0], Charts | Gallery):
            yield f'<h{block.level} style="page-break-before: always">{escape(block.text)}</h{block.level}>'
        else:
            yield _html(block, images)


class _Images:
    """Charts and pictures as resources of a document, each with its size on the paper."""

    def __init__(self, document: QTextDocument, width: float, scale: float) -> None:
        self._document = document
        self._width = width
        self._scale = scale
        self._count = 0

    def chart(self, svg: str) -> tuple[str, float]:
        """The markup of a chart, painted once in the paper's resolution, and its height in mm."""
        renderer = QSvgRenderer(QByteArray(svg.encode()))
        size = QSizeF(renderer.defaultSize())
        wide = self._width * _SHARE
        image = QImage(round(wide), round(wide * size.height() / size.width()), QImage.Format.Format_RGB32)
        image.fill(Qt.GlobalColor.white)
        painter = QPainter(image)
        try:
            renderer.render(painter)
        finally:
            painter.end()
        return self._tag(image)

    def picture(self, jpeg: bytes) -> tuple[str, float]:
        """The markup of a picture and its height in mm; empty if it is none."""
        image = QImage.fromData(jpeg)
        return ("", 0.0) if image.isNull() else self._tag(image)

    def _tag(self, image: QImage) -> tuple[str, float]:
        self._count += 1
        name = f"image:{self._count}"
        self._document.addResource(QTextDocument.ResourceType.ImageResource, QUrl(name), image)
        wide = self._width * _SHARE
        high = wide * image.height() / image.width()
        size = f'width="{wide / self._scale:.0f}" height="{high / self._scale:.0f}"'
        return f'<img src="{name}" {size}>', high / _MM


def _html(block: Block, images: _Images) -> str:
    match block:
        case Title(text, level):
            return f"<h{level}>{escape(text)}</h{level}>"
        case Words(text, "note"):
            return f'<table width="100%" cellpadding="6"><tr><td bgcolor="{_NOTE}">{escape(text)}</td></tr></table>'
        case Words(text, kind):
            return f'<p class="{kind}">{escape(text)}</p>'
        case Table():
            return _table(block)
        case Charts(charts):
            return _pairs([_chart(title, svg, images) for title, svg in charts])
        case Gallery(shots):
            return _pairs([_shot(shot, images) for shot in shots])


def _pairs(cells: list[tuple[str, float]]) -> str:
    """Two in a row, below a heading at the top of a page; a row stays on one page.

    Args:
        cells: markup, and its height in mm.
    """
    rows, used_mm = [], _HEAD_MM
    for k in range(0, len(cells), 2):
        row = cells[k : k + 2]
        height_mm = max(height for _, height in row)
        used_mm += height_mm
        begins = ' style="page-break-before: always"' if used_mm > _PAGE_MM else ""
        used_mm = height_mm if begins else used_mm
        two = "".join(f'<td width="50%" valign="top">{cell}</td>' for cell in (*(html for html, _ in row), "")[:2])
        rows.append(f'<table width="100%" cellpadding="6"{begins}><tr>{two}</tr></table>')
    return "".join(rows)


def _chart(title: str, svg: str, images: _Images) -> tuple[str, float]:
    image, height_mm = images.chart(svg)
    return f"<b>{escape(title)}</b><br>{image}", height_mm + _TITLE_MM


def _shot(shot: Shot, images: _Images) -> tuple[str, float]:
    picture, height_mm = images.picture(shot.jpeg)
    words = f'{escape(shot.caption)}<br><span class="soft">{escape(shot.place)}</span>'
    return f"{picture or 'The picture cannot be read.'}<br>{words}", height_mm + _CAPTION_MM


def _table(table: Table) -> str:
    def cell(tag: str, column: int, text: str) -> str:
        align = "left" if table.is_words(column) else "right"
        return f'<{tag} align="{align}">{escape(text)}</{tag}>'

    head = "".join(cell("th", k, text) for k, text in enumerate(table.heads))
    rows = "".join(f"<tr>{''.join(cell('td', k, text) for k, text in enumerate(row))}</tr>" for row in table.rows)
    top = f"<thead><tr>{head}</tr></thead>" if head else ""
    return f'<table cellpadding="3" cellspacing="0" border="0.5" style="border-collapse: collapse">{top}{rows}</table>'
