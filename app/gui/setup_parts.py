"""Stock widgets for set-up and settings: large enough for gloves, with a focus that is seen, read in a dark room."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from PyQt6.QtCore import QEvent, QKeyCombination, QPointF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QKeyEvent, QKeySequence, QPainter, QPaintEvent, QPen, QPolygonF
from PyQt6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QFrame,
    QGridLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QScroller,
    QSizePolicy,
    QStyledItemDelegate,
    QVBoxLayout,
    QWidget,
)

from app.gui import theme
from app.gui.layout import scaled
from app.gui.signs import Tone

TOUCH_PX = 56
# They move in the sheet; all others go on doing what they do on the live page: a pedal must not stop working.
_OF_SHEETS = frozenset(
    {
        Qt.Key.Key_Space,
        Qt.Key.Key_Return,
        Qt.Key.Key_Enter,
        Qt.Key.Key_Left,
        Qt.Key.Key_Right,
        Qt.Key.Key_Up,
        Qt.Key.Key_Down,
        Qt.Key.Key_PageUp,
        Qt.Key.Key_PageDown,
        Qt.Key.Key_Home,
        Qt.Key.Key_End,
        Qt.Key.Key_Tab,
        Qt.Key.Key_Backtab,
    }
)


class Sheet(QWidget):
    """A surface with widgets on it. Of the window's shortcuts it keeps those keys for itself that move in it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("sheet")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)

    def event(self, event: QEvent | None) -> bool:
        """Keep a key from becoming a shortcut."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.ShortcutOverride and _moves(event):
            event.accept()
            return True
        return super().event(event)


class Choice(QWidget):
    """One of a few, each a button; arrow keys move among them.

    Args:
        options: value and words of each.
        columns: how many stand in a row.
    """

    chosen = pyqtSignal(object)

    def __init__(self, options: Iterable[tuple[object, str]], parent: QWidget | None = None, columns: int = 5) -> None:
        super().__init__(parent)
        self._group = QButtonGroup(self)
        self.buttons: dict[object, QPushButton] = {}
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(8)
        for number, (value, words) in enumerate(options):
            made = button(words)
            made.setCheckable(True)
            made.clicked.connect(lambda _checked, value=value: self.chosen.emit(value))
            self._group.addButton(made)
            self.buttons[value] = made
            grid.addWidget(made, number // columns, number % columns)

    @property
    def value(self) -> object:
        """What is chosen; None if nothing is."""
        return next((value for value, made in self.buttons.items() if made.isChecked()), None)

    def show_value(self, value: object) -> None:
        """Show what is chosen; nothing if there is no such option. Says nothing to listeners."""
        self._group.setExclusive(False)
        for other, made in self.buttons.items():
            made.setChecked(other == value)
        self._group.setExclusive(True)


class Combo(QComboBox):
    """A list to choose from; the style sheet takes its arrow away, so that it is painted here."""

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint the box and its arrow."""
        super().paintEvent(event)
        painter = QPainter(self)
        try:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(theme.TEXT, 3))
            x, y, half = self.width() - 28.0, self.height() / 2 + 4, 9.0
            painter.drawPolyline(QPolygonF([QPointF(x - half, y - half), QPointF(x, y), QPointF(x + half, y - half)]))
        finally:
            painter.end()


class Scroll(QScrollArea):
    """Scrolls up and down only: as wide as what is in it needs to be."""

    def minimumSizeHint(self) -> QSize:
        """Room for the content's width and the bar."""
        content, bar = self.widget(), self.verticalScrollBar()
        if content is None or bar is None:
            return super().minimumSizeHint()
        return QSize(content.minimumSizeHint().width() + bar.sizeHint().width(), super().minimumSizeHint().height())


def button(words: str, then: Callable[[], object] | None = None, *, main: bool = False) -> QPushButton:
    """A button that the keyboard reaches.

    Args:
        words: on it.
        then: what it does.
        main: it is what most people want next.
    """
    made = QPushButton(words)
    made.setAutoDefault(False)
    made.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    if main:
        made.setObjectName("main")
    if then is not None:
        made.clicked.connect(lambda: then())
    return made


def label(words: str = "", kind: str = "") -> QLabel:
    """Words that wrap. Kinds: ``title``, ``heading``, ``soft``, ``caution``, ``fault``; else plain."""
    made = QLabel(words)
    made.setObjectName(kind)
    made.setWordWrap(True)
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
    return made


def combo() -> QComboBox:
    """A list to choose from whose rows are as large as buttons."""
    made = Combo()
    made.setItemDelegate(QStyledItemDelegate(made))  # else the style sheet does not reach the rows
    made.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
    return made


def column(*widgets: QWidget, stretch: bool = True) -> QVBoxLayout:
    """Widgets below each other."""
    made = QVBoxLayout()
    made.setSpacing(12)
    for widget in widgets:
        made.addWidget(widget)
    if stretch:
        made.addStretch(1)
    return made


