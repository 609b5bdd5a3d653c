"""An examination on clocks that are set by hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from app.examination import Examination, Keeper
from app.examination.events import Clock, Event, Payload, Start

BEGUN = datetime(2026, 3, 14, 8, 5, tzinfo=UTC)


class Clocks:
    """Both clocks of a computer; ``at`` lets time pass, ``wall`` may be changed by anybody."""

    def __init__(self, zero_ns: int = 77_000_000_000) -> None:
        self.zero_ns = self.now_ns = zero_ns
        self.wall = BEGUN

    @property
    def at_s(self) -> float:
        return (self.now_ns - self.zero_ns) / 1e9

    def at(self, seconds: float) -> None:
        new_ns = self.zero_ns + round(seconds * 1e9)
        self.wall += timedelta(seconds=(new_ns - self.now_ns) / 1e9)
        self.now_ns = new_ns


@contextmanager
def examination(folder: Path, clocks: Clocks, **fields: str) -> Iterator[Keeper]:
    """Ends without an ``end``: whoever wants one asks for it."""
    keeper = Keeper.begin(folder, now_ns=lambda: clocks.now_ns, utc_now=lambda: clocks.wall, **fields)
    try:
        yield keeper
    finally:
        keeper.close()


def replayed(*marks: tuple[float, Payload]) -> Examination:
    """The state after these marks at these seconds, without a file."""
    start = Start(id="EX-0000-0000", started_utc=BEGUN, software="test", clock=Clock(monotonic_ns=0))
    events = [Event(1, 0.0, None, start)]
    events += [Event(n, t_s, None, what) for n, (t_s, what) in enumerate(marks, start=2)]
    return Examination.replay(events)
