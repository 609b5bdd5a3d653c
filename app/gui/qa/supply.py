"""Where the worklist's clips come from: procedure after procedure, beside the window's thread. No Qt.

The first clips are there as soon as the first procedure is read; nobody waits for the fortieth.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.gui.language import told
from app.qa.answers import Shown
from app.qa.loading import Results, load_results
from app.qa.opened import Opened
from app.qa.playback.pictures import Pictures
from app.qa.review import Document
from app.qa.review.blinding import blinded_order
from app.qa.scored import breaks_of
from app.qa.sessions import Lease
from app.qa.whatif import shown_of
from app.qa.worklist.appearance import Vector, appearance
from app.qa.worklist.clips import Clip, Corners
from app.qa.worklist.evidence import Evidence, gather
from app.qa.worklist.ranking import CLIPS_A_PROCEDURE, ranked
from detector.alerts import AlertSettings
from detector.errors import PolypwatchError, SourceError

Tell = Callable[[object], None]


@dataclass(frozen=True, slots=True)
class Step:
    """One procedure was looked through.

    Attributes:
        done: how many were, this one included.
        of: how many there are.
        procedure: which.
        clips: its clips, the one that teaches most first.
        analysed: whether a model has said anything of it.
        trouble: why it has none, or what must be said of its results; empty if all is well.
    """

    done: int
    of: int
    procedure: Path
    clips: tuple[Clip, ...]
    analysed: bool
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Supply:
    """What came of looking through all of them.

    Attributes:
        paths: every procedure that was asked for.
        not_analysed: those of which no model has said anything.
        troubles: what must be said, each with the procedure's name.
    """

    paths: tuple[Path, ...]
    not_analysed: tuple[Path, ...]
    troubles: tuple[str, ...]


def look_through(
    paths: Sequence[Path], lease: Callable[[Path], Lease], tell: Tell, limit: int = CLIPS_A_PROCEDURE
) -> Supply:
    """Find the clips of every procedure. Takes a while: not in the window's thread.

    Args:
        paths: in the order in which they are asked.
        lease: opens a procedure with the reader's session.
        tell: gets a `Step` after each; raises to end it.
        limit: clips of a procedure at most.
    """
    bare: list[Path] = []
    troubles: list[str] = []
    for number, path in enumerate(paths, 1):
        clips, analysed, trouble = _clips_of(path, lease, limit)
        if not analysed and not trouble:
            bare.append(path)
        if trouble:
            troubles.append(f"{path.name}: {told(trouble)}")
        tell(Step(number, len(paths), path, clips, analysed, trouble))
    return Supply(tuple(paths), tuple(bare), tuple(troubles))


def _clips_of(path: Path, lease: Callable[[Path], Lease], limit: int) -> tuple[tuple[Clip, ...], bool, str]:
    """Its clips, whether a model answered, and what must be said."""
    try:
        held = lease(path)
    except PolypwatchError as error:
        return (), False, str(error)
    try:
        results = load_results(held.opened)
        if held.session.read_only:
            return (), bool(results.candidates), held.session.read_only
        found = evidence_of(held.opened, results, held.session.document)
        return _ranked(held.opened, found, limit), bool(results.candidates), " ".join(map(told, results.problems))
    except PolypwatchError as error:
        return (), False, str(error)
    finally:
        held.release()


def _ranked(opened: Opened, found: Evidence, limit: int) -> tuple[Clip, ...]:
    """The clips in their order. How boxes look costs a seek for each: only once there is something to resemble."""
    if not any(answer.is_false and answer.box is not None for answer in found.answers):
        return ranked(found, limit)
    with Pictures(opened) as pictures:

        def looks(position: int, box: Corners) -> Vector | None:
            try:
                return appearance(pictures.picture(position), box)
            except SourceError:  # a damaged picture looks like nothing
                return None

        return ranked(found, limit, looks)


def evidence_of(opened: Opened, results: Results, document: Document) -> Evidence:
    """What is known of a procedure when its clips are chosen, or windows are drawn from it."""

    def known(position: int) -> tuple[Corners, ...]:
        return tuple(mark.box for mark in document.marks_at(position))

    return gather(
        opened.path,
        opened.axis,
        results.candidates,
        _shown(opened, results),
        answers=document.answers,
        known=known,
    )


def _shown(opened: Opened, results: Results) -> tuple[Shown, ...]:
    """What stood on the screen, and what each re-analysis would have shown at its own threshold."""
    again = tuple(
        shown_of(candidates, opened.axis, AlertSettings(candidates.threshold), breaks_of(opened))
        for candidates in results.candidates
        if candidates.origin != "live" or not results.shown
    )
    return (*results.shown, *again)


def in_order(paths: Sequence[Path], reviewer: str, *, blinded: bool) -> tuple[Path, ...]:
    """The order in which procedures are asked: as they come, and for a blinded reader shuffled."""
    return tuple(blinded_order(paths, reviewer)) if blinded else tuple(paths)
