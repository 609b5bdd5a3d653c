"""Which format is taken, and what is said about it."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.devices.choice import choose
from app.devices.device import Bus, BusKind, Signal
from app.devices.formats import BYTES_PER_PIXEL, Format, Wish, parse_wish
from detector.errors import SourceError

USB2, USB3, PCI = Bus(BusKind.USB, 480), Bus(BusKind.USB, 5000), Bus(BusKind.PCI)
F = Fraction


def offer(fourcc: str, size: str, *rates: float | Fraction) -> Format:
    width, height = map(int, size.split("x"))
    return Format(fourcc, width, height, tuple(sorted(map(F, rates), reverse=True)))


WEBCAM = [
    offer("YUYV", "640x480", 30),
    offer("YUYV", "1920x1080", 5),
    offer("MJPG", "640x480", 60),
    offer("MJPG", "1920x1080", 30, 25),
]
GRABBER = [
    offer("YUYV", "640x480", 60),
    offer("YUYV", "1920x1080", 60, 50, 25),
    offer("MJPG", "1920x1080", 60, 50),
    offer("YUYV", "3840x2160", 30),
    offer("NV12", "1920x1080", 60, 50),
    offer("RAW8", "4096x4096", 100),
]


@pytest.mark.parametrize(
    ("formats", "bus", "wish", "taken", "said"),
    [
        (WEBCAM, USB2, "", "MJPG@1920x1080@30", "uncompressed gives 5 frames/s only"),
        (GRABBER, USB3, "", "YUYV@1920x1080@60", "uncompressed"),
        (GRABBER, PCI, "1920x1080@50", "YUYV@1920x1080@50", "uncompressed"),
        (GRABBER, USB2, "", "MJPG@1920x1080@60", "does not fit through USB 2, 480 Mbit/s"),
        (GRABBER, USB2, "YUYV@1920x1080@60", "YUYV@1920x1080@60", "expect lost frames"),
        (GRABBER, USB3, "3840x2160", "YUYV@3840x2160@30", "does not fit"),
        (GRABBER, PCI, "NV12", "NV12@1920x1080@60", "as asked for"),
        ([offer("YUYV", "640x480", 60), offer("YUYV", "1920x1080", 5)], USB2, "", "YUYV@640x480@60", "uncompressed"),
        ([offer("YUYV", "1920x1080", 60, 5)], USB2, "", "YUYV@1920x1080@5", "nothing faster fits"),
        ([offer("UYVY", "3840x2160", 30)], PCI, "", "UYVY@3840x2160@30", "uncompressed"),
        ([offer("YUYV", "1280x720", 10)], PCI, "", "YUYV@1280x720@10", "nothing faster is offered"),
        ([offer("UYVY", "1920x1080", 120, 100)], PCI, "", "UYVY@1920x1080@100", ""),
        ([offer("UYVY", "1920x1080", F(60_000, 1001))], PCI, "1920x1080@60", "UYVY@1920x1080@59.94", "for 60"),
        ([offer("BGR3", "1920x1080", 50), offer("UYVY", "1920x1080", 50)], PCI, "", "UYVY@1920x1080@50", ""),
        (
            [offer("YUYV", "1920x1080", 30), offer("MJPG", "1920x1080", 60)],
            USB3,
            "",
            "YUYV@1920x1080@30",
            "would give 60",
        ),
        ([offer("MJPG", "1920x1080")], USB2, "", "MJPG@1920x1080", "nothing uncompressed"),
    ],
)
def test_the_rule(formats: list[Format], bus: Bus, wish: str, taken: str, said: str) -> None:
    choice = choose(formats, bus, parse_wish(wish) if wish else None)
    assert str(choice) == taken
    assert said in choice.reason


def test_the_signal_decides_size_and_rate() -> None:
    choice = choose(GRABBER, USB3, signal=Signal(1920, 1080, F(25), interlaced=True))
    assert str(choice) == "YUYV@1920x1080@25"
    assert "the input has 1920x1080i50" in choice.reason
    other = choose(GRABBER, USB3, signal=Signal(1280, 1024, F(50)))
    assert str(other) == "YUYV@1920x1080@50"
    assert "a size that is not offered" in other.reason
    assert str(choose(GRABBER, USB3, Wish("MJPG", 1920, 1080, F(60)), Signal(640, 480, F(25)))) == "MJPG@1920x1080@60"


def test_who_was_not_told_the_rate_is_told_to_ask() -> None:
    assert "the rate that the processor sends" in choose(GRABBER, PCI).reason


@pytest.mark.parametrize("wish", ["UYVY", "1024x768", "1920x1080@48", "MJPG@640x480"])
def test_what_is_not_offered_is_refused_with_what_is(wish: str) -> None:
    with pytest.raises(SourceError, match="does not offer") as caught:
        choose(GRABBER, PCI, parse_wish(wish))
    assert "1920x1080" in caught.value.hint


def test_a_device_without_a_readable_format_is_refused_by_name() -> None:
    with pytest.raises(SourceError, match="RAW8"):
        choose(GRABBER[-1:], PCI)
    with pytest.raises(SourceError, match="none"):
        choose([], PCI)


@pytest.mark.parametrize(
    ("bus", "bytes_per_s"),
    [(USB2, 53_248_000), (USB3, 393_216_000), (Bus(BusKind.USB, 10_000), 786_432_000), (PCI, None), (Bus(), None)],
)
def test_a_bus_has_a_limit(bus: Bus, bytes_per_s: int | None) -> None:
    assert bus.bytes_per_s == bytes_per_s


OFFERS = st.builds(
    Format,
    st.sampled_from([*BYTES_PER_PIXEL, "RAW8"]),
    st.sampled_from([640, 1280, 1920, 3840]),
    st.sampled_from([480, 720, 1080, 2160]),
    st.lists(st.sampled_from([F(5), F(15), F(25), F(30), F(50), F(60), F(120)]), max_size=4, unique=True).map(
        lambda rates: tuple(sorted(rates, reverse=True))
    ),
)


@given(st.lists(OFFERS, min_size=1, max_size=12), st.sampled_from([USB2, USB3, PCI, Bus()]))
def test_what_is_taken_is_offered_and_never_slow_where_something_fast_is(formats: list[Format], bus: Bus) -> None:
    readable = [item for item in formats if item.readable]
    if not readable:
        with pytest.raises(SourceError):
            choose(formats, bus)
        return
    taken = choose(formats, bus)
    key = taken.fourcc, taken.width, taken.height
    offered = [item for item in readable if (item.fourcc, item.width, item.height) == key]
    assert offered
    assert taken.rate is None or any(taken.rate in item.rates for item in offered)

    def moves(item: Format) -> bool:
        within = item.width <= 1920 and item.height <= 1080
        limit = bus.bytes_per_s
        return within and any(
            rate in (25, 30, 50, 60) and (limit is None or (item.bytes_per_s(rate) or 0) <= limit)
            for rate in item.rates
        )

    if any(map(moves, readable)):
        assert taken.rate is None or taken.rate >= 25
