"""What lens and processor make of the light: exposure, vignette, tone, blur, water, noise, sharpening, octagon."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from app.phantom.camera import Lens
from app.phantom.noise import Plane, curve, hash_unit, lattice, octaves

Image = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Effects:
    """What disturbs one frame.

    Attributes:
        defocus_px: blur radius at 720 lines.
        smear_px: motion during the exposure, right and down, at 720 lines.
        wash: water on the lens, 0 to 1.
        touch: the lens lies on the wall: light comes through mucosa, red and without shape, 0 to 1.
        outside: 1 while the scope is outside the body; in between at the anus.
    """

    defocus_px: float = 0.0
    smear_px: tuple[float, float] = (0.0, 0.0)
    wash: float = 0.0
    touch: float = 0.0
    outside: float = 0.0


def exposure(light: Plane, mask: npt.NDArray[np.bool_]) -> float:
    """The processor's automatic gain: brings the picture's typical light to a fixed level, within its range.

    It looks at every fourth pixel and at this frame alone, so that frames can be drawn in any order.
    """
    few = light[::4, ::4][mask[::4, ::4]]
    luma = few[:, 0] * np.float32(0.4) + few[:, 1] * np.float32(0.45) + few[:, 2] * np.float32(0.15)
    typical = float(np.mean(np.sqrt(luma, dtype=np.float32), dtype=np.float64)) ** 2
    top = float(np.partition(luma, int(0.93 * len(luma)))[int(0.93 * len(luma))])
    return float(np.clip(1.75 / (1.9 * typical + 0.20 * top + 1e-6), 60, 4500))


def develop(light: Plane, lens: Lens, effects: Effects, seed: int, index: int) -> Image:
    """The processor's picture: BGR uint8 of the octagon's box, black outside."""
    scale = lens.frame[1] / 720
    light = light * np.float32(exposure(light, lens.mask)) * _vignette(lens)[..., None]
    light = np.minimum(light, np.float32(6))
    if effects.touch > 0.01:
        light = light + (_redout(light, lens) - light) * np.float32(effects.touch)
    if effects.outside > 0:
        light = light + (_room(lens, seed, index) - light) * np.float32(effects.outside)
    if effects.defocus_px > 0.3:
        light = np.asarray(cv2.GaussianBlur(light, (0, 0), effects.defocus_px * scale), np.float32)
    light = _smear(light, effects.smear_px, scale)
    # Highlights bleed a little: scattering in the lens.
    glow = cv2.GaussianBlur(cv2.resize(light, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA), (0, 0), 6 * scale)
    light = light * np.float32(0.965) + np.float32(0.035) * cv2.resize(glow, light.shape[1::-1])
    picture = _tone(light)
    if effects.wash > 0.01:
        picture = _water(picture, effects.wash, lens, seed, index)
    picture = _sensor(picture, seed, index, scale)
    picture *= lens.feather[..., None]
    return np.asarray(np.clip(picture[..., ::-1] + np.float32(0.5), 0, 255), np.uint8)


def _redout(light: Plane, lens: Lens) -> Plane:
    """What is left of the picture when the lens lies on the wall."""
    small = cv2.resize(np.minimum(light, np.float32(1)), (24, 20), interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(small, (0, 0), 5.0)
    spread = cv2.resize(soft, (lens.width, lens.height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.array([1.35, 0.62, 0.42], np.float32) * (spread.mean(2, keepdims=True) + np.float32(0.15)))


def displaced(ids: npt.NDArray[np.int32], lens: Lens, effects: Effects, seed: int, index: int) -> npt.NDArray[np.int32]:
    """The id buffer as the water on the lens bends the picture; unchanged without water."""
    if effects.wash <= 0.01 or not ids.any():
        return ids
    x, y = _swim(lens, effects.wash, seed, index)
    moved = cv2.remap(ids.astype(np.int16), x, y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
    return np.where(lens.mask, moved, 0).astype(np.int32)


def compose(picture: Image, lens: Lens) -> Image:
    """The whole frame: the octagon's box on black."""
    frame = np.zeros((lens.frame[1], lens.frame[0], 3), np.uint8)
    frame[lens.top : lens.top + lens.height, lens.left : lens.left + lens.width] = picture
    return frame


def _vignette(lens: Lens) -> Plane:
    x = (np.arange(lens.width, dtype=np.float32) + 0.5) / lens.width * 2 - 1
    y = ((np.arange(lens.height, dtype=np.float32) + 0.5) * 2 - lens.height) / lens.width
    r2 = x[None, :] ** 2 + y[:, None] ** 2
    return np.asarray(1 / (1 + np.float32(0.55) * r2 * r2 + np.float32(0.15) * r2), np.float32)


def _smear(light: Plane, smear_px: tuple[float, float], scale: float) -> Plane:
    """Averages along the motion: a line as long as what moved past during the exposure."""
    dx, dy = smear_px[0] * scale, smear_px[1] * scale
    length = float(np.hypot(dx, dy))
    if length < 1.5:
        return light
    side = int(length) // 2 * 2 + 3
    kernel = np.zeros((side, side), np.float32)
    middle = side // 2
    for part in np.linspace(-0.5, 0.5, 4 * side):
        kernel[round(middle + part * dy), round(middle + part * dx)] += 1
    return np.asarray(cv2.filter2D(light, -1, kernel / kernel.sum()), np.float32)


