"""Times as people write and type them, and where a ruler has its marks. No Qt."""

from __future__ import annotations

import re
from collections.abc import Iterator

from app.qa.axis import FrameAxis

_STEPS_S = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)
_CLOCK = re.compile(r"(?:(?:(\d+):)?(\d+):)?(\d+(?:[.,]\d+)?)")
_FRAME = re.compile(r"(?:#|f)\s*(\d+)", re.IGNORECASE)


def clock(seconds: float, decimals: int = 0) -> str:
    """As ``07:42``, ``1:07:42`` or, with decimals, ``07:42.13``; rounded down."""
    unit = 10**decimals
    ticks = int(max(0.0, seconds) * unit + 1e-6)
    whole, part = divmod(ticks, unit)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    words = f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes:02d}:{rest:02d}"
    return f"{words}.{part:0{decimals}d}" if decimals else words


def place_of(text: str, axis: FrameAxis) -> int | None:
    """The position for what somebody typed: ``12:30``, ``750`` or ``750.5`` (seconds), ``#18750`` (a frame).

    Returns:
        None if it is neither, or not in the procedure. Frames count from 0, as everywhere.
    """
    text = text.strip()
    if match := _FRAME.fullmatch(text):
        position = int(match[1])
        return position if position < len(axis) else None
    if not (match := _CLOCK.fullmatch(text)):
        return None
    seconds = int(match[1] or 0) * 3600 + int(match[2] or 0) * 60 + float(match[3].replace(",", "."))
    return axis.at(seconds) if seconds <= axis.end_s else None


def step_s(seconds_per_px: float, least_px: float) -> float:
    """The distance of a ruler's marks, so that they do not stand closer than this."""
    return next((step for step in _STEPS_S if step >= seconds_per_px * least_px), _STEPS_S[-1])


def marks_s(first_s: float, last_s: float, step: float) -> Iterator[float]:
    """The marks between two times."""
    number = int(first_s // step)
    while number * step <= last_s:
        if number * step >= first_s:
            yield number * step
        number += 1
