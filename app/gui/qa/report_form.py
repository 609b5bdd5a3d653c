"""The report of the chosen procedures: asked for in a small form, written beside the window's thread."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from app.gui.language import tr
from app.gui.qa.library_forms import Form
from app.gui.qa.report_pdf import qa_pdf_beside
from app.qa.progress import Progress, Stop, never, quiet
from app.qa.report.gathering import Asked
from app.qa.report.writing import Written, models_of, write_reports
from app.qa.scoring import LIVE, Wanted

if TYPE_CHECKING:
    from app.gui.qa.library_hand_out import HandOut


def write_qa_report(
    paths: Sequence[Path],
    out: Path,
    asked: Asked | None = None,
    *,
    each: bool = False,
    progress: Progress = quiet,
    stop: Stop = never,
) -> tuple[Written, ...]:
    """Write HTML, PDF and JSON of procedures into a folder; in any thread but the window's. The set's comes first.

    Args:
        paths: procedures.
        out: is made if it is not there.
        asked: whose answers, against which; None: what was shown live, else the only results.
        each: a report of each procedure, too.
        progress: told of each procedure.
        stop: asked before each.

    Raises:
        PolypwatchError: see `app.qa.report.writing.write_reports`.
    """
    return write_reports(paths, out, asked or Asked(), pdf=qa_pdf_beside, each=each, progress=progress, stop=stop)


def ask_for_report(work: HandOut, paths: Sequence[Path]) -> Form:
    """Of which model, against which, and where to?"""

    def go() -> None:
        asked = Asked(Wanted(results.currentData()), against.currentData(), pictures=pictures.isChecked())
        out, of_each = Path(place.text().strip()), each.isChecked()

        def write(progress: Progress, stop: Stop) -> str:
            made = write_qa_report(paths, out, asked, each=of_each, progress=progress, stop=stop)
            return _said(made)

        work.begin(tr("Writing the report"), write)

    words = tr(
        "Figures with their intervals, curves, and the worst misses and false alarms of the chosen procedures: as a "
        "page (HTML), as PDF and as numbers (JSON). Only what somebody reviewed counts."
    )
    form = Form(work, tr("Report of the QA room"), words, tr("Write"), go)
    results = form.choice(tr("Model"), [(tr("What was shown live, else the only results"), "")])
    against = form.choice(tr("Against"), [(tr("No other model"), "")])
    place = form.place(tr("Folder"))
    pictures = form.check(tr("With pictures of misses and false alarms"))
    pictures.setChecked(True)
    each = form.check(tr("Also a report of each procedure by itself"))

    def list_models(names: tuple[str, ...]) -> None:
        for name in names:
            words = tr("What was shown live") if name == LIVE else name
            results.addItem(words, name)
            against.addItem(words, name)

    work.desk.run_in_background(lambda: models_of(paths), list_models, lambda _: None, owner=form)
    form.open()
    return form


def _said(made: Sequence[Written]) -> str:
    """Where it is, and what must be said of it."""
    whole = made[0]
    said = [tr("The report is written: {file}.").format(file=whole.html)]
    if not whole.has_figures:
        said.append(tr("It holds no figures: they need procedures that somebody reviewed and a model answered."))
    failed = dict.fromkeys(why for each in made for why in each.not_scored)
    if failed:
        said.append(tr("{n} procedures could not be scored; the report says why.").format(n=len(failed)))
    return " ".join(said)