def _tone(light: Plane) -> Plane:
    """Shoulder, gamma, a little contrast: 0 to 255 per channel."""
    x = 1 - cv2.exp(-light)
    x = cv2.sqrt(np.maximum(x, 0))
    x = x * (np.float32(0.42) + np.float32(0.58) * x)
    return np.asarray(x * np.float32(258), np.float32)


def _swim(lens: Lens, strength: float, seed: int, index: int) -> tuple[Plane, Plane]:
    """Where each pixel of a picture seen through running water comes from: columns and rows."""
    flow = octaves(seed + 5, (5, 5), (_WATER, _WATER), 3)
    offset = index * 9 % _WATER
    size, reach = (lens.width, lens.height), np.float32(46 * lens.frame[1] / 720 * strength)
    dx = cv2.resize(np.roll(flow, offset, 0), size, interpolation=cv2.INTER_CUBIC) * reach
    dy = cv2.resize(np.roll(flow.T, -offset, 1), size, interpolation=cv2.INTER_CUBIC) * reach
    y, x = np.mgrid[: lens.height, : lens.width].astype(np.float32)
    return x + dx, y + dy


_WATER = 256


def _water(picture: Plane, strength: float, lens: Lens, seed: int, index: int) -> Plane:
    """Water runs over the lens: the picture swims, softens and shines in streaks."""
    scale = lens.frame[1] / 720
    x, y = _swim(lens, strength, seed, index)
    swum = cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    soft = cv2.GaussianBlur(swum, (0, 0), max(0.4, 4.0 * scale * strength))
    streaks = np.roll(octaves(seed + 6, (4, 15), (_WATER, _WATER), 3), index * 18 % _WATER, 0)
    shine = cv2.resize(streaks, (lens.width, lens.height), interpolation=cv2.INTER_CUBIC)
    shine = np.clip((shine - np.float32(0.30)) * 2.2, 0, 1) * np.float32(38 * strength)
    return np.asarray(np.minimum(soft + shine[..., None], 255), np.float32)


def _room(lens: Lens, seed: int, index: int) -> Plane:
    """Outside the body: drapes, a lamp and a gloved hand, far out of focus; linear RGB."""
    x = (np.arange(lens.width, dtype=np.float32) + 0.5) / lens.width * 2 - 1
    y = ((np.arange(lens.height, dtype=np.float32) + 0.5) * 2 - lens.height) / lens.width
    sway = [float(v) for v in (curve(seed + 20 + k, index / 25, 0.8)[()] for k in range(4))]
    xx, yy = np.meshgrid(x + np.float32(0.5 * sway[0]), y + np.float32(0.4 * sway[1]))
    picture = np.empty((lens.height, lens.width, 3), np.float32)
    picture[:] = np.array([0.16, 0.20, 0.20], np.float32)
    things = (
        ((-0.2, 0.5, 1.1, 0.35), (0.05, 0.24, 0.30)),
        ((0.5, -0.55, 0.7, 0.3), (0.30, 0.29, 0.26)),
        ((-0.5 + 0.3 * sway[2], -1.0, 1.6, 0.5), (0.95, 0.93, 0.85)),
        ((0.45, 0.35 + 0.3 * sway[3], 0.16, 0.9), (0.20, 0.30, 0.42)),
        ((0.8, 0.1, 0.12, 0.6), (0.45, 0.45, 0.42)),
    )
    for (cx, cy, rx, ry), colour in things:
        r = np.sqrt(((xx - np.float32(cx)) / np.float32(rx)) ** 2 + ((yy - np.float32(cy)) / np.float32(ry)) ** 2)
        cover = np.clip((np.float32(1.25) - r) / np.float32(0.5), 0, 1)[..., None]
        picture += (np.array(colour, np.float32) - picture) * cover
    return picture


def _sensor(picture: Plane, seed: int, index: int, scale: float) -> Plane:
    """Noise, colour at half the sharpness of brightness, and the halo of edge enhancement."""
    luma = (
        picture[..., 0] * np.float32(0.299) + picture[..., 1] * np.float32(0.587) + picture[..., 2] * np.float32(0.114)
    )
    chroma = cv2.blur(picture - luma[..., None], (3, 3))
    halo = luma - cv2.GaussianBlur(luma, (0, 0), max(0.6, 1.6 * scale))
    luma = luma + np.clip(np.float32(0.6) * halo, -7, 20)
    shift = (hash_unit(seed, index, np.arange(2)) * 255).astype(int)
    grain = np.roll(lattice(seed + 9, 256, 256), tuple(shift), (0, 1))
    repeats = (-(-luma.shape[0] // 256), -(-luma.shape[1] // 256))
    noise = np.tile(grain, repeats)[: luma.shape[0], : luma.shape[1]]
    luma = luma + noise * (np.float32(1.1) + np.float32(1.1) * (1 - luma / 255))
    return np.asarray(chroma + luma[..., None], np.float32)
