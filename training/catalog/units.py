"""What belongs together and so must stay on one side of a split: patients, sequences, and near-duplicates of either."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from training.catalog.prints import Compared, Prints, looks_like_others, near_pairs
from training.samples import Sample


@dataclass(frozen=True, slots=True)
class Bond:
    """Samples that are known to belong together.

    Attributes:
        kind: ``patient``, ``sequence`` or ``same file``.
        id: which patient, sequence or file, with its source.
        members: indices into the samples, ascending.
    """

    kind: str
    id: str
    members: list[int]


def bonds(samples: Sequence[Sample]) -> Iterator[Bond]:
    """Every patient, sequence and image content that more than one sample shares.

    Patients and sequences are told apart by source, sequences also by centre, and by patient if one number names
    several patients' videos.
    """
    patients: dict[tuple[str, ...], list[int]] = defaultdict(list)
    sequences: dict[tuple[str, ...], list[int]] = defaultdict(list)
    files: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for i, s in enumerate(samples):
        if s.patient:
            patients[s.source, s.patient].append(i)
        if s.sequence:
            sequences[s.source, s.centre, s.sequence].append(i)
        if s.image_sha256:
            files[(s.image_sha256,)].append(i)
    for key, members in list(sequences.items()):
        if len({samples[i].patient for i in members} - {""}) > 1:
            del sequences[key]
            for i in members:
                sequences[*key, samples[i].patient].append(i)
    for kind, groups in (("patient", patients), ("sequence", sequences), ("same file", files)):
        for key, members in groups.items():
            if len(members) > 1:
                yield Bond(kind, "/".join(k for k in key if k), members)


def unit_ids(samples: Sequence[Sample], prints: Prints) -> list[int]:
    """For each sample the index of the first one of its unit; near-duplicates chain."""
    parent = list(range(len(samples)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    def join(i: int, j: int) -> None:
        a, b = root(i), root(j)
        parent[max(a, b)] = min(a, b)

    for bond in bonds(samples):
        for i in bond.members[1:]:
            join(bond.members[0], i)
    known = np.array([root(i) for i in range(len(samples))], np.int64)
    for i, j, _ in near_pairs(Compared(prints, known, looks_like_others(samples))):
        join(i, j)
    return [root(i) for i in range(len(samples))]
