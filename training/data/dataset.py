"""Training inputs by number: the n-th draw of a seed is the same image on every machine and after every restart.

Nothing here keeps a random state: each draw makes its own generator from (seed, number), so that workers, resuming,
prefetching and the number of processes cannot change what is trained on.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from training.contract import INPUT_SIZE
from training.data.augment import PARTS, Augmenter, Picture
from training.data.settings import HARD_WEIGHT
from training.data.targets import Targets
from training.samples import Sample, sample_image

NEGATIVE_SHARE = 0.12
SIZES = (288, 320, 352, 384, INPUT_SIZE)
_EPOCH_STREAM, _DRAW_STREAM, _SIZE_STREAM = 1, 2, 3


class Draw(NamedTuple):
    """The number of a training input, the side it is rendered at, and whether the last phase has begun."""

    number: int
    size: int
    late: bool


class PictureSource(Protocol):
    """Pictures by index: a list of them, or `Pictures`."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Picture: ...


class Pictures:
    """The decoded images of samples, read when they are first asked for and kept while memory lasts.

    Args:
        samples: what is read.
        keep_bytes: how much is kept decoded (0.8 MB per image at 608 px); what does not fit is decoded at each draw.
    """

    def __init__(self, samples: Sequence[Sample], keep_bytes: float = float("inf")) -> None:
        self._samples = samples
        self._room = keep_bytes
        self._kept: dict[int, Picture] = {}

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, index: int, /) -> Picture:
        """One picture. Raises SourceError or FormatError, as `sample_image` does."""
        kept = self._kept.get(index)
        if kept is not None:
            return kept
        sample = self._samples[index]
        picture = Picture.of(sample, sample_image(sample))
        if picture.image.nbytes <= self._room:  # two threads may both keep one picture: harmless
            self._room -= picture.image.nbytes
            self._kept[index] = picture
        return picture


