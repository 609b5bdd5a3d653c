"""Cameras and frame grabbers of this machine."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from app.capture.images import natural_key, quiet_opencv
from app.capture.live import LiveSource, Shot
from detector.errors import SourceError
from detector.frame import Interruption, SourceKind, SourceState

_NS = Fraction(1, 1_000_000_000)
_EMPTY_READS = 5  # a device may skip a beat; this many in a row are a lost signal


@dataclass(frozen=True, slots=True)
class CameraOptions:
    """What to ask the device for; what is left out stays as the driver has it. The device may give something else.

    Attributes:
        width: in pixels.
        height: in pixels.
        rate: frames per second.
        fourcc: pixel format such as ``MJPG`` or ``YUYV``; many grabbers reach their full rate with one only.
        open_timeout_s: to the first picture.
        lost_after_s: silence after which the signal counts as lost.
    """

    width: int | None = None
    height: int | None = None
    rate: float | None = None
    fourcc: str | None = None
    open_timeout_s: float = 8.0
    lost_after_s: float = 2.0


class CameraSource(LiveSource):
    """A camera or grabber, by index or device path.

    A device that is there and sends nothing is ``LOST``, one whose device path went away is ``GONE``. Media time is
    the real time since the first frame.

    Args:
        device: an index, or a path such as ``/dev/video0``.
        options: what to ask the device for.
    """

    def __init__(self, device: int | str, options: CameraOptions | None = None) -> None:
        chosen = options or CameraOptions()
        label = f"camera {device}"

        def connect() -> _CameraConnection:
            return _CameraConnection(device, label, chosen)

        super().__init__(SourceKind.CAMERA, label, connect, chosen.open_timeout_s, chosen.lost_after_s)


def device_path(device: int | str) -> Path | None:
    """The file that stands for the device; None where devices are no files."""
    if isinstance(device, str):
        return Path(device)
    return Path(f"/dev/video{device}") if sys.platform.startswith("linux") else None


def present_devices() -> list[str]:
    """Device paths of the cameras that exist, in order; always empty where devices are no files."""
    return sorted((str(path) for path in Path("/dev").glob("video*")), key=natural_key)


class _CameraConnection:
    time_base = _NS

    def __init__(self, device: int | str, label: str, options: CameraOptions) -> None:
        quiet_opencv()
        self._path = device_path(device)
        if self._path is not None and not self._path.exists():
            raise SourceError(f"There is no camera {device}.", _devices_hint())
        self._capture = _opened(device, options)
        if not self._capture.isOpened():
            self._capture.release()
            raise SourceError(
                f"The {label} cannot be opened.",
                "Close other programs that use it, and check that you may read it (on Linux: group video). "
                + _devices_hint(),
            )
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        self.rate = Fraction(rate).limit_denominator(1001) if 1 <= rate <= 1000 else None
        self._first_ns: int | None = None

    def grab(self) -> Shot | Interruption:
        """The next picture of the device."""
        for _ in range(_EMPTY_READS):
            good, image = self._capture.read()
            taken_ns = time.perf_counter_ns()
            if good and image is not None:
                if image.ndim == 2:
                    image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
                self._first_ns = taken_ns if self._first_ns is None else self._first_ns
                return Shot(taken_ns - self._first_ns, taken_ns, np.ascontiguousarray(image, dtype=np.uint8))
            if self._path is not None and not self._path.exists():
                return Interruption(SourceState.GONE, f"{self._path} no longer exists: unplugged?")
        return Interruption(SourceState.LOST, "the device sends no picture")

    def close(self) -> None:
        self._capture.release()


def _opened(device: int | str, options: CameraOptions) -> cv2.VideoCapture:
    backends = {"linux": cv2.CAP_V4L2, "win32": cv2.CAP_DSHOW, "darwin": cv2.CAP_AVFOUNDATION}
    wanted: list[tuple[int, Any]] = [
        # The pixel format first: it decides which sizes and rates the driver offers.
        (cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*options.fourcc) if options.fourcc else None),
        (cv2.CAP_PROP_FRAME_WIDTH, options.width),
        (cv2.CAP_PROP_FRAME_HEIGHT, options.height),
        (cv2.CAP_PROP_FPS, options.rate),
        (cv2.CAP_PROP_BUFFERSIZE, 1),
    ]
    capture = cv2.VideoCapture()
    backend = backends.get(sys.platform, cv2.CAP_ANY)
    try:
        if not capture.open(device, backend) and sys.platform == "win32":
            capture.open(device, cv2.CAP_MSMF)
        for prop, value in wanted:
            if value is not None and capture.isOpened():
                capture.set(prop, value)
    except cv2.error:
        capture.release()
    return capture


def _devices_hint() -> str:
    if not sys.platform.startswith("linux"):
        return "Cameras are numbered from 0: try camera:0 or camera:1."
    found = present_devices()
    return f"Devices on this machine: {', '.join(found)}." if found else "This machine has no video device."
