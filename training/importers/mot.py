"""MOT challenge text: `gt/gt.txt` with `img1/` or a video, `seqinfo.ini` where there is one, `labels.txt` from CVAT.

What a line means stands in `detector.labels.mot`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from detector.errors import FormatError, SourceError, UsageError
from detector.geometry import Size
from detector.labels.mot import BrokenRow, MotFile, MotRow, read_mot
from training.importers.clip_files import VIDEO_OPTIONS, clip_name, find_video, is_ignored, yes
from training.importers.clips import OPTIONS, REPORTED, Clip, FrameLabel, import_clips
from training.importers.context import Context, Layout
from training.importers.intake import IMAGE_SUFFIXES, Intake, Mark, files_below, natural, whole
from training.samples import Sample


@dataclass(slots=True)
class _Sequence:
    """One sequence; `marks` and `faults` by frame number, from 1."""

    file: MotFile
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
    video = None if images else find_video(sequence.file.path, [], context, sequence.file.folder)
    name = clip_name(root, sequence.file.path, (video or sequence.file.folder.resolve()).stem)
    start, step = (settings.start, settings.step) if video else (0, 1)
    last = max([*sequence.marks, sequence.file.length or 0], default=0)

    def label(index: int, _: float, __: Size) -> FrameLabel | None:
        position, rest = divmod(index - start, step)
        frame = position + 1
        if rest or frame < 1 or (sequence.file.length is not None and frame > sequence.file.length):
            return None
        if frame in sequence.faults:
            return REPORTED
        marks = sequence.marks.get(frame)
        if marks is None:
            return FrameLabel() if settings.reviewed else None
        return FrameLabel(tuple(marks), facts=sequence.facts.get(frame, {}))

    def check(count: int) -> None:
        labelled = len(range(start, count, step))
        if last > labelled or (sequence.file.length is not None and sequence.file.length != labelled):
            what = f"seqLength {sequence.file.length}" if sequence.file.length else f"frames up to {last}"
            raise FormatError(
                f"{sequence.file.path} is for {what}, but {video or sequence.file.folder / 'img1'} has {count} frames"
                + (f", of which {labelled} from {start} in steps of {step}." if video else "."),
                "Use what was labelled; for a task of CVAT with start frame and step see --option start and step.",
            )

    return Clip(
        name,
        sequence.file.path,
        label,
        video,
        images,
        sequence.file.size,
        check,
        frozenset(start + (frame - 1) * step for frame in sequence.marks),
    )


def _images(sequence: _Sequence) -> dict[int, Path]:
    """Images by index, from 0: by their number if their names are numbers, else by their order."""
    folder = sequence.file.folder / "img1"
    found = sorted(files_below(folder, IMAGE_SUFFIXES), key=lambda p: natural(p.stem)) if folder.is_dir() else []
    if found and all(p.stem.isdecimal() and int(p.stem) >= 1 for p in found):
        return {int(p.stem) - 1: p for p in found}
    return dict(enumerate(found))


def _read_sequence(path: Path, intake: Intake, settings: _Settings) -> _Sequence:
    sequence = _Sequence(read_mot(path))
    for row in sequence.file.rows:
        if isinstance(row, MotRow):
            _take_row(row, sequence, intake, settings)
            continue
        _report(row, sequence, intake)
    return sequence


def _report(row: BrokenRow, sequence: _Sequence, intake: Intake) -> None:
    what = f"Line {row.line} is not frame, id, left, top, width, height: {row.text!r}"
    intake.bad(sequence.file.path, "broken line", what)
    if row.frame is not None:
        sequence.faults.add(row.frame)


def _take_row(row: MotRow, sequence: _Sequence, intake: Intake, settings: _Settings) -> None:
    if not intake.wanted(row.kind):
        return
    left, top = row.left - settings.offset_px, row.top - settings.offset_px
    ignored = not row.active or is_ignored(intake.context, row.kind)
    mark = Mark((left, top, left + row.width, top + row.height), row.kind, row.lesion, ignored=ignored)
    sequence.marks.setdefault(row.frame, []).append(mark)
    if row.visibility and row.lesion:
        sequence.facts.setdefault(row.frame, {})[f"visibility:{row.lesion}"] = row.visibility


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
