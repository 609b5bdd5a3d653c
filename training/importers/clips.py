"""What every importer of annotated clips does: choose frames, cut them out, and make samples of them.

A layout says what a frame's label is (`FrameLabel`), and None where nobody looked: those frames are left out and
counted. All labelled frames with a lesion are taken; of long stretches without one, one every `every_s` seconds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np

from detector.decode import DecodeTally, decode_frames
from detector.errors import FormatError, SourceError, UsageError
from detector.geometry import Size, as_boxes
from detector.labels.text import number, read_table
from training.importers.clip_files import of_frame
from training.importers.context import Context
from training.importers.frames import FrameStore, read_hashes, require_same
from training.importers.headers import image_size
from training.importers.intake import CLASS_OPTION, COMMON, PREFIX, Identity, Intake, Mark
from training.samples import Sample

T = TypeVar("T")
CLIP_TABLE = "clips.csv"
OPTIONS: dict[str, str] = {
    PREFIX: COMMON[PREFIX],
    **CLASS_OPTION,
    "ignore": "comma-separated names of classes whose boxes are neither right nor wrong",
    "every_s": "seconds between two frames without a lesion (default 1; 0 takes all)",
    "lesions_every_s": "seconds between two frames with a lesion (default 0: all are taken)",
    "max_frames": "most frames of one video; more are thinned evenly (default: no limit)",
    "format": "jpg (quality 95, the default) or png",
    "expect": "cut.jsonl of an earlier import: its hashes must be those of this video's frames",
    "centre": "hospital of all clips",
    "patient": "patient of all clips; for single clips see clips.csv (columns clip, patient, centre, official)",
}


@dataclass(frozen=True, slots=True)
class FrameLabel:
    """What is known of one frame.

    Attributes:
        marks: lesions and ignored regions; none, if `known`, means no polyp.
        known: whether somebody looked for every lesion. Otherwise the sample is *unknown*, and `marks` are dropped.
        facts: further facts of the frame.
    """

    marks: tuple[Mark, ...] = ()
    known: bool = True
    facts: Mapping[str, str] = field(default_factory=dict)


REPORTED = FrameLabel(known=False)
"""The label of a frame that was reported as bad already: the frame is left out."""
Labelling = Callable[[int, float, Size], FrameLabel | None]
"""From index, time in seconds and picture size to a frame's label; None: nobody looked. May raise FormatError."""
_Chosen = tuple[int, float | None, Path, str]
"""Index, time in seconds, image file and hash of its pixels."""


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """One annotated clip.

    Attributes:
        name: below the prefix; the first part of its samples' names.
        labels: the file to name when a label is wrong.
        label: what is known of a frame; called once for each, in order.
        video: the file; None where `images` are there already.
        images: frames by index, instead of a video.
        size: of the pictures as labelled; None if the labels do not say.
        check: is told how many frames there really are, before any sample is made. Raises FormatError if the labels
            cannot be of this video.
        labelled: indices of the frames that have marks, so that a missing image is noticed.
        official: the set's own split.
        sequence: which examination it is part of; empty: it is one of its own.
        placed: from index and time in the file to order and time in the sequence.
        patient: whose it is, where the labels know.
        centre: hospital, likewise.
    """

    name: str
    labels: Path
    label: Labelling
    video: Path | None = None
    images: Mapping[int, Path] = field(default_factory=dict)
    size: Size | None = None
    check: Callable[[int], None] = lambda count: None
    labelled: frozenset[int] = frozenset()
    official: str = ""
    sequence: str = ""
    placed: Callable[[int, float | None], tuple[int, float | None]] = lambda index, time_s: (index, time_s)
    patient: str = ""
    centre: str = ""


