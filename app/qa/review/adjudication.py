"""One view out of two: what both readers say is taken over, and each disagreement is decided by a third.

The result is a review of its own, with every decision as an operation, so that it can be undone, audited and published
as any other. A frame with an open disagreement is not reviewed: it enters no figure until somebody has decided.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from pydantic import ValidationError

from app.qa.review.agreement import AGREED_IOU, Comparison, Disagreement, compare
from app.qa.review.boxes import fitted
from app.qa.review.consensus import agreed_track
from app.qa.review.document import Document, Lesion
from app.qa.review.labels import Taken
from app.qa.review.log import SCHEMA
from app.qa.review.operations import Attributes, Decide, Imported, Piece, ReadRange
from app.qa.review.session import ReviewSession
from app.qa.review.sorted_map import SortedMap
from app.qa.review.tracks import Box, Range, Track
from detector.errors import UsageError
from detector.schema import describe_validation_error

if TYPE_CHECKING:
    from app.qa.opened import Opened

ADJUDICATOR: Final = "adjudicator"
Take = Literal["a", "b", "neither", "own"]

__all__ = ["ADJUDICATOR", "AGREED_IOU", "Adjudication", "adjudicate"]


def adjudicate(
    opened: Opened, a: ReviewSession, b: ReviewSession, *, by: str = ADJUDICATOR, folder: Path | None = None
) -> Adjudication:
    """Begin, or go on, to settle what two readers differ on.

    Args:
        opened: the procedure.
        a: the first reader's review.
        b: the second's.
        by: who decides; may be neither of them.
        folder: for logs; None: with the recording, or beside the video.

    Raises:
        UsageError: a blinded reader has not committed, the two are one, or the log cannot be written.
        FormatError: the log of the adjudication cannot be read.
    """
    for reader in (a, b):
        if reader.blinded and not reader.committed:
            raise UsageError(f"{reader.reviewer} has not committed yet.", "Adjudicate when both have.")
    if a.path == b.path or by.casefold() in (a.reviewer.casefold(), b.reviewer.casefold()):
        raise UsageError("Two readers and a third who decides are needed.", "Choose two reviews by others.")
    session = ReviewSession.open(opened, by, folder=folder, from_labels=False)
    try:
        return Adjudication(opened, session, a, b)
    except BaseException:
        session.close()
        raise


class Adjudication:
    """What two readers differ on, and what was decided; made by :func:`adjudicate`.

    Attributes:
        session: the review that comes out; publish it, undo in it, close it.
        comparison: the two readers beside each other, as they were when the adjudication began or now.
        stale: the readers' reviews have changed since it began: decisions were made on what they said then.
    """

    def __init__(self, opened: Opened, session: ReviewSession, a: ReviewSession, b: ReviewSession) -> None:
        self.session = session
        self._size_of = opened.size_of
        self._a, self._b = _said(a), _said(b)
        self._names = (a.reviewer, b.reviewer)
        self._moot: tuple[Document, frozenset[str]] | None = None
        self.comparison: Comparison = compare(self._a, self._b)
        pairs = self.comparison.pairs
        self._numbers: dict[tuple[int | None, int | None], int] = {}
        only_a = [(x.id, None) for x in self._a.lesions if x.id not in {p[0] for p in pairs}]
        only_b = [(None, x.id) for x in self._b.lesions if x.id not in {p[1] for p in pairs}]
        for number, key in enumerate([*pairs, *only_a, *only_b], start=1):
            self._numbers[key] = number
        mark = _mark_of(a, b)
        begun = bool(session.imports)
        self.stale = begun and session.imports[0] != mark
        if not begun and not session.read_only:
            session.take_over(self._agreed(*mark))

    @property
    def document(self) -> Document:
        """What comes out, so far."""
        return self.session.document

    @property
    def readers(self) -> tuple[Document, Document]:
        """What the two readers stand by."""
        return self._a, self._b

    @property
    def open_disagreements(self) -> tuple[Disagreement, ...]:
        """What is still to be decided, longest first; nothing of a lesion that was decided not to be there."""
        done = {*self.document.decisions, *self.moot}
        return tuple(d for d in self.comparison.disagreements if d.name not in done)

    @property
    def moot(self) -> frozenset[str]:
        """Names of what needs no decision any more: attributes of a lesion of which no box is left."""
        document = self.document
        if self._moot is None or self._moot[0] is not document:
            done = set(document.decisions)
            waiting = {
                (d.lesion_a, d.lesion_b)
                for d in self.comparison.disagreements
                if d.kind != "attribute" and d.name not in done
            }
            names = frozenset(
                d.name
                for d in self.comparison.disagreements
                if d.kind == "attribute"
                and (d.lesion_a, d.lesion_b) not in waiting
                and not document.has(self._number(d))
            )
            self._moot = document, names
        return self._moot[1]

    def own_track(self, disagreement: Disagreement, boxes: Mapping[int, Box]) -> Track:
        """What boxes of one's own would amount to, before they are decided on: see :meth:`decide`.

        Raises:
            UsageError: there is none in the range, or it is not in the picture.
        """
        return self._own(disagreement, boxes)

    def number_of(self, disagreement: Disagreement) -> int:
        """The lesion's number in what comes out."""
        return self._number(disagreement)

    def decide(
        self,
        disagreement: Disagreement,
        take: Take,
        *,
        boxes: Mapping[int, Box] | None = None,
        attributes: Mapping[str, object] | None = None,
    ) -> None:
        """Settle a disagreement: one operation, which undo takes back.

        Args:
            disagreement: one of :attr:`comparison`.
            take: whose view counts; ``neither``: there is no lesion, or the attribute stays unknown; ``own``: with
                `boxes` or `attributes`.
            boxes: by position in the disagreement's range; one box stands for all of it, between several it moves.
            attributes: for an attribute.

        Raises:
            UsageError: a box or attribute is missing or not valid, or the review cannot be edited.
            OutputError: it cannot be saved; nothing has changed.
        """
        number = self._number(disagreement)
        edit: dict[str, Any] = {"about": disagreement.name, "take": take}
        if disagreement.kind == "attribute":
            edit |= self._attribute(disagreement, number, take, attributes or {})
        else:
            edit |= self._boxes(disagreement, number, take, boxes or {})
        self.session.decide(Decide(first=disagreement.first, last=disagreement.last, **edit))

    def _number(self, d: Disagreement) -> int:
        known = self._numbers.get((d.lesion_a, d.lesion_b))
        if known is None:
            raise UsageError("This disagreement is not of these two reviews.", "Choose one of the list.")
        return known

    def _lesions(self, d: Disagreement) -> tuple[Lesion | None, Lesion | None]:
        return (
            self._a.lesion(d.lesion_a) if d.lesion_a is not None else None,
            self._b.lesion(d.lesion_b) if d.lesion_b is not None else None,
        )

    def _boxes(self, d: Disagreement, number: int, take: Take, boxes: Mapping[int, Box]) -> dict[str, Any]:
        one, other = self._lesions(d)
        if take == "own":
            track = self._own(d, boxes)
        else:
            chosen = {"a": one, "b": other}.get(take)
            track = chosen.track.cut(d.first, d.last) if chosen is not None else Track()
        reviewed = tuple(self._read(self._settled(d)))
        if not track.stretches():
            return {"erased": (number,), "reviewed": reviewed}
        known = self.document.has(number)
        said = self.document.lesion(number).attributes if known else _both_say(one, other)
        return {
            "lesions": (Imported(lesion=number, attributes=said, piece=Piece.of(track)),),
            "reviewed": reviewed,
        }

    def _own(self, d: Disagreement, boxes: Mapping[int, Box]) -> Track:
        if not boxes or not all(d.first <= position <= d.last for position in boxes):
            raise UsageError(f"An own box is needed within frames {d.first} to {d.last}.", "Draw it there.")
        cut = {position: fitted(box, self._size_of(position)) for position, box in boxes.items()}
        cut.setdefault(d.first, cut[min(cut)])
        cut.setdefault(d.last, cut[max(cut)])
        return Track(SortedMap(cut.items()))

    def _attribute(self, d: Disagreement, number: int, take: Take, attributes: Mapping[str, object]) -> dict[str, Any]:
        one, other = self._lesions(d)
        if not self.document.has(number):
            raise UsageError("Decide first whether there is this lesion at all.", "Choose its other disagreements.")
        if take == "own" and set(attributes) != {d.attribute}:
            raise UsageError(f"A value for '{d.attribute}' is needed.", "Choose one.")
        chosen = {"a": one, "b": other}.get(take)
        theirs = getattr(chosen.attributes, d.attribute) if chosen is not None else None
        value = attributes.get(d.attribute) if take == "own" else theirs
        said = self.document.lesion(number).attributes.model_dump() | {d.attribute: value}
        try:
            made = Attributes.model_validate(said)
        except ValidationError as error:
            raise UsageError(f"Lesion {number}: {describe_validation_error(error)}.") from error
        return {"lesions": (Imported(lesion=number, attributes=made),)}

    def _agreed(self, file: str, sha256: str) -> Taken:
        """What both say: boxes half-way between theirs; what one of them calls unclear is unclear."""
        lesions = []
        for (one, other), number in self._numbers.items():
            a = self._a.lesion(one) if one is not None else None
            b = self._b.lesion(other) if other is not None else None
            track = agreed_track(a.track if a else Track(), b.track if b else Track(), self.comparison.both)
            if track.stretches():
                lesions.append(Imported(lesion=number, attributes=_both_say(a, b), piece=Piece.of(track)))
        reviewed = tuple(self._read(without(self.comparison.both, _spans(self.comparison.disagreements))))
        return Taken(file, sha256, SCHEMA, tuple(lesions), reviewed, ())

    def _settled(self, d: Disagreement) -> tuple[Range, ...]:
        """What nothing open is left in, once this is decided."""
        others = [o for o in self.open_disagreements if o.name != d.name]
        return without([(d.first, d.last)], _spans(others))

    def _read(self, ranges: Iterable[Range]) -> Iterable[ReadRange]:
        return (
            ReadRange(first=first, last=last, reviewer=name) for first, last in ranges for name in sorted(self._names)
        )


