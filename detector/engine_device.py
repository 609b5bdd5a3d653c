"""The engine of ``frame_u8_hwc``: the frame goes up once as it is, everything else runs on the device.

One stream carries upload, network and answers; the host waits once, for the answers. The same engine runs on the CPU
provider, where it is slow and serves to compare.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from detector.device_plan import DevicePlan
from detector.engine import Image, Outputs, check_nodes, frame_failed, output_names
from detector.errors import PolypwatchError
from detector.geometry import Letterbox, Size
from detector.manifest import Variant
from detector.memory import Bytes, Memory
from detector.providers import import_runtime
from detector.resize_maps import BATCH, COLUMNS, FILL, HEIGHT, ROWS, WIDTH

Opener = Callable[[dict[str, int]], Any]
"""Opens a session whose symbolic sizes have these values."""
USUAL = Size(1920, 1080)
"""Opened at once: what does not come up must show when the detector is made, and not in the first frame."""
_KEPT_PLANS = 4


class DeviceEngine:
    """Sessions of one network, one for each size of frames and batch that is asked for; the last few are kept.

    Args:
        opener: makes sessions.
        variant: of the manifest, of contract ``frame_u8_hwc``.
        path: the model's file, for messages.
        memory: of the device that the sessions run on.
        batch: frames at a time in `run_many`.
        size: of the frames that are expected.
        static: fix every size when a session is opened, as CUDA graphs want it. False: one session for all sizes.

    Raises:
        ModelError: the network is not the one that the manifest describes.
        ProviderError: no session could be opened.
    """

    def __init__(
        self,
        opener: Opener,
        variant: Variant,
        path: Path,
        memory: Memory,
        batch: int = 1,
        size: Size = USUAL,
        static: bool = True,
    ) -> None:
        self.batch = batch
        self._for_all: Any = None
        self._opener, self._variant, self._path, self._memory = opener, variant, path, memory
        self._plans: dict[tuple[Size, int], DevicePlan] = {}
        self._pinned: list[tuple[int, int]] = []
        self._options: Any = None
        if memory.stream:
            self._options = import_runtime().RunOptions()
            # Else every run would wait for the card before the answers' copy is even asked for.
            self._options.add_run_config_entry("disable_synchronize_execution_providers", "1")
        if not static:
            self._for_all = opener({})
            self._check(self._for_all, {})
        self.plan(Letterbox.fit(size, variant.input.size), 1)

    @property
    def note(self) -> str:
        """What is not as fast as it could be, in words; empty if nothing."""
        return self._memory.note

    def twin(self) -> None:
        """See `detector.engine.Engine`: the device is one, and one thread keeps it busy with batches."""
        return

    def pin(self, memory: Bytes) -> bool:
        """Let frames that lie in ``memory`` go up without a copy, until `unpin`. False: they cannot."""
        if not self._memory.pin(memory):
            return False
        self._pinned.append((memory.ctypes.data, memory.ctypes.data + memory.nbytes))
        return True

    def unpin(self, memory: Bytes) -> None:
        """End `pin`: called before ``memory`` is unmapped, as the card goes on reading the pages that it knows."""
        area = (memory.ctypes.data, memory.ctypes.data + memory.nbytes)
        if area in self._pinned:
            self._pinned.remove(area)
            self._memory.mark(0)
            self._memory.wait(0)
            self._memory.unpin(memory)

    def is_ready_for(self, size: Size) -> bool:
        """Whether `run` takes frames of this size at once; else it opens a session first."""
        return self._for_all is not None or (size, 1) in self._plans

    def run(self, image: Image, box: Letterbox) -> Outputs:
        """See `detector.engine.Engine`."""
        try:
            start = time.perf_counter_ns()
            plan = self.plan(box, 1)
            plan.stage(0, 0, image, self.is_direct(image))
            sent = time.perf_counter_ns()
            plan.launch(0)
            boxes, scores, classes = plan.answers(0)
        except (PolypwatchError, ValueError):
            raise
        except Exception as error:  # see frame_failed
            raise frame_failed(error) from error
        return Outputs(boxes[0], scores[0], classes[0], sent - start, time.perf_counter_ns() - sent)

    def run_many(self, images: Sequence[Image], box: Letterbox) -> list[Outputs]:
        """See `detector.engine.Engine`: while the device works on a batch, the next one is staged."""
        found: list[Outputs] = []
        try:
            plan = self.plan(box, self.batch)
            waiting: tuple[int, int, int] | None = None
            for number, first in enumerate(range(0, len(images), self.batch)):
                start, slot = time.perf_counter_ns(), number % 2
                part = images[first : first + self.batch]
                for index, image in enumerate(part):
                    plan.stage(slot, index, image, self.is_direct(image))
                sent = time.perf_counter_ns()
                plan.launch(slot)
                if waiting is not None:
                    found += self._collect(plan, *waiting)
                waiting = slot, len(part), (sent - start) // len(part)
            if waiting is not None:
                found += self._collect(plan, *waiting)
        except (PolypwatchError, ValueError):
            raise
        except Exception as error:  # see frame_failed
            raise frame_failed(error) from error
        return found

    def close(self) -> None:
        """Give sessions and buffers back; the engine cannot be used again."""
        for plan in self._plans.values():
            plan.close()
        self._plans.clear()
        self._memory.close()

    def plan(self, box: Letterbox, batch: int = 1) -> DevicePlan:
        """The session and buffers for a size of frames, opened if they are new: seconds on a card.

        Raises:
            ModelError: the network is not the one that the manifest describes.
            ProviderError: no session could be opened.
        """
        key = (box.source, batch)
        if key in self._plans:
            self._plans[key] = self._plans.pop(key)  # the oldest stands first
            return self._plans[key]
        while len(self._plans) >= _KEPT_PLANS:
            self._plans.pop(next(iter(self._plans))).close()
        session = self._for_all
        if session is None:
            sizes = {BATCH: batch, HEIGHT: box.source.height, WIDTH: box.source.width}
            session = self._opener(sizes)
            self._check(session, sizes)
        self._plans[key] = DevicePlan(session, self._variant, box, batch, self._memory, self._options)
        return self._plans[key]

    def is_direct(self, image: Image) -> bool:
        """Whether the device can read a frame where it lies."""
        if self._memory.device == "cpu":
            return True
        address = image.ctypes.data
        return any(low <= address and address + image.nbytes <= high for low, high in self._pinned)

    def _collect(self, plan: DevicePlan, slot: int, count: int, sent_ns: int) -> list[Outputs]:
        start = time.perf_counter_ns()
        boxes, scores, classes = (values[:count].copy() for values in plan.answers(slot))
        share = (time.perf_counter_ns() - start) // count
        return [Outputs(boxes[i], scores[i], classes[i], sent_ns, share) for i in range(count)]

    def _check(self, session: Any, sizes: dict[str, int]) -> None:
        contract, out = self._variant.input, self._variant.output
        batch, height, width = ([sizes.get(name, name)] for name in (BATCH, HEIGHT, WIDTH))
        inputs: dict[str, tuple[str, list[Any]]] = {
            contract.name: ("tensor(uint8)", [*batch, *height, *width, 3]),
            ROWS: ("tensor(float16)", [contract.height, *height]),
            COLUMNS: ("tensor(float16)", [*width, contract.width]),
            FILL: ("tensor(float16)", [1, 1, contract.height, contract.width]),
        }
        check_nodes(self._path, "input", session.get_inputs(), inputs)
        names, k = output_names(out), out.top_k
        kinds = [("tensor(float)", [*batch, k, 4]), ("tensor(float)", [*batch, k]), ("tensor(int64)", [*batch, k])]
        check_nodes(self._path, "output", session.get_outputs(), dict(zip(names, kinds, strict=True)))
