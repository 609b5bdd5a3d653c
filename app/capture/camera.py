"""Cameras and frame grabbers of this machine."""

from __future__ import annotations

import logging
import sys
import time
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from app.capture.images import natural_key, quiet_opencv
from app.capture.live import Connection, LiveSource, Shot
from app.devices.choice import Choice
from app.devices.formats import Wish, canonical
from app.devices.listing import choice_for, trouble_of
from detector.errors import SourceError
from detector.frame import Interruption, SourceKind, SourceState

_NS = Fraction(1, 1_000_000_000)
_EMPTY_READS = 5  # a device may skip a beat; this many in a row are a lost signal
_NODE_LINGERS_S = 0.25
# OpenCV asks for whole frames per second, so that a device which has both 60 and 59.94 gives the one for the other.
_RATE_OFF = 0.002
#: Inputs of FFmpeg that open cameras by name: ``dshow`` on Windows, ``avfoundation`` on macOS.
NAMED = ("dshow:", "avfoundation:")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CameraOptions:
    """What to ask the device for; what is left out is chosen by :mod:`app.devices.choice` where formats can be listed.

    Attributes:
        width: in pixels.
        height: in pixels.
        rate: frames per second.
        fourcc: pixel format such as ``MJPG`` or ``YUYV``; many grabbers reach their full rate with one only.
        open_timeout_s: to the first picture.
        lost_after_s: silence after which the signal counts as lost.
        exact: refuse a device that does not offer or give this; else it may give something else.
    """

    width: int | None = None
    height: int | None = None
    rate: float | None = None
    fourcc: str | None = None
    open_timeout_s: float = 8.0
    lost_after_s: float = 2.0
    exact: bool = False

    @property
    def wish(self) -> Wish:
        """What is asked for, without the limits."""
        rate = Fraction(self.rate).limit_denominator(1001) if self.rate is not None else None
        return Wish(canonical(self.fourcc) if self.fourcc else None, self.width, self.height, rate)


