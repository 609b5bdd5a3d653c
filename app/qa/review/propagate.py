"""Carrying a box on to the next frames by what it shows: optical flow, checked, and ended where it is no longer sure.

Median flow (Kalal, Mikolajczyk and Matas, ICPR 2010): points in the box are followed to the next frame and back again;
those that do not come back to where they began are left out, and the rest move the box by their median and scale it as
most of them agree. What it shows then must still look like what it showed. No model is needed, and none is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, Protocol

import cv2
import numpy as np
import numpy.typing as npt

from app.qa.review.boxes import MIN_SIDE_PX
from app.qa.review.sorted_map import SortedMap
from app.qa.review.tracks import CLEAR, Box, State, Track, thinned

Image = npt.NDArray[np.uint8]
Points = npt.NDArray[np.float32]
Corners = npt.NDArray[np.float64]

_WORK_SIDE: Final = 96.0
"""The shorter side of a box is scaled down to at most this many pixels: flow costs the same for every lesion."""
_GRID: Final = 10
_SPECULAR: Final = 235
"""Grey level of a highlight: it lies where the light is, and does not move with the wall."""
_AGREE_PX: Final = 1.0
"""How far a point may lie from where the others say, to be one of them; in working pixels."""


@dataclass(frozen=True, slots=True)
class Limits:
    """When a box is no longer sure. Chosen on the first half of the phantom (``benchmarks.review_effort --choose``).

    Attributes:
        back_px: how far from where it began a point may end, followed there and back; in working pixels.
        least_points: how many points must be left.
        least_share: of the points that began.
        spread: how far the points may disagree on the way (median distance from the median), as a share of the box's
            shorter side.
        least_alike: correlation of what the box shows with the frame before.
        least_alike_begin: with the frame that it began from.
        cut: correlation of the whole picture with the one before, below which the scene was cut.
        least_inside: share of the box that is still in the picture.
        tolerance: how far lines between key frames may miss a corner, as a share of the box's shorter side.
    """

    back_px: float = 1.0
    least_points: int = 8
    least_share: float = 0.35
    spread: float = 0.06
    least_alike: float = 0.75
    least_alike_begin: float = 0.35
    cut: float = 0.3
    least_inside: float = 0.5
    tolerance: float = 0.04


LIMITS: Final = Limits()


class PictureSource(Protocol):
    """Where the pictures of a procedure come from."""

    def picture(self, position: int) -> Image:
        """BGR uint8 (H, W, 3)."""

    def pictures(self, first: int, last: int) -> Iterator[tuple[int, Image]]:
        """Pictures with their positions, in order; `last` included."""


@dataclass(frozen=True, slots=True)
class Carried:
    """How far a box was carried.

    Attributes:
        positions: frames with a box, as they were reached, the one that it began from first.
        boxes: float64 (N, 4) of these frames.
        last: the farthest.
        reason: why it ended, in words; empty if it reached all frames.
        tolerance: how far lines between keys may miss, as a share of the shorter side.
    """

    positions: tuple[int, ...]
    boxes: Corners
    last: int
    reason: str
    tolerance: float = field(default=LIMITS.tolerance)

    def track(self, state: State = CLEAR) -> Track:
        """The boxes as a track with few key frames."""
        order = np.argsort(self.positions)
        positions, boxes = [self.positions[i] for i in order], self.boxes[order]
        shorter = float(np.median(np.minimum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])))
        kept = thinned(positions, boxes, max(1.0, self.tolerance * shorter))
        track = Track(SortedMap((positions[i], _box(boxes[i])) for i in kept))
        return track if state == CLEAR else track.with_state(positions[0], positions[-1], state)


def _box(corners: Corners) -> Box:
    x1, y1, x2, y2 = (round(float(value), 2) for value in corners)
    return x1, y1, x2, y2


def carry(
    pictures: PictureSource,
    position: int,
    box: Box,
    frames: int,
    length: int,
    stop: Callable[[], bool] = lambda: False,
    limits: Limits = LIMITS,
) -> Carried:
    """Carry a box on, frame by frame.

    Args:
        pictures: of the procedure.
        position: where it begins.
        box: x1, y1, x2, y2 in pixels of that frame.
        frames: how many to go, backwards if negative.
        length: of the procedure.
        stop: is asked before each frame.
        limits: when to end.

    Raises:
        SourceError: a picture cannot be read.
    """
    follower: _Follower | None = None
    positions, boxes, reason = [position], [np.array(box, np.float64)], ""
    step = 1 if frames >= 0 else -1
    end = min(max(position + frames, 0), length - 1)
    for at, picture in _in_order(pictures, position, end):
        if follower is None:
            follower = _Follower(picture, boxes[0], limits)
            continue
        if at != positions[-1] + step:
            break
        reason = "it was stopped" if stop() else follower.go_on(picture)
        if reason:
            break
        positions.append(at)
        boxes.append(follower.shown())
    if not reason and positions[-1] != end:
        reason = "a picture is damaged"
    if not reason and end != position + frames:
        reason = "the procedure ends here"
    return Carried(tuple(positions), np.array(boxes), positions[-1], reason, limits.tolerance)


def _in_order(pictures: PictureSource, first: int, last: int) -> Iterator[tuple[int, Image]]:
    if last >= first:
        yield from pictures.pictures(first, last)
    else:
        for position in range(first, last - 1, -1):
            yield position, pictures.picture(position)


class _Follower:
    """Follows a box from picture to picture."""

    def __init__(self, picture: Image, box: Corners, limits: Limits) -> None:
        self._limits = limits
        self._box = box
        self._shape = picture.shape
        self._scale = min(1.0, _WORK_SIDE / max(MIN_SIDE_PX, float(min(box[2] - box[0], box[3] - box[1]))))
        self._grey = self._worked(picture)
        self._small = _thumbnail(picture)
        self._begin = self._before = self._look(self._grey, box)

    def shown(self) -> Corners:
        """The box now, cut at the borders of the picture."""
        height, width = self._shape[:2]
        return np.clip(self._box, 0, [width, height, width, height])

    def go_on(self, picture: Image) -> str:
        """To the next picture; says why not, and stays, if it is not sure."""
        limits = self._limits
        if picture.shape != self._shape:
            return "the size of the picture changes"
        small = _thumbnail(picture)
        if _alike(small, self._small) < limits.cut:
            return "the scene changes"
        grey = self._worked(picture)
        moved, why = self._moved(grey)
        if moved is None:
            return why
        inside = self._inside(moved)
        if inside < limits.least_inside:
            return "it leaves the picture"
        look = self._look(grey, moved)
        if _alike(look, self._before) < limits.least_alike or _alike(look, self._begin) < limits.least_alike_begin:
            return "it no longer looks the same"
        self._box, self._grey, self._small, self._before = moved, grey, small, look
        return ""

    def _moved(self, grey: Image) -> tuple[Corners | None, str]:
        """The box in the next picture; or why there is none."""
        limits, unsure = self._limits, "too little of it can be followed"
        first = self._points()
        if len(first) < limits.least_points:
            return None, unsure
        there, back = _flow(self._grey, grey, first)
        error = np.linalg.norm(first - back, axis=1)
        good = error <= limits.back_px
        if good.sum() < max(limits.least_points, limits.least_share * len(first)):
            return None, unsure
        first, there = first[good], there[good]
        shift = np.median(there - first, axis=0)
        scale = _scale(first, there)
        centre = (self._box[:2] + self._box[2:]) / 2
        half = (self._box[2:] - self._box[:2]) / 2 * scale
        expected = (first - centre * self._scale) * scale + centre * self._scale + shift
        spread = float(np.median(np.linalg.norm(there - expected, axis=1))) / self._scale
        if spread > limits.spread * float(min(self._box[2:] - self._box[:2])):
            return None, "its parts move in different ways"
        centre = centre + shift / self._scale
        return np.concatenate([centre - half, centre + half]), ""

    def _points(self) -> Points:
        """Points in the box to follow, in working pixels: corners of the texture, and a grid."""
        height, width = self._grey.shape[:2]
        x1, y1, x2, y2 = self._box * self._scale
        x1, y1, x2, y2 = max(x1, 0.0), max(y1, 0.0), min(x2, width - 1.0), min(y2, height - 1.0)
        if x2 - x1 < 4 or y2 - y1 < 4:
            return np.zeros((0, 2), np.float32)
        inset_x, inset_y = 0.1 * (x2 - x1), 0.1 * (y2 - y1)
        xs = np.linspace(x1 + inset_x, x2 - inset_x, _GRID)
        ys = np.linspace(y1 + inset_y, y2 - inset_y, _GRID)
        grid = np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2).astype(np.float32)
        left, top, right, bottom = int(x1), int(y1), int(x2) + 1, int(y2) + 1
        found = cv2.goodFeaturesToTrack(self._grey[top:bottom, left:right], 60, 0.02, 4)
        if found is not None:
            corners = found.reshape(-1, 2) + np.array([left, top], np.float32)
            grid = np.concatenate([grid, corners.astype(np.float32)])
        level = self._grey[grid[:, 1].astype(int), grid[:, 0].astype(int)]
        return np.asarray(grid[level < _SPECULAR], np.float32)

    def _inside(self, box: Corners) -> float:
        height, width = self._shape[:2]
        cut = np.clip(box, 0, [width, height, width, height])
        whole = float(np.prod(box[2:] - box[:2]))
        sides = cut[2:] - cut[:2]
        if float(sides.min()) < MIN_SIDE_PX or whole <= 0:
            return 0.0
        return float(np.prod(sides)) / whole

    def _worked(self, picture: Image) -> Image:
        grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
        if self._scale < 1:
            grey = cv2.resize(grey, None, fx=self._scale, fy=self._scale, interpolation=cv2.INTER_AREA)
        return np.asarray(grey, np.uint8)

    def _look(self, grey: Image, box: Corners) -> npt.NDArray[np.float32]:
        """What a box shows, at one size for all."""
        centre, sides = (box[:2] + box[2:]) / 2 * self._scale, (box[2:] - box[:2]) * self._scale
        step = np.maximum(sides, 1.0) / 32
        matrix = np.array(
            [[step[0], 0, centre[0] - 15.5 * step[0]], [0, step[1], centre[1] - 15.5 * step[1]]], np.float64
        )
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        patch = cv2.warpAffine(grey, matrix, (32, 32), flags=flags, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(cv2.GaussianBlur(patch, (3, 3), 0), np.float32)


def _flow(before: Image, after: Image, points: Points) -> tuple[Points, Points]:
    """Where points go, and where they come to when they are followed back; lost ones are far away."""
    window = {"winSize": (15, 15), "maxLevel": 3}
    start = points.reshape(-1, 1, 2)
    there, found, _ = cv2.calcOpticalFlowPyrLK(before, after, start, None, **window)  # type: ignore[call-overload]
    back, found_back, _ = cv2.calcOpticalFlowPyrLK(after, before, there, None, **window)  # type: ignore[call-overload]
    lost = (found.ravel() == 0) | (found_back.ravel() == 0)
    there, back = there.reshape(-1, 2), back.reshape(-1, 2)
    back[lost] = np.inf
    return there, back


def _scale(first: Points, there: Points) -> Corners:
    """By how much points spread along x and y, of the affine map that most of them agree with; at most a tenth a frame.

    What turns or shears is left to the spread around it, because a box does neither.
    """
    matrix, _ = cv2.estimateAffine2D(first, there, method=cv2.RANSAC, ransacReprojThreshold=_AGREE_PX)
    if matrix is None:
        return np.ones(2)
    return np.clip(np.array([matrix[0, 0], matrix[1, 1]], np.float64), 0.9, 1.1)


def _thumbnail(picture: Image) -> npt.NDArray[np.float32]:
    small = cv2.resize(picture, (48, 27), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), np.float32)


def _alike(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> float:
    """Correlation of two pictures of one size; 1 where neither has any texture."""
    x, y = a - a.mean(), b - b.mean()
    scale = float(np.linalg.norm(x) * np.linalg.norm(y))
    return float((x * y).sum()) / scale if scale > 1e-6 else 1.0
