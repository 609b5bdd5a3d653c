"""The reports from the command line: an application without a window, because Qt needs one to set type."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from app.gui.platform import missing_libraries
from detector.errors import UsageError

if TYPE_CHECKING:
    from app.gui.report_pdf import WrittenReports
    from app.gui.report_words import Language


def run_report(folder: Path, out: Path, language: Language) -> WrittenReports:
    """Write the reports of an examination; see ``report_pdf.write_reports``.

    Raises:
        UsageError: Qt cannot run on this machine.
        FormatError: there is no examination, or it cannot be read.
        OutputError: the reports cannot be written.
    """
    missing = missing_libraries(with_display=False)
    if missing:
        raise UsageError("System libraries are missing.", f"Install them: apt-get install {' '.join(missing)}")
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    from app.gui.application import application
    from app.gui.report_pdf import write_reports

    application()
    return write_reports(folder, out, language)
