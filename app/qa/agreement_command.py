"""``polypwatch agreement``: how far the readers of the same procedures agree, and on what they differ."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from detector.errors import FormatError, UsageError

SCHEMA = "polypwatch.agreement/1"


def add_agreement(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser("agreement", help="how far the readers of the same procedures agree: box F1, kappa")
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="a folder with review logs in or below it")
    parser.add_argument("--list", action="store_true", help="every disagreement, longest first, in frames from 0")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write all of it, too")
    parser.set_defaults(run=run_agreement)


def run_agreement(args: argparse.Namespace) -> int:
    """Compare every two readers of each procedure, and print a line for each pair.

    Returns:
        0: done; 6: a log could not be read, and its reader is left out.

    Raises:
        UsageError: a path does not exist, or no procedure has two readers.
        OutputError: the file cannot be written.
    """
    from app.qa.review.pairs import Pair, pairs_below

    pairs: list[Pair] = []
    problems: list[str] = []
    for path in args.paths:
        found, troubles = pairs_below(path)
        pairs += found
        problems += troubles
    for problem in problems:
        print(f"polypwatch: {problem}", file=sys.stderr)
    if not pairs and not problems:
        raise UsageError(
            f"No procedure in {', '.join(str(p) for p in args.paths)} has reviews by two readers.",
            "Name a folder that holds the logs of both.",
        )
    for pair in pairs:
        print(pair.words())
        for disagreement in pair.comparison.disagreements if args.list else ():
            print(f"  {disagreement.words()}")
    if args.json is not None:
        _write(args.json, {"schema": SCHEMA, "pairs": [pair.as_dict() for pair in pairs], "problems": problems})
    return FormatError.exit_status if problems else 0


def _write(path: Path, content: dict[str, object]) -> None:
    from app.recording.mark import replace_file
    from detector.errors import OutputError

    try:
        replace_file(path, [(json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode()])
    except OSError as error:
        raise OutputError(f"Cannot write {path}: {error.strerror}.", "Choose another place.") from error
