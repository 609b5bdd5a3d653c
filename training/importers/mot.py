"""MOT challenge text: `gt/gt.txt` with `img1/` or a video, `seqinfo.ini` where there is one, `labels.txt` from CVAT.

A line is `frame, id, left, top, width, height[, active[, class[, visibility]]]` (motchallenge.net/instructions). Frames
count from 1. `active` 0 means ignored. The challenge's own files count pixels from 1, too; label tools (CVAT, Datumaro)
write them from 0, which is the default here. CVAT numbers the frames *of the task*, without its start frame and step.
"""

from __future__ import annotations

import configparser
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from detector.errors import FormatError, SourceError, UsageError
from detector.geometry import Size
from training.importers.clip_files import VIDEO_OPTIONS, clip_name, find_video, is_ignored, yes
from training.importers.clips import OPTIONS, REPORTED, Clip, FrameLabel, import_clips
from training.importers.context import Context, Layout
from training.importers.intake import IMAGE_SUFFIXES, Intake, Mark, files_below, natural, whole
from training.importers.label_text import number, read_text
from training.samples import Sample

_LEAST_FIELDS = 6


@dataclass(slots=True)
class _Sequence:
    """One sequence; `marks` and `faults` by frame number, from 1."""

    folder: Path
    labels: Path
    length: int | None
    size: Size | None
    marks: dict[int, list[Mark]] = field(default_factory=dict)
    facts: dict[int, dict[str, str]] = field(default_factory=dict)
    faults: set[int] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Settings:
    reviewed: bool
    offset_px: int
    start: int
    step: int

    @classmethod
    def of(cls, context: Context) -> _Settings:
        start, step = whole(context.options.get("start", "0")), whole(context.options.get("step", "1"))
        if start is None or step is None or start < 0 or step < 1:
            raise UsageError("--option start and step are whole numbers, from 0 and from 1.")
        return cls(yes(context, "reviewed"), int(yes(context, "one_based")), start, step)


def _read(root: Path, context: Context) -> Iterator[Sample]:
    intake, settings = Intake.of(root, context), _Settings.of(context)
    files = [root] if root.is_file() else sorted(p for p in files_below(root, {".txt"}) if p.name == "gt.txt")
    if not files:
        raise SourceError(f"{root} holds no gt.txt.", "Name the folder of a MOT sequence.")
    clips = []
    for file in files:
        try:
            clips.append(_clip(root, _read_sequence(file, intake, settings), context, settings))
        except (SourceError, FormatError) as error:
            if len(files) == 1:
                raise
            intake.bad(file, "unusable clip", str(error))
    intake.close()
    yield from import_clips(root, context, clips)


def _clip(root: Path, sequence: _Sequence, context: Context, settings: _Settings) -> Clip:
    images = _images(sequence)
    video = None if images else find_video(sequence.labels, [], context, sequence.folder)
    name = clip_name(root, sequence.labels, (video or sequence.folder.resolve()).stem)
    start, step = (settings.start, settings.step) if video else (0, 1)
    last = max([*sequence.marks, sequence.length or 0], default=0)

    def label(index: int, _: float, __: Size) -> FrameLabel | None:
        position, rest = divmod(index - start, step)
        frame = position + 1
        if rest or frame < 1 or (sequence.length is not None and frame > sequence.length):
            return None
        if frame in sequence.faults:
            return REPORTED
        marks = sequence.marks.get(frame)
        if marks is None:
            return FrameLabel() if settings.reviewed else None
        return FrameLabel(tuple(marks), facts=sequence.facts.get(frame, {}))

    def check(count: int) -> None:
        labelled = len(range(start, count, step))
        if last > labelled or (sequence.length is not None and sequence.length != labelled):
            what = f"seqLength {sequence.length}" if sequence.length else f"frames up to {last}"
            raise FormatError(
                f"{sequence.labels} is for {what}, but {video or sequence.folder / 'img1'} has {count} frames"
                + (f", of which {labelled} from {start} in steps of {step}." if video else "."),
                "Use what was labelled; for a task of CVAT with start frame and step see --option start and step.",
            )

    return Clip(
        name,
        sequence.labels,
        label,
        video,
        images,
        sequence.size,
        check,
        frozenset(start + (frame - 1) * step for frame in sequence.marks),
    )


