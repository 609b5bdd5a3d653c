"""The `polypwatch-train` command: one room after the other adds its subcommands; one clear line for what goes wrong."""

from __future__ import annotations

import argparse
import importlib
import sys

from detector.errors import PolypwatchError

_ROOMS = ("catalog", "data", "loop", "evaluation", "release", "feedback")
"""Each has a module `commands` with `add(subparsers)`; it imports torch only when a command runs."""
_TRAIN_EXTRA = {
    "torch",
    "albumentations",
    "safetensors",
    "onnx",
    "onnxscript",
    "faster_coco_eval",
    "tensorboard",
    "yaml",
    "jinja2",
}


def parser() -> argparse.ArgumentParser:
    """All subcommands."""
    root = argparse.ArgumentParser(
        prog="polypwatch-train",
        description="From annotated clips to a measured, released polyp detector.",
        epilog="The public data sets are looked for in POLYPWATCH_DATA, starting weights in POLYPWATCH_WEIGHTS.",
    )
    sub = root.add_subparsers(required=True, metavar="COMMAND")
    for room in _ROOMS:
        importlib.import_module(f"training.{room}.commands").add(sub)
    return root


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
