"""From the packets of one video stream to pictures and statements of damage, in the order in which they are shown.

A decoder conceals: it hands out pictures with blocks copied from elsewhere, whole pictures that repeat an older one, or
nothing at all, and raises no error. Here every picture is accounted for. One that the decoder flags, one that a packet
promised and that never came, and those to which the damage spread (:mod:`app.capture.verdict`) are :class:`Damage`.
Bytes that are wrong and still decode to a plausible picture cannot be told from good ones.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
import numpy.typing as npt
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import PictureType, VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from app.capture.tap import PacketTap
from app.capture.verdict import Suspect, Verdicts
from detector.decode import ONE_PICTURE_PER_PACKET, to_bgr

Image = npt.NDArray[np.uint8]

# An index at the front of the file names every packet, so that a gap in time was there when the file was made.
_INDEXED = ("mov", "avi", "mxf")
_STEADY_INTERVALS = 5
_MOST_MISSING = 500
_MOST_REFUSALS = 64


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that was decoded without a sign of damage.

    Attributes:
        pts: presentation time in the stream's ticks, if known.
        image: BGR uint8 ``(H, W, 3)``, contiguous.
    """

    pts: int | None
    image: Image


@dataclass(frozen=True, slots=True)
class Damage:
    """A picture that is missing or cannot be trusted.

    Attributes:
        pts: presentation time in the stream's ticks, if known.
        detail: why.
        image: what the decoder made of it, if anything: to look at, never to analyse.
    """

    pts: int | None
    detail: str
    image: Image | None = None


