"""Dev while a network trains: its figures, the one that chooses the checkpoint, and pictures of the worst cases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from detector.geometry import Boxes, Letterbox, Size, iou_matrix
from detector.preprocess import letterbox_image
from detector.scoring.recording import Answer
from training.contract import PAD
from training.evaluation.figures import LOOSE_IOU, DevFigures, dev_figures
from training.evaluation.predict import PreparedSet, predict
from training.loop.config import ChooseBy
from training.loop.distributed import World
from training.network import Network
from training.samples import Sample, sample_image

_TILE = 320
_GREEN, _RED, _YELLOW = (0, 220, 0), (60, 60, 255), (0, 220, 255)


class DevSet:
    """The dev images, read once and shared out among the processes.

    Args:
        samples: all of dev.
        size: side of the network's input in pixels.
        world: each process keeps and measures its share.
    """

    def __init__(self, samples: Sequence[Sample], size: int, world: World) -> None:
        self.samples = samples
        self._world = world
        self._mine = PreparedSet.read(samples[world.rank :: world.size], size)

    def answers(self, network: Network) -> list[Answer]:
        """What the network finds on all of dev, in the order of the samples, on every process."""
        shares = self._world.gather(predict(network, self._mine))
        answers: list[Answer] = [None] * len(self.samples)  # type: ignore[list-item]
        for rank, share in enumerate(shares):
            answers[rank :: self._world.size] = share
        return answers

    def figures(self, answers: Sequence[Answer], threshold: float) -> DevFigures:
        """How good that is."""
        return dev_figures(self.samples, answers, threshold)


def score(figures: DevFigures, choose_by: ChooseBy) -> float:
    """The figure that chooses the checkpoint; one that cannot be given counts 0."""
    return sum(getattr(figures, name) or 0.0 for name in choose_by.split("+"))


@dataclass(frozen=True, slots=True)
class Worst:
    """A dev image that went wrong: `index` among the samples, and by how much (0..1, larger is worse)."""

    index: int
    badness: float


def worst_misses(samples: Sequence[Sample], answers: Sequence[Answer], threshold: float, count: int) -> list[Worst]:
    """Images with a lesion that no box at the threshold hits (IoU 0.2): those that came least close to it first."""
    found = []
    for i, (sample, answer) in enumerate(zip(samples, answers, strict=True)):
        if len(sample.boxes):
            hits = iou_matrix(sample.boxes, answer.boxes) >= LOOSE_IOU
            best = np.where(hits, answer.scores[None], 0.0).max(axis=1, initial=0.0)
            if best.min() < np.float32(threshold):
                found.append(Worst(i, 1.0 - float(best.min())))
    return sorted(found, key=lambda w: (-w.badness, w.index))[:count]


def worst_alarms(samples: Sequence[Sample], answers: Sequence[Answer], threshold: float, count: int) -> list[Worst]:
    """Images with a box at the threshold that touches neither a lesion nor an ignored region: the surest first."""
    found = []
    for i, (sample, answer) in enumerate(zip(samples, answers, strict=True)):
        known = np.concatenate((sample.boxes, sample.ignored))
        free = (iou_matrix(answer.boxes, known) < LOOSE_IOU).all(axis=1)
        free &= answer.scores >= np.float32(threshold)
        if free.any():
            found.append(Worst(i, float(answer.scores[free].max())))
    return sorted(found, key=lambda w: (-w.badness, w.index))[:count]


def sheet(
    worst: Sequence[Worst], samples: Sequence[Sample], answers: Sequence[Answer], threshold: float
) -> npt.NDArray[np.uint8] | None:
    """The cases side by side, BGR uint8: lesions green, ignored regions yellow, boxes red with scores; None if none."""
    tiles = [_tile(samples[w.index], answers[w.index], threshold) for w in worst]
    if not tiles:
        return None
    columns = min(4, len(tiles))
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % columns)
    return np.vstack([np.hstack(tiles[k : k + columns]) for k in range(0, len(tiles), columns)])


def _tile(sample: Sample, answer: Answer, threshold: float) -> npt.NDArray[np.uint8]:
    image = sample_image(sample)
    letterbox = Letterbox.fit(Size.of(image), Size(_TILE, _TILE))
    tile = letterbox_image(image, letterbox, PAD).copy()
    _draw(tile, letterbox.to_model(sample.ignored), _YELLOW)
    _draw(tile, letterbox.to_model(sample.boxes), _GREEN)
    shown = answer.scores >= np.float32(min(threshold, 0.1))  # what nearly counted explains a miss
    _draw(tile, letterbox.to_model(answer.boxes[shown]), _RED, answer.scores[shown])
    cv2.putText(tile, sample.name[-44:], (3, _TILE - 5), cv2.FONT_HERSHEY_PLAIN, 0.8, (255, 255, 255), 1)
    return tile


def _draw(
    tile: npt.NDArray[np.uint8],
    boxes: Boxes,
    colour: tuple[int, int, int],
    scores: npt.NDArray[np.float32] | None = None,
) -> None:
    for i, (x1, y1, x2, y2) in enumerate(np.round(boxes).astype(int).tolist()):
        cv2.rectangle(tile, (x1, y1), (x2 - 1, y2 - 1), colour, 1)
        if scores is not None:
            cv2.putText(tile, f"{scores[i]:.2f}", (x1 + 2, y1 + 12), cv2.FONT_HERSHEY_PLAIN, 0.8, colour, 1)
