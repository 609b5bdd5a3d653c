"""A window that says why there is no live window any more: ``python -m app.gui.last_words "what happened"``."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QFont
from PyQt6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from app import SOFTWARE
from app.gui import theme
from app.gui.application import application
from app.gui.language import choose_language, told, tr, use_language
from app.settings.store import load_settings

_TOUCH_PX = 64
_MARGIN_PX = 48


class LastWords(QWidget):
    """Large letters on a dark ground and one button."""

    def __init__(self, details: str) -> None:
        super().__init__()
        self.setWindowTitle(SOFTWARE)
        self.setObjectName("page")
        self.setStyleSheet(
            theme.style_sheet()
            + f"QLabel {{ color: {theme.TEXT.name()}; }} QPushButton:focus {{ border-color: {theme.MARKER.name()}; }}"
        )
        self.setWindowFlag(Qt.WindowType.WindowStaysOnTopHint)
        title = _label(tr("Polypwatch has stopped"), theme.font(36, strong=True))
        what = _label(
            tr("It crashed several times in a row and is not started again. Watch the processor's own monitor."),
            theme.font(24),
        )
        kept = _label(tr("What was recorded is kept. You can start Polypwatch again."), theme.font(24))
        close = QPushButton(tr("Close"))
        close.setMinimumSize(3 * _TOUCH_PX, _TOUCH_PX)
        close.setFont(theme.font(24))
        close.clicked.connect(self.close)
        close.setDefault(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(_MARGIN_PX, _MARGIN_PX, _MARGIN_PX, _MARGIN_PX)
        layout.setSpacing(20)
        for label in (title, what, kept, _label(told(details), theme.font(16))):
            layout.addWidget(label)
        layout.addStretch()
        layout.addWidget(close, alignment=Qt.AlignmentFlag.AlignRight)
        self.resize(820, 480)
        close.setFocus()


def main(argv: Sequence[str] | None = None) -> int:
    """Show it until it is closed."""
    details = " ".join(sys.argv[1:] if argv is None else argv)
    qt = application()
    use_language(choose_language(load_settings().settings.language))
    window = LastWords(details)
    window.show()
    return qt.exec()


def _label(text: str, font: QFont) -> QLabel:
    label = QLabel(text)
    label.setFont(font)
    label.setWordWrap(True)
    return label


if __name__ == "__main__":
    sys.exit(main())
