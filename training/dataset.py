"""Training inputs by number: the n-th draw of a seed is the same image on every machine and after every restart.

Nothing here keeps a random state: each draw makes its own generator from (seed, number), so that workers, resuming
and prefetching cannot change what is trained on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from training.augment import Augmenter, Geometry, Kind, Picture
from training.contract import INPUT_SIZE
from training.importers import Sample, sample_image
from training.losses import Targets

NEGATIVE_SHARE = 0.12
SIZES = (288, 320, 352, 384, INPUT_SIZE)
BATCHES_AHEAD = 3
_EPOCH_STREAM, _DRAW_STREAM, _SIZE_STREAM = 1, 2, 3


class Draw(NamedTuple):
    """The number of a training input, the side it is rendered at, and whether the last phase has begun."""

    number: int
    size: int
    late: bool


def load_pictures(samples: list[Sample], threads: int = 4) -> list[Picture]:
    """Decode all images into memory (about 0.8 MB each at 608 px)."""
    with ThreadPoolExecutor(threads) as pool:
        images = list(pool.map(lambda s: sample_image(s), samples))
    return [Picture(image, s.outlines) for image, s in zip(images, samples, strict=True)]


class Plan:
    """Which sample is drawn when: every stratum in its own shuffled order, in fixed shares per epoch.

    Strata are the sources, with all negatives in one of their own. Positives share what the negatives leave by the
    square root of their number, so that no set drowns another.
    """

    def __init__(self, samples: list[Sample], seed: int) -> None:
        self.seed = seed
        names = ["negative" if s.negative else s.source for s in samples]
        self._strata = [np.flatnonzero(np.array(names) == n) for n in sorted(set(names))]
        weights = np.array([np.sqrt(len(s)) if names[s[0]] != "negative" else 0.0 for s in self._strata])
        share = NEGATIVE_SHARE if "negative" in names and weights.any() else float(not weights.any())
        weights = weights / max(weights.sum(), 1e-9) * (1 - share)
        weights[[names[s[0]] == "negative" for s in self._strata]] = share
        self._counts = np.maximum(1, np.round(weights * len(samples))).astype(int)
        self.length = int(self._counts.sum())
        self._order: tuple[int, npt.NDArray[np.intp]] | None = None

    def sample(self, number: int) -> int:
        """Index of the sample of draw `number`."""
        epoch, position = divmod(number, self.length)
        if self._order is None or self._order[0] != epoch:
            self._order = (epoch, self._epoch(epoch))
        return int(self._order[1][position])

    def _epoch(self, epoch: int) -> npt.NDArray[np.intp]:
        parts = []
        for k, (stratum, count) in enumerate(zip(self._strata, self._counts, strict=True)):
            taken = np.arange(epoch * count, (epoch + 1) * count)
            rounds = {int(r): _generator(self.seed, _EPOCH_STREAM, k, int(r)) for r in taken // len(stratum)}
            orders = {r: rng.permutation(stratum) for r, rng in rounds.items()}
            parts.append([orders[int(t // len(stratum))][t % len(stratum)] for t in taken])
        return _generator(self.seed, _EPOCH_STREAM, 999, epoch).permutation(np.concatenate(parts))


class TrainingSet:
    """Map-style set: a :class:`Draw` in, (uint8 [H, W, 3] BGR, float32 [N, 4] boxes) out."""

    def __init__(self, pictures: list[Picture], plan: Plan, kind: Kind) -> None:
        self._pictures = pictures
        self._plan = plan
        self._augment = Augmenter(kind)

    def __getitem__(self, draw: Draw) -> tuple[Tensor, Tensor]:
        rng = _generator(self._plan.seed, _DRAW_STREAM, draw.number)
        chosen = [self._plan.sample(draw.number)]
        if not draw.late and rng.random() < Geometry().mosaic:
            chosen += [int(i) for i in rng.integers(len(self._pictures), size=3)]
        scene = self._augment([self._pictures[i] for i in chosen], rng, draw.size, draw.late)
        return torch.from_numpy(np.ascontiguousarray(scene.image)), torch.from_numpy(scene.boxes)


class Schedule:
    """Batches of draws from `first` on, for ever; one size per batch. `late` is read when a batch is handed out."""

    def __init__(self, seed: int, batch: int, first: int, sizes: tuple[int, ...] = SIZES) -> None:
        self.late = False
        self._seed, self._batch, self._first, self._sizes = seed, batch, first, sizes

    def __iter__(self) -> Iterator[list[Draw]]:
        number = self._first
        while True:
            size = int(_generator(self._seed, _SIZE_STREAM, number).choice(self._sizes))
            if self.late:
                size = self._sizes[-1]
            yield [Draw(number + k, size, self.late) for k in range(self._batch)]
            number += self._batch


class Batch(NamedTuple):
    """Images uint8 [N, 3, H, W] (channels last in memory) and their targets."""

    images: Tensor
    targets: Targets


def collate(items: list[tuple[Tensor, Tensor]]) -> Batch:
    """Stack images and pad boxes."""
    images = torch.stack([image for image, _ in items]).permute(0, 3, 1, 2)
    return Batch(images, Targets.pad([boxes for _, boxes in items]))


def batches(data: TrainingSet, schedule: Schedule, threads: int) -> Iterator[Batch]:
    """Batches for ever, a few prepared ahead by `threads`; none prepares them as they are asked for.

    Threads, not processes: OpenCV and numpy let go of the interpreter lock, the images are not copied, and a fork
    after OpenCV has started its own threads hangs (seen with OpenCV 5).
    """
    if threads == 0:
        for draws in schedule:
            yield collate([data[d] for d in draws])
        return
    with ThreadPoolExecutor(threads) as pool:
        ahead: deque[list[Future[tuple[Tensor, Tensor]]]] = deque()
        try:
            for draws in schedule:
                ahead.append([pool.submit(data.__getitem__, d) for d in draws])
                if len(ahead) > BATCHES_AHEAD:
                    yield collate([f.result() for f in ahead.popleft()])
        finally:
            for future in (f for waiting in ahead for f in waiting):
                future.cancel()


def _generator(*key: int) -> np.random.Generator:
    return np.random.default_rng(key)
