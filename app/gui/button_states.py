"""What the buttons of the page's own actions say. No Qt but words."""

from __future__ import annotations

from app.gui.ai_signs import hidden_s, seconds
from app.gui.buttons import ButtonState
from app.gui.keys import Action
from app.gui.language import tr
from app.session_api import Session
from app.snapshot import LiveSnapshot


def states_of(
    session: Session, snapshot: LiveSnapshot, *, sounding: bool, testing: bool, full_screen: bool
) -> dict[Action, ButtonState]:
    """The words and icons that go with this snapshot.

    Args:
        session: what is shown.
        snapshot: its state.
        sounding: a new marker makes a sound.
        testing: a self-test lies over the picture.
        full_screen: the window fills the screen.
    """
    enabled, recording, paused = session.ai_enabled, snapshot.recording is not None, session.paused
    return {
        Action.TOGGLE_AI: ButtonState(tr("AI on") if enabled else tr("AI off"), enabled, not enabled),
        Action.HIDE_BOXES: _hiding(snapshot),
        Action.TOGGLE_SOUND: ButtonState(tr("Sound on") if sounding else tr("Sound off"), sounding, not sounding),
        Action.RECORD: ButtonState(tr("Stop") if recording else tr("Record"), recording),
        Action.PAUSE: ButtonState(tr("Play") if paused else tr("Pause"), paused),
        Action.SELF_TEST: ButtonState(tr("Leave test") if testing else tr("Self-test"), testing),
        Action.FULL_SCREEN: ButtonState(tr("Window") if full_screen else tr("Full screen"), full_screen),
    }


def _hiding(snapshot: LiveSnapshot) -> ButtonState:
    """The button that hides the boxes: while they are hidden, for how long still."""
    if snapshot.hidden_until_ns is None:
        return ButtonState(tr("Hide boxes"), active=True)
    return ButtonState(tr("Hidden {time}").format(time=seconds(hidden_s(snapshot))), faint=True)
