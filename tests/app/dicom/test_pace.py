"""Even or uneven, never repeated or dropped, and the level that holds it."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.dicom.pace import CLOCK, HIGH_41, HIGH_42, level_for, pace_of
from detector.errors import OutputError
from detector.geometry import Size

HD = Size(1920, 1080)


@pytest.mark.parametrize(
    "rate", [Fraction(25), Fraction(30), Fraction(30000, 1001), Fraction(60), Fraction(60000, 1001)]
)
def test_milliseconds_of_a_container_hide_no_even_rate(rate: Fraction) -> None:
    pace = pace_of([round(1000 * i / rate) / 1000 for i in range(5000)])
    assert (pace.even, pace.rate) == (True, rate)
    assert pace.deviation_ms <= 0.6


def test_an_unusual_even_rate_is_found() -> None:
    pace = pace_of([i / 17.5 for i in range(400)])
    assert (pace.even, pace.rate) == (True, Fraction(35, 2))


def test_one_missing_picture_makes_a_rate_uneven() -> None:
    times = [i / 25 for i in range(100) if i != 50]
    pace = pace_of(times)
    assert not pace.even
    steps = [float(s) for s in pace.stretch(0, 99).vector_ms]
    assert steps[:2] == [0, 40]
    assert steps[50] == 80


def test_a_single_picture_has_a_pace() -> None:
    assert pace_of([3.0]).stretch(0, 1).count == 1


def test_no_picture_is_an_error() -> None:
    with pytest.raises(OutputError, match="without pictures"):
        pace_of([])


@given(st.lists(st.floats(0.004, 0.2), min_size=2, max_size=300))
def test_a_vector_never_drifts(steps: list[float]) -> None:
    times = [0.0]
    for step in steps:
        times.append(times[-1] + step)
    pace = pace_of(times)
    assert all(b > a for a, b in zip(pace.ticks, pace.ticks[1:], strict=False))
    assert max(abs(tick / CLOCK - time) for tick, time in zip(pace.ticks, times, strict=True)) <= 1 / CLOCK
    if not pace.even:
        vector = pace.stretch(0, len(times)).vector_ms
        at = 0.0
        for text, time in zip(vector, times, strict=True):
            at += float(text)
            assert len(text) <= 16
            assert abs(at - 1000 * time) <= 0.5 * 10**-pace.decimals + 0.02


def test_a_vector_is_coarser_before_it_is_cut_and_cut_before_it_is_too_long() -> None:
    times = [i / 30 + (i % 7) * 0.0023 for i in range(30_000)]
    few, many = pace_of(times[:5000]), pace_of(times)
    assert (few.decimals, few.vector_end(0)) == (3, 5000)
    assert many.decimals == 0
    first, parts = 0, []
    while first < len(times):
        end = many.vector_end(first)
        parts.append(many.stretch(first, end))
        first = end
    assert len(parts) == 2
    assert all(len("\\".join(p.vector_ms)) <= 65_534 for p in parts)
    assert parts[1].offset_ms == pytest.approx(1000 * times[parts[1].first], abs=0.02)


@pytest.mark.parametrize(
    ("size", "rate", "syntax"),
    [
        (HD, Fraction(30), HIGH_41),
        (HD, Fraction(60), HIGH_42),
        (Size(1280, 720), Fraction(60), HIGH_41),
        (Size(1280, 1024), Fraction(60), HIGH_42),
        (Size(720, 576), Fraction(50), HIGH_41),
    ],
)
def test_the_lowest_level_is_taken(size: Size, rate: Fraction, syntax: str) -> None:
    assert level_for(size, rate).syntax == syntax


@pytest.mark.parametrize("size", [Size(3840, 2160), Size(8192, 64)])
def test_what_no_level_holds_is_refused(size: Size) -> None:
    with pytest.raises(OutputError, match=r"1920 x 1080"):
        level_for(size, Fraction(30))
