"""Notices that stand in tables, in the language of the window. No Qt but words."""

from __future__ import annotations

from app.gui.language import tr
from app.gui.notices import Notice


def said(notice: Notice) -> Notice:
    """The notice with every text translated; its texts are literals that were marked for that."""
    return Notice(tr(notice.what), tr(notice.still), tr(notice.todo), notice.weight)
