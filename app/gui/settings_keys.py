"""The keys of actions: press the key, or the pedal, and it is learnt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PyQt6.QtCore import QEvent, Qt, pyqtSignal
from PyQt6.QtGui import QFocusEvent, QKeyEvent
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from app.gui.keys import KEYS, Key
from app.gui.language import tr
from app.gui.setup_parts import button, key_text, label


class LearnButton(QPushButton):
    """Takes the next key that is pressed, whatever it does elsewhere. Escape, or another click, gives up."""

    learnt = pyqtSignal(str)

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self._words = words
        self.listening = False
        self.setAutoDefault(False)
        self.clicked.connect(lambda: self.listen(not self.listening))

    def listen(self, on: bool) -> None:
        """Wait for a key, or no longer."""
        self.listening = on
        self.setText(tr("Press the key or pedal ...") if on else self._words)
        if on:
            self.setFocus()

    def event(self, event: QEvent | None) -> bool:
        """While listening, no key is a shortcut, and Tab is a key like all others."""
        if self.listening and isinstance(event, QKeyEvent):
            if event.type() == QEvent.Type.ShortcutOverride:
                event.accept()
                return True
            if event.type() == QEvent.Type.KeyPress:
                self._hear(event)
                return True
            if event.type() == QEvent.Type.KeyRelease:
                return True
        return super().event(event)

    def focusOutEvent(self, event: QFocusEvent | None) -> None:
        """Give up."""
        self.listen(False)
        super().focusOutEvent(event)

    def _hear(self, event: QKeyEvent) -> None:
        text = key_text(event)
        if not text or event.isAutoRepeat():
            return
        self.listen(False)
        if event.key() != Qt.Key.Key_Escape:
            self.learnt.emit(text)


class KeyRow(QFrame):
    """The keys of one action."""

    wished = pyqtSignal(str, object)
    undone = pyqtSignal(str)

    def __init__(self, key: Key) -> None:
        super().__init__()
        self.setObjectName("card")
        self.key = f"keys.{key.action.name.lower()}"
        self.words = tr(key.help)
        self._names: tuple[str, ...] = ()
        self.shown = label()
        self.change = LearnButton(tr("Change"))
        self.change.learnt.connect(lambda text: self.wished.emit(self.key, [text]))
        self.add = LearnButton(tr("One more"))
        self.add.learnt.connect(lambda text: self.wished.emit(self.key, [*self._names, text]))
        self.default = button(tr("Default"), lambda: self.undone.emit(self.key))
        self.problem = label(kind="fault")
        self.problem.hide()
        top = QHBoxLayout()
        top.addWidget(label(self.words), 3)
        top.addWidget(self.shown, 2)
        foot = QHBoxLayout()
        foot.addStretch(1)
        for one in (self.change, self.add, self.default):
            foot.addWidget(one)
        box = QVBoxLayout(self)
        box.addLayout(top)
        box.addWidget(self.problem)
        box.addLayout(foot)

    @property
    def names(self) -> tuple[str, ...]:
        """The keys that hold."""
        return self._names

    def show_value(self, names: Sequence[str], origin: str) -> None:
        """Show the keys that hold."""
        self._names = tuple(names)
        self.shown.setText("   ".join(names) or tr("no key"))
        self.shown.setObjectName("heading")
        self.default.setVisible(origin in ("file", "room"))
        self.show_problem("")

    def show_problem(self, words: str) -> None:
        """Say whose key it is already; empty: all is well."""
        self.problem.setText(words)
        self.problem.setVisible(bool(words))


class KeyRows(QWidget):
    """All actions with their keys."""

    wished = pyqtSignal(str, object)
    undone = pyqtSignal(str)

    def __init__(self) -> None:
        super().__init__()
        self.rows: Mapping[str, KeyRow] = {row.key: row for row in map(KeyRow, KEYS)}
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.addWidget(label(tr("A foot pedal is a keyboard: click, then step on it. At the next start."), "soft"))
        for row in self.rows.values():
            row.wished.connect(self._wish)
            row.undone.connect(self.undone)
            box.addWidget(row)

    def _wish(self, wanted: str, names: list[str]) -> None:
        """Pass a wish on, unless one of the keys is another action's."""
        for row in self.rows.values():
            taken = set(names) & set(row.names)
            if row.key != wanted and taken:
                words = tr("{key} is already the key for: {action}. Choose another one, or change that first.")
                self.rows[wanted].show_problem(words.format(key=min(taken), action=row.words))
                return
        self.wished.emit(wanted, names)
