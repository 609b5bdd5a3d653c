"""A page that has nothing to show yet: what the matter is, how far it is, and the one button that most people want."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from app.gui import theme
from app.gui.setup_parts import button, label

_WIDEST_PX = 720

Offer = tuple[str, Callable[[], object]]
"""Words on a button, and what it does."""


class Saying(QWidget):
    """Title, words, progress, buttons; in the middle of its room."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = label(kind="title")
        self.words = label()
        self.bar = progress_bar()
        self.buttons: list[QPushButton] = []
        self._row = QHBoxLayout()
        inner = QWidget(self)
        inner.setMaximumWidth(_WIDEST_PX)
        inside = QVBoxLayout(inner)
        inside.setSpacing(14)
        for widget in (self.title, self.words, self.bar):
            inside.addWidget(widget)
        inside.addLayout(self._row)
        across = QHBoxLayout()
        across.addStretch(1)
        across.addWidget(inner, 4)
        across.addStretch(1)
        whole = QVBoxLayout(self)
        whole.addStretch(2)
        whole.addLayout(across)
        whole.addStretch(3)

    def say(self, title: str, words: str = "", offers: Sequence[Offer] = ()) -> None:
        """Say this; the first offer is the one that most people want."""
        self.title.setText(title)
        self.words.setText(words)
        self.bar.hide()
        if any(old.hasFocus() for old in self.buttons):
            self.setFocus()  # the page keeps the keyboard: else it would go to whatever comes next in the window
        for old in self.buttons:
            self._row.removeWidget(old)
            old.hide()
            old.deleteLater()
        while self._row.count():
            self._row.takeAt(0)
        self.buttons = [button(text, then, main=number == 0) for number, (text, then) in enumerate(offers)]
        for made in self.buttons:
            self._row.addWidget(made)
        self._row.addStretch(1)

    def show_progress(self, done: int, of: int) -> None:
        """How far it is; of nothing: it goes on, nobody knows for how long."""
        show_share(self.bar, done, of)


def progress_bar(parent: QWidget | None = None) -> QProgressBar:
    """A thin bar; hidden until there is something to show."""
    made = QProgressBar(parent)
    made.setTextVisible(False)
    made.setFixedHeight(8)
    made.setStyleSheet(
        f"QProgressBar {{ background: {theme.PANEL_RAISED.name()}; border: none; border-radius: 4px; }}"
        f"QProgressBar::chunk {{ background: {theme.MARKER.name()}; border-radius: 4px; }}"
    )
    made.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    made.hide()
    return made


def show_share(bar: QProgressBar, done: int, of: int) -> None:
    """How far it is; of nothing: a bar that only moves."""
    bar.setRange(0, of)
    bar.setValue(done)
    bar.show()
