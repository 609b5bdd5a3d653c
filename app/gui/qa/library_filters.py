"""The chips above the list of procedures: each says what it lets through, and opens its choices."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from PyQt6.QtCore import QDate, pyqtSignal
from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import QDateEdit, QFormLayout, QHBoxLayout, QMenu, QPushButton, QWidget, QWidgetAction

from app.gui.language import tr
from app.gui.qa.library_words import KIND_WORDS, REVIEW_WORDS, whole
from app.gui.setup_parts import button
from app.qa.library import KINDS, NO_FILTERS, Facets, Filters, ReviewState

_LONGEST = 26


class FilterBar(QWidget):
    """Chips in a row.

    Attributes:
        changed: with what is let through now.
        filters: that.
    """

    changed = pyqtSignal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.filters = NO_FILTERS
        self._facets: Facets | None = None
        self.review = Chip(tr("Review"))
        self.model = Chip(tr("Model"))
        self.kind = Chip(tr("Kind"))
        self.marks = Chip(tr("Polyps marked"))
        self.taken = Chip(tr("Taken"))
        self.endoscopist = Chip(tr("Endoscopist"))
        self.trouble = QPushButton(tr("Trouble"))
        self.trouble.setCheckable(True)
        self.trouble.clicked.connect(lambda on: self._set(trouble=True if on else None))
        self.clear = button(tr("Show all"), self.reset)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        chips = (self.review, self.model, self.kind, self.marks, self.taken, self.endoscopist)
        for each in (*chips, self.trouble, self.clear):
            row.addWidget(each)
        row.addStretch(1)
        self.marks.fill([(True, tr("with polyps")), (False, tr("without polyps"))], self._pick_marks, several=False)
        self.review.fill([(s, tr(REVIEW_WORDS[s])) for s in ReviewState], lambda v: self._set(review=frozenset(v)))
        self._fill_dates()
        self._say()

    def offer(self, facets: Facets) -> None:
        """Offer what there is in the library."""
        if facets == self._facets:
            return
        self._facets = facets
        self.model.fill([(m, m) for m in facets.models], lambda v: self._set(models=frozenset(v)))
        kinds = [(kind, tr(KIND_WORDS[kind])) for kind in KINDS if kind in facets.kinds]
        self.kind.fill(kinds, lambda v: self._set(kinds=frozenset(v)))
        codes = [(code, code) for code in facets.endoscopists]
        self.endoscopist.fill(codes, lambda v: self._set(endoscopists=frozenset(v)))
        self.model.setVisible(bool(facets.models))
        self.endoscopist.setVisible(bool(facets.endoscopists))
        self.kind.setVisible(len(facets.kinds) > 1)
        words = tr("Trouble ({n})").format(n=whole(facets.troubled))
        self.trouble.setText(words)
        self.trouble.setVisible(bool(facets.troubled) or self.trouble.isChecked())
        self._say()

    def reset(self) -> None:
        """Let everything through."""
        self._set_all(NO_FILTERS)

    def _pick_marks(self, chosen: Iterable[Any]) -> None:
        self._set(marks=next(iter(chosen), None))

    def _set(self, **fields: Any) -> None:
        self._set_all(replace(self.filters, **fields))

    def _set_all(self, filters: Filters) -> None:
        if filters != self.filters:
            self.filters = filters
            self._say()
            self.changed.emit(filters)

    def _say(self) -> None:
        now = self.filters
        self.review.say(now.review)
        self.model.say(now.models)
        self.kind.say(now.kinds)
        self.endoscopist.say(now.endoscopists)
        self.marks.say(() if now.marks is None else (now.marks,))
        self.taken.say_words(_days(now.since, now.until))
        self.trouble.setChecked(bool(now.trouble))
        self.clear.setVisible(now != NO_FILTERS)

    # -- dates --------------------------------------------------------------------------------------------------------

    def _fill_dates(self) -> None:
        menu = self.taken.menu_of_choices
        for words, days in ((tr("today"), 0), (tr("last 7 days"), 6), (tr("last 30 days"), 29), (tr("last year"), 365)):
            menu.addAction(words, lambda days=days: self._set(since=_today() - timedelta(days=days), until=None))
        menu.addAction(tr("whenever"), lambda: self._set(since=None, until=None))
        menu.addSeparator()
        self.since, self.until = QDateEdit(), QDateEdit()
        form = QWidget()
        rows = QFormLayout(form)
        for words, field, day in (
            (tr("from"), self.since, _today() - timedelta(days=30)),
            (tr("to"), self.until, _today()),
        ):
            field.setCalendarPopup(True)
            field.setDisplayFormat("yyyy-MM-dd")
            field.setDate(QDate(day.year, day.month, day.day))
            rows.addRow(words, field)
        rows.addRow(button(tr("Show these days"), self._pick_days))
        own = QWidgetAction(menu)
        own.setDefaultWidget(form)
        menu.addAction(own)

    def _pick_days(self) -> None:
        first, last = self.since.date().toPyDate(), self.until.date().toPyDate()
        self._set(since=min(first, last), until=max(first, last))
        self.taken.menu_of_choices.close()


class Chip(QPushButton):
    """A button that names a property and what is chosen of it.

    Args:
        name: of the property.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._name = name
        self._actions: dict[Any, QAction] = {}
        self.menu_of_choices = QMenu(self)
        self.setMenu(self.menu_of_choices)

    def fill(
        self, choices: Iterable[tuple[Any, str]], pick: Callable[[list[Any]], object], *, several: bool = True
    ) -> None:
        """Offer these; `pick` is told all that are chosen."""
        chosen = {value for value, action in self._actions.items() if action.isChecked()}
        self.menu_of_choices.clear()
        self._actions = {}
        for value, words in choices:
            action = QAction(words, self.menu_of_choices)
            action.setCheckable(True)
            action.setChecked(value in chosen)
            action.triggered.connect(lambda on, value=value: self._picked(value, on, pick, several))
            self.menu_of_choices.addAction(action)
            self._actions[value] = action

    def say(self, chosen: Iterable[Any]) -> None:
        """Show what is chosen."""
        values = set(chosen)
        for value, action in self._actions.items():
            action.setChecked(value in values)
        self.say_words(", ".join(action.text() for action in self._actions.values() if action.isChecked()))

    def say_words(self, words: str) -> None:
        """Show these words as what is chosen."""
        cut = words if len(words) <= _LONGEST else f"{words[: _LONGEST - 1]}…"
        self.setText(f"{self._name}: {cut}" if words else self._name)
        self.setToolTip(words)
        self.setProperty("chosen", bool(words))
        style = self.style()
        if style is not None:
            style.unpolish(self)
            style.polish(self)

    def action(self, value: Any) -> QAction:
        """The choice of a value."""
        return self._actions[value]

    def _picked(self, value: Any, on: bool, pick: Callable[[list[Any]], object], several: bool) -> None:
        if not several and on:
            pick([value])
            return
        pick([v for v, action in self._actions.items() if action.isChecked()])


def _days(since: date | None, until: date | None) -> str:
    if since is None and until is None:
        return ""
    if until is None:
        return tr("since {day}").format(day=since)
    return f"{since} – {until}" if since else tr("until {day}").format(day=until)


def _today() -> date:
    return datetime.now(UTC).date()
