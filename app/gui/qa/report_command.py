"""``polypwatch report --qa``: reports of everything below folders. An application without a window sets the type."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from app.gui.platform import missing_libraries
from detector.errors import UsageError

if TYPE_CHECKING:
    from app.qa.report.writing import PdfOf

_PARTIAL = 9  # something could not be scored, or nobody reviewed anything: the reports say which


def add_qa_report(report: argparse.ArgumentParser) -> None:
    """Add what only ``--qa`` takes to the command ``report``."""
    qa = report.add_argument_group("with --qa")
    qa.add_argument(
        "--results",
        metavar="NAME",
        help="a model, a results file or 'live' (default: what was shown live, else the only results)",
    )
    qa.add_argument("--against", metavar="NAME", help="compare with the results of another model")
    qa.add_argument("--each", action="store_true", help="also a report of each procedure by itself")
    qa.add_argument("--threshold", type=float, metavar="T", help="operating point (default: the model's own)")
    qa.add_argument("--draws", type=int, metavar="N", help="of the bootstrap (default 2000)")
    qa.add_argument("--processes", type=int, metavar="N", help="procedures at once (default: by the cores)")
    qa.add_argument("--no-pictures", action="store_true", help="without pictures of misses and false alarms")
    qa.add_argument("--no-pdf", action="store_true", help="HTML and JSON alone")
    qa.add_argument("--quiet", action="store_true", help="no progress bar")


def check_without_qa(args: argparse.Namespace) -> None:
    """Refuse what only ``--qa`` takes.

    Raises:
        UsageError: something of it was given.
    """
    given = {
        "--results": args.results,
        "--against": args.against,
        "--each": args.each,
        "--threshold": args.threshold,
        "--draws": args.draws,
        "--processes": args.processes,
        "--no-pictures": args.no_pictures,
        "--no-pdf": args.no_pdf,
    }
    wrong = [name for name, value in given.items() if value not in (None, False)]
    if wrong:
        raise UsageError(f"{wrong[0]} goes with --qa.", "Without it the report of an examination is written.")


def run_qa_report(args: argparse.Namespace) -> int:
    """Write the reports; returns the exit status.

    Raises:
        UsageError: an option cannot be, or Qt cannot run on this machine.
        PolypwatchError: see `app.qa.report.writing.write_reports`.
    """
    from tqdm import tqdm

    from app.qa.report.gathering import Asked
    from app.qa.report.writing import write_reports
    from app.qa.scoring import Wanted, default_processes, procedures_below

    _check(args)
    pdf = None if args.no_pdf else _painter()
    paths, failures = procedures_below(args.paths)
    asked = Asked(
        Wanted(args.results or "", args.threshold),
        args.against or "",
        draws=args.draws or 2000,
        processes=args.processes or default_processes(),
        pictures=not args.no_pictures,
    )
    with tqdm(unit="procedure", file=sys.stderr, disable=args.quiet) as bar:

        def told(what: str, done: int, total: int) -> None:
            if done < bar.n or bar.total != total:  # the next round: of the other model, of pictures
                bar.reset(total)
            bar.set_postfix_str(what, refresh=False)
            bar.update(done - bar.n)

        written = write_reports(paths, args.out, asked, pdf=pdf, each=args.each, progress=told)
    for each in written:
        for path in (each.html, each.pdf, each.record):
            if path is not None:
                print(f"{path}{' (as it was)' if each.was_there else ''}")
    missing = dict.fromkeys([*(f"{f.path}: {f.why}" for f in failures), *(n for w in written for n in w.not_scored)])
    for said in missing:
        print(f"polypwatch: not scored: {said}", file=sys.stderr)
    if not written[0].has_figures:
        print("polypwatch: nobody reviewed anything of these procedures: there are no figures.", file=sys.stderr)
    return _PARTIAL if missing or not written[0].has_figures else 0


def _painter() -> PdfOf:
    missing = missing_libraries(with_display=False)
    if missing:
        hint = f"Install them: apt-get install {' '.join(missing)}. Or write no PDF: --no-pdf."
        raise UsageError("System libraries are missing.", hint)
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    from app.gui.application import application
    from app.gui.qa.report_pdf import qa_pdf

    application()
    return qa_pdf


def _check(args: argparse.Namespace) -> None:
    if args.language is not None:
        raise UsageError("--language is of the report of an examination.", "Reports of QA are in English.")
    if args.threshold is not None and not 0 < args.threshold <= 1:
        raise UsageError("A threshold lies above 0 and at most at 1.")
    if args.draws is not None and args.draws < 100:
        raise UsageError("Fewer than 100 draws give no interval that could be believed.")
    if args.processes is not None and args.processes < 1:
        raise UsageError("--processes counts processes: 1 or more.")
    if args.against and args.against == args.results:
        raise UsageError("A model is not compared with itself.", "Name two with --results and --against.")


def examination_of(args: argparse.Namespace) -> Path:
    """The one folder of ``polypwatch report`` without ``--qa``.

    Raises:
        UsageError: there are several.
    """
    if len(args.paths) != 1:
        raise UsageError("The report of an examination is of one folder.", "Several together: --qa.")
    return Path(args.paths[0])
