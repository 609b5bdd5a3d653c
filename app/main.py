"""The composition root: builds a source, the AI process, the session and the window from what the user asked for.

Qt is imported inside functions only: a machine without a display must not load it before that was said.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path

from app.capture import parse_source
from app.gui.interrupts import INTERRUPTED, Interrupts
from app.gui.options import WindowOptions
from app.gui.platform import display_problem, missing_libraries
from app.gui.run import run_window
from app.live import AiFactory, AiPort, LiveSession, LiveSettings
from app.phantom import bundled
from app.picture.options import picture_settings
from app.picture.prepared import prepared_source
from app.picture.words import PictureReport
from app.recording.recorder import RecorderOptions
from app.selftest import SelfTest, SelfTestSettings
from app.settings.effective import effective
from app.settings.model import Settings
from app.settings.store import load_settings
from detector.cpu import find_cores, live_threads
from detector.detections import Detections
from detector.errors import UsageError
from detector.frame import SourceKind
from detector.manifest import find_model, load_manifest
from detector.runtime import MIN_SCORE
from detector.watchdog import WatchdogSettings
from detector.worker import AiProcess, AiSettings

_log = logging.getLogger(__name__)
# The first start on a card loads gigabytes of libraries and compares its boxes with the CPU's. TensorRT's engines are
# built by another process: nobody waits for them.
_START_ON_CARD_S = 180.0
_SELF_TEST_FAILED = 10


def live(args: argparse.Namespace) -> int:
    """Open the window on a source; returns the exit status when it is closed.

    Raises:
        UsageError: no source is named, neither on the command line nor in the settings.
    """
    held = effective(args, load_settings())
    for note in held.notes:
        print(f"polypwatch: {note}", file=sys.stderr)
    _log.info("Settings: %s", held.audit())
    args = held.arguments(args)
    if args.source is None:
        raise UsageError(
            "No source was named.",
            "Write `polypwatch live camera:0`, or once `polypwatch settings --set source.spec=camera:0`.",
        )
    told = held.settings
    return _window(args, args.source, loop=args.loop, recordings=args.record, snapshots=args.snapshots, told=told)


def demo(args: argparse.Namespace) -> int:
    """The live pipeline on the bundled procedure or any source: in a window, or offscreen into a folder."""
    source = args.source or str(bundled().video)
    problem = display_problem()
    if not args.offscreen and not problem:
        return _window(args, source, loop=args.source is None, recordings=args.out, snapshots=args.out)
    if not args.offscreen:
        print(f"{problem} Running offscreen.", file=sys.stderr)
    return _offscreen(args, source)


def selftest(args: argparse.Namespace) -> int:
    """The self-test without a window; exit status 0 only if all passed that can be tested without one."""
    _prepare_offscreen()
    make_ai = ai_factory(args)
    with Interrupts() as interrupts:
        from app.gui.selftest_offscreen import run_selftest

        result = run_selftest(make_ai, lambda: interrupts.asked)
    if result is None:
        return INTERRUPTED
    print(result)
    if result.passed_but_for_sound:
        print("All of the chain works that can be tested without a window: test the sound there (key T).")
        return 0
    return _SELF_TEST_FAILED


def ai_factory(args: argparse.Namespace) -> AiFactory:
    """How to build the AI process for the model options of the command line.

    Raises:
        ModelError: there is no such model; said before a window opens.
    """
    folder = find_model(args.model)
    load_manifest(folder)
    cores = find_cores()
    threads = args.threads or live_threads(cores)
    _log.info("AI: threads on the CPU: %d, of %s (%s)", threads, cores, "asked for" if args.threads else "default")
    options = {"model": str(folder), "provider": args.provider, "variant": args.variant, "threads": threads}

    def make(
        on_result: Callable[[Detections, int], None],
        on_failure: Callable[[int, str], None],
        on_state: Callable[[], None],
    ) -> AiPort:
        settings = AiSettings(watchdog=watchdog_settings(args.provider), min_score=MIN_SCORE)
        return AiProcess("detector.runtime:load_detector", options, settings, on_result, on_failure, on_state)

    return make


def watchdog_settings(provider: str) -> WatchdogSettings:
    """The limits for an AI process that runs under this policy."""
    return WatchdogSettings() if provider == "cpu" else WatchdogSettings(start_limit_s=_START_ON_CARD_S)


def _window(
    args: argparse.Namespace,
    spec: str,
    *,
    loop: bool,
    recordings: Path | None,
    snapshots: Path,
    told: Settings | None = None,
) -> int:
    problem = display_problem()
    if problem:
        raise UsageError(
            f"No window can be opened: {problem}",
            "Log in to a desktop, or use `polypwatch demo --offscreen --source ...` or `polypwatch detect ...`.",
        )
    parsed = parse_source(spec)
    live_kind = parsed.kind in (SourceKind.CAMERA, SourceKind.STREAM)
    told = told or Settings()  # the demonstration is the same in every room
    settings = LiveSettings(
        sensitivity=told.ai.sensitivity,
        threshold=told.ai.threshold,
        keep_ratio=told.ai.keep_ratio,
        min_seen_s=told.ai.min_seen_ms / 1000,
        min_display_s=told.ai.min_display_ms / 1000,
        hold_s=told.ai.hold_ms / 1000,
        hide_s=float(told.procedure.hide_s),
        shadow=told.ai.shadow,
        light_override=told.screen.light_override,
        watch=True,
        recordings=recordings,
        recorder=RecorderOptions(told.recording.encoder, min_free_bytes=round(told.recording.min_free_gb * 1e9)),
        retry_opening=live_kind,
        synchronised=args.synchronised,
    )
    make_ai = ai_factory(args)
    source, prepared = prepared_source(parsed, picture_settings(args), loop=loop)
    session = LiveSession(source, parsed.label, make_ai, settings, picture=PictureReport(prepared))
    test_settings = SelfTestSettings(folder=recordings)
    options = WindowOptions(
        snapshots,
        full_screen=told.screen.full_screen,
        muted=told.sound.muted,
        self_test=lambda: SelfTest(make_ai, test_settings),
    )
    return run_window(session, options)


def _prepare_offscreen() -> None:
    missing = missing_libraries(with_display=False)
    if missing:
        raise UsageError("System libraries are missing.", f"Install them: apt-get install {' '.join(missing)}")
    os.environ["QT_QPA_PLATFORM"] = "offscreen"


def _offscreen(args: argparse.Namespace, spec: str) -> int:
    _prepare_offscreen()
    parsed = parse_source(spec)
    make_ai = ai_factory(args)
    with Interrupts() as interrupts:
        from app.gui.offscreen import run_offscreen

        source, prepared = prepared_source(parsed, picture_settings(args))
        return run_offscreen(
            source,
            parsed.label,
            make_ai,
            args.out,
            args.seconds,
            interrupts,
            synchronised=args.synchronised,
            picture=PictureReport(prepared),
        )
