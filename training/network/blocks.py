"""The blocks that all networks share. Parameter names are YOLOX's official ones, so that published weights load.

Own code after the paper (Ge et al. 2021, https://arxiv.org/abs/2107.08430).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

Act = type[nn.SiLU] | type[nn.ReLU] | type[nn.ReLU6] | type[nn.LeakyReLU]
"""ReLU and ReLU6 where the network is to be quantised to INT8: they lose little, and SiLU gains little speed."""
BN_EPS = 1e-3
BN_MOMENTUM = 0.03


class ConvBnAct(nn.Module):
    """Convolution without bias, batch norm, activation."""

    def __init__(self, c_in: int, c_out: int, k: int = 1, stride: int = 1, groups: int = 1, act: Act = nn.SiLU) -> None:
        super().__init__()
        self.conv = nn.Conv2d(c_in, c_out, k, stride, k // 2, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(c_out, eps=BN_EPS, momentum=BN_MOMENTUM)
        self.act = act(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.bn(self.conv(x)))


class DepthwiseConv(nn.Module):
    """3x3 depthwise, then 1x1 pointwise."""

    def __init__(self, c_in: int, c_out: int, stride: int = 1, act: Act = nn.SiLU) -> None:
        super().__init__()
        self.dconv = ConvBnAct(c_in, c_in, 3, stride, groups=c_in, act=act)
        self.pconv = ConvBnAct(c_in, c_out, act=act)

    def forward(self, x: Tensor) -> Tensor:
        return self.pconv(self.dconv(x))


class Bottleneck(nn.Module):
    """1x1 and a depthwise 3x3, with an optional shortcut around both."""

    def __init__(self, channels: int, shortcut: bool, act: Act = nn.SiLU) -> None:
        super().__init__()
        self.conv1 = ConvBnAct(channels, channels, act=act)
        self.conv2 = DepthwiseConv(channels, channels, act=act)
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv2(self.conv1(x))
        return x + y if self.shortcut else y


class CspLayer(nn.Module):
    """Cross-stage partial block: half of the channels pass through the bottlenecks."""

    def __init__(self, c_in: int, c_out: int, n: int = 1, shortcut: bool = True, act: Act = nn.SiLU) -> None:
        super().__init__()
        hidden = c_out // 2
        self.conv1 = ConvBnAct(c_in, hidden, act=act)
        self.conv2 = ConvBnAct(c_in, hidden, act=act)
        self.conv3 = ConvBnAct(2 * hidden, c_out, act=act)
        self.m = nn.Sequential(*(Bottleneck(hidden, shortcut, act) for _ in range(n)))

    def forward(self, x: Tensor) -> Tensor:
        return self.conv3(torch.cat((self.m(self.conv1(x)), self.conv2(x)), dim=1))
