"""Standing by what was settled: a plain question, and labels for training and scoring if they are wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.gui.language import tr
from app.gui.qa.replay_words import share_words
from app.qa.review.publish import PublishedFile, publish

if TYPE_CHECKING:
    from app.gui.qa.settle_page import SettlePage


def ask_publish(page: SettlePage) -> None:
    """Ask; nothing is published by a key alone."""
    document, axis = page.session.document, page.opened.axis
    facts = tr("{lesions} lesions. {share}.").format(lesions=len(document.lesions), share=share_words(document, axis))
    words = tr("Publish what was settled? The labels are what both readers say, and what you decided.")
    answers = [
        (tr("Commit and write the labels"), lambda: _commit(page, labels=True)),
        (tr("Commit only"), lambda: _commit(page)),
    ]
    page.parts.question.ask(f"{words}\n{facts}", answers, tr("Not now"))


def _commit(page: SettlePage, *, labels: bool = False) -> None:
    session, opened = page.session, page.opened

    def write() -> tuple[PublishedFile, ...]:
        session.commit()
        return publish(session, opened) if labels else ()

    page.scribe.do(write, lambda files: _committed(page, files))
    page.say(tr("Committing ..."))


def _committed(page: SettlePage, files: tuple[PublishedFile, ...]) -> None:
    words = tr("Committed.")
    if files:
        words = tr("Committed. Labels were written: {names}.").format(names=", ".join(f.path.name for f in files))
        kept = ", ".join(file.kept_aside.name for file in files if file.kept_aside is not None)
        words += " " + tr("Those before are kept as {names}.").format(names=kept) if kept else ""
    page.say(words)
    page.published()
