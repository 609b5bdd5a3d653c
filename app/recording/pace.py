"""Whether this computer can encode as fast as the pictures come: tried before a recording, in a few pictures."""

from __future__ import annotations

import functools
import time
from fractions import Fraction

import av.error
import numpy as np

from app.recording.encoders import Encoder, opened
from app.recording.video_file import Converter
from detector.geometry import Size

_PICTURES = 6
_LONGEST_S = 0.15  # real pictures wait meanwhile
_MARGIN = 1.2  # painting and the AI want something, too


def pace_warning(encoder: Encoder, size: Size, rate: Fraction | None) -> str:
    """What to say before recording pictures of this size at this rate; empty if the encoder is fast enough.

    Takes about a tenth of a second the first time, and is remembered. Pictures are textured and move: an upper bound
    of what a colonoscopy asks for. Without a rate 30 frames/s are taken.
    """
    pictures_per_s = encoded_per_s(encoder, size)
    if pictures_per_s is None:
        return ""  # that it does not work is said where it is used
    wanted = float(rate or 30)
    if pictures_per_s >= wanted * _MARGIN:
        return ""
    return (
        f"This computer encodes about {pictures_per_s:.0f} pictures per second of {size.width} x {size.height} with "
        f"{encoder.name}, and {wanted:.4g} come: pictures may be missing in the recording. Close other programs, or "
        "choose a smaller format of the source."
    )


@functools.lru_cache(maxsize=32)
def encoded_per_s(encoder: Encoder, size: Size) -> float | None:
    """Pictures per second, conversion included; None if the encoder does not work. Measured once."""
    pictures = _moving(size)
    convert = Converter(encoder.pixels)
    try:
        codec = opened(encoder, size, Fraction(25))
        start_ns = 0
        for number, picture in enumerate(pictures):
            if number == 1:  # the first opens the encoder and is a key frame
                start_ns = time.perf_counter_ns()
            frame = convert(picture)
            frame.pts = 40 * number
            codec.encode(frame)
            taken_ns = time.perf_counter_ns() - start_ns
            if number > 1 and taken_ns > _LONGEST_S * 1e9:
                break
        codec.encode(None)
    except (OSError, ValueError, av.error.FFmpegError):
        return None
    return number * 1e9 / max(1, taken_ns)


def _moving(size: Size) -> list[np.ndarray]:
    noise = np.random.default_rng(7).integers(40, 200, (size.height // 4 + 16, size.width // 4 + 16, 3), np.uint8)
    texture = noise.repeat(4, axis=0).repeat(4, axis=1)
    return [
        np.ascontiguousarray(texture[3 * n : 3 * n + size.height, 5 * n : 5 * n + size.width]) for n in range(_PICTURES)
    ]
