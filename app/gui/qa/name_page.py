"""Asks who reviews: once, and again when somebody else sits down."""

from __future__ import annotations

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtGui import QKeyEvent
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from app.gui.language import told, tr
from app.gui.setup_parts import button, label
from app.qa.review.places import slug_of
from detector.errors import UsageError

_WIDTH_PX = 520
_LONGEST = 80


class NamePage(QWidget):
    """A question in the middle of the window.

    Attributes:
        given: a name that can be used.
        left: nothing is to change.
    """

    given = pyqtSignal(str)
    left = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("page")
        self.field = QLineEdit()
        self.field.setMaxLength(_LONGEST)
        self.field.setPlaceholderText(tr("For example: Anna Rossi"))
        self.field.setAccessibleName(tr("Your name"))
        self.field.returnPressed.connect(self._give)
        self.field.textChanged.connect(lambda _: self.problem.setText(""))
        self.problem = label(kind="fault")
        self.go_on = button(tr("Begin"), self._give, main=True)
        self.back = button(tr("Back"), self.left.emit)
        buttons = QHBoxLayout()
        buttons.addWidget(self.go_on)
        buttons.addWidget(self.back)
        buttons.addStretch(1)
        card = QFrame()
        card.setObjectName("card")
        card.setFixedWidth(_WIDTH_PX)
        box = QVBoxLayout(card)
        box.setContentsMargins(24, 20, 24, 20)
        box.setSpacing(12)
        box.addWidget(label(tr("Who reviews?"), "title"))
        words = tr(
            "Your name stands in every review that you write, so that readers can be compared and each goes on where "
            "they stopped. It stays on this computer and in the folders of the recordings."
        )
        box.addWidget(label(words, "soft"))
        box.addWidget(self.field)
        box.addWidget(self.problem)
        box.addLayout(buttons)
        # Not by an alignment: words that wrap would not get the height that they need.
        across = QHBoxLayout()
        across.addStretch(1)
        across.addWidget(card)
        across.addStretch(1)
        whole = QVBoxLayout(self)
        whole.addStretch(1)
        whole.addLayout(across)
        whole.addStretch(2)

    def ask(self, name: str, *, may_leave: bool) -> None:
        """Ask, with a name to begin from."""
        self.field.setText(name)
        self.field.selectAll()
        self.back.setVisible(may_leave)
        self.field.setFocus()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Esc leaves everything as it is."""
        if event is not None and event.key() == Qt.Key.Key_Escape and self.back.isVisible():
            self.left.emit()
            return
        super().keyPressEvent(event)

    def _give(self) -> None:
        name = " ".join(self.field.text().split())
        try:
            slug_of(name)
        except UsageError as error:
            self.problem.setText(told(str(error)))
            return
        self.given.emit(name)
