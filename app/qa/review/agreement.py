"""Where two readers differ, and how far they agree. The figures are those of `detector.scoring` (docs/scoring.md).

Only frames that both looked at count: what one of them never saw is no disagreement.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from app.qa.review.document import Document, Lesion
from app.qa.review.steps import runs
from app.qa.review.tracks import CLEAR, HIDDEN, Range
from detector.geometry import Boxes, as_boxes
from detector.scoring import BoxAgreement, FrameAgreement, Truth, box_agreement, frame_agreement

SAME_IOU: Final = 0.1
"""From which overlap two boxes can be of one lesion."""
AGREED_IOU: Final = 0.5
"""From which overlap two boxes say the same."""
_SIZE_SHARE, _SIZE_MM = 0.25, 1.0

Kind = Literal["only_a", "only_b", "box", "attribute"]
Positions = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One thing on which two readers differ, over neighbouring frames.

    Attributes:
        kind: ``only_a``, ``only_b``: one boxes a lesion as clear where the other has nothing; ``box``: both have it,
            and the boxes overlap by less than a half; ``attribute``: of a lesion that both have.
        first: first position.
        last: last position, included.
        lesion_a: the first reader's number; None if they do not have it.
        lesion_b: the second's.
        attribute: which one; empty for the other kinds.
        iou: the lowest overlap; None for other kinds than ``box``.
    """

    kind: Kind
    first: int
    last: int
    lesion_a: int | None
    lesion_b: int | None
    attribute: str = ""
    iou: float | None = None

    @property
    def name(self) -> str:
        """The same whenever the same two reviews are compared."""
        return f"{self.kind}:{self.attribute}:{self.lesion_a or '-'}:{self.lesion_b or '-'}:{self.first}-{self.last}"

    def words(self) -> str:
        """One line for a list."""
        who = {"only_a": "only the first has", "only_b": "only the second has", "box": "boxes lie apart on"}
        what = who.get(self.kind, f"{self.attribute} differs of")
        names = " and ".join(str(n) for n in (self.lesion_a, self.lesion_b) if n is not None)
        overlap = f" (IoU down to {self.iou:.2f})" if self.iou is not None else ""
        return f"frames {self.first} to {self.last}: {what} lesion {names}{overlap}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two readers beside each other.

    Attributes:
        both: ranges that both looked at.
        pairs: lesions that are the same, by the first reader's number and the second's.
        disagreements: longest first.
    """

    both: tuple[Range, ...]
    pairs: tuple[tuple[int, int], ...]
    disagreements: tuple[Disagreement, ...]


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far two readers agree: F1 between boxes (IoU .5), Cohen's kappa between frames."""

    boxes: BoxAgreement
    frames: FrameAgreement


def agreement(a: Document, b: Document) -> Agreement:
    """How far two readers of one procedure agree, over the frames that both looked at.

    Raises:
        ValueError: they are not of one procedure.
    """
    positions = _positions(both_reviewed(a, b))
    one, other = truths(a, positions), truths(b, positions)
    return Agreement(box_agreement(one, other), frame_agreement(one, other))


def compare(a: Document, b: Document) -> Comparison:
    """Where two readers of one procedure differ.

    Raises:
        ValueError: they are not of one procedure.
    """
    both = both_reviewed(a, b)
    positions = _positions(both)
    seen_a = {x.id: _Seen.of(x, positions) for x in a.lesions}
    seen_b = {x.id: _Seen.of(x, positions) for x in b.lesions}
    pairs = _pairs(seen_a, seen_b)
    found: list[Disagreement] = []
    for one, other in pairs:
        found += _between(seen_a[one], seen_b[other], one, other, positions)
        found += _attributes(a.lesion(one), b.lesion(other))
    paired_a, paired_b = {one for one, _ in pairs}, {other for _, other in pairs}
    for lesion, seen in seen_a.items():
        if lesion not in paired_a:
            found += [Disagreement("only_a", x, y, lesion, None) for x, y in _ranges(positions[seen.clear])]
    for lesion, seen in seen_b.items():
        if lesion not in paired_b:
            found += [Disagreement("only_b", x, y, None, lesion) for x, y in _ranges(positions[seen.clear])]
    found.sort(key=lambda d: (d.kind == "attribute", d.first - d.last, d.first))
    return Comparison(both, pairs, tuple(found))


def both_reviewed(a: Document, b: Document) -> tuple[Range, ...]:
    """Ranges that both looked at.

    Raises:
        ValueError: they are not of one procedure.
    """
    if a.length != b.length:
        raise ValueError(f"one review is of {a.length} frames, the other of {b.length}")
    found = []
    for first, last in a.reviewed:
        found += [(max(first, x), min(last, y)) for x, y in b.reviewed if x <= last and y >= first]
    return tuple(found)


