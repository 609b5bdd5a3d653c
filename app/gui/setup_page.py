"""What every page of the set-up has: a heading, the draft as it is there, and what is still missing on it."""

from __future__ import annotations

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QWidget

from app.gui.language import tr
from app.gui.setup_draft import Draft
from app.gui.setup_preview import PreviewState


class SetupPage(QWidget):
    """One page.

    Attributes:
        heading: what it is about.
        wants_preview: the source is to be running while it is shown.
        draft: all that was chosen, here and before; taken over on :meth:`enter`.
    """

    changed = pyqtSignal()
    heading = ""
    wants_preview = False

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.draft = Draft()

    @property
    def go_on(self) -> str:
        """On the button that goes on."""
        return tr("Next")

    def enter(self, draft: Draft) -> None:
        """The page comes to the front."""
        self.draft = draft

    def leave(self) -> None:
        """Another page comes to the front, or the set-up closes."""

    def missing(self) -> str:
        """Why one cannot go on yet, in words; empty if one can."""
        return ""

    def show_preview(self, state: PreviewState) -> None:
        """The running source has this to say."""

    def decide(self, draft: Draft) -> None:
        """Take a choice."""
        if draft != self.draft:
            self.draft = draft
        self.changed.emit()
