"""One bound session: a network of contract ``frame_u8_hwc`` with every size fixed and every buffer in place.

Addresses never change after the first run: that is what lets CUDA record the whole network once and replay it (a *CUDA
graph*). ONNX Runtime keeps the recording per thread: a plan belongs to the thread that ran it first.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from detector.engine import Image
from detector.geometry import Letterbox
from detector.manifest import Variant
from detector.memory import Bytes, Memory
from detector.resize_maps import COLUMNS, FILL, ROWS, resize_maps

_ALIGNED = 256  # what CUDA's own allocations are aligned to
_CHUNK = 1 << 21
"""Bytes that are staged at a time: while the card fetches one chunk, the host copies the next."""


class DevicePlan:
    """Buffers, binding and copies of one session.

    Args:
        session: open, with static shapes.
        variant: of the manifest.
        box: letterbox of the frames.
        batch: frames at a time.
        memory: where the buffers lie.
        run_options: for every run; None for the runtime's own.
    """

    def __init__(
        self, session: Any, variant: Variant, box: Letterbox, batch: int, memory: Memory, run_options: Any
    ) -> None:
        self.batch = batch
        self._session, self._memory, self._options = session, memory, run_options
        self._binding = session.io_binding()
        self._addresses: list[int] = []
        self._staging: dict[int, Bytes] = {}
        self._answers: dict[int, Bytes] = {}
        self._shape = (batch, box.source.height, box.source.width, 3)
        self._frame_bytes = box.source.height * box.source.width * 3
        try:
            self._fill(variant, box)
        except Exception:
            self.close()  # what there is of it: a card that is full is not to be filled with every try
            raise

    def stage(self, slot: int, index: int, image: Image, direct: bool) -> None:
        """Send a frame to its place in the batch.

        Args:
            slot: which host buffer, 0 or 1; what was sent from it before must have been fetched.
            index: place in the batch.
            image: the frame.
            direct: the device can read the frame where it lies; else it is copied to a host buffer first.

        Raises:
            ValueError: the frame is not of the size that the plan is for.
        """
        if image.shape != self._shape[1:] or image.dtype != np.uint8:
            raise ValueError(f"the frame is {image.dtype} {image.shape}, the plan is for uint8 {self._shape[1:]}")
        start = self._frames + index * self._frame_bytes
        if direct and image.flags.c_contiguous:
            self._memory.upload(image.reshape(-1), start)
            return
        if slot not in self._staging:
            self._staging[slot] = self._memory.host(self.batch * self._frame_bytes)
        own = self._staging[slot].reshape(self._shape)[index]
        lines = max(1, _CHUNK // (own.shape[1] * 3))
        for first in range(0, own.shape[0], lines):
            part = own[first : first + lines]
            np.copyto(part, image[first : first + lines])
            self._memory.upload(part.reshape(-1), start + first * own.shape[1] * 3)

    def settle(self, slot: int) -> None:
        """Wait for what was staged: only who times it wants to."""
        self._memory.mark(slot)
        self._memory.wait(slot)

    def launch(self, slot: int) -> None:
        """Run the network on what was staged, and fetch the answers into the host buffer of ``slot``."""
        if slot not in self._answers:
            self._answers[slot] = self._memory.host(self._result_bytes)
        self._session.run_with_iobinding(self._binding, self._options)
        self._memory.download(self._results, self._answers[slot])
        self._memory.mark(slot)

    def answers(self, slot: int) -> tuple[Any, Any, Any]:
        """Wait, and give boxes (batch, K, 4), scores and classes (batch, K): views, valid until the slot is used."""
        self._memory.wait(slot)
        boxes, scores, classes = (
            self._answers[slot][start : start + count].view(dtype).reshape(shape)
            for start, count, dtype, shape in self._parts
        )
        return boxes, scores, classes

    def close(self) -> None:
        """Give all buffers back, those on the host too: answers that somebody still holds are gone."""
        self._memory.mark(0)
        self._memory.wait(0)  # after an error, a copy may still be under way
        self._binding.clear_binding_inputs()
        self._binding.clear_binding_outputs()
        for address in self._addresses:
            self._memory.free(address)
        self._addresses.clear()
        for buffers in (self._staging, self._answers):
            for buffer in buffers.values():
                self._memory.free_host(buffer)
            buffers.clear()

    def _fill(self, variant: Variant, box: Letterbox) -> None:
        """Bind buffers to all inputs and outputs; the resize maps are constant and go up now."""
        self._frames = self._bind_input(variant.input.name, np.uint8, self._shape)
        maps = [np.ascontiguousarray(value) for value in resize_maps(box, variant.input.pad)]
        for name, value in zip((ROWS, COLUMNS, FILL), maps, strict=True):
            address = self._bind_input(name, np.float16, value.shape)
            self._memory.upload(value.reshape(-1).view(np.uint8), address)
        self._memory.mark(0)
        self._memory.wait(0)  # `maps` may go
        self._results = self._bind_outputs(variant)

    def _bind_input(self, name: str, dtype: Any, shape: tuple[int, ...]) -> int:
        address = self._allocate(int(np.prod(shape)) * np.dtype(dtype).itemsize)
        self._binding.bind_input(name, self._memory.device, 0, dtype, list(shape), address)
        return address

    def _bind_outputs(self, variant: Variant) -> int:
        """All three in one buffer, so that one copy fetches them."""
        out, k = variant.output, variant.output.top_k
        kinds = {
            out.boxes: (np.float32, (self.batch, k, 4)),
            out.scores: (np.float32, (self.batch, k)),
            out.classes: (np.int64, (self.batch, k)),
        }
        self._parts: list[tuple[int, int, Any, tuple[int, ...]]] = []
        self._result_bytes = 0
        for dtype, shape in kinds.values():
            count = int(np.prod(shape)) * np.dtype(dtype).itemsize
            self._parts.append((self._result_bytes, count, dtype, shape))
            self._result_bytes += -(-count // _ALIGNED) * _ALIGNED
        address = self._allocate(self._result_bytes)
        for name, (start, _, dtype, shape) in zip(kinds, self._parts, strict=True):
            self._binding.bind_output(name, self._memory.device, 0, dtype, list(shape), address + start)
        return address

    def _allocate(self, count: int) -> int:
        address = self._memory.allocate(count)
        self._addresses.append(address)
        return address
