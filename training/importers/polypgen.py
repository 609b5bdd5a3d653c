"""PolypGen's own tree (`PolypGen2021_MultiCenterData_v3`): six centres, 23 positive and 23 negative sequences.

`data_C1/images_C1/S.jpg` with `masks_C1/S_mask.jpg`; `sequenceData/positive/seq1/images_seq1` with `masks_seq1`;
`sequenceData/negativeOnly/seq1_neg/*.jpg`, which has no labels because it shows no polyp. Known oddities: box files are
named `S_mask.txt` in centres 1, 4, 5 and 6 and `S.txt` elsewhere, 64 of centre 3 are missing, one image of centre 3 has
an underscore more than its mask, some mask folders hold stray box files. So masks are read, and boxes only where
there is no mask. `imagesAll_positive` holds copies of all positive images and is left alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from detector.errors import FormatError, SourceError
from detector.labels.text import number, read_text
from training.importers.context import Context, Layout
from training.importers.intake import COMMON, Identity, Intake, Mark, images_below, orders
from training.importers.mask_files import MASK_LEVEL, Mask, MaskIndex, mask_marks, masked_sample
from training.samples import Sample

_INNER = "PolypGen2021_MultiCenterData_v3"


def _tree(root: Path) -> Path | None:
    for folder in (root, root / _INNER):
        if folder.is_dir() and (any(folder.glob("data_C*/images_C*")) or (folder / "sequenceData").is_dir()):
            return folder
    return None


def _read(root: Path, context: Context) -> Iterator[Sample]:
    intake = Intake.of(root, context)
    tree = _tree(root)
    if tree is None:
        raise SourceError(f"{root} has neither data_C1 nor sequenceData.", "Is it PolypGen, unpacked?")
    samples: list[Sample] = []
    for folder in sorted(tree.glob("data_C*")):
        centre = folder.name.removeprefix("data_")
        samples += _labelled(intake, folder, centre, Identity(centre=centre))
    for folder in sorted((tree / "sequenceData" / "positive").glob("seq*")):
        samples += _labelled(intake, folder, folder.name, Identity(sequence=folder.name))
    for folder in sorted((tree / "sequenceData" / "negativeOnly").glob("seq*")):
        samples += _negatives(intake, folder)
    if (tree / "imagesAll_positive").is_dir():
        intake.tally["folder was left alone: imagesAll_positive holds copies"] += 1
    intake.close()
    yield from sorted(samples, key=lambda s: s.name)


def _labelled(intake: Intake, folder: Path, part: str, identity: Identity) -> Iterator[Sample]:
    """A centre's or a sequence's images with their masks."""
    images = images_below(folder / f"images_{part}")
    masks = MaskIndex(folder / f"masks_{part}")
    places = orders(name for name, _ in images)

    def read(path: Path, mask: Mask) -> list[Mark]:
        return mask_marks(intake, path, mask, MASK_LEVEL)

    for name, image in images:
        mine = identity.copy()
        if mine.get("sequence"):
            mine["order"] = places[name]
        below = f"{part}/{name}"
        boxes = None
        if not masks.has(name):
            candidates = (folder / f"bbox_{part}" / f"{stem}.txt" for stem in (name, f"{name}_mask"))
            boxes = next((path for path in candidates if path.is_file()), None)
        if boxes is not None:
            marks = intake.attempt(boxes, "broken line", _box_lines)
            intake.tally["images have no mask: their box file was read"] += 1
            sample = None if marks is None else intake.sample(image, below, marks, label=boxes, **mine)
        else:
            sample = masked_sample(intake, image, name, masks, read, f"{part}/", **mine)
        if sample is not None:
            yield sample
    for path in masks.unused():
        intake.bad(path, "missing image", "There is no image for this mask.")


def _negatives(intake: Intake, folder: Path) -> Iterator[Sample]:
    images = images_below(folder)
    places = orders(name for name, _ in images)
    for name, image in images:
        identity = Identity(sequence=folder.name, order=places[name])
        sample = intake.sample(image, f"{folder.name}/{name}", (), label=image, **identity)
        if sample is not None:
            yield sample


def _box_lines(path: Path) -> list[Mark]:
    """Lines of `class xmin ymin xmax ymax`; none is no polyp."""
    marks = []
    for position, line in enumerate(read_text(path).splitlines(), start=1):
        fields = line.split()
        if fields and len(fields) != 5:
            raise FormatError(f"{path}, line {position} is not 'class xmin ymin xmax ymax'.")
        if fields:
            x1, y1, x2, y2 = (number(v) for v in fields[1:])
            marks.append(Mark((x1, y1, x2, y2), fields[0]))
    return marks


LAYOUTS = (
    Layout(
        "polypgen",
        "PolypGen as it is handed out: data_C1 to C6 and sequenceData",
        lambda root: _tree(root) is not None,
        _read,
        COMMON,
    ),
)
