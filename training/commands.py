"""What each subcommand of `polypwatch-train` does. Torch is imported inside those that need it, never above."""

from __future__ import annotations

import argparse
import json
import os
import shlex
from collections import Counter
from pathlib import Path
from typing import Any

from detector.errors import FormatError, OutputError, UsageError
from training import catalog
from training.importers import SOURCES, Sample

_CHECKOUT = Path(__file__).resolve().parent.parent
_START_WEIGHTS = "yolox_nano_coco_bnunfolded.safetensors"


def data_root() -> Path:
    """Folder of the data sets: POLYPWATCH_DATA, or its usual place beside the checkout."""
    return Path(os.environ.get("POLYPWATCH_DATA") or _CHECKOUT.parent / "shared" / "data")


def weights_root() -> Path:
    """Folder of published starting weights: POLYPWATCH_WEIGHTS, or its usual place beside the checkout."""
    return Path(os.environ.get("POLYPWATCH_WEIGHTS") or _CHECKOUT.parent / "shared" / "weights")


def make_catalog(args: argparse.Namespace) -> None:
    """Count every set, look for leaks, and check (or write) the committed split lists."""
    pools = catalog.read_pools(data_root())
    prints = catalog.fingerprints(pools.trainable)
    leaks = catalog.find_leaks(pools, prints)
    left_out = {leak.training for leak in leaks}
    kept = [i for i, s in enumerate(pools.trainable) if s.name not in left_out]
    dev_names = catalog.carve_dev([pools.trainable[i] for i in kept], prints[kept])
    for leak in leaks:
        print(f"left out of training: {leak.training} (near-duplicate of {leak.test} in {leak.test_set})")
    if args.write:
        catalog.write_list(sorted(left_out), catalog.LEFT_OUT_LIST)
        catalog.write_list(dev_names, catalog.DEV_LIST)
    elif catalog.read_list(catalog.DEV_LIST) != set(dev_names):
        raise FormatError("The committed dev list is not what the data and the rules give.", "Run catalog --write.")
    elif catalog.read_list(catalog.LEFT_OUT_LIST) != left_out:
        raise FormatError("The committed list of left-out images is not what was found.", "Run catalog --write.")
    train, dev = catalog.read_split(data_root())
    print(f"{'set':<16}{'images':>8}{'lesions':>9}{'negative':>10}  sources")
    for name, samples in (("train", train), ("dev", dev), *pools.tests.items()):
        counts = ", ".join(f"{k} {n}" for k, n in sorted(Counter(s.source for s in samples).items()))
        lesions, negatives = sum(len(s.boxes) for s in samples), sum(s.negative for s in samples)
        print(f"{name:<16}{len(samples):>8}{lesions:>9}{negatives:>10}  {counts}")
    print(f"catalog sha256  {catalog.catalog_sha256(train, dev)}")


def preview(args: argparse.Namespace) -> None:
    """Draw a contact sheet of a set with its boxes, as stored or as augmented."""
    from training.preview import contact_sheet, write_sheet

    samples = catalog.read_set(data_root(), args.set)
    write_sheet(contact_sheet(samples, args.count, args.seed, args.augment), args.out)
    print(f"{args.out}: {min(args.count, len(samples))} of {len(samples)} images of {args.set}")


def fit(args: argparse.Namespace) -> None:
    """Fine-tune, or go on with a run."""
    import torch

    from training.checkpoint import load_start
    from training.dataset import load_pictures
    from training.fit import FitOptions, Trainer, prepare_dev

    last = args.out / "last.pt"
    if args.resume and not last.is_file():
        raise UsageError(f"There is nothing to resume in {args.out}.", "Start without --resume.")
    if not args.resume and last.exists():
        raise UsageError(f"{args.out} already holds a run.", "Go on with --resume, or choose another --out.")
    device = args.device if args.device != "auto" else ("cuda" if torch.cuda.is_available() else "cpu")
    if device == "cuda" and not torch.cuda.is_available():
        raise UsageError("This torch sees no CUDA device.", "Use --device cpu, or install a CUDA build of torch.")
    if args.threads:
        torch.set_num_threads(args.threads)
    model = load_start(args.start or weights_root() / _START_WEIGHTS)
    train, dev = catalog.read_split(data_root(), frozenset(args.without))
    _make_folder(args.out)
    options = FitOptions(
        minutes=args.minutes,
        steps=args.steps,
        batch=args.batch,
        lr=args.lr,
        eval_minutes=args.eval_minutes,
        workers=args.workers,
        augment=args.augment,
        bf16=args.bf16,
        tensorboard=args.tensorboard,
        seed=args.seed,
    )
    trainer = Trainer(model, options, args.out, device)
    if args.resume:
        trainer.resume(last)
    facts = {"sha256": catalog.catalog_sha256(train, dev), "train": len(train), "dev": len(dev)}
    trainer.log({"event": "catalog", **facts, "sources": sorted({s.source for s in train})})
    trainer.run(train, load_pictures(train), prepare_dev(dev) if dev else None)


