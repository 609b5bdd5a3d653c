"""Whether a picture is made of two fields, which of them came first, and a full frame from each.

Decided from the content: containers and capture cards say "progressive" of fields that were woven together, so no flag
is asked. Nothing here knows time; what is remembered is counted in pairs of frames in which something moved.
"""

from __future__ import annotations

import enum
from collections import deque
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]

# Every 16th column (and, for comparison, row) is looked at: 1 ms at 1080p.
_STRIDE = 16
# A line that stands out by more than this from the lines above and below: above sensor noise, below any moving edge.
_TEETH = 12
# A pixel moves if it differs by more than this from the frame before.
_MOVED = 8
# Share of moving pixels below which a pair says nothing (a still picture woven of two fields has no teeth).
_LEAST_MOTION = 0.02
# Share of the moving pixels that are teeth. 7 progressive clips of PolypGen: 99th percentile 0.011 or less, the phantom
# 0.016; the interlaced clip: median 0.17.
_COMBED = 0.03
# Teeth must run along lines: noise, moire and text have as many across.
_OVER_ACROSS = 3.0
# How much nearer the right order must be for a pair to vote.
_ORDER_MARGIN = 1.1
_WINDOW = 50
_LEAST_PAIRS = 8
_LEAST_VOTES = 4
# Films hold frames whose fields happen to be of one instant: a quarter with teeth is interlaced, one in 20 is not.
_INTERLACED_SHARE, _PROGRESSIVE_SHARE = 0.25, 0.05


class Scan(enum.Enum):
    """How the pictures were scanned."""

    UNKNOWN = "unknown yet (no motion)"
    PROGRESSIVE = "progressive"
    TOP_FIRST = "interlaced, top field first"
    BOTTOM_FIRST = "interlaced, bottom field first"

    @property
    def interlaced(self) -> bool:
        """Whether frames are made of two fields."""
        return self in (Scan.TOP_FIRST, Scan.BOTTOM_FIRST)


@dataclass(frozen=True, slots=True)
class FieldEvidence:
    """What one pair of successive frames says.

    Attributes:
        moving: share of pixels that changed between the frames, with those above and below, 0 to 1.
        teeth: share of those at which a line stands out from both its neighbours.
        across: the same measured along columns: what noise and texture give.
        order: log2 of how much nearer in time the bottom field of the first frame is to the top field of the second
            than the other way about; positive for top field first, 0 if it cannot be said.
    """

    moving: float
    teeth: float
    across: float
    order: float

    @property
    def tells(self) -> bool:
        """Whether enough moved."""
        return self.moving >= _LEAST_MOTION

    @property
    def combed(self) -> bool:
        """Whether the second frame is made of two instants."""
        return self.tells and self.teeth > _COMBED and self.teeth > _OVER_ACROSS * self.across


def field_evidence(before: Image, image: Image) -> FieldEvidence:
    """Look at two successive frames, BGR uint8 ``(H, W, 3)`` of one size.

    Raises:
        ValueError: their sizes differ.
    """
    if before.shape != image.shape:
        raise ValueError(f"frames of one size are compared, not {before.shape} and {image.shape}")
    old, new = (_lines(picture, 0) for picture in (before, image))
    moved, teeth = _teeth(old, new)
    _, across = _teeth(_lines(before, 1), _lines(image, 1))
    return FieldEvidence(moved, teeth, across, _order(old, new))