class CameraSource(LiveSource):
    """A camera or grabber, by index, device path or name.

    A device that is there and sends nothing is ``LOST``, one whose device path went away is ``GONE``. Media time is
    the real time since the first frame.

    Args:
        device: an index, a path such as ``/dev/video0``, or a name such as ``dshow:@device_pnp_...``.
        options: what to ask the device for.
    """

    def __init__(self, device: int | str, options: CameraOptions | None = None) -> None:
        chosen = options or CameraOptions()
        label = f"camera {device}"
        self._mode = ""

        def connect() -> Connection:
            if isinstance(device, str) and device.startswith(NAMED):
                from app.capture.camera_named import NamedConnection

                named = NamedConnection(device, label, chosen.wish, chosen.exact)
                return self._opened_as(named.mode, named)
            connection = _CameraConnection(device, label, chosen)
            return self._opened_as(connection.mode, connection)

        super().__init__(SourceKind.CAMERA, label, connect, chosen.open_timeout_s, chosen.lost_after_s)

    def _opened_as(self, mode: str, connection: Connection) -> Connection:
        self._mode = mode
        _log.info("%s: %s", self._label, mode)
        return connection

    @property
    def mode(self) -> str:
        """What the device gives and why, for the status line, such as ``UYVY@1920x1080@50: uncompressed``."""
        return self._mode


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
        choice = self._choice(options)
        asked = Wish(choice.fourcc, choice.width, choice.height, choice.rate) if choice else options.wish
        self._capture = _opened(device, asked)
        if not self._capture.isOpened():
            self._capture.release()
            raise self._refused(label)
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        self.rate = Fraction(rate).limit_denominator(1001) if 1 <= rate <= 1000 else None
        self._first_ns: int | None = None
        try:
            self.mode = self._described(label, asked, choice, options.exact)
        except SourceError:
            self._capture.release()
            raise

    def _choice(self, options: CameraOptions) -> Choice | None:
        """What to ask for, where the device's formats can be listed."""
        if self._path is None or not sys.platform.startswith("linux"):
            return None
        try:
            return choice_for(self._path, options.wish)
        except SourceError as error:
            if options.exact:
                raise
            _log.warning("%s %s", error.what, error.hint)
            return None

    def _refused(self, label: str) -> SourceError:
        known = self._path is not None and sys.platform.startswith("linux")
        trouble, hint = trouble_of(self._path) if known and self._path is not None else ("", "")
        usual = "Close other programs that use it, and check that you may read it (on Linux: group video)."
        why = f": {trouble}" if trouble else ""
        return SourceError(f"The {label} cannot be opened{why}.", f"{hint or usual} {_devices_hint()}")

    def _described(self, label: str, asked: Wish, choice: Choice | None, exact: bool) -> str:
        """What the device gives, and why.

        Raises:
            SourceError: that is not what it had to give.
        """
        given = self._given()
        missed = _missed(asked, given)
        if missed and exact:
            raise SourceError(
                f"The {label} gives {given}, not {asked} as asked for.",
                "Choose one of the formats that `polypwatch devices` lists, or leave --format out.",
            )
        text = str(given) if not missed else f"{given}, though asked for {asked}"
        if sys.platform == "win32":
            text += f" through {self._capture.getBackendName()}"
        return f"{text}: {choice.reason}" if choice and choice.reason and not missed else text

    def _given(self) -> Wish:
        """What the driver says that it gives; parts that it does not tell are None."""
        number = int(self._capture.get(cv2.CAP_PROP_FOURCC))
        letters = number.to_bytes(4, "little").decode("ascii", "replace") if 0 < number < 2**31 else ""
        width, height = (int(self._capture.get(p)) for p in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
        fourcc = canonical(letters) if letters.isalnum() else None
        return Wish(fourcc, width if width > 0 else None, height if height > 0 else None, self.rate)

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
            if self._vanished():
                return Interruption(SourceState.GONE, f"{self._path} no longer exists: unplugged?")
        # Reads of a device that was pulled fail at once, its node and its lasting name go a moment later.
        time.sleep(_NODE_LINGERS_S)
        if self._vanished():
            return Interruption(SourceState.GONE, f"{self._path} no longer exists: unplugged?")
        return Interruption(SourceState.LOST, "the device sends no picture")

    def _vanished(self) -> bool:
        return self._path is not None and not self._path.exists()

    def close(self) -> None:
        self._capture.release()


def _missed(asked: Wish, given: Wish) -> bool:
    """Whether something was asked for that the driver says it does not give."""
    pairs = ((asked.fourcc, given.fourcc), (asked.width, given.width), (asked.height, given.height))
    if any(wanted is not None and got is not None and wanted != got for wanted, got in pairs):
        return True
    return bool(asked.rate and given.rate and abs(given.rate / asked.rate - 1) > _RATE_OFF)


def _opened(device: int | str, asked: Wish) -> cv2.VideoCapture:
    backends = {"linux": cv2.CAP_V4L2, "win32": cv2.CAP_DSHOW, "darwin": cv2.CAP_AVFOUNDATION}
    wanted: list[tuple[int, Any]] = [
        # The pixel format first: it decides which sizes and rates the driver offers.
        (cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*_native(asked.fourcc)) if asked.fourcc else None),
        (cv2.CAP_PROP_FRAME_WIDTH, asked.width),
        (cv2.CAP_PROP_FRAME_HEIGHT, asked.height),
        (cv2.CAP_PROP_FPS, float(asked.rate) if asked.rate else None),
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


def _native(fourcc: str) -> str:
    """The four letters as this system's cameras know them."""
    return {"YUYV": "YUY2", "YU12": "I420"}.get(fourcc, fourcc) if sys.platform == "win32" else fourcc


def _devices_hint() -> str:
    if not sys.platform.startswith("linux"):
        return "Cameras are numbered from 0: try camera:0 or camera:1."
    found = present_devices()
    return f"Devices on this machine: {', '.join(found)}." if found else "This machine has no video device."
