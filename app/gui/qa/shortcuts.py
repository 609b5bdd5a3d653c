"""Shortcuts from the table of keys: they hold while their page, or something on it, has the keyboard."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QKeySequence, QShortcut
from PyQt6.QtWidgets import QWidget

from app.gui.language import tr
from app.gui.qa.keys import Act, row


def bind(widget: QWidget, actions: Mapping[Act, Callable[[], object]]) -> dict[Act, list[QShortcut]]:
    """Make a shortcut for every key of these actions. Fields for text keep their letters for themselves.

    Args:
        widget: the page; shortcuts hold for it and all that is on it, and go with it.
        actions: what each does.

    Returns:
        The shortcuts by action, for those who want to switch one off for a while.
    """
    return {
        act: [bind_key(widget, key, then, repeats=row(act).repeats) for key in row(act).keys]
        for act, then in actions.items()
    }


def bind_key(widget: QWidget, key: str, then: Callable[[], object], *, repeats: bool = False) -> QShortcut:
    """A shortcut for one key in Qt's portable spelling."""
    sequence = QKeySequence(key, QKeySequence.SequenceFormat.PortableText)
    made = QShortcut(sequence, widget)
    made.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
    made.setAutoRepeat(repeats)
    made.activated.connect(lambda: then())
    return made


def tip(act: Act) -> str:
    """What a button's tool tip says: the words of the table and the keys."""
    each = row(act)
    return f"{tr(each.help)}  [{'  '.join(each.keys)}]" if each.keys else tr(each.help)
