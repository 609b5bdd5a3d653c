"""The subcommand `deidentify`: a copy of a procedure for another hospital."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from app.qa.labels_command import Bar
from detector.errors import PolypwatchError

Commands = argparse._SubParsersAction


def add_deidentify(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    p = commands.add_parser(
        "deidentify",
        help="copy a procedure without names, dates, ids, free texts and metadata, cropped and checked frame by frame",
        description="The copy gets a random name and random dates, which nobody keeps. What stands in the pictures "
        "themselves no program can check: look through the copy before it leaves the house.",
    )
    p.add_argument("procedure", type=Path, metavar="PROCEDURE", help="recording, examination or video")
    p.add_argument("out", type=Path, metavar="OUT", help="folder that the copy's own folder goes into")
    p.add_argument("--crop", metavar="X,Y,W,H|auto|full", help="of every picture; needed for a video that is not ours")
    p.add_argument("--shift-days", type=int, metavar="N", help="add this to every date (default: random, not kept)")
    p.add_argument("--pseudonym", metavar="NAME", help="of the copy (default: random, not kept)")
    p.add_argument("--keep-indication", action="store_true", help="you vouch that the indication names nobody")
    p.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    from app.picture.settings import AreaMode, parse_area
    from app.qa.deidentify.copy import Crop, deidentify

    crop: Crop = None
    if args.crop is not None:
        told = parse_area(args.crop)
        crop = ("auto" if told is AreaMode.AUTO else "full") if isinstance(told, AreaMode) else told
    try:
        with Bar() as bar:
            made = deidentify(
                args.procedure,
                args.out,
                crop=crop,
                shift_days=args.shift_days,
                pseudonym=args.pseudonym,
                keep_indication=args.keep_indication,
                progress=bar,
            )
    except PolypwatchError:
        print("Nothing of the copy was kept.", file=sys.stderr)
        raise
    for note in made.notes:
        print(f"Note: {note}.", file=sys.stderr)
    print(f"{made.folder}: {made.frames} frames copied and checked")
    return 0
