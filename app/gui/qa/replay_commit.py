"""Standing by a review: a plain question, and labels for training and scoring if they are wanted."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from app.gui.language import tr
from app.gui.qa.replay_words import share_words
from app.gui.qa.worklist_words import clock
from app.qa.review.publish import PublishedFile, publish
from app.qa.review.unboxed import unboxed

if TYPE_CHECKING:
    from app.gui.qa.replay_page import ReplayPage


def ask_commit(page: ReplayPage) -> None:
    """Ask; nothing is committed by a key alone."""
    session = page.session
    if not page.edits.editable:
        page.say(session.read_only)
        return
    document, axis = session.document, page.going.state.axis
    facts = tr("{lesions} lesions. {share}.").format(lesions=len(document.lesions), share=share_words(document, axis))
    open_ones = unboxed(document)
    if open_ones:
        facts += "\n" + tr(
            "{n} places that you called a polyp in the worklist have no box of yours and would be labelled 'no polyp'; "
            "the first is at {time}."
        ).format(n=len(open_ones), time=clock(float(axis.times_s[min(open_ones[0], len(axis) - 1)])))
    if session.blinded and not session.committed:
        words = tr("Commit this review? What you said so far stands as it is; then you see what was hidden.")
        answers: list[tuple[str, Callable[[], object]]] = [(tr("Commit and unblind"), lambda: _commit(page))]
    else:
        words = tr("Commit this review? You can still correct it; later edits are noted as such.")
        answers = [
            (tr("Commit and write the labels"), lambda: _commit(page, labels=True)),
            (tr("Commit only"), lambda: _commit(page)),
        ]
    if open_ones:
        answers.insert(0, (tr("Show the first"), lambda: page.going.to(open_ones[0])))
    page.parts.question.ask(f"{words}\n{facts}", answers, tr("Not now"))


def _commit(page: ReplayPage, *, labels: bool = False) -> None:
    session, opened = page.session, page.opened

    def write() -> tuple[PublishedFile, ...]:
        session.commit()
        return publish(session, opened) if labels else ()

    page.scribe.do(write, lambda files: _committed(page, files))
    page.say(tr("Committing ..."))


def _committed(page: ReplayPage, files: tuple[PublishedFile, ...]) -> None:
    if files:
        names = ", ".join(file.path.name for file in files)
        kept = ", ".join(file.kept_aside.name for file in files if file.kept_aside is not None)
        words = tr("Committed. Labels were written: {names}.").format(names=names)
        words += " " + tr("Those before are kept as {names}.").format(names=kept) if kept else ""
    else:
        words = tr("Committed.")
    page.say(words)
    page.committed(labels=bool(files))
