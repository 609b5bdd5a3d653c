"""What the screen says about a snapshot: words, shapes and colours, never colour alone. Pure, no Qt.

Nothing that breaks may look like 'no polyps': every state but 'the AI looks at this picture' has its own words here.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from app.gui.notices import Notice
from app.snapshot import AiSnapshot, LiveSnapshot, SourceSnapshot, SourceStatus
from app.synchrony import SyncSnapshot, SyncState
from detector.alerts import Marker
from detector.watchdog import AiState

# A result this old is no hiccup any more: beside the sign, a line over the picture says so.
_LATE_BANNER_MS = 1000.0


class Tone(enum.Enum):
    """How urgent a sign is; the theme gives each a colour."""

    GOOD = enum.auto()
    QUIET = enum.auto()
    BUSY = enum.auto()
    CAUTION = enum.auto()
    FAULT = enum.auto()


class Shape(enum.Enum):
    """What is drawn beside the words, so that no sign depends on its colour."""

    DISC = enum.auto()
    RING_SLASHED = enum.auto()
    DOTS = enum.auto()
    HOURGLASS = enum.auto()
    TRIANGLE = enum.auto()
    CYCLE = enum.auto()
    CROSS = enum.auto()
    TICK = enum.auto()
    PLAY = enum.auto()
    PAUSE = enum.auto()
    STOP = enum.auto()
    UNPLUGGED = enum.auto()
    NO_SIGNAL = enum.auto()
    NO_ENTRY = enum.auto()
    CRACKED = enum.auto()
    BOXES_HIDDEN = enum.auto()
    MUTED = enum.auto()
    RECORD = enum.auto()
    INFO = enum.auto()


@dataclass(frozen=True, slots=True)
class Sign:
    """A shape with words."""

    text: str
    shape: Shape
    tone: Tone


@dataclass(frozen=True, slots=True)
class Banner:
    """A message over the picture that stays as long as its cause.

    Attributes:
        title: what happened.
        works: what still works.
        todo: what to do.
        detail: what the layer below said.
        sign: its shape and tone (and the words of the same state elsewhere).
    """

    title: str
    works: str
    todo: str
    detail: str
    sign: Sign


@dataclass(frozen=True, slots=True)
class View:
    """What the user chose to see and hear, and what the window itself has to say.

    Attributes:
        boxes: markers are shown.
        muted: no sound.
        sound_fault: why there can be no sound at all; empty if there can.
        notice: the message of the moment.
    """

    boxes: bool = True
    muted: bool = False
    sound_fault: str = ""
    notice: Notice | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """All that the status line says.

    Attributes:
        ai: the AI's sign.
        source: the source's sign, with its name.
        flags: further signs that must not be overlooked.
        figures: frames per second and overlay age.
        identity: provider, model and version.
        notice: takes the place of figures and identity while it lasts.
    """

    ai: Sign
    source: Sign
    flags: tuple[Sign, ...]
    figures: tuple[str, ...]
    identity: tuple[str, ...]
    notice: Notice | None

    def urgent_part(self) -> tuple[object, ...]:
        """All but the figures: what must be on the screen at once when it changes."""
        return self.ai, self.source, self.flags, self.identity, self.notice


_AI_SIGNS = {
    AiState.OFF: Sign("AI OFF", Shape.RING_SLASHED, Tone.QUIET),
    AiState.STARTING: Sign("AI STARTING", Shape.DOTS, Tone.BUSY),
    AiState.ON: Sign("AI ON", Shape.DISC, Tone.GOOD),
    AiState.LATE: Sign("AI BEHIND", Shape.HOURGLASS, Tone.CAUTION),
    AiState.STALLED: Sign("AI STALLED", Shape.TRIANGLE, Tone.FAULT),
    AiState.RESTARTING: Sign("AI RESTARTING", Shape.CYCLE, Tone.CAUTION),
    AiState.FAILED: Sign("AI FAILED", Shape.CROSS, Tone.FAULT),
}

_SOURCE_SIGNS = {
    SourceStatus.OPENING: Sign("Opening", Shape.DOTS, Tone.BUSY),
    SourceStatus.PLAYING: Sign("Playing", Shape.PLAY, Tone.GOOD),
    SourceStatus.PAUSED: Sign("Paused", Shape.PAUSE, Tone.BUSY),
    SourceStatus.LOST: Sign("Signal lost", Shape.NO_SIGNAL, Tone.FAULT),
    SourceStatus.GONE: Sign("Device vanished", Shape.UNPLUGGED, Tone.FAULT),
    SourceStatus.ENDED: Sign("Ended", Shape.STOP, Tone.QUIET),
    SourceStatus.FAILED: Sign("Cannot be opened", Shape.NO_ENTRY, Tone.FAULT),
    SourceStatus.UNDECODABLE: Sign("Damaged frames", Shape.CRACKED, Tone.CAUTION),
}

_AI_BANNERS = {
    AiState.STARTING: ("AI is starting", "No polyps are marked yet.", ""),
    AiState.LATE: ("AI is behind", "Boxes are hidden: they would be old.", "If this stays, close other programs."),
    AiState.STALLED: ("AI has stalled", "No polyps are marked.", "It is restarted by itself."),
    AiState.RESTARTING: ("AI is restarting", "No polyps are marked.", "Boxes come back by themselves."),
    AiState.FAILED: ("AI has failed", "No polyps are marked.", "Press A twice to try again."),
}

_LAST_PICTURE = "What you see is the last picture received, not the present one."
_MONITOR = "The processor's own monitor is not affected."

_SOURCE_BANNERS = {
    SourceStatus.OPENING: ("Opening the source", "", "One moment, please."),
    SourceStatus.LOST: ("Signal lost", _MONITOR, "Check the cable and the processor's video output."),
    SourceStatus.GONE: ("Capture device vanished", _MONITOR, "Plug the capture device in again."),
    SourceStatus.ENDED: (
        "The video has ended",
        "What you see is its last picture.",
        "Press Ctrl+Q to close the window.",
    ),
    SourceStatus.FAILED: ("The source cannot be opened", "", "Check that it is connected and that its name is right."),
}

_WAITING = frozenset({SourceStatus.LOST, SourceStatus.GONE, SourceStatus.FAILED})


def ai_sign(ai: AiSnapshot) -> Sign:
    """The AI's state in words; a failure with its reason."""
    sign = _AI_SIGNS[ai.state]
    if ai.state is AiState.FAILED and ai.detail:
        return Sign(f"{sign.text}: {ai.detail}", sign.shape, sign.tone)
    return sign


