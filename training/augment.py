"""What a training image may look like: geometry in one warp, then light, blur and compression.

Geometry is our own: one affine warp per image, and the polyp's convex hull goes through the same matrix, so that a
rotated image gets a tight box. Photometry comes from albumentations, or, with `plain`, from a few lines of numpy for
machines that do not have it. All in BGR, as frames are; albumentations sees RGB.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, field
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt

from detector.errors import UsageError
from detector.geometry import Boxes, as_boxes
from training.contract import PAD

Image = npt.NDArray[np.uint8]
Matrix = npt.NDArray[np.float32]
Outlines = tuple[npt.NDArray[np.float32], ...]
Kind = Literal["full", "plain"]

MIN_VISIBLE = 0.25
MIN_SIDE_PX = 4.0


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """An image with the outlines of its polyps, in its own pixels."""

    image: Image
    outlines: Outlines


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """A finished training input: a square BGR uint8 image and its float32 (N, 4) boxes."""

    image: Image
    boxes: Boxes


def warp_outline(outline: npt.NDArray[np.float32], matrix: Matrix) -> npt.NDArray[np.float32]:
    """An outline after a (2, 3) affine `matrix`, float32 (K, 2)."""
    return (outline @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)


def visible_box(outline: npt.NDArray[np.float32], width: int, height: int) -> npt.NDArray[np.float32] | None:
    """The box around what is left of a convex outline inside the canvas; None if too little is left."""
    canvas = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    low, high = outline.min(axis=0), outline.max(axis=0)
    if (low < 0).any() or high[0] > width or high[1] > height:
        left, part = cv2.intersectConvexConvex(outline, canvas)
        if part is None or left < MIN_VISIBLE * cv2.contourArea(outline):
            return None
        low, high = part.reshape(-1, 2).min(axis=0), part.reshape(-1, 2).max(axis=0)
        low, high = np.maximum(low, 0), np.minimum(high, (width, height))
    if (high - low).min() < MIN_SIDE_PX:
        return None
    return np.concatenate((low, high)).astype(np.float32)


def render(picture: Picture, matrix: Matrix, width: int, height: int, fill: int) -> Scene:
    """Warp a picture into a canvas by a (2, 3) matrix in half-open pixel coordinates."""
    image, work = picture.image, matrix.astype(np.float64)
    scale = float(np.sqrt(abs(np.linalg.det(work[:, :2]))))
    if scale < 0.5:  # a bilinear warp aliases below one half: average first, as the runtime's resize rule does
        h, w = image.shape[0] // 2, image.shape[1] // 2
        image = np.asarray(cv2.resize(image[: 2 * h, : 2 * w], (w, h), interpolation=cv2.INTER_AREA), np.uint8)
        work = work @ np.diag([2.0, 2.0, 1.0])
    # OpenCV puts coordinates at pixel centres, boxes put them at pixel edges: move by half a pixel both ways.
    centred = work.copy()
    centred[:, 2] += work[:, :2] @ (0.5, 0.5) - 0.5
    out = cv2.warpAffine(image, centred, (width, height), flags=cv2.INTER_LINEAR, borderValue=(fill, fill, fill))
    boxes = [visible_box(warp_outline(o, matrix), width, height) for o in picture.outlines]
    return Scene(np.asarray(out, np.uint8), as_boxes([b for b in boxes if b is not None]))


def letterbox_matrix(width: int, height: int, size: int) -> Matrix:
    """The evaluation's placement: scaled to fit, top left."""
    scale = min(size / width, size / height)
    return np.array([[scale, 0, 0], [0, scale, 0]], np.float32)


def orientation(rng: np.random.Generator, width: int, height: int) -> tuple[Matrix, int, int]:
    """One of the eight flips and quarter turns, as a matrix, with the turned width and height."""
    turns, flip = int(rng.integers(4)), bool(rng.integers(2))
    matrix = np.eye(3)
    for _ in range(turns):  # (x, y) -> (height - y, x)
        matrix = np.array([[0, -1, height], [1, 0, 0], [0, 0, 1]]) @ matrix
        width, height = height, width
    if flip:
        matrix = np.array([[-1, 0, width], [0, 1, 0], [0, 0, 1]]) @ matrix
    return matrix[:2].astype(np.float32), width, height


