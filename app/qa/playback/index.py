"""Which pictures a video holds, in the order of showing: counted, never calculated from a rate.

Where each packet gives one picture the packets are counted, and begin and end are decoded: what comes before the first
key frame and what was cut off at the end gives no picture and has no index. Other codecs (VP8 with hidden frames,
MPEG-4 that packs two pictures into one packet, fields in packets of their own) are decoded from end to end. Either way
picture `i` is the one that `detector.decode.decode_frames` numbers `i`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from operator import attrgetter

import av
import av.error
import numpy as np
import numpy.typing as npt
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from app.qa.cache import Kept
from app.qa.playback.media import ImageMedium, Medium, VideoMedium
from app.qa.progress import Stop, go_on
from detector.decode import ONE_PICTURE_PER_PACKET, Clock, packets_of
from detector.errors import SourceError
from detector.sidecar import RecordedFrame

_KIND, _FORM = "index", 2
_CAPTURE, _CAPTURED_NS, _TIME = map(attrgetter, ("capture_index", "captured_ns", "time_s"))
_MILLISECOND = Fraction(1, 1000)
_HEAD_PICTURES, _HEAD_PACKETS, _TAIL_PICTURES, _TAIL_TRIES = 48, 400, 12, 4
_SOUGHT_BY_PTS = ("matroska", "mov")  # others are sought by the times at which packets are decoded
_TOLD_EVERY = 512  # packets

_COUNTING = "Counting the pictures"
Progress = Callable[[float], None]


@dataclass(frozen=True, slots=True, eq=False)
class VideoIndex:
    """The pictures of a video.

    Attributes:
        labels: int64 (N,), strictly growing: how the decoder marks each picture: its pts, or the dts of its packet
            where the container has no pts.
        times_s: float64 (N,), strictly growing from 0.
        end_s: when the last picture ends.
        keys: int64 (K,), ascending: pictures that can be decoded without any before them; empty if not known.
        entries: int64 (K,): the time to seek to for each key frame, in ticks.
        time_base: seconds per tick of the labels.
        counted: False: expected after the sidecar, and still to be counted.
        seekable: False: labels are mere numbers, and a picture is found by decoding from the begin.
        trouble: what of the file cannot be read or decoded, in words; empty if all can.
    """

    labels: npt.NDArray[np.int64]
    times_s: npt.NDArray[np.float64]
    end_s: float
    keys: npt.NDArray[np.int64]
    entries: npt.NDArray[np.int64]
    time_base: Fraction
    counted: bool = True
    seekable: bool = True
    trouble: str = ""

    def __len__(self) -> int:
        return len(self.labels)

    def of_label(self, label: int) -> int | None:
        """Which picture the decoder means; None if there is none of this label."""
        at = int(np.searchsorted(self.labels, label))
        return at if at < len(self.labels) and self.labels[at] == label else None

    def key_of(self, index: int) -> int:
        """The last key frame up to a picture; the picture itself where key frames are not known."""
        if not len(self.keys):
            return index
        return int(self.keys[max(0, int(np.searchsorted(self.keys, index, side="right")) - 1)])


def image_index(medium: ImageMedium) -> VideoIndex:
    """Of images: each is a key frame, at a nominal rate."""
    count = len(medium.files)
    numbers = np.arange(count, dtype=np.int64)
    times, end_s = numbers / float(medium.rate), float(count / medium.rate)
    return VideoIndex(numbers, times, end_s, numbers, numbers, 1 / medium.rate)


def expected_index(frames: Sequence[RecordedFrame], medium: VideoMedium) -> VideoIndex | None:
    """The index that our own recorder's file must have by its sidecar; None if it cannot be told.

    `app.recording.video_file.VideoFile.put` writes whole milliseconds since the first picture, each at least one more
    than the one before. A copied stream keeps its sender's times.
    """
    base = medium.look.time_base
    untimed = sum(frame.pts is None for frame in frames)
    if base != _MILLISECOND or min(map(_CAPTURE, frames)) < 0 or untimed not in (0, len(frames)):
        return None
    # Where the source has no times the recorder counts from the capture clock's own origin.
    seconds = np.array([*map(_CAPTURED_NS, frames)], np.float64) / 1e9 if untimed else np.array([*map(_TIME, frames)])
    numbers = np.arange(len(frames))
    labels = np.maximum.accumulate(np.rint((seconds - seconds[0]) * 1000).astype(np.int64) - numbers) + numbers
    times = labels / 1000
    none = np.zeros(0, np.int64)
    return VideoIndex(labels, times, end_of(times), none, none, base, counted=False)


def load_index(medium: Medium, kept: Kept) -> VideoIndex | None:
    """The index that was counted earlier; None if there is none.

    Raises:
        SourceError: the file is not there.
    """
    if isinstance(medium, ImageMedium):
        return image_index(medium)
    arrays = kept.arrays(kept.file(_KIND, medium.path, ".npz", _FORM, medium.own))
    if arrays is None:
        return None
    try:
        labels, times, keys, entries = (arrays[name] for name in ("labels", "times_s", "keys", "entries"))
        base = Fraction(int(arrays["base"][0]), int(arrays["base"][1]))
        seekable, trouble = bool(arrays["seekable"]), str(arrays["trouble"])
        return VideoIndex(labels, times, float(arrays["end_s"]), keys, entries, base, True, seekable, trouble)
    except (KeyError, ValueError, IndexError, ZeroDivisionError):
        return None


def count_index(
    medium: Medium, kept: Kept, progress: Progress = lambda _: None, stop: Stop = lambda: False
) -> VideoIndex:
    """Count the pictures of a video, or look up what was counted; reads the whole file.

    Raises:
        SourceError: it cannot be read, or holds no picture.
        Stopped: as was asked for.
    """
    if isinstance(medium, ImageMedium):
        return image_index(medium)
    if (known := load_index(medium, kept)) is not None:
        return known
    index = _by_packets(medium, progress, stop) or _by_decoding(medium, progress, stop)
    progress(1.0)
    if not len(index):
        raise SourceError(f"{medium.path} holds no picture that can be decoded.", "Copy or record it again.")
    base = [index.time_base.numerator, index.time_base.denominator]
    arrays: dict[str, npt.ArrayLike] = {
        "labels": index.labels,
        "times_s": index.times_s,
        "keys": index.keys,
        "entries": index.entries,
    }
    more: dict[str, npt.ArrayLike] = {
        "end_s": index.end_s,
        "base": base,
        "seekable": index.seekable,
        "trouble": index.trouble,
    }
    kept.keep_arrays(kept.file(_KIND, medium.path, ".npz", _FORM, medium.own), arrays | more)
    return index


def end_of(times_s: npt.NDArray[np.float64]) -> float:
    """When the last picture ends: after the usual interval."""
    usual = float(np.median(np.diff(times_s))) if len(times_s) > 1 else 0.04
    return float(times_s[-1]) + max(usual, 1e-3) if len(times_s) else 0.0


def label_of(frame: VideoFrame) -> int | None:
    """How the decoder marks a picture."""
    return frame.pts if frame.pts is not None else frame.dts


# -- by packets -------------------------------------------------------------------------------------------------------


def _by_packets(medium: VideoMedium, progress: Progress, stop: Stop) -> VideoIndex | None:
    """The index after the packets; None where they do not tell."""
    with medium.opened() as (container, stream):
        if stream.codec_context.name not in ONE_PICTURE_PER_PACKET:
            return None
        base = stream.time_base or Fraction(1, 90_000)
        listed = _listed(medium, container, stream, progress, stop)
    if listed is None:
        return None
    trouble = "places in the file cannot be read; what was there is missing" if listed.refused else ""
    if not medium.own:
        begin = _first_sound(medium, listed.labels)
        if begin is None:
            return None
        listed = listed.part(begin, len(listed.labels))
        end = _last_sound(medium, listed)
        if end < len(listed.labels):
            trouble = f"the last {len(listed.labels) - end} pictures of the video cannot be decoded and are left out"
        listed = listed.part(0, end)
    times = (listed.labels - listed.labels[0]) * float(base)
    return VideoIndex(listed.labels, times, end_of(times), *listed.keys(), base, trouble=trouble)


@dataclass(frozen=True, slots=True)
class _Listed:
    """Packets in the order of showing: their times, where a seek finds them, and which are key frames."""

    labels: npt.NDArray[np.int64]
    entries: npt.NDArray[np.int64]
    is_key: npt.NDArray[np.bool_]
    refused: bool = False

    def part(self, begin: int, end: int) -> _Listed:
        return _Listed(self.labels[begin:end], self.entries[begin:end], self.is_key[begin:end], self.refused)

    def keys(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        where = np.flatnonzero(self.is_key).astype(np.int64)
        return where, self.entries[where]


def _listed(
    medium: VideoMedium, container: InputContainer, stream: VideoStream, progress: Progress, stop: Stop
) -> _Listed | None:
    """Each packet; None if times are missing, doubled or run back."""
    length = _length(container, stream)
    by_pts = container.format.name.startswith(_SOUGHT_BY_PTS)
    entries: list[int] = []
    times: list[int] = []
    keys: list[bool] = []
    last_dts: int | None = None
    refused = False
    try:
        for number, packet in enumerate(packets_of(container, stream)):
            if number % _TOLD_EVERY == 0:
                go_on(stop, _COUNTING)
            refused |= not isinstance(packet, Packet)
            if not isinstance(packet, Packet) or packet.is_discard:
                continue
            if packet.pts is None or (packet.dts is not None and last_dts is not None and packet.dts < last_dts):
                return None
            last_dts = packet.dts if packet.dts is not None else last_dts
            times.append(packet.pts)
            entries.append(packet.pts if by_pts or packet.dts is None else packet.dts)
            keys.append(packet.is_keyframe)
            if number % _TOLD_EVERY == 0 and length:
                progress(min(1.0, max(0.0, (packet.pts - times[0]) / length)))
    except (av.error.FFmpegError, OSError) as error:
        raise SourceError(f"{medium.path} cannot be read: {error}.", "Check the drive or network.") from error
    labels = np.array(times, np.int64)
    order = np.argsort(labels, kind="stable")
    labels = labels[order]
    if not len(labels) or np.any(np.diff(labels) <= 0):
        return None
    return _Listed(labels, np.array(entries, np.int64)[order], np.array(keys, np.bool_)[order], refused)


def _first_sound(medium: VideoMedium, labels: npt.NDArray[np.int64]) -> int | None:
    """Where the first picture stands among the packets; None where packets and pictures do not go together."""
    came: list[int] = []
    with medium.opened() as (container, stream):
        for number, frames in enumerate(_decoded(container, stream)):
            for frame in frames:
                if frame.interlaced_frame and stream.codec_context.name != "mjpeg":
                    return None  # the second field may have a packet of its own
                if (label := label_of(frame)) is None:
                    return None
                if came or not frame.is_corrupt:
                    came.append(label)
            if len(came) >= _HEAD_PICTURES or number > _HEAD_PACKETS:
                break
    if not came:
        return None
    first, last = (int(np.searchsorted(labels, label)) for label in (came[0], came[-1]))
    promised = set(labels[first : last + 1].tolist())
    # A few may be missing by damage; where every other packet gives no picture, two make one.
    return first if promised.issuperset(came) and len(promised) <= 1.25 * len(came) else None


def _last_sound(medium: VideoMedium, listed: _Listed) -> int:
    """How many pictures there are before those at the end that cannot be decoded."""
    count = len(listed.labels)
    keys = np.flatnonzero(listed.is_key[: max(1, count - _TAIL_PICTURES)])[::-1]
    for begin in keys[:_TAIL_TRIES].tolist():
        with medium.opened() as (container, stream):
            if begin:
                container.seek(int(listed.entries[begin]), stream=stream)
            came = [f for frames in _decoded(container, stream) for f in frames if not f.is_corrupt]
            labels = [label for f in came if (label := label_of(f)) is not None and label >= listed.labels[begin]]
        if labels:
            return int(np.searchsorted(listed.labels, max(labels), side="right"))
    return count


# -- by decoding ------------------------------------------------------------------------------------------------------


def _by_decoding(medium: VideoMedium, progress: Progress, stop: Stop) -> VideoIndex:
    with medium.opened() as (container, stream):
        clock, length = Clock(stream), _length(container, stream)
        ticks: list[int] = []
        labels: list[int | None] = []
        keys: list[int] = []
        for number, frames in enumerate(_decoded(container, stream)):
            if number % 16 == 0:
                go_on(stop, _COUNTING)
            for frame in frames:
                if not labels and frame.is_corrupt:
                    continue
                if frame.key_frame:
                    keys.append(len(labels))
                labels.append(label_of(frame))
                ticks.append(clock.place(frame.pts))
            if length and ticks:
                progress(min(1.0, (ticks[-1] - ticks[0]) / length))
        base = clock.base
    known = [label for label in labels if label is not None]
    seekable = len(known) == len(labels) and all(a < b for a, b in itertools.pairwise(known))
    marks = np.array(known if seekable else range(len(labels)), np.int64)
    times = growing(np.array([tick - ticks[0] for tick in ticks], np.float64) * float(base))
    where = np.array(keys, np.int64)
    return VideoIndex(marks, times, end_of(times), where, marks[where], base, seekable=seekable)


def growing(times_s: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Times of which none is up to the one before: what stands still is moved on by a tenth of a millisecond."""
    times = np.array(times_s, np.float64)
    if len(times) > 1 and np.any(np.diff(times) <= 0):
        steps = np.arange(len(times)) * 1e-4
        times = np.maximum.accumulate(times - steps) + steps
    return times


def _decoded(container: InputContainer, stream: VideoStream) -> Iterator[list[VideoFrame]]:
    """The pictures of each packet in turn, and at last those that the decoder still held."""
    codec = stream.codec_context
    for packet in packets_of(container, stream):
        try:
            yield codec.decode(packet) if isinstance(packet, Packet) else []
        except av.error.InvalidDataError:
            yield []
    try:
        yield codec.decode(None)
    except (av.error.InvalidDataError, av.error.EOFError):
        yield []


def _length(container: InputContainer, stream: VideoStream) -> float:
    """In ticks of the stream, as far as the container says."""
    if stream.duration:
        return float(stream.duration)
    return container.duration / av.time_base / float(stream.time_base or 1) if container.duration else 0.0
