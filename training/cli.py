"""The `polypwatch-train` command: its arguments, and one clear line for whatever goes wrong."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from detector.errors import PolypwatchError
from training import catalog, commands
from training.importers import SOURCES

_TRAIN_EXTRA = {"torch", "albumentations", "safetensors", "onnx", "onnxscript", "faster_coco_eval", "tensorboard"}


def parser() -> argparse.ArgumentParser:
    """All subcommands."""
    root = argparse.ArgumentParser(
        prog="polypwatch-train",
        description="Train, measure and export polyp detectors.",
        epilog="The data sets are looked for in POLYPWATCH_DATA, starting weights in POLYPWATCH_WEIGHTS.",
    )
    sub = root.add_subparsers(required=True, metavar="COMMAND")
    _add_catalog(sub)
    _add_fit(sub)
    _add_evaluate(sub)
    _add_export(sub)
    return root


def _add_catalog(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    p = sub.add_parser("catalog", help="count the sets, look for leaks, check the committed split")
    p.add_argument("--write", action="store_true", help="write the split lists instead of checking them")
    p.set_defaults(run=commands.make_catalog)
    p = sub.add_parser("preview", help="a contact sheet of a set with its boxes")
    p.add_argument("--set", choices=catalog.SETS, default="train")
    p.add_argument("--out", type=Path, required=True, help="image file to write")
    p.add_argument("--count", type=_positive, default=48)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--augment", choices=("none", "full", "plain"), default="none")
    p.set_defaults(run=commands.preview)


def _add_fit(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    p = sub.add_parser("fit", help="fine-tune a detector")
    p.add_argument("--out", type=Path, required=True, help="folder of the run: log.jsonl, last.pt, best.safetensors")
    p.add_argument("--minutes", type=float, default=60.0, help="budget of training time (default: 60)")
    p.add_argument("--steps", type=int, default=0, help="budget in steps instead of minutes: repeatable")
    p.add_argument("--resume", action="store_true", help="go on with the run in --out")
    p.add_argument("--start", type=Path, help="starting weights (default: YOLOX-nano COCO)")
    p.add_argument("--batch", type=_positive, default=16)
    p.add_argument("--lr", type=float, default=1e-3)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    p.add_argument("--threads", type=int, default=0, help="CPU threads of the network (default: torch decides)")
    p.add_argument("--workers", type=int, default=1, help="threads that prepare images (default: 1)")
    p.add_argument("--augment", choices=("full", "plain"), default="full", help="plain: without albumentations")
    p.add_argument("--bf16", action="store_true", help="bfloat16 until the last phase")
    p.add_argument("--eval-minutes", type=float, default=5.0, help="time between measurements on dev")
    p.add_argument("--without", action="append", default=[], choices=sorted(SOURCES), help="leave a source out")
    p.add_argument("--tensorboard", action="store_true", help="also write TensorBoard events into --out")
    p.set_defaults(run=commands.fit)


def _add_evaluate(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    p = sub.add_parser("evaluate", help="score a model on one set")
    which = p.add_mutually_exclusive_group(required=True)
    which.add_argument("--model", type=Path, help="model folder, run by the product's own runtime")
    which.add_argument("--weights", type=Path, help="best.safetensors or last.pt, run by torch")
    p.add_argument("--set", choices=catalog.SETS, required=True)
    p.add_argument("--provider", choices=("auto", "cpu", "cuda", "tensorrt"), default="auto")
    p.add_argument("--variant", help="which file of the model")
    p.add_argument("--threshold", type=float, help="score threshold (default: the model's own)")
    p.add_argument("--record", action="store_true", help="write the figures into the model's manifest and card")
    p.set_defaults(run=commands.evaluate)


def _add_export(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    p = sub.add_parser("export", help="make a model folder from a run")
    p.add_argument("--run", dest="run_folder", type=Path, required=True, help="folder of the run")
    p.add_argument("--out", type=Path, required=True, help="model folder to write")
    p.add_argument("--name", required=True)
    p.add_argument("--version", required=True)
    p.set_defaults(run=commands.export)


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


def main(argv: list[str] | None = None) -> int:
    """Run one subcommand; returns the exit status."""
    args = parser().parse_args(argv)
    try:
        args.run(args)
    except PolypwatchError as error:
        print(f"polypwatch-train: {error}", file=sys.stderr)
        return error.exit_status
    except ModuleNotFoundError as error:
        missing = (error.name or "").split(".")[0]
        if missing not in _TRAIN_EXTRA:
            raise
        print(
            f"polypwatch-train: {missing} is not installed. Install it with pip install 'polypwatch[train]'.",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        print("polypwatch-train: stopped.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
