"""A picture as it was decoded, before it is turned into BGR."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame

Cancelled = Callable[[], bool]


def never() -> bool:
    """For work that nobody takes back."""
    return False


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture as it was decoded.

    Attributes:
        index: position in its file; -1 if that is not known.
        pixels: as the decoder gave it, or BGR uint8 (H, W, 3) of an image file; None if there is none.
        damage: why it cannot be trusted; empty if it can.
        time_s: since the file's first picture, by its own label; for pictures whose index is not known.
    """

    index: int
    pixels: VideoFrame | npt.NDArray[np.uint8] | None
    damage: str = ""
    time_s: float = 0.0

    @property
    def cost(self) -> int:
        """Bytes of memory."""
        if self.pixels is None:
            return 0
        if isinstance(self.pixels, VideoFrame):
            return sum(plane.buffer_size for plane in self.pixels.planes)
        return int(self.pixels.nbytes)
