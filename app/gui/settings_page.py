"""Settings as a feature of the live page (key F10): files are read and written beside the window's thread."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PyQt6.QtCore import QObject, QRect, pyqtSignal

from app.gui.buttons import ButtonState
from app.gui.features import MakeFeature, Page
from app.gui.keys import Action
from app.gui.language import decimal, tr
from app.gui.notice_words import error_words
from app.gui.notices import Notice
from app.gui.restart import After, Restart
from app.gui.settings_rooms import kept_for_room
from app.gui.settings_sheet import SettingsSheet
from app.gui.signs import Sign
from app.settings.changes import put, unset
from app.settings.codec import flat
from app.settings.effective import Effective, effective
from app.settings.model import Settings
from app.settings.rooms import export_room, read_room, with_room
from app.settings.store import load_settings, reset_settings, update_settings
from app.snapshot import LiveSnapshot
from detector.errors import PolypwatchError
from detector.presets import Preset

LIVE = frozenset({"ai.sensitivity", "ai.shadow", "screen.light_override", "sound.muted"})
"""Settings that the running session follows at once."""
_ROOMS = "room.presets"


@dataclass(frozen=True, slots=True)
class SettingsOptions:
    """What the page must know of this start.

    Attributes:
        args: the command line; what was given there goes before what is set.
        restart: takes the wish to open the window anew.
        path: of the settings file; None: this user's.
        presets: the sensitivities of the model, with their false alarms.
        notes: of the start (``Effective.notes``): a settings file that was kept aside is named as long as it runs.
    """

    args: argparse.Namespace = field(default_factory=argparse.Namespace)
    restart: Restart = field(default_factory=Restart)
    path: Path | None = None
    presets: tuple[Preset, ...] = ()
    notes: tuple[str, ...] = ()


def settings_feature(options: SettingsOptions | None = None) -> MakeFeature:
    """The settings page as ``WindowOptions.features`` takes it."""
    told = options or SettingsOptions()
    return lambda page: SettingsFeature(page, told)


class SettingsFeature(QObject):
    """Opens the sheet, carries out what it asks for, and has the session follow."""

    _done = pyqtSignal(str, object, str)  # key, what holds now or None, what was wrong

    def __init__(self, page: Page, options: SettingsOptions) -> None:
        super().__init__(page.widget)
        self._page = page
        self._options = options
        beside = {"ai.sensitivity": {preset.name: _false_alarms(preset) for preset in options.presets}}
        self.sheet = SettingsSheet(page.widget, LIVE, beside, options.notes)
        self.sheet.left.connect(self._close_sheet)
        self.sheet.restart.connect(self._restart)
        self.sheet.wished.connect(lambda key, value: self._change(key, lambda s: put(s, {key: value})))
        self.sheet.undone.connect(lambda key: self._change(key, lambda s: unset(s, [key])))
        rooms = self.sheet.rooms
        rooms.chosen.connect(lambda room: self._change("room.name", lambda s: put(s, {"room.name": room})))
        rooms.save.connect(lambda: self._change(_ROOMS, kept_for_room))
        rooms.take_in.connect(lambda path: self._change(_ROOMS, lambda s: with_room(s, *read_room(path))))
        rooms.export.connect(self._export)
        rooms.reset.connect(lambda: self._run(_ROOMS, lambda: reset_settings(options.path)))
        self._done.connect(self._answer)
        self._actions = {Action.SETTINGS: self._toggle}

    # -- features.Feature -----------------------------------------------------------------------------------------

    @property
    def actions(self) -> Mapping[Action, Callable[[], None]]:
        """Opens and closes the page."""
        return self._actions

    def refresh(self, snapshot: LiveSnapshot) -> None:
        """Nothing of it is shown here."""

    def flags(self) -> tuple[Sign, ...]:
        """None."""
        return ()

    def button_states(self) -> Mapping[Action, ButtonState]:
        """The button says what it does next."""
        shown = not self.sheet.isHidden()
        return {Action.SETTINGS: ButtonState(tr("Close") if shown else tr("Settings"), shown)}

    def place(self, picture: QRect, page_height: int) -> None:
        """The sheet lies over the picture."""
        self.sheet.place(picture, page_height)

    def below(self, page_height: int) -> int:
        """Nothing."""
        return 0

    def leave(self) -> bool:
        """Close the sheet."""
        shown = not self.sheet.isHidden()
        self._close_sheet()
        return shown

    def close(self) -> None:
        """What was asked for is still written: the page waits for its errands."""
        self.sheet.hide()

    # -- doing ----------------------------------------------------------------------------------------------------

    def _toggle(self) -> None:
        if self.leave():
            return
        self.sheet.choose_section("room" if self.sheet.sections.value is None else str(self.sheet.sections.value))
        self.sheet.show()
        self.sheet.raise_()
        self.sheet.close_button.setFocus()
        self._run("", lambda: None)

    def _close_sheet(self) -> None:
        self.sheet.hide()
        self._page.widget.setFocus()
        self._page.wake()

    def _change(self, key: str, change: Callable[[Settings], Settings]) -> None:
        self._run(key, lambda: update_settings(change, self._options.path))

    def _export(self, path: Path) -> None:
        def job() -> Notice:
            left_out = export_room(load_settings(self._options.path).settings, path)
            rest = tr("Name and password of the stream were left out.") if left_out else ""
            return Notice(tr("Written: {path}").format(path=path), rest)

        self._run(_ROOMS, job)

    def _run(self, key: str, job: Callable[[], Any]) -> None:
        def errand() -> Notice | None:
            try:
                told = job()
                held = effective(self._options.args, load_settings(self._options.path))
            except PolypwatchError as error:
                self._done.emit(key, None, error_words(error))
                return None
            self._done.emit(key, held, "")
            return told if isinstance(told, Notice) else None

        self._page.errands.run(errand)

    def _answer(self, key: str, held: Effective | None, problem: str) -> None:
        if held is None:
            self.sheet.show_problem(key, problem)
            return
        self.sheet.show_held(held)
        if key in LIVE:
            try:
                self._follow(key, flat(held.settings)[key])
            except PolypwatchError as error:
                self.sheet.show_problem(key, error_words(error))
        elif key:
            self.sheet.offer_restart()

    def _follow(self, key: str, value: Any) -> None:
        session = self._page.session
        if key == "ai.sensitivity":
            session.set_sensitivity(value)
        elif key == "ai.shadow":
            session.set_shadow(value)
        elif key == "screen.light_override":
            session.set_light_override(value)
        elif key == "sound.muted" and self._page.view.muted != value:
            self._page.perform(Action.TOGGLE_SOUND)
        self._page.wake()

    def _restart(self) -> None:
        reopen(self._page, self._options.restart, After.RESTART)


def reopen(page: Page, restart: Restart, after: After) -> bool:
    """Close the window, to be opened anew; refused while something is recorded."""
    snapshot = page.last
    if snapshot is not None and snapshot.recording is not None:
        page.post(Notice(tr("Not during a recording."), tr("The recording goes on."), tr("End it first.")))
        return False
    restart.after = after
    page.perform(Action.QUIT_NOW)
    return True


def _false_alarms(preset: Preset) -> str:
    """How often the preset marks what is no polyp, as far as anybody knows."""
    rate = preset.rate
    if rate is None:
        return tr("false alarms unknown")
    if rate.processors:
        words = tr("{n} false alarms a minute on {minutes} minutes of video, processors: {processors}")
    else:
        words = tr("{n} false alarms a minute on {minutes} minutes of video, processors unknown")
    return words.format(
        n=decimal(f"{rate.per_minute:.2g}"), minutes=decimal(f"{rate.minutes:.3g}"), processors=rate.processors
    )
