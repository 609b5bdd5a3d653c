"""The live room put together: session, examination and window from settings and command line, again and again if asked.

Qt is imported inside functions only: a machine without a display must not load it before that was said.
"""

from __future__ import annotations

import argparse
import logging
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from app.ai_factories import ai_factory, candidate_factory
from app.capture import parse_source
from app.day.restore import restore
from app.day.resumption import Resumption, resumption
from app.examination.desk import Desk, DeskSettings
from app.examination.record import unfinished
from app.examination.state import Phase
from app.gui.interrupts import INTERRUPTED, Interrupts
from app.gui.options import WindowOptions
from app.gui.platform import display_problem
from app.gui.restart import After, Restart
from app.gui.setup_run import after_setup, run_setup
from app.live import AiFactory, LiveSession, LiveSettings
from app.phantom import bundled
from app.picture.options import picture_settings
from app.picture.prepared import prepared_source
from app.picture.words import PictureReport
from app.recording import RecorderOptions
from app.selftest import SelfTest, SelfTestSettings
from app.settings.changes import put
from app.settings.effective import Effective, effective
from app.settings.keymap import key_table
from app.settings.model import Settings
from app.settings.store import load_settings, update_settings
from detector.errors import UsageError
from detector.frame import SourceKind
from detector.manifest import find_model, load_manifest
from detector.presets import manifest_presets

if TYPE_CHECKING:
    from app.gui.features import MakeFeature

_log = logging.getLogger(__name__)


def live(args: argparse.Namespace) -> int:
    """Open the window on a source; returns the exit status when it is closed for good.

    Without any source the set-up comes first. The window may ask to be opened anew, or for the set-up: then all begins
    again with the settings as they are by then.

    Raises:
        UsageError: there is no display, or no source is named and no display to ask on.
    """
    told = resumption()
    set_up = told is not None and told.set_up
    if set_up:
        args = after_setup(args)
    with Interrupts() as interrupts:
        while True:
            held = effective(args, load_settings())
            for note in held.notes:
                print(f"polypwatch: {note}", file=sys.stderr)
            _log.info("Settings: %s", held.audit())
            if held.arguments(args).source is None:
                if not _asked_for_a_source(interrupts):
                    return INTERRUPTED if interrupts.asked else 0
                continue
            restart = Restart()
            now = held.arguments(args)
            own = _Own(args, held, restart, told, set_up)
            loop = now.loop or now.source == str(bundled().video)  # who just tries it has a minute and a half else
            status = _Showing(now, now.source, held.settings, now.record, now.snapshots, loop, own).open(interrupts)
            told = None
            if interrupts.asked or restart.after is After.NOTHING:
                return status
            if restart.after is After.SETUP and run_setup(interrupts=interrupts) is not None:
                args, set_up = after_setup(args), True


def demonstration(args: argparse.Namespace, source: str, *, loop: bool, folder: Path) -> int:
    """The window on any source, the same in every room: nobody's settings are read or changed."""
    with Interrupts() as interrupts:
        return _Showing(args, source, Settings(), folder, folder, loop).open(interrupts)


def live_settings(settings: Settings, recordings: Path | None) -> LiveSettings:
    """How a session behaves under these settings in a live window."""
    ai, recording = settings.ai, settings.recording
    return LiveSettings(
        sensitivity=ai.sensitivity,
        threshold=ai.threshold,
        keep_ratio=ai.keep_ratio,
        min_seen_s=ai.min_seen_ms / 1000,
        min_display_s=ai.min_display_ms / 1000,
        hold_s=ai.hold_ms / 1000,
        hide_s=float(settings.procedure.hide_s),
        shadow=ai.shadow,
        light_override=settings.screen.light_override,
        watch=True,
        recordings=recordings,
        recorder=RecorderOptions(
            recording.encoder,
            min_free_bytes=round(recording.min_free_gb * 1e9),
            confirmed_no_text=recording.confirmed_no_text,
        ),
    )


def _asked_for_a_source(interrupts: Interrupts) -> bool:
    """Have the set-up ask for one; False if the user left it."""
    if display_problem():
        raise UsageError(
            "No source was named.",
            "Write `polypwatch live camera:0`, or once `polypwatch settings --set source.spec=camera:0`.",
        )
    return run_setup(interrupts=interrupts) is not None


@dataclass(frozen=True, slots=True)
class _Own:
    """What a window has because it is that of this computer, with its settings, its supervisor and its desktop.

    Attributes:
        given: the command line as it was written.
        held: the settings in force, and where they come from.
        restart: takes the window's wish to be opened anew.
        was: the window that crashed, if this one takes its place.
        set_up: the source was chosen in the set-up since the program was started.
    """

    given: argparse.Namespace
    held: Effective
    restart: Restart
    was: Resumption | None
    set_up: bool = False

    def first_features(self, desk: Desk) -> tuple[MakeFeature, ...]:
        """Heart and wakefulness."""
        from app.gui.day_features import day_features

        def more() -> dict[str, object]:
            state = desk.snapshot()
            running = state is not None and state.phase is not Phase.ENDED
            return {"examination": str(state.folder) if state and running else None, "set_up": self.set_up}

        return day_features(more, lambda: self.restart.after is After.NOTHING)

    def features(self, session: LiveSession, recordings: Path | None, *, go_on: bool) -> tuple[MakeFeature, ...]:
        """Settings, set-up, and what is to be said at the start."""
        from app.gui.settings_page import SettingsOptions, settings_feature
        from app.gui.setup_feature import setup_feature
        from app.gui.start_notices import Start, start_notices

        failed = restore(session, self.was, record=not go_on) if self.was else []
        start = Start(recordings, self.held.settings.recording.retention_days, self.held.notes, self.was, tuple(failed))
        presets = session.snapshot().presets
        return (
            settings_feature(SettingsOptions(self.given, self.restart, presets=presets, notes=self.held.notes)),
            setup_feature(self.restart),
            start_notices(start),
        )


