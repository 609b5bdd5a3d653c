"""Subcommands of this room: their arguments and what they do. Torch is imported inside, never above."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any


def add(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommands."""
    train = sub.add_parser(
        "train",
        help="train a detector, or go on with a run",
        description="Train a detector on a catalog's train split; dev chooses the checkpoint. Ctrl-C saves; "
        "--resume goes on. Several GPUs or machines: torchrun --nproc-per-node=gpu -m training.cli train ...",
    )
    train.add_argument("--config", type=Path, metavar="FILE", help="a file made by 'polypwatch-train config'")
    train.add_argument(
        "--network", help="fast (default), nanodet, balanced or accurate, with its preset (without --config)"
    )
    train.add_argument("--data", metavar="CATALOG", help="a catalog file with a split, or the word public (default)")
    train.add_argument("--out", type=Path, required=True, metavar="RUN", help="folder of the run")
    budget = train.add_mutually_exclusive_group()
    for unit, kind in (("minutes", float), ("epochs", float), ("steps", int)):
        budget.add_argument(f"--{unit}", type=kind, metavar="N", help=f"budget in {unit}")
    train.add_argument("--start", metavar="RUN|WEIGHTS", help="first weights: an earlier run or a safetensors file")
    train.add_argument("--replay", metavar="CATALOG", help="older catalog whose train split is mixed in")
    train.add_argument(
        "--set", action="append", default=[], dest="sets", metavar="KEY=VALUE", help="any key of the configuration"
    )
    train.add_argument("--resume", action="store_true", help="go on with the run in --out")
    train.set_defaults(run=_train)

    config = sub.add_parser("config", help="print a training configuration with the reason of every key")
    config.add_argument("--network", default="fast", help="whose preset: fast, nanodet, balanced or accurate")
    config.set_defaults(run=_config)


def _train(args: argparse.Namespace) -> None:
    from detector.errors import UsageError
    from training.loop.config import make_config, preset, read_config

    flags = _flags(args)
    if args.resume:
        if args.config is not None:
            raise UsageError("A run goes on with its own configuration.", "Change single keys with --set.")
        from training.loop.train import resume

        resume(args.out, flags)
        return
    base = preset(args.network or "fast") if args.config is None else read_config(args.config)
    where = "The configuration" if args.config is None else str(args.config)
    config = make_config(base, flags, where=where)

    from training.loop.train import train

    train(config, args.out)


def _flags(args: argparse.Namespace) -> dict[str, Any]:
    """The keys that the command line sets; --set comes last."""
    from training.loop.config import merge, parse_sets

    flags: dict[str, Any] = {k: getattr(args, k) for k in ("network", "data", "start") if getattr(args, k) is not None}
    for unit in ("minutes", "epochs", "steps"):
        if getattr(args, unit) is not None:
            flags["budget"] = f"{getattr(args, unit)} {unit}"
    if args.replay is not None:
        flags["replay"] = {"catalog": args.replay}
    merge(flags, parse_sets(args.sets))
    return flags


def _config(args: argparse.Namespace) -> None:
    from training.loop.config import make_config, preset, to_yaml

    sys.stdout.write(to_yaml(make_config(preset(args.network)), comments=True))
