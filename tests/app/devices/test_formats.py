"""What the user writes as a format, and what a device's list becomes."""

from __future__ import annotations

from fractions import Fraction

import pytest

from app.devices.formats import Format, Wish, parse_wish, rate_text, tidy
from detector.errors import UsageError

NTSC = Fraction(60_000, 1001)


@pytest.mark.parametrize(
    ("text", "wish", "again"),
    [
        ("UYVY@1920x1080@50", Wish("UYVY", 1920, 1080, Fraction(50)), "UYVY@1920x1080@50"),
        ("yuy2@1280X720", Wish("YUYV", 1280, 720), "YUYV@1280x720"),
        ("MJPEG", Wish("MJPG"), "MJPG"),
        ("720x576@25", Wish(None, 720, 576, Fraction(25)), "720x576@25"),
        ("NV12@59.94", Wish("NV12", rate=NTSC), "NV12@59.94"),
        ("60000/1001", Wish(rate=NTSC), "59.94"),
        ("23.98", Wish(rate=Fraction(24_000, 1001)), "23.98"),
        ("12.5", Wish(rate=Fraction(25, 2)), "12.5"),
    ],
)
def test_a_format_is_read_in_parts(text: str, wish: Wish, again: str) -> None:
    assert parse_wish(text) == wish
    assert str(wish) == again
    assert parse_wish(again) == wish


@pytest.mark.parametrize(
    "text", ["", "@", "UYVY@", "fast", "RAW8", "0x1080", "UYVY@0", "50@25", "UYVY@YUYV", "1080p50", "-5"]
)
def test_what_is_no_format_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_wish(text)
    assert "UYVY@1920x1080@50" in caught.value.hint


def test_a_rate_means_the_nearest_within_a_thousandth() -> None:
    only_ntsc = Format("UYVY", 1920, 1080, (NTSC,))
    both = Format("UYVY", 1920, 1080, (Fraction(60), NTSC))
    assert only_ntsc.nearest(Fraction(60)) == NTSC
    assert both.nearest(Fraction(60)) == 60
    assert both.nearest(NTSC) == NTSC
    assert only_ntsc.nearest(Fraction(50)) is None
    assert Format("UYVY", 1920, 1080).nearest(Fraction(50)) is None
    assert Format("UYVY", 1920, 1080, (), (Fraction(1), Fraction(60))).nearest(Fraction(48)) == 48


def test_repetitions_are_merged_and_sizes_sorted() -> None:
    listed = (
        Format("MJPG", 640, 480, (Fraction(30),)),
        Format("YUYV", 1920, 1080, (Fraction(5),)),
        Format("MJPG", 1920, 1080, (Fraction(30),)),
        Format("MJPG", 1920, 1080, (Fraction(60),)),
    )
    assert tidy(listed) == (
        Format("MJPG", 1920, 1080, (Fraction(60), Fraction(30))),
        Format("MJPG", 640, 480, (Fraction(30),)),
        Format("YUYV", 1920, 1080, (Fraction(5),)),
    )
    assert tidy(()) == ()


def test_bandwidth_is_that_of_the_pixels() -> None:
    assert Format("UYVY", 1920, 1080).bytes_per_s(Fraction(50)) == 207_360_000
    assert Format("NV12", 1920, 1080).bytes_per_s(Fraction(50)) == 155_520_000
    assert Format("MJPG", 1920, 1080).bytes_per_s(Fraction(50)) is None
    assert rate_text(NTSC) == "59.94"
