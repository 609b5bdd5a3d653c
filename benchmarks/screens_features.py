"""Pictures of what lies over and beside the live picture, for docs/live.md: set-up, examination, replay, settings.

    python -m benchmarks.screens_features OUT [--size 1280x720] [--language it]

As ``benchmarks.screens``: the real window and the real journal, painted offscreen over a frame of the phantom.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
from PyQt6 import sip
from PyQt6.QtWidgets import QWidget

from app.examination.desk import Desk, DeskSettings
from app.gui.application import application
from app.gui.examination_feature import examination_feature
from app.gui.features import Feature, MakeFeature, Page
from app.gui.keys import Action
from app.gui.language import use_language
from app.gui.options import WindowOptions
from app.gui.replay_inset import ReplayInset
from app.gui.settings_page import settings_feature
from app.gui.setup_window import SetupWindow
from app.gui.window import LiveWindow
from app.replay_buffer import ReplayBuffer
from app.settings.store import load_settings
from benchmarks.screens import ScriptedSession, SilentPlayer, all_is_well, phantom_picture, save_small
from detector.geometry import Size

_FRAME = 2040
_S = 1_000_000_000
_SETTLE_S = 0.6


class Later:
    """A clock that can be put forward."""

    def __init__(self) -> None:
        self._ahead_ns = 0

    def __call__(self) -> int:
        """Now, in nanoseconds."""
        return time.perf_counter_ns() + self._ahead_ns

    def skip(self, seconds: float) -> None:
        """Let so much time have passed."""
        self._ahead_ns += round(seconds * _S)


def main(argv: Sequence[str] | None = None) -> None:
    """Paint them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--size", default="1280x720")
    parser.add_argument("--language", choices=("en", "it"), default="en")
    args = parser.parse_args(argv)
    width, height = (int(part) for part in args.size.split("x"))
    args.out.mkdir(parents=True, exist_ok=True)
    application()
    use_language(args.language)

    def keep(name: str, widget: QWidget) -> None:
        path = args.out / f"{name}.png"
        save_small(widget.grab().toImage(), path)
        print(f"{path}  {path.stat().st_size // 1000} kB")

    picture, size = phantom_picture(_FRAME), Size(width, height)
    with tempfile.TemporaryDirectory() as folder:
        _setup(Path(folder), size, keep)
        _examination(Path(folder), picture, size, keep)
        _replay(picture, size, keep)
        _settings(Path(folder), picture, size, keep)


Keep = Callable[[str, QWidget], None]


@contextmanager
def _window(picture: np.ndarray, size: Size, *features: MakeFeature) -> Iterator[tuple[LiveWindow, ScriptedSession]]:
    session = ScriptedSession(all_is_well(picture, narrow=False))
    options = WindowOptions(Path("unused"), size=size, features=features)
    window = LiveWindow(session, options, player=SilentPlayer())  # type: ignore[arg-type]  # does what is asked here
    window.show()
    _settle(_SETTLE_S)
    try:
        yield window, session
    finally:
        window.close()
        sip.delete(window)


def _settle(seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        application().processEvents()
        time.sleep(0.02)


def _setup(folder: Path, size: Size, keep: Keep) -> None:
    """The pages of the set-up, on the bundled procedure: nobody's devices are shown."""
    window = SetupWindow(load_settings(folder / "settings.json"), list)
    window.resize(size.width, size.height)
    window.show()
    _settle(_SETTLE_S)
    keep("setup_wiring", window)
    window.go_on()
    _settle(_SETTLE_S)
    window.source.phantom.click()
    window.go_on()
    _settle(3)
    window.go_on()
    _settle(6)
    keep("setup_area", window)
    window.close()
    sip.delete(window)


def _examination(folder: Path, picture: np.ndarray, size: Size, keep: Keep) -> None:
    clock = Later()
    with _window(picture, size) as (_, session):
        desk = Desk(session, DeskSettings(folder / "examinations"), every_s=None, now_ns=clock)
    made: list[Feature] = []

    def make(page: Page) -> Feature:
        made.append(examination_feature(desk, folder / "snapshots")(page))
        return made[-1]

    with _window(picture, size, make) as (window, _):
        page = window.page

        def press(action: Action, after_s: float) -> None:
            clock.skip(after_s)
            page.perform(action)
            desk.turn()
            _settle(_SETTLE_S)
            page.refresh()

        press(Action.EXAMINATION, 0)
        press(Action.SCOPE_IN, 65)
        press(Action.CAECUM, 395)
        press(Action.POLYP_FOUND, 130)
        keep("examination", window)
        press(Action.INTERVENTION, 7)
        press(Action.POLYP_REMOVED, 50)
        press(Action.INTERVENTION, 4)
        desk.describe(1, size_mm=6, segment="sigmoid", paris="0-Is", method="cold_snare")
        desk.bbps("right", 2)
        press(Action.DETAILS, 0)
        _settle(_SETTLE_S)
        keep("details", window)
        press(Action.DETAILS, 0)
        press(Action.SCOPE_OUT, 300)
        press(Action.EXAMINATION, 5)
        _settle(_SETTLE_S)
        keep("examination_ended", window)


def _replay(picture: np.ndarray, size: Size, keep: Keep) -> None:
    buffers: list[ReplayBuffer] = []

    def make(page: Page) -> Feature:
        buffers.append(ReplayBuffer(page.session))
        return ReplayInset(page, buffers[-1])

    with _window(phantom_picture(_FRAME - 100), size, make) as (window, session):
        now = replace(all_is_well(picture, narrow=False), new_alerts=2)
        session.now = replace(all_is_well(phantom_picture(_FRAME - 100), narrow=False), markers=())
        assert now.frame is not None
        for tenth in range(90, 0, -1):
            at_ns = time.perf_counter_ns() - tenth * _S // 10
            frame = replace(now.frame, index=_FRAME - tenth, captured_ns=at_ns)
            seen = replace(now, frame=frame, taken_ns=at_ns, new_alerts=1 + (tenth < 60))
            buffers[0].take(seen if tenth < 60 else replace(seen, markers=()))
        window.page.perform(Action.REPLAY)
        _settle(4)
        window.page.refresh()
        keep("replay", window)


def _settings(folder: Path, picture: np.ndarray, size: Size, keep: Keep) -> None:
    from app.gui.settings_page import SettingsOptions

    options = SettingsOptions(path=folder / "settings.json")
    with _window(picture, size, settings_feature(options)) as (window, _):
        window.page.perform(Action.SETTINGS)
        _settle(1.5)
        keep("settings", window)


if __name__ == "__main__":
    main()
