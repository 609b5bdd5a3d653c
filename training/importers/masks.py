"""Images with masks beside them: binary, or in the colours of two classes; and folders that show no polyp at all."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from detector.errors import FormatError, SourceError, UsageError
from detector.labels.text import number, read_text
from training.importers.context import Context, Layout
from training.importers.intake import (
    CLASS_OPTION,
    CLASSES,
    COMMON,
    PREFIX,
    SEQUENCE_OPTION,
    Identity,
    Intake,
    Mark,
    folder_sequences,
    images_below,
    official_lists,
    orders,
    table_by_image,
    whole,
)
from training.importers.mask_files import (
    MASK_LEVEL,
    Mask,
    MaskIndex,
    colour_marks,
    mask_marks,
    masked_sample,
    read_mask,
)
from training.samples import Sample

_IMAGE_FOLDERS = {"images", "image", "original", "frame", "frames", "bbdd", "train", "imgs"}
_MASK_FOLDERS = {"masks", "mask", "groundtruth", "gt", "gtpolyp", "traingt"}
_NUMBERED_MASK = r"p\d+"
_FOLDER_OPTIONS = {
    "images": "folder of the images, below the set's (default: guessed)",
    "masks": "folder of the masks (default: guessed)",
}
_TABLES = {
    "centres": "table of columns file, centre (default: centres.csv, if it is there)",
    "sequences": "table of columns file, sequence and, if you like, order (default: sequences.csv, if it is there)",
}


def find_pair(root: Path) -> tuple[Path, Path] | None:
    """The folders of images and of masks, or None if it is not clear which they are.

    Known by name (`images` and `masks`, `Original` and `Ground Truth`, ...); else the only other folder beside the
    masks holds the images (ETIS-Larib); or both lie in one folder, as `N` and `pN` (CVC-ColonDB as its authors give
    it).
    """
    if not root.is_dir():
        return None
    folders = [f for f in sorted(root.iterdir()) if f.is_dir() and not f.name.startswith(".")]
    plain = {f: re.sub(r"[ _-]", "", f.name).lower() for f in folders}
    masks = [f for f in folders if plain[f] in _MASK_FOLDERS]
    if len(masks) == 1:
        images = [f for f in folders if plain[f] in _IMAGE_FOLDERS] or [f for f in folders if f not in masks]
        return (_unwrap(images[0]), _unwrap(masks[0])) if len(images) == 1 else None
    if not masks and any(re.fullmatch(_NUMBERED_MASK, p.stem) for p in root.iterdir() if p.is_file()):
        return root, root
    return None


def _unwrap(folder: Path) -> Path:
    """Archives often hold a folder in a folder of the same name."""
    inner = folder / folder.name
    return inner if inner.is_dir() else folder


def _folders(root: Path, intake: Intake) -> tuple[Path, Path]:
    images, masks = intake.option("images"), intake.option("masks")
    if images and masks:
        return root / images, root / masks
    pair = find_pair(root)
    if pair is None:
        raise SourceError(
            f"{root} has no pair of folders that are clearly images and masks.",
            "Say --option images=FOLDER --option masks=FOLDER.",
        )
    return root / images if images else pair[0], root / masks if masks else pair[1]


def _identities(intake: Intake, root: Path, names: list[str]) -> Iterator[tuple[str, Identity | None]]:
    """Centre, sequence, official split and facts of each image; None where a table lacks it, which is then reported."""
    tables = {}
    for option, column in (("centres", "centre"), ("sequences", "sequence")):
        path = root / intake.option(option, default=f"{option}.csv")
        if path.is_file() or intake.option(option):
            tables[column] = (path, table_by_image(path, (column,)))
    official = official_lists(intake, root)
    marked = {p.stem.removesuffix("_ids"): set(read_text(p).split()) for p in sorted(root.glob("*_ids.txt"))}
    sequences = folder_sequences(intake, names)
    places: dict[str, int] = {}
    for name in names:
        stem = name.rpartition("/")[2]
        identity = sequences.get(name, Identity()).copy()
        identity["official"] = official.pop(name, "") or official.pop(stem, "")
        identity["facts"] = {fact: "yes" for fact, stems in marked.items() if stem in stems}
        lacking = None
        for column, (path, rows) in tables.items():
            row = rows.pop(name if name in rows else stem, None)
            if row is None:
                lacking = (path, column)
            elif column == "centre":
                identity["centre"] = row["centre"]
            else:
                value = f"seq{row['sequence']}" if row["sequence"].isdigit() else row["sequence"]
                identity["sequence"] = value
                written = whole(row.get("order", ""))
                identity["order"] = places.get(value, 0) if written is None else written
                places[value] = places.get(value, 0) + 1
        if lacking is not None:
            intake.bad(lacking[0], f"no {lacking[1]}", f"The table has no row for {name}.")
        yield name, None if lacking is not None else identity
    for path, rows in tables.values():
        for key in rows:
            intake.bad(path, "missing image", f"The table names {key}, but there is no such image.")
    for stem, split in official.items():
        intake.bad(root / f"official_{split}.txt", "missing image", f"It names {stem}, but there is no such image.")


def _read_pairs(root: Path, context: Context, read: Callable[[Intake, Path, Mask], list[Mark]]) -> Iterator[Sample]:
    intake = Intake.of(root, context)
    folder, mask_folder = _folders(root, intake)
    together = folder == mask_folder
    masks = MaskIndex(mask_folder, _NUMBERED_MASK if together else "")
    if not masks.paths:
        raise SourceError(f"{mask_folder} has no masks.", "The data set's folder is incomplete.")
    images = images_below(folder)
    if together:
        images = [(name, path) for name, path in images if path.stem.isdigit()]
    paths = iter(images)
    for name, identity in _identities(intake, root, [name for name, _ in images]):
        image = next(paths)[1]
        if identity is None:
            masks.pass_over(name)
            continue
        sample = masked_sample(intake, image, name, masks, lambda p, m: read(intake, p, m), **identity)
        if sample is not None:
            yield sample
    for path in masks.unused():
        intake.bad(path, "missing image", "There is no image for this mask.")
    intake.close()


def _read_masks(root: Path, context: Context) -> Iterator[Sample]:
    level = number(context.options.get("level", MASK_LEVEL))
    if not 0 <= level <= 254:
        raise UsageError(f"--option level={context.options['level']} is no grey level.", "Allowed: 0 to 254.")
    return _read_pairs(root, context, lambda intake, path, mask: mask_marks(intake, path, mask, int(level)))


def _read_colours(root: Path, context: Context) -> Iterator[Sample]:
    names = (context.options.get("red", "neoplastic"), context.options.get("green", "non-neoplastic"))

    def read(intake: Intake, path: Path, mask: Mask) -> list[Mark]:
        marks = colour_marks(intake, path, mask, names, intake.option("touching", ("join", "part"), "join"))
        # That all its classes are polyps need not be said: it is what this layout is.
        return [m for m in marks if not intake.option(CLASSES) or intake.wanted(m.kind)]

    return _read_pairs(root, context, read)


def _read_negatives(root: Path, context: Context) -> Iterator[Sample]:
    intake = Intake.of(root, context)
    folder = root / "images" if (root / "images").is_dir() else root
    images = images_below(folder)
    table = root / "frames.csv"
    rows = table_by_image(table, ("sequence",)) if table.is_file() else None
    places = orders(name for name, _ in images)
    counts: dict[str, int] = {}
    numbered = {}
    for name, row in (rows or {}).items():
        numbered[name] = counts.get(row["sequence"], 0)
        counts[row["sequence"]] = numbered[name] + 1
    for name, path in images:
        identity = Identity(sequence=name.rpartition("/")[0], order=places[name])
        if rows is not None:
            listed = rows.pop(name, None)
            if listed is None:
                intake.bad(path, "not in the table", "frames.csv does not name it: nobody said that it shows no polyp.")
                continue
            facts = {k: v for k, v in listed.items() if k not in ("file", "sequence", "row") and v}
            identity = Identity(sequence=listed["sequence"], order=numbered[name], facts=facts)
        sample = intake.sample(path, name, (), label=path, **identity)
        if sample is not None:
            yield sample
    for name in rows or {}:
        intake.bad(table, "missing image", f"The table names {name}, but there is no such image.")
    intake.close()


def _has_masks(root: Path) -> bool:
    pair = find_pair(root)
    return pair is not None and (pair[0] == pair[1] or next(iter(MaskIndex(pair[1]).paths), None) is not None)


def _has_coloured_masks(root: Path) -> bool:
    """Whether the first mask that shows anything shows red or green."""
    if not _has_masks(root):
        return False
    pair = find_pair(root)
    paths = [p for found in MaskIndex(pair[1]).paths.values() for p in found][:5] if pair else []
    for path in paths:
        try:
            mask = read_mask(path)
        except (SourceError, FormatError):
            return False
        if mask.ndim != 3:
            return False
        lit = mask[mask.max(axis=2) > MASK_LEVEL].astype(int)
        if len(lit):
            # A grey mask, or one with colour noise, has all channels alike.
            return bool((lit.max(axis=1) - lit.min(axis=1)).mean() > MASK_LEVEL)
    return False


LAYOUTS = (
    Layout(
        "colour-masks",
        "images and masks in which red is neoplastic and green is not (BKAI-IGH NeoPolyp)",
        _has_coloured_masks,
        _read_colours,
        COMMON
        | _FOLDER_OPTIONS
        | _TABLES
        | SEQUENCE_OPTION
        | CLASS_OPTION
        | {
            "red": "class of red (default: neoplastic)",
            "green": "class of green (default: non-neoplastic)",
            "touching": "where red touches green: join (default: one box, class 'mixed' if neither has 90 %) or part",
        },
    ),
    Layout(
        "masks",
        "images and binary masks (Kvasir-SEG, CVC-ClinicDB, CVC-ColonDB, CVC-300, ETIS-Larib, SUN-SEG)",
        _has_masks,
        _read_masks,
        COMMON
        | _FOLDER_OPTIONS
        | _TABLES
        | SEQUENCE_OPTION
        | {"level": "a mask is polyp above this level (default: 127; 0 for masks of 0 and 1)"},
    ),
    Layout(
        "negatives",
        "images that all show no polyp, a folder for each sequence, with or without frames.csv; never guessed",
        lambda _: False,
        _read_negatives,
        {PREFIX: COMMON[PREFIX]},
    ),
)
