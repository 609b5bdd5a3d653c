"""Which anchor point answers for which box, and what a wrong answer costs.

Both work on a whole batch at once with padded boxes: a loop over images would cost more than the network on a CPU.
The papers: SimOTA assignment, its constants and the decoupled losses: YOLOX (Ge et al. 2021,
https://arxiv.org/abs/2107.08430), after OTA (Ge et al. 2021, https://arxiv.org/abs/2103.14259); box loss: GIoU
(Rezatofighi et al. 2019, https://arxiv.org/abs/1902.09630); class target weighted by IoU: as in YOLOX, an idea of
IoU-aware scores (Wu et al. 2020, https://arxiv.org/abs/1912.05992). Everything here is float32, whatever the network
was run in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from training.data.targets import Targets
from training.network import Raw

CENTRE_RADIUS = 1.5  # in strides: an anchor point this close to a box's centre is a candidate
CANDIDATES = 10  # a box gets as many points as the sum of its ten best IoUs
IOU_COST = 3.0
OUTSIDE_COST = 1e5
IOU_WEIGHT = 5.0


class Assignment(NamedTuple):
    """What each anchor point is asked for."""

    positive: Tensor
    """[N, A] bool."""
    box: Tensor
    """[N, A] index of the box among its image's boxes; 0 where not positive."""
    iou: Tensor
    """[N, A] IoU of the point's present prediction with that box; 0 where not positive."""


def pairwise_iou(a: Tensor, b: Tensor) -> Tensor:
    """IoU of [N, G, 4] with [N, A, 4]: [N, G, A]."""
    top_left = torch.maximum(a[:, :, None, :2], b[:, None, :, :2])
    bottom_right = torch.minimum(a[:, :, None, 2:], b[:, None, :, 2:])
    overlap = (bottom_right - top_left).clamp(min=0).prod(dim=-1)
    area_a = (a[..., 2:] - a[..., :2]).clamp(min=0).prod(dim=-1)
    area_b = (b[..., 2:] - b[..., :2]).clamp(min=0).prod(dim=-1)
    return overlap / (area_a[:, :, None] + area_b[:, None, :] - overlap).clamp(min=1e-6)


@torch.no_grad()
def assign(raw: Raw, predicted: Tensor, targets: Targets) -> Assignment:
    """SimOTA: each box takes the points that already predict it best; a contested point goes to the cheaper box."""
    boxes, valid = targets.boxes, targets.valid
    points = _points(raw)
    x, y = points[:, 0], points[:, 1]
    inside = (x > boxes[..., 0:1]) & (x < boxes[..., 2:3]) & (y > boxes[..., 1:2]) & (y < boxes[..., 3:4])  # [N, G, A]
    centre = (boxes[..., :2] + boxes[..., 2:]) / 2
    reach = raw.strides * CENTRE_RADIUS
    near = ((x - centre[..., 0:1]).abs() < reach) & ((y - centre[..., 1:2]).abs() < reach)
    candidate = (inside | near) & valid[..., None]
    iou = pairwise_iou(boxes, predicted) * candidate
    # One class: the class cost is the same for each box of an image and depends on the point alone.
    score = (raw.obj.sigmoid() * raw.cls[..., 0].sigmoid()).clamp(1e-8, 1.0).sqrt()
    cost = -score.log()[:, None, :] + IOU_COST * -(iou + 1e-8).log()
    cost = cost + OUTSIDE_COST * ~(inside & near)
    cost = cost.masked_fill(~candidate, float("inf"))

    wanted = iou.topk(min(CANDIDATES, iou.shape[-1]), dim=-1).values.sum(-1).int().clamp(min=1)
    order = cost.topk(min(CANDIDATES, cost.shape[-1]), dim=-1, largest=False)
    take = torch.arange(order.indices.shape[-1], device=cost.device) < wanted[..., None]
    take &= order.values.isfinite()
    chosen = torch.zeros_like(candidate).scatter_(-1, order.indices, take)
    best = cost.masked_fill(~chosen, float("inf")).argmin(dim=1)  # [N, A]
    positive = chosen.any(dim=1)
    best = best.masked_fill(~positive, 0)
    return Assignment(positive, best, iou.gather(1, best[:, None]).squeeze(1) * positive)


