"""Curves of a scored set: precision over recall, recall over false boxes, scores on images without a polyp."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from detector.scoring import FALSE, HIT, FrocPoint, froc_stills, match_boxes
from training.evaluation.figures import HIT_IOU
from training.evaluation.rows import Row

BINS = 20
_SWEEP = tuple(k / 100 for k in range(2, 100, 2))
_MOST_POINTS = 400


@dataclass(frozen=True, slots=True)
class Curves:
    """Everything that is drawn.

    Attributes:
        precision_recall: (recall, precision, score) at IoU 0.5, from the highest score down; thinned for drawing.
        froc: recall at IoU 0.5 against false boxes per image.
        negatives: per image without a polyp the highest score on it, counted in bins of 0.05 from 0 to 1.
    """

    precision_recall: list[tuple[float, float, float]]
    froc: list[FrocPoint]
    negatives: list[int]

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "precision_recall": [[round(v, 4) for v in point] for point in self.precision_recall],
            "froc": [p.as_dict() for p in self.froc],
            "negative_top_scores": self.negatives,
        }


def curves_of(rows: Sequence[Row], threshold: float) -> Curves:
    """All curves of the images that something is known of; the operating threshold is a point of the FROC."""
    known = [r for r in rows if r.truth.reviewed]
    items = [r.still for r in known]
    lesions = sum(len(r.truth.boxes) for r in known)
    tops = [float(r.answer.scores.max(initial=0.0)) for r in known if r.negative]
    counts = np.histogram(np.minimum(tops, 1.0), BINS, (0.0, 1.0))[0] if tops else np.zeros(BINS, np.int64)
    if not lesions:
        return Curves([], [], [int(c) for c in counts])
    matches = match_boxes(items, HIT_IOU)
    counted = matches.verdicts != 0
    order = np.argsort(-matches.scores[counted], kind="stable")
    scores, verdicts = matches.scores[counted][order], matches.verdicts[counted][order]
    hits, false = np.cumsum(verdicts == HIT), np.cumsum(verdicts == FALSE)
    ends = np.flatnonzero(np.append(scores[1:] != scores[:-1], True)) if len(scores) else np.zeros(0, np.intp)
    ends = ends[np.unique(np.linspace(0, len(ends) - 1, _MOST_POINTS).astype(int))] if len(ends) else ends
    points = [(float(hits[i] / lesions), float(hits[i] / (hits[i] + false[i])), float(scores[i])) for i in ends]
    return Curves(points, froc_stills(items, sorted({*_SWEEP, threshold})), [int(c) for c in counts])
