"""At the side of the page on which differences are settled: how many there are, which is looked at, and the answers.

It shows and asks; it changes nothing by itself. Every answer is a button with its key.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from PyQt6.QtCore import QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QPainter, QPaintEvent
from PyQt6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from app.gui import theme
from app.gui.language import tr
from app.gui.qa.keys import Act, key_text
from app.gui.qa.lesion_words import HISTOLOGIES, LSTS, PARIS, SITES
from app.gui.qa.look import TARGET_PX
from app.gui.qa.review_canvas_layers import Layer, sample
from app.gui.qa.saying import progress_bar, show_share
from app.gui.qa.shortcuts import tip
from app.gui.setup_parts import button, combo, label
from app.gui.text import draw_line, width_of

_SIDE_PX = 328
_MOST_MM = 300


class Legend(QWidget):
    """The line of a reader's boxes, and the letter."""

    def __init__(self, entries: Sequence[tuple[Layer, str]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._entries = tuple(entries)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """One line."""
        return QSize(200, 22)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint lines and words beside each other."""
        painter = QPainter(self)
        try:
            x, middle, font = 0, self.height() / 2, theme.font(13, strong=True)
            for layer, words in self._entries:
                sample(painter, layer, QRectF(x, middle - 2, 28, 4))
                wide = width_of(words, font)
                draw_line(painter, self.rect().adjusted(x + 36, 0, 0, 0), words, font, theme.TEXT)
                x += 36 + round(wide) + 22
        finally:
            painter.end()


class SettlePanel(QFrame):
    """See the module.

    Attributes:
        chosen: somebody clicked this difference: its place in the list.
        wished: an `Act`.
        buttons: by action.
    """

    chosen = pyqtSignal(int)
    wished = pyqtSignal(Act)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("side")
        self.setFixedWidth(_SIDE_PX)
        self.progress, self.bar = label(kind="title"), progress_bar()
        self.figures, self.who = label(kind="soft"), label(kind="soft")
        self.rows = QListWidget()
        self.rows.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # keys stay with the picture
        self.rows.setAccessibleName(tr("Differences"))
        self.rows.itemClicked.connect(lambda item: self.chosen.emit(item.data(Qt.ItemDataRole.UserRole)))
        self.kind, self.question, self.place = label(kind="heading"), label(), label(kind="soft")
        legend = Legend(((Layer.A, "A"), (Layer.B, "B"), (Layer.OWN, tr("settled, or yours"))))
        self.buttons: dict[Act, QPushButton] = {}
        self._attribute = ""
        self.size_mm, self.values = QLineEdit(), combo()
        self.size_mm.setPlaceholderText(tr("Size, mm"))
        self.size_mm.setAccessibleName(tr("Your own value"))
        self.values.setAccessibleName(tr("Your own value"))
        self.values.setMinimumHeight(TARGET_PX)
        self.values.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.values.activated.connect(lambda _: self.wished.emit(Act.SETTLE_TAKE))
        box = QVBoxLayout(self)
        box.setContentsMargins(10, 8, 10, 8)
        box.setSpacing(6)
        for widget in (self.progress, self.bar, self.figures, self.who):
            box.addWidget(widget)
        box.addWidget(self.rows, 1)
        for words in (self.kind, self.question, self.place):
            box.addWidget(words)
        box.addWidget(legend)
        for act in (Act.SETTLE_A, Act.SETTLE_B, Act.SETTLE_NEITHER, Act.SETTLE_OWN):
            box.addWidget(self._made(act))
        box.addWidget(self.size_mm)
        box.addWidget(self.values)
        last = QHBoxLayout()
        last.setSpacing(4)
        for act, text in ((Act.SETTLE_BACK, tr("Undo")), (Act.SETTLE_PUBLISH, tr("Publish ..."))):
            made = self._made(act)
            made.setText(text)
            last.addWidget(made, 1)
        box.addSpacing(4)
        box.addLayout(last)
        self.buttons[Act.SETTLE_PUBLISH].setObjectName("main")

    # -- what it shows ------------------------------------------------------------------------------------------------

    def show_progress(self, settled: int, of: int) -> None:
        """How many are settled."""
        self.progress.setText(tr("{n} of {all} settled").format(n=settled, all=of) if of else tr("No differences"))
        show_share(self.bar, settled, max(1, of))
        self.bar.setVisible(bool(of))

    def show_figures(self, words: str, who: str) -> None:
        """How far the readers agreed; and who they were, once that may be known."""
        self.figures.setText(words)
        self.who.setText(who)

    def show_list(self, lines: Sequence[str], current: int | None) -> None:
        """The differences, and which is looked at."""
        if [self.rows.item(i).text() for i in range(self.rows.count())] != list(lines):  # type: ignore[union-attr]
            self.rows.clear()
            for number, line in enumerate(lines):
                item = QListWidgetItem(line)
                item.setData(Qt.ItemDataRole.UserRole, number)
                item.setSizeHint(QSize(0, TARGET_PX))
                self.rows.addItem(item)
        self.rows.setCurrentRow(-1 if current is None else current)

    def show_question(self, kind: str, words: str, place: str, answers: dict[Act, str], attribute: str) -> None:
        """What is to be decided, with the words of the answers; none: there is nothing to decide."""
        self.kind.setText(kind)
        self.question.setText(words)
        self.place.setText(place)
        for act in (Act.SETTLE_A, Act.SETTLE_B, Act.SETTLE_NEITHER, Act.SETTLE_OWN):
            self.buttons[act].setVisible(act in answers)
            self.buttons[act].setText(f"{key_text(act)}   {answers.get(act, '')}")
        self._offer(attribute)

    def set_editable(self, editable: bool, *, back: bool, publish: bool) -> None:
        """Which of the buttons do something."""
        for act, made in self.buttons.items():
            able = {Act.SETTLE_BACK: back, Act.SETTLE_PUBLISH: publish}.get(act, True)
            made.setEnabled(editable and able)
        self.size_mm.setEnabled(editable)
        self.values.setEnabled(editable)

    # -- a value of one's own -----------------------------------------------------------------------------------------

    def ask_value(self) -> None:
        """Put the keyboard where a value is chosen."""
        field = self.size_mm if self._attribute == "size_mm" else self.values
        field.setFocus(Qt.FocusReason.ShortcutFocusReason)
        if field is self.values:
            self.values.showPopup()

    @property
    def value(self) -> Any:
        """What was chosen or typed; None if that is nothing that can be meant."""
        if self._attribute != "size_mm":
            return self.values.currentData()
        try:
            size = float(self.size_mm.text().strip().replace(",", "."))
        except ValueError:
            return None
        return size if 0 < size <= _MOST_MM else None

    def _offer(self, attribute: str) -> None:
        self.size_mm.setVisible(attribute == "size_mm")
        self.values.setVisible(attribute not in ("", "size_mm"))
        if attribute == self._attribute:
            return
        self._attribute = attribute
        self.size_mm.clear()
        self.values.clear()
        self.values.addItem(tr("Your own value"), None)
        for value, words in _CHOICES.get(attribute, {}).items():
            self.values.addItem(tr(words), value)

    def clear_value(self) -> None:
        """The next difference is asked anew."""
        self.size_mm.clear()
        self.values.setCurrentIndex(0)

    def _made(self, act: Act) -> QPushButton:
        made = button("", partial(self.wished.emit, act))
        made.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        made.setToolTip(tip(act))
        if act not in (Act.SETTLE_BACK, Act.SETTLE_PUBLISH):
            made.setStyleSheet("text-align: left;")
        self.buttons[act] = made
        return made


_CHOICES: dict[str, dict[str, str]] = {
    "paris": {name: f"0-{name}" for name in PARIS},
    "lst": {name: name for name in LSTS},
    "site": SITES,
    "histology": HISTOLOGIES,
}
