"""The YOLOX-nano network (depthwise, SiLU), from raw BGR pixels to raw predictions and to boxes.

Own code after the paper (Ge et al. 2021, https://arxiv.org/abs/2107.08430). Only the parameter names are the
official ones, so that published COCO weights load. Nothing about data, losses or files other than weights lives here.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

STRIDES = (8, 16, 32)
_BN_EPS = 1e-3
_BN_MOMENTUM = 0.03


class ConvBnAct(nn.Module):
    """Convolution without bias, batch norm, SiLU."""

    def __init__(self, c_in: int, c_out: int, k: int = 1, stride: int = 1, groups: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(c_in, c_out, k, stride, k // 2, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(c_out, eps=_BN_EPS, momentum=_BN_MOMENTUM)
        self.act = nn.SiLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.bn(self.conv(x)))


class DepthwiseConv(nn.Module):
    """3x3 depthwise, then 1x1 pointwise."""

    def __init__(self, c_in: int, c_out: int, stride: int = 1) -> None:
        super().__init__()
        self.dconv = ConvBnAct(c_in, c_in, 3, stride, groups=c_in)
        self.pconv = ConvBnAct(c_in, c_out)

    def forward(self, x: Tensor) -> Tensor:
        return self.pconv(self.dconv(x))


class Bottleneck(nn.Module):
    """1x1 and a depthwise 3x3, with an optional shortcut around both."""

    def __init__(self, channels: int, shortcut: bool) -> None:
        super().__init__()
        self.conv1 = ConvBnAct(channels, channels)
        self.conv2 = DepthwiseConv(channels, channels)
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv2(self.conv1(x))
        return x + y if self.shortcut else y


class CspLayer(nn.Module):
    """Cross-stage partial block: half of the channels pass through the bottlenecks."""

    def __init__(self, c_in: int, c_out: int, n: int = 1, shortcut: bool = True) -> None:
        super().__init__()
        hidden = c_out // 2
        self.conv1 = ConvBnAct(c_in, hidden)
        self.conv2 = ConvBnAct(c_in, hidden)
        self.conv3 = ConvBnAct(2 * hidden, c_out)
        self.m = nn.Sequential(*(Bottleneck(hidden, shortcut) for _ in range(n)))

    def forward(self, x: Tensor) -> Tensor:
        return self.conv3(torch.cat((self.m(self.conv1(x)), self.conv2(x)), dim=1))


class Focus(nn.Module):
    """Space-to-depth by 2, then a 3x3 convolution."""

    def __init__(self, c_out: int) -> None:
        super().__init__()
        self.conv = ConvBnAct(12, c_out, 3)

    def forward(self, x: Tensor) -> Tensor:
        # The order (top-left, bottom-left, top-right, bottom-right) is the one the COCO weights were trained with.
        even, odd = x[..., ::2, :], x[..., 1::2, :]
        return self.conv(torch.cat((even[..., ::2], odd[..., ::2], even[..., 1::2], odd[..., 1::2]), dim=1))


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


class Pafpn(nn.Module):
    """Darknet with a top-down and a bottom-up path."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = Darknet()
        self.upsample = nn.Upsample(scale_factor=2, mode="nearest")
        self.lateral_conv0 = ConvBnAct(256, 128)
        self.C3_p4 = CspLayer(256, 128, shortcut=False)
        self.reduce_conv1 = ConvBnAct(128, 64)
        self.C3_p3 = CspLayer(128, 64, shortcut=False)
        self.bu_conv2 = DepthwiseConv(64, 64, 2)
        self.C3_n3 = CspLayer(128, 128, shortcut=False)
        self.bu_conv1 = DepthwiseConv(128, 128, 2)
        self.C3_n4 = CspLayer(256, 256, shortcut=False)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        c3, c4, c5 = self.backbone(x)
        top5 = self.lateral_conv0(c5)
        top4 = self.reduce_conv1(self.C3_p4(torch.cat((self.upsample(top5), c4), dim=1)))
        p3 = self.C3_p3(torch.cat((self.upsample(top4), c3), dim=1))
        p4 = self.C3_n3(torch.cat((self.bu_conv2(p3), top4), dim=1))
        p5 = self.C3_n4(torch.cat((self.bu_conv1(p4), top5), dim=1))
        return p3, p4, p5


