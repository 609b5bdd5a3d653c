"""Sources put their pictures where they are told to; the pixels are the same, and damage is left where it is."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from app.capture import ImageFolderSource, MemorySource, Paced, file_source
from app.capture.excerpt import ExcerptSource
from app.capture.live import LiveSource, Shot
from app.capture.placing import Image, Placing
from detector.frame import Frame, FrameSource, Interruption, SourceKind, SourceState
from detector.frame_pool import FramePool
from tests.clips import painted_frames, write_clip

COUNT = 6


class Sender:
    """A live connection that sends its next picture when it is told to; the second is damaged."""

    time_base, rate = Fraction(1, 1000), Fraction(100)

    def __init__(self) -> None:
        self.more = threading.Semaphore(1)
        self._left = [Shot(n, 0, image, "torn" if n == 1 else "") for n, image in enumerate(painted_frames(COUNT))]

    def grab(self) -> Shot | Interruption:
        self.more.acquire(timeout=10)
        if not self._left:
            return Interruption(SourceState.LOST)
        return replace(self._left.pop(0), taken_ns=time.perf_counter_ns())

    def close(self) -> None: ...


def sources(folder: Path) -> dict[str, Callable[[], FrameSource]]:
    clip, images = folder / "clip.mp4", folder / "images"
    write_clip(clip, COUNT)
    images.mkdir()
    for n, image in enumerate(painted_frames(COUNT)):
        cv2.imwrite(str(images / f"{n}.png"), image)
    return {
        "file": lambda: file_source(clip),
        "excerpt": lambda: ExcerptSource(clip, 0, COUNT - 1, Fraction(0)),
        "images": lambda: ImageFolderSource(images),
        "memory": lambda: MemorySource(painted_frames(COUNT), Fraction(25), COUNT),
        "paced": lambda: Paced(file_source(clip), rate=50.0),
    }


def read_all(source: FrameSource, pool: FramePool | None = None) -> list[Image]:
    if pool is not None:
        assert isinstance(source, Placing)
        source.place_with(pool.place)
    source.open()
    images = []
    while isinstance(item := source.read(), Frame):
        assert pool is None or pool.find(item.image) is not None
        images.append(item.image.copy())
    source.close()
    return images


@pytest.fixture
def pool():
    made = FramePool()
    made.place(painted_frames(1)[0])
    made.tend(lambda block: True)
    yield made
    made.close()


@pytest.mark.parametrize("name", ["file", "excerpt", "images", "memory", "paced"])
def test_placed_pictures_have_the_same_pixels(tmp_path: Path, pool: FramePool, name: str) -> None:
    make = sources(tmp_path)[name]
    plain, placed = read_all(make()), read_all(make(), pool)
    assert len(plain) == len(placed) == COUNT == pool.placed
    assert all(np.array_equal(a, b) for a, b in zip(plain, placed, strict=True))


def test_of_a_live_source_what_is_read_is_placed_and_a_damaged_picture_is_not(pool: FramePool) -> None:
    sender = Sender()
    source = LiveSource(SourceKind.STREAM, "sender", lambda: sender, 5.0, 10.0)
    source.place_with(pool.place)
    source.open()
    for n, image in enumerate(painted_frames(COUNT)):
        item = source.read()
        if n == 1:
            assert isinstance(item, Interruption)
            assert item.picture is not None
            assert pool.find(item.picture) is None
        else:
            assert isinstance(item, Frame)
            assert pool.find(item.image) is not None
            assert np.array_equal(item.image, image)
        sender.more.release()
    source.close()
    assert pool.placed == COUNT - 1
