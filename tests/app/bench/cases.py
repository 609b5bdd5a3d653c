"""Figures of machines that were never measured, to be judged."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from app.bench.figures import CallTimes, Figures, Machine, Setting, Trial
from app.report import Percentiles

HD25, HD25_REC = Setting(1920, 1080, 25, False), Setting(1920, 1080, 25, True)
HD50, HD50_REC = Setting(1920, 1080, 50, False), Setting(1920, 1080, 50, True)
HD60_REC = Setting(1920, 1080, 60, True)
SMALL25 = Setting(1280, 720, 25, False)
MACHINE = Machine("A processor", 4, 4, 8, 16.0, (), "Linux", "none", {"python": "3.11"})


def trial(setting: Setting, model: str = "fast", **changes: Any) -> Trial:
    """One in which all went well, but for the changes."""
    good = Trial(
        model=model,
        variant="fp32",
        provider="cpu",
        setting=setting,
        seconds=4.0,
        pictures=100,
        painted=100,
        late=0,
        picture_ms=Percentiles(8.0, 11.0, 12.0),
        box_ms=Percentiles(35.0, 44.0, 50.0),
        answers_per_s=25.0,
    )
    return replace(good, **changes)


def calls(*repeats_ms: float) -> CallTimes:
    """Of ``fast``, with these medians of its rounds."""
    ms = Percentiles(20.0, 22.0, 25.0)
    return CallTimes("fast 1", "fp32", "cpu", "", 1, 1920, 1080, 100, ms, {"infer": 18.0}, repeats_ms)


def figures(*trials: Trial, models: tuple[str, ...] = ("fast",), **changes: Any) -> Figures:
    """Of a quiet machine."""
    quiet = Figures(MACHINE, models, (0.01, 0.02), (calls(20.0, 20.5, 20.2),), trials=trials)
    return replace(quiet, **changes)
