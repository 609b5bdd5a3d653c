"""A run put together from its configuration: the one way in, for the command line and for whoever fine-tunes."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from detector.errors import OutputError, SourceError, UsageError
from detector.manifest import Licence
from training.catalog.licences import licences
from training.data.dataset import Pictures
from training.loop.checkpoint import BEST, has_state
from training.loop.config import FIXED, Budget, TrainConfig, make_config, merge
from training.loop.distributed import World, joined
from training.loop.journal import Journal
from training.loop.learner import Learner
from training.loop.material import CATALOG, REPLAY, Ingredients, gather, read_ingredients, write_ingredients
from training.loop.measure import DevSet
from training.loop.run_folder import (
    DataFacts,
    NetworkFacts,
    Result,
    Run,
    StartFacts,
    read_run,
    session,
    write_run,
)
from training.loop.trainer import Material, Trainer
from training.network import Network, Start, build, load_start
from training.places import weights_root


def train(config: TrainConfig, folder: Path) -> Run:
    """Start a run and train until its budget is used.

    Args:
        config: of the run.
        folder: made if it is not there; must not hold a run.

    Returns:
        The record of the finished run; `folder / "best.safetensors"` holds its weights.

    Raises:
        UsageError: the folder holds a run, or the data or the device does not allow what is asked for.
        PolypwatchError: as `Trainer.run` raises it.
    """
    with joined(config.device) as world:
        world.on_main(lambda: _make_folder(folder))
        _set_up_torch(config)
        found = gather(config)
        network = build(config.network)
        start = load_first_weights(network, config.start)
        run = _record(config, network, start, found)
        if world.main:
            write_ingredients(found, folder)
            write_run(run, folder)
        return _train(run, config, network, found, folder, world, resume=False)


def resume(folder: Path, changes: Mapping[str, Any]) -> Run:
    """Go on with a run, with a few settings changed.

    Args:
        folder: of the run.
        changes: keys of the configuration; those that would make another run of it are refused.

    Raises:
        UsageError: there is nothing to go on from, or a key cannot be changed.
        FormatError: the folder's files are damaged.
        PolypwatchError: as `Trainer.run` raises it.
    """
    if not has_state(folder):
        raise UsageError(f"There is nothing to resume in {folder}.", "Start without --resume.")
    fixed = sorted(FIXED & set(changes))
    if fixed:
        raise UsageError(f"A run cannot change its {fixed[0]} when it goes on.", "Start a new one.")
    run = read_run(folder)
    values = dict(run.config)
    merge(values, changes)
    config = make_config(values)
    with joined(config.device) as world:
        _set_up_torch(config)
        network = build(config.network)
        run = run.model_copy(update={"config": config.model_dump(mode="json"), "result": None})
        return _train(run, config, network, read_ingredients(folder), folder, world, resume=True)


def load_first_weights(network: Network, start: str) -> Start:
    """Give a network the weights that `start` of the configuration names.

    Raises:
        FormatError: the file is missing, damaged or of another network.
        SourceError: a folder holds no weights.
        UsageError: the network has no such published weights.
    """
    if start == "none":
        return Start("none", "", (), tuple(sorted(network.state_dict())))
    if start == "auto":
        return load_start(network, None)
    if start == "imagenet":
        return load_start(network, "imagenet")
    path = Path(start)
    if path.is_dir():
        if not (path / BEST).is_file():
            raise SourceError(f"{path} holds no {BEST}.", "Name the folder of a run, or a safetensors file.")
        started = load_start(network, path / BEST)
        if not (path / "run.json").is_file():
            return started
        return Start(f"{path.name}/{BEST}", started.sha256, run_licences(path), started.left)
    if not path.is_file() and (weights_root() / start).is_file():
        path = weights_root() / start
    return load_start(network, path)


def run_licences(folder: Path) -> tuple[Licence, ...]:
    """What the weights of a run were made from: its first weights, and all data that it learnt from.

    Raises:
        FormatError: it is not the folder of a run.
    """
    found = read_ingredients(folder)
    data = [*licences(found.catalog), *(licences(found.replay) if found.replay else [])]
    return tuple({(x.name, x.licence): x for x in (*read_run(folder).start.licences, *data)}.values())


def _train(
    run: Run, config: TrainConfig, network: Network, found: Ingredients, folder: Path, world: World, resume: bool
) -> Run:
    _check_shares(config, world)
    journal = Journal(folder if world.main else None, Budget.parse(config.budget), config.tensorboard)
    try:
        pictures = Pictures(found.train, config.cache_gb * 1e9)
        dev = DevSet(found.dev, network.input_size, world)
        learner = Learner(network, config, world)
        material = Material(found.train, found.replayed, pictures, dev, found.sha256)
        trainer = Trainer(learner, material, folder, journal)
        if resume:
            path = trainer.resume()
            journal.say(f"Going on from {path}, step {learner.step}.")
        here = session(shlex.join(sys.argv), learner.step, _device_name(world), world.size)
        run = run.model_copy(update={"sessions": [*run.sessions, here]})
        if world.main:
            write_run(run, folder)
        _log_start(journal, trainer, run, found, resume)
        why = trainer.run()
        c = trainer.counters
        result = Result(why=why, step=learner.step, minutes=c.elapsed_s / 60, best=c.best, best_step=c.best_step)
        run = run.model_copy(update={"result": result})
        if world.main:
            write_run(run, folder)
        journal.say(f"Finished ({why}) at step {learner.step}; best on dev at step {c.best_step}: {folder / BEST}")
        return run
    finally:
        journal.close()


def _log_start(journal: Journal, trainer: Trainer, run: Run, found: Ingredients, resume: bool) -> None:
    step = trainer.learner.step
    if resume:
        journal.write({"event": "resume", "step": step, "options": run.config}, step)
        return
    facts = {"sha256": found.sha256, "train": len(found.train), "dev": len(found.dev), "sources": found.sources}
    journal.write({"event": "catalog", **facts, "replayed": found.replayed, "dropped": found.dropped}, step)
    journal.write({"event": "start", "step": step, "epoch_images": trainer.plan.length, "options": run.config}, step)
    journal.say(
        f"{run.network.name}, {run.network.parameters / 1e6:.1f} M parameters, from {run.start.describe}; "
        f"{len(found.train)} images to learn from ({found.replayed} replayed), {len(found.dev)} in dev; "
        f"{run.config['budget']}."
    )
    if found.dropped:
        journal.say(f"{found.dropped} images of the replayed catalog are in the new one, too: drawn as new ones only.")


def _record(config: TrainConfig, network: Network, start: Start, found: Ingredients) -> Run:
    parameters = sum(p.numel() for p in network.parameters())
    split = found.catalog.how_split
    catalog = DataFacts(
        given=config.data,
        file=CATALOG,
        sha256=found.catalog.sha256,
        whole_sha256=found.whole_sha256,
        train=len(found.catalog.split("train").samples),
        dev=len(found.dev),
        sources=sorted(found.catalog.sources),
        split=split.words if split is not None else "",
    )
    replay = None
    if found.replay is not None:
        replay = DataFacts(
            given=config.replay.catalog,
            file=REPLAY,
            sha256=found.replay.sha256,
            train=found.replayed,
            sources=sorted(found.replay.sources),
        )
    return Run(
        network=NetworkFacts(name=network.name, input_size=network.input_size, parameters=parameters),
        start=StartFacts(
            given=config.start, describe=start.describe, sha256=start.sha256, licences=list(start.licences)
        ),
        catalog=catalog,
        replay=replay,
        seed=config.seed,
        config=config.model_dump(mode="json"),
        sessions=[],
    )


def _check_shares(config: TrainConfig, world: World) -> None:
    if config.batch % world.size:
        raise UsageError(
            f"A batch of {config.batch} cannot be shared out evenly among {world.size} processes.",
            f"Set batch to a multiple of {world.size}.",
        )


def _make_folder(folder: Path) -> None:
    if has_state(folder):
        raise UsageError(f"{folder} already holds a run.", "Go on with --resume, or choose another --out.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder} cannot be made ({error.strerror or error}).") from error


def _set_up_torch(config: TrainConfig) -> None:
    torch.manual_seed(config.seed)  # of random first weights
    if config.threads:
        torch.set_num_threads(config.threads)


def _device_name(world: World) -> str:
    return torch.cuda.get_device_name(world.device) if world.device.type == "cuda" else "cpu"
