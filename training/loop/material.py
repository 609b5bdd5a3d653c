"""What a run is fed with: the train and dev splits of a catalog, refused where training on them would fool somebody."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from detector.errors import FormatError, UsageError
from training.catalog import Catalog, read_catalog, resolve, write_catalog
from training.loop.config import TrainConfig
from training.loop.run_folder import RUN
from training.samples import Sample

CATALOG, REPLAY = "catalog.jsonl", "replay.jsonl"
_FIT = ("train", "dev")


@dataclass(frozen=True, slots=True, eq=False)
class Ingredients:
    """Train and dev, and what is replayed.

    Attributes:
        catalog: the two splits, nothing else.
        replay: the train split of an older catalog, without what `catalog` has itself; None without replay.
        whole_sha256: of the catalog that the splits were taken from, tests included.
        dropped: samples of the older catalog that the new one has, too: drawn as new ones only.
    """

    catalog: Catalog
    replay: Catalog | None
    whole_sha256: str
    dropped: int = 0

    @property
    def train(self) -> Sequence[Sample]:
        """New samples, then replayed ones."""
        return (*self.catalog.split("train").samples, *(self.replay.samples if self.replay else ()))

    @property
    def replayed(self) -> int:
        """How many of `train` are replayed."""
        return len(self.replay.samples) if self.replay else 0

    @property
    def dev(self) -> Sequence[Sample]:
        """What chooses the checkpoint."""
        return self.catalog.split("dev").samples

    @property
    def sha256(self) -> str:
        """Identity of everything that is learned from and chosen by."""
        return self.catalog.sha256 if self.replay is None else f"{self.catalog.sha256}+{self.replay.sha256}"

    @property
    def sources(self) -> list[str]:
        """Names of the data sets in the train split, replayed ones included."""
        return sorted({s.source for s in self.train})


def gather(config: TrainConfig) -> Ingredients:
    """Read the catalogs that a configuration names, and check them.

    Raises:
        SourceError, FormatError: a catalog is missing or damaged.
        UsageError: it has no split, nothing is known of some samples, or one image is on both sides of the split.
    """
    whole = resolve(config.data)
    check(whole, config.data)
    _check_start(config, whole)
    chosen = whole.where(lambda s: s.split in _FIT)
    if not config.replay.catalog:
        return Ingredients(chosen, None, whole.sha256)
    old = resolve(config.replay.catalog)
    if not old.split("train").samples:
        raise UsageError(f"{config.replay.catalog} has no train split to replay.", "Run polypwatch-train split.")
    _check_start(config, old)
    _check_sides(f"{config.data} and {config.replay.catalog}", old.split("train").samples, _held_out(whole))
    _check_sides(f"{config.data} and {config.replay.catalog}", whole.split("train").samples, _held_out(old))
    mine = {s.name for s in chosen.samples} | {s.image_sha256 for s in chosen.samples}
    kept = old.where(lambda s: s.split == "train" and s.name not in mine and s.image_sha256 not in mine)
    _check_known(config.replay.catalog, kept.samples)
    if not kept.samples:
        raise UsageError(f"{config.replay.catalog} has nothing to replay that {config.data} does not have itself.")
    dropped = len(old.split("train").samples) - len(kept.samples)
    return Ingredients(chosen, kept, whole.sha256, dropped)


def check(catalog: Catalog, name: str) -> None:
    """Refuse a catalog that cannot be trained on honestly.

    Raises:
        UsageError: it has no train or dev split, dev shows no polyp, samples are unknown or have no image hash, or an
            image, patient or sequence is in train and in another split.
    """
    train, dev = catalog.split("train").samples, catalog.split("dev").samples
    if not train or not dev:
        missing = "train" if not train else "dev"
        raise UsageError(f"{name} has no {missing} split.", f"Make one: polypwatch-train split {name}.")
    _check_known(name, (*train, *dev))
    if not any(len(s.boxes) for s in train) or not any(len(s.boxes) for s in dev):
        raise UsageError(f"{name}: train or dev shows no polyp at all: nothing could be learned or chosen.")
    _check_sides(name, train, _held_out(catalog))
    _check_sides(name, dev, [s for s in catalog.samples if s.split.startswith("test")])


def _check_start(config: TrainConfig, catalog: Catalog) -> None:
    """Refuse weights of a run that learnt from what the catalog holds out: what they have seen is no test any more."""
    start = Path(config.start)
    folder = start if start.is_dir() else start.parent
    if start.exists() and (folder / CATALOG).is_file() and (folder / RUN).is_file():
        learnt = [replace(s, split="train") for s in read_ingredients(folder).train]
        _check_sides(f"the run {folder}, whose weights are the start", learnt, _held_out(catalog))


def _held_out(catalog: Catalog) -> list[Sample]:
    return [s for s in catalog.samples if s.split == "dev" or s.split.startswith("test")]


def _check_known(name: str, samples: Iterable[Sample]) -> None:
    unknown = [s.name for s in samples if not s.known]
    if unknown:
        raise UsageError(
            f"{name}: of {len(unknown)} samples in train or dev nothing is known, the first {unknown[0]}.",
            "Label them, or split again: what is unknown is neither a polyp nor none.",
        )


def _check_sides(name: str, one: Iterable[Sample], other: Iterable[Sample]) -> None:
    """Refuse an image, by name or content, a patient or a sequence that is on both sides."""
    one, other = list(one), list(other)
    bare = next((s.name for s in (*one, *other) if not s.image_sha256), None)
    if bare is not None:
        raise UsageError(f"{name}: {bare} has no image hash, so that no leak can be seen.", "Import it again.")
    for what, key in (("name", _by_name), ("image", _by_image), ("patient or sequence", _by_unit)):
        known = {key(s): s for s in other if key(s)}
        leak = next((s for s in one if key(s) in known), None)
        if leak is not None:
            twin = known[key(leak)]
            raise UsageError(
                f"{name}: one {what} is in {leak.split or 'train'} ({leak.name}) and in {twin.split} ({twin.name}).",
                "Figures would flatter. Look at polypwatch-train leaks, and split again.",
            )


def _by_name(s: Sample) -> str:
    return s.name


def _by_image(s: Sample) -> str:
    return s.image_sha256


def _by_unit(s: Sample) -> str:
    return s.unit if s.patient or s.sequence else ""


def write_ingredients(found: Ingredients, folder: Path) -> None:
    """Copy the catalogs into a run's folder: it goes on with them, whatever becomes of the originals.

    Raises:
        OutputError: they cannot be written.
    """
    write_catalog(found.catalog, folder / CATALOG)
    if found.replay is not None:
        write_catalog(found.replay, folder / REPLAY)


def read_ingredients(folder: Path) -> Ingredients:
    """The catalogs of a run's folder.

    Raises:
        FormatError: they are missing or damaged.
    """
    if not (folder / CATALOG).is_file():
        raise FormatError(f"{folder} has no {CATALOG}: it is not the folder of a run.")
    catalog = read_catalog(folder / CATALOG)
    replay = read_catalog(folder / REPLAY) if (folder / REPLAY).is_file() else None
    return Ingredients(catalog, replay, "")
