"""Where an engine's buffers lie and how bytes get there: the contract, and the plain memory of a CPU.

:mod:`detector.cuda_memory` is the other one. Everything is ordered as on one stream: what is asked for later happens
later, and the host waits in :meth:`Memory.wait` alone.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]


class Memory(Protocol):
    """Buffers on a device and on the host, and copies between them."""

    device: str
    """What ONNX Runtime calls it: ``cuda`` or ``cpu``."""
    stream: int
    """Address of the stream that everything runs on; 0 if there is none."""
    note: str
    """What is not as fast as it could be, in words; empty if nothing."""

    def host(self, count: int) -> Bytes:
        """A buffer on the host from which copies are fast."""
        ...

    def free_host(self, buffer: Bytes) -> None:
        """Give back what :meth:`host` gave: whoever still looks into it must not."""
        ...

    def allocate(self, count: int) -> int:
        """The address of ``count`` new bytes on the device, aligned to 256; freed by :meth:`free`."""
        ...

    def free(self, address: int) -> None:
        """Give back what :meth:`allocate` gave."""
        ...

    def upload(self, source: Bytes, address: int) -> None:
        """Copy to the device; ``source`` (contiguous) must stay unchanged until it is done."""
        ...

    def download(self, address: int, target: Bytes) -> None:
        """Copy from the device; ``target`` is whole after :meth:`wait`."""
        ...

    def mark(self, slot: int) -> None:
        """Remember in ``slot`` (0 or 1) what has been asked for so far."""
        ...

    def wait(self, slot: int) -> None:
        """Block until everything before the mark is done."""
        ...

    def pin(self, memory: Bytes) -> bool:
        """Let copies read ``memory`` directly; False if this device cannot."""
        ...

    def unpin(self, memory: Bytes) -> None:
        """End that, before the memory is unmapped; no copy from it may be under way."""
        ...

    def close(self) -> None:
        """Give everything back."""
        ...


class HostMemory:
    """For engines on the CPU provider: the device is the host, and everything is done at once."""

    device = "cpu"
    stream = 0
    note = ""

    def __init__(self) -> None:
        self._kept: dict[int, Bytes] = {}

    def host(self, count: int) -> Bytes:
        """See `Memory`."""
        return np.zeros(count, np.uint8)

    def free_host(self, buffer: Bytes) -> None:
        """See `Memory`."""

    def allocate(self, count: int) -> int:
        """See `Memory`."""
        whole = np.zeros(count + 256, np.uint8)
        start = -whole.ctypes.data % 256
        buffer = whole[start : start + count]
        self._kept[buffer.ctypes.data] = buffer
        return int(buffer.ctypes.data)

    def free(self, address: int) -> None:
        """See `Memory`."""
        self._kept.pop(address, None)

    def upload(self, source: Bytes, address: int) -> None:
        """See `Memory`."""
        self._at(address, source.size)[:] = source.reshape(-1)

    def download(self, address: int, target: Bytes) -> None:
        """See `Memory`."""
        target[:] = self._at(address, target.size)

    def mark(self, slot: int) -> None:
        """See `Memory`."""

    def wait(self, slot: int) -> None:
        """See `Memory`."""

    def pin(self, memory: Bytes) -> bool:
        """See `Memory`."""
        return True

    def unpin(self, memory: Bytes) -> None:
        """See `Memory`."""

    def close(self) -> None:
        """See `Memory`."""
        self._kept.clear()

    def _at(self, address: int, count: int) -> Bytes:
        """The bytes at an address inside of one of the buffers."""
        for start, buffer in self._kept.items():
            if start <= address and address + count <= start + buffer.size:
                return buffer[address - start : address - start + count]
        raise ValueError(f"{count} bytes at {address:#x} lie in no buffer")
