"""Lines around the picture: what must be known of it, a plain question with its answers, the switches of layers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from PyQt6.QtCore import QPointF, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QPainter, QPaintEvent, QPen
from PyQt6.QtWidgets import QAbstractButton, QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QWidget

from app.gui import theme
from app.gui.language import told
from app.gui.qa.look import TARGET_PX
from app.gui.qa.review_canvas_layers import LOOKS, Layer, name_of, sample
from app.gui.qa.shortcuts import tip
from app.gui.setup_parts import button, label
from app.gui.text import draw_line, width_of

_OFF = 0.5  # how much of a line is seen that is switched off

Answers = Sequence[tuple[str, Callable[[], object]]]


class Banner(QLabel):
    """What must be known while it lasts, one sentence after the other; hidden if there is nothing."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("caution")
        self.setWordWrap(True)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        self.setContentsMargins(8, 3, 8, 3)
        self.hide()

    def show_lines(self, lines: Sequence[str]) -> None:
        """Say these."""
        words = "  \N{MIDDLE DOT}  ".join(dict.fromkeys(told(line) for line in lines if line))
        if words != self.text():
            self.setText(words)
            self.setVisible(bool(words))


class Question(QFrame):
    """A plain question across the page; Enter gives the first answer, Escape none.

    Attributes:
        closed: it is off the page again.
        buttons: of the answers, in their order; the last one lets everything be.
    """

    closed = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        self.words = label(kind="heading")
        self.buttons: list[QPushButton] = []
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(12, 8, 12, 8)
        self._row.addWidget(self.words, 1)
        self.hide()

    def ask(self, words: str, answers: Answers, leave: str) -> None:
        """Ask; takes the place of a question that is open.

        Args:
            words: the question.
            answers: words and what to do, the usual one first.
            leave: the words for doing nothing.
        """
        for old in self.buttons:
            self._row.removeWidget(old)
            old.deleteLater()
        self.words.setText(words)
        self.buttons = [button(text, partial(self._answer, then), main=not n) for n, (text, then) in enumerate(answers)]
        self.buttons.append(button(leave, self.leave))
        for made in self.buttons:
            self._row.addWidget(made)
        self.show()
        self.buttons[0].setFocus(Qt.FocusReason.OtherFocusReason)

    def confirm(self) -> None:
        """Give the answer that has the keyboard, else the first one."""
        if self.isVisible():
            next((made for made in self.buttons if made.hasFocus()), self.buttons[0]).click()

    def leave(self) -> None:
        """Do nothing."""
        if not self.isHidden():
            self.hide()
            self.closed.emit()

    def _answer(self, then: Callable[[], object]) -> None:
        self.leave()
        then()


class LayerSwitch(QAbstractButton):
    """Switches one layer; shows its line, its letter, its name and whose it is."""

    def __init__(self, layer: Layer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.layer = layer
        self._whose = ""
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setToolTip(tip(LOOKS[layer].act))
        self.setAccessibleName(name_of(layer))
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)

    def show_whose(self, whose: str) -> None:
        """Name the model, or the reader."""
        if whose != self._whose:
            self._whose = whose
            self.setToolTip(f"{whose}\n{tip(LOOKS[self.layer].act)}" if whose else tip(LOOKS[self.layer].act))

    def sizeHint(self) -> QSize:
        """As wide as line and words."""
        return QSize(width_of(self._words(), theme.font(13, strong=True)) + 52, TARGET_PX)

    def minimumSizeHint(self) -> QSize:
        """The line and a letter."""
        return QSize(64, TARGET_PX)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint; what is off is faint, struck through, and not by colour alone."""
        painter = QPainter(self)
        try:
            on = self.isChecked()
            painter.fillRect(self.rect(), theme.PANEL_RAISED if on else theme.PANEL)
            painter.setPen(QPen(theme.TEXT_SOFT if on else theme.LINE, 1))
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
            middle = self.height() / 2
            painter.setOpacity(1.0 if on else _OFF)
            sample(painter, self.layer, QRectF(8, middle - 2, 28, 4))
            painter.setOpacity(1.0)
            if not on:
                painter.setPen(QPen(theme.TEXT_SOFT, 2))
                painter.drawLine(QPointF(14, middle + 8), QPointF(30, middle - 8))
            font = theme.font(13, strong=on)
            draw_line(
                painter, self.rect().adjusted(42, 0, -4, 0), self._words(), font, theme.TEXT if on else theme.TEXT_SOFT
            )
        finally:
            painter.end()

    def _words(self) -> str:
        letter = LOOKS[self.layer].letter
        name = name_of(self.layer)
        return f"{letter}  {name}" if letter else name


class LayerRow(QFrame):
    """The switches in a row, only those that have something to show.

    Attributes:
        switched: a layer was switched on or off.
        switches: by layer.
    """

    switched = pyqtSignal(object, bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("bar")
        self.switches: dict[Layer, LayerSwitch] = {}
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 2, 8, 2)
        row.setSpacing(4)
        for layer in Layer:
            made = LayerSwitch(layer)
            made.clicked.connect(lambda on, layer=layer: self.switched.emit(layer, on))
            made.hide()
            self.switches[layer] = made
            row.addWidget(made)
        row.addStretch(1)

    def show_layers(self, present: frozenset[Layer], on: frozenset[Layer], whose: Mapping[Layer, str]) -> None:
        """Which there are, which are on, and whose they are."""
        for layer, made in self.switches.items():
            made.setVisible(layer in present)
            made.setChecked(layer in on)
            made.show_whose(whose.get(layer, ""))


class StatusLine(QFrame):
    """A line below the picture: at the left what happened last, at the right what the next click or key does.

    Attributes:
        said: what happened.
        hint: what comes next.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("bar")
        self.said, self.hint = label(), label()
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 2, 8, 2)
        for made, stretch in ((self.said, 3), (self.hint, 2)):
            made.setWordWrap(False)
            made.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            row.addWidget(made, stretch)
        self.hint.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.said.setText(" ")

    def show_said(self, words: str) -> None:
        """Say what happened."""
        self.said.setText(words or " ")
        self.said.setToolTip(words)

    def show_hint(self, words: str) -> None:
        """Say what comes next."""
        if words != self.hint.text():
            self.hint.setText(words)
            self.hint.setToolTip(words)
