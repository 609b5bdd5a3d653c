"""What the screen says about a snapshot: words, shapes and colours, never colour alone. No Qt but words.

Nothing that breaks may look like 'no polyps': every state but 'the AI looks at this picture' has its own words.
``ai_signs`` has the AI's sign, ``flags`` the smaller ones, ``banner_words`` what lies over the picture.
"""

from __future__ import annotations

from dataclasses import replace

from app.gui.ai_signs import NO_PICTURE, ai_sign, main_sign
from app.gui.ai_signs import age_words as _age_words
from app.gui.banner_words import ai_banner, source_banner
from app.gui.flags import flag_signs
from app.gui.language import mark, told, tr
from app.gui.sign_kinds import Banner, Card, Shape, Sign, Status, Tone, View
from app.snapshot import AiSnapshot, LiveSnapshot, RecorderSnapshot, SourceSnapshot, SourceStatus
from detector.alerts import Marker
from detector.watchdog import AiState

__all__ = [
    "Banner",
    "Card",
    "Shape",
    "Sign",
    "Status",
    "Tone",
    "View",
    "ai_banner",
    "ai_sign",
    "flag_signs",
    "main_sign",
    "overlay_words",
    "picture_is_old",
    "result_captured_ns",
    "shown_markers",
    "source_banner",
    "source_sign",
    "status_of",
]

_OF_SOURCE = {
    SourceStatus.OPENING: Sign(mark("Opening"), Shape.DOTS, Tone.BUSY),
    SourceStatus.PLAYING: Sign(mark("Playing"), Shape.PLAY, Tone.GOOD),
    SourceStatus.PAUSED: Sign(mark("Paused"), Shape.PAUSE, Tone.BUSY),
    SourceStatus.LOST: Sign(mark("Signal lost"), Shape.NO_SIGNAL, Tone.FAULT),
    SourceStatus.GONE: Sign(mark("Device vanished"), Shape.UNPLUGGED, Tone.FAULT),
    SourceStatus.ENDED: Sign(mark("Ended"), Shape.STOP, Tone.QUIET),
    SourceStatus.FAILED: Sign(mark("Cannot be opened"), Shape.NO_ENTRY, Tone.FAULT),
    SourceStatus.UNDECODABLE: Sign(mark("Damaged frames"), Shape.CRACKED, Tone.CAUTION),
}
_TRIED_AGAIN = frozenset({SourceStatus.LOST, SourceStatus.GONE, SourceStatus.FAILED})


def source_sign(source: SourceSnapshot) -> Sign:
    """The source's name and state."""
    sign = _OF_SOURCE[source.status]
    words = tr(sign.text)
    if source.status is SourceStatus.UNDECODABLE and source.undecodable:
        words = f"{words} ({source.undecodable})"
    elif source.status in _TRIED_AGAIN and source.retries:
        words = tr("{state}, trying again ({n})").format(state=words, n=source.retries)
    # The state comes first: where room is short, the name is what gets cut.
    return replace(sign, text=f"{words} · {told(source.label)}" if source.label else words)


def overlay_words(ai: AiSnapshot) -> str:
    """How old the boxes are, or why there are none."""
    if ai.state not in (AiState.ON, AiState.LATE):
        return tr("no overlay")
    if ai.overlay_age_ms is None:
        return tr("no result yet")
    if ai.expired or ai.state is AiState.LATE:
        return tr("overlay expired")
    return tr("overlay {n} ms").format(n=f"{ai.overlay_age_ms:.0f}")


def status_of(snapshot: LiveSnapshot, view: View) -> Status:
    """The status line for a snapshot."""
    info = snapshot.ai.info
    ai = main_sign(snapshot, view)
    identity = (info.provider.upper(), f"{info.model} {info.version}") if info else ()
    rate = tr("{n} frames/s").format(n=f"{snapshot.source.frame_rate:.0f}")
    return Status(
        ai=ai,
        source=source_sign(snapshot.source),
        flags=flag_signs(snapshot, view, ai),
        figures=(rate, overlay_words(snapshot.ai), *_disk_words(snapshot.recorder)),
        identity=identity,
        notice=view.notice,
        age=_age_words(snapshot, view, ai),
    )


def _disk_words(recorder: RecorderSnapshot | None) -> tuple[str, ...]:
    """For how long the disk can take a recording that runs, once that is known; little of it is a flag."""
    hours = recorder.hours_left if recorder is not None else None
    return () if hours is None else (tr("disk {n} h").format(n=min(int(hours), 999)),)


def shown_markers(snapshot: LiveSnapshot, view: View) -> tuple[Marker, ...]:
    """The markers that may be painted: fresh results of a working AI, on a present picture, if nothing forbids them."""
    if not view.boxes or snapshot.quiet is not None or picture_is_old(snapshot):
        return ()
    if snapshot.ai.state is not AiState.ON or snapshot.ai.expired:
        return ()
    return snapshot.markers


def picture_is_old(snapshot: LiveSnapshot) -> bool:
    """Whether what can be seen is not the present picture, so that it must look like it (dimmed, with a banner)."""
    return snapshot.source.status in NO_PICTURE


def result_captured_ns(snapshot: LiveSnapshot) -> int | None:
    """When the frame behind the newest result was captured (``perf_counter_ns``); None without a result."""
    age_ms = snapshot.ai.overlay_age_ms
    return None if age_ms is None else snapshot.taken_ns - round(age_ms * 1e6)
