"""How long work says how far it is, and how it is told to stop. No Qt."""

from __future__ import annotations

from collections.abc import Callable

from detector.errors import PolypwatchError

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much is done and how much there is; from the thread that works."""
Stop = Callable[[], bool]
"""Asked now and then whether to end early."""


class Stopped(PolypwatchError):
    """The user ended the work early; nothing half-done was left."""

    exit_status = 130


def quiet(what: str, done: int, total: int) -> None:
    """Nobody watches."""


def never() -> bool:
    """Nobody stops it."""
    return False


def go_on(stop: Stop, what: str) -> None:
    """Ask whether to go on.

    Raises:
        Stopped: the user said no.
    """
    if stop():
        raise Stopped(f"{what} was stopped.", "Nothing was written.")
