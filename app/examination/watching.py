"""What the program itself notes in the journal: the model, changes of the AI, of the picture and of the recording.

Pure: two looks at the session are compared, and events come out. Nothing here waits for anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import ValidationError

from app.examination.events import AiStatistics, Audit, ModelUsed, Payload
from app.session_api import Session
from app.snapshot import LiveSnapshot, SourceStatus
from app.tally import AiTally
from detector.watchdog import AiState

_LOST = frozenset({SourceStatus.LOST, SourceStatus.GONE, SourceStatus.FAILED})


def statistics_since(
    begin: AiTally, now: AiTally, earlier: AiStatistics | None, snapshot: LiveSnapshot
) -> AiStatistics:
    """The figures of one examination.

    Args:
        begin: the session's figures when this examination began, or was gone on with.
        now: its figures now. Latencies are those of the session: percentiles cannot be taken apart.
        earlier: what an earlier run of the program had noted of this examination.
        snapshot: of the session now.
    """
    reasons = dict(earlier.suppressed_s) if earlier else {}
    for reason, suppressed_s in now.suppressed_s.items():
        more_s = max(0.0, suppressed_s - begin.suppressed_s.get(reason, 0.0))
        if more_s > 0 or reason in reasons:
            reasons[reason] = round(reasons.get(reason, 0.0) + more_s, 3)

    def seconds(name: str) -> float:
        so_far_s: float = getattr(earlier, name) if earlier else 0.0
        since_s: float = getattr(now, name) - getattr(begin, name)
        return round(so_far_s + max(0.0, since_s), 3)

    def count(name: str) -> int:
        so_far: int = getattr(earlier, name) if earlier else 0
        since: int = getattr(now, name) - getattr(begin, name)
        return so_far + max(0, since)

    info = snapshot.ai.info
    return AiStatistics(
        active_s=seconds("active_s"),
        suppressed_s=reasons,
        markers_shown=count("markers_shown"),
        marker_s=seconds("marker_s"),
        analysed=count("analysed"),
        skipped=count("skipped"),
        failed=count("failed"),
        restarts=count("restarts"),
        latency_p50_ms=now.latency_p50_ms,
        latency_p95_ms=now.latency_p95_ms,
        threshold=info.threshold if info else None,
        preset=snapshot.sensitivity,
    )


class Trail:
    """Notes every model, and every change that somebody may ask about later."""

    def __init__(self) -> None:
        self._models: dict[str, ModelUsed | Audit] = {}
        self._states: dict[str, str] = {}
        self._restarts: int | None = None

    def look(self, session: Session, snapshot: LiveSnapshot) -> Iterator[Payload]:
        """What is new since the last look. The first look notes what is not as usual."""
        yield from self._model("first", snapshot, "shadow" if session.shadow else "shown")
        yield from self._model("candidate", snapshot, "shadow")
        yield from self._ai(session, snapshot)
        yield from self._boxes(session, snapshot)
        yield from self._picture(snapshot)
        yield from self._recorder(snapshot)

    def _model(self, which: str, snapshot: LiveSnapshot, role: str) -> Iterator[Payload]:
        ai = snapshot.ai if which == "first" else snapshot.candidate
        info = ai.info if ai else None
        if info is None:
            return
        fields = {
            "name": info.model,
            "version": info.version,
            "variant": info.variant,
            "sha256": info.sha256,
            "threshold": info.threshold,
            "provider": info.provider,
            "role": role,
        }
        used: ModelUsed | Audit
        try:
            used = ModelUsed.model_validate(fields)
        except ValidationError:  # a detector of somebody's own: what it says of itself is noted as it is
            used = Audit(what="model_in_use", detail=str(fields))
        if self._models.get(which) != used:
            self._models[which] = used
            yield used

    def _ai(self, session: Session, snapshot: LiveSnapshot) -> Iterator[Payload]:
        yield from self._switch("ai", "" if session.ai_enabled else "off", {"off": "ai_off", "": "ai_on"})
        failed = "failed" if snapshot.ai.state is AiState.FAILED else ""
        yield from self._switch("failed", failed, {"failed": "ai_failed", "": "ai_back"}, snapshot.ai.detail)
        restarts = snapshot.ai.restarts
        if self._restarts is not None and restarts > self._restarts:
            yield Audit(what="ai_restarted", detail=snapshot.ai.detail)
        self._restarts = restarts

    def _boxes(self, session: Session, snapshot: LiveSnapshot) -> Iterator[Payload]:
        hidden = "hidden" if snapshot.hidden_until_ns is not None else ""
        yield from self._switch("hidden", hidden, {"hidden": "boxes_hidden", "": "boxes_back"})
        yield from self._switch("shadow", "on" if session.shadow else "", {"on": "shadow_on", "": "shadow_off"})
        insists = "on" if session.light_override else ""
        names = {"on": "light_override_on", "": "light_override_off"}
        yield from self._switch("light", insists, names, snapshot.view.light.value)
        if self._states.setdefault("preset", snapshot.sensitivity) != snapshot.sensitivity:
            self._states["preset"] = snapshot.sensitivity
            yield Audit(what="sensitivity", detail=snapshot.sensitivity)

    def _picture(self, snapshot: LiveSnapshot) -> Iterator[Payload]:
        lost = "lost" if snapshot.source.status in _LOST else ""
        yield from self._switch("source", lost, {"lost": "source_lost", "": "source_back"}, snapshot.source.detail)
        frozen = "frozen" if snapshot.view.frozen_since_ns is not None else ""
        yield from self._switch("frozen", frozen, {"frozen": "picture_frozen", "": "picture_moves"})
        validated = "" if snapshot.view.validated else snapshot.view.light.value
        yield from self._switch("validated", validated, {"": "light_validated"}, validated, "light_not_validated")

    def _recorder(self, snapshot: LiveSnapshot) -> Iterator[Payload]:
        fault = snapshot.recorder_fault
        yield from self._switch("recorder", fault, {"": "recorder_well"}, fault, "recorder_fault")
        # By its folder's name: the nth that names the examination's own is session n of its ``frames.jsonl``.
        folder = "" if snapshot.recording is None else Path(snapshot.recording).name
        yield from self._switch("recording", folder, {"": "recording_stopped"}, folder, "recording_started")

    def _switch(
        self, name: str, state: str, words: Mapping[str, str], detail: str = "", other: str = ""
    ) -> Iterator[Audit]:
        """Of a state whose usual value is empty: an event for every change."""
        if self._states.get(name, "") != state:
            self._states[name] = state
            yield Audit(what=words.get(state, other), detail=detail if state else "")
