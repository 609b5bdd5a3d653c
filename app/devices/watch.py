"""Notices cameras that are plugged in and pulled out: a look into a few folders every second, no service needed."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from app.devices.linux import Roots, lasting_names, video_nodes

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Seen:
    """One video node.

    Attributes:
        node: its path now.
        id: its lasting path, or else the node.
        identity: tells it from another device that got the same node after a replug.
    """

    node: str
    id: str
    identity: tuple[str, int] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Change:
    """What came and went between two looks; a device that was replugged quickly is in both."""

    added: tuple[Seen, ...] = ()
    removed: tuple[Seen, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed)


class DeviceWatcher:
    """Reports video nodes that come and go, Linux only. What is there at the start is not reported.

    A node counts as added when two looks in a row find it the same: links and rights come a moment after the node.
    Removal is reported at once.

    Args:
        on_change: called in the watcher's thread.
        interval_s: between looks.
        roots: where the kernel's file systems are.
    """

    def __init__(
        self, on_change: Callable[[Change], None], interval_s: float = 1.0, roots: Roots | None = None
    ) -> None:
        self._on_change = on_change
        self._interval_s = interval_s
        self._roots = roots or Roots()
        self._known = _look(self._roots)
        self._fresh: frozenset[Seen] = frozenset()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def look(self) -> Change:
        """Look once and say what changed; what the thread does, for those who have a timer of their own."""
        now = _look(self._roots)
        settled = frozenset(now & self._fresh)
        change = Change(_in_order(settled), _in_order(self._known - now))
        self._known = (self._known & now) | settled
        self._fresh = now - self._known
        return change

    def start(self) -> None:
        """Begin to look."""
        if self._thread is None:
            self._stopping.clear()
            self._thread = threading.Thread(target=self._run, name="device watcher", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Stop; waits for a look that is under way, but not when called from ``on_change``."""
        self._stopping.set()
        thread, self._thread = self._thread, None
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(self._interval_s):
            try:
                change = self.look()
                if change:
                    self._on_change(change)
            except Exception:  # root of the thread: a listener's fault must not end the watch
                _LOG.exception("the device watcher stumbled")


def _look(roots: Roots) -> frozenset[Seen]:
    lasting = lasting_names(roots)
    found = set()
    for node in video_nodes(roots):
        path = roots.dev / node
        created = 0
        with suppress(OSError):
            created = path.stat().st_ino
        place = os.path.realpath(roots.video / node)
        found.add(Seen(str(path), str(lasting.get(node, path)), (place, created)))
    return frozenset(found)


def _in_order(seen: frozenset[Seen]) -> tuple[Seen, ...]:
    return tuple(sorted(seen, key=lambda one: one.node))
