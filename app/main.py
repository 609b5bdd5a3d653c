"""The runs without a live room of their own: the demonstration and the self-test; the window itself is ``live_room``'s.

Qt is imported inside functions only: a machine without a display must not load it before that was said.
"""

from __future__ import annotations

import argparse
import os
import sys

from app.ai_factories import ai_factory
from app.capture import parse_source
from app.gui.interrupts import INTERRUPTED, Interrupts
from app.gui.platform import display_problem, missing_libraries
from app.phantom import bundled
from app.picture.options import picture_settings
from app.picture.prepared import prepared_source
from app.picture.words import PictureReport
from detector.errors import UsageError

_SELF_TEST_FAILED = 10


def demo(args: argparse.Namespace) -> int:
    """The live pipeline on the bundled procedure or any source: in a window, or offscreen into a folder."""
    source = args.source or str(bundled().video)
    problem = display_problem()
    if not args.offscreen and not problem:
        from app.live_room import demonstration

        return demonstration(args, source, loop=args.source is None, folder=args.out)
    if not args.offscreen:
        print(f"{problem} Running offscreen.", file=sys.stderr)
    return _offscreen(args, source)


def selftest(args: argparse.Namespace) -> int:
    """The self-test without a window; exit status 0 only if all passed that can be tested without one."""
    _prepare_offscreen()
    make_ai = ai_factory(args)
    with Interrupts() as interrupts:
        from app.day.awake import tried
        from app.gui.awake_bus import holds
        from app.gui.selftest_offscreen import run_selftest

        result = run_selftest(make_ai, lambda: interrupts.asked)
        awake = tried(holds())
    if result is None:
        return INTERRUPTED
    print(result)
    print(awake.words())
    if result.passed_but_for_sound:
        print("All of the chain works that can be tested without a window: test the sound there (key T).")
        return 0
    return _SELF_TEST_FAILED


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
