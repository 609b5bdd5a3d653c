"""What every importer of stills does with a record: name it, check its image and its boxes, make the `Sample`.

A label of which one box is wrong is wrong as a whole: without that box the image would teach that the polyp is
background. So the record is reported and skipped, never repaired by dropping a box.
"""

from __future__ import annotations

import math
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict, TypeVar, Unpack

import numpy as np

from detector.errors import FormatError, SourceError, UsageError
from detector.geometry import Size, as_boxes
from detector.labels.mark import Mark as Mark
from detector.labels.text import read_table, read_text
from detector.labels.text import whole as whole
from training.importers.context import Context
from training.importers.headers import image_size
from training.samples import Sample, corners

T = TypeVar("T")
BORDER_PX = 2.0
"""A box may reach this far past the image's border and is cut there: what label tools' rounding does."""
IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff"})
UNLABELLED = "unlabelled"
_UNLABELLED_RULES = ("unknown", "no-polyp", "bad")
PREFIX = "prefix"
CLASSES = "classes"
SEQUENCE = "sequence"
COMMON: dict[str, str] = {
    PREFIX: "first part of the samples' names (default: the folder's name)",
    UNLABELLED: "images without a label: unknown (default), no-polyp (you vouch for it), or bad (skip and report)",
}
CLASS_OPTION = {CLASSES: "comma-separated names of the classes that are polyps (default: all); others are left out"}
SEQUENCE_OPTION = {SEQUENCE: "folder: each folder below the images is one sequence, in the order of its file names"}


class Identity(TypedDict, total=False):
    """What a sample may carry beside its boxes; see `Sample`."""

    centre: str
    patient: str
    sequence: str
    order: int | None
    time_s: float | None
    official: str
    facts: Mapping[str, str]


