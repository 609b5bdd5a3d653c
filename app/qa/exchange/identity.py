"""Which lesion a foreign box is of: by its id, by the box that was exported there, or by its overlap over time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from app.qa.exchange.model import BoxTuple, ForeignMark
from detector.annotation import Annotation
from detector.geometry import as_boxes, iou_matrix

_SAME_LESION_IOU = 0.3
_LONGEST_GAP = 25  # frames over which boxes without an identity are joined
Named = dict[int, list[tuple[str, ForeignMark]]]
"""Marks by frame, each with its lesion's name; each name once a frame."""


def named_marks(marks: Iterable[ForeignMark], before: Annotation | None, notes: list[str]) -> Named:
    """Marks with names of lesions; where the format has none, found again or joined by overlap.

    Args:
        marks: of one video, in any order.
        before: the labels as they were exported; None for a foreign tool's own file.
        notes: what was assumed is added.
    """
    by_frame: dict[int, list[ForeignMark]] = {}
    for mark in marks:
        by_frame.setdefault(mark.frame, []).append(mark)
    frames: Named = {}
    joiner = _Joiner(before)
    doubled = 0
    for index in sorted(by_frame):
        given = by_frame[index]
        named = [(m.lesion, m) for m in given if m.lesion]
        named += joiner.names(index, [m for m in given if not m.lesion])
        kept: dict[str, ForeignMark] = {}
        for name, mark in named:
            doubled += name in kept
            kept.setdefault(name, mark)
        frames[index] = list(kept.items())
    if doubled:
        notes.append(f"{doubled} boxes were a second one of their lesion in one frame; the first was taken")
    if joiner.joined:
        what = "boxes without a lesion's id were joined to lesions by their overlap from frame to frame"
        notes.append(f"{joiner.joined} {what} ({joiner.made} lesions); look whether they are the same ones")
    return frames


class _Joiner:
    """Gives boxes without an identity one: that of the box that was exported there, else of a box just before."""

    def __init__(self, before: Annotation | None) -> None:
        self._before = before
        self._last: dict[str, tuple[int, BoxTuple]] = {}
        self.joined = self.made = 0

    def names(self, index: int, marks: list[ForeignMark]) -> list[tuple[str, ForeignMark]]:
        known: dict[str, BoxTuple] = {}
        if self._before is not None:
            known = {str(m.lesion): m.box for m in self._before.marks(index)}
        found = self._matched(marks, known)
        rest = [k for k in range(len(marks)) if k not in found]
        near = {n: box for n, (at, box) in self._last.items() if index - at <= _LONGEST_GAP}
        near = {n: box for n, box in near.items() if n not in found.values()}
        linked = self._matched([marks[k] for k in rest], near)
        for place, k in enumerate(rest):
            if place in linked:
                found[k] = linked[place]
            else:
                self.made += 1
                found[k] = f"new-{self.made}"
        self.joined += len(rest)
        for k, mark in enumerate(marks):
            self._last[found[k]] = (index, mark.box)
        return [(found[k], mark) for k, mark in enumerate(marks)]

    @staticmethod
    def _matched(marks: list[ForeignMark], known: Mapping[str, BoxTuple]) -> dict[int, str]:
        """Place of a mark to the name of the known box that it overlaps most; each name once."""
        if not marks or not known:
            return {}
        names = list(known)
        ious = iou_matrix(as_boxes([m.box for m in marks]), as_boxes([known[n] for n in names]))
        found: dict[int, str] = {}
        for flat in np.argsort(-ious, axis=None, kind="stable").tolist():
            k, n = divmod(flat, len(names))
            if ious[k, n] < _SAME_LESION_IOU:
                break
            if k not in found and names[n] not in found.values():
                found[k] = names[n]
        return found


def lesion_numbers(names: list[str], before: Annotation | None) -> dict[str, int]:
    """A lesion's number for each name: itself where it is one, else the next free one."""
    ids = {name: int(name) for name in names if name.isdecimal() and str(int(name)) == name and int(name) >= 1}
    taken = set(ids.values()) | {x.id for x in before.lesions} if before is not None else set(ids.values())
    following = max(taken, default=0)
    for name in names:
        if name not in ids:
            following += 1
            ids[name] = following
    return ids
