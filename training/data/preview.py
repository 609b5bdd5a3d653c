"""Sheets to be looked at: what a batch looks like, and what each effect does. They show patients' images. No torch."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from detector.errors import OutputError, UsageError
from training.catalog.sheet import BOX, IGNORED, arrange, write_sheet
from training.data.augment import PARTS, Augmenter, Picture, Scene
from training.data.settings import AugmentSettings
from training.samples import Sample, sample_image

TILE_PX = 416
COLUMNS = 6


@dataclass(frozen=True, slots=True, eq=False)
class Tile:
    """One input of a preview: of which images, and as what."""

    names: tuple[str, ...]
    scene: Scene


def tiles(
    samples: Sequence[Sample], count: int, seed: int, augment: str = "full", only: str = "", size: int = TILE_PX
) -> list[Tile]:
    """Inputs as a run would draw them.

    Args:
        samples: to choose from.
        count: how many inputs.
        seed: of the choice and of the augmentation.
        augment: ``full``, ``plain`` or ``off``.
        only: one effect in every tile at full strength, instead; both extremes in turn where it has two.
        size: side of an input in pixels.

    Raises:
        UsageError: there is nothing to show, the effect is unknown, or albumentations is needed and missing.
        SourceError, FormatError: an image cannot be read or is not of its labelled size.
    """
    if not samples or count < 1:
        raise UsageError("There is no image to show.", "Choose another split.")
    if only:
        augmenters = [Augmenter(settings=AugmentSettings.only(only, other)) for other in (False, True)]
    else:
        augmenters = [Augmenter(augment)]
    order = np.random.default_rng(seed).permutation(len(samples)).tolist()
    found = []
    for k in range(count):
        rng = np.random.default_rng((seed, k))
        augmenter = augmenters[k % len(augmenters)]
        chosen = [order[k % len(order)]]
        if rng.random() < augmenter.settings.mosaic.p:
            chosen += [int(i) for i in rng.integers(len(samples), size=PARTS - 1)]
        pictures = [Picture.of(samples[i], sample_image(samples[i])) for i in chosen]
        found.append(Tile(tuple(samples[i].name for i in chosen), augmenter(pictures, rng, size, late=False)))
    return found


def draw_sheet(found: Sequence[Tile]) -> npt.NDArray[np.uint8]:
    """The inputs side by side with their boxes, ignored regions in another colour, and their number."""
    return arrange([_draw(k, tile.scene) for k, tile in enumerate(found)], COLUMNS)


def listing(found: Sequence[Tile]) -> str:
    """What each tile got, as tab-separated lines: number, images, boxes, effects with their strength."""
    out = io.StringIO()
    rows = csv.writer(out, delimiter="\t", lineterminator="\n")
    rows.writerow(("tile", "images", "boxes", "ignored", "effects"))
    for k, tile in enumerate(found):
        boxes, ignored = (
            " ".join(",".join(f"{v:.1f}" for v in b) for b in part.tolist())
            for part in (tile.scene.boxes, tile.scene.ignored)
        )
        effects = " ".join(f"{name}={amount:.3g}" for name, amount in tile.scene.applied)
        rows.writerow((k, " ".join(tile.names), boxes, ignored, effects))
    return out.getvalue()


def write_preview(found: Sequence[Tile], path: Path) -> Path:
    """Write the sheet as PNG or JPEG, and the list of what each tile got beside it; the list's path is returned.

    Raises:
        OutputError: one of them cannot be written.
    """
    write_sheet(draw_sheet(found), path)
    beside = path.with_suffix(".tsv")
    try:
        beside.write_text(listing(found), encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{beside} cannot be written ({error.strerror or error}).") from error
    return beside


def _draw(number: int, scene: Scene) -> npt.NDArray[np.uint8]:
    tile = scene.image.copy()
    for boxes, colour in ((scene.ignored, IGNORED), (scene.boxes, BOX)):
        for x1, y1, x2, y2 in boxes.round().astype(int).tolist():
            cv2.rectangle(tile, (x1, y1), (x2 - 1, y2 - 1), colour, 1)
    cv2.putText(tile, str(number), (3, tile.shape[0] - 5), cv2.FONT_HERSHEY_PLAIN, 1.0, (0, 255, 255), 1)
    return tile