class Plan:
    """Which sample is drawn when: every stratum in its own shuffled order, in fixed shares per epoch.

    Strata are the sources, with all negatives in one of their own. Positives share what the negatives leave by the
    square root of their number, so that no set drowns another. Replayed samples are strata of their own. Hard examples
    (`facts["hard"]`, as mining names them) count several times within their stratum.

    Args:
        samples: new samples, then replayed ones; a draw's index counts over both.
        seed: of the order.
        negative_share: of the draws that show no polyp, where there are such samples.
        replayed: how many samples at the end are replayed from an older catalog.
        replay_share: of the draws that are taken from those.
        hard_weight: how often a hard example is drawn for each time that another one of its stratum is.

    Attributes:
        length: draws per epoch; about as many as there are new samples, hard ones counted as often as drawn; replayed
            draws come on top.
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        seed: int,
        negative_share: float = NEGATIVE_SHARE,
        replayed: int = 0,
        replay_share: float = 0.0,
        hard_weight: int = HARD_WEIGHT,
    ) -> None:
        if hard_weight < 1:
            raise ValueError(f"hard examples must be drawn at least once, not {hard_weight} times")
        self.seed = seed
        first = len(samples) - replayed
        times = np.array([hard_weight if s.facts.get("hard") else 1 for s in samples], int)
        new = int(times[:first].sum())
        share = replay_share if replayed else 0.0
        draws = new / (1 - share) if new else float(times[first:].sum())
        strata = _strata(samples[:first], times[:first], negative_share, draws * (1 - share) if new else 0.0, 0)
        strata += _strata(samples[first:], times[first:], negative_share, draws * share if new else draws, first)
        self._strata = [indices for indices, _ in strata]
        self._counts = [count for _, count in strata]
        self.length = sum(self._counts)
        self._order: tuple[int, npt.NDArray[np.intp]] | None = None

    def sample(self, number: int) -> int:
        """Index of the sample of draw `number`."""
        epoch, position = divmod(number, self.length)
        order = self._order  # threads ask at once: look at one and the same order
        if order is None or order[0] != epoch:
            order = self._order = (epoch, self._epoch(epoch))
        return int(order[1][position])

    def _epoch(self, epoch: int) -> npt.NDArray[np.intp]:
        parts = []
        for k, (stratum, count) in enumerate(zip(self._strata, self._counts, strict=True)):
            taken = np.arange(epoch * count, (epoch + 1) * count)
            rounds = {int(r): _generator(self.seed, _EPOCH_STREAM, k, int(r)) for r in taken // len(stratum)}
            orders = {r: rng.permutation(stratum) for r, rng in rounds.items()}
            parts.append([orders[int(t // len(stratum))][t % len(stratum)] for t in taken])
        return _generator(self.seed, _EPOCH_STREAM, 999, epoch).permutation(np.concatenate(parts))


def _strata(
    samples: Sequence[Sample], times: npt.NDArray[np.intp], negative_share: float, draws: float, offset: int
) -> list[tuple[npt.NDArray[np.intp], int]]:
    """(indices from `offset` on, each as many times as it is drawn; draws per epoch) of each stratum."""
    names = np.array(["negative" if s.negative else f"source {s.source}" for s in samples])
    found = {name: np.flatnonzero(names == name) for name in sorted(set(names.tolist()))}
    found = {name: np.repeat(rows, times[rows]) for name, rows in found.items()}
    roots = {name: float(np.sqrt(len(rows))) for name, rows in found.items() if name != "negative"}
    share = (negative_share if roots else 1.0) if "negative" in found else 0.0
    weights = {name: root / sum(roots.values()) * (1 - share) for name, root in roots.items()}
    if share:  # a share of 0 means that negatives are never drawn
        weights["negative"] = share
    return [(rows + offset, max(1, round(weights[name] * draws))) for name, rows in found.items() if weights.get(name)]


class TrainingSet:
    """Map-style set: a :class:`Draw` in, (uint8 [H, W, 3] BGR, float32 [N, 4] boxes, [M, 4] ignored regions) out.

    Args:
        pictures: by the plan's index.
        plan: which of them is drawn when.
        augment: ``full``, ``plain``, ``off``, or shares of draws by effect: what `Augmenter` takes.
    """

    def __init__(self, pictures: PictureSource, plan: Plan, augment: str | Mapping[str, object]) -> None:
        self._pictures = pictures
        self._plan = plan
        self._augment = Augmenter(augment)

    def __getitem__(self, draw: Draw) -> tuple[Tensor, Tensor, Tensor]:
        rng = _generator(self._plan.seed, _DRAW_STREAM, draw.number)
        chosen = [self._plan.sample(draw.number)]
        if rng.random() < self._augment.phase(draw.late).mosaic.p:
            # The others come from the same epoch of the plan: negatives, sets and replay keep their shares.
            begin = draw.number - draw.number % self._plan.length
            chosen += [self._plan.sample(begin + int(k)) for k in rng.integers(self._plan.length, size=PARTS - 1)]
        scene = self._augment([self._pictures[i] for i in chosen], rng, draw.size, draw.late)
        image = torch.from_numpy(np.ascontiguousarray(scene.image))
        return image, torch.from_numpy(scene.boxes), torch.from_numpy(scene.ignored)


class Schedule:
    """Batches of draws from `first` on, for ever; one size per batch, the largest in the last phase.

    Args:
        seed: of the sizes.
        batch: draws per step over all processes.
        first: number of the first draw.
        sizes: input sides to choose from, ascending.
        late: whether the k-th batch from now belongs to the last phase; asked when the batch is handed out.
        rank: which share of each batch is prepared here.
        world: how many processes share a batch.
    """

    def __init__(
        self,
        seed: int,
        batch: int,
        first: int,
        sizes: tuple[int, ...] = SIZES,
        late: Callable[[int], bool] = lambda _: False,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        self._seed, self._batch, self._first, self._sizes = seed, batch, first, sizes
        self._late = late
        mine = batch // world
        self._mine = range(rank * mine, (rank + 1) * mine)

    def __iter__(self) -> Iterator[list[Draw]]:
        number, index = self._first, 0
        while True:
            late = self._late(index)
            size = int(_generator(self._seed, _SIZE_STREAM, number).choice(self._sizes))
            if late:
                size = self._sizes[-1]
            yield [Draw(number + k, size, late) for k in self._mine]
            number += self._batch
            index += 1


class Batch(NamedTuple):
    """Images uint8 [N, 3, H, W] (channels last in memory) and their targets."""

    images: Tensor
    targets: Targets


def collate(items: Sequence[tuple[Tensor, Tensor, Tensor]]) -> Batch:
    """Stack images and pad boxes."""
    images = torch.stack([image for image, _, _ in items]).permute(0, 3, 1, 2)
    return Batch(images, Targets.pad([boxes for _, boxes, _ in items], [regions for _, _, regions in items]))


def usual_workers() -> int:
    """Threads that prepare images unless something else is asked for: a core is left for the training itself."""
    return max(1, min(16, (os.cpu_count() or 1) - 1))


def batches(data: TrainingSet, schedule: Schedule, threads: int) -> Generator[Batch, None, None]:
    """Batches for ever, a few prepared ahead by `threads`; none prepares them as they are asked for.

    Threads, not processes: OpenCV and numpy let go of the interpreter lock, the images are not copied, and a fork
    after OpenCV has started its own threads hangs (seen with OpenCV 5). A thread makes a whole batch, so that the
    consumer's thread has nothing left to do.
    """

    def prepare(draws: list[Draw]) -> Batch:
        return collate([data[d] for d in draws])

    if threads == 0:
        yield from map(prepare, schedule)
        return
    with ThreadPoolExecutor(threads) as pool:
        ahead: deque[Future[Batch]] = deque()
        try:
            for draws in schedule:
                ahead.append(pool.submit(prepare, draws))
                if len(ahead) > threads + 1:
                    yield ahead.popleft().result()
        finally:
            for future in ahead:
                future.cancel()


def _generator(*key: int) -> np.random.Generator:
    return np.random.default_rng(key)
