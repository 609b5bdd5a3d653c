"""What a window that was started after a crash is told of the one before."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_VARIABLE = "POLYPWATCH_RESUMED"


@dataclass(frozen=True, slots=True)
class Resumption:
    """A start after a crash.

    Attributes:
        why: what happened to the window before, in words.
        state: what it said of itself last; see ``app.day.restore.state_of`` and ``app.live_room``.
    """

    why: str
    state: dict[str, Any]

    @property
    def recording(self) -> Path | None:
        """Where the recording went that was running; None if none was."""
        folder = self.state.get("recording")
        return Path(folder) if isinstance(folder, str) else None

    @property
    def examination(self) -> Path | None:
        """Folder of the examination that was running; None if none was."""
        folder = self.state.get("examination")
        return Path(folder) if isinstance(folder, str) else None

    @property
    def set_up(self) -> bool:
        """Whether the source had been chosen in the set-up, which goes before the command line."""
        return self.state.get("set_up") is True

    def to_environment(self) -> dict[str, str]:
        """The variable that tells a child."""
        return {_VARIABLE: json.dumps({"why": self.why, "state": self.state})}


def resumption() -> Resumption | None:
    """How this process was started; None if nothing was before. Says it once: another window of it begins afresh."""
    try:
        told = json.loads(os.environ.pop(_VARIABLE, ""))
        return Resumption(str(told["why"]), dict(told["state"]))
    except (ValueError, KeyError, TypeError):
        return None
