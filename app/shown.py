"""What may be on the screen: results in, markers out, unless somebody or the picture itself keeps them back.

Every rule about showing a box meets here: sensitivity, age, the synchronised mode, suppression. No thread and no lock:
the session's lock guards it, and times and reports are handed in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from app.live_settings import LiveSettings, Sensitivity
from app.overlay import AnalysedFrame, FailedFrame, Overlay
from app.results_log import SHADOW, SHOWN, LogRow, Row, failed_row, head_of, row_of
from app.snapshot import AiSnapshot, Quiet, SourceStatus, ViewSnapshot
from app.standing import age_limit_ns, ai_snapshot, at_rest, picture_is_there, withheld
from app.suppression import Suppression, validated_in
from app.synchrony import Synchroniser
from app.tally import Tally
from detector.alerts import Marker
from detector.detections import Detections, DetectorInfo
from detector.frame import Frame, SourceInfo
from detector.presets import PresetsOf
from detector.worker import AiReport


class Pictures(Protocol):
    """What is asked of the feed."""

    frame: Frame | None
    info: SourceInfo | None
    status: SourceStatus


@dataclass(frozen=True, slots=True)
class Standing:
    """What holds at one instant.

    Attributes:
        frame: the picture to show.
        ai: the AI's state.
        view: what is known of the picture.
        quiet: why no box is shown although the AI works.
        withheld: the same including the AI's own reasons, in a word; None if boxes may be shown.
        markers: the boxes to show.
    """

    frame: Frame | None
    ai: AiSnapshot
    view: ViewSnapshot
    quiet: Quiet | None
    withheld: str | None
    markers: tuple[Marker, ...]


class Shown:
    """Markers, and whether they may be seen.

    Args:
        settings: limits, and what the user asked for.
        presets: the sensitivity presets of what runs.
        pictures: the feed, as soon as there is one.
        view: what is known of the picture at an instant.
    """

    def __init__(
        self,
        settings: LiveSettings,
        presets: PresetsOf,
        pictures: Callable[[], Pictures],
        view: Callable[[int], ViewSnapshot],
    ) -> None:
        self.ai_enabled = True
        self.sensitivity = Sensitivity(settings, presets)
        self.overlay = Overlay(self.sensitivity.limits)
        self.sync = Synchroniser()
        self.suppression = Suppression(settings.hide_s, settings.shadow, settings.light_override)
        self.tally = Tally()
        self._base_ns = settings.overlay_limit_ns
        self._pictures, self._view_at = pictures, view
        self._was_frozen = False

    def standing(self, now_ns: int, report: AiReport) -> Standing:
        """What holds now."""
        feed, sync = self._pictures(), self.sync
        sync.settle(now_ns)
        frame, markers = (sync.shown, sync.markers) if sync.active else (feed.frame, self.overlay.markers)
        if frame is not None and frame.size != self.overlay.size:
            markers = ()  # boxes in pixels of another picture
        ai = ai_snapshot(report, self.overlay, frame, now_ns, self._base_ns, feed.info)
        view = self._view(now_ns, report.info)
        quiet = self.suppression.quiet(view, now_ns)
        why = withheld(ai, self.ai_enabled, feed.status, quiet)
        return Standing(frame, ai, view, quiet, why, () if why else markers)

    def account(self, now_ns: int, report: AiReport) -> Standing:
        """The same, and put down in the statistics that it holds from now on."""
        now = self.standing(now_ns, report)
        reason = now.withheld or at_rest(self._pictures().status)
        self.tally.note(now_ns, reason, bool(now.markers) and reason is None)
        return now

    def view_changed(self, now_ns: int) -> None:
        """The watch found something else. What comes after a freeze has nothing to do with what was before."""
        frozen = self._view_at(now_ns).frozen_since_ns is not None
        if frozen != self._was_frozen:
            self.overlay.restart()
        self._was_frozen = frozen

    def answered(
        self, detections: Detections, captured_ns: int, received_ns: int, report: AiReport
    ) -> tuple[AnalysedFrame, Row] | None:
        """Take in a result, and say how to note it; None if nobody wants it any more."""
        info = report.info
        if not self.ai_enabled or info is None:
            return None
        view = self._view(received_ns, info)
        analysed = self.overlay.answered(
            detections,
            info,
            captured_ns,
            received_ns,
            visible=self._visible(view, captured_ns, received_ns),
            evidence=view.frozen_since_ns is None or captured_ns < view.frozen_since_ns,
        )
        if analysed is None:
            return None
        self.sync.answered(detections.frame_index, self.overlay.markers, received_ns)
        self.tally.answered(received_ns - captured_ns)
        now = self.account(received_ns, report)
        shown = () if now.withheld else self.overlay.markers
        return analysed, lambda: self._log_row(info, row_of(analysed, shown, now.withheld))

    def failed(self, index: int, message: str, now_ns: int, report: AiReport) -> tuple[FailedFrame, Row | None]:
        """Take in that a frame could not be analysed, and say how to note it."""
        failed = self.overlay.failed(index, message)
        self.sync.failed(index, now_ns)
        self.account(now_ns, report)
        info = report.info
        return failed, (lambda: self._log_row(info, failed_row(failed))) if info else None

    def _visible(self, view: ViewSnapshot, captured_ns: int, received_ns: int) -> bool:
        """Whether the markers of a result that comes just now go to the screen."""
        feed = self._pictures()
        in_time = received_ns - captured_ns < age_limit_ns(self._base_ns, feed.info)
        return in_time and picture_is_there(feed.status) and self.suppression.quiet(view, received_ns) is None

    def _view(self, now_ns: int, info: DetectorInfo | None) -> ViewSnapshot:
        view = self._view_at(now_ns)
        return replace(view, validated=validated_in(view.light, info))

    def _log_row(self, info: DetectorInfo, row: Mapping[str, Any]) -> LogRow:
        head = head_of(info, self.sensitivity.limits(info), self.sensitivity.name)
        return LogRow(SHADOW if self.suppression.shadow else SHOWN, head, row)
