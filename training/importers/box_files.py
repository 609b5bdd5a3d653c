"""Plain text files of boxes: the SUN database and LDPolypVideo. Coordinates are corners, taken as they are written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from detector.errors import FormatError, SourceError
from detector.labels.text import number, read_text
from training.importers.context import Context, Layout
from training.importers.intake import COMMON, Identity, Intake, Mark, files_below, images_below, orders, whole
from training.samples import Sample

_CASE = re.compile(r"case\d+", re.IGNORECASE)
_POLYP, _NO_POLYP = "0", "1"


def _parts(root: Path) -> list[Path]:
    """The folder itself and those in it, in which a set's parts may lie."""
    return [root, *sorted(f for f in root.iterdir() if f.is_dir() and not f.name.startswith("."))]


def _sun_labels(root: Path) -> list[Path]:
    return [p / "annotation_txt" for p in _parts(root) if (p / "annotation_txt").is_dir()] if root.is_dir() else []


def _sun_cases(root: Path) -> list[tuple[Path, bool]]:
    """Folder of each case, and whether it is in a part of the set that is said to show no polyp."""
    found = []
    for part in _parts(root):
        if part != root and _CASE.fullmatch(part.name):
            continue
        negative = "negative" in part.name.lower()
        found += [(f, negative) for f in sorted(part.iterdir()) if f.is_dir() and _CASE.fullmatch(f.name)]
    return found


def _sun_matches(root: Path) -> bool:
    return bool(_sun_labels(root)) or (root.is_dir() and any(root.glob("sundatabase_*_part*")))


def _read_sun(root: Path, context: Context) -> Iterator[Sample]:
    """Positive cases have `annotation_txt/caseN.txt`; negative cases have the same names and no labels at all."""
    intake = Intake.of(root, context)
    files = {p.stem: p for folder in _sun_labels(root) for p in sorted(folder.glob("*.txt"))}
    cases = _sun_cases(root)
    if not cases:
        raise SourceError(f"{root} has no folders case1, case2, ...", "Is it the SUN database, unpacked?")
    samples = []
    for folder, negative in cases:
        samples += list(_read_case(intake, folder, negative, None if negative else files.pop(folder.name, None)))
    for path in files.values():
        intake.bad(path, "missing image", "There is no folder for this case.")
    intake.close()
    yield from sorted(samples, key=lambda s: s.name)


def _read_case(intake: Intake, folder: Path, negative: bool, label: Path | None) -> Iterator[Sample]:
    labels = {} if label is None else _sun_lines(intake, label)
    images = images_below(folder)
    places = orders(name for name, _ in images)
    case = f"negative-{folder.name}" if negative else folder.name
    for name, image in images:
        marks: list[Mark] | None = [] if negative else None
        if image.name in labels:
            marks = labels.pop(image.name)
            if marks is None:
                continue
        below = f"{folder.relative_to(intake.root).as_posix()}/{name}"
        # Each positive case shows one polyp: 100 cases, 100 polyps (Misawa et al., 2021).
        marked = None if marks is None else [Mark(m.box, lesion=case) for m in marks]
        identity = Identity(sequence=case, order=places[name])
        sample = intake.sample(image, below, marked, label=label or image, **identity)
        if sample is not None:
            yield sample
    for name in labels:
        intake.bad(label or folder, "missing image", f"It names {name}, which is not in {intake.shown(folder)}.")


def _sun_lines(intake: Intake, path: Path) -> dict[str, list[Mark] | None]:
    """The marks of each image; no marks is class 1, no polyp; None is a line that was bad and is reported."""
    text = intake.attempt(path, "unreadable label", read_text)
    found: dict[str, list[Mark] | None] = {}
    for position, line in enumerate((text or "").splitlines(), start=1):
        name, _, rest = line.strip().partition(" ")
        if not name:
            continue
        fields = [group.split(",") for group in re.sub(r"\s*,\s*", ",", rest.strip()).split()]
        if not fields or any(len(f) != 5 or f[4] not in (_POLYP, _NO_POLYP) for f in fields):
            intake.bad(path, "broken line", f"Line {position} is not 'name x1,y1,x2,y2,class' with class 0 or 1.")
            found[name] = None
            continue
        marks = [Mark((number(a), number(b), number(c), number(d))) for a, b, c, d, kind in fields if kind == _POLYP]
        before = found.get(name, [])
        contradiction = len({kind for *_, kind in fields}) > 1 or (name in found and bool(before) != bool(marks))
        if before is None or contradiction:
            intake.bad(path, "broken line", f"Line {position} says both 'polyp' and 'no polyp' of {name}.")
            found[name] = None
        else:
            found[name] = before + marks
    return found


def _ld_parts(root: Path) -> list[tuple[Path, str, str]]:
    """Folder, name and official split of each part that has `Images` and `Annotations`."""
    if not root.is_dir():
        return []
    words = {"trainvalid": "train", "train": "train", "valid": "val", "val": "val", "test": "test"}
    found = []
    for part in _parts(root):
        if (part / "Images").is_dir() and (part / "Annotations").is_dir():
            found.append((part, "" if part == root else part.name, words.get(part.name.lower(), "")))
    return found


def _ld_matches(root: Path) -> bool:
    for part, _, _ in _ld_parts(root):
        first = next((part / "Annotations").glob("*/*.txt"), None)
        if first is not None:
            return first.read_bytes()[:16].split(b"\n")[0].strip().isdigit()
    return False


def _read_ld(root: Path, context: Context) -> Iterator[Sample]:
    intake = Intake.of(root, context)
    parts = _ld_parts(root)
    if not parts:
        raise SourceError(f"{root} has no Images and Annotations.", "Is it LDPolypVideo, unpacked?")
    for folder, part, official in parts:
        images = images_below(folder / "Images")
        places = orders(name for name, _ in images)
        base = folder / "Annotations"
        labels = {p.relative_to(base).with_suffix("").as_posix(): p for p in files_below(base, (".txt",))}
        for name, image in images:
            path = labels.pop(name, None)
            marks = None
            if path is not None:
                marks = intake.attempt(path, "broken line", _ld_marks)
                if marks is None:
                    continue
            below = f"{part}/{name}" if part else name
            identity = Identity(sequence=below.rpartition("/")[0], order=places[name], official=official)
            sample = intake.sample(image, below, marks, label=path or image, **identity)
            if sample is not None:
                yield sample
        for path in sorted(labels.values()):
            intake.bad(path, "missing image", "There is no frame for this label.")
    intake.close()


def _ld_marks(path: Path) -> list[Mark]:
    lines = [line.split() for line in read_text(path).splitlines() if line.strip()]
    count = whole(lines[0][0]) if lines and len(lines[0]) == 1 else None
    if count is None:
        raise FormatError(f"{path} does not begin with the number of its boxes.")
    if count != len(lines) - 1:
        raise FormatError(f"{path} announces {count} boxes and has {len(lines) - 1}.")
    if any(len(fields) != 4 for fields in lines[1:]):
        raise FormatError(f"{path} has a line that is not 'x1 y1 x2 y2'.")
    return [Mark((number(a), number(b), number(c), number(d))) for a, b, c, d in lines[1:]]


LAYOUTS = (
    Layout(
        "sun",
        "SUN database: case folders and annotation_txt (class 1 is 'no polyp'), negative parts",
        _sun_matches,
        _read_sun,
        COMMON,
    ),
    Layout(
        "ldpolypvideo",
        "LDPolypVideo: Images/N and Annotations/N, first line a count, then x1 y1 x2 y2",
        _ld_matches,
        _read_ld,
        COMMON,
    ),
)
