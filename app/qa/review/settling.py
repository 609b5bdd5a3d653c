"""Which readers of a procedure can be settled by a third, and who that third is in the logs.

Whoever decides keeps a log of their own beside any review of theirs: ``Anna Rossi (adjudicator)``. They are not told
which of the two readers is A and which is B.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Final

from app.qa.review.adjudication import Adjudication, adjudicate
from app.qa.review.agreement import Agreement
from app.qa.review.agreement import agreement as agreement_of
from app.qa.review.document import Document
from app.qa.review.log import SCHEMA, Reading, read_log
from app.qa.review.operations import Commit, Import
from app.qa.review.places import log_path, other_logs, slug_of
from app.qa.review.session import ReviewSession
from detector.errors import PolypwatchError, UsageError

if TYPE_CHECKING:
    from app.qa.opened import Opened

_SUFFIX: Final = " (adjudicator)"


@dataclass(frozen=True, slots=True)
class Committed:
    """A reader who stands by a review.

    Attributes:
        name: as they write it.
        path: of the log.
    """

    name: str
    path: Path


Two = tuple[Committed, Committed]


@dataclass(frozen=True, slots=True, eq=False)
class Settling:
    """Two readers, what they differ on, and how far they agree.

    Attributes:
        adjudication: takes the decisions.
        agreement: box F1 and kappa, as the readers had it.
        names: of reader A and reader B, to be shown when all is settled.
    """

    adjudication: Adjudication
    agreement: Agreement
    names: tuple[str, str]

    @property
    def a(self) -> Document:
        """What reader A stands by."""
        return self.adjudication.readers[0]

    @property
    def b(self) -> Document:
        """What reader B stands by."""
        return self.adjudication.readers[1]


def adjudicator_name(name: str) -> str:
    """The name under which somebody's decisions are kept."""
    plain = " ".join(name.split()).removesuffix(_SUFFIX)
    slug_of(plain)
    return plain + _SUFFIX


def is_adjudication(reading: Reading) -> bool:
    """Whether a log settles what two others say: it began from their logs."""
    return any(isinstance(r.operation, Import) and r.operation.form == SCHEMA for r in reading.records)


def has_committed(reading: Reading) -> bool:
    """Whether the log is of a reader who stands by a review of their own."""
    return any(isinstance(r.operation, Commit) for r in reading.records) and not is_adjudication(reading)


def committed_readers(opened: Opened, folder: Path | None = None) -> tuple[tuple[Committed, ...], tuple[str, ...]]:
    """Who has committed a review of a procedure, by name; those who settled others are none of them.

    Args:
        opened: the procedure.
        folder: for logs; None: with the recording, or beside the video.

    Returns:
        The readers, and which logs cannot be used, in sentences.
    """
    some = log_path(opened, "0", folder)
    found, problems = [], []
    for path in sorted({*other_logs(some), *([some] if some.exists() else [])}):
        try:
            reading = read_log(path)
        except PolypwatchError as error:
            problems.append(f"The review {path.name} is left out: {error}")
            continue
        if reading.fault:
            problems.append(f"The review {path.name} is left out, because its chain is broken: {reading.fault}.")
        elif reading.head is not None and has_committed(reading):
            found.append(Committed(reading.head.reviewer, path))
    return tuple(sorted(found, key=lambda r: r.name.casefold())), tuple(problems)


def pairs_of(readers: Iterable[Committed]) -> tuple[Two, ...]:
    """Every two of them."""
    return tuple(combinations(readers, 2))


def begin(opened: Opened, two: Two, by: str, folder: Path | None = None) -> Settling:
    """Begin, or go on, to settle what two readers differ on. Takes seconds for an hour.

    Args:
        opened: the procedure, with all its pictures counted.
        two: readers who have committed, in any order.
        by: name of the third, who decides; their review of the procedure, if there is one, stays as it is.
        folder: for logs, as in :func:`committed_readers`.

    Raises:
        UsageError: the third is one of the two, or has settled two others of this procedure already.
        FormatError: a log cannot be read, or is of another procedure.
        OutputError: what both say cannot be saved.
    """
    if slug_of(by) in {slug_of(reader.name) for reader in two}:
        raise UsageError(f"{by} is one of the two readers.", "Give the name of somebody else who decides.")
    first, second = _shuffled(two)
    sessions: list[ReviewSession] = []
    try:
        for reader in (first, second):
            sessions.append(ReviewSession.open(opened, reader.name, folder=folder, from_labels=False))
        made = adjudicate(opened, *sessions, by=adjudicator_name(by), folder=folder)
        said = made.session.imports
        if said and said[0][0] != f"{first.path.name}, {second.path.name}":
            made.session.close()
            raise UsageError(
                f"{made.session.path.name} settles two other readers ({said[0][0]}).",
                "Choose these, or let somebody else decide.",
            )
    finally:
        for session in sessions:
            session.close()
    return Settling(made, agreement_of(*made.readers), (first.name, second.name))


def _shuffled(two: Two) -> Two:
    """The same order every time, which says nothing of who is who: it differs from one procedure to the next."""
    salt = "".join(sorted(_first_line(reader.path) for reader in two))
    first, second = sorted(two, key=lambda r: hashlib.sha256((salt + slug_of(r.name)).encode()).hexdigest())
    return first, second


def _first_line(path: Path) -> str:
    with path.open(encoding="utf-8", errors="replace") as file:
        return file.readline()
