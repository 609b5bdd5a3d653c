"""How values are written on the figures page, in the language of the window.

Numbers are rounded by `app.qa.figure_units`, as in reports, and figures are named by `app.qa.figures`. A figure that
cannot be given is a dash and says why; it is never 0.
"""

from __future__ import annotations

from app.gui.language import decimal, mark, tr
from app.gui.sign_kinds import Tone
from app.qa.figure_units import FORMS, NONE, Unit, rounded_gain, unit_of, written
from detector.scoring.intervals import Figure, Verdict

__all__ = [
    "NONE",
    "VERDICTS",
    "Unit",
    "figure_words",
    "gain_interval",
    "gain_words",
    "interval_words",
    "unit_of",
    "value_and_interval",
    "value_words",
    "verdict_words",
]

VERDICTS: dict[Verdict, tuple[str, Tone]] = {
    "better": (mark("better"), Tone.GOOD),
    "not worse": (mark("not worse"), Tone.BUSY),
    "worse": (mark("worse"), Tone.FAULT),
    "too small to tell": (mark("unclear"), Tone.CAUTION),
}


def value_words(value: float | None, unit: Unit) -> str:
    """A value in its unit; a dash where there is none."""
    return decimal(written(value, unit))


def interval_words(low: float | None, high: float | None, unit: Unit) -> str:
    """A 95 % interval: ``82.0 to 97.1 %``; empty without one."""
    if low is None or high is None:
        return ""
    end = FORMS[unit][2]
    return tr("{low} to {high}").format(low=value_words(low, unit).removesuffix(end), high=value_words(high, unit))


def figure_words(figure: Figure | None, unit: Unit) -> tuple[str, str]:
    """Value and interval of a figure."""
    if figure is None or figure.value is None:
        return NONE, ""
    return value_words(figure.value, unit), interval_words(figure.low, figure.high, unit)


def value_and_interval(figure: Figure | None, unit: Unit) -> str:
    """Both in one: ``91.0 % (82.0 to 97.1 %)``."""
    value, interval = figure_words(figure, unit)
    return f"{value}  ({interval})" if interval else value


def gain_words(gain: float | None, unit: Unit) -> str:
    """A difference with its sign; shares in points of a hundred."""
    if gain is None:
        return NONE
    return decimal(rounded_gain(gain, unit)) + ("" if unit == "share" else FORMS[unit][2])


def gain_interval(low: float, high: float, unit: Unit) -> str:
    """The interval of a difference: ``+1.2 to +8.3``."""
    end = FORMS[unit][2]
    return tr("{low} to {high}").format(low=gain_words(low, unit).removesuffix(end), high=gain_words(high, unit))


def verdict_words(verdict: Verdict) -> tuple[str, Tone]:
    """What an interval proves, in a word."""
    words, tone = VERDICTS[verdict]
    return tr(words), tone
