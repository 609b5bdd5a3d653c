"""Where the pictures of a segment come from: a video file, the video inside a DICOM file, or single images."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import av
import av.error
import cv2
import numpy as np
import numpy.typing as npt
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from app.capture.images import load_image, quiet_opencv
from detector.decode import FORMATS, opened_video, packets_of
from detector.errors import SourceError
from detector.geometry import Size

if TYPE_CHECKING:
    from app.dicom.reading import DicomVideo

NOMINAL_RATE = Fraction(25)
"""Pictures a second of what has no times of its own."""
_MOST_PACKETS = 2000  # before the first picture that can be decoded


@dataclass(frozen=True, slots=True)
class Look:
    """What a container says of its video, which may be wrong.

    Attributes:
        size: of the pictures, upright.
        rate: pictures a second.
        duration_s: 0 if it does not say.
        count: pictures; 0 if it does not say.
        codec: FFmpeg's name.
        time_base: seconds per tick of its times.
    """

    size: Size
    rate: Fraction
    duration_s: float
    count: int
    codec: str
    time_base: Fraction


class VideoMedium:
    """A video file.

    Args:
        path: the file.
        own: written by our recorder: what the container says of its size is so.
        dicom: the video is inside this DICOM file.
    """

    def __init__(self, path: Path, *, own: bool = False, dicom: DicomVideo | None = None) -> None:
        self.path = path
        self.own = own
        self._dicom = dicom

    @property
    def is_dicom(self) -> bool:
        """Whether the video is inside a DICOM file."""
        return self._dicom is not None

    @contextlib.contextmanager
    def opened(self) -> Iterator[tuple[InputContainer, VideoStream]]:
        """The container and its stream of pictures.

        Raises:
            SourceError: the file is missing or no video.
        """
        if self._dicom is None:
            with opened_video(self.path) as pair:
                yield pair
            return
        with contextlib.closing(self._dicom.open_stream()) as file:
            try:
                container = av.open(file, "r", options={"format_whitelist": FORMATS})
            except (av.error.FFmpegError, OSError) as error:
                raise SourceError(f"The video in {self.path} cannot be read: {error}.", "Export it again.") from error
            with container:
                if not container.streams.video or container.streams.video[0].codec_context is None:
                    raise SourceError(f"{self.path} holds no video that can be decoded.", "Export it again.")
                container.streams.video[0].thread_type = "AUTO"
                yield container, container.streams.video[0]

    @cached_property
    def look(self) -> Look:
        """What the container says; the size of a foreign video is that of its first picture.

        Raises:
            SourceError: the file is missing, no video, or holds no picture that can be decoded.
        """
        with self.opened() as (container, stream):
            base = stream.time_base or Fraction(1, 90_000)
            duration_s = float(stream.duration * base) if stream.duration else (container.duration or 0) / av.time_base
            rate = stream.average_rate or stream.guessed_rate or NOMINAL_RATE
            codec = stream.codec_context
            size = Size(codec.width, codec.height) if self.own and codec.width else self._first_size(container, stream)
            return Look(size, Fraction(rate), max(0.0, duration_s), max(0, stream.frames), codec.name, base)

    def count(self) -> int:
        """How many pictures the packets promise; reads the whole file.

        Raises:
            SourceError: it cannot be read.
        """
        with self.opened() as (container, stream):
            return sum(isinstance(p, Packet) and not p.is_discard for p in packets_of(container, stream))

    def _first_size(self, container: InputContainer, stream: VideoStream) -> Size:
        for number, packet in enumerate(packets_of(container, stream)):
            if number > _MOST_PACKETS:
                break
            with contextlib.suppress(av.error.InvalidDataError):
                for frame in stream.codec_context.decode(packet) if isinstance(packet, Packet) else ():
                    upright = round(frame.rotation / 90) % 2 == 0
                    return Size(frame.width, frame.height) if upright else Size(frame.height, frame.width)
        with contextlib.suppress(av.error.InvalidDataError, av.error.EOFError):
            for frame in stream.codec_context.decode(None):
                return Size(frame.width, frame.height)
        raise SourceError(f"{self.path} holds no picture that can be decoded.", "Copy or record it again.")


class ImageMedium:
    """A folder of images in natural order, or one image.

    Args:
        path: the folder or image.
        files: the images.
        rate: declared pictures a second: images have no times.
    """

    is_dicom = False
    own = False

    def __init__(self, path: Path, files: tuple[Path, ...], rate: Fraction = NOMINAL_RATE) -> None:
        self.path = path
        self.files = files
        self.rate = rate

    @cached_property
    def look(self) -> Look:
        """The size is that of the first image that can be decoded.

        Raises:
            SourceError: none can.
        """
        quiet_opencv()
        for file in self.files:
            image = load_image(file)
            if not isinstance(image, str):
                count = len(self.files)
                return Look(Size.of(image), self.rate, float(count / self.rate), count, "images", 1 / self.rate)
        raise SourceError(f"{self.path} holds no image that can be decoded.", "Look at the files.")

    def load(self, index: int) -> npt.NDArray[np.uint8] | str:
        """An image as BGR uint8 (H, W, 3), or why it cannot be decoded."""
        return load_image(self.files[index])


Medium = VideoMedium | ImageMedium


def is_dicom(path: Path) -> bool:
    """Whether a file is DICOM, by its mark (PS3.10 7.1)."""
    try:
        with path.open("rb") as file:
            return file.read(132)[128:] == b"DICM"
    except OSError:
        return False


def dicom_medium(path: Path) -> VideoMedium:
    """The video inside a DICOM file.

    Raises:
        UsageError: pydicom is not installed.
        SourceError: the file cannot be read.
        FormatError: it is DICOM without video in it, or cut off.
    """
    from app.dicom.reading import open_dicom_video

    return VideoMedium(path, dicom=open_dicom_video(path))


def small(image: npt.NDArray[np.uint8], width: int) -> npt.NDArray[np.uint8]:
    """A picture made at most ``width`` pixels wide, its aspect kept."""
    if image.shape[1] <= width:
        return image
    height = max(1, round(image.shape[0] * width / image.shape[1]))
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
