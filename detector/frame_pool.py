"""Where captured pictures lie: slots of shared memory that the AI process maps, so that handing over is a message.

A source puts each picture into a slot (`FramePool.place`), and ``Frame.image`` is a read-only view of it. A slot is
free again when the last array that looks into it is gone: window, recorder, AI and whoever else holds a frame need not
know that there is a pool, and nobody's picture is ever overwritten.

``place`` belongs to the capture thread and never waits: no memory yet, or no free slot, and the picture stays in
ordinary memory; it is counted, and copied later, by the AI's supervisor. That thread alone makes and gives up memory.
"""

from __future__ import annotations

import contextlib
import logging
import math
import mmap
import threading
import weakref
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from detector.errors import WorkerError
from detector.shared_memory import free_bytes, reserved

Image = npt.NDArray[np.uint8]

_LOG = logging.getLogger(__name__)
# Held at once at 60 frames/s: the AI's last three and the one that waits, source, window and status two each; the rest
# is for the recorder's spool and the synchronised mode.
SLOTS = 16
_MOST_BYTES = 256 * 2**20  # ten pictures of 4K
# With fewer, most pictures would find no place: better no pool than one that is in the way.
FEWEST_SLOTS = 8


class Spot(NamedTuple):
    """Where a picture lies: at ``offset`` bytes of a block."""

    block: Block
    offset: int


class Block:
    """One piece of shared memory, cut into slots.

    Raises:
        WorkerError: the memory is not there.
    """

    def __init__(self, slot_bytes: int, slots: int) -> None:
        self.slot_bytes = slot_bytes
        self.size = slot_bytes * slots
        self.named = True
        self._slots = slots
        self._memory = reserved(self.size)
        # Returned from any thread, also in the middle of a garbage collection, when the thread that is interrupted may
        # hold any lock: append and pop of a deque need none.
        self._free = deque(range(slots))
        self._lent: dict[int, weakref.ref[Image]] = {}
        self.address = _address(np.frombuffer(self._memory.buf or b"", np.uint8))

    @property
    def name(self) -> str:
        """By which the AI process finds it, until it is unlinked."""
        return self._memory.name

    @property
    def free(self) -> int:
        """How many slots nobody holds."""
        return len(self._free)

    def lend(self, shape: tuple[int, ...]) -> Image | None:
        """A free slot as a writable array, or None. The slot is taken until no array looks into it any more."""
        try:
            slot = self._free.pop()  # the one that was freed last is still in the processor's cache
        except IndexError:
            return None
        try:
            flat = np.frombuffer(self._memory.buf or b"", np.uint8, math.prod(shape), slot * self.slot_bytes)
        except ValueError:
            return None  # given back by the other thread a moment ago
        # Views of views point to this very array, as it owns no pixels: it goes last.
        self._lent[slot] = weakref.ref(flat, lambda _: self._free.append(slot))
        return flat.reshape(shape)

    def unlink(self) -> None:
        """Take the name away once the AI process has it mapped: then nothing can leak, whoever is killed."""
        if self.named:
            self.named = False
            with contextlib.suppress(FileNotFoundError):
                self._memory.unlink()

    def close_if_unused(self) -> bool:
        """Unmap it if nobody holds a picture; returns whether that was so."""
        unused = self.free == self._slots
        if unused:
            self._memory.close()
        return unused


class FramePool:
    """Slots for the pictures of one source and one AI process.

    Args:
        slots: how many pictures lie in memory at once; fewer, if they are very large.

    Attributes:
        wanted: False while the AI is off, so that nothing is copied for nobody.
        placed: pictures that went into a slot.
        refused: pictures that found no free slot; those that came before there was memory do not count.
    """

    def __init__(self, slots: int = SLOTS) -> None:
        self.wanted = True
        self.placed = 0
        self.refused = 0
        self._slots = slots
        self._asked_bytes = 0
        self._block: Block | None = None
        self._hopeless_bytes = 0

    # -- the capture thread ---------------------------------------------------------------------------------------

    def place(self, image: Image) -> Image:
        """The same pixels in a slot, read-only; or ``image`` itself where there is none."""
        if not self.wanted:
            return image
        self._asked_bytes = image.nbytes
        block = self._block
        if block is None or image.nbytes > block.slot_bytes:
            return image
        picture = block.lend(image.shape)
        if picture is None:
            self.refused += 1
            return image
        np.copyto(picture, image)
        picture.flags.writeable = False
        self.placed += 1
        return picture

    # -- the supervisor thread ------------------------------------------------------------------------------------

    def find(self, image: Image) -> Spot | None:
        """Where in the pool a picture lies; None if it does not, or not in one piece."""
        block = self._block
        if block is None or not image.flags.c_contiguous:
            return None
        offset = _address(image) - block.address
        return Spot(block, offset) if 0 <= offset < block.size else None

    def tend(self, usable: Callable[[Block], bool]) -> None:
        """See to it that the pictures to come find a place, if a source asks for one.

        Where there is not enough memory, pictures go on being copied: slower, never wrong, and logged once.

        Args:
            usable: whether the present AI process has a block mapped, or can still map it by its name.
        """
        asked, block = self._asked_bytes, self._block
        if not asked or (block is not None and asked <= block.slot_bytes and usable(block)):
            return
        slot_bytes = -(-asked // mmap.PAGESIZE) * mmap.PAGESIZE
        if slot_bytes == self._hopeless_bytes:
            return
        self.close()
        try:
            self._block = Block(slot_bytes, self._affordable(slot_bytes))
        except WorkerError as error:
            self._hopeless_bytes = slot_bytes
            _LOG.warning("pictures are copied for the AI, one by one: %s", error)

    def close(self) -> None:
        """Give the memory back; a picture that somebody still holds stays until it is let go."""
        block, self._block = self._block, None
        if block is not None:
            block.unlink()
        with _giving_back:
            if block is not None:
                _GIVEN_BACK.append(block)
            _GIVEN_BACK[:] = [block for block in _GIVEN_BACK if not block.close_if_unused()]

    def _affordable(self, slot_bytes: int) -> int:
        slots = min(self._slots, _MOST_BYTES // slot_bytes)
        free = free_bytes()
        if free is not None:
            slots = min(slots, free // 2 // slot_bytes)  # others live there, too
        if slots < FEWEST_SLOTS:
            raise WorkerError(f"There is no room for {FEWEST_SLOTS} pictures of {slot_bytes} bytes in shared memory.")
        return slots


# Blocks in which a window or a recorder still looks at a picture; looked through whenever another is given back.
_GIVEN_BACK: list[Block] = []
_giving_back = threading.Lock()  # of several sessions' supervisors; a picture that is let go does not need it


def _address(image: Image) -> int:
    return int(image.__array_interface__["data"][0])
