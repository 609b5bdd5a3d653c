"""The line at the bottom of the QA window: what happened, and what to do."""

from __future__ import annotations

from PyQt6.QtWidgets import QFrame, QHBoxLayout, QWidget

from app.gui.language import told, tr
from app.gui.notices import Notice, NoticeBoard, Weight
from app.gui.setup_parts import button, label


class NoticeLine(QFrame):
    """Shows the notice of the moment; there is no line while there is none.

    Args:
        board: where notices go.
    """

    def __init__(self, board: NoticeBoard, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("bar")
        self._board = board
        self._shown: Notice | None = None
        self.words = label()
        self.close_button = button(tr("Dismiss"), self._dismiss)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 4, 12, 4)
        row.addWidget(self.words, 1)
        row.addWidget(self.close_button)
        self.hide()

    def refresh(self) -> None:
        """Show the notice of the moment."""
        notice = self._board.current()
        if notice == self._shown:
            return
        self._shown = notice
        self.setVisible(notice is not None)
        if notice is None:
            return
        text = " ".join(told(part) for part in (notice.what, notice.still, notice.todo) if part)
        self.words.setObjectName("" if notice.weight is Weight.INFO else "caution")
        self.words.setText(text)
        style = self.words.style()
        if style is not None:
            style.unpolish(self.words)
            style.polish(self.words)

    def _dismiss(self) -> None:
        self._board.dismiss()
        self.refresh()
