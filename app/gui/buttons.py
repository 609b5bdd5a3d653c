"""Large buttons for a touch screen and gloved fingers; they do what the keys do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from PyQt6.QtCore import QRectF, Qt, pyqtSignal
from PyQt6.QtGui import QPainter, QPaintEvent
from PyQt6.QtWidgets import QAbstractButton, QWidget

from app.gui import theme
from app.gui.icons import draw_action
from app.gui.keys import Action, Key
from app.gui.layout import scaled, unit_of
from app.gui.text import height_of

_LONGEST = 112


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


class TouchButton(QAbstractButton):
    """An icon above a word; a function that is off looks off in shape, word and brightness."""

    def __init__(self, key: Key, parent: QWidget) -> None:
        super().__init__(parent)
        self.key = key
        self.state = ButtonState(key.label)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAccessibleName(key.label)
        self.setToolTip(f"{key.help}  [{key.keys[0]}]")
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
        font = theme.font(max(11, round(min(width, height) * 0.17)))
        ink = theme.TEXT_SOFT if self.state.faint else theme.TEXT
        side = min(width, height) * 0.36
        text_height = height_of(font)
        gap = side * 0.28
        top = (height - side - gap - text_height) / 2
        draw_action(painter, self.key.action, self.state.active, QRectF((width - side) / 2, top, side, side), ink)
        painter.setFont(font)
        painter.setPen(ink)
        words = QRectF(0, top + side + gap, width, text_height)
        painter.drawText(words, Qt.AlignmentFlag.AlignCenter, self.state.text)


class TouchBar(QWidget):
    """The buttons in a column or a row, in the middle of their strip."""

    pressed = pyqtSignal(Action)

    def __init__(self, keys: Iterable[Key], parent: QWidget) -> None:
        super().__init__(parent)
        self._buttons: dict[Action, TouchButton] = {}
        self._vertical = True
        self.offer(keys)

    @property
    def buttons(self) -> dict[Action, TouchButton]:
        """The buttons there are."""
        return dict(self._buttons)

    def offer(self, keys: Iterable[Key]) -> None:
        """Have a button for each of these that has a label."""
        wanted = {key.action: key for key in keys if key.label}
        if list(wanted) == list(self._buttons):
            return
        for button in self._buttons.values():
            button.hide()
            button.deleteLater()
        self._buttons = {action: self._made(key) for action, key in wanted.items()}
        self.arrange(self._vertical)

    def arrange(self, vertical: bool) -> None:
        """Place the buttons in a column or a row."""
        self._vertical = vertical
        if not self._buttons:
            return
        across, along = (self.width(), self.height()) if vertical else (self.height(), self.width())
        window = self.window()
        longest = scaled(_LONGEST, unit_of(window.height() if window else along), 60)
        step = min(longest, along // len(self._buttons))
        begin = (along - step * len(self._buttons)) // 2
        for index, button in enumerate(self._buttons.values()):
            at = begin + index * step
            button.setGeometry(*((0, at, across, step) if vertical else (at, 0, step, across)))

    def _made(self, key: Key) -> TouchButton:
        button = TouchButton(key, self)
        button.clicked.connect(lambda: self.pressed.emit(key.action))
        button.show()
        return button
