"""Small pictures of the procedures in a list, made one after the other in a thread of its own and kept in the cache.

A list asks for the rows that are seen; what it asked for before and scrolled past is forgotten. From a recording only
its first video is opened, as a plain file: its sidecar of many thousand lines says nothing about how it looks.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np

from app.qa.cache import Kept, tidy
from app.qa.library.entries import Entry
from app.qa.opened import open_for_review
from app.qa.playback.pictures import Pictures
from detector.errors import PolypwatchError, SourceError

_log = logging.getLogger(__name__)

WIDTH_PX = 160
_KIND = "library"
_PLACES = (0.4, 0.6, 0.25, 0.8)  # of the length: the first that is not black is taken
_BLACK = 14.0  # mean grey level
_QUALITY = 82
_MOST_IN_MEMORY = 600


class Thumbnails:
    """Makes and keeps them. Methods may be called from any thread.

    Args:
        wake: called without arguments, from the thread of this object, when another one is there.
        cache: root of the cache; None: this user's.

    Attributes:
        made: counts up with every picture that comes.
    """

    def __init__(self, wake: Callable[[], None], cache: Path | None = None) -> None:
        self._wake = wake
        self._kept = Kept(cache)
        self._root = cache
        self._condition = threading.Condition()
        self._wishes: list[Entry] = []
        self._known: OrderedDict[tuple[int, int, float], bytes] = OrderedDict()
        self._closed = False
        self._thread: threading.Thread | None = None
        self.made = 0

    def get(self, entry: Entry) -> bytes | None:
        """The picture as JPEG; empty if none can be made of this procedure; None if it is not there yet."""
        with self._condition:
            return self._known.get(_key(entry))

    def ask(self, entries: Sequence[Entry]) -> None:
        """Make those that are missing among these, in this order, in place of whatever was asked for before."""
        with self._condition:
            if self._closed:
                return
            self._wishes = [entry for entry in entries if _key(entry) not in self._known]
            if self._wishes and self._thread is None:
                self._thread = threading.Thread(target=self._run, name="qa-thumbnails", daemon=True)
                self._thread.start()
            self._condition.notify()

    def close(self, wait_s: float = 5.0) -> None:
        """End."""
        with self._condition:
            self._closed = True
            self._condition.notify()
        if self._thread is not None:
            self._thread.join(wait_s)

    def _run(self) -> None:
        tidy(self._root)
        while True:
            with self._condition:
                while not self._wishes and not self._closed:
                    self._condition.wait()
                if self._closed:
                    return
                entry = self._wishes.pop(0)
            try:
                data = self._made(entry)
            except (PolypwatchError, OSError) as error:  # the list says already what is wrong with it
                _log.info("no thumbnail of %s: %s", entry.path, error)
                data = b""
            except Exception:  # the root of this thread: one strange file must not leave all others without a picture
                _log.exception("no thumbnail of %s", entry.path)
                data = b""
            with self._condition:
                self._known[_key(entry)] = data
                self.made += 1
                while len(self._known) > _MOST_IN_MEMORY:
                    self._known.popitem(last=False)
            self._wake()

    def _made(self, entry: Entry) -> bytes:
        source = _picture_source(entry)
        if source is None:
            return b""
        file = self._kept.file(_KIND, source, ".jpg", WIDTH_PX)
        data = self._kept.data(file)
        if data is None:
            data = thumbnail(source)
            self._kept.keep_data(file, data)
        return data


def thumbnail(source: Path, width_px: int = WIDTH_PX) -> bytes:
    """A small picture out of a video, a DICOM file or a folder of images, as JPEG.

    Raises:
        PolypwatchError: it cannot be opened or decoded.
    """
    opened = open_for_review(source)
    last = len(opened.axis) - 1
    with closing(Pictures(opened)) as pictures:
        found = None
        for place in _PLACES:
            picture = pictures.near(round(place * last), width_px)
            if picture is None:
                continue
            found = picture if found is None or picture.mean() >= _BLACK else found
            if found.mean() >= _BLACK:
                break
    if found is None:
        raise SourceError(f"No picture of {source} can be decoded.")
    whole, data = cv2.imencode(".jpg", np.ascontiguousarray(found), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return data.tobytes() if whole else b""


def _picture_source(entry: Entry) -> Path | None:
    """What is opened for it."""
    if entry.kind in ("recording", "examination"):
        videos = sorted(entry.path.glob("video-*.mkv"))
        return next((v for v in videos if v.stem.removeprefix("video-").isdigit() and v.stat().st_size), None)
    return entry.path


def _key(entry: Entry) -> tuple[int, int, float]:
    """Changes with the video."""
    return entry.id, entry.size_bytes, entry.length_s or 0.0
