"""Labels that a model confidently disagrees with, in the order in which they deserve a second look. No files, no torch.

How sure the disagreement is, is measured on the set itself: of all boxes with at least this score, which share agrees
with a label? Of all labels of this size, which share is found? So the kinds can be ranked against each other.
A model agrees with the wrong labels that it learned by heart: what it has not been trained on shows more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from detector.geometry import Boxes, area, iou_matrix
from detector.scoring import FALSE, Answer, match_boxes
from detector.scoring.events import MET_IOU
from detector.scoring.hard import meets
from training.evaluation.rows import stills
from training.samples import Sample

Kind = Literal["box-on-negative", "box-without-label", "label-never-found", "box-drawn-badly"]
KINDS: tuple[Kind, ...] = get_args(Kind)
GOOD_IOU = 0.5
WORDS: dict[Kind, str] = {
    "box-on-negative": "labelled 'no polyp', but the model is sure of one here",
    "box-without-label": "the model is sure of a polyp here, which has no label",
    "label-never-found": "the model sees nothing here, at any score",
    "box-drawn-badly": "the model is sure of this polyp, but its box is another (IoU below 0.5)",
}
_LONG_SIDE = 640
_SIZES = (32.0**2, 96.0**2)
"""COCO's size classes, of an image whose long side is 640 pixels, as in docs/scoring.md."""


@dataclass(frozen=True, slots=True, eq=False)
class Suspect:
    """One disagreement.

    Attributes:
        sample: index into the samples.
        kind: which way they disagree.
        disagreement: 0 to 1, how sure it is that the label is wrong: how often the model is right on this set.
        score: of the model's box; 0 where it has none.
        box: the model's box (4,), None where it has none.
        label: index of the sample's box that is meant; None where there is none.
        iou: of the two, 0 where one is missing.
    """

    sample: int
    kind: Kind
    disagreement: float
    score: float
    box: Boxes | None
    label: int | None
    iou: float


def find_suspects(samples: Sequence[Sample], answers: Sequence[Answer], threshold: float) -> list[Suspect]:
    """Every disagreement, the surest first; unknown images have no labels to disagree with.

    Args:
        samples: the labelled images.
        answers: per sample every box from the runtime's lowest score up.
        threshold: score from which a box is called confident.
    """
    trust = _Trust.of(samples, answers)
    found: list[Suspect] = []
    for i, (sample, answer) in enumerate(zip(samples, answers, strict=True)):
        if sample.known:
            found += _of_one(i, sample, answer, threshold, trust)
    return sorted(found, key=lambda s: (-s.disagreement, -s.score, samples[s.sample].name, KINDS.index(s.kind)))


def worst_images(suspects: Sequence[Suspect], top: int) -> list[Suspect]:
    """The suspects of the `top` images with the surest disagreement, in their order."""
    images = list(dict.fromkeys(s.sample for s in suspects))[:top]
    return [s for s in suspects if s.sample in set(images)]


@dataclass(frozen=True, slots=True, eq=False)
class _Belief:
    """How far a score is to be believed: the share of boxes with at least this score that are right.

    A higher score is never believed less than a lower one, so that the few boxes at the top, of which the suspicious
    one may be the only, are judged with those below.

    Attributes:
        scores: float32 (N,), ascending.
        shares: float64 (N,), not falling.
    """

    scores: npt.NDArray[np.float32]
    shares: npt.NDArray[np.float64]

    @classmethod
    def of(cls, scores: Sequence[float], right: Sequence[bool]) -> _Belief:
        order = np.argsort(np.array(scores, np.float32), kind="stable")
        flags = np.array(right, np.float64)[order]
        shares = np.cumsum(flags[::-1])[::-1] / np.arange(len(flags), 0, -1)
        return cls(np.array(scores, np.float32)[order], np.maximum.accumulate(shares))

    def __call__(self, score: float) -> float:
        k = int(np.searchsorted(self.scores, np.float32(score)))
        return float(self.shares[min(k, len(self.shares) - 1)]) if len(self.shares) else 0.0


@dataclass(frozen=True, slots=True, eq=False)
class _Trust:
    """How often the model agrees with the labels of this set.

    Attributes:
        precision: that a box meets a label.
        tightness: that a box which meets a label does so by IoU 0.5.
        found: per size class the share of labels that are found at any score.
    """

    precision: _Belief
    tightness: _Belief
    found: tuple[float, ...]

    @classmethod
    def of(cls, samples: Sequence[Sample], answers: Sequence[Answer]) -> _Trust:
        scores: list[float] = []
        best: list[float] = []
        hits, labels = np.zeros(3), np.zeros(3)
        for s, a in zip(samples, answers, strict=True):
            if not s.known:
                continue
            ious = iou_matrix(a.boxes, s.boxes)
            scores += a.scores.tolist()
            best += ious.max(axis=1, initial=0.0).tolist()
            for k, size in enumerate(_size_classes(s)):
                labels[size] += 1
                hits[size] += bool((ious[:, k] >= MET_IOU).any())
        right = [b >= MET_IOU for b in best]
        met = [(s, b >= GOOD_IOU) for s, b in zip(scores, best, strict=True) if b >= MET_IOU]
        return cls(
            _Belief.of(scores, right),
            _Belief.of([s for s, _ in met], [tight for _, tight in met]),
            tuple(float(h / n) if n else 0.0 for h, n in zip(hits, labels, strict=True)),
        )


def _of_one(i: int, sample: Sample, answer: Answer, threshold: float, trust: _Trust) -> list[Suspect]:
    ious = iou_matrix(answer.boxes, sample.boxes)
    sure = answer.scores >= np.float32(threshold)
    found: list[Suspect] = []
    matches = match_boxes(stills([sample], [answer]), MET_IOU)
    for k in matches.box[(matches.verdicts == FALSE) & (matches.scores >= np.float32(threshold))].tolist():
        box, score = answer.boxes[k], float(answer.scores[k])
        if not meets(box, sample.boxes):
            kind: Kind = "box-on-negative" if sample.negative else "box-without-label"
            found.append(Suspect(i, kind, trust.precision(score), score, box, None, 0.0))
    for k, size in enumerate(_size_classes(sample)):
        if not (ious[:, k] >= MET_IOU).any():
            found.append(Suspect(i, "label-never-found", trust.found[size], 0.0, None, k, 0.0))
            continue
        near = np.flatnonzero(sure & (ious[:, k] >= MET_IOU))
        if len(near) and ious[near, k].max() < GOOD_IOU:
            best = int(near[ious[near, k].argmax()])
            score = float(answer.scores[best])
            found.append(
                Suspect(
                    i,
                    "box-drawn-badly",
                    trust.tightness(score),
                    score,
                    answer.boxes[best],
                    k,
                    float(ious[best, k]),
                )
            )
    return found


def _size_classes(sample: Sample) -> list[int]:
    scale = (_LONG_SIDE / max(sample.size)) ** 2
    return [sum(a * scale >= limit for limit in _SIZES) for a in area(sample.boxes).tolist()]