def source_sign(source: SourceSnapshot) -> Sign:
    """The source's name and state."""
    sign = _SOURCE_SIGNS[source.status]
    words = sign.text
    if source.status is SourceStatus.UNDECODABLE and source.undecodable:
        words = f"{words} ({source.undecodable})"
    elif source.status in _WAITING and source.retries:
        words = f"{words}, trying again ({source.retries})"
    # The state comes first: where room is short, the name is what gets cut.
    return Sign(f"{words} · {source.label}" if source.label else words, sign.shape, sign.tone)


def flag_signs(snapshot: LiveSnapshot, view: View) -> tuple[Sign, ...]:
    """What the user switched off, what records, and what is wrong beside source and AI."""
    flags = []
    if (sync := sync_sign(snapshot.sync)) is not None:
        flags.append(sync)
    if snapshot.recorder_fault:
        flags.append(Sign("RECORDING FAULT", Shape.CROSS, Tone.FAULT))
    elif snapshot.recording is not None:
        flags.append(Sign("REC", Shape.RECORD, Tone.FAULT))
    if not view.boxes:
        flags.append(Sign("BOXES HIDDEN", Shape.BOXES_HIDDEN, Tone.CAUTION))
    if view.sound_fault:
        flags.append(Sign(view.sound_fault.upper(), Shape.MUTED, Tone.QUIET))
    elif view.muted:
        flags.append(Sign("MUTED", Shape.MUTED, Tone.QUIET))
    if snapshot.ai.failed:
        frames = "FRAME" if snapshot.ai.failed == 1 else "FRAMES"
        flags.append(Sign(f"{snapshot.ai.failed} {frames} NOT ANALYSED", Shape.TRIANGLE, Tone.QUIET))
    return tuple(flags)


