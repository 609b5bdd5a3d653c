"""A file at its own pace, on a clock that the test turns."""

from __future__ import annotations

import threading
import time
from fractions import Fraction

import numpy as np
import pytest

from app.capture import Backoff, MemorySource, Paced
from detector.frame import Frame, FrameTime, Interruption, SourceInfo, SourceKind, SourceState
from detector.geometry import Size

BLACK = np.zeros((4, 6, 3), np.uint8)
MS = 1_000_000


class ManualClock:
    """Waiting moves it; nothing else does but the test."""

    def __init__(self) -> None:
        self.ns = 5_000_000_000
        self.waits: list[float] = []

    def now_ns(self) -> int:
        return self.ns

    def wait(self, changed: threading.Condition, timeout_s: float | None) -> None:
        assert timeout_s is not None, "nothing would ever wake this test"
        self.waits.append(timeout_s)
        self.ns += round(timeout_s * 1e9)


class Script:
    """Gives the items in turn; ``cost_ms`` is how long the decoder takes for each."""

    def __init__(
        self, items: list[Frame | Interruption], clock: ManualClock | None = None, cost_ms: int = 0, live: bool = False
    ) -> None:
        self._items = items
        self._clock = clock
        self._cost_ms = cost_ms
        self._live = live

    def open(self) -> SourceInfo:
        return SourceInfo(SourceKind.FILE, "script", self._live, Size(6, 4), Fraction(25), len(self._items))

    def read(self) -> Frame | Interruption:
        if self._clock is not None:
            self._clock.ns += self._cost_ms * MS
        return self._items.pop(0) if self._items else Interruption(SourceState.END)

    def close(self) -> None:
        pass


def frame(index: int, ms: int | None, name: str = "") -> Frame:
    return Frame(index, None if ms is None else FrameTime(ms, Fraction(1, 1000)), 0, BLACK, name)


