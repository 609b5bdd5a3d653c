"""What a reader can do: one frozen type per kind of operation, as it stands in the log.

An operation says everything that follows from it (the id of a new lesion, every box of a propagation), so that the log
alone gives the document, whatever a later version would have made of the same click.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter

from app.qa.review.sorted_map import SortedMap
from app.qa.review.steps import runs
from app.qa.review.tracks import CLEAR, State, Track
from detector.annotation import BoxPx, Histology, Lst, Paris, Site

Position = Annotated[int, Field(ge=0)]
LesionId = Annotated[int, Field(ge=1)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
StateRun = tuple[Position, Position, State]
"""First and last position, both included, and the state there."""
Key = tuple[Position, BoxPx]
"""A box at a position."""


class _Part(BaseModel):
    """Frozen; keeps fields that this version does not know."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True, allow_inf_nan=False)


class Attributes(_Part):
    """What is known of a lesion.

    Attributes:
        size_mm: largest diameter; None if nobody said.
        paris: shape class, as in labels; None likewise.
        site: where it lies; None likewise.
        histology: None likewise.
        lst: which kind of laterally spreading tumour; None if it is none, or nobody said.
        note: free.
    """

    size_mm: float | None = Field(default=None, gt=0, le=300)
    paris: Paris | None = None
    site: Site | None = None
    histology: Histology | None = None
    lst: Lst | None = None
    note: str = Field(default="", max_length=10_000)


class Piece(_Part):
    """A lesion over a range of positions: what an operation that makes many boxes says of it.

    Attributes:
        keys: boxes, ascending; the lesion is there from the first to the last.
        states: where it is not ``clear``.
    """

    keys: tuple[Key, ...] = Field(min_length=1)
    states: tuple[StateRun, ...] = ()

    def track(self) -> Track:
        """The same as a track."""
        track = Track(SortedMap(self.keys))
        for first, last, state in self.states:
            track = track.with_state(first, last, state)
        return track

    @classmethod
    def of(cls, track: Track) -> Piece:
        """A track as it stands in the log.

        Raises:
            ValidationError: it has no box.
        """
        first, last = track.keys.first, track.keys.last
        span = (first[0], last[0]) if first and last else (0, -1)
        states = tuple(run for run in runs(track.states, *span, CLEAR) if run[2] != CLEAR)
        return cls(keys=tuple(track.keys.items()), states=states)


class Imported(_Part):
    """A lesion with all its boxes, as labels that exist already or another tool say it."""

    lesion: LesionId
    attributes: Attributes
    piece: Piece | None = None


class ReadRange(_Part):
    """Positions that somebody looked at for every lesion."""

    first: Position
    last: Position
    reviewer: Name


# -- edits ------------------------------------------------------------------------------------------------------------


class Draw(_Part):
    """A box is drawn.

    Attributes:
        new: the lesion begins here.
        states: where its state changes with it, such as the time that it was away before it is seen again.
    """

    kind: Literal["draw"] = "draw"
    lesion: LesionId
    position: Position
    box: BoxPx
    new: bool = False
    states: tuple[StateRun, ...] = ()


class Move(_Part):
    """The box of a lesion at a position is moved or resized: the position becomes a key frame."""

    kind: Literal["move"] = "move"
    lesion: LesionId
    position: Position
    box: BoxPx
    states: tuple[StateRun, ...] = ()


class Unkey(_Part):
    """A key frame becomes an ordinary one: the line between its neighbours counts there."""

    kind: Literal["unkey"] = "unkey"
    lesion: LesionId
    position: Position


class Erase(_Part):
    """The box of one frame is taken away; no other frame changes. A lesion without boxes is gone."""

    kind: Literal["erase"] = "erase"
    lesion: LesionId
    position: Position


class EraseLesion(_Part):
    """A lesion is taken away altogether; its number is not used again."""

    kind: Literal["erase_lesion"] = "erase_lesion"
    lesion: LesionId


class SetState(_Part):
    """How a lesion is to be seen over a range."""

    kind: Literal["state"] = "state"
    lesion: LesionId
    first: Position
    last: Position
    state: State


class Describe(_Part):
    """What is known of a lesion, all of it: a later one takes the place of the earlier one."""

    kind: Literal["describe"] = "describe"
    lesion: LesionId
    attributes: Attributes


class Merge(_Part):
    """Two lesions were one: `b` is gone, its boxes are `a`'s, and where both had one `a`'s counts."""

    kind: Literal["merge"] = "merge"
    a: LesionId
    b: LesionId


