"""A choice of large cells for gloved fingers and for the keyboard: arrows move, Enter or Space chooses, focus shows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from PyQt6.QtCore import QEvent, QPoint, QRect, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QFocusEvent, QFontMetrics, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPixmap, QResizeEvent
from PyQt6.QtWidgets import QWidget

from app.gui import theme

TOUCH_PX = 54
"""The least side of what a glove is to hit."""

_MOVES = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
_CHOOSES = frozenset({Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space})
_CAPTION_PX = 24
_LEAST_TYPE_PX = 13
_CORNER = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
_WRAPPED = int(Qt.AlignmentFlag.AlignCenter) | int(Qt.TextFlag.TextWordWrap)


@dataclass(frozen=True, slots=True)
class Choice:
    """One cell.

    Attributes:
        value: what is told when it is chosen.
        label: what it says.
        picture: shown above the label; None for none.
    """

    value: str
    label: str
    picture: QPixmap | None = None


class TouchChoice(QWidget):
    """Cells in rows.

    Args:
        name: for those who hear the screen.
        columns: cells beside each other; fewer where words would not fit.
        parent: of the widget.
        numbered: digits choose as well, and stand before the labels.
        cell_height: of a row, in pixels, at least 54.
    """

    chosen = pyqtSignal(str)

    def __init__(
        self, name: str, columns: int, parent: QWidget, *, numbered: bool = False, cell_height: int = TOUCH_PX
    ) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._most_columns = self._columns = columns
        self._numbered = numbered
        self._cell_height = max(TOUCH_PX, cell_height)
        self._choices: tuple[Choice, ...] = ()
        self._marked: frozenset[str] = frozenset()
        self._cursor = 0

    @property
    def choices(self) -> tuple[Choice, ...]:
        """What there is to choose from."""
        return self._choices

    @property
    def marked(self) -> frozenset[str]:
        """What is chosen now."""
        return self._marked

    def offer(self, choices: Sequence[Choice], marked: Collection[str] = ()) -> None:
        """Show these cells, and which of them are chosen."""
        labels = [(c.value, c.label) for c in choices]
        differ = labels != [(c.value, c.label) for c in self._choices]
        self._choices = tuple(choices)
        if differ:
            self._cursor = min(self._cursor, max(0, len(choices) - 1))
            self._arrange()
        self._marked = frozenset(marked)
        if marked and not self.hasFocus():
            self._cursor = next((n for n, c in enumerate(self._choices) if c.value in marked), self._cursor)
        self.update()

    def set_cell_height(self, height: int) -> None:
        """Have higher rows, never lower ones than a glove needs."""
        if max(TOUCH_PX, height) != self._cell_height:
            self._cell_height = max(TOUCH_PX, height)
            self._arrange()

    def sizeHint(self) -> QSize:
        """As wide as there is room, as high as the rows."""
        return QSize(self._columns * TOUCH_PX, self._rows() * self._cell_height)

    def cell(self, value: str) -> QRect:
        """Where a cell lies; an empty rectangle if there is none of that value."""
        at = next((n for n, choice in enumerate(self._choices) if choice.value == value), None)
        return QRect() if at is None else self._cell(at)

    def type_px(self) -> int:
        """The type of the words, the same for all cells: as large as fits everywhere, 12 at least."""
        for size in range(min(30, self._cell_height * 2 // 5), _LEAST_TYPE_PX, -1):
            metrics = QFontMetrics(theme.font(size, strong=True))
            if all(_fits(metrics, self._label(n), self._room(n)) for n in range(len(self._choices))):
                return size
        return _LEAST_TYPE_PX

    def event(self, event: QEvent | None) -> bool:
        """Keep the keys that choose from the window's shortcuts while this has the focus."""
        own = event is not None and event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent)
        if own and isinstance(event, QKeyEvent) and self._wants(event):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Move, choose, or leave the key to others."""
        if event is None or not self._wants(event):
            if event is not None:
                event.ignore()
            return
        key = event.key()
        if key in _CHOOSES:
            self._choose(self._cursor)
        elif event.text().isdigit():
            self._choose(int(event.text()) - 1)
        else:
            step = _MOVES.get(Qt.Key(key), -self._columns if key == Qt.Key.Key_Up else self._columns)
            if 0 <= self._cursor + step < len(self._choices):
                self._cursor += step
                self.update()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Lay the cells out anew."""
        self._arrange()

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Choose what lies there."""
        if event is not None and (at := self._at(event.position().toPoint())) is not None:
            self._cursor = at
            self._choose(at)

    def focusInEvent(self, event: QFocusEvent | None) -> None:
        """Show the cursor."""
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent | None) -> None:
        """Hide it."""
        super().focusOutEvent(event)
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint the cells."""
        painter = QPainter(self)
        try:
            size_px = self.type_px()
            for number, choice in enumerate(self._choices):
                self._paint(painter, number, choice, size_px)
        finally:
            painter.end()

    # -- below ----------------------------------------------------------------------------------------------------

    def _wants(self, event: QKeyEvent) -> bool:
        if event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            return False
        digit = self._numbered and event.text().isdigit() and 1 <= int(event.text()) <= len(self._choices)
        vertical = event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down)
        return digit or vertical or event.key() in _CHOOSES or event.key() in _MOVES

    def _choose(self, number: int) -> None:
        if 0 <= number < len(self._choices):
            self.update()
            self.chosen.emit(self._choices[number].value)

    def _arrange(self) -> None:
        """As many columns as have room for the longest word."""
        metrics = QFontMetrics(theme.font(_LEAST_TYPE_PX + 1, strong=True))
        words = [word for n in range(len(self._choices)) for word in self._label(n).split()]
        widest = max((metrics.horizontalAdvance(word) for word in words), default=0)
        fitting = self.width() // max(TOUCH_PX if self._most_columns < 8 else 40, widest + 2 * self._inset + 2)
        self._columns = max(1, min(self._most_columns, fitting))
        self.setFixedHeight(self._rows() * self._cell_height)

    @property
    def _inset(self) -> int:
        return 6 if self._most_columns > 4 or self._numbered else 18  # for the tick

    def _rows(self) -> int:
        return max(1, -(-len(self._choices) // self._columns))

    def _cell(self, number: int) -> QRect:
        row, column = divmod(number, self._columns)
        left, right = (round(self.width() * n / self._columns) for n in (column, column + 1))
        return QRect(left, row * self._cell_height, right - left, self._cell_height)

    def _at(self, point: QPoint) -> int | None:
        return next((n for n in range(len(self._choices)) if self._cell(n).contains(point)), None)

    def _label(self, number: int) -> str:
        label = self._choices[number].label
        return f"{number + 1}  {label}" if self._numbered else label

    def _room(self, number: int) -> QRect:
        """Where the words of a cell go."""
        room = self._cell(number).adjusted(self._inset, 5, -self._inset, -5)
        if self._choices[number].picture is not None:
            room.setTop(room.bottom() + 1 - _CAPTION_PX)
        return room

    def _paint(self, painter: QPainter, number: int, choice: Choice, size_px: int) -> None:
        cell = self._cell(number).adjusted(2, 2, -2, -2)
        is_marked = choice.value in self._marked
        painter.fillRect(cell, theme.TEXT if is_marked else theme.PANEL_RAISED)
        if choice.picture is not None:
            space = cell.adjusted(4, 4, -4, -_CAPTION_PX - 3)
            ratio = self.devicePixelRatioF()
            wanted = QSize(round(space.width() * ratio), round(space.height() * ratio))
            scaled = choice.picture.scaled(wanted, Qt.AspectRatioMode.KeepAspectRatio)
            scaled.setDevicePixelRatio(ratio)
            size = scaled.deviceIndependentSize().toSize()
            painter.drawPixmap(space.center() - QPoint(size.width() // 2, size.height() // 2), scaled)
        painter.setPen(theme.INK if is_marked else theme.TEXT)
        painter.setFont(theme.font(size_px, strong=is_marked))
        painter.drawText(self._room(number), _WRAPPED, self._label(number))
        if is_marked:  # never by colour alone
            painter.setFont(theme.font(14, strong=True))
            painter.drawText(
                cell.adjusted(4, 1, 0, 0), int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop), "✓"
            )
        if self.hasFocus() and number == self._cursor:
            painter.setPen(theme.KEYLINE)
            painter.drawRect(cell.adjusted(3, 3, -4, -4))
            painter.setPen(theme.MARKER)
            for inset in range(3):
                painter.drawRect(cell.adjusted(inset, inset, -inset - 1, -inset - 1))


def _fits(metrics: QFontMetrics, label: str, room: QRect) -> bool:
    needed = metrics.boundingRect(QRect(0, 0, room.width(), 10_000), _WRAPPED, label)
    widest = max((metrics.horizontalAdvance(word) for word in label.split()), default=0)
    return widest <= room.width() and needed.height() <= room.height()


def field_style() -> str:
    """For the stock widgets beside such cells: as large, in the same colours, and with a focus that shows."""
    text, soft, ground = theme.TEXT.name(), theme.TEXT_SOFT.name(), theme.PANEL.name()
    raised, focus = theme.PANEL_RAISED.name(), theme.MARKER.name()
    return (
        f"QLabel {{ color: {text}; background: transparent; }}"
        f"QScrollArea, QScrollArea > QWidget > QWidget {{ background: {ground}; border: none; }}"
        f"QLineEdit, QPlainTextEdit {{ background: {raised}; color: {text}; border: 2px solid {soft}; padding: 6px; "
        f"min-height: {TOUCH_PX - 16}px; }}"
        f"QLineEdit:focus, QPlainTextEdit:focus, QPushButton:focus {{ border: 3px solid {focus}; }}"
        f"QPushButton {{ background: {raised}; color: {text}; border: 2px solid {soft}; }}"
        f"QScrollBar:vertical {{ background: {ground}; width: 26px; }}"
        f"QScrollBar::handle:vertical {{ background: {soft}; min-height: {TOUCH_PX}px; }}"
        "QScrollBar::add-line:vertical, QScrollBar::sub-line:vertical { height: 0px; }"
    )
