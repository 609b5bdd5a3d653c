"""The window's end of the line to its supervisor: says once a second that it lives, and comes to the front if asked.

The timer runs in the event loop, so that a window that hangs falls silent.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping

from PyQt6.QtCore import QObject, Qt, QTimer

from app.day.line import BEAT, CLOSING, RAISE, Line
from app.day.restore import state_of
from app.gui.features import MakeFeature, Page
from app.gui.silent import Silent
from app.snapshot import LiveSnapshot

_log = logging.getLogger(__name__)
_BEAT_MS = 1000


class Heart(QObject):
    """Beats for any event loop, as for the wizard before the live window.

    Args:
        line: to the supervisor.
        parent: the beats end with it.
        state: what the next window would have to know of this one.
    """

    def __init__(
        self, line: Line, parent: QObject | None = None, state: Callable[[], Mapping[str, object]] = dict
    ) -> None:
        super().__init__(parent)
        self._line = line
        self._state = state
        self.raise_window: Callable[[], None] = lambda: None
        self._timer = QTimer(self)
        self._timer.setInterval(_BEAT_MS)
        self._timer.timeout.connect(self.beat)
        self._timer.start()
        self.beat()

    def close(self, *, for_good: bool = True) -> None:
        """Beat no more: what is open closes now, in its own time; ``for_good``: nothing is to come after it."""
        self._timer.stop()
        self._line.send(CLOSING, {"for_good": for_good})

    def beat(self) -> None:
        """Say that the event loop goes on, and do what was asked."""
        self._line.send(BEAT, json.loads(json.dumps(dict(self._state()), default=str)))
        if any(word == RAISE for word, _ in self._line.received()):
            _log.info("a second start of the program asked for this window")
            self.raise_window()


class PulseFeature(Silent):
    """The heart of the live page.

    Args:
        page: whose event loop beats.
        line: to the supervisor.
        more: what else the next window would have to know, as JSON; must be quick.
        for_good: asked when the page closes: whether the user wants no other window after it.
    """

    def __init__(
        self,
        page: Page,
        line: Line,
        more: Callable[[], Mapping[str, object]] = dict,
        for_good: Callable[[], bool] = lambda: True,
    ) -> None:
        self._page = page
        self._for_good = for_good
        self._heart = Heart(line, page.widget, lambda: {**state_of(page.session), **more()})
        self._heart.raise_window = self._raise_window
        self._told = False

    def refresh(self, snapshot: LiveSnapshot) -> None:
        """That the picture is there is said at once: the supervisor knows how long it took."""
        if not self._told and snapshot.frame is not None:
            self._told = True
            QTimer.singleShot(0, self._heart.beat)  # when it is painted

    def close(self) -> None:
        """The window closes and completes its files: that may take longer than a beat."""
        self._heart.close(for_good=self._for_good())

    def _raise_window(self) -> None:
        window = self._page.widget.window()
        if window is None:
            return
        window.setWindowState(window.windowState() & ~Qt.WindowState.WindowMinimized)
        window.raise_()
        window.activateWindow()


def pulse_feature(
    line: Line, more: Callable[[], Mapping[str, object]] = dict, for_good: Callable[[], bool] = lambda: True
) -> MakeFeature:
    """For ``WindowOptions.features``; before what takes its time to close, which would pass for a hang."""
    return lambda page: PulseFeature(page, line, more, for_good)
