"""The differences between two readers in the order in which they are asked, and where each is looked at. No widgets."""

from __future__ import annotations

from app.gui.qa.settle_words import MOOT, OPEN, SETTLED, list_words
from app.qa.axis import FrameAxis
from app.qa.review.agreement import Disagreement
from app.qa.review.settling import Settling


class Order:
    """As they come in the film, and what is said of a lesion last: whether there is one is asked before its size.

    Args:
        settling: whose differences.
        axis: of the procedure.

    Attributes:
        all: of them, settled or not.
    """

    def __init__(self, settling: Settling, axis: FrameAxis) -> None:
        self._settling, self._adjudication, self._axis = settling, settling.adjudication, axis
        found = self._adjudication.comparison.disagreements
        self.all = tuple(sorted(found, key=lambda d: (d.kind == "attribute", d.first, d.last)))

    def lines(self) -> list[str]:
        """Of the list: each with a sign for how things stand."""
        done, moot = set(self._adjudication.document.decisions), self._adjudication.moot
        signs = (SETTLED if d.name in done else MOOT if d.name in moot else OPEN for d in self.all)
        return [list_words(d, self._axis, sign) for d, sign in zip(self.all, signs, strict=True)]

    def place(self, d: Disagreement | None) -> int | None:
        """Where one stands."""
        return self.all.index(d) if d is not None and d in self.all else None

    def named(self, name: str) -> Disagreement | None:
        """The one of this name."""
        return next((d for d in self.all if d.name == name), None)

    def beside(self, d: Disagreement | None, by: int) -> Disagreement | None:
        """So many further on, or before."""
        at = self.place(d)
        if not self.all:
            return None
        return self.all[0 if at is None else min(max(at + by, 0), len(self.all) - 1)]

    def next_open(self, after: Disagreement | None) -> Disagreement | None:
        """The next one that is open, else the first; None if all are settled."""
        names = {d.name for d in self._adjudication.open_disagreements}
        at = self.place(after)
        begin = 0 if at is None else at + 1
        return next((d for d in (*self.all[begin:], *self.all[:begin]) if d.name in names), None)

    def asked_first(self, d: Disagreement) -> Disagreement | None:
        """What must be decided before an attribute of a lesion that is not there yet."""
        if not d.attribute or self._adjudication.document.has(self._adjudication.number_of(d)):
            return None
        lesions = d.lesion_a, d.lesion_b
        boxes = (other for other in self._adjudication.open_disagreements if not other.attribute)
        return next((other for other in boxes if (other.lesion_a, other.lesion_b) == lesions), None)

    def look_at(self, d: Disagreement) -> int:
        """The position to begin from: in the middle, where there is something to see."""
        if d.attribute and d.lesion_a is not None:
            first, last = self._settling.a.lesion(d.lesion_a).stretches[0]
            return (first + last) // 2
        return (d.first + d.last) // 2

    def around(self, d: Disagreement, seconds: float) -> tuple[int, int]:
        """Its range, with so much before and after."""
        axis = self._axis
        first = axis.at(max(0.0, float(axis.times_s[d.first]) - seconds))
        return first, min(axis.at(float(axis.times_s[d.last]) + seconds), len(axis) - 1)
