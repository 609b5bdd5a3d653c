"""What the banners over the picture say: why there is no present picture, or no AI. No Qt but words."""

from __future__ import annotations

from app.gui.ai_signs import FREEZE_ALARM_S, ai_sign, frozen_s, main_sign
from app.gui.language import mark, told, tr
from app.gui.sign_kinds import Banner, View
from app.snapshot import LiveSnapshot, Quiet, SourceStatus
from detector.watchdog import AiState

# A result this old is no hiccup any more: beside the sign, a line over the picture says so.
_LATE_BANNER_MS = 1000.0

_OF_AI = {
    AiState.STARTING: (mark("AI is starting"), mark("No polyps are marked yet."), ""),
    AiState.LATE: (
        mark("AI is behind"),
        mark("Boxes are hidden: they would be old."),
        mark("If this stays, close other programs."),
    ),
    AiState.STALLED: (mark("AI has stalled"), mark("No polyps are marked."), mark("It is restarted by itself.")),
    AiState.RESTARTING: (
        mark("AI is restarting"),
        mark("No polyps are marked."),
        mark("Boxes come back by themselves."),
    ),
    AiState.FAILED: (mark("AI has failed"), mark("No polyps are marked."), mark("Switch the AI off and on again.")),
}

_LAST_PICTURE = mark("What you see is the last picture received, not the present one.")
_MONITOR = mark("The processor's own monitor is not affected.")

_OF_SOURCE = {
    SourceStatus.OPENING: (mark("Opening the source"), "", mark("One moment, please.")),
    SourceStatus.LOST: (mark("Signal lost"), _MONITOR, mark("Check the cable and the processor's video output.")),
    SourceStatus.GONE: (mark("Capture device vanished"), _MONITOR, mark("Plug the capture device in again.")),
    SourceStatus.ENDED: (
        mark("The video has ended"),
        mark("What you see is its last picture."),
        mark("Close the window when you are done."),
    ),
    SourceStatus.FAILED: (
        mark("The source cannot be opened"),
        "",
        mark("Check that it is connected and that its name is right."),
    ),
}
_TRIED_AGAIN = frozenset({SourceStatus.LOST, SourceStatus.GONE, SourceStatus.FAILED})


def source_banner(snapshot: LiveSnapshot) -> Banner | None:
    """The large banner over the video when there is no present picture."""
    source = snapshot.source
    words = _OF_SOURCE.get(source.status)
    if words is None:
        return None
    title, works, todo = (tr(text) for text in words)
    if source.status in _TRIED_AGAIN:
        if snapshot.frame is not None:
            works = f"{works} {tr(_LAST_PICTURE)}".strip()
        if source.retries:
            again = tr("Trying again ({n}).").format(n=source.retries)
            todo = f"{todo} {again}"
    return Banner(title, works, todo, told(source.detail), main_sign(snapshot, View()))


def ai_banner(snapshot: LiveSnapshot) -> Banner | None:
    """The line along the top of the picture when the AI should be looking and is not, or the picture is stuck."""
    if source_banner(snapshot) is not None:
        return None
    ai, state = snapshot.ai, snapshot.ai.state
    if state is AiState.ON:
        return _stuck_banner(snapshot)
    words = _OF_AI.get(state)
    if words is None or (state is AiState.LATE and (ai.overlay_age_ms or 0.0) < _LATE_BANNER_MS):
        return None
    title, works, todo = (tr(text) for text in words)
    goes_on = tr("The video goes on.")
    return Banner(title, f"{goes_on} {works}", todo, told(ai.detail), ai_sign(ai))


def _stuck_banner(snapshot: LiveSnapshot) -> Banner | None:
    """A freeze that lasts too long for a look at a detail."""
    if snapshot.quiet is not Quiet.FROZEN or (frozen_s(snapshot) or 0.0) < FREEZE_ALARM_S:
        return None
    return Banner(
        tr("The picture stands still"),
        tr("The source sends the same picture again and again. No polyps are marked."),
        tr("If nobody froze it, look at the processor's own monitor and check the cable."),
        "",
        main_sign(snapshot, View()),
    )