@dataclass(frozen=True, slots=True)
class _Showing:
    """One window on one source.

    Attributes:
        args: what holds for picture and AI: the command line with the settings put in.
        source: what the user named.
        settings: all of them.
        recordings: folder of recordings and examinations; None if nothing can be recorded.
        snapshots: folder of snapshots outside of examinations.
        loop: begin a file anew at its end.
        own: None for the demonstration.
    """

    args: argparse.Namespace
    source: str
    settings: Settings
    recordings: Path | None
    snapshots: Path
    loop: bool
    own: _Own | None = None

    def open(self, interrupts: Interrupts) -> int:
        """Show it until it is closed; returns the exit status.

        Raises:
            UsageError: there is no display.
            ModelError: there is no such model.
        """
        problem = display_problem()
        if problem:
            raise UsageError(
                f"No window can be opened: {problem}",
                "Log in to a desktop, or use `polypwatch demo --offscreen --source ...` or `polypwatch detect ...`.",
            )
        make_ai = ai_factory(self.args)  # before anything is opened: there may be no such model
        session = self._session(make_ai)
        from app.gui.application import application
        from app.gui.language import choose_language, use_language
        from app.gui.window import run_window

        application()
        use_language(choose_language(self.settings.language))
        return run_window(session, self._options(make_ai, self._features(session)), (), interrupts)

    def _session(self, make_ai: AiFactory) -> LiveSession:
        parsed, candidate = parse_source(self.source), self.settings.ai.candidate
        settings = replace(
            live_settings(self.settings, self.recordings),
            retry_opening=parsed.kind in (SourceKind.CAMERA, SourceKind.STREAM),
            synchronised=self.args.synchronised,
        )
        source, prepared = prepared_source(parsed, picture_settings(self.args), loop=self.loop)
        return LiveSession(
            source,
            parsed.label,
            make_ai,
            settings,
            picture=PictureReport(prepared),
            presets=manifest_presets(load_manifest(find_model(self.args.model))),
            make_candidate=candidate_factory(self.args, candidate) if candidate else None,
        )

    def _options(self, make_ai: AiFactory, features: tuple[MakeFeature, ...]) -> WindowOptions:
        screen, sound = self.settings.screen, self.settings.sound
        tested = SelfTestSettings(folder=self.recordings)
        return WindowOptions(
            self.snapshots,
            full_screen=screen.full_screen,
            muted=sound.muted,
            volume_percent=sound.volume_percent,
            cue=screen.cue,
            confidence=screen.confidence,
            edges=screen.edge_indicator,
            self_test=lambda: SelfTest(make_ai, tested),
            keys=key_table(self.settings.keys),
            features=features,
        )

    def _features(self, session: LiveSession) -> tuple[MakeFeature, ...]:
        """What the window has beside the picture."""
        from app.gui.examination_feature import examination_feature
        from app.gui.language import choose_language
        from app.gui.replay_inset import replay_inset
        from app.gui.second_screen import second_screen

        screen, own = self.settings.screen, self.own
        # A window that takes a crashed one's place goes on with its examination, which goes on with its recording. An
        # older one that somebody left open may be of another patient: that one is asked about.
        was = own.was.examination if own is not None and own.was is not None else None
        go_on = was if self.recordings is not None and was in unfinished(self.recordings) else None
        language = choose_language(self.settings.language)
        desk = self._desk(session)

        def patient() -> str | None:
            examination = desk.examination
            return None if examination is None else examination.start.id

        return (
            *(own.first_features(desk) if own is not None else ()),
            examination_feature(desk, self.snapshots, language, go_on=go_on),
            lambda page: replay_inset(page, patient),
            second_screen(
                screen.second_monitor, screen.second_monitor_boxes, _keep_monitor if own is not None else None
            ),
            *(own.features(session, self.recordings, go_on=go_on is not None) if own is not None else ()),
        )

    def _desk(self, session: LiveSession) -> Desk:
        told, hint_min = self.settings, self.settings.procedure.withdrawal_hint_min
        settings = DeskSettings(
            self.recordings,
            told.recording.from_scope_in,
            None if hint_min is None else hint_min * 60,
            told.room.name,
            self.own.held.audit() if self.own is not None else None,
        )
        return Desk(session, settings)


def _keep_monitor(name: str | None, boxes: bool) -> None:
    """Remember the second monitor; called beside the window's thread."""
    values = {"screen.second_monitor": name, "screen.second_monitor_boxes": boxes}
    update_settings(lambda settings: put(settings, values))
