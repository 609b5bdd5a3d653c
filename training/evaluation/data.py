"""What is evaluated on: a catalog, the public sets, a plain folder or a COCO file, and which part of it. No torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from detector.errors import UsageError
from training.catalog import Catalog, resolve
from training.samples import Sample

PUBLIC = "public"
PUBLIC_TESTS = ("dev", "kvasir-val", "cvc-clinicdb", "polypgen-c6", "negatives-test")
_ONE_LESION = frozenset({"cvc-clinicdb"})
"""Public sets without lesion ids whose sequences each follow a polyp: 'was it found at all' is asked per sequence."""
_UNSPLIT = "as given: nothing is known of how it relates to what the model was trained on"


@dataclass(frozen=True, slots=True, eq=False)
class EvaluationData:
    """A set to be scored.

    Attributes:
        name: for tables and records: the split, else the file's or folder's name.
        samples: what to score, in order of names.
        split: the split's name, empty if all of it is scored.
        catalog_sha256: identity of the whole catalog that the split is of.
        words: how far it is from training: ``patient-disjoint``, ``near-duplicate-checked``, or that nobody knows.
        one_lesion_per_sequence: whether all boxes of a sequence are one lesion.
        data: as the user named it, for the command that repeats this.
    """

    name: str
    samples: tuple[Sample, ...]
    split: str
    catalog_sha256: str
    words: str
    one_lesion_per_sequence: bool
    data: str


def find_data(data: str, split: str | None = None) -> EvaluationData:
    """A set by what the user named.

    Args:
        data: a catalog file, the word ``public``, a folder with `images/` and `masks/`, or a COCO JSON file.
        split: ``dev``, ``test:NAME`` or just ``NAME``; None takes all of data that was never split.

    Raises:
        UsageError: there is no such split, or the data is split and none was named: train must not be scored by chance.
        SourceError: the data is missing.
        FormatError: it cannot be read.
    """
    return part_of(resolve(data), data, split)


def part_of(catalog: Catalog, data: str, split: str | None) -> EvaluationData:
    """One part of a catalog that is open already; `data` is how the user named it.

    Raises:
        UsageError: there is no such split, or the data is split and none was named.
    """
    known = catalog.splits
    if split is None and known:
        raise UsageError(f"{data} is split; say which part.", f"--split {' | '.join(known)}")
    name = split or ""
    if name and name not in known and f"test:{name}" in known:
        name = f"test:{name}"
    if name and name not in known:
        raise UsageError(f"{data} has no split '{split}'.", f"It has: {', '.join(known) or 'none; leave --split out'}.")
    chosen = catalog.split(name) if name else catalog
    short = name.removeprefix("test:")
    note = catalog.how_split
    return EvaluationData(
        name=short or Path(data).stem or data,
        samples=chosen.samples,
        split=name,
        catalog_sha256=catalog.sha256,
        words=note.words if note and name else _UNSPLIT,
        one_lesion_per_sequence=data == PUBLIC and short in _ONE_LESION,
        data=data,
    )
