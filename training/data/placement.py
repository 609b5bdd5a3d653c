"""Which placement a draw gets: turned, zoomed, shrunk to a far polyp, or four pictures in one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from training.contract import PAD
from training.data.geometry import (
    MIN_SCALE,
    Matrix,
    Picture,
    Placed,
    compose,
    fill_shape,
    letterbox_matrix,
    linear,
    orientation,
    render,
    visible_part,
    visible_region,
)
from training.data.settings import AugmentSettings, Effect
from training.samples import Outline, corners

_USUAL_WIDTH = 0.35
"""Width of a polyp in stills, as a share of the picture's (median of the public sets)."""


@dataclass(slots=True)
class Dice:
    """What falls in one draw. Each effect has a stream of its own, so that leaving one out changes no other."""

    settings: AugmentSettings
    rng: np.random.Generator
    applied: list[tuple[str, float]] = field(default_factory=list)
    _falls: dict[str, tuple[int, float]] = field(init=False)
    _key: int = field(init=False)

    def __post_init__(self) -> None:
        names = AugmentSettings.names()
        self._falls = {
            name: (i, fall) for i, (name, fall) in enumerate(zip(names, self.rng.random(len(names)), strict=True))
        }
        self._key = int(self.rng.integers(2**62))

    def roll(self, name: str) -> tuple[float, np.random.Generator] | None:
        """The effect's strength and its own generator, if it falls."""
        effect: Effect = getattr(self.settings, name)
        return self.take(name) if self._falls[name][1] < effect.p else None

    def take(self, name: str) -> tuple[float, np.random.Generator]:
        """The same for an effect that falls without being asked."""
        effect: Effect = getattr(self.settings, name)
        index, _ = self._falls[name]
        rng = np.random.default_rng((self._key, index))
        amount = effect.amount(rng)
        self.applied.append((name, amount))
        return amount, rng


def place(picture: Picture, dice: Dice, width: int, height: int) -> Placed:
    """One picture somewhere in a canvas."""
    turned = dice.roll("turn")
    h, w = picture.image.shape[:2]
    turn, w, h = orientation(int(turned[0]) if turned else 0, w, h)
    matrix = compose(_placement(picture, dice, (w, h), (width, height)), turn)
    surround = dice.roll("surround")
    return render(picture, matrix, width, height, round(surround[0]) if surround else PAD)


def _placement(picture: Picture, dice: Dice, size: tuple[int, int], canvas: tuple[int, int]) -> Matrix:
    """The (2, 3) matrix of a picture that was turned to `size`; both are width and height."""
    square = canvas[0] == canvas[1]
    plain = letterbox_matrix(*size, canvas[0]) if square else None
    if plain is not None and dice.roll("as_in_use"):
        return plain
    fits = min(canvas[0] / size[0], canvas[1] / size[1])
    if halve := dice.roll("halve"):
        return _halving(size, canvas, halve[1])
    shrink = dice.roll("shrink")
    zoom = None if shrink else dice.roll("zoom")
    stretch, rotate = dice.roll("stretch"), dice.roll("rotate")
    if plain is not None and not (shrink or zoom or stretch or rotate):
        return plain
    scale = fits * (2.0 ** zoom[0] if zoom else 1.0)
    if shrink:
        scale = _far(picture, shrink[0], canvas[0], fits)
    shape = linear(scale, stretch[0] if stretch else 0.0, rotate[0] if rotate else 0.0)
    ends = corners(np.array([[0, 0, *size]], np.float32))[0] @ shape.T
    low, span = ends.min(axis=0), np.ptp(ends, axis=0)
    where = (zoom or shrink or stretch or rotate or (0.0, dice.rng))[1].random(2)
    # Room is negative where the picture is larger than the canvas: then the shift picks the part that shows.
    return np.column_stack((shape, where * (np.array(canvas) - span) - low))


def _halving(size: tuple[int, int], canvas: tuple[int, int], rng: np.random.Generator) -> Matrix:
    """The runtime's exact halvings at a whole number of pixels: nothing is interpolated."""
    scale = 0.5
    while scale * max(size) > 1.5 * max(canvas):
        scale /= 2
    room = np.array(canvas) - np.floor(np.array(size) * scale)
    shift = np.sign(room) * np.floor(rng.random(2) * (np.abs(room) + 1))
    return np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])


def _far(picture: Picture, share: float, width: int, fits: float) -> float:
    """The scale at which the picture's widest polyp covers a share of the width.

    A picture without a polyp shrinks as if it had one of the usual width: smallness must not tell.
    """
    spans = [float(np.ptp(o, axis=0).max()) for o in picture.outlines]
    widest = max(spans) if spans else _USUAL_WIDTH * max(picture.image.shape[:2])
    return float(np.clip(share * width / max(widest, 1.0), MIN_SCALE * fits, fits))


def mosaic(pictures: Sequence[Picture], dice: Dice, size: int) -> Placed:
    """Four pictures around a random centre, each with its outlines cut at its own borders."""
    first, rng = dice.take("mosaic")  # who hands over four pictures has rolled
    cx, cy = round(first * size), round(dice.settings.mosaic.amount(rng) * size)
    canvas = np.empty((size, size, 3), np.uint8)
    surround = np.empty((size, size), np.uint8)
    outlines: list[Outline] = []
    ignored: list[Outline] = []
    spots = ((0, 0, cx, cy), (cx, 0, size, cy), (0, cy, cx, size), (cx, cy, size, size))
    for picture, (x1, y1, x2, y2) in zip(pictures, spots, strict=True):
        part = place(picture, Dice(_part(dice.settings), rng), x2 - x1, y2 - y1)
        canvas[y1:y2, x1:x2] = part.image
        outside = part.surround
        if outside is None:
            outside = 255 - fill_shape(np.zeros((y2 - y1, x2 - x1), np.uint8), part.frame, 255)
        surround[y1:y2, x1:x2] = outside
        offset = np.array([x1, y1], np.float32)
        for outline in part.outlines:
            left = visible_part(outline, x2 - x1, y2 - y1)
            if left is not None:
                outlines.append(left + offset)
            elif (region := visible_region(outline, x2 - x1, y2 - y1)) is not None:
                ignored += corners(region[None] + np.tile(offset, 2))
        regions = [visible_region(o, x2 - x1, y2 - y1) for o in part.ignored]
        ignored += [corners(r[None] + np.tile(offset, 2))[0] for r in regions if r is not None]
    frame = corners(np.array([[0, 0, size, size]], np.float32))[0]
    return Placed(canvas, tuple(outlines), tuple(ignored), frame, surround)


def _part(settings: AugmentSettings) -> AugmentSettings:
    """For a quarter of a mosaic: large enough that the four fill the canvas."""
    zoom = replace(settings.zoom, mild=-0.15, strong=0.85)
    return replace(settings.changed({"as_in_use": 0, "shrink": 0, "halve": 0}), zoom=zoom)
