"""``polypwatch live`` under a supervisor, one at a time. Loads nothing heavy: the window is another process."""

from __future__ import annotations

import argparse
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import app
from app.day.instance import AlreadyRunning, Instance
from app.day.line import ask_to_raise, own_line
from app.day.supervise import Supervisor

_log = logging.getLogger(__name__)

_UNSEEN = ("offscreen", "minimal", "vnc")
_WITHOUT = "--no-supervisor"


def add_supervisor_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--supervisor`` and ``--no-supervisor``; by default a window that can be seen has one."""
    parser.add_argument(
        "--supervisor",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="bring the window back when it crashes (default: yes, where it can be seen)",
    )


def run_live(args: argparse.Namespace, argv: Sequence[str], window: Callable[[argparse.Namespace], int]) -> int:
    """Open the live window: in a process of its own that is looked after, or here.

    Args:
        args: of ``polypwatch live``.
        argv: as they were written, for the process of the window.
        window: opens it here.

    Raises:
        AlreadyRunning: another one is open; it was asked to come to the front.
        OutputError: the folder for the lock cannot be used.
    """
    if own_line() is not None:  # the supervisor has the lock
        return window(args)
    source = _public(args.source or "")
    if not _wanted(args.supervisor):
        instance = _the_one(source)
        try:
            return window(args)
        finally:
            instance.release()
    return _supervised(source, argv)


def _public(source: str) -> str:
    """A source without what may be secret in an address: name, password (which may hold an @ itself) and query."""
    if source.startswith("gst:"):
        return source.partition(" ")[0]
    scheme, slashes, rest = source.partition("://")
    if not slashes:
        return source
    return f"{scheme}://{rest.partition('?')[0].rpartition('@')[2]}"


def _wanted(asked: bool | None) -> bool:
    if asked is not None:
        return asked
    return os.environ.get("QT_QPA_PLATFORM", "").split(":")[0] not in _UNSEEN


def _supervised(source: str, argv: Sequence[str]) -> int:
    instance = _the_one(source)
    try:
        command = (*python(), "app.day.child", *argv, _WITHOUT)
        supervisor = Supervisor(
            command, inherited=(instance.fileno(),), environment=environment(), last_words=_show_last_words
        )
        instance.listen_at(supervisor.address)
        return supervisor.run()
    finally:
        instance.release()


def _the_one(source: str) -> Instance:
    try:
        return Instance.take(source)
    except AlreadyRunning as error:
        if error.holder is not None and ask_to_raise(error.holder.address):
            error.hint = "That window was asked to come to the front."
        raise


def python() -> tuple[str, ...]:
    """How a module of ours is run in a process of its own."""
    # -P: a folder called `app` where the program was started from must not be taken for ours.
    return (sys.executable, "-P", "-m")


def environment() -> dict[str, str]:
    """As this process's, and ``app`` is found where it was found now: in a checkout that is not installed, too."""
    root = str(Path(app.__file__).resolve().parent.parent)
    path = os.environ.get("PYTHONPATH", "")
    return {**os.environ, "PYTHONPATH": os.pathsep.join([root, *([path] if path else [])])}


def _show_last_words(text: str) -> None:
    """In a window of its own that nobody waits for: there may be no terminal to read."""
    try:
        subprocess.Popen([*python(), "app.gui.last_words", text], env=environment())
    except OSError as error:
        _log.error("the last words could not be shown: %s", error)
