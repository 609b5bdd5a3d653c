"""The subcommand `handover`: a selection of reviewed procedures for `polypwatch-train import`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from app.qa.labels_command import Bar

Commands = argparse._SubParsersAction


def add_handover(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    p = commands.add_parser(
        "handover",
        help="hand reviewed procedures, or what a model missed in them, over to training",
        description="Writes a file that 'polypwatch-train import FILE --catalog C' reads. Nothing is copied: it names "
        "videos and published labels by their hashes.",
    )
    p.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="recordings, videos, or folders of them")
    p.add_argument("--out", type=Path, required=True, metavar="FILE", help="a new .json file")
    p.add_argument("--name", required=True, help="of the data set that they become")
    p.add_argument("--licence", required=True, help="what they may be used for; 'internal' is an answer")
    p.add_argument("--consent-by", required=True, metavar="CODE", help="who consents to training: a code, not a name")
    p.add_argument("--consent", default="", metavar="WORDS", help="what that rests on: an ethics vote, a contract")
    p.add_argument("--commercial", action="store_true", help="the licence allows commercial use")
    p.add_argument("--citation", default="", help="reference to be given")
    p.add_argument("--centre", default="", help="hospital")
    p.add_argument("--patients", type=Path, metavar="CSV", help="pseudonyms: columns procedure and patient")
    p.add_argument("--hard", action="store_true", help="only the frames in which a model was wrong")
    p.add_argument("--results", metavar="NAME", help="with --hard: whose errors (default: the newest re-analysis)")
    p.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    from app.qa.handover import Terms, hand_over
    from detector.handover import Kind
    from detector.labels.text import read_table

    rows = read_table(args.patients, ("procedure", "patient")) if args.patients is not None else []
    terms = Terms(
        args.name,
        args.licence,
        args.consent_by,
        args.consent,
        args.commercial,
        args.citation,
        args.centre,
        {row["procedure"]: row["patient"] for row in rows},
    )
    kind: Kind = "hard-examples" if args.hard else "labels"
    with Bar() as bar:
        made = hand_over(args.paths, args.out, terms, kind=kind, results=args.results, progress=bar)
    for note in made.notes:
        print(f"Note: {note}.", file=sys.stderr)
    what = "frames in which the model was wrong" if args.hard else "reviewed frames"
    print(f"{made.file}: {made.frames} {what} of {made.procedures} procedures")
    print(f"Import it: polypwatch-train import {made.file} --catalog CATALOG.jsonl")
    return 0
