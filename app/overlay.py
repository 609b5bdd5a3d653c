"""From the AI's answers to the markers that may be shown now. ``detector.alerts`` decides what becomes a marker.

While the very picture that was analysed is shown (a still, a paused file) its boxes do not age.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from detector.alerts import AlertFilter, AlertSettings, AlertUpdate, Marker
from detector.detections import Detections, DetectorInfo
from detector.frame import Frame
from detector.geometry import Size
from detector.tracking import TrackUpdate

# The AI holds one frame for its stall limit at most: this is more than a minute at 60 frames/s.
_MOST_ASKED = 4096


@dataclass(frozen=True, slots=True)
class AnalysedFrame:
    """One result as the session received it: what the results file and the summary are made of.

    Attributes:
        detections: raw, in pixels of the frame.
        update: the alerts and tracks that they led to.
        info: the detector that ran.
        size: of the frame.
        name: file name of a still, else empty.
        captured_ns: ``perf_counter_ns`` at which the frame was captured.
        received_ns: the same for the arrival of the result.
    """

    detections: Detections
    update: AlertUpdate
    info: DetectorInfo
    size: Size
    name: str
    captured_ns: int
    received_ns: int


@dataclass(frozen=True, slots=True)
class FailedFrame:
    """A frame that the AI saw and could not analyse."""

    index: int
    size: Size
    name: str
    message: str


class Overlay:
    """Markers and their age. Not locked: the session's lock guards it.

    Args:
        limits: of markers, for what runs; asked with every result, so that another preset holds from the next one on.

    Attributes:
        markers: those that the newest result led to.
        new_alerts: how many markers have appeared where they could be seen. A lesion that was found while nothing was
            shown counts when it is shown.
        captured_ns: when the frame of the newest result was captured; None without one.
        latency_ns: how long that result took.
    """

    def __init__(self, limits: Callable[[DetectorInfo], AlertSettings]) -> None:
        self._limits = limits
        self._alerts: AlertFilter | None = None
        self.size: Size | None = None  # of the picture that the markers are of
        self._seen: frozenset[int] = frozenset()  # tracks whose markers were on the screen
        self._asked: dict[int, tuple[Size, str]] = {}
        self._index = -1
        self.markers: tuple[Marker, ...] = ()
        self.new_alerts = 0
        self.captured_ns: int | None = None
        self.latency_ns: int | None = None

    def asked(self, frame: Frame) -> None:
        """A frame goes to the AI."""
        self._asked[frame.index] = (frame.size, frame.name)
        if len(self._asked) > _MOST_ASKED:  # an AI that is off or failed answers nothing, for hours perhaps
            del self._asked[next(iter(self._asked))]

    def answered(
        self,
        detections: Detections,
        info: DetectorInfo,
        captured_ns: int,
        received_ns: int,
        *,
        visible: bool = True,
        evidence: bool = True,
    ) -> AnalysedFrame | None:
        """Take in a result; None if a newer one was there before.

        Args:
            detections: the result.
            info: what runs.
            captured_ns: when the frame was captured.
            received_ns: when the result came.
            visible: whether its markers go to the screen.
            evidence: False for a frame of a frozen picture, which says nothing new.
        """
        if detections.frame_index <= self._index:
            return None
        size, name = self._answer(detections.frame_index)
        if size != self.size and self._alerts is not None:
            self._alerts.restart_clock()  # boxes in pixels of another picture
        self.size = size
        update = self._update(detections, info) if evidence else AlertUpdate((), TrackUpdate((), ()))
        self.markers = update.markers
        self._count(update.markers, visible)
        self._index, self.captured_ns = detections.frame_index, captured_ns
        self.latency_ns = received_ns - captured_ns
        return AnalysedFrame(detections, update, info, size, name, captured_ns, received_ns)

    def failed(self, index: int, message: str) -> FailedFrame:
        """A frame could not be analysed: evidence of nothing, so the markers stay until they are too old."""
        return FailedFrame(index, *self._answer(index), message)

    def restart(self) -> None:
        """No markers, and no track goes on: what comes next has nothing to do with what was."""
        self.clear()
        if self._alerts is not None:
            self._alerts.restart_clock()

    def clear(self) -> None:
        """No markers until the next result."""
        self.markers = ()
        self.captured_ns = self.latency_ns = None

    def age_ns(self, frame: Frame | None, now_ns: int) -> int | None:
        """How far the newest result lies behind the picture ``frame``; None without a result."""
        if self.captured_ns is None:
            return None
        if frame is not None and frame.index == self._index:
            return self.latency_ns
        return now_ns - self.captured_ns

    def _answer(self, index: int) -> tuple[Size, str]:
        """Size and name of a frame that the AI answered; forgets it and all before it (those were skipped)."""
        asked = self._asked[index]
        self._asked = {k: v for k, v in self._asked.items() if k > index}
        return asked

    def _count(self, markers: tuple[Marker, ...], visible: bool) -> None:
        """Count the markers that are seen for the first time; those of stills have no track and are not counted."""
        ids = frozenset(marker.track_id for marker in markers if marker.track_id)
        if visible:
            self.new_alerts += len(ids - self._seen)
        self._seen = ids if visible else ids & self._seen

    def _update(self, detections: Detections, info: DetectorInfo) -> AlertUpdate:
        limits = self._limits(info)
        if self._alerts is None:
            self._alerts = AlertFilter(limits)
        self._alerts.retune(limits)
        if detections.time is None:
            return self._alerts.still(detections)
        return self._alerts.update(detections, detections.time.seconds)
