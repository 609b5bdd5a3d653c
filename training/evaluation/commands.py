"""Subcommands of this room: their arguments and what they do. Torch is imported inside, never above."""

from __future__ import annotations

import argparse
import json
import shlex
from pathlib import Path

from detector.errors import UsageError
from detector.manifest import find_model
from training.catalog import resolve
from training.evaluation.compare import FIGURES, Comparison, compare_models
from training.evaluation.data import PUBLIC, PUBLIC_TESTS, EvaluationData, part_of
from training.evaluation.run import Evaluation, Settings, evaluate_model, evaluate_results, evaluate_weights
from training.evaluation.store import (
    EVALUATION_NAME,
    PREDICTIONS_NAME,
    make_folder,
    write_json,
    write_predictions,
)
from training.evaluation.table import comparison_text, table


def add(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommands."""
    _add_evaluate(sub)
    _add_compare(sub)


def _add_evaluate(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    p = sub.add_parser("evaluate", help="measure a model on a set, through the product's own runtime")
    what = p.add_mutually_exclusive_group(required=True)
    what.add_argument("--model", metavar="NAME|FOLDER", help="a model folder, or the name of an installed model")
    what.add_argument("--weights", type=Path, metavar="FILE", help="weights of a run instead, in torch")
    what.add_argument(
        "--results",
        nargs="+",
        type=Path,
        metavar="FILE",
        help="results of polypwatch detect instead, for a catalog of procedures imported with every_s=0 and "
        "unreviewed=frames",
    )
    p.add_argument("--data", default=PUBLIC, help="catalog, folder with images/ and masks/, COCO JSON, or 'public'")
    p.add_argument("--split", help="which part of the data: dev, kvasir-val, ...")
    p.add_argument("--set", nargs="+", metavar="NAME", help=f"splits one after the other: {', '.join(PUBLIC_TESTS)}")
    p.add_argument("--variant", help="which file of the model (default: the first one meant for the provider)")
    p.add_argument("--provider", default="auto", choices=("auto", "cpu", "cuda", "tensorrt"))
    p.add_argument("--threshold", type=float, help="operating point (default: the model's own)")
    p.add_argument("--nominal-fps", type=float, metavar="F", help="rate of consecutive frames that have no true times")
    p.add_argument(
        "--one-lesion-per-sequence", action="store_true", help="all boxes of a sequence without ids are one lesion"
    )
    p.add_argument("--draws", type=int, default=2000, help="of the bootstrap (default 2000)")
    p.add_argument("--out", type=Path, metavar="DIR", help="write evaluation.json, predictions.jsonl and report.html")
    p.add_argument("--pictures", type=int, default=12, metavar="N", help="worst images of each kind in the report")
    p.add_argument("--record", action="store_true", help="write the figures into the model's manifest and card")
    p.set_defaults(run=evaluate)


def _add_compare(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    p = sub.add_parser("compare", help="is one model better than another? from two evaluations of the same images")
    p.add_argument("candidate", type=Path, metavar="EVAL_A", help="folder of an evaluation, or its predictions.jsonl")
    p.add_argument("current", type=Path, metavar="EVAL_B")
    p.add_argument("--figure", default="ap50", choices=list(FIGURES))
    p.add_argument("--margin", type=float, default=0.01, help="how much worse is still called not worse (default 0.01)")
    p.add_argument("--draws", type=int, default=2000, help="of the bootstrap (default 2000)")
    p.add_argument("--out", type=Path, metavar="FILE", help="write the result as JSON, too")
    p.set_defaults(run=compare)


def evaluate(args: argparse.Namespace) -> None:
    """Measure a model on one set or several, print the figures, and write what was asked for."""
    _check(args)
    if args.out is not None:
        import jinja2  # noqa: F401 (an hour of work must not end with a report that cannot be made)

        make_folder(args.out)
    settings = Settings(
        threshold=args.threshold,
        provider=args.provider,
        variant=args.variant,
        nominal_fps=args.nominal_fps,
        one_lesion_per_sequence=args.one_lesion_per_sequence,
        draws=args.draws,
    )
    folder = None if args.model is None else find_model(args.model)
    catalog = resolve(args.data)
    parts = [part_of(catalog, args.data, split) for split in args.set or [args.split]]
    if args.out is not None:
        for data in parts:
            _require_own(args.out / data.name if args.set else args.out, _command(args, _short(data)))
    for k, data in enumerate(parts):
        command = _command(args, _short(data))
        if args.results is not None:
            found, notes = evaluate_results(args.results, data, settings, command)
            print("".join(f"note: {note}\n" for note in notes), end="")
        elif folder is None:
            found = evaluate_weights(args.weights, data, settings, command)
        else:
            found = evaluate_model(folder, data, settings, command)
        print(("\n" if k else "") + table(found))
        if args.out is not None:
            _write(found, data, args.out / data.name if args.set else args.out, args.pictures)
        if args.record and folder is not None:
            _record(found, folder)


def compare(args: argparse.Namespace) -> None:
    """Compare two models that were evaluated on the same images."""
    found: Comparison = compare_models(args.candidate, args.current, args.figure, args.margin, args.draws)
    print(comparison_text(found))
    if args.out is not None:
        write_json({"schema": "polypwatch.comparison/1", **found.as_dict()}, args.out)


def _check(args: argparse.Namespace) -> None:
    if args.record and (args.weights or args.results or args.threshold is not None):
        raise UsageError("--record writes a model's own figures: it goes with --model and without --threshold.")
    if args.set and args.split:
        raise UsageError("--set and --split say the same thing.", "Use one of them.")
    if args.threshold is not None and not 0 < args.threshold <= 1:
        raise UsageError("A threshold lies above 0 and at most at 1.")
    if args.nominal_fps is not None and not 0 < args.nominal_fps <= 1000:
        raise UsageError("--nominal-fps is a number of frames per second, such as 25.")
    if args.draws < 100:
        raise UsageError("Fewer than 100 draws give no interval that could be believed.")


def _short(data: EvaluationData) -> str:
    return data.split.removeprefix("test:")


def _require_own(out: Path, command: str) -> None:
    """The same command may be repeated; another one's result is not written over."""
    try:
        before = json.loads((out / EVALUATION_NAME).read_text(encoding="utf-8")).get("command", "something else")
    except FileNotFoundError:
        return
    except (OSError, ValueError, AttributeError):
        before = "something else"
    if before != command:
        raise UsageError(f"{out} holds the result of another command ({before}).", "Choose another --out.")


def _write(found: Evaluation, data: EvaluationData, out: Path, pictures: int) -> None:
    from training.evaluation.report import REPORT_NAME, write_report
    from training.evaluation.run import SOFTWARE

    write_predictions(found.predictions, out / PREDICTIONS_NAME, SOFTWARE)
    write_json(found.as_json(), out / EVALUATION_NAME)
    write_report(found, data.samples, out / REPORT_NAME, pictures)
    print(
        f"written: {out / EVALUATION_NAME}, {PREDICTIONS_NAME}, {REPORT_NAME} (shows images of patients: keep it local)"
    )


def _record(found: Evaluation, folder: Path) -> None:
    """Into the manifest: release stands above this room, only its commands may reach up."""
    from training.release.record import record_metrics

    model = found.predictions.model
    name = found.predictions.data.name
    record_metrics(
        folder, model.variant, name, found.values(), found.images, found.threshold, found.command, found.provider
    )


def _command(args: argparse.Namespace, split: str) -> str:
    """What to type to get the same figures, without where they were written."""
    words = ["polypwatch-train", "evaluate"]
    if args.results:
        words += ["--results", *map(str, args.results)]
    else:
        words += ["--model", args.model] if args.model else ["--weights", str(args.weights)]
    words += ["--data", args.data, *(["--split", split] if split else [])]
    words += ["--variant", args.variant] if args.variant else []
    words += ["--provider", args.provider] if args.provider != "auto" else []
    words += ["--threshold", f"{args.threshold:g}"] if args.threshold is not None else []
    words += ["--nominal-fps", f"{args.nominal_fps:g}"] if args.nominal_fps else []
    words += ["--one-lesion-per-sequence"] if args.one_lesion_per_sequence else []
    words += ["--draws", str(args.draws)] if args.draws != 2000 else []
    return shlex.join(words)
