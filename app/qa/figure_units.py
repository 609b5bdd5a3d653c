"""How figures are written for people: shares in per cent, rates, seconds. The one place that rounds; no Qt.

The window adds the decimal point and the words of its language (`app.gui.qa.figure_words`). A figure that cannot be
given is a dash; it is never 0.
"""

from __future__ import annotations

from typing import Final, Literal

from detector.scoring.intervals import Figure

Unit = Literal["share", "rate", "seconds", "frames", "count", "minutes"]
NONE: Final = "\N{EN DASH}"
NO_FIGURES: Final = "There are no figures: they need procedures that somebody reviewed and a model answered."
FORMS: Final[dict[Unit, tuple[float, str, str]]] = {
    "share": (100.0, ".1f", " %"),
    "rate": (1.0, ".2f", ""),
    "seconds": (1.0, ".2f", " s"),
    "frames": (1.0, ".0f", ""),
    "count": (1.0, ".0f", ""),
    "minutes": (1.0, ".1f", " min"),
}
"""Factor, format and what stands behind it."""


def unit_of(key: str) -> Unit:
    """How a figure of this name in `app.qa.figures` is written."""
    if key.startswith("median_seconds"):
        return "seconds"
    if key.startswith("median_frames"):
        return "frames"
    if key == "reviewed_minutes":
        return "minutes"
    if key.endswith(("per_minute", "per_procedure")):
        return "rate"
    if key.startswith("false_events"):
        return "count"
    return "share"


def written(value: float | None, unit: Unit) -> str:
    """A value in its unit: ``91.0 %``; a dash where there is none."""
    if value is None:
        return NONE
    factor, form, end = FORMS[unit]
    return format(factor * value, form) + end


def interval(figure: Figure, unit: Unit) -> str:
    """Its 95 % interval: ``82.0 to 97.1 %``; empty without one."""
    if figure.value is None or figure.low is None or figure.high is None:
        return ""
    return f"{written(figure.low, unit).removesuffix(FORMS[unit][2])} to {written(figure.high, unit)}"


def gain(value: float | None, unit: Unit) -> str:
    """A difference with its sign; shares in points of a hundred."""
    if value is None:
        return NONE
    return rounded_gain(value, unit) + (" points" if unit == "share" else FORMS[unit][2])


def rounded_gain(value: float, unit: Unit) -> str:
    """The number of a difference, with its sign."""
    factor, form, _ = FORMS[unit]
    said = format(factor * value, "+" + form)
    # A difference that rounds to nothing has no sign.
    return said if said.strip("+-0.") else said.replace("-", "+")
