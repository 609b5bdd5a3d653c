"""Documents one after another, as edits, undo and redo go through them. No files.

Every edit keeps the document before it; they share what they have in common, so that undo needs no replay.
"""

from __future__ import annotations

from typing import Final

from app.qa.review.applying import apply
from app.qa.review.document import Document
from app.qa.review.log import SCHEMA as REVIEWS
from app.qa.review.operations import (
    EDITS,
    Commit,
    Decide,
    Draw,
    Import,
    Operation,
    Recovered,
    Redo,
    Split,
    Undo,
)
from app.qa.review.operations import Published as PublishedOp
from detector.annotation import SCHEMA as LABELS
from detector.errors import UsageError

_BEGUN_FROM: Final = (LABELS, REVIEWS)
"""Labels that lay there, what two readers agree on. Another tool's file was taken over by somebody: an edit."""


class History:
    """What a log amounts to, operation by operation.

    Attributes:
        document: now.
        committed: as it was when the reader first committed; None before.
        edits_since: edits, undos and redos since the last commit.
    """

    def __init__(self, length: int) -> None:
        """Args: length: how many positions the procedure has."""
        self.document = Document(length)
        self.committed: Document | None = None
        self.edits_since = 0
        self._past: list[tuple[int, Document]] = []
        self._future: list[tuple[int, Document]] = []
        self._highest = 0
        self._begun = False  # something was said
        self._kept = 0  # edits at the beginning that undo does not offer

    @property
    def begun(self) -> bool:
        """Whether anything was ever said, undone or not."""
        return self._begun

    @property
    def undoes(self) -> int | None:
        """The number of the edit that undo would take back; None if there is none.

        The labels that a review began from are no edit: one Ctrl+Z too many must not take every lesion away.
        """
        return self._past[-1][0] if len(self._past) > self._kept else None

    @property
    def redoes(self) -> int | None:
        """The number of the edit that redo would bring back; None if there is none."""
        return self._future[-1][0] if self._future else None

    @property
    def next_lesion(self) -> int:
        """A lesion number that was never used, whatever was undone since."""
        return self._highest + 1

    def tried(self, operation: Operation) -> Document:
        """The document after an operation, which is not taken yet.

        Raises:
            UsageError: it makes no sense now.
        """
        if isinstance(operation, Undo):
            return self._stepped(self._past, operation.of, "undo")
        if isinstance(operation, Redo):
            return self._stepped(self._future, operation.of, "redo")
        if isinstance(operation, EDITS):
            return apply(self.document, operation)
        return self.document

    def take(self, n: int, operation: Operation, made: Document) -> None:
        """Go on by an operation that is on the disk.

        Args:
            n: its number.
            operation: what was done.
            made: what :meth:`tried` gave for it.
        """
        begun, self._begun = self._begun, self._begun or not isinstance(operation, Recovered)
        match operation:
            case Commit():
                self.committed = self.committed or self.document
                self.edits_since = 0
                return
            case Recovered() | PublishedOp():
                return
            case Undo():
                self._future.append((self._past.pop()[0], self.document))
                self._kept = min(self._kept, len(self._past))  # as older versions could
            case Redo():
                self._past.append((self._future.pop()[0], self.document))
            case _:
                if isinstance(operation, Import) and not begun and operation.form in _BEGUN_FROM:
                    self._kept = 1
                self._past.append((n, self.document))
                self._future.clear()
                self._highest = max(self._highest, *_numbers(operation))
        self.edits_since += 1
        self.document = made

    def _stepped(self, stack: list[tuple[int, Document]], of: int, word: str) -> Document:
        if not stack:
            raise UsageError(f"There is nothing to {word}.")
        if stack[-1][0] != of:
            raise UsageError(f"Operation {of} is not the one to {word}: {stack[-1][0]} is.")
        return stack[-1][1]


def _numbers(operation: Operation) -> list[int]:
    """Lesion numbers that an edit brings in."""
    match operation:
        case Draw():
            return [operation.lesion]
        case Split():
            return [operation.new]
        case Import() | Decide():
            return [0, *(x.lesion for x in operation.lesions)]
        case _:
            return [0]
