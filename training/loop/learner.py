"""One step of learning: network, average and optimiser, on one device or as one of many processes.

A step either happens as a whole or not at all: what is no number is found before the weights move.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from detector.errors import FormatError, PolypwatchError
from training.data.dataset import Batch
from training.loop.config import TrainConfig
from training.loop.distributed import World
from training.loop.losses import Losses, detection_loss
from training.loop.schedule import Ema, learning_rate, optimiser
from training.network import Network

_FP16_SCALE = 1024.0
"""First factor of fp16's loss. Torch's own, 65536, overflows for ten steps: the first layer sees pixels of 0 to 255."""
_SKIPS = 20
"""fp16 alone: its gradients overflow now and then and the step is left out; so many in a row are no accident."""


class NotANumberError(PolypwatchError):
    """The loss or a gradient became NaN or infinite; the weights were not touched."""


class Learner:
    """The network that learns, with everything that a step changes.

    Args:
        network: moved to the device; its weights are those that training starts from.
        config: of the run.
        world: the processes that share each batch.
    """

    def __init__(self, network: Network, config: TrainConfig, world: World) -> None:
        self.config, self.world = config, world
        self.network = network.to(world.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.ema = Ema(self.network, config.ema)
        self.optimiser = optimiser(self.network, config)
        self.reduced = _reduced_precision(config, world.device)
        self.scaler = torch.amp.GradScaler(world.device.type, _FP16_SCALE, enabled=self.reduced is torch.float16)
        self.step = 0
        self._skipped = 0
        self._forward: nn.Module = self.network
        if world.many:
            ids = [world.device] if world.device.type == "cuda" else None
            self._forward = DistributedDataParallel(self.network, device_ids=ids)

    def update(self, batch: Batch, progress: float, late: bool) -> Losses:
        """One step; the parts of the loss are those of this process.

        Raises:
            NotANumberError: the loss or its gradient is no finite number. Weights, average and optimiser are as before.
        """
        device = self.world.device
        self.network.train()
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(progress, self.config)
        images = batch.images.to(device, non_blocking=True).float().contiguous(memory_format=torch.channels_last)
        with self._autocast(late):
            raw = self._forward(images)
        losses = detection_loss(raw, batch.targets.to(device), late, self.world.mean_count)
        self.optimiser.zero_grad(set_to_none=True)
        self.scaler.scale(losses.total).backward()
        self.scaler.unscale_(self.optimiser)
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), self.config.clip)
        self._check(losses, norm)
        self.scaler.step(self.optimiser)
        self.scaler.update()
        self.world.share_buffers(self.network)
        self.ema.update(self.network, self.step)
        self.step += 1
        return losses

    def _autocast(self, late: bool) -> AbstractContextManager[Any]:
        if self.reduced is None or late:
            return nullcontext()
        return torch.autocast(self.world.device.type, self.reduced)

    def _check(self, losses: Losses, norm: torch.Tensor) -> None:
        if bool(torch.isfinite(losses.total + norm)):
            self._skipped = 0
            return
        if self.scaler.is_enabled() and bool(torch.isfinite(losses.total)) and self._skipped < _SKIPS:
            self._skipped += 1  # the scaler leaves this step out and tries a smaller scale
            return
        parts = ", ".join(f"{k} {v.item():.4g}" for k, v in zip(losses._fields, losses, strict=True))
        raise NotANumberError(
            f"The loss or its gradient is no number at step {self.step} ({parts}, gradient {norm.item():.4g})."
        )

    def state(self) -> dict[str, Any]:
        """Everything that a step changes, the random generators of torch included."""
        state = {
            "model": self.network.state_dict(),
            "ema": self.ema.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "scaler": self.scaler.state_dict(),
            "step": self.step,
            "torch_rng": torch.get_rng_state(),
        }
        if self.world.device.type == "cuda":
            state["cuda_rng"] = torch.cuda.get_rng_state(self.world.device)
        return state

    def load(self, state: dict[str, Any]) -> None:
        """Take over what `state` gave.

        Raises:
            FormatError: it is of another network.
        """
        try:
            self.network.load_state_dict(state["model"])
            self.ema.model.load_state_dict(state["ema"])
            self.optimiser.load_state_dict(state["optimiser"])
            if self.scaler.is_enabled() and state["scaler"]:
                self.scaler.load_state_dict(state["scaler"])
            self.step = int(state["step"])
            torch.set_rng_state(state["torch_rng"])
            if self.world.device.type == "cuda" and "cuda_rng" in state:
                torch.cuda.set_rng_state(state["cuda_rng"], self.world.device)
        except (KeyError, RuntimeError, ValueError, TypeError) as error:
            raise FormatError(f"The checkpoint does not fit this network ({str(error).splitlines()[0]}).") from error


def _reduced_precision(config: TrainConfig, device: torch.device) -> torch.dtype | None:
    """What the network is run in before the last phase; None: float32."""
    if config.precision == "auto":
        if device.type == "cpu":
            return None
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    return {"float32": None, "bf16": torch.bfloat16, "fp16": torch.float16}[config.precision]
