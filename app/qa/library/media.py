"""What the header of a foreign video, a DICOM file or an image sequence says: size, length, how many pictures."""

from __future__ import annotations

import io
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
import av.error

from app.capture.images import SUFFIXES as IMAGE_SUFFIXES
from app.dicom.reading import open_dicom_video
from app.qa.library.walk import Found
from detector.decode import FORMATS
from detector.errors import FormatError, SourceError

if TYPE_CHECKING:
    from app.qa.library.facts import Facts

NOMINAL_RATE = 25
"""Pictures a second of an image sequence, which has no times of its own."""
_BEGIN_BYTES = 1024


def video_facts(facts: Facts, found: Found, video: Path | None = None) -> None:
    """Fill in what the container claims; a DICOM file that is no video is not listed.

    Raises:
        SourceError: it is no video, or cut off at its beginning.
        UsageError: pydicom is not installed.
    """
    path = video or found.path
    if found.kind != "dicom":
        try:
            _container(facts, path, str(path))
        except SourceError:
            facts.listed = not _is_text(path)
            raise
        return
    try:
        dicom = open_dicom_video(path)
    except FormatError as error:
        facts.listed = "no video" not in error.what  # a snapshot
        raise
    with closing(dicom.open_stream()) as stream:
        _container(facts, path, stream)
    facts.frames = dicom.count or facts.frames
    facts.width, facts.height = dicom.size.width, dicom.size.height


def image_facts(facts: Facts, found: Found) -> None:
    """Fill in what the names say, and the first image.

    Raises:
        SourceError: the first image cannot be read.
    """
    images = [path for path in found.files if path.suffix.lower() in IMAGE_SUFFIXES]
    facts.frames, facts.counted = len(images), True
    facts.length_s = len(images) / NOMINAL_RATE
    if images:
        _container(facts, images[0], str(images[0]), still=True)


def _is_text(path: Path) -> bool:
    """`.ts` is also the ending of translations and of programs."""
    with path.open("rb") as file:
        begin = file.read(_BEGIN_BYTES)
    return path.suffix.lower() == ".ts" and bool(begin) and all(byte >= 9 for byte in begin)


def _container(facts: Facts, path: Path, source: str | io.RawIOBase, *, still: bool = False) -> None:
    # Whatever a file claims to be, nothing but the file itself is opened, and nothing of the network.
    options = {"protocol_whitelist": "file"} if isinstance(source, str) else {}
    options |= {} if still else {"format_whitelist": FORMATS}
    try:
        with av.open(source, "r", options=options) as container:
            stream = container.streams.video[0]
            facts.width, facts.height = stream.codec_context.width or None, stream.codec_context.height or None
            if still or facts.frames is not None:
                return
            length_s = _length_s(container, stream)
            facts.length_s = length_s
            rate = stream.average_rate or stream.base_rate
            facts.frames = stream.frames or (round(length_s * rate) if length_s and rate else None)
    except (av.error.FFmpegError, OSError, IndexError) as error:
        words = "it holds no video" if isinstance(error, IndexError) else getattr(error, "strerror", None) or error
        raise SourceError(f"{path.name} cannot be opened: {words}.", "Is it a video, and copied whole?") from error


def _length_s(container: av.container.InputContainer, stream: av.video.stream.VideoStream) -> float | None:
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    if container.duration:
        return float(Fraction(container.duration, av.time_base))
    return None
