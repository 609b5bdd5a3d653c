"""Fine-tuning in one step: a model's weights, new data, and a share of the old so that nothing is forgotten."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from detector.errors import ModelError, OutputError, UsageError
from detector.manifest import MANIFEST_NAME, Licence, find_model, load_manifest
from training.catalog import Catalog, resolve, write_catalog
from training.catalog.store import with_split
from training.loop.config import make_config, preset
from training.loop.run_folder import RUN, Run, read_run, write_run
from training.loop.train import run_licences, train
from training.network import load_network
from training.samples import Sample

DATA = "fine_tune.jsonl"
WEIGHTS = ("weights.safetensors", "best.safetensors")
LR_SHARE = 0.3
"""Of the preset's learning rate: the weights fit already, and a full step at first undoes more than it teaches."""

MANY_TIMES = 20
"""From here on a few new images are about to be learned by heart, which is said."""


@dataclass(frozen=True, slots=True)
class Begin:
    """Where fine-tuning starts: torch weights, the network they are of, and what they were made from."""

    weights: Path
    network: str
    licences: tuple[Licence, ...]


def find_weights(model: str) -> Begin:
    """The torch weights behind a safetensors file, the folder of a run, a model folder or an installed model's name.

    Raises:
        ModelError: there is no such model, or it has no torch weights beside its ONNX files.
        FormatError: the weights are damaged or of an unknown network.
    """
    path = Path(model)
    if path.is_file() and path.suffix == ".safetensors":
        return Begin(path, load_network(path).name, ())
    folder = path if (path / RUN).is_file() else find_model(model)
    weights = next((folder / name for name in WEIGHTS if (folder / name).is_file()), None)
    if weights is None:
        raise ModelError(
            f"{folder} has no torch weights ({' or '.join(WEIGHTS)}): an ONNX file cannot be trained on.",
            "Name the folder of the run that it was exported from, or its best.safetensors.",
        )
    return Begin(weights, load_network(weights).name, _licences(folder))


def _licences(folder: Path) -> tuple[Licence, ...]:
    if (folder / RUN).is_file():
        return run_licences(folder)
    return tuple(load_manifest(folder).licences) if (folder / MANIFEST_NAME).is_file() else ()


def joined_data(new: Catalog, old: Catalog) -> Catalog:
    """What is fed: the new images to learn from, and the dev images of both, so that forgetting shows.

    New data that was never split is learned from as a whole; an image that both have is taken from the new one.

    Raises:
        UsageError: the new data has nothing to learn from, or the old no dev split.
        FormatError: the catalogs call different things by one name.
    """
    learned: list[Sample] = [s for s in new.samples if s.split == "train"]
    if not new.splits:
        learned = [with_split(s, "train") for s in new.samples if s.known]
    if not learned:
        raise UsageError("The new catalog has nothing to learn from.", "Its train split is empty, or nothing is known.")
    dev = [s for s in new.samples if s.split == "dev"]
    mine = {s.name for s in (*learned, *dev)}
    theirs = [s for s in old.samples if s.split == "dev" and s.name not in mine]
    if not theirs and not dev:
        raise UsageError("The replayed catalog has no dev split.", "Nothing could choose the checkpoint: split it.")
    used = {s.source for s in (*learned, *dev, *theirs)}
    sources = {**old.sources, **new.sources}
    for name in used & old.sources.keys() & new.sources.keys():
        if old.sources[name] != new.sources[name]:
            raise UsageError(f"The catalogs describe {name} differently.", "Import one under another --name.")
    note = old.how_split if theirs else new.how_split
    return Catalog.of([sources[name] for name in sorted(used)], [*learned, *dev, *theirs], note)


def oversampling(new: int, old: int, share: float) -> float:
    """How many times as often a new image is drawn as a replayed one."""
    return ((1 - share) / new) / (share / old) if new and old else 1.0


def fine_tune(
    model: str, new: str, replay: str, share: float, folder: Path, settings: Mapping[str, Any] | None = None
) -> Run:
    """Go on learning from a model, on new data with old data mixed in.

    Args:
        model: as in `find_weights`.
        new: catalog of the new data, such as one that `mine` made.
        replay: catalog that the model was trained on (or the word public).
        share: of all draws that come from `replay`, between 0 and 1.
        folder: of the run; like any other run afterwards.
        settings: further keys of the configuration; they win.

    Raises:
        UsageError: the data does not fit, the folder holds a run, or there are several processes.
        ModelError: there are no torch weights.
        PolypwatchError: as `training.loop.train.train` raises it.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise UsageError(
            "fine-tune runs in one process.", "On several: train --start WEIGHTS --data NEW --replay OLD, by torchrun."
        )
    begin = find_weights(model)
    old = resolve(replay)
    data = joined_data(resolve(new), old)
    often = oversampling(len(data.split("train").samples), len(old.split("train").samples), share)
    if often > MANY_TIMES:
        print(f"note: each new image is drawn {often:.0f} times as often as an old one; a larger --share lowers that.")
    base = preset(begin.network)
    own = {
        "start": str(begin.weights),
        "data": str(folder / DATA),
        "replay": {"catalog": replay, "share": share},
        "lr": float(base.get("lr", 1e-3)) * LR_SHARE,
    }
    config = make_config(base, own, settings or {}, where="The fine-tuning")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder} cannot be made ({error.strerror or error}).") from error
    if (folder / RUN).is_file():
        raise UsageError(f"{folder} already holds a run.", "Go on with train --resume, or choose another --out.")
    write_catalog(data, folder / DATA)
    try:
        return train(config, folder)
    finally:
        _say_licences(folder, begin)


def _say_licences(folder: Path, begin: Begin) -> None:
    """Write what the first weights were made from into the run's record, also of a stopped one: export reads it."""
    if begin.licences and (folder / RUN).is_file():
        run = read_run(folder)
        known = {(x.name, x.licence): x for x in (*run.start.licences, *begin.licences)}
        start = run.start.model_copy(update={"licences": list(known.values())})
        write_run(run.model_copy(update={"start": start}), folder)
