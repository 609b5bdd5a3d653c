"""The two figures that stand in the list, of one procedure: those of `app.qa.figures`, without intervals."""

from __future__ import annotations

from pathlib import Path

from app.qa.figures import Figures, measure
from app.qa.progress import Stop, never
from app.qa.scoring import Wanted, prepare

_FEWEST_DRAWS = 1  # of the bootstrap, whose intervals nobody sees here


def list_figures(path: Path, stop: Stop = never) -> tuple[float | None, float | None]:
    """Sensitivity per lesion and false alarms per minute of reviewed time, as shown; None where there is none.

    Raises:
        PolypwatchError: it cannot be opened, or nothing answered.
    """
    figures = measure([prepare(path, path.name, Wanted(), stop)], _FEWEST_DRAWS, curves=False)
    return _value(figures, "lesion_sensitivity"), _value(figures, "false_events_0s_per_minute")


def _value(figures: Figures, key: str) -> float | None:
    return next((r.figure.value for r in figures.rows if (r.key, r.source, r.group) == (key, "shown", "")), None)
