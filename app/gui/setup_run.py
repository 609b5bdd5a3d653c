"""The set-up before there is a window. This module comes before Qt, as ``run`` does."""

from __future__ import annotations

import argparse
from pathlib import Path

from app.gui.interrupts import Interrupts
from app.settings.model import Settings

_CHOSEN = frozenset({"source", "deinterlace", "area", "aspect", "colours", "record"})


def after_setup(args: argparse.Namespace) -> argparse.Namespace:
    """The command line without what the set-up chose: otherwise the old source would go before the new one."""
    given = frozenset(getattr(args, "given", frozenset())) - _CHOSEN
    return argparse.Namespace(**(vars(args) | {"given": given, "source": None, "record": None}))


def run_setup(path: Path | None = None, interrupts: Interrupts | None = None) -> Settings | None:
    """Show the set-up until it is done or left. Ask ``platform.display_problem`` first.

    Args:
        path: of the settings file; default: this user's.
        interrupts: entered by the caller; default: entered for as long as the set-up is open.

    Returns:
        the settings that were written; None if the user left, and nothing was.
    """
    if interrupts is None:
        with Interrupts() as own:
            return run_setup(path, own)
    from app.gui.setup_window import show_setup

    return show_setup(interrupts, path)
