"""Draws small test clips: a colon that looks roughly right, and a frame index that survives H.264.

Everything is a pure function of time, so that the same call gives the same pixels on every machine. Run as
``python -m tests.clips OUT.mp4`` it writes twenty seconds of it, without painted indices.

The colon is painted from far to near as a row of folds: each is a sheet with a rounded triangular opening, lit from the
camera. Some carry a sessile polyp: a shaded dome with a contact shadow and wet highlights.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
Plane = npt.NDArray[np.float32]

RATE = Fraction(25)
SMALL = (320, 240)  # width, height of clips for tests
_BITS = 16
_MUCOSA = np.array([122, 156, 235], np.float32)  # BGR of a well lit wall
_POLYP = np.array([122, 142, 246], np.float32)  # redder than the wall around it
_SPACING = 0.62  # distance between folds, in colon radii
_SPEED = 0.3  # colon radii per second


def colon(time_s: float, size: tuple[int, int] = SMALL) -> Image:
    """The picture at ``time_s``: BGR uint8 of ``size`` (width, height)."""
    width, height = size
    sway = 0.16 * np.array([np.sin(0.9 * time_s), 0.7 * np.cos(0.7 * time_s)]) + 0.01 * np.sin(11 * time_s)
    x = (np.arange(width, dtype=np.float32) - width / 2) / (height / 2) - np.float32(sway[0])
    y = (np.arange(height, dtype=np.float32) - height / 2) / (height / 2) - np.float32(sway[1])
    x, y = np.meshgrid(x, y)
    radius, angle = cv2.cartToPolar(x, y)
    travelled = _SPEED * time_s / _SPACING
    picture = np.full((height, width, 3), (12, 14, 22), np.float32)
    first = int(np.floor(travelled))
    for fold in range(first + 7, first, -1):
        depth = (fold - travelled) * _SPACING + 0.12
        picture = _paint_fold(picture, fold, depth, (x, y, radius, angle))
    corner = (np.abs(x + sway[0]) + np.abs(y + sway[1])) > width / height + 0.45
    picture[corner] = 8
    return np.clip(picture, 0, 255).astype(np.uint8)


def _paint_fold(picture: Plane, fold: int, depth: float, grid: tuple[Plane, Plane, Plane, Plane]) -> Plane:
    """Lay one fold over ``picture``: everything outside its opening, and the polyp that it may carry."""
    x, y, radius, angle = grid
    rng = np.random.default_rng(fold)
    turn, bend = rng.uniform(0, 2 * np.pi), rng.uniform(0.06, 0.16)
    opening = (0.62 / depth) * (1 + bend * np.cos(3 * angle + turn) + 0.05 * np.cos(2 * angle - turn))
    s = radius / opening  # 1 on the rim of the fold, growing towards the wall
    light = np.float32(1.15 / (0.72 + 0.75 * depth) ** 1.6)
    rim = np.exp(-(((s - 1.13) / 0.1) ** 2))
    wall = 0.5 + 0.26 * np.exp(-(((s - 1.75) / 0.45) ** 2))
    turns = angle * np.float32(512 / (2 * np.pi))
    mottle, fine = _sample(turns, s * 110 + 97 * fold), _sample(turns * 3, s * 280 + 31 * fold)
    shade = light * (wall + 0.5 * rim) * (1 + 0.1 * mottle + 0.05 * fine)
    colour = _tint(_MUCOSA, shade)
    wet = np.clip((fine + 0.45 * mottle + 0.9 * rim - 2.75) * 1.8, 0, 1) * min(1.0, float(light) * 1.3)
    colour += wet[..., None] * 190
    cover = np.clip((s - 1) * opening * (picture.shape[0] / 4), 0, 1)[..., None]
    # A fold throws a soft shadow on what lies behind its opening.
    behind = picture * (1 - 0.45 * np.exp(-np.maximum(1 - s, 0) / 0.16))[..., None]
    out = behind * (1 - cover) + colour * cover
    if fold % 4 == 2:
        where, extent = rng.uniform(-0.7, 0.7) + np.pi * (fold % 8 == 6), rng.uniform(0.27, 0.4)
        u = (x * depth - 0.93 * np.cos(where)) / extent
        v = (y * depth - 0.80 * np.sin(where)) / extent
        _paint_polyp(out, fold, light, u, v)
    return out


def _paint_polyp(picture: Plane, fold: int, light: np.float32, u: Plane, v: Plane) -> None:
    """Draw a dome into ``picture``; ``u, v`` are coordinates in which it is the (slightly lobed) unit disc."""
    around = np.arctan2(v, u)
    rho = np.hypot(u, v * 1.12) / (1 + 0.06 * np.cos(3 * around + fold) + 0.04 * np.cos(5 * around))
    near = rho < 1.6
    r, u, v = rho[near], u[near], v[near]
    height = np.sqrt(np.clip(1 - r**2, 0, 1))
    lit = np.clip(0.42 + 0.62 * height - 0.22 * u - 0.25 * v, 0, 1.3)
    grain = _sample(u * 90, v * 90)
    dome = _tint(_POLYP, light * lit * (1.12 + 0.09 * grain))
    for at_u, at_v, width in ((-0.30, -0.34, 0.13), (-0.08, -0.48, 0.07), (0.22, -0.12, 0.05), (-0.42, -0.02, 0.05)):
        spot = np.exp(-((((u - at_u) / width) ** 2 + ((v - at_v) / (0.7 * width)) ** 2) ** 2))
        dome += (spot * 200 * min(1.0, float(light) * 1.4))[:, None]
    cover = np.clip((1 - r) * 9, 0, 1)[:, None]
    shadow = (1 - 0.3 * np.exp(-(((r - 1) / 0.25) ** 2)))[:, None]
    picture[near] = picture[near] * shadow * (1 - cover) + dome * cover


def _tint(base: Plane, shade: Plane) -> Plane:
    """Light on mucosa: what is darker is also redder, as blood swallows green and blue."""
    return base * np.maximum(shade, 0)[..., None] ** np.array([1.22, 1.12, 0.8], np.float32)


def _sample(column: Plane, row: Plane) -> Plane:
    """The noise at these places; it goes on for ever."""
    return _noise()[row.astype(np.int32) & 511, column.astype(np.int32) & 511]


@functools.cache
def _noise() -> Plane:
    """Smooth noise of about unit variance, 512 x 512, without a seam."""
    rng = np.random.default_rng(7)
    total = np.zeros((512, 512), np.float32)
    for sigma, weight in ((3, 0.5), (8, 0.7), (24, 0.8)):
        octave = cv2.GaussianBlur(np.tile(rng.standard_normal((512, 512)).astype(np.float32), (3, 3)), (0, 0), sigma)
        total += weight * (octave / octave.std())[512:1024, 512:1024]
    return total


def paint_index(image: Image, index: int) -> Image:
    """A copy of ``image`` with ``index`` (0 to 65535) in black and white blocks along its upper edge.

    Below each bit stands its opposite, so that a damaged or scaled index is noticed.
    """
    if not 0 <= index < 1 << _BITS:
        raise ValueError(f"the painted index has {_BITS} bits: {index}")
    painted = image.copy()
    for (top, bottom, left, right), white in _blocks(image, index):
        painted[top:bottom, left:right] = 255 if white else 0
    return painted


def read_painted_index(image: Image) -> int:
    """The index that :func:`paint_index` drew, also after lossy coding.

    Raises:
        ValueError: there is none, or it is damaged.
    """
    seen = [
        image[top + 1 : bottom - 1, left + 1 : right - 1].mean() > 127
        for (top, bottom, left, right), _ in _blocks(image, 0)
    ]
    bits, opposites = seen[:_BITS], seen[_BITS:]
    if any(bit == opposite for bit, opposite in zip(bits, opposites, strict=True)):
        raise ValueError("no readable index is painted into this picture")
    return sum(int(bit) << place for place, bit in enumerate(bits))


def _blocks(image: Image, index: int) -> Iterator[tuple[tuple[int, int, int, int], bool]]:
    width = image.shape[1] // _BITS
    height = max(6, width // 2)
    for row in range(2):
        for place in range(_BITS):
            bit = bool(index >> place & 1)
            yield (row * height, (row + 1) * height, place * width, (place + 1) * width), bit != bool(row)


def painted_frames(count: int, size: tuple[int, int] = SMALL, rate: Fraction = RATE, first: int = 0) -> list[Image]:
    """Frames ``first``, ``first + 1``, ... of the colon, each with its index painted in."""
    return [paint_index(_drawn(n / rate, size), n) for n in range(first, first + count)]


@functools.lru_cache(maxsize=256)
def _drawn(time_s: Fraction, size: tuple[int, int]) -> Image:
    """Kept, and drawn at half the size: drawing is what most of the tests' time would go to."""
    return doubled(colon(float(time_s), (size[0] // 2, size[1] // 2)))


def doubled(image: Image) -> Image:
    """``image`` at twice its size: a quarter of the time to draw, and as soft as a real endoscope."""
    size = (image.shape[1] * 2, image.shape[0] * 2)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_CUBIC), np.uint8)


def write_video(
    path: Path | str,
    frames: Iterable[Image],
    *,
    rate: Fraction = RATE,
    pts: Iterable[int] | None = None,
    time_base: Fraction | None = None,
    matrix: str = "bt709",
    full_range: bool = False,
    codec: str = "libx264",
    options: dict[str, str] | None = None,
    mux_options: dict[str, str] | None = None,
    container_format: str | None = None,
) -> None:
    """Encode ``frames`` to ``path``; the suffix (or ``container_format``) chooses the container.

    Args:
        path: file or network address.
        frames: BGR uint8 pictures of one size.
        rate: frames per second.
        pts: presentation times in ``time_base``; 0, 1, 2, ... in ``1 / rate`` by default.
        time_base: what ``pts`` counts in.
        matrix: ``bt709`` or ``smpte170m``; the stream is tagged with it.
        full_range: write and tag full-range YUV.
        codec: name of the encoder.
        options: of the encoder; fast, ten frames between key frames and one thread by default.
        mux_options: of the container.
        container_format: name of the container, where the suffix does not say it.
    """
    settings = {"preset": "ultrafast", "g": "10", "threads": "1"} if options is None else options
    base = time_base or 1 / rate
    with av.open(str(path), "w", format=container_format, options=mux_options or {}) as container:
        stream = container.add_stream(codec, rate=rate, options=settings)
        stream.codec_context.time_base = base
        times = iter(pts) if pts is not None else None
        for number, image in enumerate(frames):
            if number == 0:
                stream.height, stream.width = image.shape[:2]
                stream.pix_fmt = "yuv420p"
                stream.codec_context.color_range = 2 if full_range else 1
                stream.codec_context.colorspace = {"bt709": 1, "smpte170m": 6}[matrix]
            frame = to_yuv(image, matrix, full_range)
            frame.pts, frame.time_base = (number if times is None else next(times)), base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def to_yuv(image: Image, matrix: str = "bt709", full_range: bool = False) -> av.VideoFrame:
    """``image`` (BGR) as a tagged YUV 4:2:0 frame.

    Worked out here and not by the library under test: the golden colours of the tests stand on it.
    """
    k_red, k_blue = {"bt709": (0.2126, 0.0722), "smpte170m": (0.299, 0.114)}[matrix]
    blue, green, red = (image[..., channel].astype(np.float32) / 255 for channel in range(3))
    luma = k_red * red + (1 - k_red - k_blue) * green + k_blue * blue
    chroma = [(blue - luma) / (2 - 2 * k_blue), (red - luma) / (2 - 2 * k_red)]
    low, spread, chroma_spread = (0, 255, 255) if full_range else (16, 219, 224)
    height, width = luma.shape
    half = [cv2.resize(part, (width // 2, height // 2), interpolation=cv2.INTER_AREA) for part in chroma]
    rows = [luma * spread + low, *(part.reshape(height // 4, width) * chroma_spread + 128 for part in half)]
    packed = np.clip(np.rint(np.concatenate(rows)), 0, 255).astype(np.uint8)
    frame = av.VideoFrame.from_ndarray(packed, format="yuv420p")
    frame.color_range = 2 if full_range else 1
    frame.colorspace = {"bt709": 1, "smpte170m": 6}[matrix]
    return frame


def write_clip(path: Path, count: int = 50, **settings: object) -> Path:
    """Write ``count`` painted frames (see :func:`write_video`) and return ``path``."""
    write_video(path, painted_frames(count), **settings)  # type: ignore[arg-type]
    return path


def main(path: Path) -> None:
    """Write the demo: 20 s, 1280 x 720, 25 frames/s, at most 3 MB, nothing painted in."""
    frames = (doubled(colon(float(number / RATE), (640, 360))) for number in range(20 * int(RATE)))
    settings = {"preset": "slow", "crf": "24", "maxrate": "1100k", "bufsize": "2200k", "g": "50"}
    write_video(path, frames, options=settings, mux_options={"movflags": "faststart"})


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m tests.clips PATH.mp4")
    main(Path(sys.argv[1]))
