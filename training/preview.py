"""Contact sheets to be looked at: what the importer and the augmentation make of a set. No torch."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from detector.errors import OutputError, UsageError
from detector.geometry import Letterbox, Size
from detector.preprocess import letterbox_image
from training.augment import Augmenter, Picture, Scene
from training.contract import PAD
from training.importers import Sample, sample_image

_TILE = 256
_COLUMNS = 8


def contact_sheet(
    samples: list[Sample], count: int, seed: int, augment: Literal["none", "full", "plain"] = "none"
) -> npt.NDArray[np.uint8]:
    """A sheet of `count` images chosen by `seed`, each with its boxes and name, BGR uint8.

    Raises:
        UsageError: the set is empty, or albumentations is needed and missing.
    """
    if not samples or count < 1:
        raise UsageError("There is no image to show.")
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(samples))[:count]
    augmenter = None if augment == "none" else Augmenter(augment)
    tiles = []
    for i in chosen:
        image, sample = sample_image(samples[i]), samples[i]
        if augmenter is None:
            box = Letterbox.fit(Size.of(image), Size(_TILE, _TILE))
            scene = Scene(letterbox_image(image, box, PAD), box.to_model(sample.boxes))
        else:
            scene = augmenter([Picture(image, sample.outlines)], rng, _TILE, late=False)
        tiles.append(_draw(scene, "" if augmenter else sample.name))
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % min(_COLUMNS, len(tiles)))
    columns = min(_COLUMNS, len(tiles))
    return np.vstack([np.hstack(tiles[k : k + columns]) for k in range(0, len(tiles), columns)])


def write_sheet(sheet: npt.NDArray[np.uint8], path: Path) -> None:
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


def _draw(scene: Scene, name: str) -> npt.NDArray[np.uint8]:
    tile = scene.image.copy()
    for x1, y1, x2, y2 in scene.boxes.astype(int).tolist():
        cv2.rectangle(tile, (x1, y1), (x2 - 1, y2 - 1), (0, 255, 0), 1)
    cv2.putText(tile, name[-36:], (2, _TILE - 4), cv2.FONT_HERSHEY_PLAIN, 0.7, (0, 255, 255), 1)
    return tile
