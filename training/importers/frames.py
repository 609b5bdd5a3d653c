"""Cutting frames out of a video into image files, under their index, with a hash of their decoded pixels.

The index is counted while decoding and never calculated from a time: with a variable frame rate there is no rate to
calculate with. The hash is what a frame *is*: a converted copy may have the same number of frames, but other hashes.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import cv2
import numpy as np

from detector.decode import DecodedFrame, Image
from detector.errors import FormatError, OutputError
from detector.schema import require_schema

SCHEMA = "polypwatch.cut/1"
INDEX = "cut.jsonl"
_JPEG_QUALITY = 95


@dataclass(frozen=True, slots=True)
class CutFrame:
    """A frame that was written.

    Attributes:
        index: in the video, from 0.
        time_s: media time in seconds.
        pixels_sha256: of the decoded picture, before it was compressed again.
        name: of the image file.
    """

    index: int
    time_s: float
    pixels_sha256: str
    name: str


class FrameStore:
    """A folder of frames of one video; it appears once it is whole, and replaces an older one.

    Use as a context manager: on an error nothing is left behind. Its `cut.jsonl` lists the frames and their hashes.

    Args:
        folder: where the images go.
        video: which they come from, for the list.
        png: lossless PNG instead of JPEG at quality 95.

    Raises:
        OutputError: the folder cannot be written, or holds something else.
    """

    def __init__(self, folder: Path, video: Path, png: bool = False) -> None:
        self.folder = folder
        self._video = video
        self._suffix = ".png" if png else ".jpg"
        self._settings = [] if png else [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
        self._part = folder.with_name(folder.name + ".part")
        self.frames: list[CutFrame] = []

    def path(self, frame: CutFrame) -> Path:
        """Where a frame's image stands once the store is whole."""
        return self.folder / frame.name

    def add(self, frame: DecodedFrame) -> CutFrame:
        """Write a frame.

        Raises:
            OutputError: the disk is full or gone.
        """
        done, data = cv2.imencode(self._suffix, frame.image, self._settings)
        if not done:
            raise OutputError(f"Frame {frame.index} of {self._video} cannot be compressed as {self._suffix}.")
        cut = CutFrame(frame.index, frame.time_s, pixels_sha256(frame.image), f"{frame.index:06d}{self._suffix}")
        try:
            (self._part / cut.name).write_bytes(data.tobytes())
        except OSError as error:
            raise self._trouble(error) from error
        self.frames.append(cut)
        return cut

    def keep_only(self, kept: Iterable[CutFrame]) -> None:
        """Drop all other frames."""
        names = {f.name for f in kept}
        for frame in self.frames:
            if frame.name not in names:
                (self._part / frame.name).unlink()
        self.frames = [f for f in self.frames if f.name in names]

    def __enter__(self) -> Self:
        if self.folder.exists() and not (self.folder / INDEX).is_file():
            raise OutputError(f"{self.folder} holds something else.", "Choose another --work folder, or remove it.")
        try:
            if self._part.exists():
                shutil.rmtree(self._part)
            self._part.mkdir(parents=True)
        except OSError as error:
            raise self._trouble(error) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is not None:
                shutil.rmtree(self._part)
                return
            self._write_index()
            if self.folder.exists():
                shutil.rmtree(self.folder)
            self._part.replace(self.folder)
        except OSError as problem:
            raise self._trouble(problem) from problem

    def _write_index(self) -> None:
        rows: list[dict[str, object]] = [{"schema": SCHEMA, "video": self._video.name}]
        for f in self.frames:
            rows.append({"index": f.index, "time_s": f.time_s, "file": f.name, "pixels_sha256": f.pixels_sha256})
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (self._part / INDEX).write_text(text, encoding="utf-8")

    def _trouble(self, error: OSError) -> OutputError:
        return OutputError(f"{self.folder} cannot be written: {error.strerror or error}.", "Is the disk full or gone?")


def pixels_sha256(image: Image) -> str:
    """SHA-256 of a picture's size and BGR pixels: the same in every container, another after every conversion."""
    digest = hashlib.sha256("x".join(str(n) for n in image.shape).encode())
    digest.update(np.ascontiguousarray(image).data)
    return digest.hexdigest()


def read_hashes(path: Path) -> Mapping[int, str]:
    """Hashes by frame index, from the `cut.jsonl` of an earlier cut.

    Raises:
        FormatError: it cannot be read, or is none.
    """
    try:
        head, *rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        require_schema(head, SCHEMA, str(path))
        return {int(row["index"]): str(row["pixels_sha256"]) for row in rows}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FormatError(f"{path} lists no frames with hashes ({error}).", "Name the cut.jsonl of a cut.") from error


def require_same(frame: DecodedFrame, expected: Mapping[int, str], video: Path) -> None:
    """Check that a frame is the picture that was labelled, where its hash is known.

    Raises:
        FormatError: it is another.
    """
    known = expected.get(frame.index)
    if known is None:
        return
    found = pixels_sha256(frame.image)
    if known != found:
        raise FormatError(
            f"Frame {frame.index} of {video} is not the picture that was labelled: the SHA-256 of its pixels is "
            f"{found[:12]}..., not {known[:12]}...",
            "The video was cut or converted; use the file that was labelled.",
        )
