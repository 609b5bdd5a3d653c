"""Truth and answers of many frames as flat columns, for recordings of an hour: sequences that make a frame when asked.

`Recording` takes them where lists of `Truth` and `Answer` would do. Scoring reads the columns as they are, so that a
recording of 108,000 frames, most of them with nothing in them, is scored in milliseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar, overload

import numpy as np
import numpy.typing as npt

from detector.geometry import Boxes
from detector.scoring.recording import Answer, Answered, Scores, Truth

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
STATUSES: tuple[Answered, ...] = ("ok", "skipped", "failed")
OK, SKIPPED, FAILED = range(3)
"""Index into `STATUSES`."""

Item = TypeVar("Item")


class _Columns(Sequence[Item], Generic[Item]):
    """A sequence whose items are made when they are asked for."""

    __slots__ = ()

    def _item(self, index: int) -> Item:
        raise NotImplementedError

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> list[Item]: ...
    def __getitem__(self, index: int | slice) -> Item | list[Item]:
        if isinstance(index, slice):
            return [self._item(k) for k in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        return self._item(index % len(self))


@dataclass(frozen=True, eq=False)
class TruthColumns(_Columns[Truth]):
    """What is known of T frames.

    Attributes:
        reviewed: bool (T,).
        starts: int64 (T + 1,): frame `k` has the lesion boxes ``starts[k]`` to ``starts[k + 1]``.
        boxes: float32 (K, 4) of lesions.
        lesion: int64 (K,): index into `names`.
        names: lesion ids, unique in the recording.
        ignored_starts: int64 (T + 1,), as `starts`.
        ignored: float32 (M, 4): ignored regions.
    """

    reviewed: Flags
    starts: Ints
    boxes: Boxes
    lesion: Ints
    names: tuple[str, ...]
    ignored_starts: Ints
    ignored: Boxes

    def __post_init__(self) -> None:
        count = len(self.reviewed)
        if len(self.starts) != count + 1 or len(self.ignored_starts) != count + 1:
            raise ValueError("the columns of a truth must be of one length")
        if self.starts[-1] != len(self.boxes) or self.ignored_starts[-1] != len(self.ignored):
            raise ValueError("the columns of a truth end elsewhere than their boxes")
        if len(self.lesion) != len(self.boxes):
            raise ValueError(f"{len(self.boxes)} boxes, but {len(self.lesion)} lesions")

    def __len__(self) -> int:
        return len(self.reviewed)

    def _item(self, index: int) -> Truth:
        rows = slice(int(self.starts[index]), int(self.starts[index + 1]))
        ignored = self.ignored[self.ignored_starts[index] : self.ignored_starts[index + 1]]
        names = tuple(self.names[k] for k in self.lesion[rows].tolist())
        return Truth(bool(self.reviewed[index]), self.boxes[rows], names, ignored)


@dataclass(frozen=True, eq=False)
class AnswerColumns(_Columns[Answer]):
    """What was answered for T frames.

    Attributes:
        starts: int64 (T + 1,): frame `k` has the boxes ``starts[k]`` to ``starts[k + 1]``.
        boxes: float32 (K, 4).
        scores: float32 (K,), within a frame best first for raw detections.
        markers: int64 (K,): ids of displayed markers; None for raw detections.
        status: uint8 (T,): index into `STATUSES`.
    """

    starts: Ints
    boxes: Boxes
    scores: Scores
    markers: Ints | None
    status: npt.NDArray[np.uint8]

    def __post_init__(self) -> None:
        if len(self.starts) != len(self.status) + 1 or self.starts[-1] != len(self.boxes):
            raise ValueError("the columns of an answer must be of one length")
        if len(self.scores) != len(self.boxes):
            raise ValueError("an answer has another number of scores than of boxes")
        if self.markers is not None and len(self.markers) != len(self.boxes):
            raise ValueError(f"{len(self.boxes)} boxes, but {len(self.markers)} marker ids")

    def __len__(self) -> int:
        return len(self.status)

    def _item(self, index: int) -> Answer:
        rows = slice(int(self.starts[index]), int(self.starts[index + 1]))
        markers = () if self.markers is None else tuple(self.markers[rows].tolist())
        return Answer(self.boxes[rows], self.scores[rows], markers, STATUSES[self.status[index]])

    @classmethod
    def of(cls, answers: Sequence[Answer]) -> AnswerColumns:
        """Lay answers out flat; columns stay as they are.

        Raises:
            ValueError: an answer has another number of scores than of boxes.
        """
        if isinstance(answers, AnswerColumns):
            return answers
        for k, answer in enumerate(answers):
            if len(answer.scores) != len(answer.boxes):
                raise ValueError(f"frame {k}: an answer has another number of scores than of boxes")
        full = [a for a in answers if len(a.boxes)]
        ids = [m for a in full for m in a.markers] if all(len(a.markers) == len(a.boxes) for a in full) else []
        return cls(
            starts=starts_of(np.fromiter((len(a.boxes) for a in answers), np.int64, len(answers))),
            boxes=np.concatenate([np.zeros((0, 4), np.float32), *(a.boxes for a in full)]).astype(np.float32),
            scores=np.concatenate([np.zeros(0, np.float32), *(a.scores for a in full)]).astype(np.float32),
            markers=np.array(ids, np.int64) if ids else None,
            status=np.fromiter((STATUSES.index(a.status) for a in answers), np.uint8, len(answers)),
        )


def starts_of(counts: Ints) -> Ints:
    """(T + 1,) where the boxes of each frame begin, from how many each has."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)])


def frames_of(starts: Ints) -> Ints:
    """(K,) the frame of each box."""
    return np.repeat(np.arange(len(starts) - 1, dtype=np.int64), np.diff(starts))
