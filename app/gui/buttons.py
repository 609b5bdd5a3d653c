"""Large buttons for a touch screen and gloved fingers; they do what the keys do.

Where not all have room at a size that a glove hits, the last ones wait on a second page behind 'More'.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from PyQt6.QtCore import QRectF, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QColor, QFont, QPainter, QPaintEvent
from PyQt6.QtWidgets import QAbstractButton, QWidget

from app.gui import theme
from app.gui.action_icons import draw_action, draw_more
from app.gui.keys import Action, Key
from app.gui.language import tr
from app.gui.layout import scaled, unit_of
from app.gui.text import height_of, width_of

LEAST_PX = 54
"""Logical pixels that a finger in a glove hits."""

_LONGEST = 112
_BACK_AFTER_MS = 8000
_LEAST_WORDS_PX = 9

# What is wanted in haste comes first.
_ORDER = (
    Action.TOGGLE_AI,
    Action.HIDE_BOXES,
    Action.SNAPSHOT,
    Action.EXAMINATION,
    Action.RECORD,
    Action.REPLAY,
    Action.TOGGLE_SOUND,
    Action.PAUSE,
    Action.DETAILS,
    Action.FULL_SCREEN,
    Action.HELP,
    Action.SETTINGS,
    Action.SELF_TEST,
)


@dataclass(frozen=True, slots=True)
class ButtonState:
    """What a button says.

    Attributes:
        text: the words.
        active: its function is on; chooses the icon.
        faint: it is a switch and switched off.
    """

    text: str
    active: bool = False
    faint: bool = False


class _Button(QAbstractButton):
    """An icon above a word."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.state = ButtonState("")
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)

    def show_state(self, state: ButtonState) -> None:
        """Take what it says now."""
        if state != self.state:
            self.state = state
            self.setAccessibleDescription(state.text)
            self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint icon and word."""
        painter = QPainter(self)
        try:
            self._paint(painter)
        finally:
            painter.end()

    def _paint(self, painter: QPainter) -> None:
        width, height = self.width(), self.height()
        ground = theme.PANEL_PRESSED if self.isDown() else theme.PANEL_RAISED if self.underMouse() else theme.PANEL
        painter.fillRect(self.rect(), theme.BLACK)
        painter.fillRect(self.rect().adjusted(1, 1, -1, -1), ground)
        lines, font = _fitting(self.state.text, max(11, round(min(width, height) * 0.17)), width - 4)
        ink = theme.TEXT_SOFT if self.state.faint else theme.TEXT
        side = min(width, height) * 0.36
        text_height = height_of(font) * len(lines)
        gap = side * 0.24
        top = (height - side - gap - text_height) / 2
        self._draw_icon(painter, QRectF((width - side) / 2, top, side, side), ink)
        painter.setFont(font)
        painter.setPen(ink)
        words = QRectF(0, top + side + gap, width, text_height)
        painter.drawText(words, Qt.AlignmentFlag.AlignCenter, "\n".join(lines))

    def _draw_icon(self, painter: QPainter, area: QRectF, ink: QColor) -> None:
        raise NotImplementedError


class TouchButton(_Button):
    """The button of one action; a function that is off looks off in shape, word and brightness."""

    def __init__(self, key: Key, parent: QWidget) -> None:
        super().__init__(parent)
        self.key = key
        self.state = ButtonState(tr(key.label))
        self.setAccessibleName(tr(key.label))
        self.setToolTip(f"{tr(key.help)}  [{key.keys[0]}]" if key.keys else tr(key.help))

    def _draw_icon(self, painter: QPainter, area: QRectF, ink: QColor) -> None:
        draw_action(painter, self.key.action, self.state.active, area, ink)


class MoreButton(_Button):
    """Turns the page of the bar."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.show_page(0)

    def show_page(self, page: int) -> None:
        """Say where it leads from this page."""
        self.show_state(ButtonState(tr("Back") if page else tr("More"), active=bool(page)))
        self.setAccessibleName(self.state.text)

    def _draw_icon(self, painter: QPainter, area: QRectF, ink: QColor) -> None:
        draw_more(painter, self.state.active, area, ink)


