"""The button for the folders of the library: which they are, adding one, taking one out."""

from __future__ import annotations

from pathlib import Path

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QMenu, QPushButton, QWidget

from app.gui.language import tr
from app.gui.qa.library_words import whole
from app.qa.library import Library


class FolderButton(QPushButton):
    """Says how many folders there are, and lists them.

    Attributes:
        add_wanted: a folder is to be chosen and added.
        remove_wanted: this one is to be taken out; nothing in it is touched.
    """

    add_wanted = pyqtSignal()
    remove_wanted = pyqtSignal(object)

    def __init__(self, library: Library, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._library = library
        self._shown: tuple[Path, ...] | None = None
        self.menu_of_folders = QMenu(self)
        self.setMenu(self.menu_of_folders)
        self.say()

    def say(self) -> None:
        """Show them as they are now."""
        roots = self._library.roots
        if roots == self._shown:
            return
        self._shown = roots
        self.setText(tr("Folders ({n})").format(n=whole(len(roots))))
        self.menu_of_folders.clear()
        self.menu_of_folders.addAction(tr("Add a folder…"), self.add_wanted.emit)
        if roots:
            self.menu_of_folders.addSeparator()
        for root in roots:
            inside = self.menu_of_folders.addMenu(str(root))
            if inside is not None:
                words = tr("Take out of the library (nothing is deleted)")
                inside.addAction(words, lambda root=root: self.remove_wanted.emit(root))