@dataclass(frozen=True, slots=True)
class Geometry:
    """Ranges of the random placement; the defaults are for the long first phase, `late()` for the last."""

    as_in_use: float = 0.25
    """Share of images placed as the detector will see them: only flips and quarter turns."""
    scale: tuple[float, float] = (0.5, 1.5)
    """Zoom against 'fits the input'. Polyps in the sets are large; the far ones on screen are not."""
    tilt_deg: float = 20.0
    aspect: float = 0.12
    mosaic: float = 0.2

    @classmethod
    def part(cls) -> Geometry:
        """For a quarter of a mosaic: large enough that the four fill the canvas."""
        return cls(as_in_use=0.0, scale=(0.9, 1.8))

    @classmethod
    def late(cls) -> Geometry:
        """Close to what the detector sees in use."""
        return cls(as_in_use=0.6, scale=(0.6, 1.25), tilt_deg=10.0, aspect=0.06, mosaic=0.0)

    def matrix(self, rng: np.random.Generator, shape: tuple[int, int], width: int, height: int) -> Matrix:
        """A random placement of an image of `shape` (height, width) in a canvas."""
        turn, w, h = orientation(rng, shape[1], shape[0])
        if width == height and rng.random() < self.as_in_use:
            return _compose(letterbox_matrix(w, h, width), turn)
        low, high = np.log(self.scale)
        zoom = float(np.exp(rng.uniform(low, high))) * min(width / w, height / h)
        stretch = 1.0 + rng.uniform(-self.aspect, self.aspect)
        angle = np.deg2rad(rng.uniform(-self.tilt_deg, self.tilt_deg)) if rng.random() < 0.5 else 0.0
        linear = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) * zoom
        linear = linear @ np.diag([stretch, 1.0 / stretch])
        corners = np.array([[0, 0], [w, 0], [w, h], [0, h]]) @ linear.T
        low_xy, span = corners.min(axis=0), np.ptp(corners, axis=0)
        # Room is negative where the picture is larger than the canvas: then the shift picks the part that shows.
        shift = rng.random(2) * (np.array([width, height]) - span) - low_xy
        return _compose(np.column_stack((linear, shift)).astype(np.float32), turn)


def _compose(second: Matrix, first: Matrix) -> Matrix:
    square = np.vstack((first, [0, 0, 1]))
    return (second @ square).astype(np.float32)


def mosaic(pictures: list[Picture], rng: np.random.Generator, size: int, fill: int) -> Scene:
    """Four pictures around a random centre."""
    cx, cy = (int(v) for v in rng.uniform(0.3, 0.7, 2) * size)
    canvas = np.full((size, size, 3), fill, np.uint8)
    boxes = []
    corners = ((0, 0, cx, cy), (cx, 0, size, cy), (0, cy, cx, size), (cx, cy, size, size))
    for picture, (x1, y1, x2, y2) in zip(pictures, corners, strict=True):
        matrix = Geometry.part().matrix(rng, picture.image.shape[:2], x2 - x1, y2 - y1)
        part = render(picture, matrix, x2 - x1, y2 - y1, fill)
        canvas[y1:y2, x1:x2] = part.image
        boxes.append(part.boxes + np.array([x1, y1, x1, y1], np.float32))
    return Scene(canvas, as_boxes(np.concatenate(boxes)))


def highlights(image: Image, rng: np.random.Generator) -> Image:
    """Specular spots: small white blobs with a soft edge, as wet mucosa shows them."""
    size = image.shape[0]
    light = np.zeros(image.shape[:2], np.uint8)
    for _ in range(int(rng.integers(3, 25))):
        centre = tuple(int(v) for v in rng.integers(0, size, 2))
        axes = tuple(int(v) for v in np.maximum(1, rng.exponential(size * 0.008, 2)))
        cv2.ellipse(light, centre, axes, float(rng.uniform(0, 180)), 0, 360, int(rng.integers(140, 256)), -1)
    return cv2.max(image, cv2.cvtColor(cv2.GaussianBlur(light, (3, 3), 0), cv2.COLOR_GRAY2BGR)).astype(np.uint8)


