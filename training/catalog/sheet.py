"""A contact sheet of any slice of a catalog, to be looked at. It shows patients' images: it is never committed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from detector.errors import OutputError, UsageError
from detector.geometry import Letterbox, Size
from detector.preprocess import letterbox_image
from training.catalog.filters import label
from training.contract import PAD
from training.samples import Sample, sample_image

Picture = npt.NDArray[np.uint8]
TILE_PX = 256
COLUMNS = 8
BOX, IGNORED, TEXT = (0, 255, 0), (0, 140, 255), (0, 255, 255)
"""Colours in BGR: lesions green, ignored regions orange, writing yellow."""
WORDS = {"polyp": "", "none": "no polyp", "ignored": "ignored region only", "unknown": "unknown"}


def contact_sheet(samples: Sequence[Sample], count: int = 48, seed: int = 1) -> Picture:
    """A sheet of `count` images chosen by `seed`, in the order of their names.

    On each: boxes with lesion id or class, ignored regions in another colour, name and split, and ``no polyp`` or
    ``unknown`` in words, for an empty image alone does not tell which.

    Returns:
        BGR uint8, at most `COLUMNS` tiles of `TILE_PX` pixels wide.

    Raises:
        UsageError: there is nothing to show.
        SourceError: an image cannot be read.
        FormatError: an image is not of its labelled size.
    """
    if not samples or count < 1:
        raise UsageError("There is no image to show.", "Widen the conditions.")
    chosen = sorted(np.random.default_rng(seed).permutation(len(samples))[:count].tolist())
    return arrange([draw_tile(samples[i]) for i in chosen])


def arrange(tiles: Sequence[Picture], columns: int = COLUMNS) -> Picture:
    """Tiles of one size side by side, the last row filled up with black."""
    columns = min(columns, len(tiles))
    padded = [*tiles, *[np.zeros_like(tiles[0])] * (-len(tiles) % columns)]
    return np.vstack([np.hstack(padded[k : k + columns]) for k in range(0, len(padded), columns)])


def draw_tile(sample: Sample) -> Picture:
    """One image of the sheet, `TILE_PX` square.

    Raises:
        SourceError: the image cannot be read.
        FormatError: it is not of its labelled size.
    """
    image = sample_image(sample)
    fit = Letterbox.fit(Size.of(image), Size(TILE_PX, TILE_PX))
    tile = letterbox_image(image, fit, PAD).copy()
    for x1, y1, x2, y2 in fit.to_model(sample.ignored).round().astype(int).tolist():
        cv2.rectangle(tile, (x1, y1), (x2 - 1, y2 - 1), IGNORED, 1)
    for i, (x1, y1, x2, y2) in enumerate(fit.to_model(sample.boxes).round().astype(int).tolist()):
        cv2.rectangle(tile, (x1, y1), (x2 - 1, y2 - 1), BOX, 1)
        words = " ".join(w for w in (_at(sample.lesions, i), _at(sample.classes, i)) if w)
        _write(tile, words, (x1 + 2, max(y1 - 3, 10)), BOX)
    _write(tile, " ".join(w for w in (sample.split, WORDS[label(sample)]) if w), (2, 12), TEXT)
    _write(tile, sample.name[-34:], (2, TILE_PX - 4), TEXT)
    return tile


def write_sheet(sheet: Picture, path: Path) -> None:
    """Write a sheet as PNG or JPEG, by the name's ending.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        ok, data = cv2.imencode(path.suffix or ".png", sheet)
        path.write_bytes(data.tobytes())
    except (OSError, cv2.error) as error:
        raise OutputError(f"{path} cannot be written.", "Choose a writable .png or .jpg.") from error
    if not ok:
        raise OutputError(f"{path} cannot be written.", "Choose a writable .png or .jpg.")


def _at(words: tuple[str, ...], i: int) -> str:
    return words[i] if words else ""


def _write(tile: Picture, text: str, at: tuple[int, int], colour: tuple[int, int, int]) -> None:
    # OpenCV's fonts have no letters beyond ASCII.
    plain = text.encode("ascii", "replace").decode()
    for shade, shift in (((0, 0, 0), 1), (colour, 0)):
        cv2.putText(tile, plain, (at[0] + shift, at[1] + shift), cv2.FONT_HERSHEY_PLAIN, 0.7, shade, 1)
