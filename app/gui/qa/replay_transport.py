"""The row of buttons below the picture: play, step, speed, where it stands, and whether the speed is held."""

from __future__ import annotations

from functools import partial

from PyQt6.QtCore import QRectF, Qt, pyqtSignal
from PyQt6.QtGui import QIcon, QPainter, QPixmap
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QLabel, QLineEdit, QPushButton, QWidget

from app.gui import theme
from app.gui.icons import draw_shape
from app.gui.language import decimal, tr
from app.gui.qa.keys import Act, key_text
from app.gui.qa.shortcuts import tip
from app.gui.qa.timeline_ruler import clock
from app.gui.setup_parts import button, label
from app.gui.sign_kinds import Shape
from app.qa.axis import FrameAxis
from app.qa.playback.state import PlayState

_ICON_PX = 18
SPEEDS = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)

_BUTTONS = (
    (Act.BACKWARDS, "\N{BLACK LEFT-POINTING TRIANGLE}"),
    (Act.STEP_BACK, "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}"),
    (Act.PLAY, ""),
    (Act.STEP_ON, "\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}"),
    (Act.SLOWER, "\N{MINUS SIGN}"),
    (Act.FASTER, "+"),
    (Act.LOOP, "\N{CLOCKWISE OPEN CIRCLE ARROW}"),
)


def next_speed(speed: float, by: int) -> float:
    """One step faster or slower in the same direction."""
    sign, size = (-1 if speed < 0 else 1), abs(speed)
    nearest = min(range(len(SPEEDS)), key=lambda i: abs(SPEEDS[i] - size))
    return sign * SPEEDS[min(max(nearest + by, 0), len(SPEEDS) - 1)]


def speed_words(state: PlayState) -> str:
    """The speed as wished, and what becomes of it: ``8x: every 3rd frame shown``."""
    speed = decimal(f"{abs(state.speed):g}") + "\N{MULTIPLICATION SIGN}"
    if state.speed < 0:
        speed = f"\N{MINUS SIGN}{speed}"
    if not state.playing:
        return speed
    if abs(state.achieved) < 0.9 * abs(state.speed) and state.achieved:
        held = decimal(f"{abs(state.achieved):.1f}") + "\N{MULTIPLICATION SIGN}"
        return tr("{speed}: this machine holds {held}").format(speed=speed, held=held)
    if state.every >= 1.05:
        return tr("{speed}: 1 of {n} frames shown").format(speed=speed, n=decimal(f"{state.every:.2g}"))
    return speed


class Transport(QFrame):
    """See the module.

    Attributes:
        wished: an `Act` of the table of keys.
        place_wished: somebody typed where to go: the text.
        buttons: by action.
    """

    wished = pyqtSignal(Act)
    place_wished = pyqtSignal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("bar")
        self.buttons: dict[Act, QPushButton] = {}
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 4, 8, 4)
        row.setSpacing(4)
        for act, sign in _BUTTONS:
            made = button(sign, partial(self.wished.emit, act))
            made.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # Space plays, wherever the mouse was last
            made.setFixedWidth(40)
            made.setToolTip(tip(act))
            made.setAccessibleName(tip(act))
            self.buttons[act] = made
            row.addWidget(made)
        self.buttons[Act.LOOP].setCheckable(True)
        self._playing: bool | None = None
        self._play, self._pause = _icon(Shape.PLAY), _icon(Shape.PAUSE)
        self.place = QLineEdit()
        self.place.setFixedWidth(96)
        self.place.setAccessibleName(tr("Go to"))
        self.place.setPlaceholderText(tr("Go to"))
        self.place.setToolTip(tr("A time (12:30), seconds (750.5) or a frame (#18750)") + f"  [{key_text(Act.GO_TO)}]")
        self.place.returnPressed.connect(self.go)
        self.time, self.frame, self.speed, self.saved = (_plain() for _ in range(4))
        self.time.setObjectName("heading")
        for widget in (self.time, self.frame, self.place, self.speed):
            row.addSpacing(6)
            row.addWidget(widget)
        row.addStretch(1)
        row.addWidget(self.saved)

    def show_state(self, state: PlayState, axis: FrameAxis) -> None:
        """Say where it stands and how it plays."""
        if state.playing is not self._playing:
            self._playing = state.playing
            self.buttons[Act.PLAY].setIcon(self._pause if state.playing else self._play)
        self.buttons[Act.LOOP].setChecked(state.loop is not None)
        about = "" if axis.whole else "\N{ALMOST EQUAL TO}"
        _say(self.time, f"{about}{clock(state.time_s, 2)} / {about}{clock(axis.end_s)}")
        _say(self.frame, tr("Frame {n} of {count}").format(n=f"{about}{state.position}", count=f"{about}{len(axis)}"))
        _say(self.speed, speed_words(state))

    def show_saved(self, words: str, failed: bool) -> None:
        """Say how things stand with the disk."""
        _say(self.saved, words)
        name = "fault" if failed else "soft"
        if self.saved.objectName() != name:
            self.saved.setObjectName(name)
            style = self.saved.style()
            assert style is not None
            style.polish(self.saved)

    def ask_place(self) -> None:
        """Put the cursor into the field for a time or frame."""
        self.place.clear()
        self.place.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def go(self) -> None:
        """Go where the field says."""
        text = self.place.text()
        self.place.clear()
        self.place.clearFocus()
        if text.strip():
            self.place_wished.emit(text)


def _icon(shape: Shape) -> QIcon:
    """The shape as the live page draws it."""
    pixmap = QPixmap(2 * _ICON_PX, 2 * _ICON_PX)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    draw_shape(painter, shape, QRectF(0, 0, pixmap.width(), pixmap.height()), theme.TEXT)
    painter.end()
    return QIcon(pixmap)


def _plain() -> QLabel:
    made = label()
    made.setWordWrap(False)
    return made


def _say(where: QLabel, words: str) -> None:
    if where.text() != words:
        where.setText(words)