@dataclass(slots=True)
class Intake:
    """One import of stills.

    Attributes:
        root: the data set's folder.
        context: source, report and options.
        tally: things that are no problem but must be said, with how often they happened; `close` writes them.
        prefix: first part of the samples' names.
    """

    root: Path
    context: Context
    tally: Counter[str] = field(default_factory=Counter)
    prefix: str = field(init=False)
    _names: dict[str, Path] = field(default_factory=dict)
    _kinds: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, root: Path, context: Context) -> Intake:
        """An import of a folder, or of a label file in it.

        Raises:
            UsageError: --option unlabelled is not known.
        """
        intake = cls(root if root.is_dir() else root.parent, context)
        intake.option(UNLABELLED, ("", *_UNLABELLED_RULES))
        return intake

    def __post_init__(self) -> None:
        self.prefix = self.option(PREFIX) or self.root.resolve().name

    def option(self, name: str, allowed: Sequence[str] = (), default: str = "") -> str:
        """A setting from the command line.

        Raises:
            UsageError: it is none of those that are allowed.
        """
        value = self.context.options.get(name, default)
        if allowed and value not in allowed:
            raise UsageError(f"--option {name}={value} is not known.", f"Allowed: {', '.join(allowed)}.")
        return value

    def bad(self, file: Path, kind: str, reason: str) -> None:
        """Report a bad record, with its file relative to the data set."""
        self.context.report.bad(self.shown(file), kind, reason)

    def shown(self, file: Path) -> str:
        """A path as a reader of the report wants it."""
        return file.relative_to(self.root).as_posix() if file.is_relative_to(self.root) else str(file)

    def attempt(self, file: Path, kind: str, read: Callable[[Path], T]) -> T | None:
        """Read a file; what is wrong with it is reported, and None returned."""
        try:
            return read(file)
        except (SourceError, FormatError) as error:
            self.bad(file, kind, str(error))
            return None

    def name(self, below: str) -> str:
        """The sample's name: folder and path below the images, without suffix."""
        return f"{self.prefix}/{below}"

    def wanted(self, kind: str, *more: str) -> bool:
        """Whether a class is a polyp for this import; `more` are other names of it (its supercategory)."""
        self._kinds[kind or "(without a name)"] += 1
        chosen = self.option(CLASSES)
        names = {c.strip().lower() for c in chosen.split(",")}
        if not chosen or names & {n.strip().lower() for n in (kind, *more)}:
            return True
        self.tally[f"boxes of class '{kind}' were left out: not among --option classes"] += 1
        return False

    def sample(
        self,
        image: Path,
        below: str,
        marks: Sequence[Mark] | None,
        *,
        label: Path,
        told: Size | None = None,
        record: str = "",
        **identity: Unpack[Identity],
    ) -> Sample | None:
        """Check a record and make its sample; None if it was bad, which is then reported.

        Args:
            image: the image file.
            below: its path below the image folder, without suffix.
            marks: what the label says: no marks means no polyp. None: there is no label.
            label: the file to name when the label is wrong.
            told: the image's size as the label has it.
            record: which record of the label file it is, where that holds many.
            identity: centre, patient, sequence and the like.
        """
        name = self.name(below)
        which = f"{record}: " if record else ""
        if name in self._names:
            other = self.shown(self._names[name])
            self.bad(image, "duplicate name", f"It gets the same name as {other}: {name}.")
            return None
        if not image.is_file():
            self.bad(label, "missing image", f"{which}Its image {self.shown(image)} is missing.")
            return None
        size = self.attempt(image, "unreadable image", image_size)
        if size is None:
            return None
        if told is not None and told != size:
            what = f"{which}It is for an image of {told.width}x{told.height}, but {self.shown(image)} is "
            self.bad(label, "other size", f"{what}{size.width}x{size.height}.")
            return None
        if marks is None and (marks := self._unlabelled(image)) is None:
            return None if self.option(UNLABELLED) == "bad" else self._unknown(name, image, size, identity)
        checked = self._check(marks, size, label, which)
        if checked is None:
            return None
        self._names[name] = image
        polyps = [m for m in checked if not m.ignored]
        boxes = as_boxes([m.box for m in polyps])
        lesions, kinds = tuple(m.lesion for m in polyps), tuple(m.kind for m in polyps)
        return Sample(
            name,
            image,
            self.context.source.name,
            size,
            boxes,
            tuple(c if m.outline is None else m.outline for m, c in zip(polyps, corners(boxes), strict=True)),
            lesions=lesions if any(lesions) else (),
            classes=kinds if any(kinds) else (),
            ignored=as_boxes([m.box for m in checked if m.ignored]),
            **identity,
        )

    def close(self) -> None:
        """Write the counted notes into the report."""
        notes = [f"{count} {what}" for what, count in sorted(self.tally.items())]
        if len(self._kinds) > 1 and not self.option(CLASSES):
            seen = ", ".join(f"{kind} ({count})" for kind, count in sorted(self._kinds.items()))
            notes.append(f"boxes of {len(self._kinds)} classes were all taken as polyps: {seen}; see --option classes")
        self.context.report.notes.extend(notes)

    def _unknown(self, name: str, image: Path, size: Size, identity: Identity) -> Sample:
        self._names[name] = image
        return Sample(name, image, self.context.source.name, size, as_boxes([]), (), known=False, **identity)

    def _unlabelled(self, image: Path) -> Sequence[Mark] | None:
        rule = self.option(UNLABELLED)
        if rule == "bad":
            self.bad(image, "missing label", "It has no label. A missing label means unknown, not 'no polyp'.")
        elif rule == "no-polyp":
            self.tally["images have no label and were taken as 'no polyp', as was asked for"] += 1
            return ()
        else:
            self.tally["images have no label: nothing is known of them (an empty label would mean no polyp)"] += 1
        return None

    def _check(self, marks: Sequence[Mark], size: Size, label: Path, which: str) -> list[Mark] | None:
        kept: dict[tuple[object, ...], Mark] = {}
        for position, mark in enumerate(marks, start=1):
            problem = _box_problem(mark.box, size)
            if problem is not None:
                self.bad(label, problem[0], f"{which}Box {position}: {problem[1]}")
                return None
            x1, y1, x2, y2 = mark.box
            box = (max(x1, 0.0), max(y1, 0.0), min(x2, float(size.width)), min(y2, float(size.height)))
            if box != mark.box:
                self.tally[f"boxes reached at most {BORDER_PX:g} px past the image's border and were cut there"] += 1
                mark = Mark(box, mark.kind, mark.lesion, mark.outline, mark.ignored)
            key = (box, mark.kind, mark.lesion, mark.ignored)
            if key in kept:
                self.tally["boxes were written twice and were kept once"] += 1
            kept[key] = _with_fitting_outline(mark, size)
        return list(kept.values())


