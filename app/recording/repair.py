"""Gives a video that was cut off its end: an index and a duration. Its pictures are copied, never encoded again."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import av.error
from av.packet import Packet
from av.video.stream import VideoStream

from app.recording.mark import sync_folder
from app.recording.video_file import CONTAINER_OPTIONS

_LOG = logging.getLogger(__name__)
_COPY_SUFFIX = ".repairing"
_MARGIN_BYTES = 64_000_000  # left free while a copy is made
_TORN_BYTES = 8_000_000  # no crash tears off more; what lacks more may be behind something that could not be read


class NotRepaired(Exception):
    """Why a video could not be repaired, in words; it is as it was."""


class Unreadable(NotRepaired):
    """Not one picture of it can be read."""


class Stopped(NotRepaired):
    """Somebody needs the folder."""


@dataclass(frozen=True, slots=True)
class Repaired:
    """A video that is whole.

    Attributes:
        times_s: when each picture is shown, in seconds from the start of the file, ascending.
        was_cut: whether it had to be written anew.
    """

    times_s: tuple[float, ...]
    was_cut: bool


def repaired(video: Path, stop: Callable[[], bool] = lambda: False) -> Repaired:
    """Make a video whole. The old file is there until the new one is on the disk and holds as many pictures.

    Args:
        video: an MKV of the recorder.
        stop: asked often; True ends the work and leaves all as it was.

    Raises:
        NotRepaired: it could not be, with the reason.
    """
    try:
        with _opened(video) as container:
            was_cut = container.duration is None
            times = tuple(sorted(float(p.pts * p.time_base) for p in _packets(container, stop) if p.pts is not None))
    except (OSError, av.error.FFmpegError) as error:
        raise Unreadable(f"{video.name} cannot be read ({_reason(error)})") from error
    if not times:
        raise Unreadable(f"{video.name} holds no picture")
    if not was_cut:
        return Repaired(times, was_cut=False)
    if shutil.disk_usage(video.parent).free < video.stat().st_size + _MARGIN_BYTES:
        raise NotRepaired(f"the disk has no room for repairing {video.name}")
    beside = video.with_name(video.name + _COPY_SUFFIX)
    try:
        _copy(video, beside, stop)
        with _opened(beside) as container:
            kept = sum(1 for _ in _packets(container, stop))
        if kept != len(times):
            raise NotRepaired(f"{video.name} holds {len(times)} pictures, and its copy {kept}")
        _sync(beside)
        if video.stat().st_size - beside.stat().st_size > _TORN_BYTES:
            _keep_damaged(video)
        beside.replace(video)
        sync_folder(video.parent)
    except (OSError, av.error.FFmpegError) as error:
        raise NotRepaired(f"{video.name} could not be repaired ({_reason(error)})") from error
    finally:
        beside.unlink(missing_ok=True)
    return Repaired(times, was_cut=True)


@contextlib.contextmanager
def _opened(video: Path) -> Iterator[av.container.InputContainer]:
    container = av.open("file:" + os.fspath(video), format="matroska")
    try:
        if not container.streams.video:
            raise Unreadable(f"{video.name} holds no video")
        yield container
    finally:
        container.close()


def _packets(container: av.container.InputContainer, stop: Callable[[], bool]) -> Iterator[Packet[VideoStream]]:
    """What can be read from the beginning on; a torn end is left out."""
    packets = container.demux(container.streams.video[0])
    while True:
        if stop():
            raise Stopped("the folder is needed")
        try:
            packet = next(packets)
        except (StopIteration, av.error.EOFError, av.error.InvalidDataError, av.error.OSError):
            return
        if packet.size == 0 or packet.is_corrupt:
            return
        yield packet


def _copy(video: Path, beside: Path, stop: Callable[[], bool]) -> None:
    with (
        _opened(video) as source,
        av.open(str(beside), "w", format="matroska", options=CONTAINER_OPTIONS[".mkv"]) as target,
    ):
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in _packets(source, stop):
            packet.stream = stream
            target.mux(packet)


def _keep_damaged(video: Path) -> None:
    """Give the old file another name: it holds more than could be read, and is the only one that does."""
    aside = video.with_name(f"{video.stem}.damaged.mkv")
    if aside.exists():
        return
    try:
        os.link(video, aside)
    except OSError:  # no disk of ours, but a stick's: two names of one file are unknown there
        video.rename(aside)
    _LOG.warning("%s holds more than could be read and is kept as %s", video.name, aside.name)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0))
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
