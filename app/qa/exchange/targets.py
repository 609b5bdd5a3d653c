"""The videos of procedures that labels are exported from or imported to, and what identifies each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import av

from app.qa.exchange.model import Item
from detector.annotation import Annotation, Video
from detector.decode import ONE_PICTURE_PER_PACKET, DecodeTally, count_packets, decode_frames
from detector.errors import SourceError
from detector.procedure import file_sha256, is_recording, open_procedure, videos_below


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """One video of a procedure.

    Attributes:
        key: its name in exports: folder or file, and the video's own where a recording has several.
        procedure: the folder or the file.
        segment: number of the video, from 1.
        video: the file.
        annotation: its published labels; None if there are none.
        annotation_file: where they stand.
    """

    key: str
    procedure: Path
    segment: int
    video: Path
    annotation: Annotation | None
    annotation_file: Path | None

    def facts(self) -> Video:
        """What identifies the video; without labels it is hashed, and its pictures are counted.

        Raises:
            SourceError: it cannot be read.
        """
        return self.annotation.video if self.annotation is not None else video_facts(self.video)


def procedures_at(paths: Sequence[Path]) -> list[Path]:
    """Recordings and plain videos: those that are named, and those below named folders; each once.

    Raises:
        SourceError: a path does not exist, or holds neither.
    """
    found: dict[Path, None] = {}
    for path in paths:
        if not path.exists():
            raise SourceError(f"{path} does not exist.", "Check the spelling.")
        if path.is_file() or is_recording(path):
            found[path] = None
            continue
        below = sorted({p.parent for p in path.rglob("frames.jsonl") if is_recording(p.parent)}) + videos_below(path)
        if not below:
            raise SourceError(f"{path} holds neither a recording nor a video.", "Name another folder.")
        found.update(dict.fromkeys(below))
    return list(found)


def targets_of(paths: Sequence[Path]) -> list[Target]:
    """All videos of procedures, with keys of their own.

    Raises:
        SourceError: one cannot be opened.
        FormatError: its labels are damaged or of another video.
    """
    found: list[Target] = []
    taken: set[str] = set()
    for path in procedures_at(paths):
        procedure = open_procedure(path)
        base = free_name(path.resolve().name if path.is_dir() else path.stem, taken)
        several = len(procedure.segments) > 1
        for s in procedure.segments:
            key = f"{base}/{s.video.stem}" if several else base
            found.append(Target(key, path, s.number, s.video, s.annotation, s.annotation_file))
    return found


def items_of(targets: Sequence[Target]) -> list[Item]:
    """Those that have labels."""
    return [Item(t.key, t.video, t.annotation) for t in targets if t.annotation is not None]


def video_facts(video: Path) -> Video:
    """What identifies a video: name, hash, how many pictures, their size and the time base.

    Raises:
        SourceError: it cannot be read.
    """
    tally = DecodeTally()
    with av.open(str(video)) as container:
        codec = container.streams.video[0].codec_context.name if container.streams.video else ""
    for _ in decode_frames(video, frozenset({0}), tally, whole=codec not in ONE_PICTURE_PER_PACKET):
        pass
    count = count_packets(video) if codec in ONE_PICTURE_PER_PACKET else tally.count
    if tally.size is None or tally.time_base is None or not count:
        raise SourceError(f"{video} holds no picture that can be decoded.", "Copy or record it again.")
    return Video(
        name=video.name,
        sha256=file_sha256(video),
        frame_count=count,
        width=tally.size.width,
        height=tally.size.height,
        time_base=tally.time_base,
    )


def free_name(name: str, taken: set[str]) -> str:
    """The name, or with a number behind it where it is taken; it is taken from now on."""
    free, number = name, 2
    while free in taken:
        free, number = f"{name}-{number}", number + 1
    taken.add(free)
    return free
