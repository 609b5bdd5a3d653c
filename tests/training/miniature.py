"""Made-up endoscopy: a mottled picture with a bright ellipse, on disk as the public sets are."""

from pathlib import Path

import cv2
import numpy as np


def scene(seed: int, size=(160, 120), box=(40, 30, 100, 80)):
    """A mottled image with a bright ellipse in `box`, and its mask; no box gives an empty mask."""
    rng = np.random.default_rng(seed)
    width, height = size
    coarse = rng.integers(20, 120, (6, 8, 3)).astype(np.uint8)
    image = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    mask = np.zeros((height, width), np.uint8)
    if box is not None:
        x1, y1, x2, y2 = box
        centre, axes = ((x1 + x2 - 1) // 2, (y1 + y2 - 1) // 2), ((x2 - x1 - 1) // 2, (y2 - y1 - 1) // 2)
        cv2.ellipse(mask, centre, axes, 0, 0, 360, 255, -1)
        image[mask > 0] = (90, 160, 250)
    return image, mask


def write_pair(root: Path, stem: str, image, mask) -> None:
    for folder, name, data in (("images", f"{stem}.jpg", image), ("masks", f"{stem}.png", mask)):
        if data is not None:
            (root / folder).mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(root / folder / name), data)
