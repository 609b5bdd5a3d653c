"""Sleep, screen saver and notifications are held off while the live window is open.

Each desktop has its own way; a *hold* is one of them, taken once and let go at the end. Every system lets go by itself
when the process ends, however that is. The holds of Linux speak over D-Bus and lie in ``app.gui.awake_bus``.
"""

from __future__ import annotations

import contextlib
import enum
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

_log = logging.getLogger(__name__)
REASON = "An examination is shown."
_ES_CONTINUOUS, _ES_SYSTEM_REQUIRED, _ES_DISPLAY_REQUIRED = 0x80000000, 0x00000001, 0x00000002


class Of(enum.Enum):
    """What is held off."""

    SLEEP = "sleep"
    SCREEN_SAVER = "screen saver"
    NOTIFICATIONS = "notifications"


class Hold(Protocol):
    """One way of holding something off."""

    name: str
    covers: frozenset[Of]

    def take(self) -> bool:
        """Begin; False if this machine does not have it. Never raises, and ends within a few seconds."""
        ...

    def release(self) -> None:
        """End."""
        ...


@dataclass(frozen=True, slots=True)
class Held:
    """What is held off, and by what.

    Attributes:
        by: names of the ways that were taken.
        missing: what nothing on this machine holds off.
    """

    by: tuple[str, ...]
    missing: tuple[Of, ...]

    def words(self) -> str:
        """For the self-test and the log."""
        if not self.missing:
            return f"Sleep, screen saver and notifications are held off ({', '.join(self.by)})."
        names = " and ".join(of.value for of in self.missing)
        by = f" The rest is held off by: {', '.join(self.by)}." if self.by else ""
        return f"Not held off here: {names}. Switch it off in the system's settings.{by}"


class Awake:
    """Takes every hold that this machine has, in a thread of its own, because a desktop may be slow to answer.

    Args:
        holds: in order.
        on_held: called from that thread with what was taken.
    """

    def __init__(self, holds: Sequence[Hold], on_held: Callable[[Held], None] = lambda held: None) -> None:
        self._holds = tuple(holds)
        self._on_held = on_held
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="awake", daemon=True)

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def close(self, timeout_s: float = 5.0) -> None:
        """Let everything go."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _run(self) -> None:
        taken = [hold for hold in self._holds if hold.take()]
        try:
            held = summary(taken)
            _log.info("%s", held.words())
            self._on_held(held)
            self._ending.wait()  # Windows ties the wish to the thread that made it
        finally:
            for hold in taken:
                hold.release()


def summary(taken: Sequence[Hold]) -> Held:
    """What these holds come to."""
    covered = frozenset().union(*(hold.covers for hold in taken))
    return Held(tuple(hold.name for hold in taken), tuple(of for of in Of if of not in covered))


def tried(holds: Sequence[Hold]) -> Held:
    """What could be held off here: takes every hold and lets it go at once. For the self-test."""
    taken = [hold for hold in holds if hold.take()]
    for hold in taken:
        hold.release()
    return summary(taken)


def system_holds() -> tuple[Hold, ...]:
    """Those of Windows and macOS; none elsewhere."""
    if sys.platform == "win32":
        return (WindowsHold(),)
    if sys.platform == "darwin":
        return (CaffeinateHold(),)
    return ()


class WindowsHold:
    """``SetThreadExecutionState``: neither the computer nor the display goes to sleep while the thread lives."""

    name = "Windows"
    covers = frozenset({Of.SLEEP, Of.SCREEN_SAVER})

    def take(self) -> bool:
        """See :class:`Hold`."""
        return self._set(_ES_CONTINUOUS | _ES_SYSTEM_REQUIRED | _ES_DISPLAY_REQUIRED)

    def release(self) -> None:
        """See :class:`Hold`."""
        self._set(_ES_CONTINUOUS)

    def _set(self, flags: int) -> bool:
        if sys.platform != "win32":
            return False
        import ctypes

        return bool(ctypes.windll.kernel32.SetThreadExecutionState(flags))  # 0: it was refused


class CaffeinateHold:
    """macOS' own ``caffeinate``: no idle sleep of display, disk or system until this process is gone."""

    name = "caffeinate"
    covers = frozenset({Of.SLEEP, Of.SCREEN_SAVER})

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def take(self) -> bool:
        """See :class:`Hold`."""
        with contextlib.suppress(OSError):
            self._process = subprocess.Popen(["/usr/bin/caffeinate", "-d", "-i", "-m", "-s", "-w", str(os.getpid())])
        return self._process is not None

    def release(self) -> None:
        """See :class:`Hold`."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(2.0)
