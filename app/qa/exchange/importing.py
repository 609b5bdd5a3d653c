"""Taking labels from another tool: all of a file is checked against the videos before the first label is written."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from app.qa.aside import kept_aside
from app.qa.exchange.formats import find_format, guess_format
from app.qa.exchange.joining import Rule, to_annotation
from app.qa.exchange.model import ForeignVideo, Format
from app.qa.exchange.side import find_side, read_side
from app.qa.exchange.targets import Target, targets_of
from detector.annotation import Annotation, Video, save_annotation
from detector.errors import FormatError, OutputError, UsageError
from detector.geometry import Size

if TYPE_CHECKING:
    from app.qa.opened import Opened
    from app.qa.review import ReviewSession


@dataclass(frozen=True, slots=True, eq=False)
class Imported:
    """Labels for one video, checked and not written yet.

    Attributes:
        target: the video.
        annotation: its labels.
        form: name of the format that they came in.
        file: what was imported, without folders.
        sha256: of the file's content; of a folder of the names and contents in it.
        notes: what was assumed.
    """

    target: Target
    annotation: Annotation
    form: str
    file: str
    sha256: str
    notes: tuple[str, ...]


def read_labels(
    path: Path,
    procedures: Sequence[Path],
    *,
    form: str | None = None,
    reviewer: str = "imported",
    reviewed: bool = False,
) -> list[Imported]:
    """What a file of another tool says of procedures; nothing is written.

    Args:
        path: the file, or the folder of an export.
        procedures: recordings, videos, or folders of them.
        form: name of the format; None: what it looks like.
        reviewer: whose labels they are, where no side file says so.
        reviewed: the user vouches that the frames of which the file speaks were looked at for every lesion.

    Raises:
        UsageError: there is no such format, or it is not known which video is meant.
        SourceError: a file or a procedure cannot be opened.
        FormatError: the labels are damaged, of another video, or outside of its pictures.
    """
    chosen = find_format(form) if form else guess_format(path)
    targets = targets_of(procedures)
    side = find_side(path)
    before = read_side(side) if side is not None else {}
    chooser = _Chooser(targets, before)
    foreign = chosen.read(path, chooser.size_of)
    foreign += _silent(foreign, before, chosen)
    digest = _digest(path)
    rule = Rule(f"{chosen.name}: {path.resolve().name}", reviewer, reviewed)
    found: list[Imported] = []
    for one in foreign:
        target = chooser.target_of(one, alone=len(foreign) == 1)
        labels, notes = to_annotation(one, chooser.facts(target), rule, before.get(one.name))
        found.append(Imported(target, labels, chosen.name, path.resolve().name, digest, tuple(notes)))
    twice = [i.target.key for i in found]
    if len(set(twice)) != len(twice):
        raise FormatError(f"{path} labels one video twice: {max(twice, key=twice.count)}.", "Import the parts alone.")
    return found


def publish_labels(found: Sequence[Imported]) -> list[tuple[Path, Path | None]]:
    """Write labels beside their videos; labels that were there are put aside.

    Returns:
        For each the new file, and where the old one is now (None if there was none).

    Raises:
        OutputError: a folder cannot be written; what was written before is taken back.
    """
    done: list[tuple[Path, Path | None]] = []
    try:
        for one in found:
            done.append(_publish(one.target, one.annotation))
    except OutputError:
        for file, aside in reversed(done):
            if aside is None:
                file.unlink(missing_ok=True)
            else:
                aside.replace(file)
        raise
    return done


def import_into(
    session: ReviewSession,
    opened: Opened,
    path: Path,
    *,
    form: str | None = None,
    reviewed: bool = False,
) -> tuple[str, ...]:
    """Take labels over into a review, beside what is there: one edit, which can be undone.

    Args:
        session: whose review.
        opened: its procedure.
        path: what another tool wrote.
        form: name of the format; None: what it looks like.
        reviewed: the reviewer vouches that the frames of which it speaks were looked at for every lesion.

    Returns:
        What was assumed, clipped or left out, in words.

    Raises:
        UsageError: nothing can be taken over, or the review cannot be edited.
        SourceError: a file cannot be opened.
        FormatError: the labels are damaged, of another video, or outside of its pictures.
    """
    found = read_labels(path, [opened.path], form=form, reviewer=session.reviewer, reviewed=reviewed)
    if not found:
        raise UsageError(f"{path} labels none of these videos.")
    told = tuple(dict.fromkeys(note for one in found for note in one.notes))
    labels = {one.target.segment: one.annotation for one in found}
    first = found[0]
    notes = session.import_labels(
        opened, labels, file=first.file, sha256=first.sha256, form=first.form, note="; ".join(told)
    )
    return (*told, *notes)


def label_file(target: Target) -> Path:
    """Where the labels of a video stand, or would stand."""
    if target.annotation_file is not None:
        return target.annotation_file
    return target.video.with_name(f"{target.video.stem}.annotation.json")


def _publish(target: Target, annotation: Annotation) -> tuple[Path, Path | None]:
    file = label_file(target)
    aside = kept_aside(file)
    save_annotation(file, annotation)
    return file, aside


def _silent(foreign: Sequence[ForeignVideo], before: Mapping[str, Annotation], form: Format) -> list[ForeignVideo]:
    """Videos of an export of ours of which the file says nothing, as none of their frames has a box."""
    if form.pictures or (not foreign and not before):
        return []
    named = {f.name for f in foreign}
    return [ForeignVideo(key, ()) for key in before if key not in named]


@dataclass(slots=True)
class _Chooser:
    """Finds out which of the user's videos a foreign one is: by hash, by name, or as there is only one."""

    targets: Sequence[Target]
    before: Mapping[str, Annotation]
    _facts: dict[str, Video] = field(default_factory=dict)

    def facts(self, target: Target) -> Video:
        """What identifies a target; computed once."""
        found = self._facts.get(target.key)
        if found is None:
            found = self._facts[target.key] = target.facts()
        return found

    def size_of(self, name: str) -> Size | None:
        """Of the pictures of a video by its name in the foreign file."""
        target = self._find(name, ())
        if target is None and len(self.targets) == 1:
            target = self.targets[0]
        if target is None:
            return None
        video = self.facts(target)
        return Size(video.width, video.height)

    def target_of(self, foreign: ForeignVideo, *, alone: bool) -> Target:
        """The video.

        Raises:
            FormatError: it is labelled in the export, and is none of these.
            UsageError: nothing says which one it is.
        """
        target = self._find(foreign.name, foreign.videos)
        if target is not None:
            return target
        old = self.before.get(foreign.name)
        if old is not None:
            raise FormatError(
                f"'{foreign.name}' was exported from {old.video.name} with SHA-256 {old.video.sha256[:12]}..., "
                "which is none of these videos.",
                "Labels of another or converted copy would be off by frames; name the procedure that was exported.",
            )
        if alone and len(self.targets) == 1:
            return self.targets[0]
        known = ", ".join(t.key for t in self.targets[:5])
        raise UsageError(
            f"It is not clear which video '{foreign.name}' is; there are {known}.", "Import it to one video at a time."
        )

    def _find(self, name: str, videos: Sequence[str]) -> Target | None:
        if name in self.before:
            digest = self.before[name].video.sha256
            return next((t for t in self.targets if self.facts(t).sha256 == digest), None)
        found = [t for t in self.targets if t.key == name or t.video.stem == name]
        for told in videos:
            found = found or [t for t in self.targets if t.video.name == Path(told.replace("\\", "/")).name]
        return found[0] if len(found) == 1 else None


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    for file in files:
        if file.suffix.lower() in (".jpg", ".png"):
            continue
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()
