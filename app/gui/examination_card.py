"""A card over the lower part of the picture: a question or an offer with numbered answers, or a line to write in."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PyQt6.QtCore import QRect, Qt
from PyQt6.QtGui import QFont, QFontMetrics, QPainter, QPaintEvent
from PyQt6.QtWidgets import QLineEdit, QWidget

from app.gui import theme
from app.gui.layout import scaled, unit_of
from app.gui.text import draw_line, height_of
from app.gui.touch_choice import Choice, TouchChoice, field_style

_WRAPPED = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap)
_WIDTH = 1060


class ExaminationCard(QWidget):
    """Shows one question at a time; the answers are touched, or chosen by digit, arrows and Enter."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setStyleSheet(field_style())
        self.answers = TouchChoice("", 1, self, numbered=True)
        self.answers.chosen.connect(self._chosen)
        self.line = QLineEdit(self)
        self.line.setMaxLength(2000)
        self.line.returnPressed.connect(self._written)
        self._title = self._words = ""
        self._options: tuple[tuple[str, Callable[[], None]], ...] = ()
        self._write: Callable[[str], None] | None = None
        self._room, self._page_height, self._below = QRect(), 720, 0
        self.hide()

    @property
    def title(self) -> str:
        """Its first line."""
        return self._title

    @property
    def words(self) -> str:
        """The rest of what it says."""
        return self._words

    def ask(self, title: str, words: str, options: Sequence[tuple[str, Callable[[], None]]]) -> None:
        """Show a question; an answer puts the card away and does what stands beside it."""
        self._title, self._words, self._options, self._write = title, words, tuple(options), None
        self.answers.hide()
        self.answers.deleteLater()
        self.answers = TouchChoice(title, max(1, len(options)), self, numbered=True)
        self.answers.chosen.connect(self._chosen)
        self.answers.offer([Choice(str(n), label) for n, (label, _) in enumerate(options)])
        self._open(self.answers)

    def write(self, title: str, words: str, write: Callable[[str], None]) -> None:
        """Show a line to write in; Enter hands over what was written."""
        self._title, self._words, self._options, self._write = title, words, (), write
        self.line.clear()
        self._open(self.line)

    def say(self, words: str) -> None:
        """Change what it says, as while something is being written."""
        if words != self._words:
            self._words = words
            self._arrange()
            self.update()

    def leave(self) -> bool:
        """Put it away; False if it was."""
        if self.isHidden():
            return False
        self.hide()
        if (parent := self.parentWidget()) is not None:
            parent.setFocus()
        return True

    def place(self, room: QRect, page_height: int, below: int) -> None:
        """Lie in this room; ``below`` pixels at its lower edge are taken."""
        if (room, page_height, below) != (self._room, self._page_height, self._below):
            self._room, self._page_height, self._below = room, page_height, below
            self._arrange()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint the words."""
        painter = QPainter(self)
        try:
            painter.fillRect(self.rect(), theme.TEXT_SOFT)
            painter.fillRect(self.rect().adjusted(2, 2, -2, -2), theme.PANEL)
            title, plain, pad = self._types()
            inner = self.rect().adjusted(pad, pad // 2, -pad, 0)
            head = QRect(inner.x(), inner.y(), inner.width(), height_of(title) + 4)
            draw_line(painter, head, self._title, title, theme.TEXT)
            painter.setFont(plain)
            painter.setPen(theme.TEXT)
            painter.drawText(inner.adjusted(0, head.height() + 4, 0, 0), _WRAPPED, self._words)
        finally:
            painter.end()

    def _types(self) -> tuple[QFont, QFont, int]:
        unit = unit_of(self._page_height)
        return theme.font(scaled(30, unit, 19), strong=True), theme.font(scaled(23, unit, 15)), scaled(20, unit, 12)

    def _open(self, what: QWidget) -> None:
        self.answers.setVisible(what is self.answers)
        self.line.setVisible(what is self.line)
        self._arrange()
        self.show()
        self.raise_()
        self.update()
        what.setFocus()

    def _arrange(self) -> None:
        room, unit = self._room, unit_of(self._page_height)
        if room.isEmpty():
            return
        title, plain, pad = self._types()
        width = min(room.width() - 8, scaled(_WIDTH, unit, 640))
        bounds = QRect(0, 0, width - 2 * pad, 10_000)
        lines = max(1, QFontMetrics(plain).boundingRect(bounds, _WRAPPED, self._words).height() // height_of(plain))
        touch = scaled(78, unit, 58)
        text = pad // 2 + height_of(title) + 8 + min(4, lines + 1) * height_of(plain)
        height = text + touch + pad
        top = max(room.y(), room.bottom() - self._below - height - 8)
        self.setGeometry(room.x() + (room.width() - width) // 2, top, width, height)
        for child in (self.answers, self.line):
            child.setFixedHeight(touch)
            child.setGeometry(pad, text, width - 2 * pad, touch)
        self.answers.set_cell_height(touch)
        self.line.setFont(theme.font(scaled(26, unit, 17)))

    def _chosen(self, value: str) -> None:
        do = self._options[int(value)][1]
        self.leave()
        do()

    def _written(self) -> None:
        text, write = self.line.text().strip(), self._write
        self.leave()
        if text and write is not None:
            write(text)
