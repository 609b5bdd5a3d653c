"""What of the status line gives way where room is short. Pure numbers, no Qt.

Figures go first, then the source's name, then the words of quiet flags (their shapes stay), then those of loud ones;
quiet shapes go last of all but the loud ones, which always stay.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from app.gui.sign_kinds import LOUD, Tone

# A notice is to be read; more than this share of the room it need not have.
_NOTICE_SHARE = 0.62
_SOURCE_SHARE = 0.3


@dataclass(frozen=True, slots=True)
class Widths:
    """What everything would take, in pixels, gaps included."""

    source: int
    source_icon: int
    flags: tuple[int, ...]
    flag_icon: int
    figures: tuple[int, ...] = ()
    notice: int = 0


@dataclass(frozen=True, slots=True)
class Fit:
    """What there is room for.

    Attributes:
        source: width of the source's sign; its words are cut to it.
        flags: for each flag whether it has its words; None: it is left out.
        figures: how many of them, from the first.
    """

    source: int
    flags: tuple[bool | None, ...]
    figures: int


def fitted(room: int, widths: Widths, tones: Iterable[Tone]) -> Fit:
    """Share out the room beside the AI's sign.

    Args:
        room: in pixels.
        widths: what everything would take.
        tones: of the flags.
    """
    loud = [tone in LOUD for tone in tones]
    room -= min(widths.notice, int(room * _NOTICE_SHARE))
    least_source = min(widths.source, max(widths.source_icon, int(room * _SOURCE_SHARE)))
    flags: list[bool | None] = [True] * len(loud)

    def taken() -> int:
        return sum(_width(words, full, widths.flag_icon) for words, full in zip(flags, widths.flags, strict=True))

    # The last flags matter least.
    for wanted, words, source in ((False, False, least_source), (True, False, widths.source_icon)):
        for index in _backwards(loud, wanted):
            if taken() > room - source:
                flags[index] = words
    for index in _backwards(loud, False):
        if taken() > room - widths.source_icon:
            flags[index] = None
    rest = room - taken()
    source = max(widths.source_icon, min(widths.source, rest))
    rest -= source
    figures = 0
    if not widths.notice:
        for width in widths.figures:
            if width > rest:
                break
            rest -= width
            figures += 1
    return Fit(source, tuple(flags), figures)


def _width(words: bool | None, full: int, icon: int) -> int:
    return 0 if words is None else full if words else min(full, icon)


def _backwards(loud: list[bool], wanted: bool) -> list[int]:
    return [index for index in range(len(loud) - 1, -1, -1) if loud[index] is wanted]