def sync_sign(sync: SyncSnapshot) -> Sign | None:
    """That the picture is delayed, and by how much; or why it is not, although that was asked for."""
    if sync.state is SyncState.OFF:
        return None
    if sync.state is SyncState.ENDED:
        return Sign("SYNC ENDED: AI TOO SLOW", Shape.TRIANGLE, Tone.CAUTION)
    if sync.state is SyncState.WAITING or sync.delay_ms is None:
        return Sign("SYNC WAITS FOR AI", Shape.DOTS, Tone.BUSY)
    return Sign(f"SYNCHRONISED +{sync.delay_ms:.0f} MS", Shape.INFO, Tone.CAUTION)


def overlay_words(ai: AiSnapshot) -> str:
    """How old the boxes are, or why there are none."""
    if ai.state not in (AiState.ON, AiState.LATE):
        return "no overlay"
    if ai.overlay_age_ms is None:
        return "no result yet"
    if ai.expired or ai.state is AiState.LATE:
        return "overlay expired"
    return f"overlay {ai.overlay_age_ms:.0f} ms"


def status_of(snapshot: LiveSnapshot, view: View) -> Status:
    """The status line for a snapshot."""
    info = snapshot.ai.info
    ai = ai_sign(snapshot.ai)
    if ai.tone is Tone.GOOD and picture_is_old(snapshot):
        ai = Sign(ai.text, ai.shape, Tone.QUIET)  # on, but there is nothing that it could look at
    identity = (info.provider.upper(), f"{info.model} {info.version}") if info else ()
    return Status(
        ai=ai,
        source=source_sign(snapshot.source),
        flags=flag_signs(snapshot, view),
        figures=(f"{snapshot.source.frame_rate:.0f} frames/s", overlay_words(snapshot.ai)),
        identity=identity,
        notice=view.notice,
    )


def shown_markers(snapshot: LiveSnapshot, view: View) -> tuple[Marker, ...]:
    """The markers that may be painted: fresh results of a working AI, on a present picture, if the user wants boxes."""
    if not view.boxes or snapshot.ai.state is not AiState.ON or snapshot.ai.expired or picture_is_old(snapshot):
        return ()
    return snapshot.markers


def picture_is_old(snapshot: LiveSnapshot) -> bool:
    """Whether what can be seen is not the present picture, so that it must look like it (dimmed, with a banner)."""
    return snapshot.source.status in _SOURCE_BANNERS


def source_banner(snapshot: LiveSnapshot) -> Banner | None:
    """The large banner over the video when there is no present picture."""
    source = snapshot.source
    words = _SOURCE_BANNERS.get(source.status)
    if words is None:
        return None
    title, works, todo = words
    if source.status in _WAITING:
        if snapshot.frame is not None:
            works = f"{works} {_LAST_PICTURE}".strip()
        if source.retries:
            todo = f"{todo} Trying again ({source.retries})."
    return Banner(title, works, todo, source.detail, source_sign(source))


def ai_banner(snapshot: LiveSnapshot) -> Banner | None:
    """The line along the top of the picture when the AI should be looking and is not."""
    ai, state = snapshot.ai, snapshot.ai.state
    words = _AI_BANNERS.get(state)
    if words is None or source_banner(snapshot) is not None:
        return None
    if state is AiState.LATE and (ai.overlay_age_ms or 0.0) < _LATE_BANNER_MS:
        return None
    title, works, todo = words
    return Banner(title, f"The video goes on. {works}", todo, ai.detail, _AI_SIGNS[state])


def result_captured_ns(snapshot: LiveSnapshot) -> int | None:
    """When the frame behind the newest result was captured (``perf_counter_ns``); None without a result."""
    age_ms = snapshot.ai.overlay_age_ms
    return None if age_ms is None else snapshot.taken_ns - round(age_ms * 1e6)
