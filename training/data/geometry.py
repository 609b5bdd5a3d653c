"""Where a picture lands in the input and what becomes of its boxes: outlines go through the same affine matrix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from detector.geometry import Boxes, Letterbox, Size
from training.samples import Outline, Sample, corners

Image = npt.NDArray[np.uint8]
Matrix = npt.NDArray[np.float64]
Mask = npt.NDArray[np.uint8]
Outlines = tuple[Outline, ...]

MIN_VISIBLE = 0.25
"""Share of a polyp's area that must show for it to have a box."""
MIN_SIDE_PX = 4.0
"""Side in input pixels below which nothing can be learned: half of the finest stride."""
MIN_SCALE = 0.16
"""A picture that is shrunk further shows no colon any more: 67 pixels of 416."""
_ELLIPSE_POINTS = 32


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """An image with the outlines of its polyps and of regions to ignore, in its own pixels, half-open."""

    image: Image
    outlines: Outlines
    ignored: Outlines = ()

    @classmethod
    def of(cls, sample: Sample, image: Image) -> Picture:
        """A sample's decoded image with its outlines; boxes without a mask count as ellipses."""
        return cls(image, tuple(rounded(o) for o in sample.outlines), corners(sample.ignored))


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """A picture in the input's pixels: what lies outside is still part of its outlines."""

    image: Image
    outlines: Outlines
    ignored: Outlines
    frame: Outline
    """float32 (4, 2): where the picture's corners lie, top left, top right, bottom right, bottom left before turns."""
    surround: Mask | None = None
    """uint8 (H, W), 255 around the picture; None if the picture is an upright rectangle: then `frame` says it."""

    @property
    def area(self) -> tuple[int, int, int, int]:
        """The upright rectangle around the picture, cut at the canvas, in whole pixels: x1, y1, x2, y2."""
        height, width = self.image.shape[:2]
        x1, y1 = np.floor(self.frame.min(axis=0) + 0.01).clip(0, (width, height)).astype(int).tolist()
        x2, y2 = np.ceil(self.frame.max(axis=0) - 0.01).clip(0, (width, height)).astype(int).tolist()
        return x1, y1, x2, y2


def rounded(outline: Outline) -> Outline:
    """The inscribed ellipse where the outline is but a box's corners: a turned box would have loose corners.

    Labels without a mask do not say where in its box the polyp is; an ellipse keeps turned boxes close to those that
    would be drawn (Kalra et al., Towards Rotation Invariance in Object Detection, ICCV 2021). Unturned, it has the
    very same box.
    """
    low, high = outline.min(axis=0), outline.max(axis=0)
    if len(outline) != 4 or not ((outline == low) | (outline == high)).all():
        return outline
    angles = np.arange(_ELLIPSE_POINTS) * (2 * np.pi / _ELLIPSE_POINTS)
    circle = np.column_stack((np.cos(angles), np.sin(angles)))
    return ((low + high) / 2 + circle * (high - low) / 2).astype(np.float32)


def warp_outline(outline: Outline, matrix: Matrix) -> Outline:
    """An outline after a (2, 3) affine `matrix`, float32 (K, 2)."""
    return (outline @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)


def visible_part(outline: Outline, width: int, height: int) -> Outline | None:
    """What is left of a convex outline inside a canvas; None if that is too little of its area."""
    low, high = outline.min(axis=0), outline.max(axis=0)
    if low.min() >= 0 and high[0] <= width and high[1] <= height:
        return outline
    canvas = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    left, part = cv2.intersectConvexConvex(outline, canvas)
    if part is None or left < MIN_VISIBLE * cv2.contourArea(outline):
        return None
    return np.asarray(part.reshape(-1, 2).clip(0, (width, height)), np.float32)


def visible_box(
    outline: Outline, width: int, height: int, hidden: Mask | None = None
) -> npt.NDArray[np.float32] | None:
    """The box around what is left of a convex outline; None if too little is left of it.

    Args:
        outline: float32 (K, 2) in the canvas's pixels; may reach beyond it.
        width: of the canvas.
        height: of the canvas.
        hidden: uint8 (height, width), not 0 where something covers the picture.
    """
    part = visible_part(outline, width, height)
    if part is None:
        return None
    low, high = part.min(axis=0), part.max(axis=0)
    if hidden is not None:
        x1, y1 = np.floor(low).astype(int)
        x2, y2 = np.ceil(high).astype(int)
        cover = hidden[y1:y2, x1:x2]
        if cover.any():
            return _uncovered_box(part, (int(x1), int(y1)), cover, cv2.contourArea(outline))
    return _box(low, high)


def _uncovered_box(
    outline: Outline, corner: tuple[int, int], cover: Mask, whole: float
) -> npt.NDArray[np.float32] | None:
    """The same for an outline of which something in `cover`, cut out at `corner`, may be hidden."""
    shape = fill_shape(np.zeros(cover.shape, np.uint8), outline - np.array(corner, np.float32), 1)
    shape[cover > 0] = 0
    rows, columns = np.flatnonzero(shape.any(axis=1)), np.flatnonzero(shape.any(axis=0))
    if len(rows) == 0 or np.count_nonzero(shape) < MIN_VISIBLE * whole:
        return None
    low = np.array([columns[0], rows[0]], np.float32) + corner
    high = np.array([columns[-1] + 1, rows[-1] + 1], np.float32) + corner
    return _box(np.maximum(low, outline.min(axis=0)), np.minimum(high, outline.max(axis=0)))


