"""Settings of rooms: be in another one, keep these settings for this one, take them to another computer."""

from __future__ import annotations

from pathlib import Path

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QFileDialog, QFrame, QHBoxLayout, QVBoxLayout

from app.gui.language import tr
from app.gui.setup_parts import Choice, button, label
from app.settings.codec import document_of
from app.settings.model import Settings
from app.settings.rooms import in_room, with_room
from detector.errors import UsageError

_FILTER = "*.json"


class RoomCard(QFrame):
    """What can be done with rooms."""

    chosen = pyqtSignal(object)
    save = pyqtSignal()
    export = pyqtSignal(Path)
    take_in = pyqtSignal(Path)
    reset = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("card")
        self._rooms: tuple[str, ...] = ()
        self.choice: Choice | None = None
        self.none = label(tr("No room has settings of its own yet."), "soft")
        self.keep = button(tr("Keep these settings for this room"), self.save.emit)
        self.write = button(tr("Write a room file ..."), self.ask_export)
        self.read = button(tr("Take in a room file ..."), self.ask_import)
        self.defaults = button(tr("Back to the defaults"), self._ask_reset)
        self.problem = label(kind="fault")
        self.problem.hide()
        files = QHBoxLayout()
        files.addWidget(self.write)
        files.addWidget(self.read)
        self._box = QVBoxLayout(self)
        self._box.addWidget(label(tr("Rooms with settings of their own"), "heading"))
        self._box.addWidget(self.none)
        self._box.addWidget(self.keep)
        self._box.addLayout(files)
        self._box.addWidget(self.problem)
        self._box.addWidget(self.defaults)

    def show_settings(self, settings: Settings) -> None:
        """Offer the rooms there are."""
        rooms = tuple(settings.room.presets)
        if rooms != self._rooms:
            if self.choice is not None:
                self.choice.hide()
                self.choice.deleteLater()
            self.choice = Choice(tuple((room, room.replace("&", "&&")) for room in rooms), columns=3)
            self.choice.chosen.connect(self.chosen)
            self._box.insertWidget(2, self.choice)
            self._rooms = rooms
        self.none.setVisible(not rooms)
        if self.choice is not None:
            self.choice.show_value(settings.room.name)
        self.keep.setEnabled(settings.room.name is not None)
        self.write.setEnabled(settings.room.name is not None)
        self.defaults.setText(tr("Back to the defaults"))
        self.show_problem("")

    def show_problem(self, words: str) -> None:
        """Say what could not be done; empty: nothing."""
        self.problem.setText(words)
        self.problem.setVisible(bool(words))

    def ask_export(self, path: str | None = None) -> None:
        """Write a room file; without a path, ask for one."""
        if path is None:
            path, _ = QFileDialog.getSaveFileName(self, tr("Room file"), str(Path.home() / "room.json"), _FILTER)
        if path:
            self.export.emit(Path(path))

    def ask_import(self, path: str | None = None) -> None:
        """Take in a room file; without a path, ask for one."""
        if path is None:
            path, _ = QFileDialog.getOpenFileName(self, tr("Room file"), str(Path.home()), _FILTER)
        if path:
            self.take_in.emit(Path(path))

    def _ask_reset(self) -> None:
        """One slip of a finger must not forget everything."""
        again = tr("Press again: all settings go back to the defaults")
        if self.defaults.text() != again:
            self.defaults.setText(again)
        else:
            self.reset.emit()


def kept_for_room(settings: Settings) -> Settings:
    """The settings with all that holds now as the preset of the present room.

    Raises:
        UsageError: the room has no name.
    """
    name = settings.room.name
    if name is None:
        raise UsageError(tr("The room has no name yet."), tr("Give it one first."))
    content = {key: value for key, value in document_of(in_room(settings)).items() if key not in ("schema", "room")}
    return with_room(settings, name, content)
