"""What the supervisor starts: the window at once, or a spare that loads everything and waits until it is needed.

``python -P -m app.day.child live ...``: the arguments are those of ``polypwatch``. The AI's worker imports this module
once more under another name, so that it must stay light.
"""

from __future__ import annotations

import contextlib
import faulthandler
import importlib
import os
import signal
import sys

from app.day.line import GO, own_line
from app.day.supervise import SPARE

_HEAVY = ("app.live_room", "app.gui.window", "app.selftest", "app.settings.store", "detector.picture")
_LOOK_EVERY_S = 60.0


def main() -> int:
    """Be the window; returns the exit status."""
    faulthandler.enable()  # where a crash or a hang was, in the log; no core file, see below
    _no_core_file()
    if os.environ.pop(SPARE, "") and not _needed():
        return 0
    own_line()  # before anything loads: the supervisor knows whom it hears
    from app.cli import main as command

    return command(sys.argv[1:])


def _needed() -> bool:
    """Load everything and wait; False if the supervisor has ended."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl+C is for the window
    for name in _HEAVY:
        importlib.import_module(name)
    line = own_line()
    while line is not None and line.open:
        for word, told in line.received(_LOOK_EVERY_S):
            if word == GO:
                os.environ.update(told)
                signal.signal(signal.SIGINT, before)
                return True
    return False


def _no_core_file() -> None:
    """A memory image would hold pictures of the patient."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


if __name__ == "__main__":
    sys.exit(main())
