"""What a player shows, of one instant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from app.qa.axis import FrameAxis

if TYPE_CHECKING:
    from app.qa.opened import Opened

SLOWEST, FASTEST = 0.1, 8.0


@dataclass(frozen=True, slots=True)
class PlayState:
    """What stands on the screen, and what is going on.

    Attributes:
        position: of the picture that is shown.
        time_s: when it began to stand on the screen.
        playing: pictures follow each other.
        speed: as asked for, negative backwards.
        achieved: really held over the last second; 0 while nothing plays.
        every: positions from one shown picture to the next, on average; 1.0: each is shown.
        dropped: pictures that were left out to hold the speed, since playing began.
        loop: first and last position that are played over and over; None: none.
        picture: BGR uint8 (H, W, 3), read-only; None: there is none (yet), never an older one.
        exact: False: `picture` is the key frame nearest to `wanted`, shown until that is there.
        wanted: the position that is being looked for; None: `position` is it.
        axis: the newest; it takes the place of an estimate once pictures were counted.
        fault: what is wrong with this picture or its file, in words; empty if nothing is. `picture` is then what the
            decoder made of it, if anything: to look at, not to judge.
        opened: the procedure as it is known now: labels appear once they were compared with their video.
        checked: share of the check that is done, 0 to 1.
        number: grows with every change of what is shown.
    """

    position: int
    time_s: float
    playing: bool
    speed: float
    achieved: float
    every: float
    dropped: int
    loop: tuple[int, int] | None
    picture: npt.NDArray[np.uint8] | None
    exact: bool
    wanted: int | None
    axis: FrameAxis
    fault: str
    opened: Opened
    checked: float
    number: int
