"""Why no box is shown although the AI works: what the user asked for, and what the picture is.

Markers are withheld and nothing else: the AI goes on, results are recorded with the reason beside them.
"""

from __future__ import annotations

from app.snapshot import Quiet, ViewSnapshot
from detector.detections import DetectorInfo
from detector.picture.light import Light
from detector.picture.quality import View

_WHITE = "white"


class Suppression:
    """What the user asked for, and what follows from it for a view. The session's lock guards it.

    Attributes:
        shadow: show nothing at all.
        light_override: show boxes in any light.
        hide_s: for how long :meth:`hide` hides.
    """

    def __init__(self, hide_s: float, shadow: bool, light_override: bool) -> None:
        self.hide_s = hide_s
        self.shadow = shadow
        self.light_override = light_override
        self._until_ns: int | None = None

    def hide(self, now_ns: int) -> int:
        """Hide from now on, or for longer; returns until when (``perf_counter_ns``)."""
        self._until_ns = now_ns + round(self.hide_s * 1e9)
        return self._until_ns

    def show(self) -> None:
        """Bring hidden boxes back."""
        self._until_ns = None

    def hidden_until_ns(self, now_ns: int) -> int | None:
        """When hidden boxes come back; None if they are not hidden."""
        return self._until_ns if self._until_ns is not None and now_ns < self._until_ns else None

    def came_back(self, now_ns: int) -> bool:
        """Whether hidden boxes have come back by themselves; True once, for whoever has to tell."""
        if self._until_ns is None or now_ns < self._until_ns:
            return False
        self._until_ns = None
        return True

    def quiet(self, view: ViewSnapshot, now_ns: int) -> Quiet | None:
        """The plainest reason to show no box now; None if boxes may be shown."""
        reasons = (
            (Quiet.SHADOW, self.shadow),
            (Quiet.HIDDEN, self.hidden_until_ns(now_ns) is not None),
            (Quiet.FROZEN, view.frozen_since_ns is not None),
            (Quiet.OUTSIDE, view.view is View.OUTSIDE),
            (Quiet.POOR_VIEW, view.view is not View.GOOD),
            (Quiet.LIGHT, not view.validated and not self.light_override),
        )
        return next((reason for reason, holds in reasons if holds), None)


def validated_in(light: Light, info: DetectorInfo | None) -> bool:
    """Whether a model was validated in that light; True while light or model are unknown.

    White light is what every model here is made for. Enhanced colours are not told from one another, so that any that
    the manifest names is enough.
    """
    if info is None or light is Light.UNKNOWN or light.white:
        return True
    return any(name != _WHITE for name in info.validated_light)