class Head(nn.Module):
    """Decoupled head, shared design on three levels: class, box and objectness logits."""

    def __init__(self, classes: int, width: int = 64) -> None:
        super().__init__()
        self.stems = nn.ModuleList(ConvBnAct(c, width) for c in (64, 128, 256))
        self.cls_convs = nn.ModuleList(self._tower(width) for _ in STRIDES)
        self.reg_convs = nn.ModuleList(self._tower(width) for _ in STRIDES)
        self.cls_preds = nn.ModuleList(nn.Conv2d(width, classes, 1) for _ in STRIDES)
        self.reg_preds = nn.ModuleList(nn.Conv2d(width, 4, 1) for _ in STRIDES)
        self.obj_preds = nn.ModuleList(nn.Conv2d(width, 1, 1) for _ in STRIDES)
        for conv in (*self.cls_preds, *self.obj_preds):
            nn.init.constant_(conv.bias, -4.6)  # a prior of 1 %: the first steps do not drown in background

    @staticmethod
    def _tower(width: int) -> nn.Sequential:
        return nn.Sequential(DepthwiseConv(width, width), DepthwiseConv(width, width))

    def forward(self, levels: tuple[Tensor, ...]) -> list[Tensor]:
        """Three maps [N, 4 + 1 + classes, H, W]: box, objectness, class."""
        out = []
        for i, level in enumerate(levels):
            x = self.stems[i](level)
            reg = self.reg_convs[i](x)
            out.append(
                torch.cat((self.reg_preds[i](reg), self.obj_preds[i](reg), self.cls_preds[i](self.cls_convs[i](x))), 1)
            )
        return out


class Raw(NamedTuple):
    """Undecoded predictions of all A anchor points, with the points themselves."""

    reg: Tensor
    """[N, A, 4] offsets dx, dy and log sizes, in strides."""
    obj: Tensor
    """[N, A] objectness logits."""
    cls: Tensor
    """[N, A, classes] class logits."""
    cells: Tensor
    """[A, 2] column and row of each point on its level."""
    strides: Tensor
    """[A] stride of each point's level."""

    def boxes(self) -> Tensor:
        """[N, A, 4] xyxy in input pixels."""
        xy = (self.reg[..., :2] + self.cells) * self.strides[:, None]
        half = torch.exp(self.reg[..., 2:].clamp(max=8.0)) * (self.strides[:, None] * 0.5)
        return torch.cat((xy - half, xy + half), dim=-1)

    def scores(self) -> Tensor:
        """[N, A, classes] objectness times class probability."""
        return self.obj.sigmoid().unsqueeze(-1) * self.cls.sigmoid()


class YoloxNano(nn.Module):
    """YOLOX-nano. Input: [N, 3, H, W] float, BGR 0..255, padded with 114; H and W multiples of 32."""

    def __init__(self, classes: int = 1) -> None:
        super().__init__()
        self.classes = classes
        self.backbone = Pafpn()
        self.head = Head(classes)

    def forward(self, image: Tensor) -> Raw:
        maps = self.head(self.backbone(image))
        cells, strides = _anchor_points([(m.shape[2], m.shape[3]) for m in maps], maps[0].device)
        flat = torch.cat([m.flatten(2) for m in maps], dim=2).transpose(1, 2).float()
        return Raw(flat[..., :4], flat[..., 4], flat[..., 5:], cells, strides)


def _anchor_points(shapes: list[tuple[int, int]], device: torch.device) -> tuple[Tensor, Tensor]:
    cells, strides = [], []
    for (h, w), stride in zip(shapes, STRIDES, strict=True):
        row, col = torch.meshgrid(torch.arange(h, device=device), torch.arange(w, device=device), indexing="ij")
        cells.append(torch.stack((col, row), dim=-1).reshape(-1, 2).float())
        strides.append(torch.full((h * w,), float(stride), device=device))
    return torch.cat(cells), torch.cat(strides)


def load_coco(model: YoloxNano, path: Path) -> list[str]:
    """Load published weights; returns the names left at their start values (the class layers, if classes differ).

    Raises:
        ValueError: a parameter other than the class layers is missing or has another shape.
    """
    from safetensors.torch import load_file

    given = load_file(str(path))
    own = model.state_dict()
    fits = {k: v for k, v in given.items() if k in own and v.shape == own[k].shape}
    left = sorted(k for k in own if k not in fits and not k.endswith("num_batches_tracked"))
    wrong = [k for k in left if not k.startswith("head.cls_preds.")]
    if wrong:
        raise ValueError(f"{path.name} is no YOLOX-nano: {len(wrong)} parameters missing, first {wrong[0]}")
    model.load_state_dict(fits, strict=False)
    return left
