"""``polypwatch qa``: opens the QA window. Qt is imported only once it is known that there is a screen."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from app.gui.interrupts import INTERRUPTED, Interrupts
from app.gui.platform import display_problem
from detector.errors import UsageError

if TYPE_CHECKING:
    from app.gui.qa.window import QaWindow
    from app.qa.room import Room


def add_qa(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    qa = commands.add_parser("qa", help="open the QA room: replay, judge and correct recordings, and report on them")
    qa.add_argument(
        "paths",
        nargs="*",
        type=Path,
        metavar="PATH",
        help="a folder of recordings, for the library; a recording or a video is opened at once",
    )
    qa.add_argument("--reviewer", default="", metavar="NAME", help="who reviews (default: as last time)")
    qa.add_argument(
        "--blinded",
        action="store_true",
        help="begin reviews blinded: AI, live marks, identity and other readers are hidden until they are committed",
    )
    qa.add_argument("--reviews", type=Path, metavar="FOLDER", help="where reviews go (default: beside the recordings)")
    qa.add_argument(
        "--forget-cache",
        action="store_true",
        help="take away what is kept of procedures outside of their folders (thumbnails, index, counts), and end",
    )
    qa.set_defaults(run=run_qa)


def run_qa(args: argparse.Namespace) -> int:
    """Open the window; returns the exit status when it is closed.

    Raises:
        UsageError: there is no screen, a path does not exist, or the name cannot be used.
        OutputError: the cache cannot be taken away.
    """
    if args.forget_cache:
        from app.qa.cache import forget

        print(f"Gone: {forget()}")
        return 0
    missing = next((path for path in args.paths if not path.exists()), None)
    if missing is not None:
        raise UsageError(f"{missing} does not exist.", "Check the spelling, and whether the drive is connected.")
    if args.reviewer:
        from app.qa.review.places import slug_of

        slug_of(args.reviewer)
    if problem := display_problem():
        raise UsageError(problem, "Start it on a desktop, or set QT_QPA_PLATFORM=offscreen for a trial.")
    with Interrupts() as interrupts:
        _show(args, interrupts)
    return INTERRUPTED if interrupts.asked else 0


def _show(args: argparse.Namespace, interrupts: Interrupts) -> None:
    from PyQt6 import sip
    from PyQt6.QtCore import QTimer

    from app.gui.application import application
    from app.gui.crash import CrashHook, logged_qt_messages
    from app.gui.language import choose_language, use_language
    from app.gui.qa.window import QaWindow
    from app.settings.store import load_settings

    with logged_qt_messages():
        qt = application()
        qt.setApplicationName("polypwatch")
        qt.setQuitOnLastWindowClosed(False)
        use_language(choose_language(load_settings().settings.language))
        window = QaWindow(_room(args))
        window.closed.connect(qt.quit)
        hook = CrashHook(window.board, window.close)
        hook.install()
        # Not from within the signal handler, which may run in the middle of anything.
        interrupts.close = lambda: QTimer.singleShot(0, window.close)
        try:
            if not interrupts.asked:
                _open_named(window, args.paths)
                window.show()
                qt.exec()
        finally:
            window.close()
            hook.remove()
            sip.delete(window)


def _room(args: argparse.Namespace) -> Room:
    from app.qa.room import Room

    return Room(reviewer=args.reviewer, blinded=args.blinded, reviews=args.reviews)


def _open_named(window: QaWindow, paths: list[Path]) -> None:
    window.opening.take([path.absolute() for path in paths])
