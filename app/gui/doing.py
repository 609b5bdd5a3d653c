"""What the page's own keys and buttons do: to the session, the sound and the files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from app.gui.errands import VIDEO_GOES_ON, Errands
from app.gui.features import Page
from app.gui.keys import Action
from app.gui.language import mark, tr
from app.gui.notice_words import said
from app.gui.notices import Notice, Weight
from app.gui.options import WindowOptions
from app.gui.preset_words import ROUND, preset_notice
from app.gui.snapshots import saved_notice, write_snapshot
from app.gui.sound import Player
from app.session_api import Session

# What means the examination does nothing while its picture is not to be seen.
NOT_IN_SELF_TEST = frozenset(
    {
        Action.TOGGLE_AI,
        Action.HIDE_BOXES,
        Action.SHOW_BOXES,
        Action.SHADOW,
        Action.SENSITIVITY,
        Action.LIGHT_OVERRIDE,
        Action.SNAPSHOT,
        Action.RECORD,
        Action.PAUSE,
        Action.SYNCHRONISE,
    }
)

_VOLUME_STEP = 20
_SHADOW = {
    True: Notice(
        mark("Shadow mode: the AI runs and is recorded, but shows nothing."), mark("No sound is made either.")
    ),
    False: Notice(mark("Shadow mode has ended: polyps are marked again.")),
}
_INSISTED = {
    True: Notice(
        mark("Boxes are shown in every light."),
        mark("Nobody tried this model in light other than the validated one."),
        "",
        Weight.WARNING,
    ),
    False: Notice(mark("Boxes are shown in validated light only.")),
}


class Doing:
    """The table of the page's own actions, and what of them the page remembers.

    Args:
        page: posts notices, runs errands and knows what is on the screen.
        options: how the window began.
        player: the sound.

    Attributes:
        muted: no sound.
    """

    def __init__(self, page: Page, options: WindowOptions, player: Player) -> None:
        self._page = page
        self._options = options
        self._player = player
        self.muted = options.muted
        player.set_volume(options.volume_percent)

    @property
    def table(self) -> Mapping[Action, Callable[[], None]]:
        """What each action does."""
        session = self._session
        return {
            Action.TOGGLE_AI: lambda: session.set_ai_enabled(not session.ai_enabled),
            Action.HIDE_BOXES: session.hide_boxes,
            Action.SHOW_BOXES: session.show_boxes,
            Action.TOGGLE_SOUND: self._toggle_sound,
            Action.LOUDER: lambda: self._turn_volume(_VOLUME_STEP),
            Action.QUIETER: lambda: self._turn_volume(-_VOLUME_STEP),
            Action.SENSITIVITY: self._next_sensitivity,
            Action.LIGHT_OVERRIDE: self._toggle_light,
            Action.SHADOW: self._toggle_shadow,
            Action.SNAPSHOT: self._take_snapshot,
            Action.RECORD: self._toggle_recording,
            Action.PAUSE: self._toggle_pause,
            Action.SYNCHRONISE: lambda: session.set_synchronised(not session.synchronised),
        }

    @property
    def _session(self) -> Session:
        return self._page.session

    @property
    def _errands(self) -> Errands:
        return self._page.errands

    def _turn_volume(self, by: int) -> None:
        self._player.set_volume(self._player.volume_percent + by)
        self._page.post(Notice(tr("Volume {percent} %").format(percent=self._player.volume_percent)))
        if not self.muted:
            self._player.play()

    def _toggle_sound(self) -> None:
        self.muted = not self.muted
        if self._player.fault:
            silent = tr("Alerts are silent: {reason}.").format(reason=tr(self._player.fault))
            self._page.post(Notice(silent, tr("Markers are shown as always.")))

    def _next_sensitivity(self) -> None:
        now = self._session.sensitivity
        at = ROUND.index(now) if now in ROUND else -1
        wanted = ROUND[(at + 1) % len(ROUND)]
        self._session.set_sensitivity(wanted)
        self._page.post(preset_notice(wanted, self._session.snapshot().presets))

    def _toggle_light(self) -> None:
        insist = not self._session.light_override
        self._session.set_light_override(insist)
        self._page.post(said(_INSISTED[insist]))

    def _toggle_shadow(self) -> None:
        on = not self._session.shadow
        self._session.set_shadow(on)
        self._page.post(said(_SHADOW[on]))

    def _take_snapshot(self) -> None:
        folder, snapshot, view = self._options.snapshot_dir, self._page.last, self._page.view
        taken = datetime.now(UTC)
        if snapshot is not None:
            self._errands.run(lambda: saved_notice(write_snapshot(folder, snapshot, view, taken)))

    def _toggle_recording(self) -> None:
        session = self._session
        if not session.can_record:
            hint = tr("Start with a folder for recordings.")
            self._page.post(Notice(tr("This session cannot record."), tr(VIDEO_GOES_ON), hint))
        elif session.snapshot().recording is None:
            self._errands.run(session.start_recording)
        else:
            self._errands.run(session.stop_recording)

    def _toggle_pause(self) -> None:
        if self._session.can_pause:
            self._session.set_paused(not self._session.paused)
        else:
            self._page.post(Notice(tr("A live picture cannot be held.")))