def _images(sequence: _Sequence) -> dict[int, Path]:
    """Images by index, from 0: by their number if their names are numbers, else by their order."""
    folder = sequence.folder / "img1"
    found = sorted(files_below(folder, IMAGE_SUFFIXES), key=lambda p: natural(p.stem)) if folder.is_dir() else []
    if found and all(p.stem.isdecimal() and int(p.stem) >= 1 for p in found):
        return {int(p.stem) - 1: p for p in found}
    return dict(enumerate(found))


def _read_sequence(file: Path, intake: Intake, settings: _Settings) -> _Sequence:
    folder = file.parent.parent if file.parent.name == "gt" else file.parent
    length, size = _read_info(folder / "seqinfo.ini")
    sequence = _Sequence(folder, file, length, size)
    names_file = file.with_name("labels.txt")
    names = [line.strip() for line in read_text(names_file).splitlines()] if names_file.is_file() else []
    for number_, line in enumerate(read_text(file).splitlines(), start=1):
        if line.strip():
            _take_line(line, number_, names, sequence, intake, settings)
    return sequence


def _read_info(path: Path) -> tuple[int | None, Size | None]:
    if not path.is_file():
        return None, None
    info = configparser.ConfigParser(interpolation=None)
    try:
        info.read_string(read_text(path))
        section = info["Sequence"]
    except (configparser.Error, KeyError) as error:
        raise FormatError(f"{path} is no seqinfo.ini ({error}).") from error
    length, width, height = (whole(section.get(key, "")) for key in ("seqLength", "imWidth", "imHeight"))
    return length, Size(width, height) if width and height else None


def _take_line(line: str, at: int, names: list[str], sequence: _Sequence, intake: Intake, settings: _Settings) -> None:
    values = [v.strip() for v in line.split(",")]
    frame = whole(values[0])
    if frame is None or frame < 1 or len(values) < _LEAST_FIELDS:
        intake.bad(sequence.labels, "broken line", f"Line {at} is not frame, id, left, top, width, height: {line!r}")
        if frame is not None:
            sequence.faults.add(frame)
        return
    kind = _class_name(values[7] if len(values) > 7 else "", names)
    if not intake.wanted(kind):
        return
    left, top, width, height = (number(v) for v in values[2:6])
    left, top = left - settings.offset_px, top - settings.offset_px
    lesion = values[1] if (whole(values[1]) or -1) >= 0 or values[1] == "0" else ""
    ignored = (len(values) > 6 and number(values[6]) == 0) or is_ignored(intake.context, kind)
    mark = Mark((left, top, left + width, top + height), kind, lesion, ignored=ignored)
    sequence.marks.setdefault(frame, []).append(mark)
    if len(values) > 8 and lesion:
        sequence.facts.setdefault(frame, {})[f"visibility:{lesion}"] = values[8]


def _class_name(value: str, names: list[str]) -> str:
    position = whole(value)
    if position is not None and 1 <= position <= len(names):
        return names[position - 1]
    return "" if value in ("", "-1") else value


def _matches(root: Path) -> bool:
    if root.is_file():
        return root.name == "gt.txt"
    return any(next(root.glob(pattern), None) is not None for pattern in ("gt/gt.txt", "gt.txt", "*/gt/gt.txt"))


LAYOUTS: tuple[Layout, ...] = (
    Layout(
        "mot",
        "MOT challenge text (gt/gt.txt, seqinfo.ini) with img1/ or a video",
        _matches,
        _read,
        OPTIONS
        | VIDEO_OPTIONS
        | {
            "reviewed": "yes: frames without a line show no polyp (default no: they are left out as unknown)",
            "one_based": "yes: pixels count from 1, as in the challenge's own files (default no)",
            "start": "with a video: index of the frame that is number 1 (default 0)",
            "step": "with a video: frames from one labelled frame to the next (default 1)",
        },
    ),
)