class TouchBar(QWidget):
    """The buttons in a column or a row, in the middle of their strip."""

    pressed = pyqtSignal(Action)

    def __init__(self, keys: Iterable[Key], parent: QWidget) -> None:
        super().__init__(parent)
        self._buttons: dict[Action, TouchButton] = {}
        self._keys: tuple[Key, ...] = ()
        self._vertical = True
        self._page = 0
        self.more = MoreButton(self)
        self.more.clicked.connect(self._turn)
        self._back = QTimer(self)
        self._back.setSingleShot(True)
        self._back.setInterval(_BACK_AFTER_MS)
        self._back.timeout.connect(self._first_page)
        self.offer(keys)

    @property
    def buttons(self) -> dict[Action, TouchButton]:
        """The buttons there are, on whichever page."""
        return dict(self._buttons)

    def offer(self, keys: Iterable[Key]) -> None:
        """Have a button for each of these that has a label, the most important first."""
        wanted = tuple(sorted((key for key in keys if key.label), key=_rank))
        if wanted == self._keys:
            return
        self._keys = wanted
        for button in self._buttons.values():
            button.hide()
            button.deleteLater()
        self._buttons = {key.action: self._made(key) for key in wanted}
        self.arrange(self._vertical)

    def arrange(self, vertical: bool) -> None:
        """Place the buttons in a column or a row."""
        self._vertical = vertical
        along = self.height() if vertical else self.width()
        fits = max(2, along // LEAST_PX)
        buttons = list(self._buttons.values())
        paged = len(buttons) > fits
        each = fits - 1 if paged else max(1, len(buttons))
        pages = [buttons[first : first + each] for first in range(0, len(buttons), each)]
        self._page = min(self._page, max(0, len(pages) - 1))
        self.more.setVisible(paged)
        self.more.show_page(self._page)
        for number, page in enumerate(pages):
            # 'More' stays where it was when the page turns.
            for index, button in enumerate(page):
                self._place(button, index, fits if paged else len(page))
                button.setVisible(number == self._page)
        if paged:
            self._place(self.more, fits - 1, fits)

    def _place(self, button: QWidget, index: int, count: int) -> None:
        across, along = (self.width(), self.height()) if self._vertical else (self.height(), self.width())
        window = self.window()
        longest = scaled(_LONGEST, unit_of(window.height() if window else along), 60)
        step = min(longest, along // count)
        at = (along - step * count) // 2 + index * step
        button.setGeometry(*((0, at, across, step) if self._vertical else (at, 0, step, across)))

    def _turn(self) -> None:
        fits = max(2, (self.height() if self._vertical else self.width()) // LEAST_PX)
        pages = -(-len(self._buttons) // (fits - 1))
        self._page = (self._page + 1) % pages
        self.arrange(self._vertical)
        if self._page:
            self._back.start()

    def _first_page(self) -> None:
        self._page = 0
        self.arrange(self._vertical)

    def _made(self, key: Key) -> TouchButton:
        button = TouchButton(key, self)
        button.clicked.connect(lambda: self._press(key.action))
        button.show()
        return button

    def _press(self, action: Action) -> None:
        if self._page:
            self._back.start()
        self.pressed.emit(action)


def _fitting(text: str, size_px: int, width: int) -> tuple[list[str], QFont]:
    """The words in one line or, where that is too narrow, in two; smaller only where that does not help either."""
    ways = [[text], text.split(" ", 1)] if " " in text else [[text]]
    for size in range(size_px, min(size_px, _LEAST_WORDS_PX) - 1, -1):
        font = theme.font(size)
        for lines in ways:
            if all(width_of(line, font) <= width for line in lines):
                return lines, font
    return ways[-1], font


def _rank(key: Key) -> int:
    return _ORDER.index(key.action) if key.action in _ORDER else len(_ORDER)
