"""What a reader may see: a blinded one nothing that could tell them what to find, until they have committed.

Order, too, can bias: procedures are shuffled, for each reader in another way that stays the same for that reader.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from app.qa.review.session import ReviewSession


@dataclass(frozen=True, slots=True)
class Visible:
    """What may be shown.

    Attributes:
        ai: boxes, candidates, scores and events of any model, live or afterwards.
        live_marks: what was marked during the examination: polyps found and removed, bookmarks, snapshots.
        freezes: where the endoscopist froze the picture or slowed down for something.
        identity: date, room, endoscopist, names of files and folders.
        other_readers: their reviews, and that they exist.
        labels: labels that were published for these videos.
    """

    ai: bool
    live_marks: bool
    freezes: bool
    identity: bool
    other_readers: bool
    labels: bool


ALL: Final = Visible(True, True, True, True, True, True)
NOTHING: Final = Visible(False, False, False, False, False, False)


def visible_to(session: ReviewSession) -> Visible:
    """What the reader of a session may see now."""
    return NOTHING if session.blinded and not session.committed else ALL


def blinded_order(paths: Iterable[Path], reviewer: str) -> list[Path]:
    """Procedures in an order that tells nothing: other for each reader, always the same for one.

    It depends on names only, not on folders, so that a moved drive shuffles nothing anew; a procedure that comes later
    is sorted in without changing the order of the others.
    """

    def place(path: Path) -> tuple[bytes, str]:
        return hashlib.sha256(f"{reviewer.casefold()}\0{path.name}".encode()).digest(), str(path)

    return sorted(paths, key=place)
