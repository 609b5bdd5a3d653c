"""Before differences are settled: who decides, and between which two readers."""

from __future__ import annotations

from collections.abc import Sequence

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtGui import QKeyEvent
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from app.gui.language import told, tr
from app.gui.setup_parts import button, combo, label
from app.qa.review.places import slug_of
from app.qa.review.settling import Committed, Two, pairs_of
from detector.errors import UsageError

_WIDTH_PX = 560
_LONGEST = 60


class SettleStart(QWidget):
    """A card in the middle of the page.

    Attributes:
        given: two readers, and the name of whoever decides.
        left: nothing is to be settled.
    """

    given = pyqtSignal(object, str)
    left = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("page")
        self.title = label(kind="title")
        self.pair_words, self.pair = label(tr("Between which two"), "soft"), combo()
        self.field = QLineEdit()
        self.field.setMaxLength(_LONGEST)
        self.field.setPlaceholderText(tr("For example: Anna Rossi"))
        self.field.setAccessibleName(tr("Who decides?"))
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
        words = tr(
            "What both readers say is taken over. On what they differ, a third decides, and does not learn who is A "
            "and who is B before all is settled. Every decision is kept in a log of its own."
        )
        for widget in (
            self.title,
            label(words, "soft"),
            self.pair_words,
            self.pair,
            label(tr("Who decides?"), "heading"),
            self.field,
            self.problem,
        ):
            box.addWidget(widget)
        box.addLayout(buttons)
        across = QHBoxLayout()
        across.addStretch(1)
        across.addWidget(card)
        across.addStretch(1)
        whole = QVBoxLayout(self)
        whole.addStretch(1)
        whole.addLayout(across)
        whole.addStretch(2)

    def ask(self, title: str, readers: Sequence[Committed], name: str) -> None:
        """Ask.

        Args:
            title: of the procedure.
            readers: who have committed, two at least.
            name: to begin from; left out where it is one of two readers.
        """
        pairs = pairs_of(readers)
        self.title.setText(tr("Settle differences: {name}").format(name=title))
        self.pair.clear()
        for two in pairs:
            self.pair.addItem(tr("{a} and {b}").format(a=two[0].name, b=two[1].name), two)
        for each in (self.pair, self.pair_words):
            each.setVisible(len(pairs) > 1)
        reads = len(pairs) == 1 and name and slug_of(name) in {slug_of(reader.name) for reader in readers}
        self.field.setText("" if reads else name)
        self.field.selectAll()
        self.problem.setText("")
        self.go_on.setEnabled(True)
        self.field.setFocus(Qt.FocusReason.OtherFocusReason)

    def show_problem(self, words: str) -> None:
        """Why it cannot begin."""
        self.problem.setText(words)
        self.go_on.setEnabled(True)
        self.field.setFocus(Qt.FocusReason.OtherFocusReason)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Esc leaves everything as it is."""
        if event is not None and event.key() == Qt.Key.Key_Escape:
            self.left.emit()
            return
        super().keyPressEvent(event)

    def _give(self) -> None:
        if not self.go_on.isEnabled():
            return  # it is being begun
        name = " ".join(self.field.text().split())
        two: Two = self.pair.currentData()
        try:
            readers = {slug_of(reader.name) for reader in two}
            if slug_of(name) in readers:
                self.problem.setText(
                    tr("{name} is one of the two readers: somebody else must decide.").format(name=name)
                )
                return
        except UsageError as error:
            self.problem.setText(told(str(error)))
            return
        self.go_on.setEnabled(False)
        self.given.emit(two, name)
