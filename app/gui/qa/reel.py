"""The clip on the screen and the next one behind it, opened and decoded already: answering never waits for a disk.

Every clip has a player of its own that loops over it. Players are made beside the window's thread and closed there,
too, because both may wait for the disk.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PyQt6.QtCore import QObject, pyqtSignal

from app.gui.bridge import Bridge
from app.gui.qa.pages import Desk, Errand
from app.qa.playback.player import Player, PlayState
from app.qa.sessions import Lease
from app.qa.worklist.clips import Clip
from detector.errors import PolypwatchError

CACHE_BYTES = 120_000_000
"""Of a player's decoded pictures: three players share what one in Replay has."""


@dataclass(slots=True, eq=False)
class Ready:
    """A clip that can be played.

    Attributes:
        clip: which.
        lease: the session that its answer goes to.
        player: stands at the first picture, paused, until it is shown.
    """

    clip: Clip
    lease: Lease
    player: Player

    def close(self) -> None:
        """Stop the player, give the session back. May wait."""
        self.player.close()
        self.lease.release()


def make_ready(desk: Desk, clip: Clip, wake: Callable[[], None]) -> Ready:
    """Open the clip's procedure and stand at its first picture. Waits for the disk: not in the window's thread.

    Raises:
        PolypwatchError: the procedure cannot be opened.
    """
    lease = desk.lease(clip.procedure)
    try:
        player = Player(lease.opened, wake, most_bytes=CACHE_BYTES)
    except BaseException:
        lease.release()
        raise
    player.loop(clip.first, clip.last)
    player.seek(clip.first)
    return Ready(clip, lease, player)


class Reel(QObject):
    """Shows clips one after the other.

    Attributes:
        changed: there may be a new picture or state of the current clip.
        unplayable: the current clip cannot be opened: which, and why.
    """

    changed = pyqtSignal()
    unplayable = pyqtSignal(object, object)

    def __init__(self, desk: Desk, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._bridge = Bridge(self)
        self._bridge.refresh.connect(self.changed)
        self._ready: dict[str, Ready] = {}
        self._coming: dict[str, Errand] = {}
        self._failed: dict[str, PolypwatchError] = {}
        self._current: Clip | None = None
        self._playing = True
        self._shelf = _Shelf()

    @property
    def ready(self) -> Ready | None:
        """The current clip, if it can be played already."""
        return self._ready.get(self._current.id) if self._current else None

    def state(self) -> PlayState | None:
        """What the player of the current clip says."""
        ready = self.ready
        return ready.player.state() if ready else None

    def show(self, clip: Clip | None, upcoming: Sequence[Clip] = ()) -> None:
        """Play this clip; make those ready that follow; let go of all others."""
        self._current, self._playing = clip, True
        self._keep([*([clip] if clip else []), *upcoming])
        self._play_current()
        self.changed.emit()

    def show_next(self, upcoming: Sequence[Clip]) -> None:
        """Make these ready behind the current clip, which goes on as it is."""
        self._keep([*([self._current] if self._current else []), *upcoming])

    def _keep(self, wanted: Sequence[Clip]) -> None:
        keep = {each.id for each in wanted}
        for key in [key for key in self._ready if key not in keep]:
            self._shelf.put_back(self._ready.pop(key))
        for key in [key for key in self._coming if key not in keep]:
            self._coming.pop(key)  # what comes of it is closed when it arrives
        for each in wanted:
            self._prepare(each)

    def hold(self) -> None:
        """The picture stands still."""
        self._playing = False
        if (ready := self.ready) is not None:
            ready.player.pause()

    def go_on(self) -> None:
        """The clip goes on."""
        self._playing = True
        self._play_current()

    @property
    def playing(self) -> bool:
        """Whether the clip moves, as far as the user wants."""
        return self._playing

    def close(self) -> None:
        """Stop all players."""
        self._bridge.close()
        self._coming.clear()
        self._ready.clear()
        self._shelf.close()

    def _prepare(self, clip: Clip) -> None:
        if clip.id in self._ready or clip.id in self._coming:
            return
        self._failed.pop(clip.id, None)
        desk, wake, shelf = self._desk, self._bridge.wake, self._shelf
        self._coming[clip.id] = desk.run_in_background(
            lambda: shelf.take(make_ready(desk, clip, wake)),
            self._arrived,
            lambda error: self._missing(clip, error),
            owner=self,
        )

    def _arrived(self, ready: Ready) -> None:
        key = ready.clip.id
        if self._coming.pop(key, None) is None:
            self._shelf.put_back(ready)  # nobody waits for it any more
            return
        self._ready[key] = ready
        if self._current is not None and self._current.id == key:
            self._play_current()
            self.changed.emit()

    def _missing(self, clip: Clip, error: PolypwatchError) -> None:
        if self._coming.pop(clip.id, None) is None:
            return
        self._failed[clip.id] = error
        if self._current is not None and self._current.id == clip.id:
            self.unplayable.emit(clip, error)

    def _play_current(self) -> None:
        if self._current is not None and (error := self._failed.pop(self._current.id, None)) is not None:
            self.unplayable.emit(self._current, error)
        elif self._playing and (ready := self.ready) is not None:
            ready.player.play(1.0)


class _Shelf:
    """Every player that was made and not closed yet, so that none outlives the reel. From any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._out: set[Ready] = set()
        self._closed = False

    def take(self, ready: Ready) -> Ready:
        """It was made."""
        with self._lock:
            closed = self._closed
            if not closed:
                self._out.add(ready)
        if closed:
            ready.close()
        return ready

    def put_back(self, ready: Ready) -> None:
        """Close it, beside this thread: that may take a while."""
        with self._lock:
            known = ready in self._out
            self._out.discard(ready)
        if known:
            threading.Thread(target=ready.close, name="qa-reel-close", daemon=True).start()

    def close(self) -> None:
        """Close all, and whatever is still being made as soon as it is."""
        with self._lock:
            self._closed = True
            left = tuple(self._out)
        for ready in left:
            self.put_back(ready)
