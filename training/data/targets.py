"""What a batch's images show, as padded tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor


class Targets(NamedTuple):
    """A batch's boxes, padded to the same number per image."""

    boxes: Tensor
    """[N, G, 4] xyxy in input pixels; unused rows are zero."""
    valid: Tensor
    """[N, G] bool."""
    ignored: Tensor
    """[N, M, 4] regions where a prediction is neither right nor wrong; unused rows are zero: no point lies inside."""

    @classmethod
    def pad(cls, per_image: Sequence[Tensor], ignored: Sequence[Tensor] | None = None) -> Targets:
        """Stack boxes of differing number; at least one (unused) row, so that shapes are never empty."""
        boxes = _stack(per_image)
        counts = torch.tensor([len(b) for b in per_image])
        valid = torch.arange(boxes.shape[1])[None] < counts[:, None]
        regions = torch.zeros(len(per_image), 1, 4) if ignored is None else _stack(ignored)
        return cls(boxes, valid, regions)

    def to(self, device: torch.device) -> Targets:
        """The same targets on another device."""
        return Targets(*(part.to(device, non_blocking=True) for part in self))


def _stack(per_image: Sequence[Tensor]) -> Tensor:
    rows = max([1, *(len(b) for b in per_image)])
    stacked = torch.zeros(len(per_image), rows, 4)
    for i, b in enumerate(per_image):
        stacked[i, : len(b)] = b
    return stacked
