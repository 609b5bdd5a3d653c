"""What goes wrong when a video or stream is opened, in words that the user can act on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av

from detector.errors import SourceError

_BOX_HEADER = 8


def missing_path(path: Path) -> SourceError | None:
    """The error for a path that cannot be opened at all, or None."""
    try:
        if not path.exists():
            parent = path.parent
            hint = "Check the spelling." if parent.is_dir() else f"There is no folder {parent} either."
            return SourceError(f"{path} does not exist.", hint)
        if path.is_file() and path.stat().st_size == 0:
            return SourceError(f"{path} is empty (0 bytes).", "Copy or record it again.")
    except OSError as error:
        return SourceError(f"{path} cannot be reached: {error.strerror}.", "Check the drive or network share.")
    return None


def video_error(error: Exception, path: Path) -> SourceError:
    """Why the file at ``path`` cannot be opened as a video."""
    if isinstance(error, PermissionError):
        return SourceError(f"{path} may not be read.", "Ask for the right to read it, or copy it to your own folder.")
    if isinstance(error, FileNotFoundError):
        return SourceError(f"{path} does not exist.", "Check the spelling.")
    # ArgumentError is what FFmpeg says to formats outside the list of those that are wanted.
    if isinstance(error, av.error.InvalidDataError | av.error.ArgumentError):
        if _lacks_index(path):
            return SourceError(
                f"{path} is not a complete video: its index (moov) is missing, so it was cut off while being recorded "
                "or copied.",
                "Copy it again, or repair it with the program that recorded it.",
            )
        return SourceError(
            f"{path} is not a video that can be read.",
            "Videos are MP4, MOV, MKV, WebM, AVI, MPEG or TS files; for images, name the image or their folder.",
        )
    return SourceError(f"{path} cannot be opened: {reason(error)}.", "Check the file, drive or network share.")


def stream_error(error: Exception, label: str, waited_s: float) -> SourceError:
    """Why the stream shown as ``label`` cannot be opened. Never quotes the address, which may hold a password."""
    if isinstance(error, (av.error.ExitError, TimeoutError)):
        return SourceError(
            f"{label} sent no picture within {waited_s:g} s.",
            "Check that the sender runs, the address and port, and that no firewall is in the way.",
        )
    if isinstance(error, av.error.HTTPUnauthorizedError | av.error.HTTPForbiddenError):
        return SourceError(f"{label} refuses the user name or password.", "Write them as rtsp://NAME:PASSWORD@HOST/...")
    if isinstance(error, av.error.HTTPNotFoundError):
        return SourceError(f"{label} does not exist on that server.", "Check the part of the address after the host.")
    if isinstance(error, ConnectionRefusedError):
        return SourceError(f"{label} refuses the connection.", "Check that the sender runs, and its port.")
    if isinstance(error, av.error.ProtocolNotFoundError):
        return SourceError(
            f"{label} uses a protocol that this installation cannot read.", "Use rtsp, udp, rtp, tcp, http or https."
        )
    if isinstance(error, av.error.InvalidDataError):
        return SourceError(f"{label} sends something that is not video.", "Check the address and the sender's format.")
    return SourceError(f"{label} cannot be opened: {reason(error)}.", "Check the address and the network.")


def reason(error: Exception) -> str:
    """What the layer below says, without names and addresses."""
    text = error.strerror if isinstance(error, OSError | av.error.FFmpegError) else None
    return text or type(error).__name__


def is_cut_short(path: Path) -> bool:
    """Whether the file is an MP4 or MOV of which a part, at the latest the last, is announced longer than it is."""
    try:
        return any(not complete for _, complete in _boxes(path))
    except OSError:
        return False


def _lacks_index(path: Path) -> bool:
    """Whether the file is an MP4 or MOV whose list of samples (the moov box) is not there or cut short."""
    try:
        boxes = list(_boxes(path))
    except OSError:
        return False
    return bool(boxes) and (b"moov", True) not in boxes


def _boxes(path: Path) -> Iterator[tuple[bytes, bool]]:
    """Kind and completeness of each outermost box; none if the file is no MP4 or MOV."""
    size, at = path.stat().st_size, 0
    with path.open("rb") as file:
        while at + _BOX_HEADER <= size:
            file.seek(at)
            header = file.read(16)
            kind, length = header[4:8], int.from_bytes(header[:4], "big")
            if at == 0 and kind not in (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide"):
                return
            if length == 1:
                length = int.from_bytes(header[8:16], "big")
            elif length == 0:  # to the end of the file
                length = size - at
            yield kind, length >= _BOX_HEADER and at + length <= size
            if length < _BOX_HEADER:
                return
            at += length
