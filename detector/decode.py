"""Reading a finished video frame by frame, for labels that count frames: every index is counted, none is calculated.

The pixels are those that the live path shows (`app.capture`): a test compares them. Here a video must be whole: where a
picture in the middle is damaged, the count behind it is no longer certain, and reading ends with an error.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import math
import os
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import av.error
import numpy as np
import numpy.typing as npt
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from detector.errors import SourceError
from detector.geometry import Size

Image = npt.NDArray[np.uint8]
Wanted = Collection[int] | int | Callable[[int, float], bool]

VIDEO_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".wmv", ".asf", ".mxf"}
)
# Without this list FFmpeg reads a text file as a picture of its letters, and a play list as whatever it points to.
FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,m4v,h264,hevc,vvc,av1,obu,ivf,asf,flv,mxf,ogg,nut,"
    "dv,wtv,rm,gif,mjpeg,mjpeg_2000,yuv4mpegpipe,vob,live_flv"
)
# Only for these does a packet that gives no picture mean a loss: VP8 has packets that are never shown, and MPEG-4 in
# AVI packs two pictures into one.
ONE_PICTURE_PER_PACKET = frozenset(
    {"h264", "hevc", "vvc", "mpeg1video", "mpeg2video", "mjpeg", "prores", "dnxhd", "ffv1", "vp9", "rawvideo", "png"}
)
_MOST_REFUSALS = 64
_USUAL_RATE = Fraction(25)


class DecodedFrame(NamedTuple):
    """One frame of a video.

    Attributes:
        index: counted from 0 over the frames that were decoded.
        pts: media time in ticks of the stream's time base; placed one interval after the frame before where the
            container has none.
        time_s: the same in seconds.
        image: BGR uint8 (H, W, 3).
    """

    index: int  # type: ignore[assignment]  # hides a method of tuple that nobody calls on a frame
    pts: int
    time_s: float
    image: Image


@dataclass(slots=True)
class DecodeTally:
    """What one pass over a video has met; filled while it runs.

    Attributes:
        count: frames decoded so far; once the pass is through, how many the video holds.
        size: of the pictures; None before the first.
        time_base: seconds per tick of every pts; None before the first.
        lost_at_end: why the last packets gave no picture (a recording that was cut off); empty if nothing was lost.
    """

    count: int = 0
    size: Size | None = None
    time_base: Fraction | None = None
    lost_at_end: str = ""


def decode_frames(
    video: Path, wanted: Wanted = 1, tally: DecodeTally | None = None, *, whole: bool = True
) -> Iterator[DecodedFrame]:
    """Decode a video from its first frame and give out those that are wanted, in order.

    Args:
        video: the file.
        wanted: indices; or a step (1: every frame); or a function of index and time in seconds, which is asked once
            for each frame. Frames that are not wanted are decoded, but not converted.
        tally: is filled on the way.
        whole: go on to the end, so that `tally.count` is the video's; False stops after the last wanted index, where
            `wanted` is a collection.

    Raises:
        SourceError: the file is missing, no video, or damaged before its end.
    """
    tally = tally if tally is not None else DecodeTally()
    tally.count, tally.size, tally.lost_at_end = 0, None, ""
    last = max(wanted, default=-1) if isinstance(wanted, Collection) and not whole else math.inf
    choose = _chooser(wanted)
    with opened_video(video) as (container, stream):
        reformatter = VideoReformatter()
        clock = Clock(stream)
        tally.time_base = clock.base
        try:
            for item in _pictures(container, stream):
                if isinstance(item, str):
                    tally.lost_at_end = tally.lost_at_end or f"behind frame {tally.count - 1}: {item}"
                    continue
                if tally.lost_at_end:
                    raise SourceError(
                        f"{video} is damaged {tally.lost_at_end}; it cannot be said which frame is which after that.",
                        "Copy or convert it again, or cut it before the damage and label it anew.",
                    )
                index, pts = tally.count, clock.place(item.pts)
                tally.count += 1
                tally.size = tally.size or _size(item)
                time_s = float(pts * clock.base)
                if choose(index, time_s):
                    yield DecodedFrame(index, pts, time_s, to_bgr(item, reformatter))
                if index >= last:
                    return
        except (av.error.FFmpegError, OSError) as error:
            raise SourceError(f"{video} cannot be read: {_reason(error)}.", "Check the drive or network.") from error
    if not tally.count:
        raise SourceError(f"{video} holds no picture that can be decoded.", "Copy or record it again.")


def count_packets(video: Path) -> int:
    """How many pictures the container holds, without decoding them: quick, and right for a video that is whole.

    Raises:
        SourceError: the file is missing or no video.
    """
    with opened_video(video) as (container, stream):
        try:
            return sum(
                1 for packet in packets_of(container, stream) if isinstance(packet, Packet) and not packet.is_discard
            )
        except (av.error.FFmpegError, OSError) as error:
            raise SourceError(f"{video} cannot be read: {_reason(error)}.", "Check the drive or network.") from error


def to_bgr(frame: VideoFrame, reformatter: VideoReformatter) -> Image:
    """A decoded picture as BGR, by the matrix and range it is tagged with; untagged is BT.601 in limited range.

    BT.601 is what FFmpeg and OpenCV take, and so what such files were seen with by every tool before. The live path
    uses this function, too, so that a model is trained on the pixels that it will see. The caller keeps the
    reformatter: setting it up costs as much as the conversion.
    """
    image = reformatter.reformat(frame, format="bgr24", threads=1).to_ndarray()
    if frame.rotation % 360:
        image = np.rot90(image, round(frame.rotation / 90))
    return np.ascontiguousarray(image, dtype=np.uint8)


def _size(frame: VideoFrame) -> Size:
    upright = round(frame.rotation / 90) % 2 == 0
    return Size(frame.width, frame.height) if upright else Size(frame.height, frame.width)


def _chooser(wanted: Wanted) -> Callable[[int, float], bool]:
    if callable(wanted):
        return wanted
    if isinstance(wanted, int):
        if wanted < 1:
            raise ValueError(f"a step is at least 1, not {wanted}")
        step = wanted
        return lambda index, _: index % step == 0
    indices = wanted if isinstance(wanted, range) else frozenset(wanted)
    return lambda index, _: index in indices


class Clock:
    """Places time stamps on an axis that never runs backwards, as `app.capture.timeline` does."""

    def __init__(self, stream: VideoStream) -> None:
        self.base = stream.time_base or Fraction(1, 90_000)
        rate = stream.average_rate or stream.guessed_rate or _USUAL_RATE
        self._step = max(1, round(1 / (rate * self.base)))
        self._shift = 0
        self._last: int | None = None

    def place(self, pts: int | None) -> int:
        """Ticks of the next picture; None: its container does not say."""
        if pts is None:
            ticks = 0 if self._last is None else self._last + self._step
        else:
            ticks = pts + self._shift
            if self._last is not None and ticks < self._last:
                self._shift = self._last + self._step - pts
                ticks = pts + self._shift
        self._last = ticks
        return ticks


@contextlib.contextmanager
def opened_video(video: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """A video file and its stream of pictures, open for reading.

    Raises:
        SourceError: the file is missing or no video.
    """
    if not video.is_file():
        raise SourceError(f"{video} does not exist or is not a file.", "Check the spelling.")
    options = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}
    try:
        # "file:" keeps a name such as "a:b.mp4" from being taken for an address.
        container = av.open("file:" + os.fspath(video), options=options)
    except (av.error.FFmpegError, OSError) as error:
        raise SourceError(
            f"{video} is not a video that can be read: {_reason(error)}.", "Copy it again, or convert it to MP4."
        ) from error
    with container:
        streams = [s for s in container.streams.video if not s.disposition & av.stream.Disposition.attached_pic]
        if not streams or streams[0].codec_context is None:
            raise SourceError(f"{video} holds no video that can be decoded.", "Convert it to H.264.")
        streams[0].thread_type = "AUTO"
        yield container, streams[0]


def packets_of(container: InputContainer, stream: VideoStream) -> Iterator[Packet[VideoStream] | str]:
    """Packets as they lie in the file, and in their place a word on what the container could not read."""
    refused = 0
    while refused < _MOST_REFUSALS:
        try:
            for packet in container.demux(stream):
                if packet.size == 0 and packet.dts is None and packet.pts is None:
                    return
                refused = 0
                yield packet
        except av.error.InvalidDataError:
            refused += 1
            yield "the file cannot be read on"
        else:
            return


def _pictures(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame | str]:
    """Sound pictures, and a word for each sign of damage. What comes before the first sound picture is left out."""
    codec = stream.codec_context
    accounts = _Accounts(stream)
    started = False
    for packet in itertools.chain(packets_of(container, stream), (None,)):
        if isinstance(packet, str):
            if started:
                yield packet
            continue
        if packet is not None:
            accounts.promise(packet)
        try:
            frames = codec.decode(packet)
        except av.error.InvalidDataError:
            frames = []
            if started:
                yield "a packet could not be decoded"
        except av.error.EOFError:
            frames = []
        for frame in frames:
            missing = accounts.missing(frame)
            if not started and frame.is_corrupt:
                continue
            if started and missing:
                yield "a packet gave no picture"
            started = True
            yield "the decoder reports damage" if frame.is_corrupt else frame
    if started and accounts.outstanding():
        yield "a packet gave no picture"


class _Accounts:
    """Which pictures packets have promised, by their times."""

    def __init__(self, stream: VideoStream) -> None:
        self._kept = stream.codec_context.name in ONE_PICTURE_PER_PACKET
        rate = stream.average_rate or stream.guessed_rate
        self._interval = float(1 / (rate * stream.time_base)) if rate and stream.time_base else 0.0
        self._promised: list[int] = []
        self._field_end = -math.inf

    def promise(self, packet: Packet[VideoStream]) -> None:
        if self._kept and packet.pts is not None and not packet.is_discard:
            heapq.heappush(self._promised, packet.pts)

    def missing(self, frame: VideoFrame) -> bool:
        """Whether a picture should have come before this one."""
        if frame.pts is None:
            return False
        lacking = self._settle(frame.pts)
        # The second field of an interlaced picture may come in a packet of its own.
        self._field_end = frame.pts + 0.75 * self._interval if frame.interlaced_frame else -math.inf
        return lacking

    def outstanding(self) -> bool:
        """Whether pictures have never come, at the end."""
        return self._settle(math.inf)

    def _settle(self, until: float) -> bool:
        lacking = False
        while self._promised and self._promised[0] <= until:
            pts = heapq.heappop(self._promised)
            lacking |= pts != until and pts > self._field_end
        return lacking


def _reason(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError | av.error.FFmpegError) else None
    return text or type(error).__name__
