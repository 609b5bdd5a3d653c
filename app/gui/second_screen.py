"""The second monitor: the live picture on another screen, with or without boxes, through unplugging and replugging.

It never lies over the live window: when its screen goes, its window is put away, a sign says so, and it comes back with
the screen. It is painted after the live page and takes at most a third of the time of the window's thread.
"""

from __future__ import annotations

import enum
import functools
import logging
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace

from PyQt6 import sip
from PyQt6.QtCore import QRect, QTimer
from PyQt6.QtGui import QKeyEvent, QKeySequence, QScreen, QWindow

from app.gui.application import application
from app.gui.buttons import ButtonState
from app.gui.features import Feature, MakeFeature, Page
from app.gui.keys import Action
from app.gui.language import tr
from app.gui.monitors import Monitor, covers, find_again, next_choice
from app.gui.notices import Notice, Weight
from app.gui.screen_watch import ScreenWatch, monitor_of
from app.gui.second_window import SecondWindow
from app.gui.signs import Shape, Sign, Tone
from app.snapshot import LiveSnapshot

_log = logging.getLogger(__name__)

_CHECK_MS = 500
# The page is refreshed ten times a second at least: after so many checks without, the picture is none.
_CHECKS_WITHOUT_REFRESH = 4
# A window manager may take its time, and gets told once more.
_CHECKS_ASTRAY = 2

Remember = Callable[[str | None, bool], None]


class Standing(enum.Enum):
    """What became of the wish for a second monitor."""

    OFF = enum.auto()
    SHOWN = enum.auto()
    GONE = enum.auto()  # it is not plugged in
    COVERED = enum.auto()  # the live window is on it, or it mirrors the live window's screen
    MISPLACED = enum.auto()  # the system put the window on another screen
    FAULT = enum.auto()  # it broke; the key begins anew


def second_screen(name: str | None = None, boxes: bool = False, remember: Remember | None = None) -> MakeFeature:
    """How to make the feature.

    Args:
        name: of the screen to begin on; None begins without a second monitor.
        boxes: begin with boxes on it.
        remember: told of what the user chooses, in a thread where it may wait for a disk: name or None, and boxes.
    """

    def make(page: Page) -> Feature:
        return SecondScreen(page, name, boxes, remember)

    return make