class Split(_Part):
    """One lesion was two: from `position` on it is `new`."""

    kind: Literal["split"] = "split"
    lesion: LesionId
    position: Position
    new: LesionId


class Review(_Part):
    """A range was looked at for every lesion."""

    kind: Literal["review"] = "review"
    first: Position
    last: Position
    reviewer: Name


class Unreview(_Part):
    """A range counts as not looked at, by nobody."""

    kind: Literal["unreview"] = "unreview"
    first: Position
    last: Position


class Answered(_Part):
    """An answer to a clip of the worklist or of the miss audit; of several for one clip the last counts."""

    kind: Literal["answer"] = "answer"
    answer: dict[str, JsonValue]


class Propagate(_Part):
    """Boxes were carried on from a position by tracking; all of them are one step.

    Attributes:
        lesion: whose.
        position: where it began.
        last: the farthest position that got a box; before `position` if it ran backwards.
        piece: the boxes, with the one that it began from.
        reason: why it stopped.
    """

    kind: Literal["propagate"] = "propagate"
    lesion: LesionId
    position: Position
    last: Position
    piece: Piece
    reason: str = ""


class Import(_Part):
    """Labels that exist already are taken over, in place of what was there of these lesions.

    Attributes:
        file: name of the file, without folders.
        sha256: of its bytes.
        form: which format.
        lesions: with all their boxes.
        reviewed: what was looked at, and by whom.
        notes: what was assumed or clipped, in words.
    """

    kind: Literal["import"] = "import"
    file: str
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    form: str
    lesions: tuple[Imported, ...]
    reviewed: tuple[ReadRange, ...] = ()
    notes: tuple[str, ...] = ()


class Decide(_Part):
    """A disagreement of two readers is settled.

    Attributes:
        about: name of the disagreement.
        take: whose view counts: reader ``a``, reader ``b``, ``neither`` (no lesion there), ``own``: a new box.
        lesions: with all the boxes that they have from now on in `first` to `last`; what they have elsewhere stays.
        erased: lesions that have none there.
        first: of the range that is settled.
        last: likewise.
        reviewed: what counts as looked at from now on.
    """

    kind: Literal["decide"] = "decide"
    about: Name
    take: Literal["a", "b", "neither", "own"]
    first: Position
    last: Position
    lesions: tuple[Imported, ...] = ()
    erased: tuple[LesionId, ...] = ()
    reviewed: tuple[ReadRange, ...] = ()


# -- what is no edit --------------------------------------------------------------------------------------------------


class Undo(_Part):
    """An edit is taken back; it stays in the log. `of` is its number."""

    kind: Literal["undo"] = "undo"
    of: int = Field(ge=1)


class Redo(_Part):
    """An edit that was taken back holds again."""

    kind: Literal["redo"] = "redo"
    of: int = Field(ge=1)


class Commit(_Part):
    """The reader stands by what was said so far; a blinded reader sees from here on what was hidden."""

    kind: Literal["commit"] = "commit"


class Published(_Part):
    """Labels were written. `files`: by name, SHA-256 of what was written."""

    kind: Literal["publish"] = "publish"
    files: dict[str, str]


class Recovered(_Part):
    """A last line that a crash had torn was cut off; nobody had been told that it was kept."""

    kind: Literal["recovered"] = "recovered"
    bytes: int


Edit: TypeAlias = (
    Draw
    | Move
    | Unkey
    | Erase
    | EraseLesion
    | SetState
    | Describe
    | Merge
    | Split
    | Review
    | Unreview
    | Answered
    | Propagate
    | Import
    | Decide
)
"""What changes the document, and what undo takes back."""
Operation: TypeAlias = Edit | Undo | Redo | Commit | Published | Recovered

_ANY: TypeAdapter[Operation] = TypeAdapter(Annotated[Operation, Field(discriminator="kind")])
KINDS: Final = frozenset(str(t.model_fields["kind"].default) for t in Operation.__args__)
EDITS: Final = Edit.__args__


def decode(text: str | bytes) -> Operation:
    """An operation from its JSON.

    Raises:
        ValidationError: a field is missing or wrong, or the kind is not known.
    """
    return _ANY.validate_json(text)


def encode(operation: Operation) -> dict[str, Any]:
    """An operation as JSON-ready fields."""
    return operation.model_dump(mode="json", exclude_defaults=False)
