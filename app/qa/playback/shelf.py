"""The reels of a procedure: from a position to a picture. Belongs to one thread."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter

from app.qa.cache import Kept
from app.qa.playback.index import VideoIndex, count_index
from app.qa.playback.reel import Reel, Unexpected, open_reel
from app.qa.playback.shot import Cancelled, Shot, never
from detector.decode import to_bgr
from detector.errors import SourceError

if TYPE_CHECKING:
    from app.qa.opened import Opened

_MOST_OPEN = 1

Image = npt.NDArray[np.uint8]


class Shelf:
    """Opens the segments of a procedure as they are needed.

    Args:
        opened: the procedure; a better known one may take its place.
        kept: where indices are kept.
    """

    def __init__(self, opened: Opened, kept: Kept) -> None:
        self.opened = opened
        self._kept = kept
        self._reels: OrderedDict[int, Reel] = OrderedDict()
        self._counted: dict[int, VideoIndex] = {}
        self._reformatter = VideoReformatter()

    def learn(self, opened: Opened) -> None:
        """Go on with what is known better now."""
        self.opened = opened

    def close(self) -> None:
        """Close all files."""
        while self._reels:
            self._reels.popitem()[1].close()

    # -- pictures -----------------------------------------------------------------------------------------------------

    def shot(self, position: int, cancelled: Cancelled = never) -> Shot | None:
        """Exactly the picture at a position; None if it was cancelled.

        Raises:
            SourceError: a file cannot be read, or does not hold the picture.
        """
        place, index = self._place(position)
        try:
            return self._held(place, index).shot(index, cancelled)
        except Unexpected:
            self._count(place)
            return self._held(place, index).shot(index, cancelled)

    def key(self, position: int) -> tuple[int, Shot]:
        """The nearest key frame up to a position, and its position.

        Raises:
            SourceError: a file cannot be read.
        """
        place, index = self._place(position)
        try:
            shot = self._held(place, index).key(index)
        except Unexpected:
            self._count(place)
            shot = self._held(place, index).key(index)
        return position - index + shot.index, shot

    def near_time(self, time_s: float) -> Shot:
        """The key frame nearest to a time in a video whose pictures were not counted yet.

        Raises:
            SourceError: there is none.
        """
        return self._reel(0).near_time(time_s)

    def knows_keys(self, position: int) -> bool:
        """Whether it is known where key frames stand around a position."""
        known = self._index(self._place(position)[0])
        return known is not None and len(known.keys) > 0

    def ahead_of(self, position: int) -> int:
        """How many pictures have to be decoded before the one at a position is there."""
        place, index = self._place(position)
        return self._held(place, index).ahead_of(index)

    def key_of(self, position: int) -> int:
        """Position of the last key frame up to a position; the position itself where key frames are not known."""
        place, index = self._place(position)
        known = self._index(place)
        return position if known is None else position - index + known.key_of(index)

    def image(self, shot: Shot) -> Image | None:
        """A picture as BGR uint8 (H, W, 3), read-only; None if there is none."""
        if shot.pixels is None:
            return None
        pixels = shot.pixels
        image = to_bgr(pixels, self._reformatter) if isinstance(pixels, VideoFrame) else pixels
        image.flags.writeable = False
        return image

    # -- files --------------------------------------------------------------------------------------------------------

    def _place(self, position: int) -> tuple[int, int]:
        axis = self.opened.axis
        if not 0 <= position < len(axis):
            raise IndexError(f"there is no picture {position}; the procedure has {len(axis)}")
        return self.opened.place_of(position), int(axis.record_index[position])

    def _index(self, place: int) -> VideoIndex | None:
        known = self.opened.indices[place]
        return known if known is not None and known.counted else self._counted.get(place, known)

    def _held(self, place: int, index: int) -> Reel:
        reel = self._reel(place)
        if reel.index is None:
            self._count(place)
            reel = self._reel(place)
        assert reel.index is not None
        if index >= len(reel.index):
            video = self.opened.procedure.segments[place].video
            raise SourceError(
                f"{video} holds {len(reel.index)} pictures, but its sidecar lists more.",
                "The video was exchanged or cut; restore it, or open the video file itself.",
            )
        return reel

    def _reel(self, place: int) -> Reel:
        index = self._index(place)
        reel = self._reels.pop(place, None)
        if reel is not None and reel.index is not index:
            reel.close()
            reel = None
        if reel is None:
            reel = open_reel(self.opened.media[place], index)
        self._reels[place] = reel
        while len(self._reels) > _MOST_OPEN:
            self._reels.popitem(last=False)[1].close()
        return reel

    def _count(self, place: int) -> None:
        """Count a segment now; of our recordings these are five minutes."""
        self._counted[place] = count_index(self.opened.media[place], self._kept)
