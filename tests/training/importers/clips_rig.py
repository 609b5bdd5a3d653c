"""Small videos whose pictures say which frame they are, and the import of labels of them."""

import functools
import tempfile
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np

from tests.clips import paint_index, read_painted_index, write_video
from training.importers.context import Context, Report
from training.importers.registry import layouts
from training.samples import Sample, SourceInfo, read_image

WIDTH, HEIGHT = 160, 96
MILLISECOND = Fraction(1, 1000)
UNEVEN_MS = [0, 40, 80, 200, 210, 220, 500, 540, 580, 1000, 1020, 1040, 1060, 1500, 1540, 1580, 1620, 1660, 1700, 1740]
"""Times of 20 frames without a rate."""


def video(path: Path, count: int = 30, *, times_ms: Sequence[int] | None = None, first: int = 0) -> Path:
    """A video of `count` frames, each with its index (from `first`) painted in; 25 frames/s unless times are given."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_encoded(path.suffix, count, None if times_ms is None else tuple(times_ms), first))
    return path


@functools.cache
def _encoded(suffix: str, count: int, times_ms: tuple[int, ...] | None, first: int) -> bytes:
    """Kept: encoding is what most of the tests' time would go to."""
    grey = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    frames = [paint_index(grey, n) for n in range(first, first + count)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"a{suffix}")
        write_video(path, frames, pts=times_ms, time_base=None if times_ms is None else MILLISECOND)
        return path.read_bytes()


def context(work: Path, *, strict: bool = False, **options: str) -> Context:
    source = SourceInfo("ward-3", "our own", True, "")
    return Context(source, Report(strict), work / "work", {"every_s": "0", **options})


def imported(layout: str, root: Path, given: Context) -> list[Sample]:
    return list(layouts()[layout].read(root, given))


def indices(samples: Iterable[Sample]) -> list[int]:
    """What is painted into the images."""
    return [read_painted_index(read_image(s.image)) for s in samples]


def by_index(samples: Iterable[Sample]) -> dict[int, Sample]:
    return {read_painted_index(read_image(s.image)): s for s in samples}
