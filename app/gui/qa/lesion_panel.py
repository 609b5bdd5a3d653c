"""The lesions of a review at its side: which there are, which is chosen, and what is known of it.

It shows a document and asks; it changes nothing by itself. A field is taken when it is left or Return is pressed.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from PyQt6.QtCore import QEvent, Qt, pyqtSignal
from PyQt6.QtGui import QKeyEvent
from PyQt6.QtWidgets import (
    QComboBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.gui.language import decimal, tr
from app.gui.qa.keys import Act
from app.gui.qa.lesion_words import HISTOLOGIES, LSTS, PARIS, SITES, STATES, attribute_words
from app.gui.qa.look import TARGET_PX
from app.gui.qa.shortcuts import tip
from app.gui.qa.timeline_ruler import clock
from app.gui.setup_parts import button, combo, label
from app.qa.axis import FrameAxis
from app.qa.review import Attributes, Document, Lesion

_STATE_ACTS = {
    "clear": Act.CLEAR,
    "marginal": Act.MARGINAL,
    "occluded": Act.OCCLUDED,
    "out_of_view": Act.OUT_OF_VIEW,
}

_LEADING_BACK = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Escape)


class LesionPanel(QFrame):
    """See the module.

    Attributes:
        chosen: a lesion was clicked: its number.
        wished: an `Act` on the chosen lesion, or for a new one.
        described: the chosen lesion, and what changed: ``{"size_mm": 7.0}``.
        buttons: by action.
    """

    chosen = pyqtSignal(int)
    wished = pyqtSignal(Act)
    described = pyqtSignal(int, dict)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("side")
        self._lesion: int | None = None
        self._shown: dict[int, str] = {}
        self._attributes: Attributes | None = None
        self._editable = True
        self._asked: tuple[Document, FrameAxis, int | None, int] | None = None
        self.buttons: dict[Act, QPushButton] = {}
        self.rows = QListWidget()
        self.rows.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # keys stay with the picture
        self.rows.setAccessibleName(tr("Lesions"))
        self.rows.itemClicked.connect(lambda item: self.chosen.emit(item.data(Qt.ItemDataRole.UserRole)))
        self.empty = label(tr("No lesion yet. Drag a box around one in the picture."), "soft")
        box = QVBoxLayout(self)
        box.setContentsMargins(8, 6, 8, 6)
        box.setSpacing(5)
        box.addWidget(label(tr("Lesions"), "heading"))
        box.addWidget(self.empty)
        box.addWidget(self.rows, 1)
        box.addLayout(self._row((Act.NEW_LESION, tr("New")), (Act.MERGE, tr("Merge")), (Act.SPLIT, tr("Split")),
                                (Act.ERASE_LESION, tr("Erase"))))  # fmt: skip
        states = tuple((act, tr(STATES[state])) for state, act in _STATE_ACTS.items())
        for two in (states[:2], states[2:]):
            box.addLayout(self._row(*two, checkable=True))
        box.addWidget(self._form())

    def show_document(self, document: Document, axis: FrameAxis, lesion: int | None, position: int) -> None:
        """Show the lesions, which is chosen, and its state at a position."""
        before, self._asked = self._asked, (document, axis, lesion, position)
        if before is not None and before[0] is document and before[1] is axis and before[2:] == (lesion, position):
            return
        words = {each.id: _words(each, axis) for each in document.lesions}
        if words != self._shown:
            self._fill(words)
        if lesion is not None and not document.has(lesion):
            lesion = None
        self._choose(lesion)
        self.empty.setVisible(not words)
        self._show_state(document, lesion, position)
        self._show_attributes(document.lesion(lesion).attributes if lesion is not None else None)

    def event(self, event: QEvent | None) -> bool:
        """A list of choices that the keyboard has reached keeps its keys; Return and Escape lead back."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.ShortcutOverride:
            plain = not event.modifiers() & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier)
            if plain and event.key() not in _LEADING_BACK and any(each.hasFocus() for each in self._choices):
                event.accept()
                return True
        return super().event(event)

    def set_editable(self, editable: bool) -> None:
        """Whether anything can be changed."""
        if editable != self._editable:
            self._editable = editable
            self._enable()

    def describe(self) -> None:
        """Put the cursor into the first field."""
        if self._lesion is not None and self._editable:
            self.size_mm.setFocus(Qt.FocusReason.ShortcutFocusReason)
            self.size_mm.selectAll()

    def is_typed_in(self) -> bool:
        """Whether one of the fields has the keyboard."""
        return any(field.hasFocus() for _, _, field in self._fields)

    # -- how it is made -------------------------------------------------------------------------------------------

    def _row(self, *entries: tuple[Act, str], checkable: bool = False) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(4)
        for act, words in entries:
            made = button(words, partial(self.wished.emit, act))
            made.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            made.setCheckable(checkable)
            made.setToolTip(tip(act))
            self.buttons[act] = made
            row.addWidget(made, 1)
        return row

    def _form(self) -> QWidget:
        self.title = label("", "heading")
        self.size_mm, self.note = QLineEdit(), QLineEdit()
        self.size_mm.setPlaceholderText(tr("not said"))
        self.note.setPlaceholderText(tr("free"))
        self.paris = _choice({name: f"0-{name}" for name in PARIS})
        self.lst = _choice({name: name for name in LSTS})
        self.site = _choice({name: tr(words) for name, words in SITES.items()})
        self.histology = _choice({name: tr(words) for name, words in HISTOLOGIES.items()})
        self._fields: tuple[tuple[str, str, QWidget], ...] = (
            ("size_mm", tr("Size, mm"), self.size_mm),
            ("paris", tr("Paris"), self.paris),
            ("lst", tr("LST"), self.lst),
            ("site", tr("Site"), self.site),
            ("histology", tr("Histology"), self.histology),
            ("note", tr("Note"), self.note),
        )
        self._choices = (self.paris, self.lst, self.site, self.histology)
        for each in self._choices:
            each.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # after a click, keys are the picture's again
        self.size_mm.editingFinished.connect(self._take_size)
        self.note.editingFinished.connect(lambda: self._take("note", self.note.text().strip()))
        for field, _, widget in self._fields:
            if isinstance(widget, QComboBox):
                widget.activated.connect(lambda _i, field=field, widget=widget: self._take(field, widget.currentData()))
        frame = QWidget()
        grid = QGridLayout(frame)
        grid.setContentsMargins(0, 4, 0, 0)
        grid.setSpacing(4)
        grid.setColumnStretch(1, 1)
        grid.addWidget(self.title, 0, 0, 1, 2)
        for number, (_, words, control) in enumerate(self._fields, start=1):
            named = label(words, "soft")
            named.setBuddy(control)
            control.setAccessibleName(words)
            grid.addWidget(named, number, 0)
            grid.addWidget(control, number, 1)
        return frame

    # -- what it shows --------------------------------------------------------------------------------------------

    def _fill(self, words: dict[int, str]) -> None:
        self._shown = words
        self.rows.clear()
        for number, line in words.items():
            item = QListWidgetItem(line)
            item.setData(Qt.ItemDataRole.UserRole, number)
            self.rows.addItem(item)
        self._lesion = None

    def _choose(self, lesion: int | None) -> None:
        if lesion != self._lesion:
            self._lesion = lesion
            index = list(self._shown).index(lesion) if lesion in self._shown else -1
            self.rows.setCurrentRow(index)
        self._enable()

    def _enable(self) -> None:
        there = self._lesion is not None and self._editable
        for act, made in self.buttons.items():
            made.setEnabled(self._editable if act is Act.NEW_LESION else there)
        for _, _, widget in self._fields:
            widget.setEnabled(there)

    def _show_state(self, document: Document, lesion: int | None, position: int) -> None:
        state = document.state_at(lesion, position) if lesion is not None else None
        for name, act in _STATE_ACTS.items():
            self.buttons[act].setChecked(name == state)

    def _show_attributes(self, attributes: Attributes | None) -> None:
        self.title.setText(tr("Lesion {n}").format(n=self._lesion) if self._lesion else tr("No lesion chosen"))
        if attributes == self._attributes:
            return
        self._attributes = attributes
        known = attributes or Attributes()
        if not self.size_mm.hasFocus():
            self.size_mm.setText("" if known.size_mm is None else decimal(f"{known.size_mm:g}"))
        if not self.note.hasFocus():
            self.note.setText(known.note)
        for widget, value in (
            (self.paris, known.paris),
            (self.lst, known.lst),
            (self.site, known.site),
            (self.histology, known.histology),
        ):
            widget.setCurrentIndex(max(0, widget.findData(value)))

    # -- what is said ---------------------------------------------------------------------------------------------

    def _take_size(self) -> None:
        text = self.size_mm.text().strip().replace(",", ".")
        try:
            value = float(text) if text else None
            valid = value is None or 0 < value <= 300
        except ValueError:
            valid, value = False, None
        if valid:
            self._take("size_mm", value)
        elif self._attributes is not None:  # what is no size is not kept, and the field shows what holds
            size = self._attributes.size_mm
            self.size_mm.setText("" if size is None else decimal(f"{size:g}"))

    def _take(self, field: str, value: Any) -> None:
        if self._lesion is None or self._attributes is None or getattr(self._attributes, field) == value:
            return
        self.described.emit(self._lesion, {field: value})


def _choice(options: dict[str, str]) -> QComboBox:
    made = combo()
    made.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    made.setMinimumHeight(TARGET_PX)
    made.addItem(tr("not said"), None)
    for value, words in options.items():
        made.addItem(words, value)
    return made


def _words(lesion: Lesion, axis: FrameAxis) -> str:
    first = lesion.stretches[0][0]
    where = clock(float(axis.times_s[min(first, len(axis) - 1)]))
    return f"{lesion.id}   {where}   {attribute_words(lesion.attributes)}"