def evaluate(args: argparse.Namespace) -> None:
    """Score a model folder (through the product's runtime) or weights (through torch) on one set."""
    from training.figures import figures

    if args.record and (args.weights or args.threshold is not None):
        raise UsageError("--record writes a model's own figures: it goes with --model and without --threshold.")
    samples = catalog.read_set(data_root(), args.set)
    predictions, threshold, provider = _predict(args, samples)
    found = figures(samples, predictions, threshold)
    report: dict[str, Any] = {"set": args.set, **found.as_dict()}
    from training.evaluate import parts

    for name, rows in parts(samples).items():
        part = figures([samples[i] for i in rows], [predictions[i] for i in rows], threshold)
        report.setdefault("parts", {})[name] = part.as_dict()
    print(json.dumps(report, indent=2))
    if args.record:
        from training.export import record_metrics

        command = f"polypwatch-train evaluate --model {shlex.quote(str(args.model))} --set {args.set}"
        record_metrics(args.model, args.variant or "fp32", args.set, found, command, provider)


def _predict(args: argparse.Namespace, samples: list[Sample]) -> tuple[list[Any], float, str]:
    """(predictions, threshold, provider) of whichever of --model and --weights was given."""
    if args.weights is None:
        from training.evaluate import open_model, predict_with_runtime

        detector = open_model(args.model, args.provider, args.variant)
        threshold = detector.info.threshold if args.threshold is None else args.threshold
        return predict_with_runtime(detector, samples), threshold, detector.info.provider
    from training.checkpoint import load_weights
    from training.contract import INPUT_SIZE
    from training.evaluate import PreparedSet, predict

    model = load_weights(args.weights)
    return predict(model, PreparedSet.read(samples, INPUT_SIZE)), args.threshold or 0.3, "torch"


def export(args: argparse.Namespace) -> None:
    """Make a model folder from a run: graph, parity, threshold from dev, manifest, card."""
    from training.checkpoint import load_weights
    from training.export import Provenance, build_folder

    run = _run_facts(args.run_folder)
    model = load_weights(args.run_folder / "best.safetensors")
    train, dev = catalog.read_split(data_root(), frozenset(SOURCES) - set(run["sources"]))
    sha256 = catalog.catalog_sha256(train, dev)
    if sha256 != run["sha256"]:
        raise FormatError(
            f"The data now gives another catalogue than {args.run_folder} was trained on.",
            "Restore the data, or train anew.",
        )
    made = Provenance(args.name, args.version, sha256, tuple(run["sources"]), run["training"])
    manifest = build_folder(model, dev, made, args.out)
    variant = manifest.variants[0]
    print(f"{args.out}: sha256 {variant.sha256}, threshold {variant.threshold}, parity {variant.parity}")


def _run_facts(run: Path) -> dict[str, Any]:
    """What `log.jsonl` of a run says about it.

    Raises:
        FormatError: there is no log, or it is not one of a run.
    """
    path = run / "log.jsonl"
    if not path.is_file():
        raise FormatError(f"There is no run in {run} (no log.jsonl).")
    try:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        first = next(r for r in rows if r["event"] == "catalog")
        options = next(r["options"] for r in rows if r["event"] == "start")
        checks = [r for r in rows if r["event"] == "dev"]
        best = max(checks, key=lambda r: r["ap50"] + r["ap50_95"])
        training = {
            "images": first["train"],
            "dev images": first["dev"],
            "batch": options["batch"],
            "input sizes": ", ".join(map(str, options["sizes"])),
            "augmentation": options["augment"],
            "seed": options["seed"],
            "steps": max(r["step"] for r in checks),
            "minutes": round(max(r["minutes"] for r in checks), 1),
            "kept checkpoint": f"step {best['step']} (best on dev)",
        }
        sources = first.get("sources", [s for s in SOURCES if s != "cvc-clinicdb"])
        return {"sha256": first["sha256"], "sources": sources, "training": training}
    except (ValueError, KeyError, StopIteration, TypeError) as error:
        raise FormatError(f"{path} is not the log of a finished run ({error!r}).") from error


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{path} cannot be made ({error}).") from error
