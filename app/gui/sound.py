"""The sound of a new marker: gentle, never nagging, and when there can be none the status line says so."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from PyQt6.QtCore import QLoggingCategory, QObject, QUrl

from app.gui.language import mark
from app.gui.signs import View, shown_markers
from app.snapshot import LiveSnapshot

if TYPE_CHECKING:
    from PyQt6.QtMultimedia import QMediaDevices, QSoundEffect

_log = logging.getLogger(__name__)

NO_DEVICE = mark("no sound device")
_QUIET_NS = 3_000_000_000


class Player(Protocol):
    """Plays the one sound there is."""

    @property
    def fault(self) -> str:
        """Why there is no sound, in English; empty if there is."""
        ...

    def play(self) -> None:
        """Play, or do nothing if there can be no sound; returns at once."""
        ...

    @property
    def volume_percent(self) -> int:
        """How loud it is, 0 to 100."""
        ...

    def set_volume(self, percent: int, /) -> None:
        """Make it louder or quieter; what lies beyond 0 to 100 is taken as that."""
        ...


class ChimeRule:
    """Decides when the sound is due: when a marker appears after three seconds without any."""

    def __init__(self) -> None:
        self._alerts: int | None = None
        self._shown_ns: int | None = None

    def due(self, snapshot: LiveSnapshot, view: View) -> bool:
        """Whether to play now; to be asked once for every snapshot. Hidden boxes make no sound."""
        before, self._alerts = self._alerts, snapshot.new_alerts
        last_shown = self._shown_ns
        if not shown_markers(snapshot, view):
            return False
        self._shown_ns = snapshot.taken_ns
        grown = snapshot.new_alerts > (before or 0)
        rested = last_shown is None or snapshot.taken_ns - last_shown > _QUIET_NS
        return grown and rested and not view.muted


class SoundEffect(QObject):
    """Plays a file through the system's sound device, if the libraries and a device are there."""

    def __init__(self, path: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._effect: QSoundEffect | None = None
        self._devices: QMediaDevices | None = None
        self._url = QUrl()
        self._fault = NO_DEVICE
        self._volume_percent = 100
        # Qt's multimedia room reports every optional video library that it does not find.
        QLoggingCategory.setFilterRules("qt.multimedia.*=false")
        try:
            from PyQt6 import QtMultimedia
        except ImportError as error:
            _log.warning("Alerts make no sound: %s", error)
            return
        if not path.is_file():
            _log.warning("Alerts make no sound: %s is missing.", path)
            self._fault = mark("no sound file")
            return
        self._devices = QtMultimedia.QMediaDevices(self)
        self._effect = QtMultimedia.QSoundEffect(self)
        self._url = QUrl.fromLocalFile(str(path))
        self._devices.audioOutputsChanged.connect(self._choose_device)
        self._choose_device()

    @property
    def fault(self) -> str:
        """Why there is no sound; empty if there is."""
        return self._fault

    def play(self) -> None:
        """Play, or do nothing if there can be no sound."""
        if self._effect is not None and not self._fault:
            self._effect.play()

    @property
    def volume_percent(self) -> int:
        """How loud it is, 0 to 100, as an ear would say."""
        return self._volume_percent

    def set_volume(self, percent: int) -> None:
        """Make it louder or quieter."""
        self._volume_percent = min(100, max(0, percent))
        if self._effect is not None:
            # The square is near to what an ear calls half as loud.
            self._effect.setVolume((self._volume_percent / 100) ** 2)

    def _choose_device(self) -> None:
        """Use the default output; again whenever devices come or go."""
        if self._devices is None or self._effect is None:
            return
        device = self._devices.defaultAudioOutput()
        self._fault = NO_DEVICE if device.isNull() else ""
        if not self._fault:
            self._effect.setAudioDevice(device)
            # Not before there is a device: Qt would complain of the file instead.
            self._effect.setSource(self._url)
