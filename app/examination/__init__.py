"""The record of one examination: what happened when, kept on disk as it happens, and what follows from it. No Qt here.

``Keeper`` writes the journal (schema ``polypwatch.examination/1``) while the examination runs; ``read_journal`` reads
it, also while it is written; ``Examination.replay`` makes the state out of it; ``quality`` and ``report`` make figures
and the report. Nothing that was once written is ever changed: what was marked by mistake is withdrawn by another event.
"""

from app.examination.keeper import Keeper
from app.examination.record import Examination, unfinished
from app.examination.store import JOURNAL_NAME, Journal, read_journal

__all__ = ["JOURNAL_NAME", "Examination", "Journal", "Keeper", "read_journal", "unfinished"]
