"""What lies between our labels and another tool's files: videos with labels, and what a foreign file says of a video.

Labels of a video are a `detector.annotation.Annotation`; frames count the pictures of one video file from 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from app.qa.progress import Progress, Stop, never, quiet
from detector.annotation import Annotation
from detector.geometry import Size

KIND = "polyp"
"""The one class of our labels, in other tools' files."""
MARGINAL: Final = "marginal"
State = Literal["clear", "marginal"]
BoxTuple = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """One video with its labels, to be exported.

    Attributes:
        key: its name in the export: unique there, and a path below it in formats that have folders.
        video: the file.
        annotation: its labels.
    """

    key: str
    video: Path
    annotation: Annotation

    @property
    def size(self) -> Size:
        """Of the pictures."""
        return Size(self.annotation.video.width, self.annotation.video.height)


@dataclass(frozen=True, slots=True)
class ForeignMark:
    """One box as a foreign file has it.

    Attributes:
        frame: from 0.
        box: x1, y1, x2, y2 in pixels, half-open; not checked yet.
        lesion: its id there; empty if the format has none.
        state: None: the format cannot say.
        visibility: 0 to 1; None: nobody says.
    """

    frame: int
    box: BoxTuple
    lesion: str = ""
    state: State | None = None
    visibility: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class ForeignVideo:
    """What a foreign file says of one video.

    Attributes:
        name: as it calls it; the key of an `Item` in our own exports.
        marks: all boxes.
        frames: the frames of which the file speaks: without a box there they show no polyp. None: of all, or it does
            not say.
        frame_count: of the video, if it says that.
        size: of the pictures, likewise.
        videos: file names that it gives the video, the likeliest first.
        lesions: attributes of its lesions, by id.
        notes: what was assumed in reading it.
    """

    name: str
    marks: tuple[ForeignMark, ...]
    frames: frozenset[int] | None = None
    frame_count: int | None = None
    size: Size | None = None
    videos: tuple[str, ...] = ()
    lesions: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Job:
    """What every writer is given beside the labels.

    Attributes:
        folder: where to write; it is there and empty.
        every: of the reviewed frames without a mark every so many are written, in formats of single frames.
        pictures: write the frames themselves, in formats that mean nothing without.
        png: lossless pictures instead of JPEG at quality 95.
        progress: told how far it is.
        stop: asked whether to end early.
    """

    folder: Path
    every: int = 25
    pictures: bool = True
    png: bool = False
    progress: Progress = quiet
    stop: Stop = never


SizeOf = Callable[[str], Size | None]
"""Size of the pictures of a video by its name in the foreign file; None if nobody knows which video that is."""


@dataclass(frozen=True, slots=True)
class Format:
    """One way in which other tools write labels.

    Attributes:
        name: for the command line.
        describe: one line, with the tools that read it.
        loses: what it cannot hold by itself (and what our side file therefore holds), in words.
        write: writes the items, and returns notes on what was left out.
        read: what the files below a folder (or one file) say.
        matches: whether a folder or file looks like it; cheap.
        pictures: it is a format of single frames, which needs them.
    """

    name: str
    describe: str
    loses: str
    write: Callable[[Sequence[Item], Job], list[str]]
    read: Callable[[Path, SizeOf], list[ForeignVideo]]
    matches: Callable[[Path], bool]
    pictures: bool = False
