"""Which image may be used for what: the splits, near-duplicates, and the check that no test image leaks into training.

The rules stand here once. `dev` is committed as a list of names; the test sets follow from what the data sets publish.
No torch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from detector.errors import FormatError, SourceError, UsageError
from training.importers import SOURCES, Sample, read_source, read_table, sample_image

DEV_LIST = Path(__file__).parent / "splits" / "dev.txt"
LEFT_OUT_LIST = Path(__file__).parent / "splits" / "left_out.txt"
DEV_SHARE = 0.10
NEGATIVE_DEV_SEQUENCES = 2
HELD_OUT_SEQUENCES = frozenset({"seq3", "seq8", "seq12", "seq16"})
BLURRED_SEQUENCES = frozenset({"seq13", "seq17"})
HELD_OUT_CENTRE = "C6"
TEST_SETS = ("kvasir-val", "cvc-clinicdb", "polypgen-c6", "negatives-test")
SETS = ("train", "dev", *TEST_SETS)

THUMB_SIDE = 32
DUPLICATE = 0.96
"""Near-duplicates: fingerprints that correlate at least this well. Looked at on contact sheets: the pairs above it are
the same scene (also re-encoded, re-cropped or under narrow-band light) or one with the same layout; a difference hash
of the whole frame instead matched strangers by their black borders."""

Prints = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Pools:
    """All samples by what they may be used for: `trainable` (train and dev) and each test set."""

    trainable: list[Sample]
    tests: dict[str, list[Sample]]


def read_pools(data_root: Path, without: frozenset[str] = frozenset()) -> Pools:
    """Read every set and separate what may be trained on from what never is.

    Args:
        data_root: folder that holds the data sets.
        without: sources to leave out of the trainable pool, e.g. those whose licence is non-commercial.

    Raises:
        SourceError: the folder, a set or a file is missing.
        UsageError: a source in `without` does not exist.
    """
    unknown = without - set(SOURCES)
    if unknown:
        raise UsageError(f"There is no data set '{sorted(unknown)[0]}'.", f"Known: {', '.join(SOURCES)}.")
    tests = {name: read_test_set(data_root, name) for name in TEST_SETS}
    held_out = {s.name for samples in tests.values() for s in samples}
    trainable = [
        s
        for source in ("kvasir-seg", "polypgen", "bkai-neopolyp", "polypgen-negatives")
        if source not in without
        for s in read_source(data_root, source)
        if s.name not in held_out
    ]
    return Pools(trainable, tests)


def read_test_set(data_root: Path, name: str) -> list[Sample]:
    """The samples of one test set.

    Raises:
        SourceError: a file is missing.
        UsageError: there is no such test set.
    """
    if not data_root.is_dir():
        raise SourceError(f"No data at {data_root}.", "Set POLYPWATCH_DATA to the folder that holds the data sets.")
    if name == "kvasir-val":
        stems = read_list(data_root / "kvasir_seg" / "official_val.txt")
        return [s for s in read_source(data_root, "kvasir-seg") if s.image.stem in stems]
    if name == "cvc-clinicdb":
        return read_source(data_root, "cvc-clinicdb")
    if name == "polypgen-c6":
        return [s for s in read_source(data_root, "polypgen") if s.group == HELD_OUT_CENTRE]
    if name == "negatives-test":
        return [s for s in read_source(data_root, "polypgen-negatives") if s.group in HELD_OUT_SEQUENCES]
    raise UsageError(f"There is no test set '{name}'.", f"Known: {', '.join(TEST_SETS)}.")


def held_out_names(data_root: Path) -> set[str]:
    """Names of all test images, from the sets' own lists and tables alone: quick, no image is opened.

    Raises:
        SourceError: a list or table is missing.
    """
    names = {f"kvasir_seg/{stem}" for stem in read_list(data_root / "kvasir_seg" / "official_val.txt")}
    for row in read_table(data_root / "polypgen" / "centres.csv", ("file", "centre")):
        if row["centre"] == HELD_OUT_CENTRE:
            names.add(f"polypgen/{Path(row['file']).stem}")
    for row in read_table(data_root / "polypgen_negseq" / "frames.csv", ("file", "sequence")):
        if row["sequence"] in HELD_OUT_SEQUENCES:
            names.add(f"polypgen_negseq/{Path(row['file']).with_suffix('').as_posix()}")
    rows = read_table(data_root / "cvc_clinicdb" / "sequences.csv", ("file", "sequence"))
    return names | {f"cvc_clinicdb/{Path(r['file']).stem}" for r in rows}


def read_set(data_root: Path, name: str) -> list[Sample]:
    """The samples of `train`, `dev` or a test set.

    Raises:
        SourceError: a file is missing.
        FormatError: the committed dev list names an image that the data does not have.
        UsageError: there is no such set.
    """
    if name not in SETS:
        raise UsageError(f"There is no set '{name}'.", f"Known: {', '.join(SETS)}.")
    if name in TEST_SETS:
        return read_test_set(data_root, name)
    train, dev = read_split(data_root)
    return train if name == "train" else dev


def read_split(data_root: Path, without: frozenset[str] = frozenset()) -> tuple[list[Sample], list[Sample]]:
    """(train, dev) as committed: neither holds a near-duplicate of a test image.

    Raises:
        SourceError: a file is missing.
        FormatError: a committed list names an image that the data does not have.
        UsageError: a source in `without` does not exist.
    """
    return divide(read_pools(data_root, without).trainable, read_list(DEV_LIST), read_list(LEFT_OUT_LIST))


def divide(
    trainable: list[Sample], dev_names: AbstractSet[str], left_out: AbstractSet[str] = frozenset()
) -> tuple[list[Sample], list[Sample]]:
    """Split the trainable pool into (train, dev) by the committed names; `left_out` goes nowhere.

    Raises:
        FormatError: a dev image of a source that is present is not there (the data changed under the list).
    """
    folders = {s.name.split("/")[0] for s in trainable}
    expected = {n for n in dev_names if n.split("/")[0] in folders}
    lost = expected - {s.name for s in trainable}
    if lost:
        raise FormatError(f"The dev list names {sorted(lost)[0]}, which the data does not have.", f"({len(lost)} such)")
    train = [s for s in trainable if s.name not in dev_names | left_out]
    return train, [s for s in trainable if s.name in dev_names]


def fingerprint(image: npt.NDArray[np.uint8]) -> Prints:
    """A perceptual hash: the picture area without its black border, as a 32x32 grey thumbnail of mean 0 and norm 1.

    The inner product of two is the correlation of the thumbnails, which scale, exposure and compression leave alone.
    """
    grey = cv2.cvtColor(_without_border(image), cv2.COLOR_BGR2GRAY)
    small = cv2.resize(grey, (THUMB_SIDE, THUMB_SIDE), interpolation=cv2.INTER_AREA).astype(np.float32).ravel()
    small -= small.mean()
    return np.asarray(small / max(float(np.linalg.norm(small)), 1e-6), np.float32)


def _without_border(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The rows and columns of which at least a quarter is brighter than a border (40 of 255)."""
    bright = image.max(axis=2) > 40
    rows, cols = np.flatnonzero(bright.mean(axis=1) > 0.25), np.flatnonzero(bright.mean(axis=0) > 0.25)
    if len(rows) < THUMB_SIDE or len(cols) < THUMB_SIDE:
        return image
    return image[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1]


