"""The leak check: nothing of a test may be, or nearly be, in what a model learns from or is chosen on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from detector.errors import SourceError, UsageError
from detector.geometry import as_boxes
from training.catalog.prints import Compared, Prints, fingerprints, looks_like_others, near_pairs
from training.catalog.split import LEFT_OUT
from training.catalog.store import Catalog, read_catalog
from training.catalog.units import bonds
from training.importers.headers import image_size
from training.importers.intake import images_below
from training.samples import Sample

LEARNT = ("train", "dev")


@dataclass(frozen=True, slots=True)
class Leak:
    """Two images that belong together and are in different splits.

    Attributes:
        kind: ``patient``, ``sequence``, ``same file`` or ``near-duplicate``.
        first: name of the image in `first_split`.
        first_split: its split.
        second: name of the other image.
        second_split: its split, or the external set that it is from.
        detail: the patient, sequence or correlation.
    """

    kind: str
    first: str
    first_split: str
    second: str
    second_split: str
    detail: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.first} ({self.first_split}) - {self.second} ({self.second_split}) [{self.detail}]"


def find_leaks(
    catalog: Catalog, external: Mapping[str, Sequence[Sample]] | None = None, prints: Prints | None = None
) -> list[Leak]:
    """Everything that belongs together and is in two splits, and everything external that train or dev holds.

    A patient, a sequence and a file in two splits is one leak, whatever number of images it has. Near-duplicates are
    listed pair by pair; frames of bare mucosa are not compared with each other (see `looks_like_others`).

    Args:
        catalog: split, or, if none of it is, taken as training data as a whole.
        external: other sets by name: nothing of theirs may be in train or dev.
        prints: of the catalog's images, in its order; None: they are read here.

    Raises:
        SourceError: an image is missing.
        UsageError: the catalog is not split, and there is nothing external to compare it with.
    """
    split = any(s.split for s in catalog.samples)
    if not split and not external:
        raise UsageError("The catalog is not split yet.", "Run polypwatch-train split, or name a set with --against.")
    rows = [i for i, s in enumerate(catalog.samples) if not split or s.split not in ("", LEFT_OUT)]
    ours = [catalog.samples[i] for i in rows]
    own = fingerprints(ours) if prints is None else prints[np.array(rows, np.intp)]
    found = _across(ours, own) if split else []
    for name, theirs in (external or {}).items():
        found += _against(ours, own, name, list(theirs), split)
    return found


def images_of(path: Path) -> list[Sample]:
    """The images of an external set: a catalog's, or all in a folder (only those in its `images/`, if it has that).

    Of a folder no labels are read, so nothing in it counts as bare mucosa.

    Raises:
        SourceError: there is nothing, or no image, at `path`.
        FormatError: the catalog is damaged.
    """
    if path.is_file():
        return list(read_catalog(path).samples)
    folder = path / "images" if (path / "images").is_dir() else path
    samples = [
        Sample(f"{path.resolve().name}/{name}", image, path.name, image_size(image), as_boxes([]), (), known=False)
        for name, image in images_below(folder)
    ]
    if not samples:
        raise SourceError(f"{path} has no images.", "Name a catalog or a folder of images.")
    return samples


def _across(samples: list[Sample], prints: Prints) -> list[Leak]:
    found = []
    for bond in bonds(samples):
        first_of: dict[str, Sample] = {}
        for i in bond.members:
            first_of.setdefault(samples[i].split, samples[i])
        first, *others = first_of.values()
        found += [Leak(bond.kind, first.name, first.split, s.name, s.split, bond.id) for s in others]
    names = sorted({s.split for s in samples})
    codes = np.array([names.index(s.split) for s in samples], np.int64)
    for i, j, near in near_pairs(Compared(prints, codes, looks_like_others(samples))):
        a, b = samples[i], samples[j]
        if a.image_sha256 != b.image_sha256:
            found.append(Leak("near-duplicate", a.name, a.split, b.name, b.split, f"{near:.3f}"))
    return found


def _against(ours: list[Sample], prints: Prints, name: str, theirs: list[Sample], split: bool) -> list[Leak]:
    rows = [i for i, s in enumerate(ours) if s.split in LEARNT or not split]
    learnt = [ours[i] for i in rows]
    left = Compared(prints[np.array(rows, np.intp)], np.zeros(len(rows), np.int64), looks_like_others(learnt))
    right = Compared(fingerprints(theirs, name), np.ones(len(theirs), np.int64), looks_like_others(theirs))
    found, same = [], set()
    # Ids mean the same person only within one source.
    people = {(s.source, s.patient): s for s in theirs if s.patient}
    for key, s in {(s.source, s.patient): s for s in reversed(learnt) if s.patient}.items():
        if other := people.get(key):
            found.append(Leak("patient", s.name, s.split or "train", other.name, name, "/".join(key)))
    hashes = {s.image_sha256: s for s in theirs if s.image_sha256}
    for s in learnt:
        if other := hashes.get(s.image_sha256):
            same.add((s.name, other.name))
            found.append(Leak("same file", s.name, s.split or "train", other.name, name, s.image_sha256[:12]))
    for i, j, near in near_pairs(left, right):
        a, b = learnt[i], theirs[j]
        if (a.name, b.name) not in same:
            found.append(Leak("near-duplicate", a.name, a.split or "train", b.name, name, f"{near:.3f}"))
    return found