def vignette(image: Image, rng: np.random.Generator) -> Image:
    """Darken towards the edge around a random centre, or cut the corners black as an endoscope's mask does."""
    size = image.shape[0]
    if rng.random() < 0.5:
        cut = int(size * rng.uniform(0.04, 0.16))
        ends = np.array([[0, 0], [size, 0], [size, size], [0, size]])
        for x, y in ends:
            dx, dy = (cut if x == 0 else -cut), (cut if y == 0 else -cut)
            cv2.fillConvexPoly(image, np.array([[x, y], [x + dx, y], [x, y + dy]], np.int32), (0, 0, 0))
        return image
    grid = np.arange(size, dtype=np.float32) / size - rng.uniform(0.35, 0.65)
    fall = 1.0 - rng.uniform(0.3, 0.9) * np.add.outer(grid**2, grid**2)
    return (image * np.clip(fall, 0.1, 1.0)[..., None]).astype(np.uint8)


def plain_light(image: Image, rng: np.random.Generator) -> Image:
    """Brightness, contrast, gamma and colour cast through one look-up table per channel."""
    level = np.arange(256, dtype=np.float32) / 255
    cast = rng.uniform(0.88, 1.12, 3)
    curve = level ** rng.uniform(0.75, 1.35) * rng.uniform(0.8, 1.2) + rng.uniform(-0.06, 0.06)
    table = np.clip(curve[:, None] * cast * 255, 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(image, table[:, None, :]), np.uint8)


def _albumentations() -> Any:
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # it would ask a server for its version
    try:
        import albumentations
    except ImportError as error:
        raise UsageError(
            f"Augmentation 'full' needs albumentations, which cannot be imported ({error}).",
            "Install it with pip install 'polypwatch[train]', or train with --augment plain.",
        ) from error
    return albumentations


def light_pipeline(strong: bool) -> Any:
    """The albumentations pipeline on RGB: no geometry, so boxes are untouched."""
    a = _albumentations()
    p = 1.0 if strong else 0.6
    return a.Compose(
        [
            a.OneOf([a.PlanckianJitter(p=1.0), a.RGBShift(18, 18, 18, p=1.0)], p=0.35 * p),
            a.OneOf(
                [
                    a.RandomBrightnessContrast(0.25, 0.2, p=1.0),
                    a.RandomGamma((70, 140), p=1.0),
                    a.HueSaturationValue(8, 30, 20, p=1.0),
                ],
                p=0.6 * p,
            ),
            a.OneOf(
                [a.MotionBlur(blur_limit=(3, 11), p=1.0), a.GaussianBlur(sigma_limit=(0.4, 2.0), p=1.0)], p=0.15 * p
            ),
            a.GaussNoise(std_range=(0.01, 0.05), p=0.08 * p),
            a.ImageCompression(quality_range=(35, 90), p=0.2 * p),
        ]
    )


@dataclass(slots=True)
class Augmenter:
    """Pictures in, a finished scene out; everything random comes from the generator that is passed in."""

    kind: Kind
    _local: threading.local = field(default_factory=threading.local)

    def __post_init__(self) -> None:
        if self.kind == "full":
            _albumentations()  # missing: say so now, not in a loader's thread

    def _pipeline(self, strong: bool) -> Any:
        """A pipeline of this thread's own: it is seeded before each use, and others must not draw in between."""
        name = f"strong_{strong}"
        if not hasattr(self._local, name):
            setattr(self._local, name, light_pipeline(strong))
        return getattr(self._local, name)

    def __call__(self, pictures: list[Picture], rng: np.random.Generator, size: int, late: bool) -> Scene:
        """Place one picture, or four as a mosaic, and change the light."""
        geometry = Geometry.late() if late else Geometry()
        fill = PAD if rng.random() < 0.6 else int(rng.integers(0, 24))
        if len(pictures) == 4:
            scene = mosaic(pictures, rng, size, fill)
        else:
            matrix = geometry.matrix(rng, pictures[0].image.shape[:2], size, size)
            scene = render(pictures[0], matrix, size, size, fill)
        return Scene(self._light(scene.image, rng, strong=not late), scene.boxes)

    def _light(self, image: Image, rng: np.random.Generator, strong: bool) -> Image:
        if rng.random() < 0.10:
            image = highlights(image, rng)
        if rng.random() < 0.10:
            image = vignette(image, rng)
        if self.kind == "plain":
            return plain_light(image, rng) if rng.random() < 0.8 else image
        pipeline = self._pipeline(strong)
        pipeline.set_random_seed(int(rng.integers(2**31)))
        rgb = pipeline(image=cv2.cvtColor(image, cv2.COLOR_BGR2RGB))["image"]
        return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), np.uint8)
