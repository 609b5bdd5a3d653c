"""Any picture of a procedure for those who work on pictures: propagation, reports, thumbnails, exchange."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Self

import cv2
import numpy as np
import numpy.typing as npt

from app.qa.cache import Kept
from app.qa.playback.media import small
from app.qa.playback.shelf import Shelf
from app.qa.playback.shot import Shot
from detector.errors import SourceError

if TYPE_CHECKING:
    from app.qa.opened import Opened

Image = npt.NDArray[np.uint8]
_THUMBNAIL_EVERY_S = 0.5
_THUMBNAIL_QUALITY = 82


class Pictures:
    """Random access. Any thread may ask; one is served at a time. Files are opened when they are first needed.

    Where the pictures of a foreign video were not counted yet, its first exact picture waits until they are.

    Args:
        opened: the procedure.
        cache: the folder in which indices and thumbnails are kept; None: this user's.
    """

    def __init__(self, opened: Opened, cache: Path | None = None) -> None:
        self._kept = Kept(cache)
        self._lock = threading.Lock()
        self._shelf = Shelf(opened, self._kept)
        self._opened = opened

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def picture(self, position: int) -> Image:
        """The picture at a position: BGR uint8 (H, W, 3), read-only.

        Raises:
            IndexError: there is no such position.
            SourceError: the file cannot be read, or this picture is damaged.
        """
        with self._lock:
            shot = self._shelf.shot(position)
            assert shot is not None
            return self._sound(position, shot)

    def pictures(self, first: int, last: int) -> Iterator[tuple[int, Image]]:
        """The pictures from ``first`` to ``last``, both included, each with its position; damaged ones are missing.

        Raises:
            SourceError: the file cannot be read.
        """
        for position in range(first, last + 1):
            with self._lock:
                shot = self._shelf.shot(position)
                assert shot is not None
                image = None if shot.damage else self._shelf.image(shot)
            if image is not None:
                yield position, image

    def near(self, position: int, width: int) -> Image | None:
        """A small picture of about that place for hovering and lists: the nearest key frame, at most half a second off.

        Args:
            position: any, also of an estimated axis.
            width: at most so many pixels wide.

        Returns:
            BGR uint8 (h, width, 3), or None where nothing can be decoded.
        """
        axis = self._opened.axis
        if not len(axis):
            return None
        step = round(float(axis.times_s[position]) / _THUMBNAIL_EVERY_S)
        place = self._opened.place_of(position)
        video = self._opened.procedure.segments[place].video
        try:
            file = self._kept.file("thumbnails", video, ".jpg", step, width)
            if (kept := self._kept.data(file)) is not None:
                image = cv2.imdecode(np.frombuffer(kept, np.uint8), cv2.IMREAD_COLOR)
                if image is not None:
                    return np.asarray(image, np.uint8)
            near = axis.at(step * _THUMBNAIL_EVERY_S)
            image = self._small(near if int(axis.segment[near]) == int(axis.segment[position]) else position, width)
        except SourceError:
            return None
        if image is not None:
            coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, _THUMBNAIL_QUALITY])[1]
            self._kept.keep_data(file, coded.tobytes())
        return image

    def close(self) -> None:
        """Close all files."""
        with self._lock:
            self._shelf.close()

    def _small(self, position: int, width: int) -> Image | None:
        with self._lock:
            if self._opened.indices[self._opened.place_of(position)] is None and not self._opened.axis.whole:
                shot = self._shelf.near_time(float(self._opened.axis.times_s[position]))
            else:
                shot = self._shelf.key(position)[1]
            image = None if shot.damage else self._shelf.image(shot)
        return None if image is None else small(image, width)

    def _sound(self, position: int, shot: Shot) -> Image:
        image = self._shelf.image(shot)
        if shot.damage or image is None:
            time_s = float(self._opened.axis.times_s[position])
            raise SourceError(
                f"Picture {position} of {self._opened.title} (at {time_s:.2f} s) is damaged: {shot.damage}."
            )
        return image