class SecondScreen:
    """The feature. See the module."""

    def __init__(self, page: Page, name: str | None, boxes: bool, remember: Remember | None) -> None:
        self._page = page
        self._wanted = Monitor(name) if name else None
        self._boxes = boxes
        self._remember = remember
        self._standing = Standing.OFF
        self._told: Standing | None = None
        self._window: SecondWindow | None = None
        self._screen: QScreen | None = None
        self._live: QScreen | None = None
        self._astray = 0
        self._broken = False
        self._newest: LiveSnapshot | None = None
        self._unrefreshed = 0
        self._later = _timer(self._catch_up, single=True)
        self._checks = _timer(self._check, single=False)
        self._checks.start(_CHECK_MS)
        self._screens = ScreenWatch(self._screens_changed)
        application().focusWindowChanged.connect(self._focus_moved)

    # -- what the page asks (``features.Feature``) ----------------------------------------------------------------

    @property
    def actions(self) -> Mapping[Action, Callable[[], None]]:
        """On and off, and its boxes."""
        return {Action.SECOND_SCREEN: self._choose, Action.SECOND_SCREEN_BOXES: self._toggle_boxes}

    def refresh(self, snapshot: LiveSnapshot) -> None:
        """Have the picture painted after the live page was; pictures that come meanwhile replace it."""
        self._newest, self._unrefreshed = snapshot, 0
        if not self._later.isActive() and (self._window is not None or self._page.widget.screen() is not self._live):
            # Posted events, among them the live page's paint, go before timers. And what breaks there breaks not here.
            self._later.start(self._window.canvas.rest_ms() if self._window is not None else 0)

    def flags(self) -> tuple[Sign, ...]:
        """A monitor that is wished for and shows nothing is said."""
        words = {
            Standing.GONE: tr("SECOND MONITOR GONE"),
            Standing.COVERED: tr("SECOND MONITOR: THIS WINDOW IS ON IT"),
            Standing.MISPLACED: tr("SECOND MONITOR: NO ROOM ON IT"),
            Standing.FAULT: tr("SECOND MONITOR FAULT"),
        }
        text = words.get(self._standing)
        return (Sign(text, Shape.UNPLUGGED, Tone.CAUTION),) if text else ()

    def button_states(self) -> Mapping[Action, ButtonState]:
        """It has no buttons."""
        return {}

    def place(self, picture: QRect, page_height: int) -> None:
        """Nothing of it lies on the page."""

    def below(self, page_height: int) -> int:
        """Nothing."""
        return 0

    def leave(self) -> bool:
        """Nothing of it lies over the picture."""
        return False

    def close(self) -> None:
        """Put the window away for good."""
        self._checks.stop()
        self._screens.close()
        application().focusWindowChanged.disconnect(self._focus_moved)
        self._drop_window()

    # -- tests look here ------------------------------------------------------------------------------------------

    @property
    def standing(self) -> Standing:
        """What became of the wish."""
        return self._standing

    @property
    def window(self) -> SecondWindow | None:
        """The window on the second monitor; None while there is none."""
        return self._window

    # -- choosing -------------------------------------------------------------------------------------------------

    def _choose(self) -> None:
        live = self._live_monitor()
        others = [monitor for monitor, _ in self._screens.monitors() if not covers(live, monitor)]
        if self._wanted is None and not others:
            todo = tr("Plug one in; let it extend this screen, not mirror it.")
            self._page.post(Notice(tr("There is no second monitor."), "", todo))
            return
        self._wish(next_choice(self._wanted, others))
        if self._wanted is None:
            self._page.post(Notice(tr("Second monitor off.")))
        else:
            self._page.post(Notice(tr("Second monitor: {name}.").format(name=self._wanted.label), "", self._of_boxes()))

    def _wish(self, monitor: Monitor | None) -> None:
        self._wanted, self._told = monitor, None
        self._astray, self._broken = 0, False
        self._keep()
        self._settle()

    def _toggle_boxes(self) -> None:
        self._boxes = not self._boxes
        self._keep()
        self._page.post(Notice(self._of_boxes()))
        self._show_newest()

    def _of_boxes(self) -> str:
        return (
            tr("The second monitor shows boxes, too.")
            if self._boxes
            else tr("The second monitor shows the picture without boxes.")
        )

    def _keep(self) -> None:
        if self._remember is not None:
            name = self._wanted.label or None if self._wanted else None
            self._page.errands.run(functools.partial(self._remember, name, self._boxes))

    # -- screens come and go --------------------------------------------------------------------------------------

    def _screens_changed(self) -> None:
        self._live = None
        self._astray = 0
        self._settle()

    def _settle(self) -> None:
        """Make what is shown what should be."""
        if not self._page.widget.isVisible():
            return  # which screen the live window takes is not known yet
        self._live = self._page.widget.screen()
        screen = self._placed()
        if screen is None:
            self._drop_window()
        elif screen is not self._screen or self._window is None or not self._window.fills(screen):
            self._show_on(screen)
        self._tell()

    def _placed(self) -> QScreen | None:
        """The screen to show on, if there is one; sets the standing."""
        self._standing = Standing.OFF
        if self._wanted is None:
            return None
        monitors = self._screens.monitors()
        found = find_again(self._wanted, [monitor for monitor, _ in monitors])
        if found is None:
            self._standing = Standing.GONE
        elif covers(self._live_monitor(), found):
            self._standing = Standing.COVERED
        elif self._broken:
            self._standing = Standing.FAULT
        elif self._astray > _CHECKS_ASTRAY:
            self._standing = Standing.MISPLACED
        else:
            self._standing = Standing.SHOWN
            self._wanted = found
            return dict(monitors)[found]
        return None

    def _show_on(self, screen: QScreen) -> None:
        if self._window is None:
            self._window = SecondWindow(self._key_pressed)
            self._window.closed.connect(self._closed_by_system)
        self._screen = screen
        self._window.fill(screen)
        self._show_newest()

    def _drop_window(self) -> None:
        """Take the window away at once: one that is left over would be moved onto the live page by the system."""
        self._later.stop()
        self._screen = None
        window, self._window = self._window, None
        if window is not None:
            window.closed.disconnect(self._closed_by_system)
            window.hide()
            sip.delete(window)

    def _closed_by_system(self) -> None:
        # Not from within its own event.
        QTimer.singleShot(0, functools.partial(self._wish, None))

    def _check(self) -> None:
        """Twice a second: a page that is no longer refreshed, and a window that is not where it should be."""
        self._unrefreshed += 1
        window, screen = self._window, self._screen
        if window is None or screen is None:
            return
        if self._unrefreshed > _CHECKS_WITHOUT_REFRESH:
            window.show_failure()  # a picture that stands still must not look like a calm one
        if window.fills(screen):
            self._astray = 0
        else:
            self._astray += 1
            _log.warning("The second monitor's window lies at %s and not on %s.", window.geometry(), screen.name())
            self._settle()

    def _tell(self) -> None:
        """Say once what happened to it."""
        before, self._told = self._told, self._standing
        name = self._wanted.label if self._wanted else ""
        if self._standing is Standing.GONE and before is not Standing.GONE:
            what = tr("The second monitor is gone: {name}.").format(name=name)
            self._page.post(
                Notice(
                    what, tr("The live window goes on."), tr("It comes back by itself with the screen."), Weight.WARNING
                )
            )
        elif self._standing is Standing.SHOWN and before is Standing.GONE:
            self._page.post(Notice(tr("The second monitor is back: {name}.").format(name=name)))

    # -- showing --------------------------------------------------------------------------------------------------

    def _catch_up(self) -> None:
        try:
            if self._page.widget.screen() is not self._live:
                self._settle()  # the live window has come onto another screen
            self._show_newest()
        except Exception:  # the root of a call from C++: the live picture goes on without
            self._broken = True
            self._settle()
            sys.excepthook(*sys.exc_info())

    def _show_newest(self) -> None:
        if self._window is not None and self._newest is not None:
            view = replace(self._page.view, boxes=self._boxes, notice=None, flags=())
            self._window.show_snapshot(self._newest, view)

    def _key_pressed(self, event: QKeyEvent) -> None:
        pressed = QKeySequence(event.keyCombination())
        for key in self._page.keys:
            if any(QKeySequence(text) == pressed for text in key.keys):
                # Not from within the window's own event: the key may be the one that takes it away.
                QTimer.singleShot(0, functools.partial(self._page.perform, key.action))
                return

    def _focus_moved(self, window: QWindow | None) -> None:
        """Not every system heeds that the window wants no focus: it goes back at once."""
        if self._window is not None and window is not None and window is self._window.windowHandle():
            self._page.widget.activateWindow()

    def _live_monitor(self) -> Monitor:
        screen = self._page.widget.screen()
        return monitor_of(screen) if screen is not None else Monitor("")


def _timer(call: Callable[[], None], single: bool) -> QTimer:
    timer = QTimer()
    timer.setSingleShot(single)
    timer.timeout.connect(call)
    return timer
