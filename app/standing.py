"""What holds for the AI's boxes at one instant: its state as the screen means it, and why no box may be shown."""

from __future__ import annotations

from app.overlay import Overlay
from app.snapshot import AiSnapshot, Quiet, SourceStatus
from detector.frame import Frame, SourceInfo
from detector.watchdog import AiState
from detector.worker import AiReport

_SLOW_INTERVALS = 1.5  # by then the result of the next picture is there, or the AI is behind
_SLOWEST_LIMIT_NS = 1_000_000_000
# What is on the screen is not what is in front of the scope: no box may suggest that the AI looks at it.
_NO_PICTURE = (SourceStatus.LOST, SourceStatus.GONE, SourceStatus.FAILED, SourceStatus.OPENING)
_BEHIND = "behind"
_REASONS = {
    AiState.OFF: "off",
    AiState.STARTING: "starting",
    AiState.LATE: _BEHIND,
    AiState.STALLED: "stalled",
    AiState.RESTARTING: "restarting",
    AiState.FAILED: "failed",
}


def effective(report: AiReport) -> tuple[AiState, str]:
    """The AI's state as the screen means it, and why."""
    if report.state is AiState.LATE and report.idle:
        return AiState.ON, ""  # waiting for a picture, not behind: the source's own state is said
    return report.state, report.detail


def age_limit_ns(base_ns: int, info: SourceInfo | None) -> int:
    """The age at which boxes vanish: a picture of a thinned clip stands for one interval, and its boxes with it."""
    if info is None or info.live or not info.rate:  # a live picture moves on, whatever rate its sender claims
        return base_ns
    interval_ns = float(1_000_000_000 / info.rate)
    return max(base_ns, round(min(_SLOW_INTERVALS * interval_ns, _SLOWEST_LIMIT_NS)))


def ai_snapshot(
    report: AiReport, overlay: Overlay, frame: Frame | None, now_ns: int, base_ns: int, info: SourceInfo | None
) -> AiSnapshot:
    """The AI as the screen shows it.

    Args:
        report: of its process.
        overlay: what it said.
        frame: the picture on the screen.
        now_ns: the time.
        base_ns: boxes of this age vanish; of a slow file later.
        info: what is known of the source.
    """
    age_ns = overlay.age_ns(frame, now_ns)
    limit_ns = age_limit_ns(base_ns, info)
    state, detail = effective(report)
    if state is AiState.LATE and age_ns is not None and base_ns <= age_ns < limit_ns:
        state, detail = AiState.ON, ""  # late for a live picture, and not for this one
    return AiSnapshot(
        state=state,
        detail=detail,
        info=report.info,
        analysed=report.analysed,
        skipped=report.skipped,
        failed=report.failed,
        restarts=report.restarts,
        overlay_age_ms=None if age_ns is None else age_ns / 1e6,
        expired=age_ns is None or age_ns >= limit_ns,
        latency_ms=None if overlay.latency_ns is None else overlay.latency_ns / 1e6,
        result_captured_ns=overlay.captured_ns,
    )


def picture_is_there(status: SourceStatus) -> bool:
    """Whether what is on the screen is what the source shows."""
    return status not in _NO_PICTURE


def withheld(ai: AiSnapshot, enabled: bool, status: SourceStatus, quiet: Quiet | None) -> str | None:
    """Why no box may be shown now, as the statistics name it; None if boxes may be."""
    if not picture_is_there(status):
        return "no_picture"
    if not enabled:
        return _REASONS[AiState.OFF]
    if ai.state is not AiState.ON:
        return _REASONS[ai.state]
    if quiet is not None:
        return quiet.value
    return _BEHIND if ai.expired else None


def at_rest(status: SourceStatus) -> str | None:
    """Why no time passes for the statistics although boxes may stand on the picture; None while it moves."""
    return {SourceStatus.PAUSED: "paused", SourceStatus.ENDED: "no_picture"}.get(status)
