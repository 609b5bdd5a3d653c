"""The smaller signs of the status line: recording, what the user chose, what else is wrong. No Qt but words."""

from __future__ import annotations

from app.gui.ai_signs import flag_of_quiet, lasting, main_sign
from app.gui.language import mark, told, tr
from app.gui.sign_kinds import Shape, Sign, Tone, View
from app.snapshot import LiveSnapshot, RecorderSnapshot
from app.synchrony import SyncSnapshot, SyncState

# An examination lasts less than an hour; with less disk than this the room should know before it begins.
_FEW_HOURS = 2.0
_ALMOST_NONE_HOURS = 0.25

_OF_PRESET = {
    "high": Sign(mark("SENSITIVITY HIGH"), Shape.SENSITIVITY, Tone.BUSY),
    "low": Sign(mark("SENSITIVITY LOW"), Shape.SENSITIVITY, Tone.BUSY),
    "expert": Sign(mark("EXPERT LIMITS"), Shape.SENSITIVITY, Tone.BUSY),
}


# The recorder's causes, in words that say what to do about them.
_LOST_BY = {
    "spool full": mark("encoder or disk too slow"),
    "encoder failed": mark("encoder failed"),
    "disk": mark("disk not writable"),
    "stream damaged": mark("stream damaged"),
    "closing": mark("closed too soon"),
}


def flag_signs(snapshot: LiveSnapshot, view: View, main: Sign | None = None) -> tuple[Sign, ...]:
    """Every flag that is due, the most important first.

    Args:
        snapshot: the session.
        view: what the user chose, with the flags of the page's features.
        main: the AI's sign, which need not be said again; default: the one for this snapshot.
    """
    main = main or main_sign(snapshot, view)
    found = (
        *recorder_signs(snapshot),
        flag_of_quiet(snapshot, view, main),
        _unwatched_sign(snapshot),
        _light_sign(snapshot),
        sync_sign(snapshot.sync),
        *view.flags,
        _preset_sign(snapshot.sensitivity),
        _sound_sign(view),
        _failed_frames(snapshot.ai.failed),
    )
    return tuple(sign for sign in found if sign is not None)


def recorder_signs(snapshot: LiveSnapshot) -> tuple[Sign, ...]:
    """That it records and for how long, or why not; what was lost, and how long the disk lasts."""
    if snapshot.recorder_fault:
        return (Sign(tr("RECORDING FAULT"), Shape.CROSS, Tone.FAULT),)
    if snapshot.recording is None:
        return ()
    recorder = snapshot.recorder
    if recorder is None:
        return (Sign(tr("REC"), Shape.RECORD, Tone.FAULT),)
    time = elapsed(recorder.seconds)
    if recorder.blanking:
        first = Sign(tr("REC (BLANK) {time}").format(time=time), Shape.BLANK, Tone.CAUTION)
    else:
        first = Sign(tr("REC {time}").format(time=time), Shape.RECORD, Tone.FAULT)
    return (first, *_disk_signs(recorder), *(_lost_sign(cause, count) for cause, count in recorder.lost if count))


def sync_sign(sync: SyncSnapshot) -> Sign | None:
    """That the picture is delayed, and by how much; or why it is not, although that was asked for."""
    if sync.state is SyncState.OFF:
        return None
    if sync.state is SyncState.ENDED:
        return Sign(tr("SYNC ENDED: AI TOO SLOW"), Shape.TRIANGLE, Tone.CAUTION)
    if sync.state is SyncState.WAITING or sync.delay_ms is None:
        return Sign(tr("SYNC WAITS FOR AI"), Shape.DOTS, Tone.BUSY)
    return Sign(tr("SYNCHRONISED +{n} MS").format(n=f"{sync.delay_ms:.0f}"), Shape.INFO, Tone.CAUTION)


def elapsed(span_s: float) -> str:
    """A running time as a recorder shows it: ``0:07``, ``12:34``, ``1:02:03``."""
    whole = max(0, int(span_s))
    hours, minutes, rest = whole // 3600, whole % 3600 // 60, whole % 60
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _disk_signs(recorder: RecorderSnapshot) -> tuple[Sign, ...]:
    hours = recorder.hours_left
    if hours is not None and hours < _FEW_HOURS:
        tone = Tone.FAULT if hours < _ALMOST_NONE_HOURS else Tone.CAUTION
        return (Sign(tr("DISK: {time} LEFT").format(time=lasting(hours * 3600)), Shape.DISK, tone),)
    if recorder.warning:
        return (Sign(tr("REC: {warning}").format(warning=told(recorder.warning)), Shape.TRIANGLE, Tone.CAUTION),)
    return ()


def _lost_sign(cause: str, count: int) -> Sign:
    """Pictures that the recording lacks, by one cause."""
    return Sign(
        tr("{n} LOST: {cause}").format(n=count, cause=tr(_LOST_BY.get(cause, cause))), Shape.CRACKED, Tone.CAUTION
    )


def _unwatched_sign(snapshot: LiveSnapshot) -> Sign | None:
    """Nobody looks any more whether the picture is worth looking at: boxes are shown whatever it is."""
    if not snapshot.view.fault:
        return None
    return Sign(tr("PICTURE NOT CHECKED"), Shape.POOR_VIEW, Tone.CAUTION)


def _light_sign(snapshot: LiveSnapshot) -> Sign | None:
    """Boxes are shown because the user insists, in a light that nobody tried the model in."""
    if snapshot.view.validated or snapshot.quiet is not None:
        return None
    return Sign(tr("LIGHT NOT VALIDATED"), Shape.LIGHT, Tone.CAUTION)


def _preset_sign(preset: str) -> Sign | None:
    if preset == "normal":
        return None
    sign = _OF_PRESET.get(preset)
    if sign is None:
        return Sign(preset.upper(), Shape.SENSITIVITY, Tone.BUSY)
    return Sign(tr(sign.text), sign.shape, sign.tone)


def _sound_sign(view: View) -> Sign | None:
    if view.sound_fault:
        return Sign(tr(view.sound_fault).upper(), Shape.MUTED, Tone.QUIET)
    return Sign(tr("MUTED"), Shape.MUTED, Tone.QUIET) if view.muted else None


def _failed_frames(count: int) -> Sign | None:
    if not count:
        return None
    words = tr("1 FRAME NOT ANALYSED") if count == 1 else tr("{n} FRAMES NOT ANALYSED").format(n=count)
    return Sign(words, Shape.TRIANGLE, Tone.QUIET)
