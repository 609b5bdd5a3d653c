"""Run by a test in a process of its own on an X server: a live window and a second monitor that comes and goes.

Prints one JSON object: what was seen at each step.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

os.environ["QT_QPA_PLATFORM"] = "xcb"

from tests.app.gui.x11_monitors import Monitors

_DESK, _WALL = (0, 0, 1280, 720), (1280, 0, 1280, 720)
_PATIENCE_S = 15.0


def main(folder: Path) -> None:
    monitors = Monitors()
    monitors.plug("desk", _DESK, first=True)
    monitors.plug("wall", _WALL)
    from app.gui.application import application
    from app.gui.keys import Action
    from app.gui.options import WindowOptions
    from app.gui.second_screen import SecondScreen
    from app.gui.window import LiveWindow
    from tests.app.gui.fakes import FakePlayer, FakeSession

    qt, made = application(), []

    def make(page) -> SecondScreen:
        made.append(SecondScreen(page, None, False, None))
        return made[0]

    def until(done: Callable[[], bool]) -> bool:
        end_s = time.monotonic() + _PATIENCE_S
        while not done() and time.monotonic() < end_s:
            qt.processEvents()
            time.sleep(0.02)
        return done()

    def seen() -> dict[str, object]:
        window = made[0].window
        return {
            "screens": sorted(screen.name() for screen in qt.screens()),
            "second": [window.screen().name(), *window.geometry().getRect()] if window else None,
            "visible": bool(window and window.isVisible()),
            "live": [live.screen().name(), *live.geometry().getRect()],
            "focus": qt.focusWindow() is live.windowHandle(),
            "flags": [flag.text for flag in made[0].flags()],
        }

    session = FakeSession()
    live = LiveWindow(session, WindowOptions(folder, full_screen=True, features=(make,)), player=FakePlayer())
    live.begin()
    steps = {}
    until(lambda: live.geometry().getRect() == _DESK and qt.focusWindow() is not None)
    live.page.perform(Action.SECOND_SCREEN)
    painted: list[object] = []
    made[0].window.canvas.painted.append(painted.append)
    until(lambda: bool(painted) and made[0].window.geometry().getRect() == _WALL)
    steps["shown"] = {**seen(), "painted": bool(painted)}
    monitors.unplug("wall")
    until(lambda: len(qt.screens()) == 1)
    steps["unplugged"] = seen()
    monitors.plug("wall", _WALL)
    until(lambda: made[0].window is not None and made[0].window.geometry().getRect() == _WALL)
    steps["replugged"] = seen()
    live.close()
    print(json.dumps(steps))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
