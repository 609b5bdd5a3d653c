"""One run of the recorder in a folder, and what ``recording.json`` says of it and of those before."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from app import SOFTWARE
from app.recording.mark import RECORDING, last_segment, read_mark, write_mark
from app.recording.segments import SegmentFacts


class SessionMark:
    """Begins a session and keeps the mark.

    Attributes:
        number: of this session, from 1.
        first_segment: number of its first video.
        interrupted: whether an earlier session was left without an end, so that something must be repaired.
        before_s: how long the earlier sessions' videos are.

    Raises:
        OSError: the folder cannot be written.
        FormatError: the folder is of a newer version.
    """

    def __init__(self, folder: Path) -> None:
        before = read_mark(folder) or {}
        self._folder = folder
        self._sessions: list[dict[str, Any]] = [*before.get("sessions", ())]
        self._earlier: list[dict[str, Any]] = [*before.get("segments", ())]
        self.interrupted = before.get("state") == RECORDING
        self.first_segment = last_segment(folder) + 1
        if not before and self.first_segment > 1:
            self._sessions, self.interrupted = [{"session": 1}], True  # its mark was lost with the power
        self.before_s = float(sum(s.get("seconds", 0.0) for s in self._earlier))
        self.number = max((s.get("session", 0) for s in self._sessions), default=0) + 1
        self._sessions.append({"session": self.number, "started_utc": _utc(), "software": SOFTWARE})
        begun = {"state": RECORDING, "sessions": self._sessions, "segments": self._earlier}
        write_mark(folder, begun, sync=False)  # whoever begins does not wait; the disk keeper syncs it

    def write(self, state: str, segments: list[SegmentFacts], known: dict[str, Any], *, ended: bool) -> None:
        """Replace the mark.

        Args:
            state: of the recording.
            segments: of this session.
            known: what else is known of this session.
            ended: note the time as its end.

        Raises:
            OSError: the disk is full or gone.
        """
        self._sessions[-1] |= known
        if ended:
            self._sessions[-1]["ended_utc"] = _utc()
        told = [*self._earlier, *(asdict(facts) for facts in segments)]
        write_mark(self._folder, {"state": state, "sessions": self._sessions, "segments": told})


def _utc() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
