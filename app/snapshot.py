"""What the live session looks like at one instant: the only thing that the window, the reports and the tests read.

Frozen, complete and cheap: painting a snapshot never needs to ask the session for anything else. No Qt here.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from app.synchrony import SyncSnapshot
from detector.alerts import Marker
from detector.detections import DetectorInfo
from detector.frame import Frame, SourceInfo
from detector.picture.light import Light
from detector.picture.quality import View
from detector.presets import Preset
from detector.watchdog import AiState


class SourceStatus(enum.Enum):
    """What the picture is doing, as the status line says it."""

    OPENING = "opening"
    PLAYING = "playing"
    PAUSED = "paused"
    LOST = "signal lost"  # retried
    GONE = "device vanished"  # retried
    ENDED = "ended"
    FAILED = "cannot be opened"  # retried for live sources, final for files
    UNDECODABLE = "damaged frames"  # playing goes on


@dataclass(frozen=True, slots=True)
class SourceSnapshot:
    """The source's state.

    Attributes:
        status: what the picture is doing.
        label: short name of the source.
        detail: why, in words; empty while all is well.
        info: what is known of it; None until it was opened once.
        frames: delivered so far.
        undecodable: damaged frames so far.
        frame_rate: measured over the last second or so, in frames per second.
        retries: how often a lost source was reopened.
        picture: what is done to the picture before anyone sees it, in sentences; empty if nothing.
        objection: why nothing of the picture may be kept yet, in words; empty if it may be.
    """

    status: SourceStatus
    label: str
    detail: str = ""
    info: SourceInfo | None = None
    frames: int = 0
    undecodable: int = 0
    frame_rate: float = 0.0
    retries: int = 0
    picture: tuple[str, ...] = ()
    objection: str = ""


@dataclass(frozen=True, slots=True)
class AiSnapshot:
    """The AI's state.

    Attributes:
        state: off, starting, on, late, stalled, restarting or failed.
        detail: why, in words.
        info: model, version, provider; None until it came up once.
        analysed: frames analysed so far.
        skipped: frames that the AI never saw, because a newer one was there.
        failed: frames on which the detector reported an error.
        restarts: of the AI process.
        overlay_age_ms: how far the newest result lies behind the picture; None if there is none. Its latency while
            the very picture that was analysed is shown, else the time since that picture was captured.
        expired: True when results are older than the limit, so that no box may be shown.
        latency_ms: last capture-to-result latency.
        result_captured_ns: when the frame of the newest result was captured.
    """

    state: AiState
    detail: str = ""
    info: DetectorInfo | None = None
    analysed: int = 0
    skipped: int = 0
    failed: int = 0
    restarts: int = 0
    overlay_age_ms: float | None = None
    expired: bool = False
    latency_ms: float | None = None
    result_captured_ns: int | None = None


class Quiet(enum.Enum):
    """Why no box is on the screen although the AI works; the plainest reason goes first."""

    SHADOW = "shadow"  # it is watched, and shows nothing
    HIDDEN = "hidden"  # by the user, for a while
    FROZEN = "frozen"  # the processor holds its picture
    OUTSIDE = "outside"  # of the body
    POOR_VIEW = "poor_view"
    LIGHT = "light"  # the model was not validated in it


@dataclass(frozen=True, slots=True)
class ViewSnapshot:
    """What is known of the picture itself.

    Attributes:
        view: good, or what is wrong with it.
        view_since_ns: when that began (``perf_counter_ns``).
        light: what the colours look like.
        validated: whether the running model was validated in this light; True while the light is unknown.
        inside: whether the picture is surely of the inside of a body.
        frozen_since_ns: since when the same picture is sent again and again; None while it moves.
        fault: why nothing of the above is known, in words: it was watched, and is not any more. To be shown: boxes
            are then shown whatever the picture is. Empty while all is well, and where nobody watches at all.
    """

    view: View = View.GOOD
    view_since_ns: int = 0
    light: Light = Light.UNKNOWN
    validated: bool = True
    inside: bool = False
    frozen_since_ns: int | None = None
    fault: str = ""


@dataclass(frozen=True, slots=True)
class RecorderSnapshot:
    """The recording.

    Attributes:
        folder: where it goes.
        seconds: how long it is by now.
        encoder: what encodes, as ``libx264``.
        blanking: whether the newest picture was written as black, because it may not be of the inside of a body.
        blanked: pictures written as black so far.
        lost: pictures that are missing, by cause in words; empty while all are there.
        hours_left: how long the disk lasts at this pace; None while that is not known.
        warning: what will go wrong if nothing is done, such as a disk that is nearly full; empty if nothing.
    """

    folder: str
    seconds: float = 0.0
    encoder: str = ""
    blanking: bool = False
    blanked: int = 0
    lost: tuple[tuple[str, int], ...] = ()
    hours_left: float | None = None
    warning: str = ""


@dataclass(frozen=True, slots=True)
class LiveSnapshot:
    """Everything that one paint of the live page shows.

    Attributes:
        frame: the picture to show: the newest, or in the synchronised mode the one whose turn it is; None before the
            first.
        source: the source's state.
        ai: the AI's state.
        markers: boxes to show, in pixels of ``frame``; empty when the AI is not on or results have expired.
        new_alerts: how many markers have appeared so far: the sound plays when this number grows.
        recording: where the recording goes; None if nothing is recorded.
        recorder_fault: what went wrong with the recording; empty if nothing.
        taken_ns: ``perf_counter_ns`` of this snapshot.
        sync: the synchronised mode.
        quiet: why no box is shown although the AI works; None if boxes may be shown.
        hidden_until_ns: when boxes that the user hid come back (``perf_counter_ns``); None if they are not hidden.
        view: what is known of the picture itself.
        sensitivity: the preset in force: ``high``, ``normal`` or ``low``; ``expert`` with limits of the user's own.
        recorder: the recording; None if nothing is recorded.
        candidate: a second model that runs unseen beside the first; None if none does.
        presets: what ``sensitivity`` can be, with the false-alarm rate of each; empty until the model is up.
    """

    frame: Frame | None
    source: SourceSnapshot
    ai: AiSnapshot
    markers: tuple[Marker, ...]
    new_alerts: int
    recording: str | None
    recorder_fault: str
    taken_ns: int
    sync: SyncSnapshot = field(default_factory=SyncSnapshot)
    quiet: Quiet | None = None
    hidden_until_ns: int | None = None
    view: ViewSnapshot = field(default_factory=ViewSnapshot)
    sensitivity: str = "normal"
    recorder: RecorderSnapshot | None = None
    candidate: AiSnapshot | None = None
    presets: tuple[Preset, ...] = ()
