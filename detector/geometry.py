"""Sizes, box arithmetic and the letterbox: the only place that knows how frame and model space relate.

Boxes are float32 ``(N, 4)`` arrays of ``x1, y1, x2, y2`` in pixels, origin top left, half-open: the whole image is
``0, 0, width, height``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Boxes = npt.NDArray[np.float32]


class Size(NamedTuple):
    """Width and height in pixels (in that order, unlike ``ndarray.shape``)."""

    width: int
    height: int

    @classmethod
    def of(cls, image: npt.NDArray[np.uint8]) -> Size:
        """The size of an ``(H, W, ...)`` image."""
        return cls(int(image.shape[1]), int(image.shape[0]))


def as_boxes(values: npt.ArrayLike) -> Boxes:
    """Return ``values`` as a float32 ``(N, 4)`` array; an empty input gives ``(0, 4)``.

    Raises:
        ValueError: the values are not rows of four numbers.
    """
    boxes = np.asarray(values, dtype=np.float32)
    if boxes.size == 0:
        return np.zeros((0, 4), np.float32)
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(f"boxes must have shape (N, 4), not {boxes.shape}")
    return boxes


def area(boxes: Boxes) -> npt.NDArray[np.float32]:
    """Areas in square pixels, shape ``(N,)``; inverted boxes count as zero."""
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 0)
    return np.asarray(sides[:, 0] * sides[:, 1], np.float32)


def iou_matrix(a: Boxes, b: Boxes) -> npt.NDArray[np.float32]:
    """Intersection over union of every box of ``a`` with every box of ``b``, shape ``(len(a), len(b))``."""
    top_left = np.maximum(a[:, None, :2], b[None, :, :2])
    bottom_right = np.minimum(a[:, None, 2:], b[None, :, 2:])
    sides = np.maximum(bottom_right - top_left, 0)
    overlap = sides[..., 0] * sides[..., 1]
    union = area(a)[:, None] + area(b)[None, :] - overlap
    return np.asarray(np.divide(overlap, union, out=np.zeros_like(overlap), where=union > 0), np.float32)


def iou_of_two(a: Boxes, b: Boxes) -> np.float32:
    """What `iou_matrix` gives for two single boxes ``(4,)``, to the last bit and much faster."""
    ax1, ay1, ax2, ay2 = a
    bx1, by1, bx2, by2 = b
    none = np.float32(0)
    width = max((ax2 if ax2 < bx2 else bx2) - (ax1 if ax1 > bx1 else bx1), none)
    height = max((ay2 if ay2 < by2 else by2) - (ay1 if ay1 > by1 else by1), none)
    overlap = width * height
    union = max(ax2 - ax1, none) * max(ay2 - ay1, none) + max(bx2 - bx1, none) * max(by2 - by1, none) - overlap
    return np.float32(overlap / union) if union > 0 else none


def clip(boxes: Boxes, size: Size) -> Boxes:
    """Boxes cut at the borders of an image of ``size``."""
    limits = np.array([size.width, size.height, size.width, size.height], np.float32)
    return np.clip(boxes, np.float32(0), limits)


def nms(
    boxes: Boxes, scores: npt.NDArray[np.float32], iou: float, classes: npt.NDArray[np.int64] | None = None
) -> npt.NDArray[np.intp]:
    """Indices of the boxes that greedy non-maximum suppression keeps, best score first.

    Ties are broken by position, so that equal input gives equal output on every machine. With ``classes`` only boxes
    of the same class suppress each other.
    """
    order = np.argsort(-scores, kind="stable")
    too_close = iou_matrix(boxes, boxes) > np.float32(iou)
    if classes is not None:
        too_close &= classes[:, None] == classes[None, :]
    suppressed = np.zeros(len(boxes), bool)
    kept = []
    for index in order:
        if suppressed[index]:
            continue
        kept.append(index)
        suppressed |= too_close[index]
    return np.array(kept, np.intp)


@dataclass(frozen=True, slots=True)
class Letterbox:
    """How a frame is laid into a model's fixed input: scaled with its aspect kept, top left, the rest padded.

    Built by :meth:`fit`. The picture is first halved ``halvings`` times (exact 2x2 averages; an odd last row or
    column is left out), then scaled bilinearly to ``content``. The scales below are those of the pixels really used,
    so that the way back is exact.

    Attributes:
        source: size of the frame.
        target: size of the model input.
        halvings: how many exact 2x area steps come before the bilinear step.
        halved: size after the halvings.
        content: size of the picture inside the model input; it begins at 0, 0.
    """

    source: Size
    target: Size
    halvings: int
    halved: Size
    content: Size

    @classmethod
    def fit(cls, source: Size, target: Size) -> Letterbox:
        """The letterbox for a frame of ``source`` in an input of ``target``.

        Raises:
            ValueError: a side is not positive.
        """
        if min(source) < 1 or min(target) < 1:
            raise ValueError(f"sizes must be positive: {source}, {target}")
        scale = min(target.width / source.width, target.height / source.height)
        content = Size(
            min(target.width, max(1, round(source.width * scale))),
            min(target.height, max(1, round(source.height * scale))),
        )
        halved, halvings = source, 0
        while halved.width >= 2 * content.width and halved.height >= 2 * content.height:
            halved = Size(halved.width // 2, halved.height // 2)
            halvings += 1
        return cls(source, target, halvings, halved, content)

    @property
    def scale(self) -> tuple[float, float]:
        """Model pixels per frame pixel, in x and y."""
        step = 2**self.halvings
        return self.content.width / (self.halved.width * step), self.content.height / (self.halved.height * step)

    def to_model(self, boxes: Boxes) -> Boxes:
        """Boxes in frame pixels -> boxes in model pixels."""
        x, y = self.scale
        return (boxes * np.array([x, y, x, y], np.float32)).astype(np.float32)

    def to_frame(self, boxes: Boxes) -> Boxes:
        """Boxes in model pixels -> boxes in frame pixels, cut at the frame's borders."""
        x, y = self.scale
        return clip((boxes / np.array([x, y, x, y], np.float32)).astype(np.float32), self.source)
