"""The one sign that says whether the AI looks at the picture, and why not: nobody ever wonders. No Qt but words.

The plainest reason wins: switched off or failed, then no present picture, then an AI that is not there yet, then what
keeps boxes from the screen although it works, and only then 'ready'.
"""

from __future__ import annotations

import math
from dataclasses import replace

from app.gui.keys import Action
from app.gui.language import mark, told, tr
from app.gui.sign_kinds import Card, Shape, Sign, Tone, View
from app.snapshot import AiSnapshot, LiveSnapshot, Quiet, SourceStatus
from detector.picture.quality import View as Sight
from detector.watchdog import AiState

# A processor's freeze is normal and short: a photograph, a look at a detail. One that lasts is a fault, or forgotten.
FREEZE_ALARM_S = 10.0
_NS = 1_000_000_000

_OF_STATE = {
    AiState.OFF: Sign(mark("AI OFF"), Shape.RING_SLASHED, Tone.QUIET),
    AiState.STARTING: Sign(mark("AI STARTING"), Shape.DOTS, Tone.BUSY, mark("no polyps are marked yet")),
    AiState.ON: Sign(mark("AI READY"), Shape.DISC, Tone.GOOD),
    AiState.LATE: Sign(mark("AI BEHIND"), Shape.HOURGLASS, Tone.CAUTION, mark("boxes are hidden")),
    AiState.STALLED: Sign(mark("AI STALLED"), Shape.TRIANGLE, Tone.FAULT, mark("no polyps are marked")),
    AiState.RESTARTING: Sign(mark("AI RESTARTING"), Shape.CYCLE, Tone.CAUTION, mark("no polyps are marked")),
    AiState.FAILED: Sign(mark("AI FAILED"), Shape.CROSS, Tone.FAULT, mark("no polyps are marked")),
}
_DETECTING = Sign(mark("AI DETECTING"), Shape.DETECTING, Tone.GOOD)

# The AI may be well, but there is no present picture that it could look at.
_OF_SOURCE = {
    SourceStatus.OPENING: Sign(mark("NO PICTURE YET"), Shape.DOTS, Tone.BUSY),
    SourceStatus.LOST: Sign(mark("NO SIGNAL"), Shape.NO_SIGNAL, Tone.FAULT, mark("this is the last picture")),
    SourceStatus.GONE: Sign(mark("NO DEVICE"), Shape.UNPLUGGED, Tone.FAULT, mark("this is the last picture")),
    SourceStatus.ENDED: Sign(mark("VIDEO ENDED"), Shape.STOP, Tone.QUIET),
    SourceStatus.FAILED: Sign(mark("NO SOURCE"), Shape.NO_ENTRY, Tone.FAULT, mark("it cannot be opened")),
}
NO_PICTURE = frozenset(_OF_SOURCE)
"""The picture on the screen is not the present one."""

_OF_QUIET = {
    Quiet.SHADOW: Sign(mark("SHADOW: NO BOXES"), Shape.SHADOW, Tone.BUSY, mark("the AI is recorded only")),
    Quiet.HIDDEN: Sign(mark("BOXES HIDDEN"), Shape.BOXES_HIDDEN, Tone.CAUTION),
    Quiet.FROZEN: Sign(mark("PICTURE FROZEN"), Shape.FROZEN, Tone.BUSY, mark("boxes are cleared")),
    Quiet.OUTSIDE: Sign(mark("OUT OF THE BODY"), Shape.OUTSIDE, Tone.QUIET, mark("AI suppressed")),
    # Common and passing: said in words and shape, but it does not light up the room.
    Quiet.POOR_VIEW: Sign(mark("POOR VIEW: AI SUPPRESSED"), Shape.POOR_VIEW, Tone.BUSY),
    Quiet.LIGHT: Sign(mark("NOT VALIDATED IN THIS LIGHT"), Shape.LIGHT, Tone.CAUTION),
}
_POOR_BECAUSE = {
    Sight.BLURRED: mark("blurred"),
    Sight.DARK: mark("dark"),
    Sight.WASHED_OUT: mark("washed out"),
    Sight.OUTSIDE: mark("out of the body"),
}

# Results are too old to be shown, and yet the AI is not at fault: nothing comes that it could look at.
_NOTHING_TO_SEE = {
    SourceStatus.PAUSED: Sign(mark("AI WAITS"), Shape.PAUSE, Tone.QUIET, mark("the picture is held")),
    SourceStatus.UNDECODABLE: Sign(mark("DAMAGED FRAMES"), Shape.CRACKED, Tone.CAUTION, mark("not analysed")),
}


def ai_sign(ai: AiSnapshot) -> Sign:
    """The AI's own state; a failure with its reason."""
    sign = _said(_OF_STATE[ai.state])
    return replace(sign, detail=told(ai.detail)) if ai.state is AiState.FAILED and ai.detail else sign


def main_sign(snapshot: LiveSnapshot, view: View) -> Sign:
    """The large sign: what of the AI matters now, in one of the states above."""
    ai, status = snapshot.ai, snapshot.source.status
    if ai.state in (AiState.OFF, AiState.FAILED):
        return ai_sign(ai)
    if status in _OF_SOURCE:
        return _said(_OF_SOURCE[status])
    if ai.state is not AiState.ON:
        return ai_sign(ai)
    if snapshot.quiet is not None:
        return _quiet_sign(snapshot, snapshot.quiet, view)
    if ai.expired and ai.overlay_age_ms is not None:
        return _said(_NOTHING_TO_SEE.get(status, _OF_STATE[AiState.LATE]))
    return _said(_DETECTING) if snapshot.markers and view.boxes else ai_sign(ai)


