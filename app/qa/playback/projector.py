"""Pictures by position with those kept that were decoded: what a player needs. Belongs to one thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from app.qa.cache import Kept
from app.qa.playback.shelf import Shelf
from app.qa.playback.shot import Cancelled, Shot
from app.qa.playback.store import Store

if TYPE_CHECKING:
    from app.qa.opened import Opened

_CHUNK = 48  # pictures that are decoded at once for going backwards, where there is room
_KEYS_UNKNOWN = 16


class Projector:
    """A shelf with a store.

    Args:
        opened: the procedure.
        kept: where indices are kept.
        most_bytes: of decoded pictures.
    """

    def __init__(self, opened: Opened, kept: Kept, most_bytes: int) -> None:
        self._shelf = Shelf(opened, kept)
        self._store = Store(most_bytes)
        self._file = 0
        self._cost = max(1, opened.size.width * opened.size.height * 3 // 2)

    @property
    def cost(self) -> int:
        """Bytes of pictures that are kept."""
        return self._store.cost

    def learn(self, opened: Opened) -> None:
        """Go on with what is known better now."""
        if len(opened.axis) != len(self._shelf.opened.axis) or not self._shelf.opened.axis.whole:
            self._store.clear()
        self._shelf.learn(opened)

    def close(self) -> None:
        """Close all files and forget all pictures."""
        self._shelf.close()
        self._store.clear()

    def image(self, shot: Shot) -> npt.NDArray[np.uint8] | None:
        """As BGR uint8 (H, W, 3), read-only; None if there is none."""
        return self._shelf.image(shot)

    def ahead_of(self, position: int) -> int:
        """How many pictures have to be decoded before this one is there."""
        return 0 if position in self._store else self._shelf.ahead_of(position)

    def key_of(self, position: int) -> int:
        """Where the last key frame up to a position stands."""
        return self._shelf.key_of(position)

    def estimate(self, position: int) -> tuple[int, Shot]:
        """The key frame nearest to a position of an estimated axis, and about where it stands."""
        axis = self._shelf.opened.axis
        shot = self._shelf.near_time(float(axis.times_s[position]))
        return axis.at(shot.time_s), shot

    def key(self, position: int) -> tuple[int, Shot]:
        """The nearest key frame up to a position, and where it stands."""
        known = self._shelf.key_of(position)
        if known in self._store and (shot := self._store.get(known)) is not None:
            return known, shot
        self._enter(position)
        found, shot = self._shelf.key(position)
        self._store.put(found, shot)
        return found, shot

    def exact(self, position: int, cancelled: Cancelled) -> Shot | None:
        """The picture at a position; None if it was cancelled."""
        shot = self._store.get(position) or self._shot(position, cancelled)
        if shot is not None:
            self._store.put(position, shot)
        return shot

    def with_those_before(self, position: int, cancelled: Cancelled) -> Shot | None:
        """The picture at a position, and those before it for going on backwards; None if it was cancelled."""
        if (shot := self._store.get(position)) is not None:
            return shot
        for at in range(self._chunk_begin(position), position + 1):
            shot = self._shot(at, cancelled)
            if shot is None:
                return None
            self._store.put(at, shot)
        return self._store.get(position)

    def prepare(self, position: int, cancelled: Cancelled) -> None:
        """Decode what will be asked for next, as far as there is time."""
        if position not in self._store and (shot := self._shot(position, cancelled)) is not None:
            self._store.put(position, shot)

    def prepare_back(self, position: int, first: int, cancelled: Cancelled) -> None:
        """Decode what lies before those before a position that are here already, as far as there is time."""
        low = position
        while low - 1 >= first and low - 1 in self._store:
            low -= 1
        if low <= first or position - low >= min(_CHUNK, self._store.room_for(self._cost) // 3):
            return
        at = max(first, self._chunk_begin(low - 1))
        while at < low and not cancelled():
            if at not in self._store:
                shot = self._shot(at, cancelled)
                if shot is None:
                    return
                self._store.put(at, shot)
            at += 1

    def _shot(self, position: int, cancelled: Cancelled) -> Shot | None:
        self._enter(position)
        return self._shelf.shot(position, cancelled)

    def _enter(self, position: int) -> None:
        """Forget the pictures of another file: a decoder keeps its memory as long as one of its pictures is held."""
        place = self._shelf.opened.place_of(position)
        if place != self._file:
            self._store.clear()
        self._file = place

    def _chunk_begin(self, position: int) -> int:
        key = self._shelf.key_of(position)
        if key == position:
            key = position - _KEYS_UNKNOWN if not self._shelf.knows_keys(position) else key
        least = int(self._shelf.opened.axis.of_segment(int(self._shelf.opened.axis.segment[position]))[0])
        return max(key, least, position - min(_CHUNK, self._store.room_for(self._cost) // 2) + 1)
