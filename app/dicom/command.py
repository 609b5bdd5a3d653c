"""``polypwatch dicom``: arguments in, files out. Nothing heavy is imported before it runs."""

from __future__ import annotations

import argparse
import sys
from datetime import datetime
from pathlib import Path

_SHOWN_AFTER_S = 0.5  # no empty bar above the message of an error that shows at once


def add_dicom(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    dicom = commands.add_parser("dicom", help="export snapshots, recordings and videos as DICOM files")
    dicom.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="snapshots, recordings, videos")
    dicom.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the .dcm files go")
    dicom.add_argument("--study-id", metavar="ID", help="of the examination, 16 characters (default: from the content)")
    dicom.add_argument("--patient-id", metavar="ID", help="a pseudonym, never a name (default: the study id)")
    dicom.add_argument(
        "--taken",
        type=_moment,
        metavar="TIME",
        help="when the examination began, as 2026-03-01T08:30:00+01:00 (default: as the snapshots or recordings say)",
    )
    dicom.add_argument(
        "--no-text",
        action="store_true",
        help="you have looked: no picture holds text that tells who the patient is",
    )
    dicom.add_argument("--quiet", action="store_true", help="no progress bar")
    dicom.set_defaults(run=run_dicom)


def run_dicom(args: argparse.Namespace) -> int:
    """Export, and say what was written."""
    from tqdm import tqdm

    from app.dicom.export import export_dicom

    with tqdm(unit="picture", file=sys.stderr, disable=args.quiet, delay=_SHOWN_AFTER_S) as bar:
        shown = ""

        def progress(what: str, done: int, total: int) -> None:
            nonlocal shown
            if what != shown or done < bar.n:
                shown = what
                bar.set_description(what, refresh=False)
                bar.reset(total)
            bar.update(done - bar.n)

        made = export_dicom(
            args.paths,
            args.out,
            study_id=args.study_id,
            patient_id=args.patient_id,
            taken=args.taken,
            no_text=args.no_text,
            progress=progress,
        )
    for note in made.notes:
        print(f"Note: {note}.", file=sys.stderr)
    if not made.identity.no_text:
        print(
            "Note: whether the pictures hold text is left open in the files; --no-text says that you have looked.",
            file=sys.stderr,
        )
    identity, count = made.identity, len(made.files)
    print(
        f"{count} file{'s' * (count != 1)} of study {identity.study_id}, patient {identity.patient_id}: {args.out}",
        file=sys.stderr,
    )
    return 0


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no time such as 2026-03-01T08:30:00+01:00") from None
    if moment.tzinfo is None:
        raise argparse.ArgumentTypeError("needs a time zone, as in 2026-03-01T08:30:00+01:00")
    return moment
