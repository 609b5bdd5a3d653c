"""NanoDet-Plus-m: ShuffleNetV2, a pyramid of ghost blocks, and a head that gives box sides as distributions.

Own code after the papers (ShuffleNetV2: Ma et al. 2018, https://arxiv.org/abs/1807.11164; GhostNet: Han et al. 2020,
https://arxiv.org/abs/1911.11907; distances as distributions: Li et al. 2020, https://arxiv.org/abs/2006.04388) and the
published configuration of NanoDet-Plus (https://github.com/RangiLyu/nanodet), whose COCO weights load into it.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

MEAN, STD = (103.53, 116.28, 123.675), (57.375, 57.12, 58.395)
"""Of blue, green and red: what the published weights were trained with."""
STRIDES = (8, 16, 32, 64)
_SLOPE = 0.1
_STAGES = ((4, 116), (8, 232), (4, 464))
_WIDTH = 96
_BINS = 8
"""A side of a box is 0 to 7 strides away from its point."""


def _conv(c_in: int, c_out: int, k: int = 1, stride: int = 1, groups: int = 1, act: bool = True) -> nn.Sequential:
    layers: list[nn.Module] = [
        nn.Conv2d(c_in, c_out, k, stride, k // 2, groups=groups, bias=False),
        nn.BatchNorm2d(c_out),
    ]
    if act:
        layers.append(nn.LeakyReLU(_SLOPE, inplace=True))
    return nn.Sequential(*layers)


class Unit(nn.Module):
    """ShuffleNetV2's block: half of the channels pass by, then the halves are interleaved."""

    def __init__(self, c_in: int, c_out: int, stride: int) -> None:
        super().__init__()
        half = c_out // 2
        self.down = stride > 1
        if self.down:
            self.branch1 = nn.Sequential(_conv(c_in, c_in, 3, stride, c_in, act=False), _conv(c_in, half))
        self.branch2 = nn.Sequential(
            _conv(c_in if self.down else half, half), _conv(half, half, 3, stride, half, act=False), _conv(half, half)
        )

    def forward(self, x: Tensor) -> Tensor:
        a, b = (self.branch1(x), x) if self.down else x.chunk(2, dim=1)
        y = torch.cat((a, self.branch2(b)), dim=1)
        n, c, h, w = y.shape
        return y.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)


class ShuffleNet(nn.Module):
    """ShuffleNetV2 1.0x: raw BGR pixels 0..255 in, maps at strides 8, 16 and 32 out."""

    def __init__(self) -> None:
        super().__init__()
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).view(1, 3, 1, 1), persistent=False)
        self.conv1 = _conv(3, 24, 3, 2)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        c_in, stages = 24, []
        for count, c_out in _STAGES:
            stages.append(nn.Sequential(*(Unit(c_in if k == 0 else c_out, c_out, 1 + (k == 0)) for k in range(count))))
            c_in = c_out
        self.stage2, self.stage3, self.stage4 = stages

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        c3 = self.stage2(self.maxpool(self.conv1((x - self.mean) / self.std)))
        c4 = self.stage3(c3)
        return c3, c4, self.stage4(c4)


class Ghost(nn.Module):
    """Half of the outputs from a 1x1 convolution, the other half from those by a cheap 3x3."""

    def __init__(self, c_in: int, c_out: int, act: bool) -> None:
        super().__init__()
        half = c_out // 2
        self.primary_conv = _conv(c_in, half, act=act)
        self.cheap_operation = _conv(half, half, 3, groups=half, act=act)

    def forward(self, x: Tensor) -> Tensor:
        y = self.primary_conv(x)
        return torch.cat((y, self.cheap_operation(y)), dim=1)