def card_of(snapshot: LiveSnapshot, view: View) -> Card | None:
    """What stands large beside the picture; None while the AI is at work, off, or a banner says more."""
    if snapshot.ai.state is not AiState.ON or snapshot.quiet is None or snapshot.source.status in NO_PICTURE:
        return None
    quiet = snapshot.quiet
    sign = _quiet_sign(snapshot, quiet, view)
    lines = (sign.detail,) if sign.detail else ()
    if quiet is Quiet.HIDDEN:
        return Card(tr("BOXES HIDDEN"), seconds(hidden_s(snapshot)), _hidden_keys(view), sign, corner=True)
    if quiet is Quiet.FROZEN and (frozen := frozen_s(snapshot)) is not None:
        return Card(tr("PICTURE FROZEN"), seconds(int(frozen)), lines, sign)
    return Card(sign.text, "", lines, sign)


def flag_of_quiet(snapshot: LiveSnapshot, view: View, main: Sign) -> Sign | None:
    """What the user chose and the large sign does not say, because something else matters more; None if nothing."""
    if snapshot.quiet not in (Quiet.SHADOW, Quiet.HIDDEN):
        return None
    sign = _quiet_sign(snapshot, snapshot.quiet, view)
    return None if sign == main else replace(sign, detail="")


def age_words(snapshot: LiveSnapshot, view: View, sign: Sign) -> str:
    """The age of the newest result while the AI looks at the picture, else for how long the sign has stood."""
    if sign.tone is Tone.GOOD:
        age_ms = snapshot.ai.overlay_age_ms
        return tr("no result yet") if age_ms is None else tr("result {n} ms old").format(n=f"{age_ms:.0f}")
    if view.sign_since_ns is None or any(c.isdigit() for c in sign.text):
        return ""  # a sign that counts needs no second count beside it
    return tr("for {time}").format(time=lasting((snapshot.taken_ns - view.sign_since_ns) / _NS))


def hidden_s(snapshot: LiveSnapshot) -> int:
    """Whole seconds until hidden boxes come back; 0 if they are not hidden."""
    if snapshot.hidden_until_ns is None:
        return 0
    return max(0, math.ceil((snapshot.hidden_until_ns - snapshot.taken_ns) / _NS))


def frozen_s(snapshot: LiveSnapshot) -> float | None:
    """For how long the source has sent the same picture; None while it moves."""
    since_ns = snapshot.view.frozen_since_ns
    return None if since_ns is None else max(0.0, (snapshot.taken_ns - since_ns) / _NS)


def seconds(n: int) -> str:
    """A number of seconds, as the signs count them."""
    return tr("{n} s").format(n=n)


def lasting(span_s: float) -> str:
    """A span of time for reading at a glance: ``12 s``, ``3 min``, ``1 h 05 min``."""
    whole = max(0, int(span_s))
    if whole < 60:
        return seconds(whole)
    if whole < 3600:
        return tr("{n} min").format(n=whole // 60)
    return tr("{h} h {m} min").format(h=whole // 3600, m=f"{whole % 3600 // 60:02d}")


class SignClock:
    """Remembers since when the AI's sign says what it says; to be asked once for every snapshot."""

    def __init__(self) -> None:
        self._said: tuple[Shape, str] | None = None
        self._since_ns = 0

    def since_ns(self, snapshot: LiveSnapshot, view: View) -> int:
        """When the present sign appeared (``perf_counter_ns``). A count of seconds makes no new sign."""
        sign = main_sign(snapshot, view)
        said = (sign.shape, "".join(c for c in sign.text if not c.isdigit()))
        if said != self._said:
            self._said, self._since_ns = said, snapshot.taken_ns
        return self._since_ns


def _quiet_sign(snapshot: LiveSnapshot, quiet: Quiet, view: View) -> Sign:
    sign = _said(_OF_QUIET[quiet])
    if quiet is Quiet.HIDDEN:
        words = tr("BOXES HIDDEN {time}").format(time=seconds(hidden_s(snapshot)))
        return replace(sign, text=words, detail=" · ".join(_hidden_keys(view)))
    if quiet is Quiet.POOR_VIEW:
        return replace(sign, detail=tr(_POOR_BECAUSE.get(snapshot.view.view, "")))
    if quiet is Quiet.LIGHT and (key := view.key(Action.LIGHT_OVERRIDE)):
        return replace(sign, detail=tr("press {key} to insist").format(key=key))
    if quiet is Quiet.FROZEN and (frozen := frozen_s(snapshot)) is not None:
        words = tr("PICTURE FROZEN {time}").format(time=seconds(int(frozen)))
        return replace(sign, text=words, tone=Tone.FAULT if frozen >= FREEZE_ALARM_S else sign.tone)
    return sign


def _hidden_keys(view: View) -> tuple[str, ...]:
    """Which key extends, and which brings the boxes back."""
    words = ((Action.HIDE_BOXES, tr("{key}: longer")), (Action.SHOW_BOXES, tr("{key}: boxes back")))
    return tuple(text.format(key=key) for action, text in words if (key := view.key(action)))


def _said(sign: Sign) -> Sign:
    """The sign in the language of the window."""
    return replace(sign, text=tr(sign.text), detail=tr(sign.detail))
