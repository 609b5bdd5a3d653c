"""Opening things from outside of the library: a file dialog, the recent list, what is dropped on the window."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PyQt6.QtCore import QObject, QPoint, pyqtSignal
from PyQt6.QtGui import QDragEnterEvent, QDropEvent
from PyQt6.QtWidgets import QFileDialog, QMenu, QWidget

from app.gui.language import tr
from app.gui.qa.pages import Tab
from app.qa.library.walk import look_at
from app.qa.room import Room
from detector.decode import VIDEO_SUFFIXES

if TYPE_CHECKING:
    from app.gui.qa.window import QaWindow

_RECENT = 8


class Opening(QObject):
    """Asks, and sorts what was named: a procedure is opened, a folder of many goes into the library.

    Attributes:
        found: a procedure to open.
    """

    found = pyqtSignal(object)

    def __init__(self, window: QaWindow, room: Room) -> None:
        super().__init__(window)
        self._window = window
        self._room = room
        self._later: list[Path] = []

    def menu(self, below: QWidget) -> QMenu:
        """Ask what to open."""
        menu = QMenu(self._window)
        menu.addAction(tr("Video or DICOM file…"), self.ask_for_file)
        menu.addAction(tr("Recording or folder of images…"), self.ask_for_procedure)
        menu.addAction(tr("Add a folder to the library…"), self.ask_for_folder)
        # Names of folders tell a blinded reader which procedure a case is.
        recent = () if self._room.blinded else self._room.recent[:_RECENT]
        if recent:
            menu.addSeparator()
        for path in recent:
            menu.addAction(f"{path.name}    {path.parent}", lambda path=path: self.found.emit(path))
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(below.mapToGlobal(QPoint(0, below.height())))
        return menu

    def ask_for_file(self) -> None:
        """A video file."""
        endings = " ".join(f"*{suffix}" for suffix in sorted(VIDEO_SUFFIXES | {".dcm"}))
        kinds = f"{tr('Videos')} ({endings});;{tr('All files')} (*)"
        chosen, _ = QFileDialog.getOpenFileName(self._window, tr("Open a video"), self._start(), kinds)
        if chosen:
            self.found.emit(Path(chosen))

    def ask_for_procedure(self) -> None:
        """A folder that is one procedure."""
        chosen = QFileDialog.getExistingDirectory(self._window, tr("Open a recording"), self._start())
        if chosen:
            self.take([Path(chosen)])

    def ask_for_folder(self) -> None:
        """A folder of many."""
        chosen = QFileDialog.getExistingDirectory(self._window, tr("Add a folder to the library"), self._start())
        if chosen:
            self._room.add_folders([Path(chosen)])
            self._window.show_tab(Tab.LIBRARY)

    def take(self, paths: Sequence[Path]) -> None:
        """Open a procedure that was named; take folders of many into the library."""
        self._window.run_in_background(
            lambda: [(path, path.is_dir() and look_at(path) is None) for path in paths], self._sorted, owner=self
        )

    def later(self, path: Path) -> None:
        """Open it once it is known who reviews."""
        self._later = [path]

    def resume(self) -> None:
        """Now it is known."""
        waiting, self._later = self._later, []
        for path in waiting:
            self.found.emit(path)

    def drag(self, event: QDragEnterEvent | None) -> None:
        """Files and folders of this computer can be dropped."""
        if event is not None and _paths(event):
            event.acceptProposedAction()

    def drop(self, event: QDropEvent | None) -> None:
        """Take what was dropped."""
        if event is not None and (paths := _paths(event)):
            event.acceptProposedAction()
            self.take(paths)

    def _sorted(self, named: list[tuple[Path, bool]]) -> None:
        folders = [path for path, many in named if many]
        single = [path for path, many in named if not many]
        if folders:
            self._room.add_folders(folders)
            self._window.notify(
                tr("{n} folders are in the library now: {names}").format(
                    n=len(folders), names=", ".join(path.name for path in folders)
                )
            )
            self._window.show_tab(Tab.LIBRARY)
        if single:
            self.found.emit(single[0])
        if len(single) > 1:
            self._window.notify(
                tr("{n} files were dropped; the first is open.").format(n=len(single)),
                tr("Drop their folder to have all of them in the library."),
            )

    def _start(self) -> str:
        """Where the last one was."""
        return str(self._room.recent[0].parent) if self._room.recent else str(Path.home())


def _paths(event: QDropEvent) -> list[Path]:
    data = event.mimeData()
    urls = data.urls() if data is not None else []
    return [Path(url.toLocalFile()) for url in urls if url.isLocalFile()]
