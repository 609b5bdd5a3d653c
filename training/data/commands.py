"""Subcommands of this room: their arguments and what they do. No torch."""

from __future__ import annotations

import argparse
from pathlib import Path

from detector.errors import UsageError


def add(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommands."""
    p = sub.add_parser(
        "preview",
        help="a sheet of what training sees, with boxes (never commit one)",
        description="Draw inputs as a run would, with their boxes, and list beside the sheet what each one got.",
    )
    p.add_argument("--data", default="public", metavar="CATALOG", help="catalog file, or the word public (default)")
    p.add_argument("--split", default="train", help="which split (default train); 'all' for everything that is known")
    p.add_argument("--out", type=Path, metavar="FILE", help=".png or .jpg; the list goes beside it as .tsv")
    p.add_argument("--augment", choices=("full", "plain", "none"), default="full", help="default: full")
    p.add_argument("--only", metavar="EFFECT", default="", help="this effect alone, at full strength, on each tile")
    p.add_argument("--count", type=_positive, default=24, help="tiles (default 24)")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--effects", action="store_true", help="print the table of all effects, and end")
    p.set_defaults(run=_preview)


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


def _preview(args: argparse.Namespace) -> None:
    from training.data.settings import AugmentSettings, known, table

    if args.effects:
        print(table(AugmentSettings()))
        return
    if args.out is None:
        raise UsageError("Where to? Say --out FILE.png.")
    if args.only:
        known(args.only)  # before half a minute of reading
    from training.catalog import resolve
    from training.data.preview import tiles, write_preview

    samples = [s for s in resolve(args.data).samples if s.known and args.split in (s.split, "all")]
    if not samples:
        raise UsageError(f"{args.data} has no images in the split '{args.split}'.", "Split it, or say --split all.")
    augment = "off" if args.augment == "none" else args.augment
    found = tiles(samples, args.count, args.seed, augment, args.only)
    beside = write_preview(found, args.out)
    print(f"{args.out}: {len(found)} inputs from {len(samples)} images; what each one got: {beside}")