@dataclass(frozen=True, slots=True)
class _Choice:
    """Which frames to take; see OPTIONS."""

    every_s: float
    lesions_every_s: float
    max_frames: int | None
    png: bool
    expected: Mapping[int, str]

    @classmethod
    def of(cls, intake: Intake) -> _Choice:
        expect = intake.option("expect")
        most = _number(intake, "max_frames", "0")
        return cls(
            _number(intake, "every_s", "1"),
            _number(intake, "lesions_every_s", "0"),
            int(most) or None,
            intake.option("format", ("jpg", "png"), "jpg") == "png",
            read_hashes(Path(expect)) if expect else {},
        )


def import_clips(root: Path, context: Context, clips: Sequence[Clip]) -> Iterator[Sample]:
    """Samples of all clips, in the order of their names.

    A clip that cannot be used (missing or other video, contradictions) is a bad record if there are others, and ends
    the import if it is the only one.

    Raises:
        SourceError: the only clip's video is missing or damaged.
        FormatError: its labels are of another video.
        UsageError: an option is not understood.
        OutputError: frames cannot be written.
    """
    intake = Intake.of(root, context)
    choice, table = _Choice.of(intake), _clip_table(intake.root)
    names: dict[str, Clip] = {}
    for clip in sorted(clips, key=lambda c: c.name):
        if (first := names.setdefault(clip.name, clip)) is not clip:
            what = f"It gets the same name as {intake.shown(first.labels)}: {intake.name(clip.name)}."
            intake.bad(clip.labels, "duplicate name", what)
            continue
        try:
            yield from _samples(clip, intake, choice, table.get(clip.name, {}))
        except (SourceError, FormatError) as error:
            if len(clips) == 1:
                raise
            intake.bad(clip.labels, "unusable clip", str(error))
    intake.close()


# -- one clip ---------------------------------------------------------------------------------------------------------


def _samples(clip: Clip, intake: Intake, choice: _Choice, row: Mapping[str, str]) -> Iterator[Sample]:
    labels: dict[int, FrameLabel] = {}
    chooser = _Chooser(clip, intake, choice, labels)
    if clip.video is None:
        clip.check(max(clip.images, default=-1) + 1)
        for index in sorted(clip.labelled - clip.images.keys()):
            intake.bad(clip.labels, "missing image", f"Frame {index} is labelled, but there is no image of it.")
        kept = [i for i, path in sorted(clip.images.items()) if chooser.takes_image(i, path)]
        chosen: list[_Chosen] = [(i, None, clip.images[i], "") for i in _thinned(kept, choice, intake)]
    else:
        store = _cut(clip, intake, choice, chooser)
        chosen = [(f.index, f.time_s, store.path(f), f.pixels_sha256) for f in store.frames]
    if chooser.unknown:
        intake.tally["frames were left out, as nobody says that they were looked at"] += chooser.unknown
    for taken in chosen:
        sample = _sample(clip, intake, row, taken, labels[taken[0]])
        if sample is not None:
            yield sample
        elif clip.video is not None:
            taken[2].unlink(missing_ok=True)


def _cut(clip: Clip, intake: Intake, choice: _Choice, chooser: _Chooser) -> FrameStore:
    assert clip.video is not None
    tally = DecodeTally()
    wanted: set[int] = set()

    def want(index: int, time_s: float) -> bool:
        if chooser.wants(index, time_s, tally.size):
            wanted.add(index)
        return index in wanted or index in choice.expected

    folder = intake.context.work / intake.context.source.name / intake.name(clip.name)
    with FrameStore(folder, clip.video, choice.png) as store:
        for frame in decode_frames(clip.video, want, tally):
            require_same(frame, choice.expected, clip.video)
            if frame.index in wanted:
                store.add(frame)
        if clip.size is not None and tally.size != clip.size:
            found = "x".join(str(n) for n in tally.size or ())
            raise FormatError(
                f"{clip.labels} labels pictures of {clip.size.width}x{clip.size.height}, but those of {clip.video} are "
                f"{found}.",
                "Use the video that was labelled.",
            )
        clip.check(tally.count)
        missing = [i for i in choice.expected if i >= tally.count]
        if missing:
            raise FormatError(f"{clip.video} has {tally.count} frames; hashes are expected up to {max(missing)}.")
        if tally.lost_at_end:
            intake.context.report.notes.append(f"{clip.video.name} is damaged {tally.lost_at_end}")
        store.keep_only(_thinned(store.frames, choice, intake))
    return store


