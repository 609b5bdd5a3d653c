"""The picture's options on a command line. Imports nothing heavy: ``--help`` answers at once."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.picture.settings import PictureSettings


def add_picture_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--deinterlace``, ``--area``, ``--aspect`` and ``--colours``."""
    parser.add_argument(
        "--deinterlace",
        default="auto",
        choices=("auto", "off", "top", "bottom"),
        help="a frame from each field: as the content says, never, or with that field first (%(default)s)",
    )
    parser.add_argument(
        "--area",
        default="full",
        metavar="full|auto|X,Y,W,H",
        help="the part of the picture that is shown, analysed and recorded (%(default)s)",
    )
    parser.add_argument("--aspect", metavar="4:3", help="how wide the whole picture is to be shown (square pixels)")
    parser.add_argument(
        "--colours",
        metavar="WAS:IS",
        help="what the picture was decoded as and what it is, e.g. 601:709 or 601-full:601 (as decoded)",
    )


def picture_settings(args: argparse.Namespace) -> PictureSettings:
    """The settings that the options name.

    Raises:
        UsageError: one of them is not understood.
    """
    from app.picture.settings import parse_settings

    return parse_settings(args.deinterlace, args.area, args.aspect, args.colours)
