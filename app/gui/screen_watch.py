"""The screens of this computer as they come, go, move and change their size."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6 import sip
from PyQt6.QtGui import QScreen

from app.gui.application import application
from app.gui.layout import Area
from app.gui.monitors import Monitor


class ScreenWatch:
    """Lists the screens, and calls when anything about them changes.

    Args:
        changed: called in the window's thread. A screen that goes is no longer listed then, and windows on it have not
            been moved to another one yet.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        qt = application()
        self._signals = (qt.screenAdded, qt.screenRemoved, qt.primaryScreenChanged)
        for signal in self._signals:
            signal.connect(self._heard)
        self._followed: list[QScreen] = []
        self._follow_all()

    def monitors(self) -> list[tuple[Monitor, QScreen]]:
        """Those that are there now."""
        return [(monitor_of(screen), screen) for screen in application().screens()]

    def close(self) -> None:
        """Call no more."""
        for signal in (*self._signals, *(screen.geometryChanged for screen in self._there())):
            signal.disconnect(self._heard)

    def _heard(self, *_: object) -> None:
        self._follow_all()
        self._changed()

    def _follow_all(self) -> None:
        """Every screen, not the chosen one alone: any may become a mirror of another, or be one no longer."""
        followed = self._there()
        for screen in application().screens():
            if screen not in followed:
                screen.geometryChanged.connect(self._heard)
                followed.append(screen)
        self._followed = followed

    def _there(self) -> list[QScreen]:
        return [screen for screen in self._followed if not sip.isdeleted(screen)]


def monitor_of(screen: QScreen) -> Monitor:
    """What the system tells of a screen."""
    at = screen.geometry()
    return Monitor(
        screen.name(),
        f"{screen.manufacturer()} {screen.model()}".strip(),
        screen.serialNumber().strip(),
        Area(at.x(), at.y(), at.width(), at.height()),
    )
