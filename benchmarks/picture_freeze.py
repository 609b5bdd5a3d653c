"""Where the limit between a scope that stands still and a processor that holds its picture lies.

    python -m benchmarks.picture_freeze [--seconds 60]

For every clip in ``$POLYPWATCH_DATA/clips`` and for the bundled phantom: the least that a second of it changes (the
90th percentile of the differences between thumbnails, the largest within the second, in grey levels), the share of time
that `detector.picture.freeze` calls frozen, and how much noise alone changes when one of its pictures is held.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np

from app.phantom import bundled
from benchmarks.tables import table
from detector.picture.freeze import FreezeWatch, change, thumbnail
from detector.picture.glance import Image

_LOOKS_PER_S = 10
_NOISES = (2, 4, 8)  # standard deviation in grey levels, in every channel of every pixel


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60, help="of each video")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    root = Path(os.environ.get("POLYPWATCH_DATA", "")) / "clips"
    rows = [_measured(path, args.seconds) for path in (*sorted(root.glob("*.mp4")), bundled().video)]
    print(table(["video", "looks", "least change in 1 s", "frozen", *(f"noise {n}" for n in _NOISES)], rows, False))


def _measured(path: Path, seconds: float) -> list[str]:
    looks = list(_looks(path, seconds))
    thumbs = [(at, thumbnail(image)) for at, image in looks]
    least = min(
        (
            max(change(first, thumb) for then, thumb in thumbs[n + 1 :] if then - at <= 1.0)
            for n, (at, first) in enumerate(thumbs)
            if thumbs[-1][0] - at >= 1.0
        ),
        default=float("nan"),
    )
    watch = FreezeWatch()
    frozen = sum(watch.update(image, at) is not None for at, image in looks) / max(1, len(looks))
    noise = [f"{_noise(looks[0][1], levels):.1f}" for levels in _NOISES]
    return [path.name, str(len(looks)), f"{least:.1f}", f"{frozen:.0%}", *noise]


def _looks(path: Path, seconds: float) -> Iterator[tuple[float, Image]]:
    """Ten pictures a second, as the live session looks at them."""
    last_s = -1.0
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            at_s = float(frame.time or 0)
            if at_s > seconds:
                return
            if at_s - last_s >= 1 / _LOOKS_PER_S - 1e-3:
                last_s = at_s
                yield at_s, frame.to_ndarray(format="bgr24")


def _noise(image: Image, levels: float) -> float:
    """The largest change that noise alone makes in ten looks at one picture."""
    dice = np.random.default_rng(0)
    noisy = [np.clip(image + dice.normal(0, levels, image.shape), 0, 255).astype(np.uint8) for _ in range(10)]
    first, *others = (thumbnail(each) for each in noisy)
    return max(change(first, other) for other in others)


if __name__ == "__main__":
    main()