def fingerprints(samples: Iterable[Sample]) -> Prints:
    """Fingerprints of the samples' images, (N, 1024) float32."""
    rows = [fingerprint(sample_image(s)) for s in samples]
    return np.stack(rows) if rows else np.zeros((0, THUMB_SIDE**2), np.float32)


def near_pairs(a: Prints, b: Prints, limit: float = DUPLICATE) -> list[tuple[int, int]]:
    """Index pairs (into `a`, into `b`) of near-duplicates."""
    return [(int(i), int(j)) for i, j in np.argwhere(a @ b.T >= limit)]


def group_duplicates(prints: Prints, limit: float = DUPLICATE) -> list[int]:
    """For each image the index of the first image of its near-duplicate group (chains belong together)."""
    parent = list(range(len(prints)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for i, j in near_pairs(prints, prints, limit):
        a, b = root(i), root(j)
        parent[max(a, b)] = min(a, b)
    return [root(i) for i in range(len(prints))]


def carve_dev(trainable: list[Sample], prints: Prints) -> list[str]:
    """Choose dev: about a tenth of each set, near-duplicates together, and whole sequences of negatives.

    The order is that of a hash of each group's first name, so the choice is the same on every machine and does not
    depend on a random generator's version.
    """
    stills = [i for i, s in enumerate(trainable) if s.source != "polypgen-negatives"]
    roots = group_duplicates(prints[stills])
    groups: dict[tuple[str, int], list[Sample]] = {}
    for position, i in enumerate(stills):
        first = trainable[stills[roots[position]]]
        groups.setdefault((f"{first.source}|{first.group}", roots[position]), []).append(trainable[i])
    dev: list[str] = []
    for stratum in sorted({key for key, _ in groups}):
        members = sorted((g for (key, _), g in groups.items() if key == stratum), key=lambda g: _order(g[0].name))
        wanted = round(DEV_SHARE * sum(map(len, members)))
        taken = 0
        for group in members:
            if taken + len(group) <= wanted:
                dev.extend(s.name for s in group)
                taken += len(group)
    sequences = {s.group for s in trainable if s.source == "polypgen-negatives"} - BLURRED_SEQUENCES
    chosen = set(sorted(sequences, key=_order)[:NEGATIVE_DEV_SEQUENCES])
    dev.extend(s.name for s in trainable if s.source == "polypgen-negatives" and s.group in chosen)
    return sorted(dev)


@dataclass(frozen=True, slots=True)
class Leak:
    """A test image that is, nearly, also a training image."""

    test_set: str
    test: str
    training: str


def find_leaks(pools: Pools, trainable_prints: Prints | None = None) -> list[Leak]:
    """Test images with a near-duplicate in the trainable pool: those trainable images must be left out.

    Sequences of negatives are compared with stills alone: two stretches of bare mucosa look alike without being so.
    """
    ours = fingerprints(pools.trainable) if trainable_prints is None else trainable_prints
    return [
        Leak(name, samples[i].name, pools.trainable[j].name)
        for name, samples in pools.tests.items()
        for i, j in near_pairs(fingerprints(samples), ours)
        if "polypgen-negatives" not in {samples[i].source, pools.trainable[j].source}
    ]


def catalog_sha256(train: list[Sample], dev: list[Sample]) -> str:
    """Identity of what a model was trained and chosen on: names, split and boxes, but no pixels and no paths."""
    digest = hashlib.sha256()
    for split, samples in (("train", train), ("dev", dev)):
        for s in sorted(samples, key=lambda s: s.name):
            digest.update(f"{split} {s.name} {s.boxes.tolist()}\n".encode())
    return digest.hexdigest()


def write_list(names: list[str], path: Path) -> None:
    """Write a split list, one name a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{n}\n" for n in names), encoding="utf-8")


def read_list(path: Path) -> set[str]:
    """The names in a split list, or the stems in a data set's own.

    Raises:
        SourceError: the file is missing.
    """
    if not path.is_file():
        raise SourceError(f"{path} is missing.", "The data set's folder or the checkout is incomplete.")
    return set(path.read_text(encoding="utf-8").split())


def _order(name: str) -> str:
    return hashlib.sha256(f"polypwatch dev 1 {name}".encode()).hexdigest()
