"""What a live window has because it is open all day: its heart for the supervisor, and the wish to stay awake."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from app.day.awake import Awake, Held
from app.day.line import own_line
from app.gui.awake_bus import holds
from app.gui.features import MakeFeature
from app.gui.pulse import pulse_feature
from app.gui.silent import Silent


class AwakeFeature(Silent):
    """Holds sleep, screen saver and notifications off while the page is open.

    Shows nothing: what cannot be held off is in the log and in the self-test.
    """

    def __init__(self, on_held: Callable[[Held], None] = lambda held: None) -> None:
        self._awake = Awake(holds(), on_held)
        self._awake.start()

    def close(self) -> None:
        """Sleep may come again."""
        self._awake.close()


def day_features(
    more: Callable[[], Mapping[str, object]] = dict, for_good: Callable[[], bool] = lambda: True
) -> tuple[MakeFeature, ...]:
    """For ``WindowOptions.features`` of a live window, as the first: they close before what takes its time.

    Args:
        more: what else a window after a crash would have to know, as JSON; must be quick.
        for_good: whether the user wants no other window when this one closes.
    """
    line = own_line()
    heart = (pulse_feature(line, more, for_good),) if line is not None else ()
    return (*heart, lambda page: AwakeFeature())