class GhostBlock(nn.Module):
    """Two ghost modules, the second one linear, beside a depthwise shortcut."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.ghost1, self.ghost2 = Ghost(c_in, c_out, act=True), Ghost(c_out, c_out, act=False)
        self.shortcut = nn.Sequential(_conv(c_in, c_in, 5, groups=c_in, act=False), _conv(c_in, c_out, act=False))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.ghost2(self.ghost1(x))
        return y + self.shortcut(x)


class Depthwise(nn.Module):
    """5x5 depthwise, then 1x1 pointwise."""

    def __init__(self, channels: int, stride: int = 1) -> None:
        super().__init__()
        self.depthwise = _conv(channels, channels, 5, stride, channels)
        self.pointwise = _conv(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.pointwise(self.depthwise(x))


class GhostPan(nn.Module):
    """ShuffleNetV2 with its pyramid: four maps of 96 channels at strides 8 to 64."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = ShuffleNet()
        self.reduce = nn.ModuleList(_conv(c, _WIDTH) for _, c in _STAGES)
        self.td = nn.ModuleList(GhostBlock(2 * _WIDTH, _WIDTH) for _ in range(2))
        self.down = nn.ModuleList(Depthwise(_WIDTH, 2) for _ in range(2))
        self.bu = nn.ModuleList(GhostBlock(2 * _WIDTH, _WIDTH) for _ in range(2))
        self.xin, self.xout = Depthwise(_WIDTH, 2), Depthwise(_WIDTH, 2)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        c3, c4, c5 = (reduce(c) for reduce, c in zip(self.reduce, self.backbone(x), strict=True))
        t4 = self.td[0](torch.cat((_up(c5), c4), dim=1))
        p3 = self.td[1](torch.cat((_up(t4), c3), dim=1))
        p4 = self.bu[0](torch.cat((self.down[0](p3), t4), dim=1))
        p5 = self.bu[1](torch.cat((self.down[1](p4), c5), dim=1))
        return p3, p4, p5, self.xin(c5) + self.xout(p5)


class DistanceHead(nn.Module):
    """One head per level, shared by class and box: objectness and class logits, and four distances as distributions."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.cls_convs = nn.ModuleList(nn.Sequential(Depthwise(_WIDTH), Depthwise(_WIDTH)) for _ in STRIDES)
        self.reg_preds = nn.ModuleList(nn.Conv2d(_WIDTH, 4 * _BINS, 1) for _ in STRIDES)
        cls_preds = [nn.Conv2d(_WIDTH, 1 + classes, 1) for _ in STRIDES]
        self.cls_preds = nn.ModuleList(cls_preds)
        self.bins: Tensor
        self.register_buffer("bins", torch.arange(_BINS).float(), persistent=False)
        for conv in cls_preds:
            nn.init.normal_(conv.weight, std=0.01)
            assert conv.bias is not None
            nn.init.constant_(conv.bias, -4.6)  # a prior of 1 %: the first steps do not drown in background

    def forward(self, levels: tuple[Tensor, ...]) -> list[Tensor]:
        """Four maps [N, 4 + 1 + classes, H, W]: box as offset and log size in strides, objectness, class."""
        return list(self._maps(levels))

    def _maps(self, levels: tuple[Tensor, ...]) -> Iterator[Tensor]:
        for i, level in enumerate(levels):
            x = self.cls_convs[i](level)
            n, _, h, w = x.shape
            # In float32: bfloat16 has three digits, and seven strides of 64 pixels are 448.
            chance = self.reg_preds[i](x).float().view(n, 4, _BINS, h, w).softmax(dim=2)
            left, top, right, bottom = (chance * self.bins.view(-1, 1, 1)).sum(dim=2).unbind(dim=1)
            size = torch.stack((left + right, top + bottom), dim=1).clamp(min=1e-3).log()
            shift = torch.stack((right - left, bottom - top), dim=1) / 2
            yield torch.cat((shift, size, self.cls_preds[i](x).float()), dim=1)


def coco_state(given: dict[str, Tensor]) -> dict[str, Tensor]:
    """The published COCO weights under this module's names, without the 80 classes.

    Args:
        given: with the official parameter names, batch norm apart from the convolutions.
    """
    state = {}
    for key, value in given.items():
        room, _, rest = key.partition(".")
        if room == "gfl_cls":
            state[f"head.reg_preds.{rest}"] = value[-4 * _BINS :]
        else:
            where = {"backbone": "backbone.backbone", "fpn": "backbone"}.get(room, f"head.{room}")
            state[f"{where}.{rest}"] = value
    return state


def _up(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
