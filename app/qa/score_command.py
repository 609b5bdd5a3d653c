"""The command ``polypwatch score``: figures of reviewed procedures, printed and as JSON."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app import SOFTWARE
from detector.errors import OutputError, UsageError

if TYPE_CHECKING:
    from app.qa.figures import FigureRow
    from app.qa.scoring import ScoreRun

SCHEMA = "polypwatch.score/1"
_PARTIAL = 9
_TITLES = {
    "shown": "displayed markers",
    "raw": "raw boxes",
    "realcolon-compat": "definition realcolon-compat, raw boxes",
    "withdrawal": "displayed markers, per minute of withdrawal without interventions",
}


def add_score(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    p = commands.add_parser(
        "score",
        help="sensitivity, false alarms and times of reviewed procedures, with intervals",
        description="Compare what was shown live, or what a re-analysis found, with the labels of every recording and "
        "video below PATH. Only what somebody reviewed counts.",
        epilog="A run that was broken off goes on where it was.",
    )
    p.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    p.add_argument(
        "--results",
        default="",
        metavar="NAME",
        help="a model, a results file or 'live' (default: what was shown live, else the only results)",
    )
    p.add_argument("--json", type=Path, metavar="OUT", help="write everything, to the last digit")
    p.add_argument("--threshold", type=float, metavar="T", help="operating point (default: the model's own)")
    p.add_argument("--draws", type=int, default=2000, metavar="N", help="of the bootstrap (default 2000)")
    p.add_argument("--processes", type=int, metavar="N", help="procedures at once (default: by the cores)")
    p.add_argument("--quiet", action="store_true", help="no progress bar")
    p.set_defaults(run=_score)


def _score(args: argparse.Namespace) -> int:
    from tqdm import tqdm

    from app.qa.scoring import Wanted, default_processes, procedures_below, score

    _check(args)
    paths, failures = procedures_below(args.paths)
    if not paths:
        raise UsageError("There is no recording and no video below these folders.", "Name others.")
    with tqdm(total=len(paths), unit="procedure", file=sys.stderr, disable=args.quiet) as bar:

        def told(name: str, done: int, total: int) -> None:
            bar.set_postfix_str(name, refresh=False)
            bar.update(done - bar.n)

        found = score(
            paths,
            Wanted(args.results, args.threshold),
            draws=args.draws,
            processes=args.processes or default_processes(),
            progress=told,
        )
    failed = [*failures, *found.failures]
    print(table(found))
    for failure in failed:
        print(f"not scored: {failure.path}: {failure.why}", file=sys.stderr)
    if args.json is not None:
        _write(args.json, as_json(found, args.draws) | {"not_scored": [_told(f) for f in failed]})
    return _PARTIAL if failed or found.figures.clinical is None else 0


def _told(failure: Any) -> dict[str, str]:
    return {"path": str(failure.path), "why": failure.why}


def as_json(found: ScoreRun, draws: int, seed: int = 1) -> dict[str, Any]:
    """The content of ``--json``, every digit of it."""
    head = {"schema": SCHEMA, "software": SOFTWARE, "bootstrap": {"draws": draws, "seed": seed, "level": 0.95}}
    return head | found.figures.as_dict()


def table(found: ScoreRun) -> str:
    """Figures with their intervals, what they were drawn over, and what cannot be given, as plain text."""
    from app.qa.figure_units import NO_FIGURES

    figures = found.figures
    if figures.clinical is None:
        return "\n".join([NO_FIGURES, *_said(figures.notes)])
    clinical = figures.clinical
    lines = [
        f"{figures.model}; threshold {figures.threshold:g}; {len(figures.procedures)} procedures; 95 % intervals over "
        f"{clinical.over}",
        *_said([*clinical.notes, *figures.notes]),
    ]
    for source, title in _TITLES.items():
        lines += _section(title, [r for r in figures.rows if r.source == source], clinical.over)
    for group in dict.fromkeys(r.group for r in figures.rows if r.group):
        lines += _section(group, [r for r in figures.rows if r.group == group], clinical.over)
    return "\n".join([*lines, *_rates(found)])


def _section(title: str, rows: Sequence[FigureRow], over: str) -> list[str]:
    from detector.scoring.words import interval, number

    if not rows:
        return []
    lines = ["", f"{title}:"]
    for row in rows:
        figure = row.figure
        beside = f"  ({figure.over})" if figure.over not in ("", over) else ""
        why = f"  {row.why_not}" if row.why_not else ""
        lines.append(f"  {row.words:<52}{number(figure.value):>8}  {interval(figure)}{beside}{why}".rstrip())
    return lines


def _rates(found: ScoreRun) -> list[str]:
    from detector.scoring.words import interval, number

    rates = found.figures.rates
    lines = ["", "detection (all ages and indications):"]
    for words, figure in (
        ("polyp detection rate", rates.polyps),
        ("adenoma detection rate", rates.adenomas),
        ("serrated lesion detection rate", rates.serrated),
    ):
        lines.append(f"  {words:<52}{number(figure.value):>8}  {interval(figure)}".rstrip())
    return lines + ([f"  note: {rates.note}"] if rates.note else [])


def _said(notes: Sequence[str]) -> list[str]:
    return [f"  note: {note}" for note in notes]


def _write(path: Path, content: dict[str, Any]) -> None:
    from app.recording.mark import replace_file

    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    try:
        replace_file(path, [text.encode("utf-8", "backslashreplace")])
    except OSError as error:
        raise OutputError(f"Cannot write {path}: {error.strerror or error}.", "Choose another place.") from error


def _check(args: argparse.Namespace) -> None:
    if args.threshold is not None and not 0 < args.threshold <= 1:
        raise UsageError("A threshold lies above 0 and at most at 1.")
    if args.draws < 100:
        raise UsageError("Fewer than 100 draws give no interval that could be believed.")
    if args.processes is not None and args.processes < 1:
        raise UsageError("--processes counts processes: 1 or more.")
