"""Near-duplicate images: a perceptual print of each, and the pairs whose prints correlate. No splits, no files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from training.samples import Sample, sample_image

THUMB_SIDE = 32
DUPLICATE = 0.96
"""Near-duplicates: prints that correlate at least this well. Looked at on contact sheets: the pairs above it are the
same scene (also re-encoded, re-cropped or under narrow-band light) or one with the same layout; a difference hash of
the whole frame instead matched strangers by their black borders."""
BORDER = 40
"""A pixel is brighter than a border if a channel exceeds this, of 255."""
THREADS = 4
_BLOCK = 2048

Prints = npt.NDArray[np.float32]
Codes = npt.NDArray[np.int64]


def fingerprint(image: npt.NDArray[np.uint8]) -> Prints:
    """A perceptual hash: the picture area without its black border, as a 32x32 grey thumbnail of mean 0 and norm 1.

    The inner product of two is the correlation of the thumbnails, which scale, exposure and compression leave alone.

    Args:
        image: (H, W, 3) BGR uint8.

    Returns:
        (1024,) float32; all zero for an image of one colour, which so is like no other.
    """
    grey = cv2.cvtColor(_without_border(image), cv2.COLOR_BGR2GRAY)
    small = cv2.resize(grey, (THUMB_SIDE, THUMB_SIDE), interpolation=cv2.INTER_AREA).astype(np.float32).ravel()
    small -= small.mean()
    return np.asarray(small / max(float(np.linalg.norm(small)), 1e-6), np.float32)


def _without_border(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The rows and columns of which at least a quarter is brighter than a border."""
    # By OpenCV: numpy's max and mean over the same pixels take ten times as long.
    blue, green, red = cv2.split(image)
    bright = (cv2.max(cv2.max(blue, green), red) > BORDER).view(np.uint8)
    height, width = bright.shape
    rows = np.flatnonzero(cv2.reduce(bright, 1, cv2.REDUCE_SUM, dtype=cv2.CV_32S).ravel() > 0.25 * width)
    cols = np.flatnonzero(cv2.reduce(bright, 0, cv2.REDUCE_SUM, dtype=cv2.CV_32S).ravel() > 0.25 * height)
    if len(rows) < THUMB_SIDE or len(cols) < THUMB_SIDE:
        return image
    return image[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1]


def fingerprints(samples: Sequence[Sample], what: str = "compare") -> Prints:
    """Prints of the samples' images, (N, 1024) float32, with a progress bar on a terminal.

    Raises:
        SourceError: an image cannot be read.
        FormatError: an image is not of its labelled size.
    """
    prints = np.zeros((len(samples), THUMB_SIDE**2), np.float32)
    with ThreadPoolExecutor(THREADS) as pool:
        done = pool.map(lambda s: fingerprint(sample_image(s)), samples)
        for i, row in enumerate(tqdm(done, what, len(samples), unit="image", disable=None, leave=False)):
            prints[i] = row
    return prints


@dataclass(frozen=True, slots=True)
class Compared:
    """Images to be compared, in arrays, so that millions of pairs cost little.

    Attributes:
        prints: (N, 1024).
        codes: (N,) pairs of one code are not asked for (same unit, or same split).
        alike: (N,) frames that look like others without being the same: two of them are never a pair.
    """

    prints: Prints
    codes: Codes
    alike: npt.NDArray[np.bool_]


def looks_like_others(samples: Sequence[Sample]) -> npt.NDArray[np.bool_]:
    """Which samples show bare mucosa in a video or of a known patient: two stretches of it look alike without being so.

    Negative stills of unknown patients are not among them: where two of those look alike, they are mostly one image.
    They and every image with a polyp are compared with all.
    """
    return np.array([s.negative and bool(s.sequence or s.patient) for s in samples], bool)


def near_pairs(a: Compared, b: Compared | None = None, limit: float = DUPLICATE) -> Iterator[tuple[int, int, float]]:
    """Near-duplicates (index into `a`, index into `b`, correlation) of different codes; within `a` if `b` is None.

    The work is a product of blocks in float32: 20,000 images against each other are 0.4 Tflop.
    """
    other = a if b is None else b
    for i in range(0, len(a.prints), _BLOCK):
        rows = slice(i, i + _BLOCK)
        for j in range(i if b is None else 0, len(other.prints), _BLOCK):
            cols = slice(j, j + _BLOCK)
            near = a.prints[rows] @ other.prints[cols].T
            wanted = near >= limit
            wanted &= a.codes[rows, None] != other.codes[None, cols]
            wanted &= ~(a.alike[rows, None] & other.alike[None, cols])
            if b is None and i == j:
                wanted &= np.triu(np.ones_like(wanted), 1)
            for y, x in np.argwhere(wanted).tolist():
                yield i + y, j + x, float(near[y, x])
