"""The `polypwatch-train` command: catalogue, fit, evaluate, export, preview."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from detector.errors import PolypwatchError, UsageError

_CHECKOUT = Path(__file__).parent.parent


def data_root() -> Path:
    """Folder of the data sets: POLYPWATCH_DATA, or `shared/data` beside the checkout."""
    return Path(os.environ.get("POLYPWATCH_DATA") or _CHECKOUT.parent / "shared" / "data")


def weights_root() -> Path:
    """Folder of published starting weights: POLYPWATCH_WEIGHTS, or `shared/weights` beside the checkout."""
    return Path(os.environ.get("POLYPWATCH_WEIGHTS") or _CHECKOUT.parent / "shared" / "weights")


def fit(args: argparse.Namespace) -> None:
    import torch

    from training import catalog
    from training.dataset import load_pictures
    from training.fit import FitOptions, Trainer, prepare_dev
    from training.yolox import YoloxNano, load_coco

    torch.set_num_threads(args.threads)
    train, dev = catalog.read_split(data_root())
    args.out.mkdir(parents=True, exist_ok=True)
    model = YoloxNano()
    load_coco(model, weights_root() / "yolox_nano_coco_bnunfolded.safetensors")
    options = FitOptions(minutes=args.minutes, bf16=args.bf16, batch=args.batch, lr=args.lr, seed=args.seed, augment=args.augment)
    trainer = Trainer(model, options, args.out)
    if args.resume:
        trainer.resume(args.out / "last.pt")
    trainer.log({"event": "catalog", "sha256": catalog.catalog_sha256(train, dev), "train": len(train), "dev": len(dev)})
    trainer.run(train, load_pictures(train), prepare_dev(dev))


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="polypwatch-train")
    sub = parser.add_subparsers(required=True)
    p = sub.add_parser("fit")
    p.add_argument("--out", type=Path, required=True)
    p.add_argument("--minutes", type=float, default=60)
    p.add_argument("--batch", type=int, default=16)
    p.add_argument("--lr", type=float, default=1e-3)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--augment", choices=("full", "plain"), default="full")
    p.add_argument("--bf16", action="store_true")
    p.add_argument("--resume", action="store_true")
    p.set_defaults(run=fit)
    args = parser.parse_args(argv)
    try:
        args.run(args)
    except PolypwatchError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_status
    return 0


if __name__ == "__main__":
    sys.exit(main())
