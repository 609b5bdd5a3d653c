"""The miss audit between the window and `app.qa.worklist.planning`: drawing, going on, counting. No Qt.

Not in the window's thread: procedures are opened and their logs read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from app.gui.language import told, tr
from app.gui.qa.pages import Desk
from app.gui.qa.supply import evidence_of
from app.qa.loading import load_results
from app.qa.review.places import slug_of
from app.qa.worklist.answers import Answer
from app.qa.worklist.clips import Clip
from app.qa.worklist.planning import AuditPlan, AuditResult, Share, Windows, make_plan, windows_of
from app.settings.store import config_folder
from detector.errors import FormatError, PolypwatchError, SourceError, UsageError

Tell = Callable[[object], None]


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an audit stands.

    Attributes:
        plan: what was drawn.
        left: the windows without an answer, in the order in which they are asked.
        answered: how many have one.
        result: what came of it; None until every drawn window has an answer: who looks on the way and stops where it
            pleases shifts the interval.
        troubles: procedures whose answers or windows cannot be had, and why.
    """

    plan: AuditPlan
    left: tuple[Clip, ...]
    answered: int
    result: AuditResult | None
    troubles: tuple[str, ...] = ()

    @property
    def drawn(self) -> int:
        """How many windows were drawn."""
        return sum(len(share.drawn) for share in self.plan.shares)


def plan_path(reviewer: str, reviews: Path | None) -> Path:
    """Where a reader's plan is kept: with the review logs if these have a folder of their own."""
    return (reviews or config_folder()) / f"audit-plan-{slug_of(reviewer)}.json"


def standing(desk: Desk, paths: Sequence[Path], tell: Tell) -> Standing | None:
    """The audit that was begun; None if there is none of these procedures.

    Raises:
        FormatError: the plan is there and cannot be read.
    """
    path = plan_path(desk.reviewer, desk.reviews)
    if not path.is_file():
        return None
    plan = AuditPlan.load(path)
    if not {share.procedure for share in plan.shares if share.drawn} <= set(paths):
        return None
    return stand(desk, plan, tell)


def stand(desk: Desk, plan: AuditPlan, tell: Tell) -> Standing:
    """Read what was answered so far."""
    answers: dict[Path, Sequence[Answer]] = {}
    troubles: list[str] = []
    for number, share in enumerate(plan.shares):
        tell((number, len(plan.shares)))
        if not share.drawn:
            continue
        try:
            lease = desk.lease(share.procedure)
        except PolypwatchError as error:
            troubles.append(f"{_name(desk, share.procedure)}: {told(str(error))}")
            continue
        try:
            answers[share.procedure] = lease.session.document.answers
        finally:
            lease.release()
    known = {answer.clip for given in answers.values() for answer in given if answer.plan == plan.id}
    clips = plan.clips()
    left = tuple(clip for clip in clips if clip.id not in known and clip.procedure in answers)
    result = plan.result(answers)
    whole = result.finished and not troubles
    return Standing(plan, left, len(clips) - len(left), result if whole else None, tuple(troubles))


def draw_plan(desk: Desk, paths: Sequence[Path], total: int, tell: Tell) -> Standing:
    """Draw windows from all procedures, and keep the plan.

    Raises:
        UsageError: there is nothing to draw from.
        OutputError: the plan cannot be kept.
    """
    windows, troubles = _windows(desk, paths, tell)
    plan = make_plan(windows, total)
    if not any(share.drawn for share in plan.shares):
        raise UsageError(
            "There is no window to draw: everything in these procedures is reviewed or was on the screen.",
            "Choose other procedures, or analyse these first.",
        )
    plan.save(plan_path(desk.reviewer, desk.reviews))
    found = stand(desk, plan, tell)
    return replace(found, troubles=(*troubles, *found.troubles))


def draw_more(desk: Desk, plan: AuditPlan, more: int, tell: Tell) -> Standing:
    """Draw some more windows for an audit whose answers stay: the longer draw begins with the shorter one.

    Raises:
        UsageError: what there is to draw from is no longer the same.
        OutputError: the plan cannot be kept.
    """
    windows, _ = _windows(desk, [share.procedure for share in plan.shares], tell)
    drawn = sum(len(share.drawn) for share in plan.shares)
    longer = make_plan(windows, drawn + more, plan.seed)
    if len(longer.shares) != len(plan.shares) or not all(map(_continues, longer.shares, plan.shares)):
        raise UsageError(
            "These procedures were reviewed or analysed since the windows were drawn, so that the draw cannot go on.",
            "Its result stands. Draw a new audit for what is open now.",
        )
    longer = replace(longer, id=plan.id)
    longer.save(plan_path(desk.reviewer, desk.reviews))
    return stand(desk, longer, tell)


def _continues(longer: Share, share: Share) -> bool:
    """Whether a draw begins with another one from as many windows."""
    same = (longer.procedure, longer.windows) == (share.procedure, share.windows)
    return same and longer.drawn[: len(share.drawn)] == share.drawn


def _windows(desk: Desk, paths: Sequence[Path], tell: Tell) -> tuple[list[tuple[Path, Windows]], list[str]]:
    found: list[tuple[Path, Windows]] = []
    troubles: list[str] = []
    for number, path in enumerate(paths):
        tell((number, len(paths)))
        try:
            lease = desk.lease(path)
        except PolypwatchError as error:
            troubles.append(f"{_name(desk, path)}: {told(str(error))}")
            continue
        try:
            if lease.session.read_only:
                raise FormatError(lease.session.read_only)
            results = load_results(lease.opened)
            if not results.candidates and not results.shown:
                # The sensitivity of an AI that never looked at it would be 0.
                raise SourceError("No model has looked at it: it is left out of the audit.")
            evidence = evidence_of(lease.opened, results, lease.session.document)
            found.append((path, windows_of(evidence, lease.session.document.is_reviewed)))
        except PolypwatchError as error:
            troubles.append(f"{_name(desk, path)}: {told(str(error))}")
        finally:
            lease.release()
    return found, troubles


def _name(desk: Desk, procedure: Path) -> str:
    """How a procedure is called here; who reads blinded is not told."""
    return tr("a procedure") if desk.blinded else procedure.name
