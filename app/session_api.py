"""What the window asks of a live session. The session does not know the window; tests give it a scripted one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from app.snapshot import LiveSnapshot
from app.tally import AiTally


class Session(Protocol):
    """A running examination or replay, as the window sees it.

    Every method may be called from the window's thread at any time and returns at once, but ``stop`` (a few seconds).
    """

    def snapshot(self) -> LiveSnapshot:
        """The state right now; cheap, and allowed from every thread."""
        ...

    def subscribe(self, wake: Callable[[], None]) -> None:
        """Have ``wake`` called, from any thread, after every new frame, result and change of state."""
        ...

    @property
    def ai_enabled(self) -> bool:
        """Whether the user wants the AI."""
        ...

    def set_ai_enabled(self, enabled: bool, /) -> None:
        """Switch the AI on or off; what it then really does is in the snapshot."""
        ...

    @property
    def synchronised(self) -> bool:
        """Whether each picture is kept back for its own boxes; false again once the mode has ended by itself."""
        ...

    def set_synchronised(self, on: bool, /) -> None:
        """Begin or end the synchronised mode; what it then really does is in the snapshot."""
        ...

    @property
    def hide_s(self) -> float:
        """For how long :meth:`hide_boxes` hides."""
        ...

    def hide_boxes(self) -> None:
        """Hide the boxes from now on for ``hide_s``; again: that long from now. The AI goes on."""
        ...

    def show_boxes(self) -> None:
        """Bring hidden boxes back at once."""
        ...

    @property
    def shadow(self) -> bool:
        """Whether the AI is watched and recorded, but shows nothing."""
        ...

    def set_shadow(self, on: bool, /) -> None:
        """Begin or end the shadow mode."""
        ...

    @property
    def light_override(self) -> bool:
        """Whether the user insists on boxes in a light that the model was not validated in."""
        ...

    def set_light_override(self, on: bool, /) -> None:
        """Insist, or no longer."""
        ...

    @property
    def sensitivity(self) -> str:
        """The preset in force: ``high``, ``normal``, ``low`` or ``expert``."""
        ...

    def set_sensitivity(self, preset: str, /) -> None:
        """Take another preset from the next result on.

        Raises:
            UsageError: the model has no such preset.
        """
        ...

    @property
    def can_pause(self) -> bool:
        """Whether the picture can be held: files and folders, once they are open."""
        ...

    @property
    def paused(self) -> bool:
        """Whether the user holds the picture."""
        ...

    def set_paused(self, paused: bool, /) -> None:
        """Hold the picture or let it go on; without effect where it cannot be held."""
        ...

    @property
    def can_record(self) -> bool:
        """Whether this session has a recorder."""
        ...

    def start_recording(self, folder: Path | None = None) -> None:
        """Begin a recording, or go on with one.

        Args:
            folder: where to; what was recorded there before is kept and gone on with. None: a new folder of its own.

        Raises:
            PolypwatchError: it cannot be written.
        """
        ...

    def stop_recording(self) -> None:
        """End the recording and complete its files."""
        ...

    def statistics(self) -> AiTally:
        """What the AI did since the start: how long it showed boxes, why it did not, how fast it was."""
        ...

    def start(self) -> None:
        """Begin: open the source, start the AI."""
        ...

    def stop(self) -> None:
        """End everything and wait for it; once stopped, ``wake`` is not called any more."""
        ...