class PictureReader:
    """Reads the pictures of ``stream`` from ``container``, both open.

    Args:
        container: where the packets come from.
        stream: which of its streams.
        rate: nominal frames per second, if known.
        live: do not hold pictures back to learn more about them, and draw no conclusions from gaps in time.
        tap: gets every packet, too.
    """

    def __init__(
        self,
        container: InputContainer,
        stream: VideoStream,
        rate: Fraction | None,
        *,
        live: bool,
        tap: PacketTap | None = None,
    ) -> None:
        self._tap = tap
        self._container = container
        self._stream = stream
        self._codec = stream.codec_context
        self._reformatter = VideoReformatter()
        self._accounts = stream.codec_context.name in ONE_PICTURE_PER_PACKET
        self._gaps = None if live or container.format.name.startswith(_INDEXED) else _Gaps(stream, rate)
        self._verdicts = Verdicts(patient=not live)
        self._expected: list[int] = []
        self._marked: set[int] = set()
        self._orders: dict[int, int] = {}
        self._packet_count = 0
        self._started = False
        self._field_end: float = -math.inf
        self._interval = 0.0 if rate is None or not stream.time_base else float(1 / (rate * stream.time_base))
        self._items = self._read()

    #: Packets that the container could not read since the last that it could.
    refused: int = 0
    #: Packets that the container asks not to show (an edit list), which count as delivered.
    hidden: int = 0

    def read(self) -> Picture | Damage | None:
        """The next picture or damage; None at the end.

        Raises:
            av.error.FFmpegError: the file or network below failed.
        """
        return next(self._items, None)

    # -- packets ------------------------------------------------------------------------------------------------

    def _packets(self) -> Iterator[Packet[VideoStream]]:
        while True:
            try:
                for packet in self._container.demux(self._stream):
                    if packet.size == 0 and packet.dts is None and packet.pts is None:
                        return
                    self.refused = 0
                    yield packet
            except av.error.InvalidDataError:
                self.refused += 1
                if self.refused >= _MOST_REFUSALS:
                    return
            else:
                return

    def _read(self) -> Iterator[Picture | Damage]:
        for packet in self._packets():
            self._account(packet)
            try:
                frames = self._codec.decode(packet)
            except av.error.InvalidDataError:
                frames = []
                if packet.pts is None or not self._accounts:
                    yield from self._judged([Suspect(packet.pts, None, "a packet could not be decoded")])
            if self._tap is not None:
                self._tap.packet(packet, self._stream)
            for frame in frames:
                yield from self._judged(self._suspects(frame))
        try:
            frames = self._codec.decode(None)
        except (av.error.InvalidDataError, av.error.EOFError):
            frames = []
        for frame in frames:
            yield from self._judged(self._suspects(frame))
        yield from self._judged(self._missing(math.inf))
        for item in self._verdicts.flush():
            yield self._given(item)

    def _account(self, packet: Packet[VideoStream]) -> None:
        """Note what the packet promises."""
        self._packet_count += 1
        if packet.is_discard:
            self.hidden += 1
            return
        # What comes before the first key frame of a recording that begins anywhere was never decodable.
        self._started |= packet.is_keyframe
        if packet.pts is not None and self._started and self._accounts:
            heapq.heappush(self._expected, packet.pts)
            self._orders[packet.pts] = self._packet_count
            if packet.is_corrupt:
                self._marked.add(packet.pts)

    # -- pictures -------------------------------------------------------------------------------------------------

    def _suspects(self, frame: VideoFrame) -> list[Suspect]:
        """The picture that arrived, after those that should have come before it and did not."""
        pts = frame.pts
        corrupt = frame.is_corrupt or pts in self._marked
        if not self._started and corrupt:
            return []
        self._started = True
        standing = frame.key_frame or frame.pict_type == PictureType.I
        suspects: list[Suspect] = []
        if pts is not None:
            suspects = self._missing(pts)
            if self._gaps is not None:
                near_damage = standing or corrupt or bool(suspects) or self._verdicts.damaged
                known = [item.pts for item in suspects if item.pts is not None]
                suspects += [
                    Suspect(p, None, "missing from the file") for p in self._gaps.before(pts, known, near_damage)
                ]
                suspects.sort(key=lambda item: item.pts or 0)
            self._marked.discard(pts)
            self._field_end = pts + 0.75 * self._interval if frame.interlaced_frame else -math.inf
        fault = "the decoder reports damage" if corrupt else ""
        order = None if pts is None else self._orders.pop(pts, None)
        suspects.append(Suspect(pts, frame, fault, order, standing, frame.pict_type == PictureType.B))
        return suspects

    def _missing(self, before: float) -> list[Suspect]:
        """What was promised for a time ``before`` this one and never came."""
        missing = []
        while self._expected and self._expected[0] <= before:
            pts = heapq.heappop(self._expected)
            # The second field of an interlaced picture may come in a packet of its own.
            if pts != before and pts > self._field_end:
                missing.append(Suspect(pts, None, "a packet gave no picture", self._orders.pop(pts, None)))
        return missing

    def _judged(self, suspects: list[Suspect]) -> Iterator[Picture | Damage]:
        for suspect in suspects:
            for item in self._verdicts.add(suspect):
                yield self._given(item)

    def _given(self, item: Suspect) -> Picture | Damage:
        if item.frame is None:
            return Damage(item.pts, item.fault)
        image = to_bgr(item.frame, self._reformatter)
        return Damage(item.pts, item.fault, image) if item.fault else Picture(item.pts, image)


class _Gaps:
    """Finds pictures whose packets are missing from the file altogether: a container without an index just goes on.

    A gap alone proves nothing, as recorders leave out frames. One that breaks a perfectly steady rhythm, and ends with
    damage or with a picture that stands on its own, is where a container found its way back.
    """

    def __init__(self, stream: VideoStream, rate: Fraction | None) -> None:
        known = rate is not None and stream.time_base is not None
        self._interval = 1 / (rate * stream.time_base) if known and rate and stream.time_base else None
        self._last: int | None = None
        self._steady = 0

    def before(self, pts: int, known: list[int], near_damage: bool) -> list[int]:
        """Presentation times of the pictures that are missing before the one at ``pts``, but for those ``known``."""
        last, self._last = self._last, pts
        if self._interval is None or last is None:
            return []
        intervals = (pts - last) / self._interval
        if abs(intervals - 1) < Fraction(1, 4):
            self._steady += 1
            return []
        steady, self._steady = self._steady, 0
        if steady < _STEADY_INTERVALS or intervals < 2 - Fraction(1, 4) or not near_damage:
            return []
        missing = min(round(intervals) - 1, _MOST_MISSING)
        times = [round(last + n * self._interval) for n in range(1, missing + 1)]
        return [time for time in times if all(abs(time - other) > self._interval / 2 for other in known)]
