"""One reader per data-set layout; each turns a folder into canonical samples.

The only place that knows how a public set stores its files and masks. No torch, no splits, no pixels kept.
A missing label means *unknown* and is an error here; an empty one means *no polyp*.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from detector.errors import FormatError, SourceError
from detector.geometry import Boxes, Size, as_boxes

MIN_AREA = 2e-4
"""A component smaller than this share of the image (0.02 %) is a speck of the mask's compression, not a polyp."""
MASK_LEVEL = 127


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """A data set: what its licence allows and how to cite it."""

    name: str
    folder: str
    licence: str
    commercial: bool
    citation: str


SOURCES: dict[str, SourceInfo] = {
    info.name: info
    for info in (
        SourceInfo(
            "kvasir-seg",
            "kvasir_seg",
            "research and education",
            False,
            "Jha et al., Kvasir-SEG: A Segmented Polyp Dataset, MMM 2020",
        ),
        SourceInfo(
            "polypgen",
            "polypgen",
            "CC BY 4.0",
            True,
            "Ali et al., A multi-centre polyp detection and segmentation dataset for generalisability assessment, "
            "Scientific Data 10:75, 2023",
        ),
        SourceInfo(
            "polypgen-negatives",
            "polypgen_negseq",
            "CC BY 4.0",
            True,
            "Ali et al., A multi-centre polyp detection and segmentation dataset for generalisability assessment, "
            "Scientific Data 10:75, 2023 (negative sequences)",
        ),
        SourceInfo(
            "bkai-neopolyp",
            "bkai_neopolyp",
            "Kaggle competition, non-commercial research",
            False,
            "Nguyen An et al., BlazeNeo: Blazing Fast Polyp Segmentation and Neoplasm Detection, IEEE Access 10, 2022; "
            "Ngoc Lan et al., NeoUNet: Towards Accurate Colon Polyp Segmentation and Neoplasm Detection, ISVC 2021",
        ),
        SourceInfo(
            "cvc-clinicdb",
            "cvc_clinicdb",
            "research, with citation",
            False,
            "Bernal et al., WM-DOVA maps for accurate polyp highlighting in colonoscopy, "
            "Computerized Medical Imaging and Graphics 43, 2015",
        ),
    )
}


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One labelled image.

    Attributes:
        name: `set/stem`, unique and the same on every machine; split lists are written in these names.
        image: the image file.
        source: key of `SOURCES`.
        group: centre or sequence, where the set names one; empty otherwise.
        size: width and height in pixels.
        boxes: float32 (N, 4) xyxy in image pixels, half-open. No rows: looked at, and no polyp.
        outlines: per box the float32 (K, 2) convex hull of its component, so that a rotated image gets tight boxes.
    """

    name: str
    image: Path
    source: str
    group: str
    size: Size
    boxes: Boxes
    outlines: tuple[npt.NDArray[np.float32], ...]

    @property
    def negative(self) -> bool:
        """Whether the image was looked at and shows no polyp."""
        return len(self.boxes) == 0


def mask_to_boxes(mask: npt.NDArray[np.uint8]) -> tuple[Boxes, tuple[npt.NDArray[np.float32], ...]]:
    """Boxes and convex hulls of the components of a mask.

    Args:
        mask: (H, W) grey or (H, W, 3) colour; any channel above 127 is polyp, whatever its colour means.

    Returns:
        float32 (N, 4) half-open xyxy boxes, top to bottom as OpenCV labels them, and a hull per box.
    """
    grey = mask.max(axis=2) if mask.ndim == 3 else mask
    binary = (grey > MASK_LEVEL).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(binary, connectivity=8)
    boxes, outlines = [], []
    for i in range(1, count):
        x, y, w, h, area = (int(v) for v in stats[i])
        if area < MIN_AREA * binary.size:
            continue
        part = (labels[y : y + h, x : x + w] == i).astype(np.uint8)
        rim = np.concatenate(cv2.findContours(part, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]).reshape(-1, 2)
        # Half-open: a pixel covers [x, x + 1), so its four corners go into the hull.
        corners = np.concatenate([rim + np.array([x + dx, y + dy]) for dx in (0, 1) for dy in (0, 1)])
        boxes.append((x, y, x + w, y + h))
        outlines.append(np.asarray(cv2.convexHull(corners.astype(np.float32)).reshape(-1, 2), np.float32))
    return as_boxes(boxes), tuple(outlines)


def read_image(path: Path, flags: int = cv2.IMREAD_COLOR) -> npt.NDArray[np.uint8]:
    """Decode an image file as BGR uint8.

    Raises:
        SourceError: the file is missing or cannot be decoded.
    """
    image = cv2.imread(str(path), flags)
    if image is None:
        raise SourceError(f"{path} cannot be read as an image.", "Restore the file or leave its data set out.")
    return np.asarray(image, np.uint8)


def sample_image(sample: Sample) -> npt.NDArray[np.uint8]:
    """Decode a sample's image.

    Raises:
        SourceError: the file is missing or cannot be decoded.
        FormatError: it is not of the size of its mask: the boxes would be wrong.
    """
    image = read_image(sample.image)
    if Size.of(image) != sample.size:
        found, told = Size.of(image), sample.size
        raise FormatError(f"{sample.name} is {found.width}x{found.height}, but its mask {told.width}x{told.height}.")
    return image


def image_mask_folder(root: Path, info: SourceInfo, groups: dict[str, str] | None = None) -> Iterator[Sample]:
    """Read `images/*` with `masks/STEM.png` (Kvasir-SEG, PolypGen, BKAI-NeoPolyp, CVC-ClinicDB).

    Args:
        root: the data-set folder.
        info: which set it is.
        groups: stem -> centre or sequence, if the set has them; then each image must have one.

    Raises:
        SourceError: a folder, an image or a mask is missing or unreadable.
        FormatError: an image has no group.
    """
    for path in _images(root / "images"):
        mask_path = root / "masks" / f"{path.stem}.png"
        if not mask_path.is_file():
            raise SourceError(
                f"{path.name} of {info.name} has no mask.",
                "A missing mask means unknown, not 'no polyp': restore it, or write an empty one if none is there.",
            )
        mask = read_image(mask_path, cv2.IMREAD_UNCHANGED)
        if groups is not None and path.stem not in groups:
            raise FormatError(f"{path.name} of {info.name} is in no group of its table.")
        boxes, outlines = mask_to_boxes(mask)
        group = groups[path.stem] if groups is not None else ""
        yield Sample(f"{info.folder}/{path.stem}", path, info.name, group, Size.of(mask), boxes, outlines)


def negative_sequences(root: Path, info: SourceInfo) -> Iterator[Sample]:
    """Read `images/SEQUENCE/*`, listed in `frames.csv`: frames without a polyp, grouped by sequence.

    Raises:
        SourceError: the table or an image is missing.
    """
    for row in read_table(root / "frames.csv", ("file", "sequence")):
        path = root / "images" / row["file"]
        height, width = read_image(path).shape[:2]
        name = f"{info.folder}/{Path(row['file']).with_suffix('').as_posix()}"
        yield Sample(name, path, info.name, row["sequence"], Size(width, height), as_boxes([]), ())


def read_table(path: Path, columns: tuple[str, ...]) -> list[dict[str, str]]:
    """Rows of a CSV file with a header.

    Raises:
        SourceError: the file is missing.
        FormatError: a column is missing.
    """
    if not path.is_file():
        raise SourceError(f"{path} is missing.", "The data set's folder is incomplete.")
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        missing = set(columns) - set(reader.fieldnames or ())
        if missing:
            raise FormatError(f"{path} has no column '{sorted(missing)[0]}'.")
        return list(reader)


def read_source(data_root: Path, name: str) -> list[Sample]:
    """All samples of one public set, in the order of their names.

    Raises:
        SourceError: the set's folder or a file in it is missing.
    """
    info = SOURCES[name]
    root = data_root / info.folder
    if not root.is_dir():
        raise SourceError(f"The data set {name} is not at {root}.", "Set POLYPWATCH_DATA to the folder that holds it.")
    if name == "polypgen-negatives":
        samples = negative_sequences(root, info)
    elif name == "polypgen":
        rows = read_table(root / "centres.csv", ("file", "centre"))
        samples = image_mask_folder(root, info, {Path(r["file"]).stem: r["centre"] for r in rows})
    elif name == "cvc-clinicdb":
        rows = read_table(root / "sequences.csv", ("file", "sequence"))
        samples = image_mask_folder(root, info, {Path(r["file"]).stem: f"seq{r['sequence']}" for r in rows})
    else:
        samples = image_mask_folder(root, info)
    return sorted(samples, key=lambda s: s.name)


def _images(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise SourceError(f"{folder} is missing.", "The data set's folder is incomplete.")
    return sorted(p for p in folder.iterdir() if p.suffix.lower() in {".jpg", ".jpeg", ".png", ".bmp", ".tif"})
