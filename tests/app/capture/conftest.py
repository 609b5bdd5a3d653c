"""Clips that all capture tests share, and a check that no test leaves a thread behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.clips import painted_frames, write_clip

FRAMES = 40


@pytest.fixture(autouse=True)
def _no_leaked_threads() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    patience = time.monotonic() + 3
    while (left := set(threading.enumerate()) - before) and time.monotonic() < patience:
        time.sleep(0.01)
    assert not left


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Clips of 40 painted frames at 25 frames/s, by what is special about them."""
    folder = tmp_path_factory.mktemp("clips")
    predicted = {"g": "20", "bf": "2", "threads": "1", "preset": "veryfast"}
    return {
        "mp4": write_clip(folder / "clip.mp4", FRAMES),
        "mkv": write_clip(folder / "clip.mkv", FRAMES),
        "ts": write_clip(folder / "clip.ts", FRAMES),
        "b-frames": write_clip(folder / "b.mp4", FRAMES, options=predicted),
        "index first": write_clip(folder / "faststart.mp4", FRAMES, mux_options={"movflags": "faststart"}),
    }


@pytest.fixture(scope="session")
def still_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve images, ``1.png`` to ``12.png``, the last two in a folder below."""
    folder = tmp_path_factory.mktemp("stills")
    (folder / "more").mkdir()
    for number, image in enumerate(painted_frames(12), start=1):
        name = f"{number}.png" if number <= 10 else f"more/{number}.png"
        write_image(folder / name, image)
    return folder


def write_image(path: Path, image: object) -> None:
    """Write by OpenCV; fails loudly, unlike ``imwrite``."""
    assert cv2.imwrite(str(path), np.asarray(image))