def _box_problem(box: tuple[float, float, float, float], size: Size) -> tuple[str, str] | None:
    x1, y1, x2, y2 = box
    shown = ", ".join(f"{v:g}" for v in box)
    if not all(math.isfinite(v) for v in box):
        return "not a number", f"{shown} is not four numbers."
    if x2 <= x1 or y2 <= y1:
        return "empty box", f"{shown} has no area."
    past = max(-x1, -y1, x2 - size.width, y2 - size.height)
    inside = min(x2, size.width) > max(x1, 0) and min(y2, size.height) > max(y1, 0)
    if past > BORDER_PX or not inside:
        return "box outside", f"{shown} is not inside an image of {size.width}x{size.height}."
    return None


def _with_fitting_outline(mark: Mark, size: Size) -> Mark:
    """Without its outline if that does not span the box: then rotating the image would make another box of it."""
    if mark.outline is None:
        return mark
    outline = np.clip(mark.outline, 0, np.array(size, np.float32)).astype(np.float32)
    spans = np.concatenate((outline.min(axis=0), outline.max(axis=0)))
    fits = bool(np.abs(spans - np.array(mark.box, np.float32)).max() <= BORDER_PX)
    return Mark(mark.box, mark.kind, mark.lesion, outline if fits else None, mark.ignored)


def images_below(folder: Path) -> list[tuple[str, Path]]:
    """All images in a folder and below it, with their paths below it without suffix, sorted by these.

    Raises:
        SourceError: the folder is missing.
    """
    if not folder.is_dir():
        raise SourceError(f"{folder} is missing.", "The data set's folder is incomplete.")
    found = files_below(folder, IMAGE_SUFFIXES)
    return sorted((path.relative_to(folder).with_suffix("").as_posix(), path) for path in found)


def files_below(folder: Path, suffixes: Iterable[str]) -> list[Path]:
    """All files with one of these suffixes, in no order. Hidden files (macOS leaves some in archives) are no data."""
    wanted = frozenset(suffixes)
    found = []
    for base, folders, files in os.walk(folder):
        folders[:] = [f for f in folders if not f.startswith((".", "__MACOSX"))]
        found += [Path(base, f) for f in files if not f.startswith(".") and Path(f).suffix.lower() in wanted]
    return found


def natural(text: str) -> list[tuple[int, int, str]]:
    """Sort key by which `img2` comes before `img10`."""
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in re.split(r"(\d+)", text) if part]


def orders(names: Iterable[str]) -> dict[str, int]:
    """Position of each image among those of its folder, by natural order of the names: 0, 1, ..."""
    by_folder: dict[str, list[str]] = {}
    for name in names:
        by_folder.setdefault(name.rpartition("/")[0], []).append(name)
    return {name: i for group in by_folder.values() for i, name in enumerate(sorted(group, key=natural))}


def folder_sequences(intake: Intake, names: Sequence[str]) -> dict[str, Identity]:
    """Sequence and order of each image where --option sequence=folder asks for it."""
    if intake.option(SEQUENCE, ("", "folder")) == "":
        return {}
    return {n: {"sequence": n.rpartition("/")[0], "order": i} for n, i in orders(names).items() if "/" in n}


def official_lists(intake: Intake, folder: Path) -> dict[str, str]:
    """Stem to ``train``, ``val`` or ``test`` from `official_train.txt` and the like; what is in two lists is an error.

    Raises:
        FormatError: a stem is in two lists.
    """
    found: dict[str, str] = {}
    for split in ("train", "val", "test"):
        path = folder / f"official_{split}.txt"
        lines = read_text(path).splitlines() if path.is_file() else []
        for stem in (line.strip() for line in lines):
            if stem and found.setdefault(stem, split) != split:
                raise FormatError(f"{intake.shown(path)}: {stem} is in official_{found[stem]}.txt, too.")
    return found


def table_by_image(path: Path, columns: tuple[str, ...]) -> dict[str, dict[str, str]]:
    """Rows of a table by their image: the path in column `file`, without suffix; later rows get position `row`.

    Raises:
        SourceError: the table is missing.
        FormatError: a column is missing, or two rows are for one image.
    """
    rows: dict[str, dict[str, str]] = {}
    for position, row in enumerate(read_table(path, ("file", *columns))):
        key = Path(row["file"]).with_suffix("").as_posix()
        if key in rows:
            raise FormatError(f"{path} has two rows for {key}.")
        rows[key] = row | {"row": str(position)}
    return rows
