"""Notices and errors in the language of the window. No Qt but words."""

from __future__ import annotations

from app.gui.language import told
from app.gui.notices import Notice
from detector.errors import PolypwatchError


def said(notice: Notice) -> Notice:
    """The notice with every text translated that is English still: errors from below, and literals from tables."""
    return Notice(told(notice.what), told(notice.still), told(notice.todo), notice.weight)


def error_words(error: PolypwatchError) -> str:
    """What happened and what to do, in one line."""
    return f"{told(error.what)} {told(error.hint)}".strip()
