"""Scenes for the tests of the picture: a moving texture, fields woven from it, and a processor's screen around it."""

from __future__ import annotations

import functools

import cv2
import numpy as np
import numpy.typing as npt

from detector.picture.area import Area

Image = npt.NDArray[np.uint8]


def wall(step: float, size: tuple[int, int] = (320, 240), seed: int = 3, soft: float = 3.0) -> Image:
    """Mucosa-coloured texture of ``size`` (width, height) that has moved on by ``step``: 6 px right, 3 px down each."""
    grain = _grain(size, seed, soft)
    dx, dy = 20 + 6 * step, 20 + 3 * step
    shift = np.array([[1, 0, -dx], [0, 1, -dy]], np.float64)
    moved = cv2.warpAffine(grain, shift, size, borderMode=cv2.BORDER_REFLECT)
    light = (moved + 120)[..., None] / 120
    return np.clip(light * np.array([75.0, 105.0, 170.0]), 0, 255).astype(np.uint8)


@functools.cache
def _grain(size: tuple[int, int], seed: int, soft: float) -> npt.NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    grain = cv2.GaussianBlur(rng.normal(size=(size[1] + 400, size[0] + 400)).astype(np.float32), (0, 0), soft)
    return np.asarray(40 * grain / grain.std(), np.float32)


def woven(first: Image, second: Image, *, top_first: bool) -> Image:
    """A frame whose earlier field is of ``first`` and whose later one of ``second``."""
    out = first.copy()
    later = 1 if top_first else 0
    out[later::2] = second[later::2]
    return out


def interlaced(count: int, *, top_first: bool) -> list[Image]:
    """Frames of a moving wall whose fields are half a step apart."""
    return [woven(wall(n), wall(n + 0.5), top_first=top_first) for n in range(count)]


LAYOUTS = {
    # screen size, where the picture lies, and its shape
    "16:9, text at the left": ((960, 540), Area(316, 14, 614, 510), "octagon"),
    "16:9, disc in the middle": ((640, 360), Area(150, 8, 340, 340), "disc"),
    "4:3, borders": ((720, 576), Area(60, 30, 600, 516), "rounded"),
    "5:4 with an inset": ((640, 512), Area(130, 8, 500, 496), "octagon"),
}


def screen(name: str, step: int, picture: Image | None = None) -> Image:
    """A processor's screen: text, a clock that ticks, a green inset, a small second picture, and the picture."""
    (width, height), area, shape = LAYOUTS[name]
    image = np.full((height, width, 3), 10, np.uint8)
    for line in range(5):
        cv2.putText(image, "NAME 0000", (8, 40 + 24 * line), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (220, 220, 220), 1)
    cv2.putText(image, f"12:00:{step % 60:02d}", (8, 200), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (220, 220, 220), 1)
    cv2.rectangle(image, (0, height - 110), (100, height), (150, 180, 40), -1)
    cv2.line(image, (50, height), (50 + 3 * (step % 9), height - 80), (40, 60, 20), 2)
    if "16:9" in name:
        image[220:290, 20:110] = wall(step, (90, 70), seed=9)
    inner = cv2.resize(wall(step) if picture is None else picture, area.size)
    image[area.y : area.y + area.height, area.x : area.x + area.width][_mask(shape, area)] = inner[_mask(shape, area)]
    return image


def _mask(shape: str, area: Area) -> npt.NDArray[np.bool_]:
    mask = np.zeros((area.height, area.width), np.uint8)
    w, h = area.size
    if shape == "disc":
        cv2.ellipse(mask, (w // 2, h // 2), (w // 2, h // 2), 0, 0, 360, 1, -1)
    else:
        cut = h // 5 if shape == "octagon" else h // 16
        corners = [(cut, 0), (w - cut, 0), (w, cut), (w, h - cut), (w - cut, h), (cut, h), (0, h - cut), (0, cut)]
        cv2.fillPoly(mask, [np.array(corners)], 1)
    return mask > 0
