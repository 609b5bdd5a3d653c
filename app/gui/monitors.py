"""Which screen the second monitor is: known again after it was unplugged, never the one with the live window. No Qt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.gui.layout import Area

_NOWHERE = Area(0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Monitor:
    """A screen as the system tells of it.

    Attributes:
        name: of its connector or its own, as the system has it.
        model: of the monitor; often empty.
        serial: of the monitor; often empty.
        area: where it lies, in logical pixels; empty for one that is only wished for.
    """

    name: str
    model: str = ""
    serial: str = ""
    area: Area = _NOWHERE

    @property
    def label(self) -> str:
        """What to call it."""
        return self.name or self.model or self.serial

    def is_same_device(self, other: Monitor) -> bool:
        """Whether both are surely the same monitor, whatever it is plugged into."""
        return bool(self.serial) and (self.model, self.serial) == (other.model, other.serial)

    def is_called(self, name: str) -> bool:
        """Whether a user who writes this name means it."""
        return bool(name) and name.casefold() in (own.casefold() for own in (self.name, self.model, self.serial) if own)


def find_again(wanted: Monitor, monitors: Sequence[Monitor]) -> Monitor | None:
    """The monitor that was wanted: the same device, else one in its place or of its name; None if it is not there."""
    for monitor in monitors:
        if monitor.is_same_device(wanted):
            return monitor
    for monitor in monitors:
        if monitor.name == wanted.name:
            return monitor
    return next((monitor for monitor in monitors if monitor.is_called(wanted.name)), None)


def next_choice(wanted: Monitor | None, others: Sequence[Monitor]) -> Monitor | None:
    """What the key takes next: off, the first, the next ..., off.

    Args:
        wanted: what is chosen now; None if the second monitor is off.
        others: the screens that may be chosen.
    """
    if wanted is None:
        return others[0] if others else None
    found = find_again(wanted, others)
    after = others[others.index(found) + 1 :] if found else []
    return after[0] if after else None


def covers(live: Monitor, other: Monitor) -> bool:
    """Whether a window that fills ``other`` would lie on ``live``: the same screen, or one that mirrors it."""
    return live.area.meets(other.area)
