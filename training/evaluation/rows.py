"""One scored image: what is known of it and what was answered; from labelled samples to the types of scoring."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from detector.geometry import Size
from detector.scoring.recording import Answer, Still, Truth
from training.samples import Sample

UnitKind = Literal["patient", "sequence", "image"]


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """An image with its truth and its answer; nothing in it needs the image file.

    Attributes:
        name: of the sample.
        source: data set.
        centre: hospital, empty if unknown.
        unit: what a bootstrap draws.
        unit_kind: what such a unit is.
        sequence: `source/sequence`, unique among all rows; empty for a still.
        order: position in the sequence.
        time_s: true media time in seconds, None if there is none.
        size: in pixels.
        truth: `reviewed` is False where nothing is known of the image.
        answer: every box from the runtime's lowest score up, best first.
    """

    name: str
    source: str
    centre: str
    unit: str
    unit_kind: UnitKind
    sequence: str
    order: int | None
    time_s: float | None
    size: Size
    truth: Truth
    answer: Answer

    @property
    def still(self) -> Still:
        """The image by itself."""
        return Still(self.name, self.unit, self.size, self.truth, self.answer)

    @property
    def negative(self) -> bool:
        """Whether it was looked at and shows no polyp."""
        return self.truth.reviewed and len(self.truth.boxes) == 0 and len(self.truth.ignored) == 0


def rows_of(samples: Sequence[Sample], answers: Sequence[Answer], one_lesion_per_sequence: bool = False) -> list[Row]:
    """Join samples with their answers.

    Args:
        samples: the labelled images.
        answers: per sample, in the same order.
        one_lesion_per_sequence: all boxes of a sequence without lesion ids are one lesion: true of CVC-ClinicDB, and
            never to be assumed.

    Raises:
        ValueError: not as many answers as samples.
    """
    return [_row(s, a, one_lesion_per_sequence) for s, a in zip(samples, answers, strict=True)]


def stills(samples: Sequence[Sample], answers: Sequence[Answer]) -> list[Still]:
    """Samples and answers for the figures of single images; unknown images come along as not reviewed."""
    return [row.still for row in rows_of(samples, answers)]


def over(rows: Sequence[Row]) -> str:
    """What the bootstrap draws, in words: ``29 sequences``, ``12 patients and 30 images``."""
    kinds = Counter(kind for kind, _ in {(r.unit_kind, r.unit) for r in rows})
    named = [f"{kinds[k]} {k}{'' if kinds[k] == 1 else 's'}" for k in ("patient", "sequence", "image") if kinds[k]]
    return ", ".join(named[:-1]) + (" and " if len(named) > 1 else "") + named[-1] if named else "nothing"


def _row(s: Sample, answer: Answer, one_lesion: bool) -> Row:
    lesions = s.lesions
    if one_lesion and s.sequence and not lesions:
        lesions = ("1",) * len(s.boxes)
    return Row(
        name=s.name,
        source=s.source,
        centre=s.centre,
        unit=s.unit,
        unit_kind="patient" if s.patient else "sequence" if s.sequence else "image",
        sequence=f"{s.source}/{s.sequence}" if s.sequence else "",
        order=s.order,
        time_s=s.time_s,
        size=s.size,
        truth=Truth(s.known, s.boxes, lesions, s.ignored),
        answer=answer,
    )
