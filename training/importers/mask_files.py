"""From mask images to boxes, and which mask belongs to which image. No layouts."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Unpack

import cv2
import numpy as np
import numpy.typing as npt

from detector.errors import FormatError
from detector.geometry import Boxes, Size, as_boxes
from training.importers.intake import IMAGE_SUFFIXES, Identity, Intake, Mark, files_below
from training.samples import Outline, Sample, read_image

MIN_AREA = 2e-4
"""A component smaller than this share of the image (0.02 %) is a speck of the mask's compression, not a polyp."""
MASK_LEVEL = 127
SURE_SHARE = 0.9
"""A component is of one colour if this share of it is: what is left is the compression's and the seam's."""

Mask = npt.NDArray[np.uint8]


def mask_to_boxes(mask: Mask, level: int = MASK_LEVEL) -> tuple[Boxes, tuple[Outline, ...]]:
    """Boxes and convex hulls of the components of a mask.

    Args:
        mask: (H, W) grey or (H, W, 3) colour; any channel above `level` is polyp, whatever its colour means.
        level: 0 to 254.

    Returns:
        float32 (N, 4) half-open xyxy boxes, top to bottom as OpenCV labels them, and a hull per box.
    """
    binary = _binary(mask, level)
    boxes, outlines = [], []
    for box, part in _components(binary)[0]:
        boxes.append(box)
        outlines.append(_hull(part, box))
    return as_boxes(boxes), tuple(outlines)


def mask_marks(intake: Intake, path: Path, mask: Mask, level: int = MASK_LEVEL) -> list[Mark]:
    """The marks of a binary mask.

    Raises:
        FormatError: nothing is above the level, but a whole region is above zero: a mask of 0 and 1, most likely, of
            which 'no polyp' would be the worst reading.
    """
    parts, specks = _components(_binary(mask, level))
    if not parts and _components(_binary(mask, 0))[0]:
        raise FormatError(
            f"{path} has a region, but nothing in it is above {level}; its highest value is {int(mask.max())}.",
            "If such values mean polyp, say --option level=0 (or another limit).",
        )
    _note_specks(intake, specks)
    return [Mark(_floats(box), outline=_hull(part, box)) for box, part in parts]


def colour_marks(intake: Intake, path: Path, mask: Mask, names: tuple[str, str], touching: str) -> list[Mark]:
    """The marks of a mask in which red and green are two classes, such as BKAI-NeoPolyp's.

    Args:
        intake: for notes.
        path: the mask, for messages.
        mask: (H, W, 3) BGR.
        names: classes of red and of green.
        touching: what is done where red touches green. ``join``: one box, for it is one finding in the picture, of
            the colour that makes up 90 % of it, else of class ``mixed``. ``part``: a box for each colour.

    Raises:
        FormatError: it has no colours, or a component is neither red nor green.
    """
    if mask.ndim != 3:
        raise FormatError(f"{path} is no colour picture.", "Import it with --layout masks.")
    binary = _binary(mask, MASK_LEVEL)
    red = (binary > 0) & (mask[..., 2] > mask[..., 1]) & (mask[..., 2] > mask[..., 0])
    green = (binary > 0) & (mask[..., 1] > mask[..., 2]) & (mask[..., 1] > mask[..., 0])
    if touching == "part":
        found = [
            (part, kind)
            for colour, kind in zip((red, green), names, strict=True)
            for part in _components(colour.astype(np.uint8))[0]
        ]
        _refuse_other_colours(path, binary.astype(bool) & ~red & ~green)
        return [Mark(_floats(box), kind, outline=_hull(part, box)) for (box, part), kind in found]
    marks = []
    parts, specks = _components(binary)
    for box, part in parts:
        x1, y1, x2, y2 = box
        area = int(part.sum())
        shares = [float((colour[y1:y2, x1:x2] & (part > 0)).sum()) / area for colour in (red, green)]
        if sum(shares) < SURE_SHARE:
            raise FormatError(f"{path}: the region at {x1}, {y1} is neither red nor green.")
        kind = next((n for n, share in zip(names, shares, strict=True) if share >= SURE_SHARE), "mixed")
        marks.append(Mark(_floats(box), kind, outline=_hull(part, box)))
    _note_specks(intake, specks)
    return marks


def read_mask(path: Path) -> Mask:
    """Decode a mask as (H, W) or (H, W, 3) uint8: transparency is dropped, 16 bits are cut to 8.

    Raises:
        SourceError: it is missing or no image.
        FormatError: it is of another kind (floating point).
    """
    mask = read_image(path, cv2.IMREAD_UNCHANGED)
    if mask.dtype == np.uint16:
        deep = np.asarray(mask, np.uint16)
        mask = (deep >> 8 if int(deep.max()) > 255 else deep).astype(np.uint8)
    if mask.dtype != np.uint8:
        raise FormatError(f"{path} is a mask of {mask.dtype}.", "Masks have 8 or 16 bits.")
    return np.asarray(mask[..., :3] if mask.ndim == 3 else mask, np.uint8)


