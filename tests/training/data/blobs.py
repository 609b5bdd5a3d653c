"""Made-up pictures whose polyp is a blob of a colour of its own, so that the true box can be read off the pixels."""

import cv2
import numpy as np

from training.data.geometry import Picture

BLOB = np.array([250, 20, 240])


def blob_picture(seed: int, size=(260, 200)) -> Picture:
    """A dim mottled picture with one turned ellipse, and its outline."""
    rng = np.random.default_rng(seed)
    width, height = size
    coarse = rng.integers(20, 100, (6, 8, 3)).astype(np.uint8)
    image = cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC)
    mask = np.zeros((height, width), np.uint8)
    centre = rng.uniform((60, 50), (width - 60, height - 50))
    axes, angle = rng.uniform(18, 45, 2), float(rng.uniform(0, 180))
    cv2.ellipse(mask, np.rint(centre).astype(int).tolist(), np.rint(axes).astype(int).tolist(), angle, 0, 360, 255, -1)
    image[mask > 0] = BLOB
    points = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0][0].reshape(-1, 2)
    squares = np.concatenate([points + d for d in ((0, 0), (1, 0), (0, 1), (1, 1))])
    return Picture(image, (cv2.convexHull(squares.astype(np.float32)).reshape(-1, 2),))


def blob_mask(image) -> np.ndarray:
    """Where the blob's colour shows at least half."""
    near = np.abs(image.astype(int) - BLOB).sum(axis=2)
    return near < 180


def blob_box(image) -> np.ndarray | None:
    """The half-open box of the blob's pixels."""
    rows, columns = np.nonzero(blob_mask(image))
    if len(rows) == 0:
        return None
    return np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])


def plain_picture(size=(260, 200), level=90) -> Picture:
    """A grey picture without anything."""
    return Picture(np.full((size[1], size[0], 3), level, np.uint8), ())
