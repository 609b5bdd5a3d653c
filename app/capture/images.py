"""Folders of images, and single images."""

from __future__ import annotations

import os
import re
import threading
import time
import zlib
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from app.capture.placing import Place, where_it_is
from app.capture.troubles import missing_path
from detector.errors import SourceError
from detector.frame import Frame, Interruption, SourceInfo, SourceKind, SourceState
from detector.geometry import Size

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


class ImageFolderSource:
    """All images of a folder and the folders below it, in natural order (``2.jpg`` before ``10.jpg``); or one image.

    Frames have a name, the path below the folder with forward slashes, and no time. Pictures are turned as their EXIF
    orientation says, as viewers and annotation tools show them: boxes are in that upright picture. Grey and palette
    images become BGR, 16 bits become 8 by dropping the lower ones, transparency is ignored. An image that cannot be
    decoded comes as ``UNDECODABLE`` under its name.

    Args:
        path: the folder or image.
        loop: start over at the end; indices go on.
    """

    def __init__(self, path: Path | str, *, loop: bool = False) -> None:
        self._path = Path(path)
        self._loop = loop
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._files: list[Path] = []
        self._next = 0
        self._index = 0
        self._decoded = False
        self._final: Interruption | None = Interruption(SourceState.END, "not open")
        self._place: Place = where_it_is

    def place_with(self, place: Place) -> None:
        """See :class:`app.capture.placing.Placing`."""
        self._place = place

    def open(self) -> SourceInfo:
        """List the images and decode the first that can be.

        Raises:
            SourceError: there are none, or none can be decoded.
        """
        quiet_opencv()
        with self._lock:
            self._closed.clear()
            self._files = list_images(self._path)
            self._next, self._final, self._decoded = 0, None, False
            for file in self._files:
                image = load_image(file)
                if not isinstance(image, str):
                    count = len(self._files)
                    label = self._path.resolve().name
                    return SourceInfo(SourceKind.IMAGES, label, False, Size.of(image), None, count)
            self._final = Interruption(SourceState.END, "not open")
            what = "does not hold an image" if self._path.is_file() else "holds no image"
            raise SourceError(f"{self._path} {what} that can be decoded.", f"Images are {_kinds()} files.")

    def read(self) -> Frame | Interruption:
        """The next image, or why there is none."""
        with self._lock:
            if self._closed.is_set():
                return Interruption(SourceState.END, "closed")
            if self._final is not None:
                return self._final
            # A folder that lost all its images must not be searched round and round.
            if self._next == len(self._files) and self._loop and self._decoded:
                self._next, self._decoded = 0, False
            if self._next == len(self._files):
                self._final = Interruption(SourceState.END)
                return self._final
            return self._load(self._files[self._next])

    def close(self) -> None:
        """Stop; nothing is held open between reads."""
        self._closed.set()

    def _load(self, file: Path) -> Frame | Interruption:
        if not self._path.exists():
            self._final = Interruption(SourceState.GONE, f"{self._path} no longer exists")
            return self._final
        image = load_image(file)
        index, self._index = self._index, self._index + 1
        self._next += 1
        name = file.name if file == self._path else file.relative_to(self._path).as_posix()
        if isinstance(image, str):
            return Interruption(SourceState.UNDECODABLE, image, index, name=name)
        self._decoded = True
        return Frame(index, None, time.perf_counter_ns(), self._place(image), name)


def list_images(path: Path) -> list[Path]:
    """The image at ``path``, or all images in the folder, in natural order of their paths; hidden files are left out.

    Raises:
        SourceError: the path does not exist, may not be read, or holds no images.
    """
    trouble = missing_path(path)
    if trouble is not None:
        raise trouble
    if path.is_file():
        return [path]
    refused: list[OSError] = []
    found = [
        Path(folder) / name
        for folder, _, names in os.walk(path, onerror=refused.append)
        for name in names
        if name.lower().endswith(SUFFIXES) and not name.startswith(".")
    ]
    if refused:
        raise SourceError(
            f"The folder {refused[0].filename} may not be read.", "Ask for the right to read it, or copy the images."
        )
    if not found:
        raise SourceError(f"The folder {path} holds no images.", f"Images are {_kinds()} files; name a video itself.")
    return sorted(found, key=lambda file: natural_key(file.relative_to(path).as_posix()))


def natural_key(text: str) -> tuple[tuple[int, str], ...]:
    """A sorting key in which numbers count as numbers and case does not matter until the end."""
    parts = re.split(r"(\d+)", text.casefold())
    # Odd parts are the numbers. The text itself breaks ties, such as "1" and "01".
    keyed = tuple((int(part), "") if place % 2 else (-1, part) for place, part in enumerate(parts))
    return (*keyed, (-1, text))


def load_image(path: Path) -> npt.NDArray[np.uint8] | str:
    """The image as BGR uint8 ``(H, W, 3)``, or why it cannot be decoded."""
    try:
        data = path.read_bytes()
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    if not data:
        return "empty file (0 bytes)"
    if data.startswith(_PNG_SIGNATURE) and not _png_is_whole(data):
        return "damaged or cut off PNG"
    try:
        # Not cv2.imread: it cannot open every file name on Windows.
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        image = None  # such as a size beyond OpenCV's limit
    return "damaged, cut off or no image" if image is None else np.asarray(image, np.uint8)


def quiet_opencv() -> None:
    """Keep OpenCV's own log off the terminal: what it finds is reported by the sources."""
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


def _png_is_whole(data: bytes) -> bool:
    """Whether every chunk up to the end mark is there and has the right checksum; libpng would print, not say."""
    at = len(_PNG_SIGNATURE)
    while at + 12 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        kind, end = data[at + 4 : at + 8], at + 8 + length
        if end + 4 > len(data) or zlib.crc32(data[at + 4 : end]) != int.from_bytes(data[end : end + 4], "big"):
            return False
        if kind == b"IEND":
            return True
        at = end + 4
    return False


def _kinds() -> str:
    return ", ".join(suffix[1:].upper() for suffix in SUFFIXES if suffix not in (".jpeg", ".tif"))
