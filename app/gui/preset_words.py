"""The sensitivity presets in words, each with its rate of false alarms. No Qt but words."""

from __future__ import annotations

from collections.abc import Sequence

from app.gui.language import decimal, mark, tr
from app.gui.notices import Notice
from detector.presets import FalseAlarmRate, Preset

ROUND = ("normal", "high", "low")
"""The order in which a key goes through them."""

_NAMES = {
    "high": mark("Sensitivity: high"),
    "normal": mark("Sensitivity: normal"),
    "low": mark("Sensitivity: low"),
    "expert": mark("Sensitivity: limits of your own"),
}


def preset_notice(name: str, presets: Sequence[Preset]) -> Notice:
    """What is told when a preset was chosen.

    Args:
        name: of the preset.
        presets: those of the model that runs; empty while none does.
    """
    rate = next((preset.rate for preset in presets if preset.name == name), None)
    return Notice(f"{tr(_NAMES.get(name, name))}.", rate_words(rate))


def rate_words(rate: FalseAlarmRate | None) -> str:
    """The false alarms that were measured, with what they were measured on; or that nobody knows."""
    if rate is None:
        return tr("False alarms: unknown for this preset.")
    if not rate.processors:
        return tr("False alarms: {rate} per minute on {minutes} minutes of video, processors unknown.").format(
            rate=decimal(f"{rate.per_minute:.2g}"), minutes=decimal(f"{rate.minutes:.3g}")
        )
    words = (
        tr("False alarms: {rate} per minute on {minutes} minutes of video from 1 processor.")
        if rate.processors == 1
        else tr("False alarms: {rate} per minute on {minutes} minutes of video from {n} processors.")
    )
    return words.format(
        rate=decimal(f"{rate.per_minute:.2g}"), minutes=decimal(f"{rate.minutes:.3g}"), n=rate.processors
    )