def truths(document: Document, positions: Sequence[int] | Positions) -> list[Truth]:
    """What a reader says of frames, as scoring takes it; ``marginal`` and ``occluded`` are ignored regions."""
    at = np.asarray(positions, np.int64)
    boxes: dict[int, list[list[float]]] = {}
    names: dict[int, list[str]] = {}
    ignored: dict[int, list[list[float]]] = {}
    for lesion in document.lesions:
        seen = _Seen.of(lesion, at)
        for place in np.flatnonzero(seen.there).tolist():
            box = seen.boxes[place].tolist()
            if seen.clear[place]:
                boxes.setdefault(place, []).append(box)
                names.setdefault(place, []).append(str(lesion.id))
            else:
                ignored.setdefault(place, []).append(box)
    none = as_boxes([])
    return [
        Truth(
            document.is_reviewed(position),
            as_boxes(boxes[place]) if place in boxes else none,
            tuple(names.get(place, ())),
            as_boxes(ignored[place]) if place in ignored else none,
        )
        for place, position in enumerate(at.tolist())
    ]


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """One lesion at some positions (P): whether it is there, whether it is clear, and its boxes (P, 4)."""

    there: npt.NDArray[np.bool_]
    clear: npt.NDArray[np.bool_]
    boxes: Boxes

    @classmethod
    def of(cls, lesion: Lesion, positions: Positions) -> _Seen:
        there = np.zeros(len(positions), bool)
        clear = np.zeros(len(positions), bool)
        boxes = np.zeros((len(positions), 4), np.float32)
        stretches = lesion.stretches
        if len(positions) and stretches:
            for first, last, state in runs(lesion.track.states, stretches[0][0], stretches[-1][1], CLEAR):
                if state != HIDDEN:
                    within = slice(*np.searchsorted(positions, [first, last + 1]).tolist())
                    there[within], clear[within] = True, state == CLEAR
            boxes[there] = lesion.track.boxes(positions[there])
        return cls(there, clear, boxes)


def _pairs(a: dict[int, _Seen], b: dict[int, _Seen]) -> tuple[tuple[int, int], ...]:
    """Which lesions are the same: as many common frames as possible in all."""
    from scipy.optimize import linear_sum_assignment

    ids_a, ids_b = sorted(a), sorted(b)
    if not ids_a or not ids_b:
        return ()
    common = np.array([[int((_ious(a[x], b[y]) >= SAME_IOU).sum()) for y in ids_b] for x in ids_a])
    rows, columns = linear_sum_assignment(common, maximize=True)
    return tuple((ids_a[i], ids_b[j]) for i, j in zip(rows, columns, strict=True) if common[i, j])


def _ious(a: _Seen, b: _Seen) -> npt.NDArray[np.float64]:
    """Overlap position by position; 0 where one of them is not there."""
    x, y = a.boxes.astype(np.float64), b.boxes.astype(np.float64)
    sides = np.clip(np.minimum(x[:, 2:], y[:, 2:]) - np.maximum(x[:, :2], y[:, :2]), 0, None)
    overlap = sides.prod(axis=1)
    union = (x[:, 2:] - x[:, :2]).prod(axis=1) + (y[:, 2:] - y[:, :2]).prod(axis=1) - overlap
    ious = np.divide(overlap, union, out=np.zeros_like(overlap), where=union > 0)
    return np.where(a.there & b.there, ious, 0.0)


def _between(a: _Seen, b: _Seen, one: int, other: int, positions: Positions) -> Iterator[Disagreement]:
    ious = _ious(a, b)
    for first, last in _ranges(positions[a.clear & ~b.there]):
        yield Disagreement("only_a", first, last, one, other)
    for first, last in _ranges(positions[b.clear & ~a.there]):
        yield Disagreement("only_b", first, last, one, other)
    apart = a.there & b.there & (a.clear | b.clear) & (ious < AGREED_IOU)
    for first, last in _ranges(positions[apart]):
        within = slice(*np.searchsorted(positions, [first, last + 1]).tolist())
        yield Disagreement("box", first, last, one, other, iou=float(ious[within].min()))


def _attributes(a: Lesion, b: Lesion) -> Iterator[Disagreement]:
    first = min(a.stretches[0][0], b.stretches[0][0])
    last = max(a.stretches[-1][1], b.stretches[-1][1])
    for name in ("paris", "lst", "site", "histology"):
        x, y = getattr(a.attributes, name), getattr(b.attributes, name)
        if x is not None and y is not None and x != y:
            yield Disagreement("attribute", first, last, a.id, b.id, name)
    x, y = a.attributes.size_mm, b.attributes.size_mm
    if x is not None and y is not None and abs(x - y) > max(_SIZE_MM, _SIZE_SHARE * min(x, y)):
        yield Disagreement("attribute", first, last, a.id, b.id, "size_mm")


def _positions(ranges: Iterable[Range]) -> Positions:
    parts = [np.arange(first, last + 1) for first, last in ranges]
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)


def _ranges(positions: Positions) -> list[Range]:
    """Runs of neighbouring positions."""
    if not len(positions):
        return []
    breaks = np.flatnonzero(np.diff(positions) > 1)
    starts, ends = positions[np.r_[0, breaks + 1]], positions[np.r_[breaks, len(positions) - 1]]
    return list(zip(starts.tolist(), ends.tolist(), strict=True))