def scrolling(content: QWidget) -> QScrollArea:
    """The widget in a room that scrolls, also by a finger."""
    area = Scroll()
    content.setObjectName("scrolled")
    area.setWidget(content)
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    QScroller.grabGesture(area.viewport(), QScroller.ScrollerGestureType.TouchGesture)
    return area


def key_text(event: QKeyEvent) -> str:
    """The key of an event in Qt's portable spelling; empty for a modifier that is pressed alone."""
    key = event.key()
    if key in (0, Qt.Key.Key_unknown, Qt.Key.Key_Shift, Qt.Key.Key_Control, Qt.Key.Key_Alt, Qt.Key.Key_Meta):
        return ""
    if key in (Qt.Key.Key_AltGr, Qt.Key.Key_CapsLock, Qt.Key.Key_NumLock):
        return ""
    held = event.modifiers() & ~(Qt.KeyboardModifier.KeypadModifier | Qt.KeyboardModifier.GroupSwitchModifier)
    if 0x20 < key < 0x1000000 and not chr(key).isalpha():
        held &= ~Qt.KeyboardModifier.ShiftModifier  # a question mark is one key, on whatever keyboard
    return QKeySequence(QKeyCombination(held, Qt.Key(key))).toString(QKeySequence.SequenceFormat.PortableText)


def style(unit: float) -> str:
    """The style sheet of a sheet whose page has this many pixels per design pixel."""
    body, soft, heading, title = (scaled(size, unit, least) for size, least in _TYPE)
    touch, bar = scaled(TOUCH_PX, unit, TOUCH_PX), scaled(30, unit, 24)
    tones = {tone: colour.name() for tone, colour in theme.TONES.items()}
    text, faint, mark = theme.TEXT.name(), theme.TEXT_SOFT.name(), theme.MARKER.name()
    line, raised, pressed = theme.LINE.name(), theme.PANEL_RAISED.name(), theme.PANEL_PRESSED.name()
    panel, ink = theme.PANEL.name(), theme.INK.name()
    family = theme.font(body).family()
    return f"""
* {{ font-family: "{family}"; font-size: {body}px; color: {text}; }}
QWidget#sheet, QWidget#scrolled, QScrollArea {{ background: {panel}; }}
QFrame#card {{ background: {panel}; border: 1px solid {line}; }}
QLabel {{ background: transparent; }}
QLabel#title {{ font-size: {title}px; font-weight: 600; }}
QLabel#heading {{ font-size: {heading}px; font-weight: 600; }}
QLabel#soft {{ font-size: {soft}px; color: {faint}; }}
QLabel#caution {{ color: {tones[Tone.CAUTION]}; font-weight: 600; }}
QLabel#fault {{ color: {tones[Tone.FAULT]}; font-weight: 600; }}
QPushButton, QLineEdit, QComboBox {{ background: {raised}; border: 2px solid {faint}; border-radius: 6px;
  min-height: {touch - 4}px; padding: 0 14px; selection-background-color: {mark}; selection-color: {ink}; }}
QLineEdit {{ placeholder-text-color: {faint}; }}
QPushButton {{ min-width: {touch - 32}px; }}
QPushButton:pressed {{ background: {pressed}; }}
QPushButton:checked {{ background: {text}; color: {ink}; border-color: {text}; font-weight: 600; }}
QPushButton:disabled, QLineEdit:disabled, QComboBox:disabled {{ color: {faint}; border-color: {line}; }}
QPushButton#main {{ background: {mark}; color: {ink}; border-color: {mark}; font-weight: 600; }}
QPushButton#main:disabled {{ background: {raised}; color: {faint}; border-color: {line}; }}
QPushButton#source {{ text-align: left; }}
QPushButton:focus, QLineEdit:focus, QComboBox:focus {{ border: 4px solid {mark}; min-height: {touch - 8}px;
  padding: 0 12px; }}
QPushButton#main:focus {{ border-color: {text}; }}
QComboBox::drop-down {{ width: {touch}px; border: none; }}
QComboBox QAbstractItemView {{ background: {raised}; border: 2px solid {mark}; outline: none;
  selection-background-color: {text}; selection-color: {ink}; }}
QComboBox QAbstractItemView::item {{ min-height: {touch}px; }}
QScrollBar:vertical {{ background: {panel}; width: {bar}px; }}
QScrollBar::handle:vertical {{ background: {pressed}; min-height: {touch}px; border-radius: 6px; margin: 2px; }}
QScrollBar::add-line:vertical, QScrollBar::sub-line:vertical {{ height: 0; }}
QToolTip {{ background: {raised}; }}
"""


_TYPE = ((26, 16), (22, 14), (32, 19), (42, 22))


def _moves(event: QKeyEvent) -> bool:
    plain = event.modifiers() & ~(Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.KeypadModifier)
    return event.key() in _OF_SHEETS and plain == Qt.KeyboardModifier.NoModifier