class MaskIndex:
    """The masks of a folder, found by their image's name.

    Spellings that public sets use for image `S`: `S`, `S_mask` (PolypGen), `pS` (CVC-ColonDB, ETIS-Larib), `S` with a
    trailing underscore less (one image of PolypGen), `S_segmentation`. With `spelled`, a regular expression, only files
    of such a stem are masks.
    """

    def __init__(self, folder: Path, spelled: str = "") -> None:
        self.paths: dict[str, list[Path]] = {}
        for path in sorted(files_below(folder, IMAGE_SUFFIXES)):
            if spelled and not re.fullmatch(spelled, path.stem):
                continue
            self.paths.setdefault(path.relative_to(folder).with_suffix("").as_posix(), []).append(path)
        self.used: set[str] = set()

    def find(self, below: str) -> Path | None:
        """The mask of an image, or None if there is none.

        Raises:
            FormatError: there are two.
        """
        keys = self._keys(below)
        self.used.update(keys)
        paths = [path for key in keys for path in self.paths[key]]
        if len(paths) > 1:
            raise FormatError(f"It has two masks: {paths[0].name} and {paths[1].name}.")
        return paths[0] if paths else None

    def has(self, below: str) -> bool:
        """Whether an image has a mask."""
        return bool(self._keys(below))

    def pass_over(self, below: str) -> None:
        """Its image was bad for another reason: its mask is no stray."""
        self.used.update(self._keys(below))

    def _keys(self, below: str) -> list[str]:
        folder, slash, stem = below.rpartition("/")
        spellings = (stem, f"{stem}_mask", f"p{stem}", f"{stem.rstrip('_')}_mask", f"{stem}_segmentation")
        return [k for k in dict.fromkeys(f"{folder}{slash}{s}" for s in spellings) if k in self.paths]

    def unused(self) -> list[Path]:
        """Masks that no image asked for."""
        return [path for key, paths in self.paths.items() if key not in self.used for path in paths]


def masked_sample(
    intake: Intake,
    image: Path,
    below: str,
    masks: MaskIndex,
    read: Callable[[Path, Mask], list[Mark]],
    within: str = "",
    **identity: Unpack[Identity],
) -> Sample | None:
    """The sample of an image with its mask, or without one; None if it was bad, which is then reported.

    `below` is the image's path below the image folder, without suffix; `within` is what its name gets in front of it.
    """
    named = f"{within}{below}"
    try:
        path = masks.find(below)
    except FormatError as error:
        intake.bad(image, "two masks", str(error))
        return None
    if path is None:
        return intake.sample(image, named, None, label=image, **identity)
    mask = intake.attempt(path, "unreadable mask", read_mask)
    marks = None if mask is None else intake.attempt(path, "doubtful mask", lambda p: read(p, mask))
    if mask is None or marks is None:
        return None
    return intake.sample(image, named, marks, label=path, told=Size.of(mask), **identity)


def _binary(mask: Mask, level: int) -> Mask:
    # Channel by channel: 10 times faster than a maximum along the last axis.
    grey = np.maximum(np.maximum(mask[..., 0], mask[..., 1]), mask[..., 2]) if mask.ndim == 3 else mask
    return (grey > level).astype(np.uint8)


def _components(binary: Mask) -> tuple[list[tuple[tuple[int, int, int, int], Mask]], int]:
    """Half-open box and cut-out of each component that is large enough, and the number of specks."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(binary, connectivity=8)
    found = []
    for i in range(1, count):
        x, y, w, h, area = (int(v) for v in stats[i])
        if area >= MIN_AREA * binary.size:
            found.append(((x, y, x + w, y + h), (labels[y : y + h, x : x + w] == i).astype(np.uint8)))
    return found, count - 1 - len(found)


def _hull(part: Mask, box: tuple[int, int, int, int]) -> Outline:
    rim = np.concatenate(cv2.findContours(part, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]).reshape(-1, 2)
    # Half-open: a pixel covers [x, x + 1), so its four corners go into the hull.
    spread = np.concatenate([rim + np.array([box[0] + dx, box[1] + dy]) for dx in (0, 1) for dy in (0, 1)])
    return np.asarray(cv2.convexHull(spread.astype(np.float32)).reshape(-1, 2), np.float32)


def _floats(box: tuple[int, int, int, int]) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = (float(v) for v in box)
    return x1, y1, x2, y2


def _note_specks(intake: Intake, specks: int) -> None:
    if specks:
        intake.tally[f"masks had specks of less than {MIN_AREA:.2%} of the image, which are no polyps"] += 1


def _refuse_other_colours(path: Path, other: npt.NDArray[np.bool_]) -> None:
    if _components(other.astype(np.uint8))[0]:
        raise FormatError(f"{path} has a region that is neither red nor green.")
