"""Reports as files: HTML, JSON and PDF under one name; a report whose sources did not change is left as it is.

What a report was made from is hashed by name, size and time of change of each file, with what was asked for and the
software's version. The PDF is made by whoever can: no Qt here.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from app import SOFTWARE
from app.examination.report import write_whole
from app.examination.store import JOURNAL_NAME
from app.qa.figures import measure
from app.qa.opened import open_for_review
from app.qa.progress import Progress, Stop, Stopped, go_on, never, quiet
from app.qa.report.blocks import Page
from app.qa.report.gathering import Asked, Report, gather, of_figures
from app.qa.report.html import html_of
from app.qa.report.page import page_of
from app.qa.report.record import SCHEMA, record_of
from app.qa.scored import Scored, names_of
from app.qa.scoring import LIVE, Failure, Wanted, prepare
from app.recording.mark import RESULTS_NAME
from detector.errors import PolypwatchError, UsageError
from detector.results import read_header

PdfOf = Callable[[Page], bytes]
SET_NAME, COMPARISON_NAME, FOLDER = "qa-report", "qa-comparison", "procedures"


@dataclass(frozen=True, slots=True)
class Written:
    """A report on the disk.

    Attributes:
        html: the page.
        record: the JSON.
        pdf: None: it was not asked for.
        was_there: it is of the same sources and was left as it is.
        has_figures: somebody reviewed something.
        not_scored: procedures that could not be scored, and why.
    """

    html: Path
    record: Path
    pdf: Path | None
    was_there: bool = False
    has_figures: bool = True
    not_scored: tuple[str, ...] = ()


def write_reports(
    paths: Sequence[Path],
    out: Path,
    asked: Asked,
    *,
    pdf: PdfOf | None = None,
    each: bool = False,
    progress: Progress = quiet,
    stop: Stop = never,
) -> tuple[Written, ...]:
    """Write the report of procedures, and with `each` of every one by itself, into a folder.

    A run that was broken off goes on where it was: what was read is in the cache, what was written is left as it is.

    Args:
        paths: procedures, not folders of them.
        out: is made if it is not there.
        asked: what it is to be of.
        pdf: makes the PDF; None: none is wanted.
        each: below ``procedures`` also a report of each; not of a comparison.
        progress: told of each procedure.
        stop: asked before each.

    Raises:
        UsageError: there is nothing to report on, `out` is a procedure, or thresholds differ.
        OutputError: a file cannot be written.
        Stopped: as was asked for; what was written by then stays.
    """
    _check(paths, out, asked, each)
    whole = _place(out, COMPARISON_NAME if asked.against else SET_NAME, pdf is not None)
    inputs = fingerprint(paths, asked)
    written = [_there(whole, inputs) or _write(gather(paths, asked, progress=progress, stop=stop), whole, inputs, pdf)]
    if each:
        named = sorted(zip(names_of(paths), paths, strict=True))
        for done, (name, path) in enumerate(named, 1):
            go_on(stop, "The report")
            place = _place(out / FOLDER, name, pdf is not None)
            inputs = fingerprint([path], asked)
            known = _there(place, inputs)
            written.append(known or _write(_one(path, name, asked, stop), place, inputs, pdf))
            progress(name, done, len(named))
    return tuple(written)


def fingerprint(paths: Sequence[Path], asked: Asked) -> str:
    """SHA-256 of what a report would be made from, and how."""
    how: dict[str, Any] = asdict(replace(asked, processes=1, wanted=replace(asked.wanted, cache=None)))
    sources = [[name, _sources(path, asked.wanted)] for name, path in sorted(zip(names_of(paths), paths, strict=True))]
    text = json.dumps([SCHEMA, SOFTWARE, how, sources], default=str)
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()


def models_of(paths: Sequence[Path], cache: Path | None = None) -> tuple[str, ...]:
    """Whose answers lie beside procedures, by the names that `Asked` takes: ``live``, then models, most frequent first.

    Reads a line of each results file; not for the window's thread.
    """
    found: Counter[str] = Counter()
    live = False
    for path in paths:
        try:
            procedure = open_for_review(path, cache).procedure
        except PolypwatchError:
            continue
        live |= (path / RESULTS_NAME).is_file()
        for file in procedure.results:
            with contextlib.suppress(PolypwatchError):
                model = read_header(file).model
                found[f"{model.name} {model.version} {model.variant}"] += 1
    return (*((LIVE,) if live else ()), *(name for name, _ in found.most_common()))


def _sources(path: Path, wanted: Wanted) -> list[Any]:
    """Name, size and time of change of each file behind a procedure's figures."""
    try:
        procedure = open_for_review(path, wanted.cache).procedure
    except PolypwatchError as error:
        return [str(error)]
    files = {s.video for s in procedure.segments} | set(procedure.results)
    files |= {s.annotation_file for s in procedure.segments if s.annotation_file is not None}
    files |= {path / name for name in (RESULTS_NAME, JOURNAL_NAME)}
    known = [(file.name, file.stat()) for file in sorted(files) if file.exists()]
    return [[name, stat.st_size, stat.st_mtime_ns] for name, stat in known]


def _one(path: Path, name: str, asked: Asked, stop: Stop) -> Report:
    """The report of one procedure, with what is in the cache."""
    ready: list[Scored] = []
    failures: list[Failure] = []
    try:
        ready = [prepare(path, name, asked.wanted, stop)]
    except Stopped:
        raise
    except PolypwatchError as error:
        failures = [Failure(path, str(error))]
    figures = measure(ready, asked.draws, asked.seed)
    return of_figures(figures, failures, asked, names={path: name}, stop=stop)


def _place(folder: Path, name: str, pdf: bool) -> Written:
    """Names may hold dots and folders."""
    html, record, page = (folder / f"{name}{suffix}" for suffix in (".html", ".json", ".pdf"))
    return Written(html, record, page if pdf else None)


def _there(place: Written, inputs: str) -> Written | None:
    """The report that is there, if it is whole and of the same sources."""
    files = [f for f in (place.html, place.pdf) if f is not None]
    try:
        known = json.loads(place.record.read_text("utf-8"))
        if known["inputs_sha256"] != inputs or not all(f.is_file() for f in files):
            return None
        failed = tuple(f"{f['name']}: {f['why']}" for f in known["not_scored"])
        return replace(place, was_there=True, has_figures=known["figures"]["sequences"] is not None, not_scored=failed)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write(report: Report, place: Written, inputs: str, pdf: PdfOf | None) -> Written:
    """The JSON last: with it the report is whole."""
    page = page_of(report)
    write_whole(place.html, html_of(page).encode("utf-8", "backslashreplace"))
    if place.pdf is not None and pdf is not None:
        write_whole(place.pdf, pdf(page))
    record = record_of(report, inputs)
    text = json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    write_whole(place.record, text.encode("utf-8", "backslashreplace"))
    failed = tuple(f"{f['name']}: {f['why']}" for f in record["not_scored"])
    return replace(place, has_figures=report.figures.clinical is not None, not_scored=failed)


def _check(paths: Sequence[Path], out: Path, asked: Asked, each: bool) -> None:
    if not paths:
        raise UsageError("There is no recording and no video below these folders.", "Name others.")
    if each and asked.against:
        raise UsageError("A comparison is of all procedures together.", "Leave out the reports of each.")
    if out.resolve() in {path.resolve() for path in paths}:
        raise UsageError(f"{out} is one of the procedures.", "Choose a folder of its own for the reports.")
