"""The AI's states and the pure state machine that decides between them. Written on a manual clock; no process here."""

from __future__ import annotations

import enum


class AiState(enum.Enum):
    """What the AI is doing, as the screen says it."""

    OFF = "off"  # switched off by the user
    STARTING = "starting"  # load, engine build, warm-up
    ON = "on"
    LATE = "behind"  # results are older than the limit: no boxes
    STALLED = "stalled"  # no result for longer than the limit: about to be killed
    RESTARTING = "restarting"  # the process died or was killed; waiting for the back-off, or starting again
    FAILED = "failed"  # will not be retried: a damaged model, a provider that is not there
