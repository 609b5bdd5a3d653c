"""What the AI did over an examination: how long it could show boxes, why it could not, and how fast it was.

Time is added up between events, on a clock that is handed in. For the journal; no figure here is a clinical one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from detector.worker import AiReport

_BUCKETS = 2000  # of a millisecond each; longer latencies are in the last


@dataclass(frozen=True, slots=True)
class AiTally:
    """What the AI did since the start; field by field what the journal of an examination keeps.

    Attributes:
        active_s: how long the AI was on and its boxes were allowed on the screen.
        suppressed_s: how long they were not, by reason: ``off``, ``starting``, ``behind``, ``stalled``,
            ``restarting``, ``failed``, ``no_picture``, ``paused``, and the values of :class:`app.snapshot.Quiet`.
        markers_shown: how many markers appeared on the screen.
        marker_s: how long at least one was there.
        analysed: frames analysed.
        skipped: frames that the AI never saw, because a newer one was there.
        failed: frames on which it reported an error.
        restarts: of the AI process.
        latency_p50_ms: capture to result, median; None without a result.
        latency_p95_ms: 95th percentile; likewise.
    """

    active_s: float
    suppressed_s: Mapping[str, float]
    markers_shown: int
    marker_s: float
    analysed: int
    skipped: int
    failed: int
    restarts: int
    latency_p50_ms: float | None
    latency_p95_ms: float | None


class Tally:
    """Adds up. Not locked: the session's lock guards it."""

    def __init__(self) -> None:
        self._since_ns: int | None = None
        self._reason: str | None = None
        self._showing = False
        self._active_ns = self._marker_ns = 0
        self._suppressed_ns: dict[str, int] = {}
        self._latencies = [0] * _BUCKETS

    def note(self, now_ns: int, reason: str | None, showing: bool) -> None:
        """From now on this holds; until now what was noted before did.

        Args:
            now_ns: the time.
            reason: why no box may be shown; None if boxes may be.
            showing: whether a marker is on the screen.
        """
        if self._since_ns is not None:
            elapsed_ns = max(0, now_ns - self._since_ns)
            if self._reason is None:
                self._active_ns += elapsed_ns
            else:
                self._suppressed_ns[self._reason] = self._suppressed_ns.get(self._reason, 0) + elapsed_ns
            self._marker_ns += elapsed_ns * self._showing
        self._since_ns, self._reason, self._showing = now_ns, reason, showing

    def answered(self, latency_ns: int) -> None:
        """A result came, so long after its picture was captured."""
        self._latencies[min(_BUCKETS - 1, max(0, latency_ns // 1_000_000))] += 1

    def total(self, report: AiReport, markers_shown: int) -> AiTally:
        """The sums up to the last :meth:`note`, with the AI's own counts."""
        return AiTally(
            active_s=self._active_ns / 1e9,
            suppressed_s={reason: ns / 1e9 for reason, ns in sorted(self._suppressed_ns.items())},
            markers_shown=markers_shown,
            marker_s=self._marker_ns / 1e9,
            analysed=report.analysed,
            skipped=report.skipped,
            failed=report.failed,
            restarts=report.restarts,
            latency_p50_ms=self._percentile(0.50),
            latency_p95_ms=self._percentile(0.95),
        )

    def _percentile(self, share: float) -> float | None:
        """The middle of the bucket in which that share of all results is reached."""
        wanted = share * sum(self._latencies)
        below = 0
        for bucket, count in enumerate(self._latencies):
            below += count
            if count and below >= wanted:
                return bucket + 0.5
        return None
