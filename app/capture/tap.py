"""The packets of a compressed source, beside its pictures: for a recording that copies the stream as it is.

A packet is copied out in the thread that decodes it; nobody who takes it can touch the decoder. Where nobody takes any,
nothing is done.
"""

from __future__ import annotations

import io
import time
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Protocol, runtime_checkable

import av
from av.container import OutputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from detector.frame import FrameTime
from detector.geometry import Size


@dataclass(frozen=True, slots=True, eq=False)
class StreamForm:
    """What the packets of one connection are.

    Attributes:
        codec: FFmpeg's name.
        size: of the coded pictures.
        template: for the stream of another container; does not depend on the connection, which may be gone.
    """

    codec: str
    size: Size
    template: VideoStream
    _holder: OutputContainer = field(repr=False)


@dataclass(frozen=True, slots=True)
class StreamPacket:
    """A compressed picture.

    Attributes:
        data: its bytes.
        pts: when it is shown, in ticks.
        dts: when it is decoded, in ticks; grows from packet to packet.
        time_base: seconds per tick.
        key: whether it can be decoded without those before it.
        form: of the connection that it came by.
        received_ns: ``perf_counter_ns`` when it was there.
    """

    data: bytes
    pts: int
    dts: int
    time_base: Fraction
    key: bool
    form: StreamForm
    received_ns: int


class PacketTaker(Protocol):
    """Takes packets and learns which of them became which frame. Both calls must return at once."""

    def take_packet(self, packet: StreamPacket, /) -> None:
        """The next packet, in the order of decoding."""
        ...

    def learn(self, pts: int, index: int, time: FrameTime | None, captured_ns: int, /) -> None:
        """The picture of a packet was given out as this frame."""
        ...


class PacketTap:
    """A source's own; from its thread to whoever takes the packets, one at a time."""

    def __init__(self) -> None:
        self._taker: PacketTaker | None = None
        self._stream: VideoStream | None = None
        self._form: StreamForm | None = None

    def give_to(self, taker: PacketTaker | None) -> None:
        """From now on, or to nobody any more."""
        self._taker = taker

    def packet(self, packet: Packet[VideoStream], stream: VideoStream) -> None:
        """Called by the source for every packet, after it was decoded."""
        taker = self._taker
        dts = packet.dts if packet.dts is not None else packet.pts
        if taker is None or dts is None or packet.time_base is None or packet.is_discard or packet.is_corrupt:
            return
        if self._form is None or self._stream is not stream:
            self._stream, self._form = stream, _form(stream)
        pts = packet.pts if packet.pts is not None else dts
        data, now_ns = bytes(packet), time.perf_counter_ns()
        taker.take_packet(StreamPacket(data, pts, dts, packet.time_base, packet.is_keyframe, self._form, now_ns))

    def given(self, pts: int | None, index: int, when: FrameTime | None, captured_ns: int) -> None:
        """Called by the source for every frame that it gives out."""
        taker = self._taker
        if taker is not None and pts is not None:
            taker.learn(pts, index, when, captured_ns)


@runtime_checkable
class Tapped(Protocol):
    """A source whose packets can be had; None where what lies below it has none."""

    @property
    def tap(self) -> PacketTap | None:
        """Where to take them."""
        ...


def tap_of(source: object) -> PacketTap | None:
    """The tap of a source, if its pictures come compressed."""
    return source.tap if isinstance(source, Tapped) else None


def _form(stream: VideoStream) -> StreamForm:
    holder = av.open(io.BytesIO(), "w", format="matroska")
    context = stream.codec_context
    return StreamForm(
        context.name, Size(context.width, context.height), holder.add_stream_from_template(stream), holder
    )
