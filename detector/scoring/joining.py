"""Which labels and which answers belong to which frame: the one place, for QA, evaluation and mining alike.

Labels count the pictures of a video file; results name a file and an index in it; a live session counts frames that it
captured.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from detector.annotation import Annotation
from detector.errors import FormatError
from detector.geometry import Boxes, Size, as_boxes, clip
from detector.procedure import Procedure, Segment
from detector.results import FrameRow, read_frames
from detector.scoring.columns import Flags, Ints, TruthColumns, starts_of
from detector.scoring.recording import Truth

_NEEDED = ("file", "index", "status", "detections")


def base_name(file: str) -> str:
    """The last part of a path, from whichever system it comes."""
    return file.replace("\\", "/").rsplit("/", 1)[-1]


def segment_of(file: str, procedure: Procedure) -> int | None:
    """The number of the video that a row of results names; None: it is of another procedure."""
    name = base_name(file)
    return next((s.number for s in procedure.segments if s.video.name == name), None)


def frame_of(file: str, index: int, video: str, captured: Mapping[int, int]) -> int | None:
    """Position in a video of the frame that a row of results is of; None: it is of another video.

    Args:
        file: the row's file.
        index: the row's index.
        video: name of the video file.
        captured: position by capture index, if the results may be those of a live session.
    """
    name = base_name(file)
    if name == video:
        return index
    return captured.get(index) if captured and not name.startswith("video-") else None


def quick_rows(path: Path) -> Iterator[Mapping[str, Any]]:
    """The frames of a results file as plain dictionaries, several times as fast as `detector.results.read_frames`.

    Files as we write them have a frame a line; any other layout is read the slow way.

    Raises:
        FormatError: unreadable or damaged.
    """
    try:
        with path.open("rb") as file:
            if file.readline().rstrip().endswith(b'"frames": ['):
                yield from _line_by_line(path, file)
                return
    except OSError as error:
        raise FormatError(f"Cannot read the results in {path}: {error.strerror or error}.") from error
    for row in read_frames(path):
        yield _plain(row)


def _line_by_line(path: Path, lines: Iterator[bytes]) -> Iterator[Mapping[str, Any]]:
    for number, line in enumerate(lines, 2):
        text = line.strip()
        if text.startswith(b"]"):
            return
        try:
            row = json.loads(text.removesuffix(b","))
            row = {key: row[key] for key in _NEEDED}
        except (ValueError, KeyError, TypeError) as error:
            raise FormatError(f"{path}, line {number} is damaged: {error!r}.", "Was it written whole?") from error
        yield row
    raise FormatError(f"{path} is cut off.", "Was it written whole? Analyse the video again.")


def _plain(row: FrameRow) -> Mapping[str, Any]:
    return {key: value for key, value in row.model_dump(by_alias=True).items() if key in _NEEDED}


# -- labels -----------------------------------------------------------------------------------------------------------


def lesion_prefix(procedure: Procedure, segment: int) -> str:
    """Before the lesion ids of a video, so that two videos of one procedure do not share them."""
    return f"{segment}:" if len(procedure.segments) > 1 else ""


def counts(annotation: Annotation, segment: Segment, index: int) -> bool:
    """Whether somebody looked at a frame of a video. Nobody can have looked at one that was written as black."""
    blanked = index < len(segment.frames) and segment.frames[index].blanked
    return annotation.is_reviewed(index) and not blanked


def truth_of(annotation: Annotation, index: int, prefix: str = "", segment: Segment | None = None) -> Truth:
    """What is known of a frame of a video: clear marks are lesions, marginal ones are ignored.

    Args:
        annotation: the labels.
        index: of the frame in the video.
        prefix: before lesion ids.
        segment: the video, if it is one of a recording: black pictures of it do not count.
    """
    size = Size(annotation.video.width, annotation.video.height)
    marks = annotation.marks(index)
    clear = [m for m in marks if m.state == "clear"]
    return Truth(
        counts(annotation, segment, index) if segment is not None else annotation.is_reviewed(index),
        clip(as_boxes([m.box for m in clear]), size),
        tuple(f"{prefix}{m.lesion}" for m in clear),
        clip(as_boxes([m.box for m in marks if m.state != "clear"]), size),
    )


@dataclass(frozen=True, slots=True)
class Labelled:
    """The labels of one video and where its frames lie in the recording.

    Attributes:
        annotation: the labels.
        first: position of the video's first frame.
        count: how many of its frames there are.
        prefix: before lesion ids.
    """

    annotation: Annotation
    first: int
    count: int
    prefix: str = ""


def truth_columns(total: int, parts: Sequence[Labelled], blanked: Flags | None = None) -> TruthColumns:
    """What is known of every frame of a recording; of videos without labels nothing.

    Args:
        total: frames of the recording.
        parts: its labelled videos.
        blanked: (total,) pictures that were written as black: nobody can have looked at them, so they never count.
    """
    reviewed = np.zeros(total, bool)
    lesions, ignored = _Boxes(), _Boxes()
    for part in sorted(parts, key=lambda p: p.first):
        end = part.first + part.count
        for span in part.annotation.reviewed:
            reviewed[part.first + span.first : min(end, part.first + span.last + 1)] = True
        size = Size(part.annotation.video.width, part.annotation.video.height)
        for frame in part.annotation.frames:
            if frame.index < part.count:
                for mark in frame.marks:
                    kind = lesions if mark.state == "clear" else ignored
                    kind.add(part.first + frame.index, mark.box, f"{part.prefix}{mark.lesion}", size)
    if blanked is not None:
        reviewed &= ~blanked
    names, lesion = lesions.numbered()
    return TruthColumns(
        reviewed, lesions.starts(total), lesions.boxes(), lesion, names, ignored.starts(total), ignored.boxes()
    )


class _Boxes:
    """Boxes in the order of frames."""

    def __init__(self) -> None:
        self._frames: list[int] = []
        self._boxes: list[tuple[float, float, float, float]] = []
        self._limits: list[tuple[int, int, int, int]] = []
        self._names: list[str] = []

    def add(self, frame: int, box: tuple[float, float, float, float], name: str, size: Size) -> None:
        self._frames.append(frame)
        self._boxes.append(box)
        self._limits.append((size.width, size.height, size.width, size.height))
        self._names.append(name)

    def starts(self, total: int) -> Ints:
        return starts_of(np.bincount(np.array(self._frames, np.int64), minlength=total))

    def boxes(self) -> Boxes:
        """Cut at the borders of the picture, as `detector.geometry.clip` does."""
        return np.clip(as_boxes(self._boxes), np.float32(0), as_boxes(self._limits))

    def numbered(self) -> tuple[tuple[str, ...], Ints]:
        codes: dict[str, int] = {}
        numbers = [codes.setdefault(name, len(codes)) for name in self._names]
        return tuple(codes), np.array(numbers, np.int64)
