"""Opening anything that can be replayed, at once: what takes long is done later by :mod:`app.qa.checking`.

A recording's sidecar and mark say how many pictures there are, a foreign video says how long it is. Counting packets
and hashing gigabytes comes after the first picture stands on the screen. Until then an axis may be an estimate
(``axis.whole`` is False), and labels of which nobody knows yet whether they are of this video are not shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from app.capture.images import SUFFIXES as IMAGE_SUFFIXES
from app.capture.images import list_images
from app.examination.store import JOURNAL_NAME
from app.qa.axis import FrameAxis
from app.qa.cache import Kept
from app.qa.placing import axis_of, counts_of_mark
from app.qa.playback.index import VideoIndex, expected_index, image_index, load_index
from app.qa.playback.media import ImageMedium, Medium, VideoMedium, dicom_medium, is_dicom
from detector.errors import SourceError
from detector.geometry import Size
from detector.procedure import Looking, Procedure, Segment, files_beside, is_recording, open_procedure, results_among
from detector.user_cache import cache_root

__all__ = ["Kind", "Opened", "cache_root", "open_for_review"]

_SAME_LENGTH_S = 2.0  # a container rounds, and counts the last picture's own time
_TAIL_S, _TAIL_SHARE = 2.0, 0.03  # a container may announce so much more than it holds pictures for

Kind = Literal["recording", "examination", "video", "images", "dicom"]


@dataclass(frozen=True, eq=False)
class Opened:
    """A procedure that was opened for review. A later, better known one takes its place (:mod:`app.qa.checking`).

    Attributes:
        path: the folder or file.
        procedure: videos, sidecar, labels and results. Of images and DICOM one segment whose `video` is `path`.
        axis: every picture.
        size: of the first segment's pictures.
        sizes: of each segment's pictures, in their order.
        kind: what it is.
        title: for people: the name of folder or file.
        notes: what must be said of it, each a sentence without full stop.
        media: where each segment's pictures come from.
        indices: what is known of each segment's pictures: None: nothing yet.
        checked: pictures were counted and labels compared with their videos: nothing changes any more.
    """

    path: Path
    procedure: Procedure
    axis: FrameAxis
    size: Size
    sizes: tuple[Size, ...]
    kind: Kind
    title: str
    notes: tuple[str, ...]
    media: tuple[Medium, ...]
    indices: tuple[VideoIndex | None, ...]
    checked: bool

    def size_of(self, position: int) -> Size:
        """Of the picture at a position."""
        return self.sizes[self.place_of(position)]

    def place_of(self, position: int) -> int:
        """Which of `procedure.segments` holds a position."""
        return self._places[int(self.axis.segment[position])]

    @cached_property
    def _places(self) -> dict[int, int]:
        return {segment.number: place for place, segment in enumerate(self.procedure.segments)}


def open_for_review(path: Path, cache: Path | None = None) -> Opened:
    """Open a recording, an examination, a video file, a DICOM video or a folder of images.

    Args:
        path: the folder or file.
        cache: the folder in which indices and hashes are kept; None: this user's.

    Raises:
        SourceError: it does not exist, holds nothing that can be shown, or its sidecar is of another video.
        FormatError: its sidecar is damaged or of an unknown schema.
        UsageError: it is DICOM, and pydicom is not installed.
    """
    return open_with(path, Kept(cache))


def open_with(path: Path, kept: Kept) -> Opened:
    """As :func:`open_for_review`, with a cache that may know more than the disk."""
    if is_recording(path):
        return _recording(path, kept)
    if path.is_dir():
        if (path / JOURNAL_NAME).is_file():
            raise SourceError(f"{path} is an examination without a recording.", "There is nothing to replay.")
        return _images(path, kept)
    if not path.is_file():
        raise SourceError(f"{path} does not exist.", "Check the spelling, and whether the drive is connected.")
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return _images(path, kept)
    return _plain(path, kept, dicom_medium(path) if is_dicom(path) else VideoMedium(path))


def _recording(folder: Path, kept: Kept) -> Opened:
    procedure, used = _looked_at(folder, kept)
    notes = [*procedure.notes, *_notes_of(procedure)]
    indices: list[VideoIndex | None] = []
    for segment, medium in zip(procedure.segments, used, strict=True):
        index = load_index(medium, kept)
        if index is None and segment.frames:
            index = expected_index(segment.frames, medium)
        indices.append(index)
        notes += [f"{segment.video.name}: {index.trouble}"] if index and index.trouble else []
    axis = axis_of(procedure, indices)
    if not len(axis):
        raise SourceError(f"{folder} holds a recording without a single picture.", "There is nothing to replay.")
    kind: Kind = "examination" if (folder / JOURNAL_NAME).is_file() else "recording"
    sizes = tuple(medium.look.size for medium in used)
    checked = all(i is not None and i.counted for i in indices) and not procedure.unproven
    return Opened(
        folder,
        procedure,
        axis,
        sizes[0],
        sizes,
        kind,
        folder.resolve().name,
        tuple(notes),
        used,
        tuple(indices),
        checked,
    )


def _looked_at(folder: Path, kept: Kept) -> tuple[Procedure, tuple[VideoMedium, ...]]:
    """The recording as its sidecar and mark tell it; what they do not agree about is counted now."""
    said = counts_of_mark(folder)
    media: dict[Path, VideoMedium] = {}

    def count(video: Path, believe: bool) -> int | None:
        medium = media.setdefault(video, VideoMedium(video, own=True))
        if (index := load_index(medium, kept)) is not None:
            return len(index)
        told = said.get(video.name)
        if believe and told is not None and abs(medium.look.duration_s - told.seconds) <= _SAME_LENGTH_S:
            return told.frames
        return medium.count()

    try:
        procedure = open_procedure(folder, Looking(lambda v: count(v, True), kept.known_sha256, forgiving=True))
    except SourceError:
        procedure = open_procedure(folder, Looking(lambda v: count(v, False), kept.known_sha256, forgiving=True))
    return procedure, tuple(media[segment.video] for segment in procedure.segments)


def _notes_of(procedure: Procedure) -> list[str]:
    notes = []
    if procedure.lost:
        notes.append(f"{len(procedure.lost)} pictures of the examination were not recorded and cannot be shown")
    blanked = sum(frame.blanked for segment in procedure.segments for frame in segment.frames)
    if blanked:
        notes.append(f"{blanked} pictures are black: they may not have been of the inside of a body")
    return notes


def _plain(path: Path, kept: Kept, medium: Medium) -> Opened:
    procedure = open_procedure(path, Looking(lambda _: None, kept.known_sha256, forgiving=True))
    index = load_index(medium, kept)
    look = medium.look
    notes = list(procedure.notes)
    if index is not None and index.trouble:
        notes.append(index.trouble)
    if index is not None and (short := _cut_short(look.duration_s, index)):
        notes.append(short)
    kind: Kind = "video" if isinstance(medium, VideoMedium) and not medium.is_dicom else "dicom"
    return Opened(
        path,
        procedure,
        axis_of(procedure, [index], look),
        look.size,
        (look.size,),
        kind,
        path.name,
        tuple(notes),
        (medium,),
        (index,),
        index is not None and not procedure.unproven,
    )


def _cut_short(said_s: float, index: VideoIndex) -> str:
    """What a reader must know of a copy that was broken off: the rest of the procedure looks like nothing at all."""
    held_s = index.end_s - float(index.times_s[0]) if len(index) else 0.0
    if said_s - held_s <= max(_TAIL_S, _TAIL_SHARE * said_s):
        return ""
    return f"the file says that it lasts {said_s:.0f} s, but holds pictures for {held_s:.0f} s only: it was cut short"


def _images(path: Path, kept: Kept) -> Opened:
    medium = ImageMedium(path, tuple(list_images(path)))
    index = image_index(medium)
    results = results_among(files_beside(path))
    procedure = Procedure(path, (Segment(1, path, (), None, None),), (), results, ())
    look = medium.look
    title = path.resolve().name
    notes = (f"these are {len(index)} single pictures, shown at a nominal {float(medium.rate):g} a second",)
    axis = axis_of(procedure, [index])
    return Opened(path, procedure, axis, look.size, (look.size,), "images", title, notes, (medium,), (index,), True)