def giou(a: Tensor, b: Tensor) -> Tensor:
    """Generalised IoU of matching rows of two [K, 4] tensors (Rezatofighi et al. 2019), in -1..1."""
    overlap = (torch.minimum(a[:, 2:], b[:, 2:]) - torch.maximum(a[:, :2], b[:, :2])).clamp(min=0).prod(-1)
    hull = (torch.maximum(a[:, 2:], b[:, 2:]) - torch.minimum(a[:, :2], b[:, :2])).prod(-1).clamp(min=1e-6)
    union = ((a[:, 2:] - a[:, :2]).prod(-1) + (b[:, 2:] - b[:, :2]).prod(-1) - overlap).clamp(min=1e-6)
    return overlap / union - (hull - union) / hull


class Losses(NamedTuple):
    """The parts of one batch's loss, each per positive point; `total` is what is differentiated."""

    total: Tensor
    box: Tensor
    obj: Tensor
    cls: Tensor
    l1: Tensor
    positives: Tensor


def detection_loss(
    raw: Raw, targets: Targets, use_l1: bool, mean_count: Callable[[Tensor], Tensor] = lambda count: count.clamp(min=1)
) -> Losses:
    """GIoU for boxes, BCE for objectness and (IoU-weighted) class, and L1 on raw offsets in the last phase.

    An image without a box contributes objectness alone: that is how negatives teach. A point whose centre lies in an
    ignored region is asked for nothing, unless a box claims it.

    Args:
        raw: of the network, for N images.
        targets: of the same images.
        use_l1: whether L1 joins.
        mean_count: from the number of positive points here to the mean per process, at least 1 in sum: the parts are
            divided by it, so that the mean of all processes' gradients is that of their joint batch.
    """
    raw = raw._replace(reg=raw.reg.float(), obj=raw.obj.float(), cls=raw.cls.float())
    predicted = raw.boxes()
    assignment = assign(raw, predicted.detach(), targets)
    positive = assignment.positive
    count = mean_count(positive.sum())
    index = assignment.box[..., None].expand(-1, -1, 4)
    wanted = targets.boxes.gather(1, index)[positive]

    box = (1 - giou(predicted[positive], wanted)).sum() / count
    asked = positive | ~in_regions(raw, targets.ignored)
    obj = F.binary_cross_entropy_with_logits(raw.obj, positive.float(), asked.float(), reduction="sum") / count
    quality = assignment.iou[positive][:, None].expand(-1, raw.cls.shape[-1])
    cls = F.binary_cross_entropy_with_logits(raw.cls[positive], quality, reduction="sum") / count
    l1 = raw.reg.new_zeros(())
    if use_l1:
        cells, strides = raw.cells.expand(len(positive), -1, -1)[positive], raw.strides.expand_as(positive)[positive]
        l1 = (raw.reg[positive] - _offsets(wanted, cells, strides)).abs().sum() / count
    return Losses(IOU_WEIGHT * box + obj + cls + l1, box, obj, cls, l1, positive.sum())


def in_regions(raw: Raw, regions: Tensor) -> Tensor:
    """[N, A] bool: whether a point's centre lies in one of its image's regions [N, M, 4] (half-open)."""
    points = _points(raw)
    low, high = regions[:, None, :, :2], regions[:, None, :, 2:]
    inside = (points[None, :, None] >= low) & (points[None, :, None] < high)  # [N, A, M, 2]
    return inside.all(dim=-1).any(dim=-1)


def _points(raw: Raw) -> Tensor:
    """[A, 2] centres of the anchor points in input pixels."""
    return (raw.cells + 0.5) * raw.strides[:, None]


def _offsets(boxes: Tensor, cells: Tensor, strides: Tensor) -> Tensor:
    """The raw prediction that would decode to `boxes` exactly."""
    xy = (boxes[:, :2] + boxes[:, 2:]) / 2 / strides[:, None] - cells
    wh = ((boxes[:, 2:] - boxes[:, :2]) / strides[:, None]).clamp(min=1e-4).log()
    return torch.cat((xy, wh), dim=-1)
