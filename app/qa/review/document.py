"""What a reader has said of a procedure so far: lesions with their boxes, what was looked at, answers. Immutable.

Positions count the pictures of the whole procedure (`app.qa.axis`). An edit gives another document that shares all but
what it changed, so that undo is a step back to the one before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from app.qa.review.operations import Attributes
from app.qa.review.sorted_map import SortedMap
from app.qa.review.steps import runs, value_at, with_range
from app.qa.review.tracks import HIDDEN, Box, Range, State, Track
from app.qa.worklist.answers import Answer
from detector.errors import UsageError

if TYPE_CHECKING:
    from app.qa.opened import Opened
    from detector.annotation import Annotation

_NOBODY: tuple[str, ...] = ()


class DocMark(NamedTuple):
    """A lesion in one frame.

    Attributes:
        lesion: its number.
        box: x1, y1, x2, y2 in frame pixels, half-open.
        state: ``clear``, ``marginal`` or ``occluded``.
        is_key: whether the box was set in this very frame, and not drawn between two that were.
    """

    lesion: int
    box: Box
    state: State
    is_key: bool


@dataclass(frozen=True, slots=True)
class Lesion:
    """One lesion: the same wherever and whenever it is seen.

    Attributes:
        id: from 1; never used again.
        attributes: size, Paris class, site, histology, note.
        track: its boxes over time.
    """

    id: int
    attributes: Attributes = field(default_factory=Attributes)
    track: Track = field(default_factory=Track)

    @property
    def stretches(self) -> tuple[Range, ...]:
        """Where it is in the picture: first and last positions, in order."""
        return self.track.stretches()

    def mark_at(self, position: int) -> DocMark | None:
        """It in a frame; None where it is not in the picture."""
        box = self.track.visible_at(position)
        if box is None:
            return None
        return DocMark(self.id, box, self.track.state_at(position), position in self.track.keys)


@dataclass(frozen=True, slots=True)
class Document:
    """What was said of a procedure.

    Attributes:
        length: how many positions the procedure has.
        decisions: of an adjudication: names of the disagreements that were settled.
    """

    length: int
    _lesions: SortedMap[Lesion] = field(default_factory=SortedMap)
    _reviewed: SortedMap[tuple[str, ...]] = field(default_factory=SortedMap)
    _answers: SortedMap[Answer] = field(default_factory=SortedMap)
    decisions: tuple[str, ...] = ()

    # -- looking ------------------------------------------------------------------------------------------------------

    @property
    def lesions(self) -> tuple[Lesion, ...]:
        """All lesions by number; each has at least one box."""
        return tuple(lesion for _, lesion in self._lesions.items())

    def lesion(self, lesion: int) -> Lesion:
        """One lesion.

        Raises:
            UsageError: there is none of that number.
        """
        found = self._lesions.get(lesion)
        if found is None:
            raise UsageError(f"There is no lesion {lesion} here.", "Was it merged or erased meanwhile?")
        return found

    def has(self, lesion: int) -> bool:
        """Whether there is a lesion of that number."""
        return lesion in self._lesions

    def marks_at(self, position: int) -> tuple[DocMark, ...]:
        """The lesions in a frame, by number; those out of view are left out."""
        marks = (lesion.mark_at(position) for _, lesion in self._lesions.items())
        return tuple(mark for mark in marks if mark is not None)

    def key_positions(self, lesion: int) -> tuple[int, ...]:
        """Where boxes of a lesion were set and are in the picture.

        Raises:
            UsageError: there is no such lesion.
        """
        track = self.lesion(lesion).track
        return tuple(position for position in track.keys if track.state_at(position) != HIDDEN)

    def state_at(self, lesion: int, position: int) -> State:
        """The state of a lesion in a frame: ``out_of_view`` also before its first box and behind its last.

        Raises:
            UsageError: there is no such lesion.
        """
        track = self.lesion(lesion).track
        return HIDDEN if track.visible_at(position) is None else track.state_at(position)

    def state_runs(self, lesion: int) -> tuple[tuple[int, int, State], ...]:
        """First and last position and state, from a lesion's first box to its last.

        Raises:
            UsageError: there is no such lesion.
        """
        track = self.lesion(lesion).track
        first, last = track.keys.first, track.keys.last
        return tuple(runs(track.states, first[0], last[0], "clear")) if first and last else ()

    @property
    def reviewed(self) -> tuple[Range, ...]:
        """What somebody looked at: maximal ranges in order, first and last position included."""
        found: list[Range] = []
        for first, last, names in self.reviewed_by():
            if names and found and found[-1][1] == first - 1:
                found[-1] = (found[-1][0], last)
            elif names:
                found.append((first, last))
        return tuple(found)

    def reviewed_by(self) -> Iterator[tuple[int, int, tuple[str, ...]]]:
        """Ranges that tile the procedure, each with the names of those who looked at it."""
        return runs(self._reviewed, 0, self.length - 1, _NOBODY)

    def is_reviewed(self, position: int) -> bool:
        """Whether somebody looked at a frame."""
        return bool(value_at(self._reviewed, position, _NOBODY))

    def is_empty(self) -> bool:
        """Whether nothing was said at all."""
        return not (len(self._lesions) or len(self._answers) or self.reviewed)

    @property
    def answers(self) -> tuple[Answer, ...]:
        """Answers to clips in the order of answering; of several for one clip the last."""
        last = {answer.clip: answer for _, answer in self._answers.items()}
        return tuple(last.values())

    def annotation(self, opened: Opened, segment: int) -> Annotation:
        """The labels of one video file, as training and scoring read them.

        Args:
            opened: the procedure.
            segment: number of the file, from 1.

        Raises:
            UsageError: a box lies outside of the picture, or there is no such segment.
            SourceError: the file cannot be read (its hash belongs into the labels).
        """
        from app.qa.review.labels import annotation_of  # it reads files, which a document does not

        return annotation_of(self, opened, segment)

    # -- what edits are made of ---------------------------------------------------------------------------------------

    def with_lesion(self, lesion: Lesion) -> Document:
        """With a lesion in place of the one of its number; one that is never in the picture is gone."""
        if not lesion.stretches:
            return self.without_lesion(lesion.id)
        return replace(self, _lesions=self._lesions.with_item(lesion.id, lesion))

    def without_lesion(self, lesion: int) -> Document:
        """Without a lesion."""
        return replace(self, _lesions=self._lesions.without(lesion))

    def with_reviewer(self, first: int, last: int, reviewer: str) -> Document:
        """With a range that a reader looked at, beside those who did before."""
        steps = self._reviewed
        for begin, end, names in list(runs(steps, first, last, _NOBODY)):
            steps = with_range(steps, begin, end, tuple(sorted({*names, reviewer})), _NOBODY)
        return replace(self, _reviewed=steps)

    def without_review(self, first: int, last: int) -> Document:
        """With a range that counts as looked at by nobody."""
        return replace(self, _reviewed=with_range(self._reviewed, first, last, _NOBODY, _NOBODY))

    def with_answer(self, answer: Answer) -> Document:
        """With one more answer."""
        last = self._answers.last
        return replace(self, _answers=self._answers.with_item(last[0] + 1 if last else 0, answer))

    def with_decision(self, name: str) -> Document:
        """With a disagreement that is settled."""
        return replace(self, decisions=tuple(dict.fromkeys((*self.decisions, name))))
