"""What an empty library says: how procedures get into it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from app.gui.language import tr
from app.gui.qa.library_words import whole
from app.gui.setup_parts import button, label
from app.qa.library import ScanState

_WIDTH_PX = 620


class EmptyLibrary(QWidget):
    """A card in place of the list.

    Attributes:
        add_wanted: a folder is to be chosen and added.
        demo_wanted: the bundled procedure is to be opened.
    """

    add_wanted = pyqtSignal()
    demo_wanted = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = label(kind="title")
        self.words = label(kind="soft")
        self.add = button(tr("Add a folder"), self.add_wanted.emit, main=True)
        self.demo = button(tr("Open the bundled procedure"), self.demo_wanted.emit)
        row = QHBoxLayout()
        row.addWidget(self.add)
        row.addWidget(self.demo)
        row.addStretch(1)
        card = QFrame()
        card.setObjectName("card")
        card.setFixedWidth(_WIDTH_PX)
        box = QVBoxLayout(card)
        box.setContentsMargins(24, 20, 24, 20)
        box.setSpacing(12)
        box.addWidget(self.title)
        box.addWidget(self.words)
        box.addLayout(row)
        # Not by an alignment: words that wrap would not get the height that they need.
        across = QHBoxLayout()
        across.addStretch(1)
        across.addWidget(card)
        across.addStretch(1)
        whole_page = QVBoxLayout(self)
        whole_page.addStretch(1)
        whole_page.addLayout(across)
        whole_page.addStretch(2)

    def say(self, roots: Sequence[Path], state: ScanState) -> None:
        """Say why there is nothing."""
        if not roots:
            self.title.setText(tr("No folder yet"))
            self.words.setText(
                tr(
                    "Add the folder in which recordings are kept, or drop a folder or a video on this window. Videos "
                    "(MP4, MKV, AVI, MOV, MPG, TS), DICOM videos and folders of images are found in it, too. Nothing "
                    "is copied or moved."
                )
            )
        elif state.running:
            self.title.setText(tr("Looking through the folders"))
            self.words.setText(tr("{n} procedures so far.").format(n=whole(state.seen)))
        else:
            self.title.setText(tr("There is no procedure in these folders"))
            self.words.setText("\n".join(str(root) for root in roots))
        self.demo.setVisible(not state.running)
