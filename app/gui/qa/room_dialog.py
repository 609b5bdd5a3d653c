"""Asks for a room's name, and makes the alert settings that were tried its preset, with the rate that was measured.

Into this computer's settings, or into a room file that another computer takes in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PyQt6.QtWidgets import QDialog, QFileDialog, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from app.gui.language import told, tr
from app.gui.qa.findings import Trial
from app.gui.qa.limits_panel import LIMITS
from app.gui.qa.pages import Desk
from app.gui.setup_parts import button, label
from app.qa.room_preset import send_to_room, write_room
from app.qa.scored import Scored
from detector.errors import PolypwatchError

_LONGEST_NAME = 200


class RoomDialog(QDialog):
    """The name, what will be set, and where it goes.

    Args:
        trial: settings and their figures, of all procedures.
        procedures: that they were tried on.
        desk: for work in the background.
    """

    def __init__(self, trial: Trial, procedures: Sequence[Scored], desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._trial, self._procedures, self._desk = trial, procedures, desk
        self.setWindowTitle(tr("Send to room"))
        self.setMinimumWidth(520)
        self.name = QLineEdit()
        self.name.setMaxLength(_LONGEST_NAME)
        self.name.setPlaceholderText(tr("Name of the room, as Room 2"))
        self.name.setAccessibleName(tr("Name of the room"))
        self.name.textChanged.connect(lambda _: self._offer())
        self.words = label(_summary(trial))
        self.trouble = label(kind="fault")
        self.trouble.hide()
        self.here = button(tr("Set it on this computer"), self.set_here, main=True)
        self.file = button(tr("Save as a room file ..."), self.save_file)
        self.cancel = button(tr("Cancel"), self.reject)
        row = QHBoxLayout()
        for made in (self.here, self.file, self.cancel):
            row.addWidget(made)
        whole = QVBoxLayout(self)
        whole.setSpacing(12)
        for widget in (self.words, self.name, self.trouble):
            whole.addWidget(widget)
        whole.addLayout(row)
        self._offer()

    def set_here(self) -> None:
        """Into this computer's settings."""
        name, tried, procedures = self.room, self._trial.tried, self._procedures
        done = tr("The preset of room '{name}' is set on this computer.").format(name=name)
        self._do(lambda: send_to_room(name, tried, procedures), done)

    def save_file(self, path: str = "") -> None:
        """Into a file; without a path it is asked for."""
        if not path:
            path, _ = QFileDialog.getSaveFileName(
                self, tr("Save the room file"), f"{self.room}.room.json", tr("Room files (*.json)")
            )
        if path:
            name, tried, procedures, file = self.room, self._trial.tried, self._procedures, Path(path)
            done = tr("The room file is written: {path}. 'polypwatch settings --import' takes it in.").format(path=file)
            self._do(lambda: write_room(file, name, tried, procedures), done)

    @property
    def room(self) -> str:
        """The name as it will be written."""
        return " ".join(self.name.text().split())

    def _do(self, work: Callable[[], object], done: str) -> None:
        self._busy(True)
        self._desk.run_in_background(work, lambda _: self._done(done), self._failed, owner=self)

    def _done(self, words: str) -> None:
        self._desk.notify(words)
        self.accept()

    def _failed(self, error: PolypwatchError) -> None:
        self._busy(False)
        self.trouble.setText(told(str(error)))
        self.trouble.show()

    def _busy(self, busy: bool) -> None:
        for made in (self.here, self.file, self.name):
            made.setEnabled(not busy)
        if not busy:
            self._offer()

    def _offer(self) -> None:
        for made in (self.here, self.file):
            made.setEnabled(bool(self.room))


def _summary(trial: Trial) -> str:
    """What is set, and what it costs."""
    settings = trial.tried.settings
    limits = ", ".join(f"{tr(limit.name)} {limit.words(limit.read(settings))}" for limit in LIMITS)
    rate = tr("False alarms: {rate}.").format(rate=told(trial.rate))
    return f"{limits}.\n{rate}"
