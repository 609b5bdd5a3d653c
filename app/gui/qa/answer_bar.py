"""The answers to a clip: one large button and one key each, always in the same place, so that fingers learn them.

What makes no sense for a clip is faint and does nothing: a clip without a box has no false alarm.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PyQt6.QtCore import QSize, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QPainter, QPaintEvent
from PyQt6.QtWidgets import QAbstractButton, QGridLayout, QSizePolicy, QWidget

from app.gui import theme
from app.gui.language import mark, tr
from app.gui.qa.keys import Act
from app.gui.qa.shortcuts import tip
from app.gui.sign_kinds import Tone
from app.qa.worklist.answers import ClipKind, Verdict

Rows = tuple["Choice", ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer.

    Attributes:
        verdict: what it says.
        act: what its keys do.
        key: the one on the button.
        words: on the button.
        tone: of the stripe at its left; the words carry the meaning.
    """

    verdict: Verdict
    act: Act
    key: str
    words: str
    tone: Tone


CHOICES: Rows = (
    Choice("right", Act.ANSWER_RIGHT, "1", mark("Right: a polyp"), Tone.GOOD),
    Choice("wall", Act.ANSWER_WALL, "2", mark("False: wall"), Tone.FAULT),
    Choice("content", Act.ANSWER_CONTENT, "3", mark("False: content"), Tone.FAULT),
    Choice("instrument", Act.ANSWER_INSTRUMENT, "4", mark("False: instrument"), Tone.FAULT),
    Choice("light", Act.ANSWER_LIGHT, "5", mark("False: light"), Tone.FAULT),
    Choice("scar", Act.ANSWER_SCAR, "6", mark("False: scar"), Tone.FAULT),
    Choice("missed", Act.ANSWER_MISSED, "7", mark("Missed polyp"), Tone.CAUTION),
    Choice("unsure", Act.ANSWER_UNSURE, "8", mark("Unsure"), Tone.QUIET),
    Choice("nothing", Act.ANSWER_NOTHING, "9", mark("No polyp here"), Tone.QUIET),
)
"""In the order of their keys."""

AUDIT_CHOICES: Rows = (
    Choice("missed", Act.ANSWER_MISSED, "Y", mark("Yes, a polyp"), Tone.CAUTION),
    Choice("nothing", Act.ANSWER_NOTHING, "N", mark("No"), Tone.QUIET),
    Choice("unsure", Act.ANSWER_UNSURE, "U", mark("Unsure"), Tone.QUIET),
)
"""To 'is there a polyp in this clip that nobody marked?'."""

_BOXED = frozenset({"right", "wall", "content", "instrument", "light", "scar"})


def offered(kind: ClipKind, *, boxed: bool) -> frozenset[Verdict]:
    """What can be answered to a clip.

    Args:
        kind: why it is asked.
        boxed: it asks about a box.
    """
    if kind == "audit":
        return frozenset({"missed", "nothing", "unsure"})
    every: frozenset[Verdict] = frozenset(choice.verdict for choice in CHOICES)
    return every - {"nothing"} if boxed else frozenset({"missed", "nothing", "unsure"})


class AnswerBar(QWidget):
    """The buttons of one set of choices, in two rows where one is too narrow.

    Attributes:
        answered: the verdict whose button was pressed.
    """

    answered = pyqtSignal(str)

    def __init__(self, choices: Rows, columns: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.buttons: dict[Verdict, AnswerButton] = {}
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(6)
        for number, choice in enumerate(choices):
            made = AnswerButton(choice, self)
            made.clicked.connect(self._teller(choice.verdict))
            self.buttons[choice.verdict] = made
            grid.addWidget(made, number // columns, number % columns)

    def offer(self, verdicts: frozenset[Verdict]) -> None:
        """Only these can be given now."""
        for verdict, made in self.buttons.items():
            made.setEnabled(verdict in verdicts)

    def press(self, verdict: Verdict) -> None:
        """Do what the button does, and show it."""
        made = self.buttons.get(verdict)
        if made is not None and made.isEnabled():
            made.click()

    def _teller(self, verdict: Verdict) -> Callable[[], None]:
        return lambda: self.answered.emit(verdict)


class AnswerButton(QAbstractButton):
    """A key, and what it says."""

    def __init__(self, choice: Choice, parent: QWidget) -> None:
        super().__init__(parent)
        self.choice = choice
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # Space and Enter belong to the clip
        self.setText(tr(choice.words))
        self.setAccessibleName(tr(choice.words))
        self.setToolTip(tip(choice.act))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """Room for the longest words."""
        return QSize(150, 52)

    def minimumSizeHint(self) -> QSize:
        """What a mouse hits in passing, with the words in two lines."""
        return QSize(96, 52)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint ground, stripe, key and words."""
        painter = QPainter(self)
        try:
            self._paint(painter)
        finally:
            painter.end()

    def _paint(self, painter: QPainter) -> None:
        alive = self.isEnabled()
        ground = theme.PANEL
        if alive:
            ground = theme.PANEL_PRESSED if self.isDown() or self.underMouse() else theme.PANEL_RAISED
        painter.fillRect(self.rect(), ground)
        painter.fillRect(0, 0, 5, self.height(), theme.TONES[self.choice.tone] if alive else theme.LINE)
        key_font = theme.font(18, strong=True)
        box = self.rect().adjusted(12, 0, 0, 0)
        box.setWidth(24)
        painter.setFont(key_font)
        painter.setPen(_ink(alive))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, self.choice.key)
        painter.setFont(theme.font(14))
        painter.setPen(_ink(alive))
        room = self.rect().adjusted(42, 0, -4, 0)
        flags = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        painter.drawText(room, int(flags) | int(Qt.TextFlag.TextWordWrap), self.text())


def _ink(alive: bool) -> QColor:
    return theme.TEXT if alive else theme.TEXT_SOFT
