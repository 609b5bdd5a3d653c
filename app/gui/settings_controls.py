"""One row for each setting: its name, a control of the right kind, where the value comes from, and what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import QFileDialog, QFrame, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from app.gui.language import decimal, tr
from app.gui.settings_fields import Kind, Row
from app.gui.settings_texts import CHOICES, NAMES, NOTHING, ORIGINS
from app.gui.setup_parts import Choice, button, label
from app.settings.rooms import without_password

_ROW_OF_CHOICES = 32  # letters that fit side by side on a small screen


class Control(QWidget):
    """What a value is chosen with."""

    chosen = pyqtSignal(object)

    def show_value(self, value: Any) -> None:
        """Show what holds; says nothing to listeners."""
        raise NotImplementedError


class OneOf(Control):
    """A switch or one of a few; words on each choice may stand below."""

    def __init__(self, row: Row, beside: Mapping[str, str]) -> None:
        super().__init__()
        if row.kind is Kind.SWITCH:
            options: list[tuple[object, str]] = [(False, tr("Off")), (True, tr("On"))]
        else:
            options = [(word, tr(CHOICES.get(word, word))) for word in row.choices]
        long = sum(len(words) for _, words in options) > _ROW_OF_CHOICES
        self.choice = Choice(options, columns=2 if long else 4)
        self.choice.chosen.connect(self.chosen)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.addWidget(self.choice)
        for word, words in options:
            if more := beside.get(str(word)):
                box.addWidget(label(f"{words}: {more}"))

    def show_value(self, value: Any) -> None:
        """Show what holds."""
        self.choice.show_value(value)


class Stepper(Control):
    """A number with a button on either side, and one for nothing where that is allowed."""

    def __init__(self, row: Row) -> None:
        super().__init__()
        self._row = row
        self._value: float | None = None
        self.less = button("\N{MINUS SIGN}", lambda: self._step(-1))
        self.more = button("+", lambda: self._step(1))
        for arrow, name in ((self.less, tr("Less")), (self.more, tr("More"))):
            arrow.setAutoRepeat(True)
            arrow.setAutoRepeatInterval(150)
            arrow.setAccessibleName(name)
        self.shown = label()
        self.shown.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.none = button(tr(NOTHING.get(row.key, "None")), lambda: self.chosen.emit(None))
        self.none.setCheckable(True)
        box = QHBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        for widget, stretch in ((self.less, 0), (self.shown, 1), (self.more, 0), (self.none, 0)):
            box.addWidget(widget, stretch)
        if not row.optional:
            self.none.hide()

    def show_value(self, value: Any) -> None:
        """Show what holds."""
        self._value = value
        self.shown.setText("" if value is None else decimal(f"{value:g}"))
        self.none.setChecked(value is None)

    def _step(self, by: int) -> None:
        value = self._row.stepped(self._value, by)
        if value != self._value:
            self.show_value(value)
            self.chosen.emit(value)


class TextField(Control):
    """Text, taken when Return is pressed or the field is left; empty is nothing. Folders can be chosen, too."""

    def __init__(self, row: Row) -> None:
        super().__init__()
        self._row = row
        self._shown = ""
        self.field = QLineEdit()
        self.field.setMaxLength(4096)
        self.field.setAccessibleName(tr(NAMES[row.key][0]) if row.key in NAMES else row.key)
        self.field.editingFinished.connect(self._take)
        box = QHBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.addWidget(self.field, 1)
        if row.kind is Kind.FOLDER:
            box.addWidget(button(tr("Choose ..."), self.choose_folder))

    def show_value(self, value: Any) -> None:
        """Show what holds, unless the user is writing."""
        text = "" if value is None else str(without_password(value))  # others read this screen, too
        if text != self._shown or not self.field.hasFocus():
            self._shown = text
            self.field.setText(text)

    def choose_folder(self, path: str | None = None) -> None:
        """Take a folder; without one, ask for it."""
        if path is None:
            path = QFileDialog.getExistingDirectory(self, self.field.accessibleName(), str(Path.home()))
        if path:
            self.field.setText(path)
            self._take()

    def _take(self) -> None:
        text = self.field.text().strip()
        if text != self._shown:
            self._shown = text
            self.chosen.emit(text or (None if self._row.optional else ""))


class SettingRow(QFrame):
    """A setting on the page.

    Args:
        row: which.
        live: a change takes effect at once.
        beside: words below each choice, as the false alarms of each sensitivity.
    """

    wished = pyqtSignal(str, object)
    undone = pyqtSignal(str)

    def __init__(self, row: Row, *, live: bool, beside: Mapping[str, str] | None = None) -> None:
        super().__init__()
        self.setObjectName("card")
        self.row = row
        self._live = live
        name, words = NAMES.get(row.key, (row.key, row.help))
        self.control = _control(row, beside or {})
        self.control.chosen.connect(lambda value: self.wished.emit(row.key, value))
        self.origin = label(kind="soft")
        self.default = button(tr("Default"), lambda: self.undone.emit(row.key))
        self.problem = label(kind="fault")
        self.problem.hide()
        foot = QHBoxLayout()
        foot.addWidget(self.origin, 1)
        foot.addWidget(self.default)
        box = QVBoxLayout(self)
        for part in (label(tr(name), "heading"), label(tr(words), "soft"), self.control, self.problem):
            box.addWidget(part)
        box.addLayout(foot)

    def show_value(self, value: Any, origin: str) -> None:
        """Show what holds, and where it comes from."""
        self.control.show_value(value)
        self.show_problem("")
        self.default.setVisible(origin in ("file", "room"))
        when = tr("takes effect now") if self._live else tr("takes effect at the next start")
        self.origin.setText(f"{tr(ORIGINS.get(origin, origin))} · {when}")

    def show_problem(self, words: str) -> None:
        """Say what is wrong with what was wished for; empty: nothing."""
        self.problem.setText(words)
        self.problem.setVisible(bool(words))


def _control(row: Row, beside: Mapping[str, str]) -> Control:
    if row.kind in (Kind.SWITCH, Kind.CHOICE):
        return OneOf(row, beside)
    return Stepper(row) if row.kind is Kind.NUMBER else TextField(row)
