"""What a training run says of itself, for the model that is made of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from detector.errors import FormatError, UsageError
from detector.manifest import Licence
from training.catalog import Catalog
from training.catalog.licences import licences
from training.loop.material import Ingredients, read_ingredients
from training.loop.run_folder import RUN, Run, read_run
from training.network import Network, build, load_start
from training.release.export import Provenance
from training.samples import Sample

OLD_LOG = "log.jsonl"


@dataclass(frozen=True, slots=True, eq=False)
class RunFacts:
    """What is exported from, beside the weights.

    Attributes:
        train: images that were learned from, for calibration.
        dev: images that the checkpoint and the threshold are chosen on.
        made: for manifest and card.
    """

    train: Sequence[Sample]
    dev: Sequence[Sample]
    made: Provenance


def facts_of(folder: Path, name: str, version: str) -> RunFacts:
    """What the record and the catalog copy in a run's folder say.

    Raises:
        FormatError: the folder is none of a run, or its record or catalog is damaged.
        UsageError: the run is older than `run.json`: its data and start must be named.
    """
    if not (folder / RUN).is_file() and (folder / OLD_LOG).is_file():
        raise UsageError(
            f"{folder} has no {RUN}: it was trained before 0.2, and does not hold what it was trained on.",
            "Name --data and --start (the starting weights' file, or imagenet).",
        )
    run, found = read_run(folder), read_ingredients(folder)
    made = Provenance(name, version, found.sha256, _licences(run, found), _facts(run), run.catalog.split)
    return RunFacts(found.train, found.dev, made)


def facts_of_old(folder: Path, name: str, version: str, network: Network, catalog: Catalog, start: str) -> RunFacts:
    """What the log of a run from before `run.json` says, with the data and start that the user names.

    Args:
        folder: of the run; its log must fit the catalog.
        name: of the model.
        version: of the model.
        network: that was trained.
        catalog: what it was trained on; its train and dev must have as many images, of the same sets, as the log says.
        start: starting weights: a file, or ``imagenet``.

    Raises:
        FormatError: the log is damaged, or it does not fit the catalog.
    """
    learnt = catalog.where(lambda s: s.split in ("train", "dev"))
    train, dev = learnt.split("train"), learnt.split("dev")
    log = _read_log(folder / OLD_LOG)
    told = log["catalog"]
    if (told["train"], told["dev"]) != (len(train.samples), len(dev.samples)) or (
        "sources" in told and sorted(told["sources"]) != sorted(train.sources)
    ):
        raise FormatError(
            f"{folder} was trained on {told['train']} images and chosen on {told['dev']}, but the data has "
            f"{len(train.samples)} and {len(dev.samples)}, or other sets.",
            "Name the data that it was trained on.",
        )
    begun = load_start(build(network.name), start if start == "imagenet" else Path(start))
    first = list(begun.licences) or [_unknown(begun.describe)]
    facts: dict[str, Any] = {
        "network": network.name,
        "parameters": sum(p.numel() for p in network.parameters()),
        "start": begun.describe,
        "images": told["train"],
        "dev images": told["dev"],
        "sources": ", ".join(sorted(train.sources)),
        "seed": log["options"].get("seed"),
        "batch": log["options"].get("batch"),
        "steps": max(r["step"] for r in log["dev"]),
        "minutes": round(max(r["minutes"] for r in log["dev"]), 1),
        "kept checkpoint": f"step {log['best']} (best on dev)",
    }
    words = learnt.how_split.words if learnt.how_split else catalog.how_split.words if catalog.how_split else ""
    made = Provenance(name, version, learnt.sha256, _unique([*first, *licences(learnt)]), facts, words)
    return RunFacts(train.samples, dev.samples, made)


def _read_log(path: Path) -> dict[str, Any]:
    try:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        dev = [r for r in rows if r["event"] == "dev"]
        return {
            "catalog": next(r for r in rows if r["event"] == "catalog"),
            "options": next(r["options"] for r in rows if r["event"] == "start"),
            "dev": dev,
            "best": max(dev, key=lambda r: r["ap50"] + r["ap50_95"])["step"],
        }
    except (OSError, ValueError, KeyError, StopIteration, TypeError) as error:
        raise FormatError(f"{path} is not the log of a finished run ({error!r}).") from error


def _licences(run: Run, found: Ingredients) -> tuple[Licence, ...]:
    """Starting weights and every data set; what is not known is said to be unknown."""
    start = list(run.start.licences)
    if not start and run.start.describe not in ("", "random"):
        start = [_unknown(run.start.describe)]
    return _unique([*start, *licences(found.catalog), *(licences(found.replay) if found.replay else [])])


def _unknown(start: str) -> Licence:
    return Licence(name=f"starting weights {start}", licence="unknown", citation="")


def _unique(found: Sequence[Licence]) -> tuple[Licence, ...]:
    return tuple({(x.name, x.licence): x for x in found}.values())


def _facts(run: Run) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "network": run.network.name,
        "parameters": run.network.parameters,
        "start": run.start.describe,
        "images": run.catalog.train,
        "dev images": run.catalog.dev,
        "sources": ", ".join(run.catalog.sources),
        "seed": run.seed,
    }
    if run.replay is not None:
        facts["replayed images"] = run.replay.train
    if run.result is not None:
        facts |= {
            "steps": run.result.step,
            "minutes": round(run.result.minutes, 1),
            "kept checkpoint": f"step {run.result.best_step} (best on dev)",
        }
    if run.sessions:
        last = run.sessions[-1]
        changed = ", with changes that were not committed" if last.changed_files else ""
        facts["commit"] = (last.commit or "unknown") + changed  # else the card would name code that did not run
    return facts