def play(source: Paced, clock: ManualClock, count: int) -> list[int]:
    """Read ``count`` items; when each came, in milliseconds after the first."""
    source.open()
    came = []
    for _ in range(count):
        item = source.read()
        came.append(clock.ns)
        if isinstance(item, Frame):
            assert item.captured_ns == clock.ns
    return [(ns - came[0]) // MS for ns in came]


def test_frames_come_when_their_media_time_has_come() -> None:
    clock = ManualClock()
    script = Script([frame(n, ms) for n, ms in enumerate((1000, 1040, 1100, 1140))], clock, cost_ms=7)
    assert play(Paced(script, clock=clock), clock, 4) == [0, 40, 100, 140]


@pytest.mark.parametrize(("rate", "expected"), [(2.0, [0, 20, 40]), (0.5, [0, 80, 160])])
def test_the_rate_stretches_time(rate: float, expected: list[int]) -> None:
    clock = ManualClock()
    assert play(Paced(Script([frame(n, 40 * n) for n in range(3)]), rate, clock=clock), clock, 3) == expected


def test_a_short_delay_is_made_up_for() -> None:
    clock = ManualClock()
    source = Paced(Script([frame(n, 40 * n) for n in range(6)]), clock=clock)
    source.open()
    source.read()
    clock.ns += 100 * MS
    start = clock.ns
    came = []
    for _ in range(5):
        source.read()
        came.append((clock.ns - start) // MS)
    assert came == [0, 0, 20, 60, 100]
    assert source.reanchored == 0


def test_more_than_a_second_late_starts_the_clock_anew() -> None:
    clock = ManualClock()
    source = Paced(Script([frame(n, 40 * n) for n in range(4)]), clock=clock)
    source.open()
    source.read()
    clock.ns += 5000 * MS
    start = clock.ns
    came = []
    for _ in range(3):
        source.read()
        came.append((clock.ns - start) // MS)
    assert came == [0, 40, 80]
    assert source.reanchored == 1


def test_a_decoder_that_is_too_slow_loses_no_frame() -> None:
    clock = ManualClock()
    source = Paced(Script([frame(n, 40 * n) for n in range(40)], clock, cost_ms=100), clock=clock)
    source.open()
    indices = [item.index for _ in range(40) if isinstance(item := source.read(), Frame)]
    assert indices == list(range(40))
    assert source.reanchored == 2


def test_a_hole_in_the_stamps_is_cut_short() -> None:
    clock = ManualClock()
    script = Script([frame(0, 0), frame(1, 3_600_000), frame(2, 3_600_040)])
    assert play(Paced(script, clock=clock), clock, 3) == [0, 3000, 3040]


def test_damage_takes_its_time_too() -> None:
    clock = ManualClock()
    damage = Interruption(SourceState.UNDECODABLE, "damaged", 1, FrameTime(40, Fraction(1, 1000)))
    assert play(Paced(Script([frame(0, 0), damage, frame(2, 80)]), clock=clock), clock, 3) == [0, 40, 80]


def test_stills_come_at_the_pace_that_was_asked_for() -> None:
    clock = ManualClock()
    damage = Interruption(SourceState.UNDECODABLE, "damaged", 1, name="b.png")
    script = Script([frame(0, None, "a.png"), damage, frame(2, None, "c.png")])
    assert play(Paced(script, stills_per_s=4, clock=clock), clock, 3) == [0, 250, 500]


def test_stills_without_a_pace_come_at_once() -> None:
    clock = ManualClock()
    script = Script([frame(0, None, "a.png"), frame(1, None, "b.png")])
    assert play(Paced(script, stills_per_s=None, clock=clock), clock, 2) == [0, 0]


def test_a_live_source_is_passed_through() -> None:
    clock = ManualClock()
    source = Paced(Script([frame(0, 0), frame(1, 10_000)], live=True), clock=clock)
    source.open()
    assert isinstance(source.read(), Frame)
    item = source.read()
    assert isinstance(item, Frame)
    assert item.captured_ns == 0
    assert clock.waits == []


def test_the_clock_starts_anew_after_the_source_was_gone() -> None:
    clock = ManualClock()
    script = Script([frame(0, 0), Interruption(SourceState.GONE), frame(1, 500), frame(2, 540)])
    assert play(Paced(script, clock=clock), clock, 4) == [0, 0, 0, 40]


def test_a_pause_does_not_count() -> None:
    clock = ManualClock()
    source = Paced(Script([frame(n, 40 * n) for n in range(3)]), clock=clock)
    source.open()
    source.read()
    source.pause()
    assert source.paused
    clock.ns += 10_000 * MS
    source.resume()
    start = clock.ns
    source.read()
    assert clock.ns - start == 40 * MS
    assert source.reanchored == 0


def test_a_paused_read_waits_until_resumed() -> None:
    source = Paced(MemorySource([BLACK], Fraction(100)))
    source.open()
    source.read()
    source.pause()
    threading.Timer(0.1, source.resume).start()
    start = time.monotonic()
    assert isinstance(source.read(), Frame)
    assert time.monotonic() - start > 0.09


@pytest.mark.parametrize("pause", [False, True])
def test_closing_ends_a_wait_at_once(pause: bool) -> None:
    source = Paced(MemorySource([BLACK], Fraction(1, 2)))
    source.open()
    source.read()
    if pause:
        source.pause()
    threading.Timer(0.05, source.close).start()
    start = time.monotonic()
    item = source.read()
    assert isinstance(item, Interruption)
    assert item.state is SourceState.END
    assert time.monotonic() - start < 1


def test_it_keeps_real_time() -> None:
    source = Paced(MemorySource([BLACK], Fraction(100), count=31))
    source.open()
    start = time.perf_counter()
    stamps = [item.captured_ns for _ in range(31) if isinstance(item := source.read(), Frame)]
    assert 0.3 <= time.perf_counter() - start < 0.6
    assert len(stamps) == 31


@pytest.mark.parametrize("rates", [(0.0, 1.0), (1.0, 0.0), (-1.0, None)])
def test_a_pace_must_be_positive(rates: tuple[float, float | None]) -> None:
    with pytest.raises(ValueError, match="positive"):
        Paced(MemorySource([BLACK]), *rates)


def test_a_memory_source_needs_a_picture() -> None:
    with pytest.raises(ValueError, match="picture"):
        MemorySource([])


def test_a_memory_source_goes_round_without_copying() -> None:
    source = MemorySource([BLACK, BLACK + 1])
    source.open()
    frames = [item for _ in range(5) if isinstance(item := source.read(), Frame)]
    assert [int(item.image[0, 0, 0]) for item in frames] == [0, 1, 0, 1, 0]
    assert frames[0].image is frames[2].image


def test_attempts_become_rarer_up_to_a_limit_and_begin_anew() -> None:
    backoff = Backoff()
    assert [backoff.next_delay_s() for _ in range(6)] == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0]
    backoff.reset()
    assert backoff.next_delay_s() == 0.5
