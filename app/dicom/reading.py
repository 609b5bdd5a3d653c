"""DICOM video as pictures again: the encapsulated stream is read where it lies, without a copy of it.

Any encapsulated H.264, H.265 or MPEG-2 in MP4 or TS, in one fragment or in several (PS3.5 8.2.5 to 8.2.11).
"""

from __future__ import annotations

import bisect
import contextlib
import io
import itertools
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import av.error
from av.video.reformatter import VideoReformatter

from app.dicom.modules import require_pydicom
from detector.decode import FORMATS, DecodedFrame, to_bgr
from detector.errors import FormatError, SourceError
from detector.geometry import Size

if TYPE_CHECKING:
    from pydicom import Dataset

_ITEM, _END = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"
_PIXEL_DATA = b"\xe0\x7f\x10\x00"
_VIDEO_SYNTAXES = "1.2.840.10008.1.2.4.10"  # .100 to .108, with and without .1


class FragmentFile(io.RawIOBase):
    """A part of a file, or several behind one another, as a file that is read and sought.

    Args:
        path: the file.
        fragments: begin and length of each part, in bytes.
    """

    def __init__(self, path: Path, fragments: tuple[tuple[int, int], ...]) -> None:
        super().__init__()
        self._file = path.open("rb")
        self._begins = [begin for begin, _ in fragments]
        # Where each part begins in the joined file, and the end of all.
        self._at = [0, *itertools.accumulate(length for _, length in fragments)]
        self._position = 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Position in the joined file."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Move in the joined file."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._at[-1]}[whence]
        if start + offset < 0:
            raise ValueError("a position before the begin")
        self._position = start + offset
        return self._position

    def readinto(self, buffer: Any, /) -> int:
        """Read on, at most to the end of a part."""
        if self._position >= self._at[-1]:
            return 0
        part = bisect.bisect_right(self._at, self._position) - 1
        inside = self._position - self._at[part]
        view = memoryview(buffer).cast("B")[: self._at[part + 1] - self._position]
        self._file.seek(self._begins[part] + inside)
        count = self._file.readinto(view)
        self._position += count
        return count

    def close(self) -> None:
        """Close the file below, too."""
        self._file.close()
        super().close()


@dataclass(frozen=True, slots=True)
class DicomVideo:
    """A DICOM video that was looked at.

    Attributes:
        path: the file.
        size: of the pictures, as the data set says.
        count: how many, likewise.
        times_ms: of each picture from the first, where there is a Frame Time Vector; empty otherwise.
        frame_time_ms: between two pictures; None if there is a vector, or nothing.
        syntax: transfer syntax UID.
        fragments: begin and length in bytes of each part of the stream.
    """

    path: Path
    size: Size
    count: int
    times_ms: tuple[float, ...]
    frame_time_ms: float | None
    syntax: str
    fragments: tuple[tuple[int, int], ...]

    def open_stream(self) -> FragmentFile:
        """The MP4 or TS inside, to be read and closed."""
        return FragmentFile(self.path, self.fragments)


def open_dicom_video(path: Path) -> DicomVideo:
    """Look at a DICOM video; decodes nothing.

    Raises:
        UsageError: pydicom is not installed.
        SourceError: the file cannot be read or is no DICOM.
        FormatError: it is DICOM without video in it, or cut off.
    """
    require_pydicom()
    from pydicom import dcmread
    from pydicom.errors import InvalidDicomError

    try:
        with path.open("rb") as file:
            data = dcmread(file, stop_before_pixels=True)
            syntax = str(data.file_meta.TransferSyntaxUID)
            if not syntax.startswith(_VIDEO_SYNTAXES):
                raise FormatError(f"{path} is DICOM, but no video (transfer syntax {syntax}).", "Is it the right file?")
            fragments = tuple(_fragments(file, path))
    except InvalidDicomError as error:
        raise SourceError(f"{path} is no DICOM file.", "Is it the right file?") from error
    except (OSError, AttributeError) as error:
        raise SourceError(f"{path} cannot be read: {error}.", "Check the drive, or copy it again.") from error
    return DicomVideo(
        path,
        Size(int(data.Columns), int(data.Rows)),
        int(data.get("NumberOfFrames") or 0),
        _vector(data),
        float(data.FrameTime) if "FrameTime" in data else None,
        syntax,
        fragments,
    )


def decode_dicom_video(video: DicomVideo) -> Iterator[DecodedFrame]:
    """Decode every picture, in order, with its time in the stream.

    Raises:
        SourceError: the stream cannot be decoded.
    """
    with contextlib.closing(video.open_stream()) as file:
        try:
            with av.open(file, "r", options={"format_whitelist": FORMATS}) as container:
                stream = container.streams.video[0]
                stream.thread_type = "AUTO"
                base, reformatter = stream.time_base or Fraction(1, 90_000), VideoReformatter()
                for index, frame in enumerate(container.decode(stream)):
                    pts = frame.pts or 0
                    yield DecodedFrame(index, pts, float(pts * base), to_bgr(frame, reformatter))
        except (av.error.FFmpegError, OSError, IndexError) as error:
            raise SourceError(f"The video in {video.path} cannot be decoded: {error}.", "Export it again.") from error


def count_pictures(video: DicomVideo) -> int:
    """How many pictures the stream holds, without decoding them.

    Raises:
        SourceError: the stream cannot be read.
    """
    with contextlib.closing(video.open_stream()) as file:
        try:
            with av.open(file, "r", options={"format_whitelist": FORMATS}) as container:
                return sum(1 for packet in container.demux(container.streams.video[0]) if packet.size)
        except (av.error.FFmpegError, OSError, IndexError) as error:
            raise SourceError(f"The video in {video.path} cannot be read: {error}.", "Export it again.") from error


def _vector(data: Dataset) -> tuple[float, ...]:
    if "FrameTimeVector" not in data:
        return ()
    steps = data.FrameTimeVector
    # One value comes without a list around it.
    values = [steps] if isinstance(steps, int | float | str) else list(steps)
    return tuple(itertools.accumulate(float(step) for step in values))


def _fragments(file: Any, path: Path) -> Iterator[tuple[int, int]]:
    """Begin and length of each fragment; the file stands at Pixel Data (explicit VR: all these syntaxes are)."""
    head = file.read(12)
    if head[:4] != _PIXEL_DATA or head[8:] != b"\xff\xff\xff\xff":
        raise FormatError(f"{path} holds no encapsulated video.", "Is it the right file?")
    end = os.fstat(file.fileno()).st_size
    for number in itertools.count():
        item = file.read(8)
        if item[:4] == _END:
            return
        if len(item) < 8 or item[:4] != _ITEM:
            raise FormatError(f"{path} is cut off or damaged.", "Copy it again.")
        (length,) = struct.unpack("<I", item[4:])
        begin = file.tell()
        if begin + length > end:
            raise FormatError(f"{path} is cut off or damaged.", "Copy it again.")
        if number > 0:  # the first item is the Basic Offset Table
            yield begin, length
        file.seek(length, os.SEEK_CUR)
