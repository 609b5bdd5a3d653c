"""Small videos with painted indices, and players that are waited for."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from app.qa.opened import Opened, open_for_review
from app.qa.playback.player import Player, PlayState
from detector.geometry import Size
from tests.app.recording.recordings import X264, frame, recording
from tests.clips import paint_index, read_painted_index, write_video

SMALL = Size(160, 96)
MILLISECONDS = Fraction(1, 1000)


def picture(index: int, size: Size = SMALL) -> np.ndarray:
    grey = np.full((size.height, size.width, 3), 90, np.uint8)
    grey[40:, :] = (index * 3) % 200 + 20  # so that pictures differ
    return paint_index(grey, index)


def film(path: Path, count: int = 60, **settings: Any) -> Path:
    """A foreign video: `count` pictures, each with its number painted in."""
    settings.setdefault("options", {"preset": "ultrafast", "g": "10", "threads": "1"})
    write_video(path, map(picture, range(count)), **settings)
    return path


def recorded(folder: Path, count: int = 60, wide_from: int | None = None, first: int = 0, **settings: Any) -> Path:
    """A recording by the product's own recorder; another size begins with frame `wide_from`."""
    with recording(folder, options=X264, **settings) as recorder:
        for n in range(first, first + count):
            size = Size(192, 96) if wide_from is not None and n >= wide_from else SMALL
            assert recorder.offer(frame(n, size))
    return folder


def number(image: np.ndarray | None) -> int:
    assert image is not None
    return read_painted_index(image)


class Screen:
    """What a window would see of a player."""

    def __init__(self) -> None:
        self.player: Player | None = None
        self.states: list[PlayState] = []
        self._woken = threading.Condition()

    def wake(self) -> None:
        with self._woken:
            if self.player is not None:
                self.states.append(self.player.state())
            self._woken.notify_all()

    def until(self, wanted: Callable[[PlayState], bool], seconds: float = 20.0) -> PlayState:
        """The first state that is as wanted."""
        assert self.player is not None
        deadline = time.monotonic() + seconds
        with self._woken:
            while not wanted(state := self.player.state()):
                left = deadline - time.monotonic()
                assert left > 0, f"never came; the last state: {state.position}, {state.exact}, {state.fault}"
                self._woken.wait(min(left, 0.1))
        return state

    def shows(self, position: int) -> PlayState:
        """Wait until exactly this picture is shown."""
        return self.until(lambda s: s.exact and s.position == position and s.axis.whole)


@contextmanager
def playing(what: Opened | Path, cache: Path, **settings: Any) -> Iterator[tuple[Player, Screen]]:
    opened = what if isinstance(what, Opened) else open_for_review(what, cache)
    screen = Screen()
    player = Player(opened, screen.wake, cache, **settings)
    screen.player = player
    try:
        yield player, screen
    finally:
        player.close()
