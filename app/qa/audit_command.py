"""``polypwatch audit``: whether the logs of reviews are what was written, line by line."""

from __future__ import annotations

import argparse
from pathlib import Path

from detector.errors import FormatError, UsageError


def add_audit(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser("audit", help="verify the hash chains of review logs, in files and folders")
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="a log, or a folder with logs below it")
    parser.set_defaults(run=run_audit)


def run_audit(args: argparse.Namespace) -> int:
    """Verify every log, and print a line for each.

    Returns:
        0: all are whole; 6: one is broken or cannot be read.

    Raises:
        UsageError: a path does not exist, or there is no log at all.
    """
    from app.qa.review.audit import BROKEN, CHAINED, audited, logs_below

    files = [file for path in args.paths for file in logs_below(path)]
    found = [audited(file) for file in files]
    if not found:
        raise UsageError(
            f"There is no review log in {', '.join(str(p) for p in args.paths)}.",
            "Name a recording, a folder, or a file such as review-NAME.jsonl.",
        )
    for item in found:
        print(f"{item.path}: {item.state}: {item.words}")
    logs = [item for item in found if item.state in CHAINED]
    broken = sum(item.state == BROKEN for item in logs)
    others = len(found) - len(logs)
    print(f"{len(logs)} review logs, {broken} broken" + (f"; {others} files without a chain" if others else ""))
    return FormatError.exit_status if broken else 0
