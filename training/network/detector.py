"""The detectors by name, from raw BGR pixels to raw predictions and to boxes.

One anchor-free family after YOLOX (Ge et al. 2021, https://arxiv.org/abs/2107.08430), whose sizes differ in the
backbone and in the channels of the pyramid; and NanoDet-Plus, which speaks the same raw predictions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from detector.errors import UsageError
from training.network.blocks import Act
from training.network.darknet import Darknet
from training.network.lite import EfficientNetLite
from training.network.nanodet import STRIDES as NANODET_STRIDES
from training.network.nanodet import DistanceHead, GhostPan
from training.network.pyramid import STRIDES, Head, Pafpn, Widths


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


@dataclass(frozen=True, slots=True)
class Spec:
    """What a network is made of.

    Attributes:
        backbone: ``darknet-nano``, ``shufflenet`` or one of EfficientNet-Lite's scales.
        widths: channels of the pyramid at strides 8, 16 and 32. Like `head` and `act` fixed for ``shufflenet``.
        head: channels of the head.
        act: activation of pyramid and head.
        input_size: side of the square input that it is shipped with, in pixels; a multiple of 32.
        describe: one line for people.
    """

    backbone: str
    widths: Widths
    head: int
    act: Act
    input_size: int
    describe: str


SPECS: dict[str, Spec] = {
    "fast": Spec("darknet-nano", (64, 128, 256), 64, nn.SiLU, 416, "YOLOX-nano: for two CPU cores"),
    "accurate": Spec("lite2", (96, 192, 288), 96, nn.ReLU, 512, "EfficientNet-Lite2, wider pyramid: for a GPU"),
    "nanodet": Spec("shufflenet", (96, 96, 96), 96, nn.LeakyReLU, 416, "NanoDet-Plus-m: COCO weights, LeakyReLU"),
    "balanced": Spec("lite0", (64, 128, 256), 64, nn.ReLU, 416, "EfficientNet-Lite0: ReLU throughout, for INT8"),
}


class Network(nn.Module):
    """A detector. Input: [N, 3, H, W] float, BGR 0..255, padded with 114; H and W multiples of 32.

    Attributes:
        name: key of `SPECS`.
        input_size: side of the input that it is shipped with.
        strides: of its levels, in pixels.
        classes: number of classes.
    """

    def __init__(self, name: str, classes: int = 1) -> None:
        super().__init__()
        spec = SPECS[name]
        self.name, self.input_size, self.classes = name, spec.input_size, classes
        self.strides: tuple[int, ...] = STRIDES
        if spec.backbone == "shufflenet":
            self.strides = NANODET_STRIDES
            self.backbone: Pafpn | GhostPan = GhostPan()
            self.head: Head | DistanceHead = DistanceHead(classes)
            return
        if spec.backbone == "darknet-nano":
            backbone: nn.Module = Darknet()
            given = (64, 128, 256)
        else:
            backbone = EfficientNetLite(spec.backbone)
            given = backbone.channels
        self.backbone = Pafpn(backbone, given, spec.widths, spec.act)
        self.head = Head(classes, spec.widths, spec.head, spec.act)

    def forward(self, image: Tensor) -> Raw:
        maps = self.head(self.backbone(image))
        cells, strides = _anchor_points([(m.shape[2], m.shape[3]) for m in maps], self.strides, maps[0].device)
        flat = torch.cat([m.flatten(2) for m in maps], dim=2).transpose(1, 2).float()
        return Raw(flat[..., :4], flat[..., 4], flat[..., 5:], cells, strides)


def build(name: str, classes: int = 1) -> Network:
    """A network with random weights.

    Raises:
        UsageError: there is no network of that name.
    """
    if name not in SPECS:
        raise UsageError(f"There is no network '{name}'.", f"Known: {', '.join(SPECS)}.")
    return Network(name, classes)


def _anchor_points(
    shapes: list[tuple[int, int]], levels: tuple[int, ...], device: torch.device
) -> tuple[Tensor, Tensor]:
    cells, strides = [], []
    for (h, w), stride in zip(shapes, levels, strict=True):
        row, col = torch.meshgrid(torch.arange(h, device=device), torch.arange(w, device=device), indexing="ij")
        cells.append(torch.stack((col, row), dim=-1).reshape(-1, 2).float())
        strides.append(torch.full((h * w,), float(stride), device=device))
    return torch.cat(cells), torch.cat(strides)
