"""The one resize rule as linear maps, for networks that resize in their graph (contract ``frame_u8_hwc``).

Halving and bilinear scaling work on rows and columns apart, so that the whole rule is ``rows @ frame @ columns`` plus
the padding: two matrix products, exact for every frame size and made for tensor cores. Weights are OpenCV's own, in
steps of 1/2048, which float16 holds exactly. What differs from :mod:`detector.preprocess` is rounding alone: there each
step gives whole grey levels, here only the last.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from detector.geometry import Letterbox

ROWS, COLUMNS, FILL = "rows", "columns", "fill"
"""Inputs of a frame graph beside the frame itself."""
BATCH, HEIGHT, WIDTH = "n", "h", "w"
"""Its symbolic sizes: frames at a time, and the sides of a frame."""

F16 = npt.NDArray[np.float16]
_STEPS = 2048  # OpenCV's INTER_RESIZE_COEF_SCALE for 8-bit pictures


class ResizeMaps(NamedTuple):
    """What such a graph takes beside the frame; constant as long as the frame's size is."""

    rows: F16
    """(target height, frame height); rows of the padding are 0."""
    columns: F16
    """(frame width, target width); columns of the padding are 0."""
    fill: F16
    """(1, 1, target height, target width): the pad value beside the picture, 0 in it."""


def resize_maps(box: Letterbox, pad: int) -> ResizeMaps:
    """The maps of a letterbox, filled with the grey value ``pad`` (0 to 255)."""
    rows = np.zeros((box.target.height, box.source.height), np.float16)
    rows[: box.content.height] = axis_weights(box.source.height, box.halvings, box.content.height)
    columns = np.zeros((box.source.width, box.target.width), np.float16)
    columns[:, : box.content.width] = axis_weights(box.source.width, box.halvings, box.content.width).T
    fill = np.full((1, 1, box.target.height, box.target.width), pad, np.float16)
    fill[..., : box.content.height, : box.content.width] = 0
    return ResizeMaps(rows, columns, fill)


def axis_weights(source: int, halvings: int, content: int) -> F16:
    """(content, source): how much of each source pixel is in each pixel of the picture, along one axis.

    Pixel centres lie at half pixels and borders repeat, as in ``cv2.resize`` with ``INTER_LINEAR``; an odd last pixel
    of a halving is left out, as in :class:`~detector.geometry.Letterbox`.
    """
    block = 2**halvings
    halved = source >> halvings
    centre = (np.arange(content) + 0.5) * (halved / content) - 0.5
    low = np.floor(centre).astype(int)
    second = np.round((centre - low) * _STEPS) / _STEPS
    weights = np.zeros((content, halved))
    at = np.arange(content)
    np.add.at(weights, (at, np.clip(low, 0, halved - 1)), 1 - second)
    np.add.at(weights, (at, np.clip(low + 1, 0, halved - 1)), second)
    full = np.zeros((content, source))
    full[:, : halved * block] = np.repeat(weights / block, block, axis=1)
    return full.astype(np.float16)
