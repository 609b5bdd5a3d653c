"""What changes while a run goes on: learning rate, averaged weights. Pure functions of the progress, 0..1."""

from __future__ import annotations

import copy
import math

import torch
from torch import nn

from training.loop.config import TrainConfig
from training.network import Network


def learning_rate(progress: float, config: TrainConfig) -> float:
    """Linear warm-up, then a cosine (Loshchilov and Hutter 2017) down to `final_lr` times the peak."""
    if progress < config.warmup:
        return config.lr * max(progress / config.warmup, 0.01)
    cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, (progress - config.warmup) / (1 - config.warmup))))
    return config.lr * (config.final_lr + (1 - config.final_lr) * cosine)


def optimiser(model: nn.Module, config: TrainConfig) -> torch.optim.Optimizer:
    """AdamW (Loshchilov and Hutter 2019); norms and biases are not decayed."""
    decayed = [p for p in model.parameters() if p.ndim > 1]
    free = [p for p in model.parameters() if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": config.weight_decay}, {"params": free, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=config.lr, betas=(0.9, 0.99))


class Ema:
    """A running average of the weights and the batch-norm statistics: what is measured and shipped."""

    def __init__(self, model: Network, decay: float) -> None:
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Move towards `model`; quickly at first, so that the start is forgotten."""
        weight = 1 - self.decay * (1 - math.exp(-(step + 1) / 150))
        for mine, theirs in zip(self.model.state_dict().values(), model.state_dict().values(), strict=True):
            if mine.is_floating_point():
                mine.lerp_(theirs, weight)
            else:
                mine.copy_(theirs)