def _said(session: ReviewSession) -> Document:
    """What a reader stands by: a blinded one what was said before unblinding."""
    return session.committed_document if session.blinded and session.committed_document else session.document


def _mark_of(a: ReviewSession, b: ReviewSession) -> tuple[str, str]:
    lines = "".join(reader.last_line[1] for reader in (a, b))
    return f"{a.path.name}, {b.path.name}", hashlib.sha256(lines.encode()).hexdigest()


def _both_say(a: Lesion | None, b: Lesion | None) -> Attributes:
    """What the readers know of a lesion; nothing of what they differ on."""
    said: dict[str, Any] = {}
    for name in ("size_mm", "paris", "lst", "site", "histology"):
        values = [getattr(x.attributes, name) for x in (a, b) if x is not None]
        known = [v for v in values if v is not None]
        if name == "size_mm" and known:
            said[name] = round(sum(known) / len(known), 1)
        elif len(set(known)) == 1:
            said[name] = known[0]
    notes = [x.attributes.note for x in (a, b) if x is not None and x.attributes.note]
    return Attributes(**said, note="; ".join(dict.fromkeys(notes))[:10_000])


def _spans(disagreements: Iterable[Disagreement]) -> list[Range]:
    return [(d.first, d.last) for d in disagreements if d.kind != "attribute"]


def without(ranges: Iterable[Range], holes: Iterable[Range]) -> tuple[Range, ...]:
    """Ranges without what lies in others."""
    left = list(ranges)
    for low, high in holes:
        cut = []
        for first, last in left:
            if high < first or low > last:
                cut.append((first, last))
                continue
            cut += [(first, low - 1)] if first < low else []
            cut += [(high + 1, last)] if last > high else []
        left = cut
    return tuple(left)