@dataclass(slots=True)
class _Chooser:
    """Asks for each frame's label and decides whether to take it."""

    clip: Clip
    intake: Intake
    choice: _Choice
    labels: dict[int, FrameLabel]
    unknown: int = 0
    last_lesion_s: float = -math.inf
    last_empty_s: float = -math.inf

    def wants(self, index: int, time_s: float, size: Size | None) -> bool:
        """Whether to take a frame of a video."""
        label = self.clip.label(index, time_s, size) if size is not None else None
        if label is None or label is REPORTED:
            self.unknown += label is None
            return False
        if not self._due(bool(label.marks) or not label.known, time_s):
            return False
        self.labels[index] = label
        return True

    def takes_image(self, index: int, path: Path) -> bool:
        """Whether to take an image that is there already: chosen by whoever made it, and without a time."""
        size = self.clip.size or self.intake.attempt(path, "unreadable image", image_size)
        label = self.clip.label(index, 0.0, size) if size is not None else None
        self.unknown += label is None and size is not None
        if label is None or label is REPORTED:
            return False
        self.labels[index] = label
        return True

    def _due(self, lesion: bool, time_s: float) -> bool:
        tolerance_s = 1e-6
        if lesion:
            due = time_s - self.last_lesion_s >= self.choice.lesions_every_s - tolerance_s
            self.last_lesion_s = time_s if due else self.last_lesion_s
        else:
            due = time_s - self.last_empty_s >= self.choice.every_s - tolerance_s
            self.last_empty_s = time_s if due else self.last_empty_s
        return due


def _thinned(frames: Sequence[T], choice: _Choice, intake: Intake) -> list[T]:
    """At most `max_frames`, evenly spread."""
    most = choice.max_frames
    if most is None or len(frames) <= most:
        return list(frames)
    intake.tally["frames were thinned away (--option max_frames)"] += len(frames) - most
    return [frames[i] for i in np.linspace(0, len(frames) - 1, most).round().astype(int)]


def _sample(
    clip: Clip,
    intake: Intake,
    row: Mapping[str, str],
    taken: _Chosen,
    label: FrameLabel,
) -> Sample | None:
    """The checked sample of a frame, or None if its label was bad, which is then reported."""
    options = intake.context.options
    index, time_s, image, digest = taken
    order, time_s = clip.placed(index, time_s)
    identity = Identity(
        centre=row.get("centre") or clip.centre or options.get("centre", ""),
        patient=row.get("patient") or clip.patient or options.get("patient", ""),
        sequence=intake.name(clip.sequence or clip.name),
        order=order,
        time_s=time_s,
        official=row.get("official") or clip.official,
        facts={**label.facts, **({"pixels_sha256": digest} if digest else {})},
    )
    name = f"{clip.name}/{index:06d}"
    if not label.known:
        size = clip.size or image_size(image)
        source = intake.context.source.name
        return Sample(intake.name(name), image, source, size, as_boxes([]), (), known=False, **identity)
    return intake.sample(image, name, label.marks, label=of_frame(clip.labels, index), told=clip.size, **identity)


def _clip_table(root: Path) -> dict[str, dict[str, str]]:
    """Patient, centre and official split by clip name, from `clips.csv` where there is one."""
    path = root / CLIP_TABLE
    return {row["clip"]: row for row in read_table(path, ("clip",))} if path.is_file() else {}


def _number(intake: Intake, name: str, default: str) -> float:
    value = number(intake.option(name, default=default))
    if not 0 <= value < math.inf:
        raise UsageError(f"--option {name}={intake.option(name)} is not a number of at least 0.")
    return value
