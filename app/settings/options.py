"""The command ``polypwatch settings``, and knowing which options a user wrote. Imports nothing heavy."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def add_settings(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    settings = commands.add_parser("settings", help="show and change what is remembered from one start to the next")
    what = settings.add_mutually_exclusive_group()
    what.add_argument("--show", action="store_true", help="every setting, and where it comes from (the default)")
    what.add_argument("--describe", action="store_true", help="every setting with its default and what it means")
    what.add_argument("--path", action="store_true", help="where the settings file is")
    what.add_argument("--set", nargs="+", metavar="KEY=VALUE", help="change settings, as ai.sensitivity=low")
    what.add_argument("--export", type=Path, metavar="FILE", help="write this room's settings for another computer")
    what.add_argument("--import", dest="import_", type=Path, metavar="FILE", help="take in a room and be in it")
    what.add_argument("--reset", action="store_true", help="go back to the defaults; the file is kept aside")
    settings.set_defaults(run=_run)


def note_given(parser: argparse.ArgumentParser) -> None:
    """Make a parser remember in ``given`` which of its options the user wrote. To be called before any is added."""
    parser.register("action", None, _Given)
    parser.register("action", "store", _Given)
    parser.register("action", "store_true", _GivenTrue)


class _Given(argparse.Action):
    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, _: str | None = None
    ) -> None:
        setattr(namespace, self.dest, values)
        if values is not None:  # an argument that may be left out, and was
            namespace.given = getattr(namespace, "given", frozenset()) | {self.dest}


class _GivenTrue(_Given):
    def __init__(self, option_strings: list[str], dest: str, default: bool = False, help: str | None = None) -> None:
        super().__init__(option_strings, dest, nargs=0, default=default, help=help)

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, _: str | None = None
    ) -> None:
        super().__call__(parser, namespace, True)


def _run(args: argparse.Namespace) -> int:
    from app.settings.command import run_settings

    return run_settings(args)
