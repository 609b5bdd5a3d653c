"""A few slots of shared memory into which pictures are copied that do not lie in the pool (`detector.frame_pool`).

Written by the parent and mapped by the AI process. Nothing here waits for anything or knows who reads when: whose turn
a slot is follows from the messages in the pipe.
"""

from __future__ import annotations

import contextlib
import math
import mmap

import numpy as np
import numpy.typing as npt

from detector.shared_memory import Memory, attached, reserved

# A slot is not written again before two further frames were: a detector may still upload from the one it returned for.
SLOTS = 3


class FrameRing:
    """The writing side.

    Args:
        slot_bytes: the largest picture that fits.
        slots: how many pictures lie in memory at once.

    Raises:
        WorkerError: the memory is not there; nothing was left behind.
    """

    def __init__(self, slot_bytes: int, slots: int = SLOTS) -> None:
        self.slot_bytes = -(-slot_bytes // mmap.PAGESIZE) * mmap.PAGESIZE
        self._slots = slots
        self._next = 0
        self._memory = reserved(self.slot_bytes * slots)
        self._named = True

    @property
    def name(self) -> str:
        """By which the other process finds it, until it is unlinked."""
        return self._memory.name

    def write(self, image: npt.NDArray[np.uint8]) -> int:
        """Copy a picture of at most ``slot_bytes`` into the next slot and return where it begins, in bytes."""
        slot, self._next = self._next, (self._next + 1) % self._slots
        offset = slot * self.slot_bytes
        np.copyto(picture_in(self._memory, offset, image.shape), image)
        return offset

    def unlink(self) -> None:
        """Take the name away once the other side has it mapped: then nothing can leak, whoever is killed."""
        if self._named:
            self._named = False
            with contextlib.suppress(FileNotFoundError):
                self._memory.unlink()

    def close(self) -> None:
        """Give the memory back; the other side keeps its own mapping."""
        self.unlink()
        self._memory.close()


class MemoryView:
    """The reading side, in the AI process: of a ring or of a pool."""

    def __init__(self, name: str) -> None:
        self._memory = attached(name)

    def picture(self, offset: int, shape: tuple[int, int, int]) -> npt.NDArray[np.uint8]:
        """The picture that begins at ``offset``: a read-only view, not a copy."""
        picture = picture_in(self._memory, offset, shape)
        picture.flags.writeable = False
        return picture

    @property
    def whole(self) -> npt.NDArray[np.uint8]:
        """All its bytes, read-only: whoever holds them keeps the mapping."""
        assert self._memory.buf is not None, "closed"
        whole = np.frombuffer(self._memory.buf, np.uint8)
        whole.flags.writeable = False
        return whole

    def close(self) -> None:
        """Unmap it, unless the detector still holds a picture: then with that picture."""
        self._memory.close()


def picture_in(memory: Memory, offset: int, shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    """A view on the bytes from ``offset`` on."""
    assert memory.buf is not None, "closed"
    # Unlike an ndarray built on the buffer, this one keeps the mapping from being closed under it.
    return np.frombuffer(memory.buf, np.uint8, math.prod(shape), offset).reshape(shape)
