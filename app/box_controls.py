"""What a user may ask of the boxes: that part of the live session which needs no source and no thread."""

from __future__ import annotations

import threading
from collections.abc import Callable

from app.shown import Shown
from app.waker import Waker


class BoxControls:
    """Hide them, run in the shadow, insist in another light, choose how readily they appear.

    A part of :class:`app.live.LiveSession`, which brings the attributes.
    """

    _shown: Shown
    _lock: threading.Lock
    _clock_ns: Callable[[], int]
    _waker: Waker

    @property
    def hide_s(self) -> float:
        """For how long :meth:`hide_boxes` hides."""
        return self._shown.suppression.hide_s

    def hide_boxes(self) -> None:
        """Hide the boxes from now on for ``hide_s``; again: that long from now. The AI goes on."""
        self._waker.start()
        with self._lock:
            until_ns = self._shown.suppression.hide(self._clock_ns())
        self._waker.at(until_ns)
        self._changed()

    def show_boxes(self) -> None:
        """Bring hidden boxes back at once."""
        with self._lock:
            self._shown.suppression.show()
        self._changed()

    @property
    def shadow(self) -> bool:
        """Whether the AI is watched and recorded, but shows nothing."""
        return self._shown.suppression.shadow

    def set_shadow(self, on: bool) -> None:
        """Begin or end the shadow mode."""
        with self._lock:
            self._shown.suppression.shadow = on
        self._changed()

    @property
    def light_override(self) -> bool:
        """Whether the user insists on boxes in a light that the model was not validated in."""
        return self._shown.suppression.light_override

    def set_light_override(self, on: bool) -> None:
        """Insist, or no longer."""
        with self._lock:
            self._shown.suppression.light_override = on
        self._changed()

    @property
    def sensitivity(self) -> str:
        """The preset in force: ``high``, ``normal``, ``low`` or ``expert``."""
        return self._shown.sensitivity.name

    def set_sensitivity(self, preset: str) -> None:
        """Take another preset from the next result on; raises UsageError if there is none of that name."""
        self._shown.sensitivity.choose(preset)
        self._changed()

    def _changed(self) -> None:
        """Something else holds from now on."""
        raise NotImplementedError
