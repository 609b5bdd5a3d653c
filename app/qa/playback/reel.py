"""One video, decoded at any place. A reel belongs to one thread.

A picture is known by its label (its pts), looked up in the index: what a seek gives is checked and never assumed. What
the decoder flags, what never came although a packet promised it, and what was predicted from such a picture up to the
next key frame, is damaged.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Iterator

import av.error
import numpy as np
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from app.qa.playback.index import VideoIndex, label_of
from app.qa.playback.media import ImageMedium, Medium, VideoMedium
from app.qa.playback.shot import Cancelled, Shot, never
from detector.decode import packets_of
from detector.errors import SourceError

_READ_ON = 24  # pictures: further ahead a key frame is looked for, where it is not known where they stand
_MOST_BACK = 4  # key frames to go back where a seek landed too late or on damage
_SKIPS = frozenset({"h264", "hevc"})  # whose decoders tell pictures that no other needs
_WORTH_SKIPPING = 8  # pictures
_UNSURE_BACK, _SURE_AFTER = 2, 12  # key frames; pictures
_NO_PICTURE = "a packet gave no picture"


class Unexpected(Exception):  # not an error of the user's: the file has to be counted
    """The decoder gave a picture that the sidecar does not lead one to expect."""


class ImageReel:
    """Images, which are read as they are."""

    def __init__(self, medium: ImageMedium, index: VideoIndex) -> None:
        self._medium = medium
        self.index: VideoIndex | None = index

    def shot(self, index: int, cancelled: Cancelled = never) -> Shot | None:
        """An image."""
        if cancelled():
            return None
        image = self._medium.load(index)
        return Shot(index, None, image) if isinstance(image, str) else Shot(index, image)

    def key(self, index: int) -> Shot:
        """The image itself."""
        shot = self.shot(index)
        assert shot is not None
        return shot

    def ahead_of(self, index: int) -> int:
        """None has to be decoded before another."""
        return 0

    def near_time(self, time_s: float) -> Shot:
        """Never needed: images are counted at once."""
        return self.key(0)

    def close(self) -> None:
        """Nothing is open."""


class VideoReel:
    """A video file.

    Args:
        medium: the file.
        index: of its pictures; None: only :meth:`near_time` can be asked.

    Raises:
        SourceError: it cannot be opened.
    """

    def __init__(self, medium: VideoMedium, index: VideoIndex | None) -> None:
        self._medium = medium
        self.index = index
        self._files = contextlib.ExitStack()
        self._open()

    def close(self) -> None:
        """Close the file."""
        self._files.close()

    # -- asked for ----------------------------------------------------------------------------------------------------

    def ahead_of(self, index: int) -> int:
        """How many pictures have to be decoded before a picture is there."""
        assert self.index is not None
        if self._next is not None and 0 <= index - self._next <= index - self.index.key_of(index):
            return index - self._next
        if not self.index.seekable:
            return index
        return index - self.index.key_of(index)

    def shot(self, index: int, cancelled: Cancelled = never) -> Shot | None:
        """Exactly the picture of an index; None if it was cancelled meanwhile.

        Raises:
            SourceError: the file cannot be read any more.
            Unexpected: the file does not hold what the sidecar lets expect.
        """
        assert self.index is not None
        sought = not self._leads_to(index)
        if sought:
            self._go_before(index, 0)
        self._choose_gear(index)
        for back in range(1, _MOST_BACK + 2):
            shot = self._reach(index, cancelled)
            if shot is None and cancelled():
                return None
            # A seek may land behind its goal, or on a key frame that is none: one more try from further in front.
            if shot is not None and not (shot.damage and sought and back == 1):
                return shot
            if back <= _MOST_BACK:
                sought = True
                self._go_before(index, back)
        return Shot(index, None, _NO_PICTURE)

    def key(self, index: int) -> Shot:
        """The nearest key frame up to a picture, which comes soonest."""
        assert self.index is not None
        if self.index.seekable and len(self.index.keys):
            shot = self.shot(self.index.key_of(index))
        elif self.index.seekable:
            self._seek(int(self.index.labels[index]))
            shot = self._first()
        else:
            shot = self.shot(index)
        assert shot is not None
        return shot

    def near_time(self, time_s: float) -> Shot:
        """The key frame nearest to a time, before pictures were counted.

        Raises:
            SourceError: there is none.
        """
        base = self._stream.time_base
        begin = self._stream.start_time or 0
        self._seek(begin + round(time_s / float(base or 1)))
        shot = self._first()
        time_s = shot.time_s - float(begin * base) if base else shot.time_s
        return Shot(shot.index, shot.pixels, shot.damage, max(0.0, time_s))

    # -- reading on ---------------------------------------------------------------------------------------------------

    def _open(self) -> None:
        self._container, self._stream = self._files.enter_context(self._medium.opened())
        self._codec = self._stream.codec_context
        self._packets: Iterator[Packet[VideoStream] | str] = packets_of(self._container, self._stream)
        self._came: deque[VideoFrame] = deque()
        self._next: int | None = 0  # the picture that is expected next; None: any
        self._counted = 0
        self._begun = self._ended = False
        self._spoilt = ""
        self._sharp_from: int | None = None  # label from which on every picture is decoded
        self._before_key = False
        self._unsure = self._container.format.name == "mpeg"
        self._in_order = _SURE_AFTER  # pictures that came one after another
        self._strict_from = 0  # gaps in front of this picture mean nothing: they were left out on purpose

    def _leads_to(self, index: int) -> bool:
        """Whether decoding on is the shortest way."""
        assert self.index is not None
        if self._next is None or index < self._next:
            return False
        if not self.index.seekable:
            return True
        if not len(self.index.keys):
            return index - self._next <= _READ_ON
        return self.index.key_of(index) <= self._next

    def _go_before(self, index: int, back: int) -> None:
        """Go to a key frame up to a picture, or ``back`` ones further in front; at last to the begin of the file."""
        assert self.index is not None
        if not self.index.seekable or back >= _MOST_BACK:
            self._files.close()
            self._open()
        elif len(self.index.keys):
            at = int(np.searchsorted(self.index.keys, index, side="right")) - 1 - back * (back + 1) // 2
            # The first times after a seek in a program stream may be those of other pictures.
            at -= _UNSURE_BACK if self._unsure else 0
            if at <= 0 and self._unsure:
                self._files.close()
                self._open()
            else:
                self._seek(int(self.index.entries[max(0, at)]))
        else:
            self._seek(int(self.index.labels[max(0, index - _READ_ON * back)]))

    def _seek(self, label: int) -> None:
        try:
            self._container.seek(label, stream=self._stream)
        except (av.error.FFmpegError, OSError) as error:
            raise SourceError(f"{self._medium.path} cannot be read: {error}.", "Check the drive.") from error
        self._packets = packets_of(self._container, self._stream)
        self._came.clear()
        self._next, self._begun, self._ended, self._spoilt = None, False, False, ""
        # Some containers seek to any packet: what comes before the next key frame is of no use.
        self._before_key = self.index is None or not self.index.counted or len(self.index.keys) > 0
        self._skip_nothing()
        self._strict_from = 0
        self._in_order = 0

    def _reach(self, index: int, cancelled: Cancelled) -> Shot | None:
        """Decode on up to a picture; None if it was cancelled, or decoding begins behind it."""
        assert self.index is not None
        while not cancelled():
            item = self._read()
            if item is None:
                self._next = None
                return Shot(index, None, _NO_PICTURE) if self._begun else None
            found, frame = item
            late = found > index and self._next is None
            self._in_order = self._in_order + 1 if self._next in (None, found) else 0
            self._note(found, frame)
            if found < index:
                continue
            if late or (self._unsure and self._in_order < _SURE_AFTER):
                return None
            self._skip_nothing()
            if found > index:
                self._came.appendleft(frame)
                self._counted -= 1
                self._next = index + 1
                return Shot(index, None, self._spoilt or _NO_PICTURE)
            self._next = index + 1
            return Shot(index, frame, self._spoilt)
        return None

    def _note(self, found: int, frame: VideoFrame) -> None:
        """Keep account of what came and what did not."""
        missing = self._next is not None and found > self._next >= self._strict_from
        if frame.key_frame and not frame.is_corrupt:
            self._spoilt = ""
        elif frame.is_corrupt:
            self._spoilt = "the decoder reports damage"
        elif missing and not self._spoilt:
            self._spoilt = "it follows a picture that is missing"
        elif self._spoilt == "the decoder reports damage":
            self._spoilt = "it follows a damaged picture"
        self._next = found + 1
        self._begun = True

    def _read(self) -> tuple[int, VideoFrame] | None:
        """The next picture that has an index, and which it is; None at the end."""
        assert self.index is not None
        while (frame := self._frame()) is not None:
            if not self.index.seekable:
                if not self._counted and frame.is_corrupt:
                    continue
                self._counted += 1
                return self._counted - 1, frame
            label = label_of(frame)
            found = None if label is None else self.index.of_label(label)
            if found is not None:
                return found, frame
            if not self.index.counted:
                raise Unexpected
            # Pictures before the first key frame, or at a cut-off end: they have no index.
        return None

    def _frame(self) -> VideoFrame | None:
        while not self._came:
            if self._ended:
                return None
            try:
                packet = next(self._packets, None)
                if isinstance(packet, str):
                    self._spoilt = "the file cannot be read there"
                    continue
                if self._before_key and packet is not None and not packet.is_keyframe:
                    continue
                self._before_key = False
                if packet is not None and self._sharp_from is not None:
                    self._shift(packet)
                self._ended = packet is None
                self._came.extend(self._codec.decode(packet))
            except av.error.InvalidDataError:
                self._spoilt = "a packet could not be decoded"
            except av.error.EOFError:
                self._ended = True
            except (av.error.FFmpegError, OSError) as error:
                raise SourceError(f"{self._medium.path} cannot be read: {error}.", "Check the drive.") from error
        return self._came.popleft()

    def _choose_gear(self, index: int) -> None:
        """On a long way to a picture those that no other needs are left out."""
        assert self.index is not None
        far = (self.index.seekable and self._next is None) or index - (self._next or 0) >= _WORTH_SKIPPING
        if far and self.index.counted and self._codec.name in _SKIPS and not self._came:
            self._sharp_from, self._strict_from = int(self.index.labels[index]), index

    def _shift(self, packet: Packet[VideoStream]) -> None:
        """From the picture's own packet on none is left out."""
        assert self._sharp_from is not None
        if packet.pts is None or packet.pts >= self._sharp_from:
            self._skip_nothing()
        else:
            self._codec.skip_frame = "NONREF"

    def _skip_nothing(self) -> None:
        self._codec.skip_frame = "DEFAULT"
        self._sharp_from = None

    def _first(self) -> Shot:
        """The first sound picture from here."""
        self._skip_nothing()
        while (frame := self._frame()) is not None:
            if frame.is_corrupt:
                continue
            label = label_of(frame) or 0
            found = self.index.of_label(label) if self.index is not None else None
            if self.index is not None and found is None and not self.index.counted:
                raise Unexpected
            self._note(-1 if found is None else found, frame)
            self._next = None if found is None else found + 1
            return Shot(-1 if found is None else found, frame, "", float(label * (self._stream.time_base or 0)))
        raise SourceError(f"{self._medium.path} holds no picture there.", "Is the file whole?")


Reel = VideoReel | ImageReel


def open_reel(medium: Medium, index: VideoIndex | None) -> Reel:
    """A reel of a segment.

    Raises:
        SourceError: it cannot be opened.
    """
    if isinstance(medium, ImageMedium):
        assert index is not None
        return ImageReel(medium, index)
    return VideoReel(medium, index)
