"""What other alert settings would have shown, ready to be drawn. No Qt; not in the window's thread."""

from __future__ import annotations

from collections.abc import Callable

from app.gui.language import mark
from app.gui.qa.figure_words import Unit
from app.gui.qa.findings import Change, Trial
from app.gui.qa.material import Material
from app.gui.qa.newest import Overtaken
from app.qa.room_preset import rate_of
from app.qa.whatif import Tried, WhatIf
from detector.alerts import AlertSettings
from detector.errors import UsageError

Tell = Callable[[object], None]

_LINES: tuple[tuple[str, str, Unit], ...] = (
    ("lesion_sensitivity", mark("Lesions found"), "share"),
    ("frame_sensitivity", mark("Frames with a lesion marked"), "share"),
    ("median_seconds_to_first_hit", mark("Time to first detection, median"), "seconds"),
    ("false_alarms", mark("False alarms"), "count"),
    ("per_procedure", mark("False alarms per procedure"), "rate"),
    ("per_minute", mark("False alarms a minute"), "rate"),
    ("lasting_per_minute", mark("False alarms a minute, of half a second and more"), "rate"),
    ("false_time_share", mark("Time with a false alarm"), "share"),
)


def try_out(material: Material, model: str, settings: AlertSettings, tell: Tell) -> Trial:
    """Run these settings on all procedures.

    Args:
        material: what was read.
        model: whose candidates.
        settings: of the alerts.
        tell: gets a `Trial` of what is done so far; raises when a newer wish waits.

    Raises:
        UsageError: there is no procedure to try them on.
    """
    what_if = what_if_of(material, model, tell)
    before = material.kept(("baseline", model), lambda: what_if.at(what_if.baseline or settings))
    assert before is not None  # nobody stopped it
    overtaken = _Asked(tell)
    now = what_if.at(settings, tell=lambda tried: tell(_trial(before, tried)), stop=overtaken)
    if now is None:
        raise Overtaken
    return _trial(before, now)


def what_if_of(material: Material, model: str, tell: Tell) -> WhatIf:
    """The procedures that settings can be tried on; made once for a model."""
    return material.kept(("what if", model), lambda: WhatIf(material.ready(model, lambda _: None)))


class _Asked:
    """Whether a newer wish waits: `tell` says so by raising."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell

    def __call__(self) -> bool:
        try:
            self._tell(None)
        except Overtaken:
            return True
        return False


def _trial(before: Tried, now: Tried) -> Trial:
    rate, refused = _rate(now)
    changes = tuple(Change(words, unit, getattr(before, key), getattr(now, key)) for key, words, unit in _LINES)
    return Trial(
        done=now.done,
        of=now.of,
        changes=changes,
        gained=now.gained,
        lost=now.lost,
        tried=now,
        refused=refused,
        rate=rate,
    )


def _rate(tried: Tried) -> tuple[str, str]:
    """The rate in words, and why there is none that may stand beside a preset."""
    if not tried.whole:
        return "", ""
    try:
        return str(rate_of(tried)), ""
    except UsageError as error:
        return "", str(error)
