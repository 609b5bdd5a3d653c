"""What lens and processor make of the light: exposure, vignette, tone, blur, water, noise, sharpening, octagon."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from app.phantom.camera import Lens
from app.phantom.noise import Plane, hash_unit, lattice, octaves

Image = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Effects:
    """What disturbs one frame.

    Attributes:
        defocus_px: blur radius at 720 lines.
        smear_px: motion during the exposure, right and down, at 720 lines.
        wash: water on the lens, 0 to 1.
        outside: 1 while the scope is outside the body; in between at the anus.
        gain: factor on the automatic exposure.
    """

    defocus_px: float = 0.0
    smear_px: tuple[float, float] = (0.0, 0.0)
    wash: float = 0.0
    outside: float = 0.0
    gain: float = 1.0


def exposure(light: Plane, mask: npt.NDArray[np.bool_]) -> float:
    """The processor's automatic gain: brings the picture's typical light to a fixed level, within its range.

    It looks at every fourth pixel and at this frame alone, so that frames can be drawn in any order.
    """
    luma = (light[::4, ::4] @ np.array([0.4, 0.45, 0.15], np.float32))[mask[::4, ::4]]
    typical = float(np.mean(np.sqrt(luma, dtype=np.float32), dtype=np.float64)) ** 2
    top = float(np.partition(luma, int(0.93 * len(luma)))[int(0.93 * len(luma))])
    return float(np.clip(1 / (1.9 * typical + 0.22 * top + 1e-6), 40, 4000))


def develop(light: Plane, lens: Lens, effects: Effects, seed: int, index: int) -> Image:
    """The processor's picture: BGR uint8 of the octagon's box, black outside."""
    scale = lens.frame[1] / 720
    light = light * np.float32(exposure(light, lens.mask) * 0.62 * effects.gain) * _vignette(lens)[..., None]
    light = np.minimum(light, np.float32(6))
    if effects.defocus_px > 0.3:
        light = cv2.GaussianBlur(light, (0, 0), effects.defocus_px * scale)
    light = _smear(light, effects.smear_px, scale)
    # Highlights bleed a little: scattering in the lens.
    glow = cv2.GaussianBlur(cv2.resize(light, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA), (0, 0), 6 * scale)
    light = light * np.float32(0.965) + np.float32(0.035) * cv2.resize(glow, light.shape[1::-1])
    picture = _tone(light)
    if effects.wash > 0:
        picture = _water(picture, effects.wash, seed, index, scale)
    picture = _sensor(picture, seed, index, scale)
    picture *= lens.feather[..., None]
    return np.clip(picture[..., ::-1] + np.float32(0.5), 0, 255).astype(np.uint8)


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
    x = x * (np.float32(0.62) + np.float32(0.38) * x)
    return np.asarray(x * np.float32(258), np.float32)


def _water(picture: Plane, strength: float, seed: int, index: int, scale: float) -> Plane:
    """Water runs over the lens: the picture swims, smears and shines in streaks."""
    height, width = picture.shape[:2]
    size = (256, 256)
    flow = octaves(seed + 5, (5, 5), size, 3)
    streaks = octaves(seed + 6, (24, 5), size, 2)
    offset = int(index * 9) % 256
    flow, other = np.roll(flow, offset, 0), np.roll(flow.T, -offset, 1)
    dx = cv2.resize(flow, (width, height), interpolation=cv2.INTER_CUBIC) * np.float32(46 * scale * strength)
    dy = cv2.resize(other, (width, height), interpolation=cv2.INTER_CUBIC) * np.float32(46 * scale * strength)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    swum = cv2.remap(picture, x + dx, y + dy, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    soft = cv2.GaussianBlur(swum, (0, 0), max(0.4, 4.5 * scale * strength))
    shine = cv2.resize(np.roll(streaks, 2 * offset, 0), (width, height), interpolation=cv2.INTER_CUBIC)
    shine = np.clip((shine - np.float32(0.42)) * 4, 0, 1) * np.float32(80 * strength)
    return np.asarray(np.minimum(soft + shine[..., None], 255), np.float32)


def _sensor(picture: Plane, seed: int, index: int, scale: float) -> Plane:
    """Noise, colour at half the sharpness of brightness, and the halo of edge enhancement."""
    weights = np.array([0.299, 0.587, 0.114], np.float32)
    luma = picture @ weights
    chroma = cv2.blur(picture - luma[..., None], (3, 3))
    halo = luma - cv2.GaussianBlur(luma, (0, 0), max(0.6, 1.6 * scale))
    luma = luma + np.clip(np.float32(0.65) * halo, -14, 22)
    shift = (hash_unit(seed, index, np.arange(2)) * 255).astype(int)
    grain = np.roll(lattice(seed + 9, 256, 256), tuple(shift), (0, 1))
    repeats = (-(-luma.shape[0] // 256), -(-luma.shape[1] // 256))
    noise = np.tile(grain, repeats)[: luma.shape[0], : luma.shape[1]]
    luma = luma + noise * (np.float32(1.1) + np.float32(1.1) * (1 - luma / 255))
    return np.asarray(chroma + luma[..., None], np.float32)
