"""What the window wishes for when it closes: nothing, to be opened anew, or the set-up first. No Qt.

A source is never changed under a running session: the window closes, which completes its files, and whoever opened it
opens it anew.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class After(enum.Enum):
    """What comes when the window is closed."""

    NOTHING = enum.auto()
    RESTART = enum.auto()
    SETUP = enum.auto()  # and then the window again


@dataclass(slots=True)
class Restart:
    """The wish of one window, handed to its features and read when it is closed.

    Attributes:
        after: what comes then.
    """

    after: After = After.NOTHING
