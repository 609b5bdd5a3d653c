"""Labels on the disk and the document: what files hold is taken over exactly, and written back frame by frame.

Labels know two states, reviews four: ``occluded`` is written as ``marginal`` (a reader would not box it as clear, so
that finding it is no merit and missing it no miss) with a word that brings it back, ``out_of_view`` as no mark.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from app import SOFTWARE
from app.qa.cache import Kept
from app.qa.review.boxes import fitted
from app.qa.review.operations import Attributes, Imported, Piece, ReadRange
from app.qa.review.sorted_map import SortedMap
from app.qa.review.steps import runs
from app.qa.review.tracks import CLEAR, HIDDEN, Box, State, Track, joined, thinned
from detector.annotation import SCHEMA, Annotation, Lesion, Mark, MarkedFrame, ReviewedRange, Video
from detector.decode import DecodeTally, decode_frames
from detector.errors import SourceError, UsageError
from detector.procedure import Segment, file_sha256

if TYPE_CHECKING:
    from app.qa.opened import Opened
    from app.qa.review.document import Document

_EXACT_PX: Final = 0.005  # half of what a box is rounded to
_MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class Taken:
    """Labels as an import has them.

    Attributes:
        file: name of the file, or of several.
        sha256: of its bytes, or of theirs one after another.
        form: which format.
        lesions: numbered as in the file.
        reviewed: by position.
        notes: what was clipped or left out, in words.
    """

    file: str
    sha256: str
    form: str
    lesions: tuple[Imported, ...]
    reviewed: tuple[ReadRange, ...]
    notes: tuple[str, ...]


def existing_labels(opened: Opened) -> Taken | None:
    """The labels that lie beside the videos; None if there are none.

    Raises:
        SourceError: a file cannot be read.
    """
    segments = [s for s in opened.procedure.segments if s.annotation is not None and s.annotation_file is not None]
    if not segments:
        return None
    digest = hashlib.sha256()
    for segment in segments:
        assert segment.annotation_file is not None
        try:
            digest.update(segment.annotation_file.read_bytes())
        except OSError as error:
            raise SourceError(f"{segment.annotation_file} cannot be read: {error.strerror}.") from error
    names = ", ".join(s.annotation_file.name for s in segments if s.annotation_file is not None)
    labels = {s.number: s.annotation for s in segments if s.annotation is not None}
    return taken_over(opened, labels, names, digest.hexdigest(), SCHEMA)


def taken_over(opened: Opened, labels: Mapping[int, Annotation], file: str, sha256: str, form: str) -> Taken:
    """Labels of video files as lesions of the procedure; a number is one lesion in all of its files.

    Boxes are cut at the picture's borders; those outside of it or too small are left out, and frames that the video
    does not have, too. The notes count them.
    """
    taking = _Taking(opened)
    for number, annotation in sorted(labels.items()):
        taking.take(number, annotation)
    lesions = tuple(
        Imported(lesion=lesion, attributes=said, piece=Piece.of(track_of(taking.marks[lesion])))
        for lesion, said in sorted(taking.attributes.items())
        if lesion in taking.marks
    )
    return Taken(file, sha256, form, lesions, tuple(taking.reviewed), tuple(taking.words()))


@dataclass(slots=True)
class _Taking:
    opened: Opened
    marks: dict[int, dict[int, tuple[Box, State]]] = field(default_factory=dict)
    attributes: dict[int, Attributes] = field(default_factory=dict)
    reviewed: list[ReadRange] = field(default_factory=list)
    cut: list[int] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)
    beyond: list[int] = field(default_factory=list)

    def take(self, segment: int, annotation: Annotation) -> None:
        first, behind = self.opened.axis.of_segment(segment)
        for lesion in annotation.lesions:
            self.attributes.setdefault(lesion.id, _attributes(lesion))
        for frame in annotation.frames:
            position = first + frame.index
            if position >= behind:
                self.beyond.append(frame.index)
                continue
            for mark in frame.marks:
                self._mark(position, mark)
        for known in annotation.reviewed:
            begin, end = first + known.first, min(first + known.last, behind - 1)
            if begin <= end:
                self.reviewed.append(ReadRange(first=begin, last=end, reviewer=known.reviewer))

    def _mark(self, position: int, mark: Mark) -> None:
        try:
            box = fitted(mark.box, self.opened.size_of(position))
        except UsageError:
            self.refused.append(position)
            return
        if any(abs(a - b) > _EXACT_PX for a, b in zip(box, mark.box, strict=True)):
            self.cut.append(position)
        state: State = mark.state
        if mark.state == "marginal" and (mark.model_extra or {}).get("occluded") is True:
            state = "occluded"
        self.marks.setdefault(mark.lesion, {})[position] = (box, state)

    def words(self) -> list[str]:
        """What did not fit, in words."""
        said = []
        if self.cut:
            said.append(f"{len(self.cut)} boxes reached beyond the picture and were cut off at its border")
        if self.refused:
            some = ", ".join(str(p) for p in self.refused[:_MOST_NAMED])
            said.append(f"{len(self.refused)} boxes lie outside of the picture or are too small and were left out "
                        f"(frame {some}{', ...' if len(self.refused) > _MOST_NAMED else ''})")  # fmt: skip
        if self.beyond:
            said.append(f"{len(self.beyond)} marked frames lie behind the end of the video and were left out")
        return said


def _attributes(lesion: Lesion) -> Attributes:
    size = lesion.size_mm if lesion.size_mm is not None and lesion.size_mm <= 300 else None
    return Attributes(
        size_mm=size,
        paris=lesion.paris,
        site=lesion.site,
        histology=lesion.histology,
        note=lesion.note[:10_000],
        lst=lesion.lst,
    )


def track_of(marks: Mapping[int, tuple[Box, State]]) -> Track:
    """The track that has exactly these boxes: as few keys as give them all back."""
    positions = sorted(marks)
    breaks = [i for i in range(1, len(positions)) if positions[i] != positions[i - 1] + 1]
    pieces = []
    for begin, end in zip([0, *breaks], [*breaks, len(positions)], strict=True):
        run = positions[begin:end]
        boxes = np.array([marks[p][0] for p in run], np.float64)
        track = Track(SortedMap((run[i], marks[run[i]][0]) for i in thinned(run, boxes, _EXACT_PX)))
        for position in run:
            if marks[position][1] != track.state_at(position):
                track = track.with_state(position, run[-1], marks[position][1])
        pieces.append(track)
    return joined(pieces)


def annotation_of(document: Document, opened: Opened, segment: int, *, origin: str = "") -> Annotation:
    """The labels of one video file.

    Args:
        document: what was said.
        opened: the procedure.
        segment: number of the file, from 1.
        origin: where they come from, in words.

    Raises:
        UsageError: there is no such file, or a lesion is marked that cannot be written.
        SourceError: the file cannot be read.
    """
    number = next((i for i, s in enumerate(opened.procedure.segments) if s.number == segment), None)
    if number is None:
        raise UsageError(f"{opened.title} has no video {segment}.")
    place = opened.procedure.segments[number]
    first, behind = opened.axis.of_segment(segment)
    if behind == first:
        raise UsageError(f"{place.video.name} has no pictures, so that there is nothing to label.")
    marks, seen = _marks(document, first, behind - 1)
    pts = _pts(opened, number)
    reviewed = [
        ReviewedRange(first=max(a, first) - first, last=min(b, behind - 1) - first, reviewer=name)
        for a, b, names in document.reviewed_by()
        if a < behind and b >= first
        for name in names
    ]
    return Annotation(
        software=SOFTWARE,
        source=origin or "reviewed",
        video=_video(opened, number, behind - first),
        lesions=tuple(
            Lesion(
                id=x.id,
                paris=x.attributes.paris,
                size_mm=x.attributes.size_mm,
                note=x.attributes.note,
                site=x.attributes.site,
                histology=x.attributes.histology,
                lst=x.attributes.lst,
            )
            for x in document.lesions
            if x.id in seen
        ),
        reviewed=tuple(reviewed),
        frames=tuple(
            MarkedFrame(index=p - first, pts=pts.get(p - first), marks=tuple(marks[p])) for p in sorted(marks)
        ),
    )


def _marks(document: Document, first: int, last: int) -> tuple[dict[int, list[Mark]], set[int]]:
    """Marks by position, and the numbers of the lesions that have any."""
    marks: dict[int, list[Mark]] = {}
    seen: set[int] = set()
    for lesion in document.lesions:
        for begin, end in lesion.stretches:
            positions = np.arange(max(begin, first), min(end, last) + 1)
            if not len(positions):
                continue
            seen.add(lesion.id)
            boxes = np.round(lesion.track.boxes(positions), 2).tolist()
            for start, stop, state in runs(lesion.track.states, int(positions[0]), int(positions[-1]), CLEAR):
                for position in range(start, stop + 1):
                    mark = _mark(lesion.id, boxes[position - int(positions[0])], state)
                    marks.setdefault(position, []).append(mark)
    return marks, seen


def _mark(lesion: int, box: list[float], state: State) -> Mark:
    assert state != HIDDEN  # a stretch is in the picture
    said: dict[str, Any] = {"lesion": lesion, "state": "clear" if state == "clear" else "marginal", "box": tuple(box)}
    if state == "occluded":
        said["occluded"] = True
    return Mark.model_validate(said | {"visibility": None})


def _video(opened: Opened, place: int, count: int) -> Video:
    segment = opened.procedure.segments[place]
    size = opened.sizes[place]
    labels = segment.annotation
    if not segment.video.is_file():
        raise UsageError(
            f"{segment.video.name} is a folder of pictures: labels belong to one video file.",
            "Export the labels in a format for pictures instead.",
        )
    return Video(
        name=segment.video.name,
        sha256=labels.video.sha256 if labels is not None else _sha256(segment.video),
        frame_count=count,
        width=size.width,
        height=size.height,
        time_base=_time_base(opened, place, segment),
    )


def _sha256(video: Path) -> str:
    """Of a whole file; read once in its life, where the cache can be written."""
    return Kept().sha256(video) or file_sha256(video)


def _time_base(opened: Opened, place: int, segment: Segment) -> Fraction:
    if segment.annotation is not None:
        return segment.annotation.video.time_base
    known = next((f.time_base for f in segment.frames if f.time_base is not None), None)
    index = opened.indices[place]
    if known is None and index is not None:
        known = index.time_base
    if known is not None:
        return known
    tally = DecodeTally()
    next(decode_frames(segment.video, range(1), tally, whole=False), None)
    if tally.time_base is None:
        raise SourceError(f"{segment.video} holds no picture that can be decoded.", "Copy or record it again.")
    return tally.time_base


def _pts(opened: Opened, place: int) -> dict[int, int]:
    """Media times by index, in ticks of the time base that `_time_base` gives, where they are known."""
    segment = opened.procedure.segments[place]
    index = opened.indices[place]
    base = _time_base(opened, place, segment)
    if segment.frames:
        return {i: f.pts for i, f in enumerate(segment.frames) if f.pts is not None and f.time_base == base}
    if index is not None and index.counted and index.seekable and index.time_base == base:
        return dict(enumerate(index.labels.tolist()))
    return {}
