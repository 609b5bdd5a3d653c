"""Small films with a red square that the tiny network of the tests finds, and that comes and goes."""

from fractions import Fraction
from pathlib import Path

import numpy as np

from app.recording import Recorder, RecorderOptions
from detector.frame import Frame, FrameTime
from tests.clips import write_video
from tests.tiny_models import red_patch_network, write_model

WIDTH, HEIGHT = 160, 96
RATE = Fraction(25)
BASE = Fraction(1, 25)


def picture(index: int) -> np.ndarray:
    """Grey, with a red square that moves; every 40 frames it is gone for ten."""
    image = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    if index % 40 < 30:
        x = 10 + index % 90
        image[30:60, x : x + 30] = (20, 20, 250)
    return image


def write_film(path: Path, frames: int, first: int = 0) -> Path:
    write_video(path, [picture(first + n) for n in range(frames)], rate=RATE)
    return path


def write_red_recording(folder: Path, frames: int, first: int = 0) -> Path:
    """A recording in one segment."""
    recorder = Recorder(folder, RATE, options=RecorderOptions(encoder="x264"))
    for n in range(frames):
        recorder.offer(Frame(n, FrameTime(n, BASE), 1_000_000 + n * 40_000_000, picture(first + n)))
    recorder.close()
    return folder


def write_red_model(folder: Path, threshold: float = 0.5) -> Path:
    return write_model(folder, red_patch_network(), threshold=threshold)
