"""A camera or grabber as it is listed: who it is, where it is plugged in, what it offers, what is wrong with it."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from fractions import Fraction

from app.devices.formats import Format, rate_text

# The most that one endpoint can carry, whatever its kind; some devices list what does not fit all the same. USB 2.0:
# thirteen bulk packets of 512 bytes in each of 8000 microframes a second (isochronous: half of that). SuperSpeed: three
# bursts of sixteen packets of 1024 bytes, twice that at 10 Gbit/s.
_USB2_BYTES_PER_S = 13 * 512 * 8000
_USB3_BYTES_PER_S = 48 * 1024 * 8000


class BusKind(enum.Enum):
    """How a device is connected."""

    USB = "USB"
    PCI = "PCI"
    VIRTUAL = "virtual"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Bus:
    """What a device is plugged into.

    Attributes:
        kind: of bus.
        mbit_per_s: signalling rate of a USB port as the kernel tells it: 480, 5000, 10000; None where unknown.
    """

    kind: BusKind = BusKind.OTHER
    mbit_per_s: int | None = None

    @property
    def bytes_per_s(self) -> int | None:
        """What video can cross it in a second; None if that is no limit or not known."""
        if self.kind is not BusKind.USB or self.mbit_per_s is None:
            return None
        if self.mbit_per_s < 480:
            return self.mbit_per_s * 100_000
        return _USB2_BYTES_PER_S if self.mbit_per_s < 5000 else _USB3_BYTES_PER_S * (self.mbit_per_s // 5000)

    def __str__(self) -> str:
        if self.kind is BusKind.USB and self.mbit_per_s is not None:
            return f"USB {2 if self.mbit_per_s < 5000 else 3}, {self.mbit_per_s} Mbit/s"
        return self.kind.value


@dataclass(frozen=True, slots=True)
class Signal:
    """What arrives at a grabber's input, where the driver tells.

    Attributes:
        width: in pixels.
        height: of the whole frame, in lines.
        rate: frames per second; of an interlaced signal half the fields.
        interlaced: as the signal says; what the content is like is another matter.
    """

    width: int
    height: int
    rate: Fraction
    interlaced: bool = False

    def __str__(self) -> str:
        rate = self.rate * 2 if self.interlaced else self.rate
        return f"{self.width}x{self.height}{'i' if self.interlaced else 'p'}{rate_text(rate)}"


@dataclass(frozen=True, slots=True)
class Device:
    """One camera or grabber.

    Attributes:
        id: the same after a replug or restart where ``stable``.
        stable: whether the system has a lasting name for it; else the id holds until it is unplugged.
        name: as the maker calls it.
        node: what the system calls it now, such as ``/dev/video0``.
        source: what to type as a source, ``camera:`` and the id.
        bus: where it is plugged in.
        formats: what it offers; empty with a problem, or where they cannot be listed.
        signal: what arrives at its input; None if the driver does not tell.
        open_in: programs that hold it open, as far as this user may see them.
        problem: why it cannot be used as it is, in words; empty if nothing is wrong.
        hint: what to do about that.
    """

    id: str
    stable: bool
    name: str
    node: str
    source: str
    bus: Bus = Bus()
    formats: tuple[Format, ...] = ()
    signal: Signal | None = None
    open_in: tuple[str, ...] = ()
    problem: str = ""
    hint: str = ""
