"""The operating threshold: chosen on validation images alone, for a target that is stated.

Targets: ``f1`` (the best balance of missed lesions and false boxes), ``negatives=0.05`` (a false box on at most this
share of the frames without a lesion), ``sensitivity=0.9`` (at least this share of the lesions hit, IoU 0.2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from detector.errors import ModelError, UsageError
from detector.scoring import Still, best_f1_threshold, box_figures, match_boxes, threshold_for_negatives

_LOOSE_IOU = 0.2
"""The project's default for 'the lesion was marked'."""
STEPS = tuple(round(0.95 - 0.01 * i, 2) for i in range(91))
"""Thresholds that are tried: 0.95 down to 0.05."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a threshold is chosen for.

    Attributes:
        kind: which figure.
        value: its limit, 0 to 1; 0 for `f1`.
    """

    kind: Literal["f1", "negatives", "sensitivity"]
    value: float = 0.0

    @classmethod
    def parse(cls, text: str) -> Target:
        """From the command line.

        Raises:
            UsageError: it is none of the three targets, or its share is not between 0 and 1.
        """
        kind, _, share = text.partition("=")
        hint = "Choose f1, negatives=0.05 or sensitivity=0.9 (with the share that you want)."
        if kind == "f1" and not share:
            return cls("f1")
        if kind not in ("negatives", "sensitivity"):
            raise UsageError(f"There is no target '{text}'.", hint)
        try:
            value = float(share)
        except ValueError as error:
            raise UsageError(f"The target '{text}' names no share.", hint) from error
        if not 0 < value < 1:
            raise UsageError(f"The share in '{text}' is not between 0 and 1.", hint)
        return cls("negatives" if kind == "negatives" else "sensitivity", value)

    @property
    def text(self) -> str:
        """As it is given on the command line."""
        return "f1" if self.kind == "f1" else f"{self.kind}={self.value:g}"

    @property
    def words(self) -> str:
        """What the threshold is, as a sentence's end."""
        if self.kind == "f1":
            return "the score with the highest F1 (IoU 0.5)"
        if self.kind == "negatives":
            return f"the lowest score at which at most {self.value:.1%} of the frames without a lesion get a false box"
        return f"the highest score at which at least {self.value:.1%} of the lesions are hit (IoU {_LOOSE_IOU})"


def choose_threshold(stills: Sequence[Still], target: Target) -> float:
    """The operating threshold of a variant, in steps of 0.01 from 0.05 to 0.95.

    Args:
        stills: validation images with the variant's answers.
        target: what for.

    Raises:
        ModelError: the set has nothing to measure the target on, or no threshold meets it.
    """
    if target.kind == "negatives":
        if not any(s.truth.reviewed and not len(s.truth.boxes) and not len(s.truth.ignored) for s in stills):
            raise ModelError("The validation set has no frame without a lesion.", "Choose another target.")
        found = threshold_for_negatives(stills, target.value)
        if found is None:
            raise ModelError(f"No threshold up to 0.95 meets the target {target.text} on the validation set.")
        return found
    if not any(s.truth.reviewed and len(s.truth.boxes) for s in stills):
        raise ModelError("The validation set has no lesion.", "Choose another target or another set.")
    if target.kind == "f1":
        return best_f1_threshold(match_boxes(stills))
    for step in STEPS:
        recall = box_figures(stills, step, _LOOSE_IOU).recall
        if recall is not None and recall >= target.value:
            return step
    raise ModelError(f"No threshold from 0.05 up meets the target {target.text} on the validation set.")
