"""Which decoded pictures can be trusted, given which of them show damage.

Damage spreads: to what is predicted from a damaged picture, until one that stands on its own, and to the neighbour in
the file, as what overwrites the beginning of one packet has mostly overwritten the end of the one before.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from av.video.frame import VideoFrame

_MOST_HELD = 64  # ends the wait in a stream that is not built as it should be
INHERITED = "predicted from a damaged picture"
NEIGHBOUR = "its neighbour in the file is damaged"


@dataclass(slots=True, eq=False)
class Suspect:
    """A picture on its way to a verdict.

    Attributes:
        pts: presentation time in the stream's ticks, if known.
        frame: what the decoder gave, or None if it gave nothing.
        fault: why it cannot be trusted; empty while nothing is known against it.
        order: place of its packet in the file, if known.
        standing: predicted from no other picture.
        between: may be predicted from a picture that is shown after it.
    """

    pts: int | None
    frame: VideoFrame | None
    fault: str = ""
    order: int | None = None
    standing: bool = False
    between: bool = False


class Verdicts:
    """Takes pictures in the order in which they are shown and gives them back in that order, their faults filled in.

    Args:
        patient: hold pictures back until what could speak against them was seen: for files. Otherwise each is judged by
            what came before it.
    """

    def __init__(self, *, patient: bool) -> None:
        self._patient = patient
        self._damaged = False
        self._held: list[Suspect] = []
        self._judged: list[Suspect] = []

    @property
    def damaged(self) -> bool:
        """Whether the last picture was damaged, or any since the last that stands on its own."""
        return self._damaged or any(item.fault for item in self._held)

    def add(self, item: Suspect) -> list[Suspect]:
        """Take the next picture; returns those whose verdict is final."""
        self._held.append(item)
        if not self._patient:
            return self._judge()
        if (item.frame is None or item.between) and len(self._held) < _MOST_HELD:
            return []  # wait for the picture that it may be predicted from
        ready, self._judged = self._judged, self._judge()
        self._suspect_neighbours(ready)
        return ready

    def flush(self) -> list[Suspect]:
        """All that is left, at the end of the stream."""
        ready, self._judged = self._judged, self._judge()
        self._suspect_neighbours(ready)
        return ready + self._judged

    def _judge(self) -> list[Suspect]:
        """Fill in what the pictures held inherit from each other; the last is the one that the others waited for."""
        group, self._held = self._held, []
        for item in group:
            self._damaged |= bool(item.fault)
        for item in group:
            last_stands = item is group[-1] and item.standing
            if last_stands:
                self._damaged = bool(item.fault)
            if self._damaged and not item.fault:
                item.fault = INHERITED
        return group

    def _suspect_neighbours(self, earlier: Iterable[Suspect]) -> None:
        orders = {item.order for item in self._judged if item.fault not in ("", INHERITED) and item.order is not None}
        for item in (*earlier, *self._judged):
            if not item.fault and item.order is not None and item.order + 1 in orders:
                item.fault = NEIGHBOUR
                self._damaged |= item in self._judged
