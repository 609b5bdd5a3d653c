"""Video whose picture size and rate change in the middle, as when a processor is switched to another output."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import av
from av.packet import Packet

from tests.clips import Image, colon, doubled, paint_index, to_yuv

BASE = Fraction(1, 90_000)


class Part(NamedTuple):
    """A stretch with one size and rate."""

    count: int
    size: tuple[int, int]
    rate: Fraction


def change(stream: Any, parts: Sequence[Part], first: int = 0) -> Iterator[Packet[Any]]:
    """Packets for ``stream`` (H.264 in MPEG-TS), each part by an encoder of its own; painted indices go on.

    Args:
        stream: of an open container.
        parts: one after the other, without a gap in time.
        first: painted index to begin with.
    """
    begin = Fraction(0)
    for count, size, rate in parts:
        encoder: Any = av.CodecContext.create("libx264", "w")
        (encoder.width, encoder.height), encoder.pix_fmt = size, "yuv420p"
        encoder.framerate, encoder.time_base = rate, BASE
        encoder.options = {"preset": "ultrafast", "tune": "zerolatency", "g": "10", "threads": "1"}
        for number in range(count):
            # Few pictures, drawn once: the index is what differs.
            frame = to_yuv(paint_index(_drawn(size)[number % 4], first + number))
            frame.pts, frame.time_base = round((begin + number / rate) / BASE), BASE
            yield from _on(stream, encoder.encode(frame))
        yield from _on(stream, encoder.encode(None))
        begin += count / rate
        first += count


@functools.cache
def _drawn(size: tuple[int, int]) -> list[Image]:
    half = size[0] // 2, size[1] // 2
    return [doubled(colon(n / 10, half)) for n in range(4)]


def _on(stream: Any, packets: Sequence[Packet[Any]]) -> Iterator[Packet[Any]]:
    for packet in packets:
        packet.stream = stream
        packet.time_base = BASE
        yield packet


def write_changing(path: str, parts: Sequence[Part]) -> None:
    """Write ``parts`` as one MPEG-TS."""
    with av.open(path, "w", format="mpegts") as container:
        stream: Any = container.add_stream("libx264", rate=parts[0].rate)
        (stream.width, stream.height), stream.pix_fmt = parts[0].size, "yuv420p"
        for packet in change(stream, parts):
            container.mux(packet)
