"""How the window is run. This module comes before Qt: it decides what Ctrl+C does, then imports the rest."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from app.gui.interrupts import Interrupts
from app.gui.options import WindowOptions
from app.session_api import Session

if TYPE_CHECKING:
    from app.gui.bridge import PaintHook


def run_window(session: Session, options: WindowOptions, painted: Iterable[PaintHook] = ()) -> int:
    """Import Qt and show the session; see ``window.run_window``."""
    with Interrupts() as interrupts:
        from app.gui import window

        return window.run_window(session, options, painted, interrupts)
