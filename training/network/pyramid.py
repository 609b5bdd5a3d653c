"""Feature pyramid (top-down and bottom-up path) and the decoupled head, for any backbone with strides 8, 16 and 32."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from training.network.blocks import Act, ConvBnAct, CspLayer, DepthwiseConv

STRIDES = (8, 16, 32)
Widths = tuple[int, int, int]


class Pafpn(nn.Module):
    """A backbone with its pyramid (PANet as in YOLOX, CSP layers, depthwise).

    Args:
        backbone: returns maps at strides 8, 16 and 32.
        given: their channels. Where they are not `widths`, a 1x1 convolution adapts them.
        widths: channels of the three levels of the pyramid.
        act: activation.
    """

    def __init__(self, backbone: nn.Module, given: Widths, widths: Widths, act: Act) -> None:
        super().__init__()
        w3, w4, w5 = widths
        self.backbone = backbone
        if given != widths:
            self.adapters = nn.ModuleList(ConvBnAct(g, w, act=act) for g, w in zip(given, widths, strict=True))
        self.upsample = nn.Upsample(scale_factor=2, mode="nearest")
        self.lateral_conv0 = ConvBnAct(w5, w4, act=act)
        self.C3_p4 = CspLayer(2 * w4, w4, shortcut=False, act=act)
        self.reduce_conv1 = ConvBnAct(w4, w3, act=act)
        self.C3_p3 = CspLayer(2 * w3, w3, shortcut=False, act=act)
        self.bu_conv2 = DepthwiseConv(w3, w3, 2, act=act)
        self.C3_n3 = CspLayer(2 * w3, w4, shortcut=False, act=act)
        self.bu_conv1 = DepthwiseConv(w4, w4, 2, act=act)
        self.C3_n4 = CspLayer(2 * w4, w5, shortcut=False, act=act)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        c3, c4, c5 = self.backbone(x)
        if hasattr(self, "adapters"):
            c3, c4, c5 = self.adapters[0](c3), self.adapters[1](c4), self.adapters[2](c5)
        top5 = self.lateral_conv0(c5)
        top4 = self.reduce_conv1(self.C3_p4(torch.cat((self.upsample(top5), c4), dim=1)))
        p3 = self.C3_p3(torch.cat((self.upsample(top4), c3), dim=1))
        p4 = self.C3_n3(torch.cat((self.bu_conv2(p3), top4), dim=1))
        p5 = self.C3_n4(torch.cat((self.bu_conv1(p4), top5), dim=1))
        return p3, p4, p5


class Head(nn.Module):
    """Decoupled head, one design on three levels: box, objectness and class logits."""

    def __init__(self, classes: int, given: Widths, width: int, act: Act) -> None:
        super().__init__()

        def tower() -> nn.Sequential:
            return nn.Sequential(DepthwiseConv(width, width, act=act), DepthwiseConv(width, width, act=act))

        self.stems = nn.ModuleList(ConvBnAct(c, width, act=act) for c in given)
        self.cls_convs = nn.ModuleList(tower() for _ in STRIDES)
        self.reg_convs = nn.ModuleList(tower() for _ in STRIDES)
        self.cls_preds = nn.ModuleList(nn.Conv2d(width, classes, 1) for _ in STRIDES)
        self.reg_preds = nn.ModuleList(nn.Conv2d(width, 4, 1) for _ in STRIDES)
        self.obj_preds = nn.ModuleList(nn.Conv2d(width, 1, 1) for _ in STRIDES)
        for conv in (*self.cls_preds, *self.obj_preds):
            nn.init.constant_(conv.bias, -4.6)  # a prior of 1 %: the first steps do not drown in background

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
