"""CSP-Darknet as in YOLOX-nano (depthwise, SiLU): the backbone of `fast`."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from training.network.blocks import ConvBnAct, CspLayer, DepthwiseConv


class Focus(nn.Module):
    """Space-to-depth by 2, then a 3x3 convolution."""

    def __init__(self, c_out: int) -> None:
        super().__init__()
        self.conv = ConvBnAct(12, c_out, 3)

    def forward(self, x: Tensor) -> Tensor:
        # The order (top-left, bottom-left, top-right, bottom-right) is the one the COCO weights were trained with.
        even, odd = x[..., ::2, :], x[..., 1::2, :]
        return self.conv(torch.cat((even[..., ::2], odd[..., ::2], even[..., 1::2], odd[..., 1::2]), dim=1))

    def folded(self) -> nn.Sequential:
        """The same layer as one 6x6 convolution with stride 2, which saves eight copies of the picture.

        The sums are the same, in another order.
        """
        old = self.conv.conv.weight.detach()
        new = old.new_empty((len(old), 3, 6, 6))
        for k, (row, column) in enumerate(((0, 0), (1, 0), (0, 1), (1, 1))):
            new[:, :, row::2, column::2] = old[:, 3 * k : 3 * k + 3]
        conv = nn.Conv2d(3, len(old), 6, stride=2, padding=2, bias=False)
        conv.weight = nn.Parameter(new)
        return nn.Sequential(conv, self.conv.bn, self.conv.act)


class SppBottleneck(nn.Module):
    """Max pools of 5, 9 and 13 beside the identity."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        hidden = c_in // 2
        self.conv1 = ConvBnAct(c_in, hidden)
        self.conv2 = ConvBnAct(4 * hidden, c_out)
        self.pool = nn.MaxPool2d(5, stride=1, padding=2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(x)
        p5 = self.pool(x)
        p9 = self.pool(p5)  # a 5-pool of a 5-pool is a 9-pool: three small pools instead of 5, 9 and 13
        return self.conv2(torch.cat((x, p5, p9, self.pool(p9)), dim=1))


class Darknet(nn.Module):
    """CSP-Darknet at width 0.25, depth 0.33; returns the maps at strides 8, 16 and 32."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = Focus(16)
        self.dark2 = nn.Sequential(DepthwiseConv(16, 32, 2), CspLayer(32, 32, 1))
        self.dark3 = nn.Sequential(DepthwiseConv(32, 64, 2), CspLayer(64, 64, 3))
        self.dark4 = nn.Sequential(DepthwiseConv(64, 128, 2), CspLayer(128, 128, 3))
        self.dark5 = nn.Sequential(
            DepthwiseConv(128, 256, 2), SppBottleneck(256, 256), CspLayer(256, 256, 1, shortcut=False)
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        c3 = self.dark3(self.dark2(self.stem(x)))
        c4 = self.dark4(c3)
        return c3, c4, self.dark5(c4)
