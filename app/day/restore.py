"""What a window says of itself while it runs, and how the one after a crash becomes the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from app.day.resumption import Resumption
from app.session_api import Session
from detector.errors import PolypwatchError


def state_of(session: Session) -> dict[str, Any]:
    """What the next window must know of this one to look the same, as JSON; cheap."""
    snapshot = session.snapshot()
    return {
        "ai": session.ai_enabled,
        "shadow": session.shadow,
        "light_override": session.light_override,
        "sensitivity": session.sensitivity,
        "synchronised": session.synchronised,
        "hidden": snapshot.hidden_until_ns is not None,
        "recording": snapshot.recording,
        "picture": snapshot.frame is not None,
    }


def restore(session: Session, told: Resumption, *, record: bool = True) -> list[str]:
    """Bring a session that has not begun yet to where the one before was; returns what could not be, in words.

    Args:
        session: before its start, or after.
        told: of the window before.
        record: go on with the recording; False where an examination does so itself.
    """
    state, failed = told.state, []

    def attempt(act: Callable[..., None], *args: Any) -> None:
        try:
            act(*args)
        except PolypwatchError as error:
            failed.append(str(error))

    if state.get("ai") is False:
        attempt(session.set_ai_enabled, False)
    for name, switch in (
        ("shadow", session.set_shadow),
        ("light_override", session.set_light_override),
        ("synchronised", session.set_synchronised),
    ):
        if isinstance(state.get(name), bool) and state[name] != getattr(session, name):
            attempt(switch, state[name])
    preset = state.get("sensitivity")
    if isinstance(preset, str) and preset != session.sensitivity:
        attempt(session.set_sensitivity, preset)
    if state.get("hidden") is True:
        attempt(session.hide_boxes)
    if record and told.recording is not None:
        attempt(session.start_recording, told.recording)
    return failed
