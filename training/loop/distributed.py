"""One process or many: the processes that `torchrun` started, as one object. Alone, every call here does nothing.

Only rank 0 writes. What must be equal everywhere (the clock, a wish to stop, batch-norm statistics) is agreed on after
each step, so that the checkpoint of rank 0 is the state of all.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from detector.errors import PolypwatchError, UsageError

T = TypeVar("T")
_PATIENCE = timedelta(minutes=60)
"""How long a process waits for the others: rank 0 may be reading a large data set."""


@dataclass(frozen=True, slots=True)
class World:
    """The processes of a run.

    Attributes:
        rank: this one's number, 0 writes.
        size: how many there are.
        device: what this one computes on.
    """

    rank: int
    size: int
    device: torch.device

    @property
    def main(self) -> bool:
        """Whether this process writes and speaks."""
        return self.rank == 0

    @property
    def many(self) -> bool:
        """Whether there are others."""
        return self.size > 1

    def on_main(self, work: Callable[[], T]) -> T:
        """The result of `work`, done by rank 0 alone, on every rank.

        Raises:
            PolypwatchError: on rank 0, what `work` raised. The others then end with its exit status and say nothing.
        """
        if not self.many:
            return work()
        result: list[Any] = [None, 0]
        failed: PolypwatchError | None = None
        if self.main:
            try:
                result[0] = work()
            except PolypwatchError as error:
                failed, result[1] = error, error.exit_status
        dist.broadcast_object_list(result, src=0)
        if failed is not None:
            raise failed
        if result[1]:
            raise SystemExit(result[1])
        return result[0]

    def gather(self, value: T) -> list[T]:
        """Everybody's value, by rank."""
        if not self.many:
            return [value]
        values: list[Any] = [None] * self.size
        dist.all_gather_object(values, value)
        return values

    def largest(self, *values: float) -> list[float]:
        """Each value's largest over all processes."""
        if not self.many:
            return list(values)
        row = torch.tensor(values, dtype=torch.float64)
        dist.all_reduce(row, dist.ReduceOp.MAX)
        return row.tolist()

    def mean(self, value: Tensor) -> Tensor:
        """The mean over all processes."""
        if self.many:
            value = value.clone()
            dist.all_reduce(value)
            value /= self.size
        return value

    def mean_count(self, count: Tensor) -> Tensor:
        """From a count here to the mean per process, at least 1 in sum."""
        total = count.float()
        if self.many:
            dist.all_reduce(total)
        return total.clamp(min=1) / self.size

    @torch.no_grad()
    def share_buffers(self, model: nn.Module) -> None:
        """Average the batch-norm statistics: each process saw its own images."""
        if not self.many:
            return
        buffers = [b for b in model.buffers() if b.is_floating_point()]
        if not buffers:
            return
        flat = torch.cat([b.reshape(-1) for b in buffers])
        dist.all_reduce(flat)
        flat /= self.size
        for buffer, part in zip(buffers, flat.split([b.numel() for b in buffers]), strict=True):
            buffer.copy_(part.view_as(buffer))


def choose_device(wanted: str) -> torch.device:
    """The device of this process.

    Raises:
        UsageError: a GPU is asked for, and torch sees none.
    """
    has_gpu = torch.cuda.is_available()
    if wanted == "cuda" and not has_gpu:
        raise UsageError("This torch sees no CUDA device.", "Use device: cpu, or install a CUDA build of torch.")
    if wanted == "cpu" or not has_gpu:
        return torch.device("cpu")
    local = int(os.environ.get("LOCAL_RANK", "0"))
    if local >= torch.cuda.device_count():
        raise UsageError(
            f"Process {local} of this machine has no GPU: torch sees {torch.cuda.device_count()}.",
            "Start torchrun with --nproc-per-node=gpu.",
        )
    return torch.device("cuda", local)


@contextmanager
def joined(wanted: str) -> Iterator[World]:
    """The world that torchrun's environment tells of; just this process without it.

    Raises:
        UsageError: the device is not there, or the processes do not find each other.
    """
    device = choose_device(wanted)
    if device.type == "cuda":
        torch.cuda.set_device(device)
    if "RANK" not in os.environ or "WORLD_SIZE" not in os.environ:
        yield World(0, 1, device)
        return
    backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
    try:
        dist.init_process_group(backend, timeout=_PATIENCE)
    except (ValueError, RuntimeError) as error:
        raise UsageError(
            f"The processes of this run do not find each other ({error}).", "Start them with torchrun."
        ) from error
    try:
        yield World(dist.get_rank(), dist.get_world_size(), device)
    finally:
        dist.destroy_process_group()
