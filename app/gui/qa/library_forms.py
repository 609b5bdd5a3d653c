"""Small forms: what must be known before procedures are handed out of the library."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PyQt6.QtGui import QShowEvent
from PyQt6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from app.gui.language import tr
from app.gui.setup_parts import button, combo, label

_WIDTH_PX = 620


class Form(QDialog):
    """Fields below each other; it can be sent off once all that must be said is said.

    Args:
        title: what is going to happen.
        words: what that means.
        go: on the button that begins it.
        then: called when it is sent off.
    """

    def __init__(self, parent: QWidget | None, title: str, words: str, go: str, then: Callable[[], object]) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setMinimumWidth(_WIDTH_PX)
        self._then = then
        self._needed: list[QLineEdit] = []
        self._first: QWidget | None = None
        self._rows = QFormLayout()
        self._rows.setVerticalSpacing(10)
        self.go = button(go, self._send, main=True)
        self.cancel = button(tr("Cancel"), self.reject)
        buttons = QHBoxLayout()
        buttons.addWidget(self.go)
        buttons.addWidget(self.cancel)
        buttons.addStretch(1)
        box = QVBoxLayout(self)
        box.setContentsMargins(20, 16, 20, 16)
        box.setSpacing(12)
        box.addWidget(label(title, "title"))
        box.addWidget(label(words, "soft"))
        box.addLayout(self._rows)
        box.addLayout(buttons)
        self._look()

    def showEvent(self, event: QShowEvent | None) -> None:
        """The keyboard goes to the first field."""
        super().showEvent(event)
        if self._first is not None:
            self._first.setFocus()

    def text(self, name: str, example: str = "", *, needed: bool = False) -> QLineEdit:
        """A line of text."""
        field = self._needed_field(name) if needed else QLineEdit()
        field.setPlaceholderText(example)
        field.setAccessibleName(name)
        self._first = self._first or field
        self._rows.addRow(name, field)
        return field

    def choice(self, name: str, options: Sequence[tuple[str, object]]) -> QComboBox:
        """One of several; its data is what was chosen."""
        field = combo()
        field.setAccessibleName(name)
        for words, value in options:
            field.addItem(words, value)
        self._first = self._first or field
        self._rows.addRow(name, field)
        return field

    def check(self, words: str) -> QCheckBox:
        """Yes or no."""
        field = QCheckBox(words)
        self._rows.addRow("", field)
        return field

    def place(self, name: str, *, new_file: str = "") -> QLineEdit:
        """A folder, or a new file."""
        field = self._needed_field(name)
        row = QHBoxLayout()
        row.addWidget(field, 1)
        row.addWidget(button(tr("Choose…"), lambda: self._choose(field, new_file)))
        self._rows.addRow(name, row)
        return field

    def _needed_field(self, name: str) -> QLineEdit:
        field = QLineEdit()
        field.setAccessibleName(name)
        field.textChanged.connect(lambda _: self._look())
        self._needed.append(field)
        self._look()
        return field

    def _choose(self, field: QLineEdit, new_file: str) -> None:
        start = field.text() or str(Path.home())
        if new_file:
            chosen, _ = QFileDialog.getSaveFileName(
                self, self.windowTitle(), str(Path(start) / new_file), "JSON (*.json)"
            )
        else:
            chosen = QFileDialog.getExistingDirectory(self, self.windowTitle(), start)
        if chosen:
            field.setText(chosen)

    def _look(self) -> None:
        self.go.setEnabled(all(field.text().strip() for field in self._needed))

    def _send(self) -> None:
        self.accept()
        self._then()
