"""Shared memory through which pictures reach the AI process: a few slots, written by one side and mapped by the other.

Nothing here waits for anything or knows who reads when: whose turn a slot is follows from the messages in the pipe.
"""

from __future__ import annotations

import contextlib
import math
import mmap
import os
import secrets
import sys
from collections.abc import Iterator
from multiprocessing import resource_tracker
from multiprocessing.shared_memory import SharedMemory

import numpy as np
import numpy.typing as npt

from detector.errors import WorkerError

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
        self._memory = _reserved(self.slot_bytes * slots)
        self._named = True

    @property
    def name(self) -> str:
        """By which the other process finds it, until it is unlinked."""
        return self._memory.name

    def write(self, image: npt.NDArray[np.uint8]) -> int:
        """Copy a picture of at most ``slot_bytes`` into the next slot and return the slot's number."""
        slot, self._next = self._next, (self._next + 1) % self._slots
        np.copyto(_picture(self._memory, slot, self.slot_bytes, image.shape), image)
        return slot

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


class RingView:
    """The reading side, in the AI process."""

    def __init__(self, name: str, slot_bytes: int) -> None:
        self._slot_bytes = slot_bytes
        self._memory = _attached(name)

    def picture(self, slot: int, shape: tuple[int, int, int]) -> npt.NDArray[np.uint8]:
        """The picture in a slot: a read-only view, not a copy."""
        picture = _picture(self._memory, slot, self._slot_bytes, shape)
        picture.flags.writeable = False
        return picture

    def close(self) -> None:
        """Unmap it, unless the detector still holds a picture: then the mapping stays for as long as the process."""
        try:
            self._memory.close()
        except BufferError:
            _HELD.append(self._memory)


# Mappings that cannot be closed yet; dropped, they would complain when they are collected.
_HELD: list[SharedMemory] = []


def _picture(memory: SharedMemory, slot: int, slot_bytes: int, shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    assert memory.buf is not None, "closed"
    # Unlike an ndarray built on the buffer, this one keeps the mapping from being closed under it.
    return np.frombuffer(memory.buf, np.uint8, math.prod(shape), slot * slot_bytes).reshape(shape)


def _reserved(size: int) -> SharedMemory:
    """Shared memory whose pages exist: without that, a full /dev/shm kills the writer with SIGBUS, much later."""
    memory = None
    try:
        memory = SharedMemory(f"polypwatch_{os.getpid()}_{secrets.token_hex(4)}", create=True, size=size)
        if sys.platform == "linux":
            # ftruncate, which SharedMemory uses, promises a size and reserves nothing.
            fd = os.open(f"/dev/shm/{memory.name}", os.O_RDWR)
            try:
                os.posix_fallocate(fd, 0, size)
            finally:
                os.close(fd)
    except OSError as error:
        if memory is not None:
            memory.close()
            memory.unlink()
        raise WorkerError(
            f"The AI needs {_mib(size)} of shared memory and did not get it: {error.strerror}{_free()}.",
            "Free or enlarge /dev/shm (in a container: --shm-size=256m)." if sys.platform == "linux" else "",
        ) from error
    return memory


def _free() -> str:
    """How much is left, for the message."""
    if sys.platform != "linux":
        return ""
    try:
        status = os.statvfs("/dev/shm")
    except OSError:
        return ", /dev/shm does not exist"
    return f", {_mib(status.f_bavail * status.f_frsize)} are free in /dev/shm"


def _mib(size: int) -> str:
    return f"{size / 2**20:.1f} MiB"


def _attached(name: str) -> SharedMemory:
    """Map what the parent created and will remove. The tracker of resources, which is the parent's too, has it already.

    Were it told again, just when the parent kills this process and removes the memory, it would report a leak.
    """
    if sys.version_info >= (3, 13):
        return SharedMemory(name, track=False)
    with _untracked():
        return SharedMemory(name)


@contextlib.contextmanager
def _untracked() -> Iterator[None]:
    """What ``track=False`` does, before Python 3.13."""
    register = resource_tracker.register
    resource_tracker.register = lambda name, rtype: None
    try:
        yield
    finally:
        resource_tracker.register = register
