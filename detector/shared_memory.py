"""Shared memory whose pages exist, and how the AI process finds it. Nothing here waits for anything."""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
from collections.abc import Iterator
from multiprocessing import resource_tracker
from multiprocessing.shared_memory import SharedMemory

from detector.errors import WorkerError


class Memory(SharedMemory):
    """Shared memory that can be given up while pictures in it are still looked at: it is unmapped with the last one."""

    def close(self) -> None:
        """Unmap it, now if nothing points into it."""
        with contextlib.suppress(BufferError):
            super().close()


def reserved(size: int) -> Memory:
    """Named memory of ``size`` bytes: without the pages, a full /dev/shm kills the writer with SIGBUS, much later.

    Raises:
        WorkerError: it is not there; nothing was left behind.
    """
    memory = None
    try:
        memory = Memory(f"polypwatch_{os.getpid()}_{secrets.token_hex(4)}", create=True, size=size)
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
        free = free_bytes()
        left = "" if sys.platform != "linux" else f", {_mib(free)} are free in /dev/shm"
        raise WorkerError(
            f"The AI needs {_mib(size)} of shared memory and did not get it: {error.strerror}"
            f"{', /dev/shm does not exist' if sys.platform == 'linux' and free is None else left}.",
            "Free or enlarge /dev/shm (in a container: --shm-size=256m)." if sys.platform == "linux" else "",
        ) from error
    return memory


def attached(name: str) -> Memory:
    """Map what the parent created and will remove. The tracker of resources, which is the parent's too, has it already.

    Were it told again, just when the parent kills this process and removes the memory, it would report a leak.
    """
    if sys.version_info >= (3, 13):
        return Memory(name, track=False)
    with _untracked():
        return Memory(name)


def free_bytes() -> int | None:
    """How much shared memory is left; None where there is no such limit, or no such place."""
    if sys.platform != "linux":
        return None
    try:
        status = os.statvfs("/dev/shm")
    except OSError:
        return None
    return status.f_bavail * status.f_frsize


def _mib(size: int | None) -> str:
    return f"{(size or 0) / 2**20:.1f} MiB"


@contextlib.contextmanager
def _untracked() -> Iterator[None]:
    """What ``track=False`` does, before Python 3.13."""
    register = resource_tracker.register
    resource_tracker.register = lambda name, rtype: None
    try:
        yield
    finally:
        resource_tracker.register = register
