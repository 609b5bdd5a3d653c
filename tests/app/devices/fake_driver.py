"""A Video4Linux driver made of bytes: answers ioctls at the offsets that ``linux/videodev2.h`` documents.

It shares no structure with the code under test: request numbers are taken apart as the kernel does (_IOC), fields are
written at their documented offsets.
"""

from __future__ import annotations

import errno
import struct
from dataclasses import dataclass, field

Interval = tuple[int, int]


@dataclass
class FakeDriver:
    """What one node answers.

    Attributes:
        formats: from four letters to sizes, and from each size to frame intervals in seconds, as fractions.
        size_ranges: instead of sizes: min, max and step of width, then of height.
        interval_ranges: instead of intervals: kind (2 continuous, 3 stepwise), then min, max and step as fractions.
        capabilities: of the node.
        timings: the bytes of a ``v4l2_dv_timings``, or the error that asking for it gives.
        input_status: bits of the chosen input's status.
        fails: from the number of an ioctl to the error it gives.
    """

    formats: dict[bytes, dict[tuple[int, int], list[Interval]]] = field(default_factory=dict)
    size_ranges: dict[bytes, tuple[int, int, int, int, int, int]] = field(default_factory=dict)
    interval_ranges: dict[bytes, tuple[int, int, int, int, int, int, int]] = field(default_factory=dict)
    capabilities: int = 0x04200001  # streaming, extended pixel formats, video capture
    timings: bytes | int = errno.ENOTTY
    input_status: int = 0
    fails: dict[int, int] = field(default_factory=dict)
    card: bytes = b"USB Capture HDMI: Test"
    asked: list[int] = field(default_factory=list)

    def __call__(self, handle: int, request: int, answer: bytearray) -> int:
        number, size = request & 0xFF, (request >> 16) & 0x3FFF
        assert (request >> 8) & 0xFF == ord("V")
        assert size == len(answer), f"ioctl {number} is of {size} bytes, given {len(answer)}"
        self.asked.append(number)
        if number in self.fails:
            raise OSError(self.fails[number], "as the test wants")
        {0: self._caps, 2: self._format, 74: self._size, 75: self._interval, 99: self._timing, 38: self._which}.get(
            number, self._input
        )(answer)
        return 0

    def _caps(self, answer: bytearray) -> None:
        struct.pack_into("<16s32s32sIII", answer, 0, b"uvcvideo", self.card, b"usb-1", 6, 0x84A00001, self.capabilities)

    def _format(self, answer: bytearray) -> None:
        index, kind = struct.unpack_from("<II", answer)
        assert kind == (1 if self.capabilities & 1 else 9)
        listed = list(self.formats)
        _end_at(index, listed)
        struct.pack_into("<32s", answer, 12, b"some format")
        answer[44:48] = listed[index]

    def _size(self, answer: bytearray) -> None:
        index, fourcc = struct.unpack_from("<I", answer)[0], bytes(answer[4:8])
        if fourcc in self.size_ranges:
            _end_at(index, [0])
            low_w, high_w, step_w, low_h, high_h, step_h = self.size_ranges[fourcc]
            struct.pack_into("<7I", answer, 8, 3, low_w, high_w, step_w, low_h, high_h, step_h)
            return
        sizes = list(self.formats[fourcc])
        _end_at(index, sizes)
        struct.pack_into("<III", answer, 8, 1, *sizes[index])

    def _interval(self, answer: bytearray) -> None:
        index, fourcc = struct.unpack_from("<I", answer)[0], bytes(answer[4:8])
        width, height = struct.unpack_from("<II", answer, 8)
        if fourcc in self.interval_ranges:
            _end_at(index, [0])
            struct.pack_into("<7I", answer, 16, *self.interval_ranges[fourcc])
            return
        intervals = self.formats[fourcc].get((width, height), [])
        _end_at(index, intervals)
        struct.pack_into("<III", answer, 16, 1, *intervals[index])

    def _timing(self, answer: bytearray) -> None:
        if isinstance(self.timings, int):
            raise OSError(self.timings, "as the test wants")
        answer[:] = self.timings

    def _which(self, answer: bytearray) -> None:
        struct.pack_into("<I", answer, 0, 0)

    def _input(self, answer: bytearray) -> None:
        struct.pack_into("<32s", answer, 4, b"HDMI")
        struct.pack_into("<I", answer, 56, self.input_status)


def dv_timings(
    width: int, height: int, clock: int, across: tuple[int, int, int], down: tuple[int, int, int], **more: object
) -> bytes:
    """A ``v4l2_dv_timings``: packed, the pixel clock (Hz) at offset 20, porches and sync after it."""
    answer = bytearray(132)
    second = more.get("second_field", (0, 0, 0))
    assert isinstance(second, tuple)
    struct.pack_into("<IIIII", answer, 0, 0, width, height, 1 if any(second) else 0, 3)
    struct.pack_into("<Q", answer, 20, clock)
    struct.pack_into("<9I", answer, 28, *across, *down, *second)
    struct.pack_into("<II", answer, 64, 1, int(str(more.get("flags", 0))))
    return bytes(answer)


def _end_at(index: int, listed: list) -> None:  # type: ignore[type-arg]
    if index >= len(listed):
        raise OSError(errno.EINVAL, "no such entry")