class InterlaceDetector:
    """Says how a source is scanned, and changes its mind slowly.

    At least 8 pairs with motion are needed; the last 50 are remembered. Between a share of combed frames of 5 % and
    25 % the earlier verdict stands.
    """

    def __init__(self) -> None:
        self._before: Image | None = None
        self._combed: deque[bool] = deque(maxlen=_WINDOW)
        self._orders: deque[bool] = deque(maxlen=_WINDOW)
        self._scan = Scan.UNKNOWN
        self._frames = 0

    @property
    def scan(self) -> Scan:
        """The verdict so far."""
        return self._scan

    def update(self, image: Image) -> Scan:
        """Take the next frame, BGR uint8 ``(H, W, 3)``; once decided only every fifth pair is looked at."""
        before, self._before = self._before, image
        self._frames += 1
        if before is not None and before.shape != image.shape:
            self.reset()
            self._before = image
        elif before is not None and (self._scan is Scan.UNKNOWN or self._frames % 5 == 0):
            self._learn(field_evidence(before, image))
        return self._scan

    def interrupted(self) -> None:
        """The next frame does not follow the last one; what was learned stays."""
        self._before = None

    def reset(self) -> None:
        """Another picture: forget everything."""
        self._before = None
        self._combed.clear()
        self._orders.clear()
        self._scan = Scan.UNKNOWN

    def _learn(self, evidence: FieldEvidence) -> None:
        if not evidence.tells:
            return
        self._combed.append(evidence.combed)
        if evidence.combed and evidence.order:
            self._orders.append(evidence.order > 0)
        if len(self._combed) < _LEAST_PAIRS:
            return
        share = sum(self._combed) / len(self._combed)
        if share <= _PROGRESSIVE_SHARE:
            self._scan = Scan.PROGRESSIVE
        elif share >= _INTERLACED_SHARE and len(self._orders) >= _LEAST_VOTES:
            top = sum(self._orders) / len(self._orders)
            if top >= 2 / 3:
                self._scan = Scan.TOP_FIRST
            elif top <= 1 / 3:
                self._scan = Scan.BOTTOM_FIRST


def bob(image: Image, *, top: bool) -> Image:
    """A full frame from one field: its own lines stay where they are, those between are the mean of their neighbours.

    The lines of both fields keep their places, so that a still edge does not jump from one frame to the next; the
    outermost missing line repeats its neighbour.

    Args:
        image: two fields woven together, BGR uint8 ``(H, W, 3)``, H at least 2.
        top: the field of lines 0, 2, 4, ... or the other.

    Returns:
        A new picture of the same size.

    Raises:
        ValueError: the picture has fewer than two lines.
    """
    height = image.shape[0]
    if height < 2:
        raise ValueError("a picture of one line has no fields")
    out = image.copy()
    first = 1 if top else 2  # missing lines that have a neighbour on either side
    upper, lower = image[first - 1 : height - 1 : 2], image[first + 1 : height : 2]
    count = min(len(upper), len(lower))
    if count > 0:
        out[first : first + 2 * count : 2] = cv2.addWeighted(upper[:count], 0.5, lower[:count], 0.5, 0)
    if not top:
        out[0] = image[1]
    if (height - 1) % 2 == (1 if top else 0):
        out[height - 1] = image[height - 2]
    return out


def _lines(image: Image, axis: int) -> Image:
    """Samples of the green channel whose rows are neighbouring lines (axis 0) or neighbouring columns (axis 1)."""
    green = image[:, ::_STRIDE, 1] if axis == 0 else image[::_STRIDE, :, 1].T
    return np.ascontiguousarray(green)


def _teeth(old: Image, new: Image) -> tuple[float, float]:
    """Share of samples that moved, and share of those at which a line stands out from both neighbours."""
    above, line, below = new[:-2], new[1:-1], new[2:]
    lighter = cv2.min(cv2.subtract(line, above), cv2.subtract(line, below))
    darker = cv2.min(cv2.subtract(above, line), cv2.subtract(below, line))
    changed = cv2.absdiff(old, new) > _MOVED
    # With its neighbours, too: otherwise still letters over a moving picture are teeth.
    moved = changed[1:-1] & changed[:-2] & changed[2:]
    count = int(np.count_nonzero(moved))
    if not count:
        return 0.0, 0.0
    teeth = np.count_nonzero((cv2.max(lighter, darker) > _TEETH) & moved)
    return count / moved.size, teeth / count


def _order(old: Image, new: Image) -> float:
    """Which of the two fields between the frames follow each other more closely: log2, positive for top first."""
    count = len(new) // 2 - 1
    if count < 1:
        return 0.0
    top_first = _distance(_between(new[0::2], count), old[1::2][:count])
    bottom_first = _distance(_between(old[0::2], count), new[1::2][:count])
    ratio = (bottom_first + 0.1) / (top_first + 0.1)
    return 0.0 if 1 / _ORDER_MARGIN < ratio < _ORDER_MARGIN else float(np.log2(ratio))


def _between(field: Image, count: int) -> Image:
    """The top field interpolated to where the bottom field's lines lie."""
    return np.asarray(cv2.addWeighted(field[:count], 0.5, field[1 : count + 1], 0.5, 0), np.uint8)


def _distance(a: Image, b: Image) -> float:
    return float(cv2.mean(cv2.absdiff(a, np.ascontiguousarray(b)))[0])
