"""The subcommand `labels`: published labels to and from other tools."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from app.qa.exchange_names import SHOWN

Commands = argparse._SubParsersAction


def add_labels(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    lines = [f"  {name:<9}{line}" for name, line in SHOWN.items()]
    labels = commands.add_parser(
        "labels",
        help="export labels to other tools (COCO, YOLO, VOC, CVAT, MOT, CSV, Parquet), or import theirs",
        epilog="formats:\n" + "\n".join(lines),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = labels.add_subparsers(required=True, metavar="ACTION")
    _add_export(actions)
    _add_import(actions)


def _add_export(actions: Commands[argparse.ArgumentParser]) -> None:
    p = actions.add_parser("export", help="write labels (or a model's results) for another tool")
    p.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="recordings, videos, or folders of them")
    p.add_argument("--format", required=True, choices=tuple(SHOWN))
    p.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="a new folder")
    p.add_argument("--results", action="store_true", help="the paths are results (polypwatch.detect/1), not procedures")
    p.add_argument(
        "--every",
        type=_count,
        default=25,
        metavar="N",
        help="in formats of single frames: of reviewed frames without a lesion every so many (default 25)",
    )
    p.add_argument("--no-pictures", action="store_true", help="leave the frames themselves out")
    p.add_argument("--png", action="store_true", help="frames as PNG instead of JPEG")
    p.set_defaults(run=_export)


def _add_import(actions: Commands[argparse.ArgumentParser]) -> None:
    p = actions.add_parser(
        "import",
        help="publish another tool's labels beside our videos",
        description="All of it is checked against the videos first: nothing is imported by half. Labels that are there "
        "already are put aside, not lost.",
    )
    p.add_argument("path", type=Path, metavar="FILE|FOLDER", help="what the other tool wrote")
    p.add_argument("--to", nargs="+", type=Path, required=True, metavar="PATH", help="recordings, videos, or folders")
    p.add_argument("--format", choices=tuple(SHOWN), help="default: what it looks like")
    p.add_argument("--reviewer", default="imported", metavar="NAME", help="whose labels they are")
    p.add_argument(
        "--reviewed",
        action="store_true",
        help="you vouch that the frames of which it speaks were looked at for every lesion",
    )
    p.add_argument("--results", metavar="MODEL", help="they are a model's boxes with scores, to be compared: its name")
    p.add_argument("--model-version", default="1", metavar="V", help="with --results: its version (default 1)")
    p.add_argument("--threshold", type=float, metavar="T", help="with --results: its operating point")
    p.add_argument("--whole", action="store_true", help="with --results: the model saw every frame")
    p.add_argument("--dry-run", action="store_true", help="check it, say what would be imported, and write nothing")
    p.set_defaults(run=_import)


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


def _export(args: argparse.Namespace) -> int:
    from app.qa.exchange.exporting import export_labels
    from app.qa.exchange.results import export_results

    with Bar() as bar:
        if args.results:
            made = export_results(args.paths, args.format, args.out, progress=bar)
        else:
            made = export_labels(
                args.paths,
                args.format,
                args.out,
                every=args.every,
                pictures=not args.no_pictures,
                png=args.png,
                progress=bar,
            )
    for note in made.notes:
        print(f"Note: {note}.", file=sys.stderr)
    print(f"{made.folder}: {made.boxes} boxes of {made.videos} videos as {args.format}")
    return 0


def _import(args: argparse.Namespace) -> int:
    if args.results is not None:
        return _import_results(args)
    from app.qa.exchange.importing import label_file, publish_labels, read_labels

    found = read_labels(
        args.path, args.to, form=args.format, reviewer=args.reviewer.strip() or "imported", reviewed=args.reviewed
    )
    for one in found:
        for note in one.notes:
            print(f"Note: {one.target.key}: {note}.", file=sys.stderr)
    written = [(label_file(one.target), None) for one in found] if args.dry_run else publish_labels(found)
    for one, (file, aside) in zip(found, written, strict=True):
        boxes, lesions = sum(len(f.marks) for f in one.annotation.frames), len(one.annotation.lesions)
        kept = f" (the labels before: {aside.name})" if aside is not None else ""
        told = "would be written" if args.dry_run else "written"
        print(f"{file}: {boxes} boxes of {lesions} lesions from {one.form}, {told}{kept}")
    return 0


def _import_results(args: argparse.Namespace) -> int:
    from app.qa.exchange.results_in import import_results
    from detector.errors import UsageError
    from detector.results import ModelRef

    if args.threshold is None or not 0 < args.threshold <= 1:
        raise UsageError("Results need the model's operating point.", "Say --threshold, between 0 and 1.")
    if len(args.to) != 1:
        raise UsageError("Results are of one video.", "Name one with --to.")
    model = ModelRef(name=args.results, version=args.model_version, variant="foreign", sha256="0" * 64)
    out, notes = import_results(args.path, args.to[0], model, args.threshold, form=args.format, whole_video=args.whole)
    for note in notes:
        print(f"Note: {note}.", file=sys.stderr)
    print(f"{out}: written")
    return 0


class Bar:
    """A progress bar on a terminal, as a `Progress`."""

    def __enter__(self) -> Bar:
        from tqdm import tqdm

        self._bar = tqdm(disable=None, leave=False)
        self._what = ""
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def __call__(self, what: str, done: int, total: int) -> None:
        """Show how far it is."""
        if what != self._what or done < self._bar.n:
            self._what = what
            self._bar.set_description(what, refresh=False)
            self._bar.reset(total or None)
        self._bar.update(done - self._bar.n)
