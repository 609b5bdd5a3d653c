"""Pictures that were decoded, kept as the decoder gave them (half the size of BGR) within a bound in bytes."""

from __future__ import annotations

from collections import OrderedDict

from app.qa.playback.shot import Shot

MOST_BYTES = 300_000_000
"""48 pictures of 1080p in BGR, 96 as they come."""


class Store:
    """By position; what was not asked for longest goes first. Used by one thread.

    Args:
        most_bytes: of all pictures.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most = most_bytes
        self._shots: OrderedDict[int, Shot] = OrderedDict()
        self._bytes = 0

    def __contains__(self, position: int) -> bool:
        return position in self._shots

    @property
    def cost(self) -> int:
        """Bytes that are held."""
        return self._bytes

    def get(self, position: int) -> Shot | None:
        """A picture that is here."""
        shot = self._shots.get(position)
        if shot is not None:
            self._shots.move_to_end(position)
        return shot

    def put(self, position: int, shot: Shot) -> None:
        """Keep a picture; others go for it."""
        old = self._shots.pop(position, None)
        self._bytes += shot.cost - (old.cost if old is not None else 0)
        self._shots[position] = shot
        while self._bytes > self._most and len(self._shots) > 1:
            _, gone = self._shots.popitem(last=False)
            self._bytes -= gone.cost

    def room_for(self, cost: int) -> int:
        """How many pictures of this cost can be held."""
        return max(1, self._most // max(1, cost))

    def clear(self) -> None:
        """Forget all."""
        self._shots.clear()
        self._bytes = 0
