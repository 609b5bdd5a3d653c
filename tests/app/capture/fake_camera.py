"""Stands in for ``cv2.VideoCapture``: a device that can be unplugged, go dark and hang."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from tests.clips import painted_frames

RATE = 100


class FakeCamera:
    """Called as the class ``cv2.VideoCapture`` would be; every capture reads from the same scripted device.

    Args:
        path: the device path.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.opened: list[tuple[object, int]] = []
        self.set_properties: list[tuple[int, float]] = []
        self.refuses = False
        self.dark = False
        self.hanging = threading.Event()  # set: reads hang until it is cleared
        self.grey = False
        self._pictures = painted_frames(50)
        self._count = 0

    def __call__(self) -> FakeCamera:
        return self

    def open(self, device: object, backend: int) -> bool:
        self.opened.append((device, backend))
        return not self.refuses

    def isOpened(self) -> bool:
        return not self.refuses

    def set(self, prop: int, value: float) -> bool:
        self.set_properties.append((prop, value))
        return True

    def get(self, prop: int) -> float:
        return float(RATE) if prop == cv2.CAP_PROP_FPS else 0.0

    def read(self) -> tuple[bool, npt.NDArray[np.uint8] | None]:
        while self.hanging.is_set():
            time.sleep(0.005)
        time.sleep(1 / RATE)
        if self.dark:
            return False, None
        image = self._pictures[self._count % 50]
        self._count += 1
        return True, (image[..., 0].copy() if self.grey else image.copy())

    def release(self) -> None:
        pass
