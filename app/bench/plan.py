"""Which settings to try on a model, one after the other. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from app.bench.figures import Setting

_HD, _SMALL, _UHD = (1920, 1080), (1280, 720), (3840, 2160)
_FIRST = Setting(*_HD, 25, recording=True)


def next_setting(held: Mapping[Setting, bool], quick: bool = False) -> Setting | None:
    """What to try after these outcomes; None when enough is known.

    From the middle outwards: 1080p25 with recording first. Held, on to what is heavier; not held, without recording
    and then smaller. What is lighter than a held setting is not tried: it asks for less of everything.

    Args:
        held: whether each setting that was tried was held.
        quick: at most two settings.
    """
    if quick and len(held) >= 2:
        return None
    if _FIRST not in held:
        return _FIRST
    return _heavier(held, quick) if held[_FIRST] else _lighter(held)


def _heavier(held: Mapping[Setting, bool], quick: bool) -> Setting | None:
    ladder = [Setting(*_HD, 50, recording=True), Setting(*_HD, 60, recording=True), Setting(*_UHD, 25, recording=True)]
    for setting in ladder[:1] if quick else ladder:
        if setting not in held:
            return setting
        if not held[setting]:
            alone = Setting(setting.width, setting.height, setting.rate, recording=False)
            return alone if alone not in held else None
    return None


def _lighter(held: Mapping[Setting, bool]) -> Setting | None:
    for setting in (Setting(*_HD, 25, recording=False), Setting(*_SMALL, 25, recording=False)):
        if setting not in held:
            return setting
        if held[setting]:
            # It is the recording that is too much: does that hold at a smaller size?
            small = Setting(*_SMALL, 25, recording=True)
            return small if setting.height == _HD[1] and small not in held else None
    return None