def _box(low: npt.NDArray[np.float32], high: npt.NDArray[np.float32]) -> npt.NDArray[np.float32] | None:
    if (high - low).min() < MIN_SIDE_PX:
        return None
    return np.concatenate((low, high)).astype(np.float32)


def visible_region(outline: Outline, width: int, height: int) -> npt.NDArray[np.float32] | None:
    """The box around an outline, cut at the canvas; None where nothing of it is inside."""
    low, high = outline.min(axis=0), outline.max(axis=0)
    region = np.concatenate((low, high)).clip(0, (width, height, width, height)).astype(np.float32)
    return region if region[0] < region[2] and region[1] < region[3] else None


def boxes_left(placed: Placed, hidden: Mask | None) -> tuple[Boxes, Boxes]:
    """Float32 (N, 4) boxes of what can be seen, and (M, 4) regions to ignore.

    A polyp of which too little is left has no box, but what is left is no background either: it is ignored.
    """
    height, width = placed.image.shape[:2]
    boxes, ignored = [], [visible_region(o, width, height) for o in placed.ignored]
    for outline in placed.outlines:
        box = visible_box(outline, width, height, hidden)
        if box is None:
            ignored.append(visible_region(outline, width, height))
        else:
            boxes.append(box)
    return _stack(boxes), _stack([r for r in ignored if r is not None])


def _stack(rows: Sequence[npt.NDArray[np.float32]]) -> Boxes:
    return np.array(rows, np.float32).reshape(-1, 4)


def render(picture: Picture, matrix: Matrix, width: int, height: int, fill: int) -> Placed:
    """Warp a picture into a canvas by a (2, 3) matrix in half-open pixel coordinates."""
    image, work = picture.image, matrix.astype(np.float64)
    # A bilinear warp aliases below one half: average first, as the runtime's resize rule does.
    whole = corners(np.array([[0, 0, image.shape[1], image.shape[0]]], np.float32))[0]
    while np.sqrt(abs(np.linalg.det(work[:, :2]))) <= 0.5 + 1e-9 and min(image.shape[:2]) >= 4:
        image = halved(image)
        work = work @ np.diag([2.0, 2.0, 1.0])
    # OpenCV puts coordinates at pixel centres, boxes put them at pixel edges: move by half a pixel both ways.
    centred = work.copy()
    centred[:, 2] += work[:, :2] @ (0.5, 0.5) - 0.5
    out = cv2.warpAffine(image, centred, (width, height), flags=cv2.INTER_LINEAR, borderValue=(fill, fill, fill))
    frame = warp_outline(whole, matrix)
    upright = min(np.abs(np.diag(matrix)).max(), np.abs(matrix[[0, 1], [1, 0]]).max()) < 1e-6
    return Placed(
        np.asarray(out, np.uint8),
        tuple(warp_outline(o, matrix) for o in picture.outlines),
        tuple(warp_outline(o, matrix) for o in picture.ignored),
        frame,
        None if upright else 255 - fill_shape(np.zeros((height, width), np.uint8), frame, 255),
    )


def fill_shape(mask: Mask, shape: Outline, value: int) -> Mask:
    """Fill a convex polygon in half-open coordinates, in place; OpenCV counts from pixel centres."""
    # OpenCV's own fixed point overflows far outside the mask.
    points = np.round((shape - 0.5).clip(-4000, 4000) * 16).astype(np.int32)
    return np.asarray(cv2.fillConvexPoly(mask, points, value, shift=4), np.uint8)


def halved(image: Image) -> Image:
    """Exact 2x2 averages; an odd last row or column is left out."""
    height, width = image.shape[0] // 2, image.shape[1] // 2
    return np.asarray(cv2.resize(image[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA))


def letterbox_matrix(width: int, height: int, size: int) -> Matrix:
    """The evaluation's placement: scaled to fit, top left."""
    x, y = Letterbox.fit(Size(width, height), Size(size, size)).scale
    return np.array([[x, 0, 0], [0, y, 0]], np.float64)


def orientation(index: int, width: int, height: int) -> tuple[Matrix, int, int]:
    """One of the eight flips and quarter turns, as a matrix, with the turned width and height."""
    matrix = np.eye(3)
    for _ in range(index % 4):  # (x, y) -> (height - y, x)
        matrix = np.array([[0, -1, height], [1, 0, 0], [0, 0, 1]]) @ matrix
        width, height = height, width
    if index >= 4:
        matrix = np.array([[-1, 0, width], [0, 1, 0], [0, 0, 1]]) @ matrix
    return matrix[:2], width, height


def linear(scale: float, stretch: float, angle_deg: float) -> Matrix:
    """The linear (2, 2) part: made wider than high by a share `stretch` at the same area, scaled and turned."""
    angle = np.deg2rad(angle_deg)
    turned = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    wide = 1.0 + stretch
    return np.asarray(turned @ np.diag([scale * wide, scale / wide]))


def compose(second: Matrix, first: Matrix) -> Matrix:
    """The (2, 3) matrix that does `first`, then `second`."""
    return np.asarray(second @ np.vstack((first, [0, 0, 1])))
